//! Kernels for which compilers do not find the vector instructions: AVX2.
//!
//! The same as in `bytes` and `vector`, for the same operands; each says what it leaves to those.

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

use super::bytes::{Block, CERTAIN, Clamp, Sum, live};
use super::place::{Affine, Chip, runs, walk};
use super::space::{Lanes, Row};

/// More than any result is before its zero point.
const MOST: f32 = 1024.0;

/// Most taps of a depthwise product.
pub(super) const TAPS: u64 = 16;

#[inline(always)]
unsafe fn load(from: *const i8) -> __m256i {
    // SAFETY: the caller's: 32 bytes.
    unsafe { _mm256_loadu_si256(from.cast()) }
}

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

/// The bits that are set.
fn lanes(mut bits: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lane = bits.trailing_zeros() as usize;
        bits &= bits.wrapping_sub(1);
        (lane < 32).then_some(lane)
    })
}

/// Calls `f(count, first rows, steps)` for runs of rows in which each operand goes on by its step: all rows in one where
/// the outer loop goes on as the inner one does.
#[inline(always)]
fn strides<const N: usize>(
    rows: Range<u64>,
    n0: u64,
    operands: [Affine; N],
    mut f: impl FnMut(u64, [i64; N], [i64; N]),
) {
    let steps = operands.map(|o| o.s0);
    if operands.iter().all(|o| o.s1 == o.s0.wrapping_mul(n0 as i64)) {
        return f(rows.end - rows.start, operands.map(|o| o.at(rows.start, 0)), steps);
    }
    runs(rows, n0, |i1, i0| f(i0.end - i0.start, operands.map(|o| o.at(i0.start, i1)), steps));
}

#[target_feature(enable = "avx2")]
pub(super) fn requant(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 3], clamp: Clamp, n: usize) {
    let (keep, finish) = (live(n), Finish::new(clamp, CERTAIN, n));
    let mut block: Option<(i64, Block)> = None;
    let (to, from) = (chip.spad_of(operands[0], &rows, n0, 1, 0), chip.acc_of(operands[1], &rows, n0));
    strides(rows, n0, operands, |count, [d, a, b], [d_step, a_step, b_step]| {
        // Of rows with a block each, every one is a run.
        let (runs, len) = if b_step == 0 { (1, count) } else { (count, 1) };
        let (mut to, mut from) = (to.wrapping_offset(d as isize), from.wrapping_offset(a as isize).cast_const());
        for run in 0..runs as i64 {
            let b = b + run * b_step;
            let (_, block) = match &mut block {
                Some(block) if block.0 == b => block,
                other => other.insert((b, Block::new(chip.rows8::<8>(b)))),
            };
            for _ in 0..len {
                // SAFETY: all rows of the operands are there; nothing else touches these meanwhile.
                let (sums, out) = unsafe { (&*from, &mut *to) };
                let near = requant_row(&finish, block, sums, out);
                if near != 0 {
                    lanes(near).for_each(|lane| out[lane] = clamp.apply(block.exact(sums[lane], lane)) & keep[lane]);
                }
                (to, from) = (to.wrapping_offset(d_step as isize), from.wrapping_offset(a_step as isize));
            }
        }
    });
}

/// Answers the lanes that may be wrong.
#[inline]
#[target_feature(enable = "avx2")]
fn requant_row(finish: &Finish, block: &Block, sums: &Lanes, out: &mut Row) -> u32 {
    let mut values = [_mm256_setzero_ps(); 4];
    for (part, value) in values.iter_mut().enumerate() {
        // SAFETY: eight lanes of 32 each.
        let (sums, bias, factor) = unsafe {
            (
                _mm256_loadu_si256(sums.as_ptr().cast::<__m256i>().add(part)),
                _mm256_loadu_si256(block.bias.as_ptr().cast::<__m256i>().add(part)),
                _mm256_loadu_ps(block.factor.as_ptr().add(8 * part)),
            )
        };
        *value = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_add_epi32(sums, bias)), factor);
    }
    let (row, near) = finish.row(values);
    // SAFETY: 32 bytes.
    unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), row) };
    near
}

