//! AVX-512: what the kernels of `vectors` are made of.

use std::arch::x86_64::{
    __m256i, __m512, __m512i, _CMP_GT_OQ, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _mm_loadu_si128,
    _mm_setzero_si128, _mm256_and_si256, _mm256_max_epi8, _mm256_min_epi8, _mm256_set_m128i, _mm256_set1_epi8,
    _mm256_setzero_si256, _mm256_storeu_si256, _mm256_unpackhi_epi8, _mm256_unpacklo_epi8, _mm512_abs_ps,
    _mm512_add_epi32, _mm512_add_ps, _mm512_castsi512_si256, _mm512_cmp_ps_mask, _mm512_cvtepi8_epi16,
    _mm512_cvtepi8_epi32, _mm512_cvtepi32_ps, _mm512_cvtps_epi32, _mm512_cvtsepi32_epi8, _mm512_dpwssd_epi32,
    _mm512_inserti64x4, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps,
    _mm512_roundscale_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_setzero_si512,
    _mm512_shuffle_i64x2, _mm512_storeu_si512, _mm512_sub_epi32, _mm512_sub_ps,
};

use super::bytes::{Block, Clamp, Sum, live};
use super::space::{Lanes, Row};
use super::vectors::{MOST, kernels, load};

/// Rounding, zero point and bounds of a result.
struct Finish {
    reach: [__m512; 2],
    zp: __m512i,
    bounds: [__m256i; 2],
    keep: __m256i,
    certain: __m512,
}

impl Finish {
    #[target_feature(enable = "avx512f")]
    fn new(clamp: Clamp, certain: f32, n: usize) -> Finish {
        let keep = live(n);
        Finish {
            reach: [_mm512_set1_ps(-MOST), _mm512_set1_ps(MOST)],
            zp: _mm512_set1_epi32(clamp.zp.into()),
            bounds: [_mm256_set1_epi8(clamp.lo), _mm256_set1_epi8(clamp.hi)],
            // SAFETY: 32 bytes.
            keep: unsafe { load(keep.as_ptr()) },
            certain: _mm512_set1_ps(certain),
        }
    }

    /// A row of bytes from values before the zero point, and which lanes are so near to a tie that they may be wrong.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn row(&self, values: [__m512; 2]) -> (__m256i, u32) {
        const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        let (mut bytes, mut near) = ([_mm_setzero_si128(); 2], 0);
        for part in 0..2 {
            let x = _mm512_min_ps(_mm512_max_ps(values[part], self.reach[0]), self.reach[1]);
            let whole = _mm512_roundscale_ps::<NEAREST>(x);
            let off = _mm512_abs_ps(_mm512_sub_ps(x, whole));
            near |= u32::from(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(off, self.certain)) << (16 * part);
            bytes[part] = _mm512_cvtsepi32_epi8(_mm512_add_epi32(_mm512_cvtps_epi32(whole), self.zp));
        }
        let row =
            _mm256_min_epi8(_mm256_max_epi8(_mm256_set_m128i(bytes[1], bytes[0]), self.bounds[0]), self.bounds[1]);
        (_mm256_and_si256(row, self.keep), near)
    }
}

/// Bias and factor of each lane.
struct Scale {
    bias: [__m512i; 2],
    factor: [__m512; 2],
}

impl Scale {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(block: &Block) -> Scale {
        let mut out = Scale { bias: [_mm512_setzero_si512(); 2], factor: [_mm512_setzero_ps(); 2] };
        for part in 0..2 {
            // SAFETY: 16 lanes of 32 each.
            unsafe {
                out.bias[part] = _mm512_loadu_si512(block.bias.as_ptr().add(16 * part).cast());
                out.factor[part] = _mm512_loadu_ps(block.factor.as_ptr().add(16 * part));
            }
        }
        out
    }

    /// Sums before rounding.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn apply(&self, sums: [__m512i; 2]) -> [__m512; 2] {
        let mut values = [_mm512_setzero_ps(); 2];
        for part in 0..2 {
            let sums = _mm512_add_epi32(sums[part], self.bias[part]);
            values[part] = _mm512_mul_ps(_mm512_cvtepi32_ps(sums), self.factor[part]);
        }
        values
    }
}

/// The parameters of `ADDQ`, of each operand.
struct Terms {
    zeros: [__m512i; 2],
    factors: [__m512; 2],
}

impl Terms {
    #[target_feature(enable = "avx512f")]
    fn new(sum: &Sum) -> Terms {
        Terms {
            zeros: [_mm512_set1_epi32(sum.zeros[0]), _mm512_set1_epi32(sum.zeros[1])],
            factors: [_mm512_set1_ps(sum.factors[0]), _mm512_set1_ps(sum.factors[1])],
        }
    }

    /// The sum before rounding.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn add(&self, a: &Row, b: &Row) -> [__m512; 2] {
        let mut values = [_mm512_setzero_ps(); 2];
        for (part, value) in values.iter_mut().enumerate() {
            // SAFETY: 16 bytes of 32 each.
            let [a, b] = [a, b].map(|row| unsafe { _mm_loadu_si128(row.as_ptr().add(16 * part).cast()) });
            let a = _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_cvtepi8_epi32(a), self.zeros[0]));
            let b = _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_cvtepi8_epi32(b), self.zeros[1]));
            *value = _mm512_add_ps(_mm512_mul_ps(a, self.factors[0]), _mm512_mul_ps(b, self.factors[1]));
        }
        values
    }
}

/// Pairs of lanes of two rows side by side, as 16 bits: lanes 0..8 and 16..24, then the others.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn pairs(one: __m256i, other: __m256i) -> [__m512i; 2] {
    [_mm512_cvtepi8_epi16(_mm256_unpacklo_epi8(one, other)), _mm512_cvtepi8_epi16(_mm256_unpackhi_epi8(one, other))]
}

/// Adds products of 16-bit pairs.
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn dot(sum: __m512i, x: __m512i, w: __m512i) -> __m512i {
    _mm512_dpwssd_epi32(sum, x, w)
}

/// Sums from their order to that of [`pairs`], and back: it is its own inverse.
#[inline]
#[target_feature(enable = "avx512f")]
fn exchange([one, other]: [__m512i; 2]) -> [__m512i; 2] {
    [_mm512_inserti64x4::<1>(one, _mm512_castsi512_si256(other)), _mm512_shuffle_i64x2::<0b1110_1110>(one, other)]
}

/// # Safety
/// A row32 to read.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load_sums(from: *const Lanes) -> [__m512i; 2] {
    // SAFETY: the caller's.
    unsafe { [_mm512_loadu_si512(from.cast()), _mm512_loadu_si512(from.cast::<__m512i>().add(1).cast())] }
}

/// # Safety
/// A row32 to write.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn store_sums(sums: [__m512i; 2], to: *mut Lanes) {
    // SAFETY: the caller's.
    unsafe {
        _mm512_storeu_si512(to.cast(), sums[0]);
        _mm512_storeu_si512(to.cast::<__m512i>().add(1).cast(), sums[1]);
    }
}

kernels!("avx2,avx512f,avx512bw,avx512vnni", pairs: 2);
