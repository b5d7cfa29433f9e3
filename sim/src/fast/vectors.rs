//! Kernels for which compilers do not find the vector instructions, for vectors of any width.
//!
//! The same as in `bytes`, for the same operands; each says what it leaves to those. A module for vectors of some width
//! says what its vectors do: `Finish`, `Scale`, `Terms`, `pairs`, `dot`, `exchange`, `load_sums`, `store_sums`.

use std::arch::x86_64::{__m256i, _mm256_loadu_si256};
use std::ops::Range;

use super::place::{Affine, runs};

/// Most taps of a depthwise product.
pub(super) const TAPS: u64 = 16;
/// More than any result is before its zero point, either way.
pub(super) const MOST: f32 = 1024.0;

/// A row.
///
/// # Safety
/// 32 bytes to read, and a processor with AVX2.
#[inline(always)]
pub(super) unsafe fn load(from: *const i8) -> __m256i {
    // SAFETY: the caller's.
    unsafe { _mm256_loadu_si256(from.cast()) }
}

/// Calls `f(count, first rows, steps)` for runs of rows in which each operand goes on by its step: all rows in one where
/// the outer loop goes on as the inner one does.
#[inline(always)]
pub(super) fn strides<const N: usize>(
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

/// `REQUANT`, `ADDQ` and `DWMAC`, of a module whose row32s have so many vectors.
macro_rules! kernels {
    ($feature:literal, pairs: $parts:literal) => {
        #[target_feature(enable = $feature)]
        pub(super) fn requant(
            chip: $crate::fast::place::Chip,
            rows: std::ops::Range<u64>,
            n0: u64,
            operands: [$crate::fast::place::Affine; 3],
            clamp: $crate::fast::bytes::Clamp,
            n: usize,
        ) {
            use $crate::fast::bits::bits;
            use $crate::fast::bytes::CERTAIN;
            use $crate::fast::vectors::strides;
            let (keep, finish) = (live(n), Finish::new(clamp, CERTAIN, n));
            let mut block: Option<(i64, Block, Scale)> = None;
            let (to, from) = (chip.spad_of(operands[0], &rows, n0, 1, 0), chip.acc_of(operands[1], &rows, n0));
            strides(rows, n0, operands, |count, [d, a, b], [d_step, a_step, b_step]| {
                // Of rows with a block each, every one is a run.
                let (runs, len) = if b_step == 0 { (1, count) } else { (count, 1) };
                let (mut to, mut from) =
                    (to.wrapping_offset(d as isize), from.wrapping_offset(a as isize).cast_const());
                for run in 0..runs as i64 {
                    let b = b + run * b_step;
                    let (_, block, scale) = match &mut block {
                        Some(block) if block.0 == b => block,
                        other => {
                            let block = Block::new(chip.rows8::<8>(b));
                            let scale = Scale::new(&block);
                            other.insert((b, block, scale))
                        }
                    };
                    for _ in 0..len {
                        // SAFETY: all rows of the operands are there; nothing else touches these meanwhile.
                        let near = unsafe {
                            let (row, near) = finish.row(scale.apply(load_sums(from)));
                            _mm256_storeu_si256(to.cast(), row);
                            near
                        };
                        if near != 0 {
                            // SAFETY: as above.
                            let (sums, out) = unsafe { (&*from, &mut *to) };
                            bits(near.into())
                                .for_each(|lane| out[lane] = clamp.apply(block.exact(sums[lane], lane)) & keep[lane]);
                        }
                        (to, from) = (to.wrapping_offset(d_step as isize), from.wrapping_offset(a_step as isize));
                    }
                }
            });
        }

        #[target_feature(enable = $feature)]
        pub(super) fn add(
            chip: $crate::fast::place::Chip,
            rows: std::ops::Range<u64>,
            n0: u64,
            operands: [$crate::fast::place::Affine; 3],
            parameters: i64,
            n: usize,
        ) {
            use $crate::fast::bits::bits;
            use $crate::fast::vectors::strides;
            let keep = live(n);
            let sum = Sum::new(&chip.read8(parameters));
            let (finish, terms) = (Finish::new(sum.clamp, sum.certain, n), Terms::new(&sum));
            let [to, one, other] = operands.map(|o| chip.spad_of(o, &rows, n0, 1, 0));
            strides(rows, n0, operands, |count, [d, a, b], steps| {
                let mut at = [
                    to.wrapping_offset(d as isize),
                    one.wrapping_offset(a as isize),
                    other.wrapping_offset(b as isize),
                ];
                for _ in 0..count {
                    // SAFETY: all rows of the operands are there; nothing else touches these meanwhile. `d` may be one.
                    let (a, b) = unsafe { (at[1].read(), at[2].read()) };
                    let (row, near) = finish.row(terms.add(&a, &b));
                    // SAFETY: as above.
                    let out = unsafe { &mut *at[0] };
                    // SAFETY: 32 bytes.
                    unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), row) };
                    if near != 0 {
                        bits(near.into())
                            .for_each(|lane| out[lane] = sum.clamp.apply(sum.exact(a[lane], b[lane])) & keep[lane]);
                    }
                    for (at, step) in at.iter_mut().zip(steps) {
                        *at = at.wrapping_offset(step as isize);
                    }
                }
            });
        }

        /// For at most [`TAPS`](crate::fast::vectors::TAPS) taps.
        #[allow(clippy::too_many_arguments, reason = "a kernel takes its operands one by one")]
        #[target_feature(enable = $feature)]
        pub(super) fn depthwise(
            chip: $crate::fast::place::Chip,
            rows: std::ops::Range<u64>,
            n0: u64,
            operands: [$crate::fast::place::Affine; 2],
            w: i64,
            kt: u64,
            strides: [i64; 2],
            keep: bool,
            n: usize,
        ) {
            const PAIRS: usize = $crate::fast::vectors::TAPS as usize / 2;
            let live = live(n);
            // SAFETY: rows have 32 bytes.
            let row = |at: i64| unsafe { load(chip.spad(at, 1).cast_const().cast()) };
            // SAFETY: as above.
            let mask = unsafe { load(live.as_ptr()) };
            // An odd tap is a pair with a weight of zero.
            let mut weights = [pairs(_mm256_setzero_si256(), _mm256_setzero_si256()); PAIRS];
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
            let taps: [[isize; 2]; PAIRS] = std::array::from_fn(|pair| {
                [2 * pair as i64, (2 * pair as i64 + 1).min(last)].map(|tap| (tap * strides[0]) as isize)
            });
            let all = chip.acc_of(operands[0], &rows, n0);
            let from = chip.spad_of(operands[1], &rows, n0, kt, strides[0]);
            let nothing = [0; 32];
            $crate::fast::vectors::strides(rows, n0, operands, |count_of_rows, [d, a], steps| {
                let (mut to, mut a) = (all.wrapping_offset(d as isize), from.wrapping_offset(a as isize).cast_const());
                for _ in 0..count_of_rows {
                    // SAFETY: all rows of the operands, with all taps, are there; nothing else touches these meanwhile.
                    unsafe {
                        let mut sums = exchange(load_sums(if keep { to.cast_const() } else { &raw const nothing }));
                        for (weights, taps) in weights[..count].iter().zip(&taps) {
                            let x = pairs(load(a.offset(taps[0]).cast()), load(a.offset(taps[1]).cast()));
                            for part in 0..$parts {
                                sums[part] = dot(sums[part], x[part], weights[part]);
                            }
                        }
                        store_sums(exchange(sums), to);
                    }
                    (to, a) = (to.wrapping_offset(steps[0] as isize), a.wrapping_offset(steps[1] as isize));
                }
            });
        }
    };
}
pub(super) use kernels;
