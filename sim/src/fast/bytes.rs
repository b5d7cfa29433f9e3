//! The int8 group, and depthwise products.

use std::ops::Range;

use isa::rne;

use super::place::{Affine, Chip, walk};
use super::simd::twice;
use super::space::{Lanes, Row};

/// Zero point and bounds of a result.
#[derive(Clone, Copy)]
pub(super) struct Clamp {
    pub(super) zp: i8,
    pub(super) lo: i8,
    pub(super) hi: i8,
}

impl Clamp {
    /// The bounds before the zero point is added. Rounding keeps order and integers, so clamping may come before it.
    fn bounds(self) -> (f64, f64) {
        let before = |bound: i8| f64::from(i32::from(bound) - i32::from(self.zp));
        (before(self.lo), before(self.hi))
    }
}

/// 2^-`shift`, exactly; `shift` is 0..=63.
fn scale(shift: u32) -> f64 {
    f64::from_bits(u64::from(1023 - shift) << 52)
}

fn live(n: usize) -> Row {
    std::array::from_fn(|lane| if lane < n { -1 } else { 0 })
}

/// A parameter block, as the row kernel wants it.
struct Block {
    bias: Lanes,
    multiplier: [i64; 32],
    shift: [u32; 32],
    /// multiplier / 2^shift, exactly.
    factor: [f64; 32],
}

impl Block {
    fn new(rows: &[Row; 8]) -> Block {
        let (halves, _) = rows.as_chunks::<4>();
        let [bias, words] = [0, 1].map(|half| isa::row32(&halves[half].map(|row| row.map(i8::cast_unsigned))));
        let multiplier = words.map(|word| i64::from(word & 0x00ff_ffff));
        let shift = words.map(|word| word.cast_unsigned() >> 24 & 63);
        let factor = std::array::from_fn(|lane| multiplier[lane] as f64 * scale(shift[lane]));
        Block { bias, multiplier, shift, factor }
    }
}

/// Below this magnitude, times 24 bits, a sum is exact in a double.
const EXACT: i32 = 1 << 29;

#[inline(always)]
fn requant_row(sums: &Lanes, block: &Block, clamp: Clamp, bounds: (f64, f64)) -> Row {
    let mut biased = [0; 32];
    let mut beyond = 0;
    for lane in 0..32 {
        biased[lane] = sums[lane].wrapping_add(block.bias[lane]);
        beyond |= biased[lane].wrapping_add(EXACT).cast_unsigned() >> 30;
    }
    let mut out = [0; 32];
    if beyond != 0 {
        for lane in 0..32 {
            let scaled = rne(i64::from(biased[lane]) * block.multiplier[lane], block.shift[lane]);
            out[lane] = (scaled + i64::from(clamp.zp)).max(clamp.lo.into()).min(clamp.hi.into()) as i8;
        }
        return out;
    }
    for lane in 0..32 {
        out[lane] = round(f64::from(biased[lane]) * block.factor[lane], clamp.zp, bounds);
    }
    out
}

/// Clamps, rounds to nearest even, adds the zero point.
#[inline(always)]
fn round(x: f64, zp: i8, (lo, hi): (f64, f64)) -> i8 {
    let x = if x > lo { x } else { lo };
    let x = if x < hi { x } else { hi };
    // SAFETY: between bounds that are bytes less a byte.
    let whole: i32 = unsafe { x.round_ties_even().to_int_unchecked() };
    whole.wrapping_add(zp.into()) as i8
}

/// The parameter row of `ADDQ`.
struct Sum {
    factors: [f64; 2],
    zeros: [i32; 2],
    clamp: Clamp,
}

impl Sum {
    fn new(p: &Row) -> Sum {
        let bytes = p.map(i8::cast_unsigned);
        let multiplier = |at: usize| i32::from_be_bytes([0, 1, 2, 3].map(|i| bytes[at + i]));
        let scale = scale(u32::from(bytes[10] & 63));
        Sum {
            // Exact: 32 bits times a power of two.
            factors: [0, 4].map(|at| f64::from(multiplier(at)) * scale),
            zeros: [8, 9].map(|at| i32::from(p[at])),
            clamp: Clamp { zp: p[11], lo: p[12], hi: p[13] },
        }
    }
}

