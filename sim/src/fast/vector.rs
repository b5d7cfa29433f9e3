//! The int32 group.

use std::ops::Range;

use isa::form;

use super::place::{Affine, Chip, Walk, walk};
use super::simd::{Simd, twice};
use super::space::{Lanes, Row};

/// What an instruction with two operands does in a lane.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Add,
    Sub,
    Mul,
    MulRound(u32),
    Min,
    Max,
    Shift(i32),
    Select,
}

/// The lanes that count, as bits to keep.
fn live(n: usize) -> Lanes {
    std::array::from_fn(|lane| if lane < n { -1 } else { 0 })
}

/// Lanes that fill a vector: what a loop over rows works on, so that it stays in registers.
const PART: usize = 8;
type Part = [i32; PART];

#[inline(always)]
fn zip(a: Part, b: Part, f: impl Fn(i32, i32) -> i32) -> Part {
    let mut out = [0; PART];
    for lane in 0..PART {
        out[lane] = f(a[lane], b[lane]);
    }
    out
}

#[inline(always)]
fn parts(lanes: &Lanes) -> &[Part; 4] {
    // SAFETY: the same array, seen as four.
    unsafe { &*std::ptr::from_ref(lanes).cast() }
}

#[inline(always)]
fn shift(a: i32, by: i32) -> i32 {
    if by >= 0 { round(a.into(), by.unsigned_abs().min(63)) as i32 } else { left(a, by.unsigned_abs()) }
}

#[inline(always)]
fn left(a: i32, by: u32) -> i32 {
    if by < 32 { a << by } else { 0 }
}

/// `isa::rne` without a branch.
#[inline(always)]
fn round(x: i64, by: u32) -> i64 {
    let floor = x >> by;
    let rest = x & (1i64 << by).wrapping_sub(1);
    let half = (1u64 << by >> 1).cast_signed();
    let odd = floor & i64::from(half != 0);
    floor.wrapping_add(i64::from(rest.wrapping_sub(half).wrapping_add(odd & 1) > 0))
}

/// The second operand of a row, by its form; for every lane the same, or a vector at a time.
#[inline(always)]
fn second(chip: Chip, form: u8, at: i64) -> [Part; 4] {
    match form {
        form::ROW32 => *parts(&chip.read32(at)),
        form::LANE0 => [[chip.read32(at)[0]; PART]; 4],
        form::ROW8 => {
            let row = chip.read8(at);
            let mut out = [[0; PART]; 4];
            for (part, out) in out.iter_mut().enumerate() {
                for lane in 0..PART {
                    out[lane] = row[part * PART + lane].into();
                }
            }
            out
        }
        _ => [[at as i32; PART]; 4],
    }
}

/// `f(a, b, old)` in each lane that counts; the others become 0, or stay as they are if `keep`.
#[inline(always)]
fn lanes(chip: Chip, rows: Walk<3>, form: u8, (n, keep): (usize, bool), f: impl Fn(i32, i32, i32) -> i32) {
    let live = live(n);
    let live = parts(&live);
    for [d, a, b] in rows {
        let b = second(chip, form, b);
        // Rows are the same or apart, so that each vector is read before it is written.
        let (a, d): (*const Part, *mut Part) = (chip.acc(a).cast_const().cast(), chip.acc(d).cast());
        for part in 0..4 {
            // SAFETY: a row32 has four; nothing else touches these rows meanwhile.
            let (a, old) = unsafe { (a.add(part).read(), d.add(part).read()) };
            let mut out = [0; PART];
            for lane in 0..PART {
                let rest = if keep { old[lane] } else { 0 };
                let value = f(a[lane], b[part][lane], old[lane]);
                out[lane] = if live[part][lane] != 0 { value } else { rest };
            }
            // SAFETY: as above.
            unsafe { d.add(part).write(out) };
        }
    }
}

/// `table[x + 128]` for each lane of x.
pub(super) fn words(table: &[Row; 32]) -> [i32; 256] {
    let bytes = table.as_flattened();
    std::array::from_fn(|e| i32::from_be_bytes([0, 1, 2, 3].map(|i| bytes[4 * e + i].cast_unsigned())))
}

/// An instruction with two operands.
#[allow(clippy::too_many_arguments, reason = "a kernel takes its operands one by one")]
pub(super) fn binary(
    simd: Simd,
    chip: Chip,
    rows: Range<u64>,
    n0: u64,
    operands: [Affine; 3],
    form: u8,
    op: Op,
    n: usize,
) {
    #[cfg(target_arch = "x86_64")]
    if let Op::MulRound(by) = op
        && simd.avx2()
        && super::avx2::rounds_by(by)
    {
        // SAFETY: a `Simd` in use is one that this processor has.
        return unsafe { super::avx2::multiply_round(chip, rows, n0, operands, form, by, n) };
    }
    plain_binary(simd, chip, rows, n0, operands, form, op, n);
}

