//! The int8 group, and depthwise products.

use std::ops::Range;

use isa::rne;

use super::place::{Affine, Chip, walk};
use super::simd::{Simd, twice};
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
    pub(super) fn bounds(self) -> (f32, f32) {
        let before = |bound: i8| f32::from(i16::from(bound) - i16::from(self.zp));
        (before(self.lo), before(self.hi))
    }

    /// What becomes of a rounded value.
    pub(super) fn apply(self, x: i64) -> i8 {
        (x + i64::from(self.zp)).max(self.lo.into()).min(self.hi.into()) as i8
    }
}

/// The lanes that count, as bits to keep.
pub(super) fn live(n: usize) -> Row {
    std::array::from_fn(|lane| if lane < n { -1 } else { 0 })
}

/// A parameter block, as the row kernel wants it.
pub(super) struct Block {
    pub(super) bias: Lanes,
    multiplier: [i64; 32],
    shift: [u32; 32],
    /// multiplier / 2^shift, exactly: 24 bits times a power of two.
    pub(super) factor: [f32; 32],
}

impl Block {
    pub(super) fn new(rows: &[Row; 8]) -> Block {
        let (halves, _) = rows.as_chunks::<4>();
        let [bias, words] = [0, 1].map(|half| isa::row32(&halves[half].map(|row| row.map(i8::cast_unsigned))));
        let multiplier = words.map(|word| i64::from(word & 0x00ff_ffff));
        let shift = words.map(|word| word.cast_unsigned() >> 24 & 63);
        let factor = std::array::from_fn(|lane| multiplier[lane] as f32 * scale(shift[lane]));
        Block { bias, multiplier, shift, factor }
    }

    pub(super) fn exact(&self, sum: i32, lane: usize) -> i64 {
        rne(i64::from(sum.wrapping_add(self.bias[lane])) * self.multiplier[lane], self.shift[lane])
    }
}

/// 2^-`shift`, exactly; `shift` is 0..=63.
fn scale(shift: u32) -> f32 {
    f32::from_bits((127 - shift) << 23)
}

/// How far from a tie a value of at most nine bits, with two roundings to 24, is certain to round as the exact one does.
pub(super) const CERTAIN: f32 = 0.5 - 1.0 / 16384.0;

/// `x`, clamped and rounded to nearest even, and how far it was from an integer.
#[inline(always)]
fn round(x: f32, (lo, hi): (f32, f32)) -> (i32, f32) {
    let x = if x > lo { x } else { lo };
    let x = if x < hi { x } else { hi };
    let whole = x.round_ties_even();
    // SAFETY: between bounds that are bytes less a byte.
    (unsafe { whole.to_int_unchecked() }, (x - whole).abs())
}

/// Rounds all lanes of a row in 32 bits, and all again exactly if one of them is near a tie.
#[inline(always)]
fn round_row(x: [f32; 32], exact: impl Fn(usize) -> i64, certain: f32, clamp: Clamp, keep: &Row, out: &mut Row) {
    let (bounds, zp) = (clamp.bounds(), i32::from(clamp.zp));
    let (mut wholes, mut near) = ([0; 32], 0);
    for lane in 0..32 {
        let (whole, off) = round(x[lane], bounds);
        near |= u32::from(off > certain);
        wholes[lane] = whole;
    }
    for lane in 0..32 {
        out[lane] = wholes[lane].wrapping_add(zp) as i8 & keep[lane];
    }
    if near != 0 {
        for lane in 0..32 {
            out[lane] = clamp.apply(exact(lane)) & keep[lane];
        }
    }
}

/// The parameter row of `ADDQ`.
pub(super) struct Sum {
    multipliers: [i64; 2],
    shift: u32,
    pub(super) zeros: [i32; 2],
    pub(super) clamp: Clamp,
    pub(super) factors: [f32; 2],
    /// As [`CERTAIN`], for these factors; never reached if none is.
    pub(super) certain: f32,
}

