//! AVX2: what the kernels of `vectors` are made of, and `VMULR`.

use std::arch::x86_64::{
    __m256, __m256i, _CMP_GT_OQ, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _mm_cvtsi32_si128, _mm_loadl_epi64,
    _mm256_add_epi32, _mm256_add_epi64, _mm256_add_ps, _mm256_adds_epi16, _mm256_and_ps, _mm256_and_si256,
    _mm256_blend_epi32, _mm256_blendv_epi8, _mm256_castsi256_ps, _mm256_castsi256_si128, _mm256_cmp_ps,
    _mm256_cmpgt_epi64, _mm256_cvtepi8_epi16, _mm256_cvtepi8_epi32, _mm256_cvtepi32_ps, _mm256_cvtps_epi32,
    _mm256_extracti128_si256, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_max_epi8, _mm256_max_ps,
    _mm256_min_epi8, _mm256_min_ps, _mm256_movemask_ps, _mm256_mul_epi32, _mm256_mul_ps, _mm256_packs_epi16,
    _mm256_packs_epi32, _mm256_permutevar8x32_epi32, _mm256_round_ps, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_set1_epi32, _mm256_set1_epi64x, _mm256_set1_ps, _mm256_setr_epi32, _mm256_setzero_ps, _mm256_setzero_si256,
    _mm256_slli_epi64, _mm256_srl_epi64, _mm256_srli_epi64, _mm256_storeu_si256, _mm256_sub_epi32, _mm256_sub_epi64,
    _mm256_sub_ps, _mm256_unpackhi_epi8, _mm256_unpacklo_epi8, _mm256_xor_si256,
};
use std::ops::Range;

use isa::form;

use super::bytes::{Block, Clamp, Sum, live};
use super::place::{Affine, Chip, walk};
use super::space::{Lanes, Row};
use super::vectors::{MOST, kernels, load};

/// Rounding, zero point and bounds of a result.
struct Finish {
    most: __m256,
    zp: __m256i,
    bounds: [__m256i; 2],
    keep: __m256i,
    certain: __m256,
}

impl Finish {
    #[target_feature(enable = "avx2")]
    fn new(clamp: Clamp, certain: f32, n: usize) -> Finish {
        let keep = live(n);
        Finish {
            most: _mm256_set1_ps(MOST),
            zp: _mm256_set1_epi16(clamp.zp.into()),
            bounds: [_mm256_set1_epi8(clamp.lo), _mm256_set1_epi8(clamp.hi)],
            // SAFETY: 32 bytes.
            keep: unsafe { load(keep.as_ptr()) },
            certain: _mm256_set1_ps(certain),
        }
    }

    /// A row of bytes from values before the zero point, and which lanes are so near to a tie that they may be wrong.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn row(&self, values: [__m256; 4]) -> (__m256i, u32) {
        const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        let magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(i32::MAX));
        let (mut off, mut most) = ([_mm256_setzero_ps(); 4], _mm256_setzero_ps());
        let mut wholes = [_mm256_setzero_si256(); 4];
        for part in 0..4 {
            // What is too small for 32 bits becomes the smallest; what is too large would, too.
            let x = _mm256_min_ps(values[part], self.most);
            let whole = _mm256_round_ps::<NEAREST>(x);
            off[part] = _mm256_and_ps(_mm256_sub_ps(x, whole), magnitude);
            most = _mm256_max_ps(most, off[part]);
            wholes[part] = _mm256_cvtps_epi32(whole);
        }
        let beyond = |off: __m256| _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(off, self.certain)).cast_unsigned();
        let mut near = 0;
        if beyond(most) != 0 {
            for (part, off) in off.iter().enumerate() {
                near |= beyond(*off) << (8 * part);
            }
        }
        let one = _mm256_adds_epi16(_mm256_packs_epi32(wholes[0], wholes[1]), self.zp);
        let other = _mm256_adds_epi16(_mm256_packs_epi32(wholes[2], wholes[3]), self.zp);
        let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        let row = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(one, other), order);
        let row = _mm256_min_epi8(_mm256_max_epi8(row, self.bounds[0]), self.bounds[1]);
        (_mm256_and_si256(row, self.keep), near)
    }
}