twice! {
    fn plain_binary(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 3], form: u8, op: Op, n: usize) {
        let rows = walk(rows, n0, operands);
        let some = (n, false);
        match op {
            Op::Add => lanes(chip, rows, form, some, |a, b, _| a.wrapping_add(b)),
            Op::Sub => lanes(chip, rows, form, some, |a, b, _| a.wrapping_sub(b)),
            Op::Mul => lanes(chip, rows, form, some, |a, b, _| a.wrapping_mul(b)),
            Op::MulRound(by) => lanes(chip, rows, form, some, |a, b, _| {
                let product = round(i64::from(a).wrapping_mul(b.into()), by);
                product.max(i32::MIN.into()).min(i32::MAX.into()) as i32
            }),
            Op::Min => lanes(chip, rows, form, some, |a, b, _| a.min(b)),
            Op::Max => lanes(chip, rows, form, some, |a, b, _| a.max(b)),
            Op::Shift(by) => lanes(chip, rows, form, some, |a, b, _| shift(a, b.wrapping_add(by))),
            Op::Select => lanes(chip, rows, form, (n, true), |a, b, old| if a > 0 { b } else { old }),
        }
    }

    fn leading_zeros(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 2], n: usize) {
        let keep = live(n);
        for [d, a] in walk(rows, n0, operands) {
            let mut out = chip.read32(a);
            for lane in 0..32 {
                out[lane] = out[lane].leading_zeros() as i32 & keep[lane];
            }
            chip.write32(d, out);
        }
    }

    fn sum(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 2], n: usize) {
        let keep = live(n);
        for [d, a] in walk(rows, n0, operands) {
            let row = chip.read32(a);
            let [w, x, y, z] = *parts(&row);
            let [p, q, r, s] = *parts(&keep);
            let and = |a, b| zip(a, b, |a, b| a & b);
            let add = |a, b| zip(a, b, i32::wrapping_add);
            let sums = add(add(and(w, p), and(x, q)), add(and(y, r), and(z, s)));
            chip.write32(d, [sums.into_iter().fold(0, i32::wrapping_add); 32]);
        }
    }

    fn largest(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 2], n: usize) {
        let keep = live(n);
        for [d, a] in walk(rows, n0, operands) {
            let row = chip.read32(a);
            let [w, x, y, z] = *parts(&row);
            let [p, q, r, s] = *parts(&keep);
            let of = |a, keep| zip(a, keep, |a, keep| if keep == 0 { i32::MIN } else { a });
            let max = |a, b| zip(a, b, i32::max);
            let most = max(max(of(w, p), of(x, q)), max(of(y, r), of(z, s)));
            chip.write32(d, [most.into_iter().fold(i32::MIN, i32::max); 32]);
        }
    }

    fn look_up(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 3], n: usize) {
        let mut table: Option<(i64, [i32; 256])> = None;
        for [d, a, b] in walk(rows, n0, operands) {
            let (_, table) = match &mut table {
                Some(table) if table.0 == b => table,
                other => other.insert((b, words(chip.rows8::<32>(b)))),
            };
            let a = chip.read8(a);
            let mut out = [0; 32];
            for lane in 0..n {
                out[lane] = table[usize::from(a[lane].cast_unsigned() ^ 0x80)];
            }
            chip.write32(d, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use isa::random::Rng;

    use super::*;
    use crate::fast::space::Space;

    #[test]
    fn multiplies_and_rounds_alike_with_any_instructions() {
        let mut rng = Rng::new(11);
        let at = |start| Affine { start, s0: 1, s1: 0 };
        for round in 0..20_000 {
            let by = rng.below(64) as u32;
            // Products near ties, and the ends of the range, among them.
            let mut number = |bits: u64| match rng.below(8) {
                0 => i32::MIN,
                1 => i32::MAX,
                2 | 3 => (rng.bits() as i32) << (bits / 2),
                _ => rng.bits() as i32 >> rng.below(32),
            };
            let [a, b]: [Lanes; 2] = std::array::from_fn(|_| std::array::from_fn(|_| number(u64::from(by) % 31)));
            let (form, n) = (rng.below(4) as u8, 1 + rng.below(32) as usize);
            let b_row = if form == form::ROW8 { 3 } else { 1 };
            let results = Simd::ALL.into_iter().filter(|simd| simd.is_available()).map(|simd| {
                let (mut spad, mut acc) = (Space::<Row>::new(5), Space::<Lanes>::new(2));
                spad.set(3, std::array::from_fn(|lane| b[lane] as i8));
                (0..).zip([a, b]).for_each(|(row, lanes)| acc.set(row, lanes));
                // SAFETY: one thread, and both live on.
                let chip = unsafe { Chip::new((spad.start(), spad.len()), (acc.start(), acc.len())) };
                let to = at((round % 3).into());
                binary(simd, chip, 0..1, 1, [to, at(0), at(b_row)], form, Op::MulRound(by), n);
                acc.rows()[to.start as usize]
            });
            let results: Vec<Lanes> = results.collect();
            assert!(results.iter().all(|lanes| *lanes == results[0]), "round {round}: {results:?}");
        }
    }

    #[test]
    fn rounds_as_isa_does() {
        let mut random = isa::random::Rng::new(5);
        for _ in 0..100_000 {
            let by = random.below(64) as u32;
            let x = (random.bits().cast_signed() >> 1) >> random.below(63);
            // Ties among them.
            let x = if random.one_in(3) {
                x >> by.min(62) << by.min(62) | ((1i64 << by >> 1) & ((1 << 61) - 1))
            } else {
                x
            };
            let x = x.clamp(-(1 << 62), 1 << 62);
            assert_eq!(round(x, by), isa::rne(x, by), "{x} by {by}");
        }
        for x in [-(1i64 << 62), 1 << 62, (1 << 62) - 1, 0, -1, 1] {
            (0..64).for_each(|by| assert_eq!(round(x, by), isa::rne(x, by), "{x} by {by}"));
        }
    }
}