#[target_feature(enable = "avx2")]
pub(super) fn add(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 3], parameters: i64, n: usize) {
    let keep = live(n);
    let sum = Sum::new(&chip.read8(parameters));
    let finish = Finish::new(sum.clamp, sum.certain, n);
    let terms = Terms {
        zeros: [_mm256_set1_epi32(sum.zeros[0]), _mm256_set1_epi32(sum.zeros[1])],
        factors: [_mm256_set1_ps(sum.factors[0]), _mm256_set1_ps(sum.factors[1])],
    };
    let [to, one, other] = operands.map(|o| chip.spad_of(o, &rows, n0, 1, 0));
    strides(rows, n0, operands, |count, [d, a, b], steps| {
        let mut at =
            [to.wrapping_offset(d as isize), one.wrapping_offset(a as isize), other.wrapping_offset(b as isize)];
        for _ in 0..count {
            // SAFETY: all rows of the operands are there; nothing else touches these meanwhile. `d` may be one of them.
            let (a, b) = unsafe { (at[1].read(), at[2].read()) };
            let (row, near) = finish.row(terms.add(&a, &b));
            // SAFETY: as above.
            let out = unsafe { &mut *at[0] };
            // SAFETY: 32 bytes.
            unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), row) };
            if near != 0 {
                lanes(near).for_each(|lane| out[lane] = sum.clamp.apply(sum.exact(a[lane], b[lane])) & keep[lane]);
            }
            for (at, step) in at.iter_mut().zip(steps) {
                *at = at.wrapping_offset(step as isize);
            }
        }
    });
}

/// The parameters of `ADDQ`, of each operand.
struct Terms {
    zeros: [__m256i; 2],
    factors: [__m256; 2],
}

impl Terms {
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

/// For at most [`TAPS`] taps.
#[allow(clippy::too_many_arguments, reason = "a kernel takes its operands one by one")]
#[target_feature(enable = "avx2")]
pub(super) fn depthwise(
    chip: Chip,
    rows: Range<u64>,
    n0: u64,
    operands: [Affine; 2],
    w: i64,
    kt: u64,
    strides: [i64; 2],
    keep: bool,
    n: usize,
) {
    let live = live(n);
    // SAFETY: rows have 32 bytes.
    let row = |at: i64| unsafe { load(chip.spad(at, 1).cast_const().cast()) };
    // SAFETY: as above.
    let mask = unsafe { load(live.as_ptr()) };
    // An odd tap is a pair with a weight of zero.
    let mut weights = [[_mm256_setzero_si256(); 4]; TAPS as usize / 2];
    let count = kt.div_ceil(2) as usize;
    for (pair, weights) in weights[..count].iter_mut().enumerate() {
        let tap = 2 * pair as i64;
        let one = _mm256_and_si256(row(w + tap * strides[1]), mask);
        let more = (tap + 1) < kt as i64;
        let other = if more { row(w + (tap + 1) * strides[1]) } else { _mm256_setzero_si256() };
        *weights = pairs(one, _mm256_and_si256(other, mask));
    }
    // Of each pair, the rows from the first tap on.
    let last = kt as i64 - 1;
    let taps: [[isize; 2]; TAPS as usize / 2] = std::array::from_fn(|pair| {
        [2 * pair as i64, (2 * pair as i64 + 1).min(last)].map(|tap| (tap * strides[0]) as isize)
    });
    let (all, from) = (chip.acc_of(operands[0], &rows, n0), chip.spad_of(operands[1], &rows, n0, kt, strides[0]));
    for [d, a] in walk(rows, n0, operands) {
        let to: *mut Lanes = all.wrapping_add(d as usize);
        let a = from.cast_const().wrapping_add(a as usize);
        let part = |at: usize| to.cast::<__m256i>().wrapping_add(at);
        let mut sums = [_mm256_setzero_si256(); 4];
        if keep {
            for (at, sums) in sums.iter_mut().enumerate() {
                // SAFETY: a row32 has four parts.
                *sums = unsafe { _mm256_loadu_si256(part(at)) };
            }
        }
        for (weights, taps) in weights[..count].iter().zip(&taps) {
            // SAFETY: all rows of the operand, with all taps, are there.
            let (one, other) = unsafe { (load(a.offset(taps[0]).cast()), load(a.offset(taps[1]).cast())) };
            let x = pairs(one, other);
            for part in 0..4 {
                sums[part] = _mm256_add_epi32(sums[part], _mm256_madd_epi16(x[part], weights[part]));
            }
        }
        for (at, sums) in sums.into_iter().enumerate() {
            // SAFETY: as above.
            unsafe { _mm256_storeu_si256(part(at), sums) };
        }
    }
}

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