/// Bias and factor of each lane.
struct Scale {
    bias: [__m256i; 4],
    factor: [__m256; 4],
}

impl Scale {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(block: &Block) -> Scale {
        let mut out = Scale { bias: [_mm256_setzero_si256(); 4], factor: [_mm256_setzero_ps(); 4] };
        for part in 0..4 {
            // SAFETY: eight lanes of 32 each.
            unsafe {
                out.bias[part] = _mm256_loadu_si256(block.bias.as_ptr().cast::<__m256i>().add(part));
                out.factor[part] = _mm256_loadu_ps(block.factor.as_ptr().add(8 * part));
            }
        }
        out
    }

    /// Sums before rounding.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn apply(&self, sums: [__m256i; 4]) -> [__m256; 4] {
        let mut values = [_mm256_setzero_ps(); 4];
        for part in 0..4 {
            let sums = _mm256_add_epi32(sums[part], self.bias[part]);
            values[part] = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), self.factor[part]);
        }
        values
    }
}

/// The parameters of `ADDQ`, of each operand.
struct Terms {
    zeros: [__m256i; 2],
    factors: [__m256; 2],
}

impl Terms {
    #[target_feature(enable = "avx2")]
    fn new(sum: &Sum) -> Terms {
        Terms {
            zeros: [_mm256_set1_epi32(sum.zeros[0]), _mm256_set1_epi32(sum.zeros[1])],
            factors: [_mm256_set1_ps(sum.factors[0]), _mm256_set1_ps(sum.factors[1])],
        }
    }

    /// The sum before rounding.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn add(&self, a: &Row, b: &Row) -> [__m256; 4] {
        let mut values = [_mm256_setzero_ps(); 4];
        for (part, value) in values.iter_mut().enumerate() {
            // SAFETY: eight bytes of 32 each.
            let [a, b] = [a, b].map(|row| unsafe { _mm_loadl_epi64(row.as_ptr().add(8 * part).cast()) });
            let a = _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_cvtepi8_epi32(a), self.zeros[0]));
            let b = _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_cvtepi8_epi32(b), self.zeros[1]));
            *value = _mm256_add_ps(_mm256_mul_ps(a, self.factors[0]), _mm256_mul_ps(b, self.factors[1]));
        }
        values
    }
}

/// Pairs of lanes of two rows side by side, as 16 bits: lanes 0..8, 8..16, 16..24, 24..32.
#[inline]
#[target_feature(enable = "avx2")]
fn pairs(one: __m256i, other: __m256i) -> [__m256i; 4] {
    let (low, high) = (_mm256_unpacklo_epi8(one, other), _mm256_unpackhi_epi8(one, other));
    [
        _mm256_cvtepi8_epi16(_mm256_castsi256_si128(low)),
        _mm256_cvtepi8_epi16(_mm256_castsi256_si128(high)),
        _mm256_cvtepi8_epi16(_mm256_extracti128_si256::<1>(low)),
        _mm256_cvtepi8_epi16(_mm256_extracti128_si256::<1>(high)),
    ]
}

/// Adds products of 16-bit pairs.
#[inline]
#[target_feature(enable = "avx2")]
fn dot(sum: __m256i, x: __m256i, w: __m256i) -> __m256i {
    _mm256_add_epi32(sum, _mm256_madd_epi16(x, w))
}

/// Sums from their order to that of [`pairs`], and back: the same.
#[inline]
fn exchange(sums: [__m256i; 4]) -> [__m256i; 4] {
    sums
}

/// # Safety
/// A row32 to read.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load_sums(from: *const Lanes) -> [__m256i; 4] {
    let mut sums = [_mm256_setzero_si256(); 4];
    for (at, sums) in sums.iter_mut().enumerate() {
        // SAFETY: the caller's.
        *sums = unsafe { _mm256_loadu_si256(from.cast::<__m256i>().add(at)) };
    }
    sums
}