impl Sum {
    pub(super) fn new(p: &Row) -> Sum {
        let bytes = p.map(i8::cast_unsigned);
        let multipliers = [0, 4].map(|at| i64::from(i32::from_be_bytes([0, 1, 2, 3].map(|i| bytes[at + i]))));
        let shift = u32::from(bytes[10] & 63);
        let factors = multipliers.map(|multiplier| multiplier as f32 * scale(shift));
        // Factors, products and sum are rounded to 24 bits: less than four halves of a last place of 255 · (fa + fb).
        let reach = 255.0 * (factors[0].abs() + factors[1].abs());
        let certain = 0.5 - (reach + 1.0) / f32::from_bits((127 + 22) << 23);
        let zeros = [8, 9].map(|at| i32::from(p[at]));
        Sum { multipliers, shift, zeros, clamp: Clamp { zp: p[11], lo: p[12], hi: p[13] }, factors, certain }
    }

    pub(super) fn exact(&self, a: i8, b: i8) -> i64 {
        let [a, b] = [i64::from(a) - i64::from(self.zeros[0]), i64::from(b) - i64::from(self.zeros[1])];
        rne(a * self.multipliers[0] + b * self.multipliers[1], self.shift)
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

/// Defines a function of `avx512` or `avx2` where there is such, and of plain Rust where not, or where a condition does not
/// hold.
macro_rules! widest {
    ($(fn $name:ident($($arg:ident: $type:ty),* $(,)?) if $when:expr, else $plain:ident)*) => {$(
        #[allow(clippy::too_many_arguments, reason = "a kernel takes its operands one by one")]
        pub(super) fn $name(simd: Simd, $($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            if simd.avx2() && $when {
                // SAFETY: a `Simd` in use is one that this processor has.
                return unsafe {
                    if simd == Simd::Avx512Vnni {
                        super::avx512::$name($($arg),*)
                    } else {
                        super::avx2::$name($($arg),*)
                    }
                };
            }
            $plain(simd, $($arg),*);
        }
    )*};
}

widest! {
    fn requant(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 3], clamp: Clamp, n: usize)
        if true, else plain_requant
    fn add(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 3], parameters: i64, n: usize)
        if true, else plain_add
    fn depthwise(
        chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 2], w: i64, kt: u64, strides: [i64; 2], keep: bool,
        n: usize,
    ) if kt <= super::vectors::TAPS, else plain_depthwise
}