/// `out[j] = in[j]` of column `column` of 32 rows.
#[inline(always)]
fn column(tile: &[Row; 32], column: usize) -> Row {
    let mut out = [0; 32];
    for (out, row) in out.iter_mut().zip(tile) {
        *out = row[column];
    }
    out
}

twice! {
    fn requant(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 3], clamp: Clamp, n: usize) {
        let (keep, bounds) = (live(n), clamp.bounds());
        let mut block: Option<(i64, Block)> = None;
        for [d, a, b] in walk(rows, n0, operands) {
            let (_, block) = match &mut block {
                Some(block) if block.0 == b => block,
                other => other.insert((b, Block::new(chip.rows8::<8>(b)))),
            };
            let mut out = requant_row(&chip.read32(a), block, clamp, bounds);
            for lane in 0..32 {
                out[lane] &= keep[lane];
            }
            chip.write8(d, out);
        }
    }

    fn add(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 3], parameters: i64, n: usize) {
        let keep = live(n);
        let Sum { factors: [fa, fb], zeros: [za, zb], clamp } = Sum::new(&chip.read8(parameters));
        // lo > hi is no trap here: the machine takes the smaller of hi and the larger of lo.
        let (lo, hi) = clamp.bounds();
        for [d, a, b] in walk(rows, n0, operands) {
            let (a, b) = (chip.read8(a), chip.read8(b));
            let mut out = [0; 32];
            for lane in 0..32 {
                // Products below 2^40, and their sum, are exact.
                let x = f64::from(i32::from(a[lane]).wrapping_sub(za)) * fa
                    + f64::from(i32::from(b[lane]).wrapping_sub(zb)) * fb;
                out[lane] = round(x, clamp.zp, (lo, hi)) & keep[lane];
            }
            chip.write8(d, out);
        }
    }

    fn look_up(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 3], n: usize) {
        for [d, a, b] in walk(rows, n0, operands) {
            let table = chip.rows8::<8>(b).as_flattened();
            let a = chip.read8(a);
            let mut out = [0; 32];
            for lane in 0..n {
                out[lane] = table[usize::from(a[lane].cast_unsigned() ^ 0x80)];
            }
            chip.write8(d, out);
        }
    }

    fn transpose(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 2], n: usize) {
        let keep = live(n);
        let mut i0 = rows.start % n0;
        for [d, a] in walk(rows, n0, operands) {
            let mut out = column(chip.rows8::<32>(a), (i0 % 32) as usize);
            for lane in 0..32 {
                out[lane] &= keep[lane];
            }
            chip.write8(d, out);
            i0 = if i0 + 1 == n0 { 0 } else { i0 + 1 };
        }
    }

    /// Over `kt` taps that lie `sk` rows apart; on from what is there if `keep`.
    fn largest(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 2], kt: u64, sk: i64, keep: bool) {
        for [d, a] in walk(rows, n0, operands) {
            let mut best = if keep { chip.read8(d) } else { [i8::MIN; 32] };
            for tap in 0..kt as i64 {
                let new = chip.read8(a + tap * sk);
                for lane in 0..32 {
                    best[lane] = best[lane].max(new[lane]);
                }
            }
            chip.write8(d, best);
        }
    }

    /// Lane by lane over `kt` taps that lie `a_sk` and `w_sk` rows apart; on from what is there if `keep`.
    fn depthwise(
        chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 2], w: i64, kt: u64, strides: [i64; 2], keep: bool,
        n: usize,
    ) {
        let live = live(n);
        for [d, a] in walk(rows, n0, operands) {
            let mut sums = if keep { chip.read32(d) } else { [0; 32] };
            for tap in 0..kt as i64 {
                let (a, w) = (chip.read8(a + tap * strides[0]), chip.read8(w + tap * strides[1]));
                for lane in 0..32 {
                    // At most 2^14: exact in 16 bits.
                    let product = i16::from(a[lane]).wrapping_mul((w[lane] & live[lane]).into());
                    sums[lane] = sums[lane].wrapping_add(product.into());
                }
            }
            chip.write32(d, sums);
        }
    }
}
