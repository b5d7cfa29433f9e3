//! The int32 group.

use std::ops::Range;

use isa::{form, rne};

use super::place::{Affine, Chip, walk};
use super::simd::twice;
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

#[inline(always)]
fn zip(a: &Lanes, b: &Lanes, f: impl Fn(i32, i32) -> i32) -> Lanes {
    let mut out = [0; 32];
    for lane in 0..32 {
        out[lane] = f(a[lane], b[lane]);
    }
    out
}

#[inline(always)]
fn map(a: &Lanes, f: impl Fn(i32) -> i32) -> Lanes {
    zip(a, a, |a, _| f(a))
}

#[inline(always)]
fn shift(a: i32, by: i32) -> i32 {
    if by >= 0 {
        rne(a.into(), by.unsigned_abs().min(63)) as i32
    } else {
        (i64::from(a) << by.unsigned_abs().min(32)) as i32
    }
}

#[inline(always)]
fn second(chip: Chip, form: u8, at: i64) -> Lanes {
    match form {
        form::ROW32 => chip.read32(at),
        form::LANE0 => [chip.read32(at)[0]; 32],
        form::ROW8 => chip.read8(at).map(i32::from),
        _ => [at as i32; 32],
    }
}

#[inline(always)]
fn apply(op: Op, a: &Lanes, b: &Lanes) -> Lanes {
    match op {
        Op::Add => zip(a, b, i32::wrapping_add),
        Op::Sub => zip(a, b, i32::wrapping_sub),
        Op::Mul => zip(a, b, i32::wrapping_mul),
        Op::MulRound(by) => {
            zip(a, b, |a, b| rne(i64::from(a) * i64::from(b), by).clamp(i32::MIN.into(), i32::MAX.into()) as i32)
        }
        Op::Min => zip(a, b, i32::min),
        Op::Max => zip(a, b, i32::max),
        Op::Shift(by) => zip(a, b, |a, b| shift(a, b.wrapping_add(by))),
        Op::Select => *b,
    }
}

/// `table[x + 128]` for each lane of x.
pub(super) fn words(table: &[Row; 32]) -> [i32; 256] {
    let bytes = table.as_flattened();
    std::array::from_fn(|e| i32::from_be_bytes([0, 1, 2, 3].map(|i| bytes[4 * e + i].cast_unsigned())))
}

twice! {
    fn binary(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 3], form: u8, op: Op, n: usize) {
        let keep = live(n);
        for [d, a, b] in walk(rows, n0, operands) {
            let (a, b) = (chip.read32(a), second(chip, form, b));
            let out = if op == Op::Select {
                let old = chip.read32(d);
                let mut out = old;
                for lane in 0..32 {
                    out[lane] = if a[lane] > 0 && keep[lane] != 0 { b[lane] } else { old[lane] };
                }
                out
            } else {
                zip(&apply(op, &a, &b), &keep, |x, keep| x & keep)
            };
            chip.write32(d, out);
        }
    }

    fn leading_zeros(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 2], n: usize) {
        let keep = live(n);
        for [d, a] in walk(rows, n0, operands) {
            let out = map(&chip.read32(a), |a| a.leading_zeros() as i32);
            chip.write32(d, zip(&out, &keep, |x, keep| x & keep));
        }
    }

    fn sum(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 2], n: usize) {
        let keep = live(n);
        for [d, a] in walk(rows, n0, operands) {
            let lanes = zip(&chip.read32(a), &keep, |a, keep| a & keep);
            chip.write32(d, [lanes.into_iter().fold(0, i32::wrapping_add); 32]);
        }
    }

    fn largest(chip: Chip, rows: Range<u64>, n0: u64, operands: [Affine; 2], n: usize) {
        let keep = live(n);
        for [d, a] in walk(rows, n0, operands) {
            let lanes = zip(&chip.read32(a), &keep, |a, keep| if keep == 0 { i32::MIN } else { a });
            chip.write32(d, [lanes.into_iter().fold(i32::MIN, i32::max); 32]);
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