twice! {
    fn plain_requant(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 3], clamp: Clamp, n: usize) {
        let keep = live(n);
        let mut block: Option<(i64, Block)> = None;
        for [d, a, b] in walk(rows, n0, operands) {
            let (_, block) = match &mut block {
                Some(block) if block.0 == b => block,
                other => other.insert((b, Block::new(chip.rows8::<8>(b)))),
            };
            let sums = chip.row32(a);
            let mut x = [0.0; 32];
            for lane in 0..32 {
                x[lane] = sums[lane].wrapping_add(block.bias[lane]) as f32 * block.factor[lane];
            }
            round_row(x, |lane| block.exact(sums[lane], lane), CERTAIN, clamp, &keep, chip.row8(d));
        }
    }

    fn plain_add(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 3], parameters: i64, n: usize) {
        let keep = live(n);
        let sum = Sum::new(&chip.read8(parameters));
        let ([fa, fb], [za, zb]) = (sum.factors, sum.zeros);
        for [d, a, b] in walk(rows, n0, operands) {
            let (a, b) = (chip.read8(a), chip.read8(b));
            let mut x = [0.0; 32];
            for lane in 0..32 {
                x[lane] = (i32::from(a[lane]) - za) as f32 * fa + (i32::from(b[lane]) - zb) as f32 * fb;
            }
            round_row(x, |lane| sum.exact(a[lane], b[lane]), sum.certain, sum.clamp, &keep, chip.row8(d));
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
    fn plain_depthwise(
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

#[cfg(test)]
mod tests {
    use isa::random::Rng;

    use super::*;
    use crate::fast::space::Space;

    /// A number near a tie of `x · multiplier / 2^shift`.
    fn near_a_tie(rng: &mut Rng, multiplier: i64, shift: u32) -> i32 {
        let half = 2 * (rng.below(300) as i64 - 150) + 1;
        let tie = i128::from(half) << shift >> 1;
        let nearest = tie / i128::from(multiplier.max(1));
        (nearest as i32).wrapping_add(rng.below(3) as i32 - 1)
    }

    fn clamp(rng: &mut Rng) -> Clamp {
        let [zp, a, b] = [rng.bits() as i8, rng.bits() as i8, rng.bits() as i8];
        if rng.one_in(2) { Clamp { zp, lo: -128, hi: 127 } } else { Clamp { zp, lo: a.min(b), hi: a.max(b) } }
    }

    #[test]
    fn rounds_near_ties_as_the_reference_does() {
        let mut rng = Rng::new(3);
        let (mut spad, mut acc) = (Space::<Row>::new(5), Space::<Lanes>::new(2));
        let [o, p] = [0, 8].map(|start| Affine { start, s0: 1, s1: 0 });
        for round in 0..20_000 {
            let clamp = clamp(&mut rng);
            let bias: Lanes = std::array::from_fn(|_| rng.bits() as i32 >> rng.below(32));
            let words: Lanes = std::array::from_fn(|_| {
                let shift = if rng.one_in(4) { rng.below(64) } else { 20 + rng.below(20) };
                (rng.bits() as i32 & 0x00ff_ffff) >> rng.below(24) | (shift as i32) << 24
            });
            let factors = words.map(|word| (i64::from(word & 0x00ff_ffff), word.cast_unsigned() >> 24 & 63));
            let sums: Lanes = std::array::from_fn(|lane| {
                let (multiplier, shift) = factors[lane];
                let sum = if rng.one_in(4) { rng.bits() as i32 } else { near_a_tie(&mut rng, multiplier, shift) };
                sum.wrapping_sub(bias[lane])
            });
            acc.set(0, sums);
            let rows = [isa::row32_leaves(&bias), isa::row32_leaves(&words)];
            for (row, leaf) in (8..).zip(rows.as_flattened()) {
                spad.set(row, leaf.map(u8::cast_signed));
            }
            let want: Row = std::array::from_fn(|lane| {
                let (multiplier, shift) = factors[lane];
                clamp.apply(rne(i64::from(sums[lane].wrapping_add(bias[lane])) * multiplier, shift))
            });
            for simd in Simd::ALL.into_iter().filter(|simd| simd.is_available()) {
                // SAFETY: one thread, and both live on.
                let chip = unsafe { Chip::new((spad.start(), spad.len()), (acc.start(), acc.len())) };
                requant(simd, chip, 0..1, 1, [o, o, p], clamp, 32);
                assert_eq!(spad.rows()[0], want, "round {round}, {simd}");
            }
        }
    }

    #[test]
    fn adds_near_ties_as_the_reference_does() {
        let mut rng = Rng::new(4);
        let (mut spad, mut acc) = (Space::<Row>::new(5), Space::<Lanes>::new(2));
        let at = |start| Affine { start, s0: 1, s1: 0 };
        for round in 0..20_000 {
            let shift = rng.below(40) as u32;
            let multipliers = [0; 2].map(|_| (rng.bits() as i32) >> rng.below(32));
            // Often one that makes many ties.
            let multipliers = if rng.one_in(2) { multipliers.map(|m| m >> 16 << (shift / 2)) } else { multipliers };
            let clamp = clamp(&mut rng);
            let mut parameters = [0; 32];
            let bytes = multipliers.map(i32::to_be_bytes);
            parameters[..8].copy_from_slice(&bytes.as_flattened().iter().map(|b| b.cast_signed()).collect::<Vec<_>>());
            let zeros = [rng.bits() as i8, rng.bits() as i8];
            parameters[8..14].copy_from_slice(&[zeros[0], zeros[1], shift as i8, clamp.zp, clamp.lo, clamp.hi]);
            let [a, b] = [0; 2].map(|_| rng.leaf().map(u8::cast_signed));
            (1..).zip([a, b, parameters]).for_each(|(row, value)| spad.set(row, value));
            acc.set(0, [0; 32]);
            let want: Row = std::array::from_fn(|lane| {
                let [x, y] = [a[lane], b[lane]].map(i64::from);
                let sum = (x - i64::from(zeros[0])) * i64::from(multipliers[0])
                    + (y - i64::from(zeros[1])) * i64::from(multipliers[1]);
                clamp.apply(rne(sum, shift))
            });
            for simd in Simd::ALL.into_iter().filter(|simd| simd.is_available()) {
                // SAFETY: one thread, and both live on.
                let chip = unsafe { Chip::new((spad.start(), spad.len()), (acc.start(), acc.len())) };
                add(simd, chip, 0..1, 1, [at(0), at(1), at(2)], 3, 32);
                assert_eq!(spad.rows()[0], want, "round {round}, {simd}");
            }
        }
    }
}