/// # Safety
/// A row32 to write.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn store_sums(sums: [__m256i; 4], to: *mut Lanes) {
    for (at, sums) in sums.into_iter().enumerate() {
        // SAFETY: the caller's.
        unsafe { _mm256_storeu_si256(to.cast::<__m256i>().add(at), sums) };
    }
}

kernels!("avx2", pairs: 4);

/// The second operand of the int32 group, eight lanes of it.
#[target_feature(enable = "avx2")]
fn second(chip: Chip, form: u8, at: i64) -> [__m256i; 4] {
    let mut out = [_mm256_setzero_si256(); 4];
    for (part, out) in out.iter_mut().enumerate() {
        *out = match form {
            // SAFETY: a row32 has four parts.
            form::ROW32 => unsafe { _mm256_loadu_si256(chip.acc(at).cast::<__m256i>().add(part)) },
            form::LANE0 => _mm256_set1_epi32(chip.row32(at)[0]),
            form::ROW8 => {
                let row: *const i64 = chip.spad(at, 1).cast_const().cast();
                // SAFETY: eight bytes of 32.
                _mm256_cvtepi8_epi32(unsafe { _mm_loadl_epi64(row.add(part).cast()) })
            }
            _ => _mm256_set1_epi32(at as i32),
        };
    }
    out
}

/// Whether [`multiply_round`] shifts so far.
pub(super) fn rounds_by(by: u32) -> bool {
    (1..=62).contains(&by)
}

/// `VMULR` by a shift of 1 to 62.
///
/// Products are taken as unsigned, 2^63 more than they are: AVX2 shifts 64 bits without signs only.
#[target_feature(enable = "avx2")]
pub(super) fn multiply_round(
    chip: Chip,
    rows: Range<u64>,
    n0: u64,
    operands: [Affine; 3],
    form: u8,
    by: u32,
    n: usize,
) {
    let ones = live(n);
    let count = _mm_cvtsi32_si128(by.cast_signed());
    let (one, sign) = (_mm256_set1_epi64x(1), _mm256_set1_epi64x(i64::MIN));
    let half = _mm256_set1_epi64x((1 << (by - 1)) - 1);
    let offset = _mm256_set1_epi64x(1 << (63 - by));
    let (most, least) = (_mm256_set1_epi64x(i32::MAX.into()), _mm256_set1_epi64x(i32::MIN.into()));
    let round = |product: __m256i| {
        let x = _mm256_xor_si256(product, sign);
        let odd = _mm256_and_si256(_mm256_srl_epi64(x, count), one);
        let x = _mm256_srl_epi64(_mm256_add_epi64(_mm256_add_epi64(x, half), odd), count);
        let x = _mm256_sub_epi64(x, offset);
        let x = _mm256_blendv_epi8(x, most, _mm256_cmpgt_epi64(x, most));
        _mm256_blendv_epi8(x, least, _mm256_cmpgt_epi64(least, x))
    };
    for [d, a, b] in walk(rows, n0, operands) {
        let b = second(chip, form, b);
        let (from, to) = (chip.acc(a).cast_const().cast::<__m256i>(), chip.acc(d).cast::<__m256i>());
        for (part, b) in b.into_iter().enumerate() {
            // SAFETY: a row32 has four parts, and a mask eight bytes for each. Rows are the same or apart.
            let (a, keep) = unsafe {
                let keep = _mm_loadl_epi64(ones.as_ptr().add(8 * part).cast());
                (_mm256_loadu_si256(from.add(part)), _mm256_cvtepi8_epi32(keep))
            };
            let even = round(_mm256_mul_epi32(a, b));
            let odd = round(_mm256_mul_epi32(_mm256_srli_epi64::<32>(a), _mm256_srli_epi64::<32>(b)));
            let all = _mm256_blend_epi32::<0b1010_1010>(even, _mm256_slli_epi64::<32>(odd));
            // SAFETY: as above.
            unsafe { _mm256_storeu_si256(to.add(part), _mm256_and_si256(all, keep)) };
        }
    }
}
