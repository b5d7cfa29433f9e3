//! Lanes of int32.

use super::{Place, words};
use crate::operands::{Lanes, form};
use crate::state::{Access, State, Subtree, read_leaf};
use crate::table::{Instr, Lut32, Vclz, Vrmax, Vsum};
use crate::word::{LANES, Row32, TILE_ROWS, ZERO, rne, row32_leaves};

/// An instruction with two operands: lanes j ≥ n of the result are 0, those of `VSEL` stay.
pub(super) fn binary<S: State>(state: &mut S, instr: &Instr, i: &Lanes, at: &Place<'_>) -> Result<(), S::Error> {
    let a = at.read_row32(state, at.near(&i.a, 0))?;
    let b = second(state, i, at)?;
    let to = at.near(&i.d, 0);
    if matches!(instr, Instr::Vsel(_)) {
        let mut d = at.read_row32(state, to)?;
        for (lane, d) in d.iter_mut().enumerate().take(at.live()) {
            *d = if a[lane] > 0 { b[lane] } else { *d };
        }
        return state.update(at.acc(to), &row32_leaves(&d));
    }
    let mut out: Row32 = [0; LANES];
    for (lane, out) in out.iter_mut().enumerate().take(at.live()) {
        *out = lane_of(instr, a[lane], b[lane]);
    }
    at.write_row32(state, to, &out)
}

/// The lanes of b, by its form.
fn second<S: State>(state: &mut S, i: &Lanes, at: &Place<'_>) -> Result<Row32, S::Error> {
    let address = at.near(&i.b, 0);
    match i.form {
        form::ROW32 => at.read_row32(state, address),
        form::LANE0 => {
            let row = Access { height: 0, ..at.acc(address) };
            Ok([words::get(&read_leaf(state, row)?, 0).cast_signed(); LANES])
        }
        form::ROW8 => {
            let row = Place::read_row(state, address)?;
            Ok(row.map(|byte| byte.cast_signed().into()))
        }
        _ => Ok([(address as u32).cast_signed(); LANES]),
    }
}

fn lane_of(instr: &Instr, a: i32, b: i32) -> i32 {
    match instr {
        Instr::Vadd(_) => a.wrapping_add(b),
        Instr::Vsub(_) => a.wrapping_sub(b),
        Instr::Vmul(_) => a.wrapping_mul(b),
        Instr::Vmulr(i) => {
            let product = rne(i64::from(a) * i64::from(b), i.shift.into());
            product.clamp(i32::MIN.into(), i32::MAX.into()) as i32
        }
        Instr::Vmin(_) => a.min(b),
        Instr::Vmax(_) => a.max(b),
        Instr::Vshr(i) => shift(a, b.wrapping_add(i.shift.into())),
        // Only the instructions with two operands come here.
        _ => 0,
    }
}

/// Right with rounding by `by`, or left by `-by` modulo 2³².
fn shift(a: i32, by: i32) -> i32 {
    if by >= 0 {
        rne(a.into(), by.unsigned_abs().min(63)) as i32
    } else {
        (i64::from(a) << by.unsigned_abs().min(32)) as i32
    }
}

pub(super) fn vclz<S: State>(state: &mut S, i: &Vclz, at: &Place<'_>) -> Result<(), S::Error> {
    let a = at.read_row32(state, at.near(&i.a, 0))?;
    let mut out: Row32 = [0; LANES];
    for (out, a) in out.iter_mut().zip(a).take(at.live()) {
        *out = a.leading_zeros() as i32;
    }
    at.write_row32(state, at.near(&i.d, 0), &out)
}

pub(super) fn vsum<S: State>(state: &mut S, i: &Vsum, at: &Place<'_>) -> Result<(), S::Error> {
    let a = at.read_row32(state, at.near(&i.a, 0))?;
    let sum = a.into_iter().take(at.live()).fold(0, i32::wrapping_add);
    at.write_row32(state, at.near(&i.d, 0), &[sum; LANES])
}

pub(super) fn vrmax<S: State>(state: &mut S, i: &Vrmax, at: &Place<'_>) -> Result<(), S::Error> {
    let a = at.read_row32(state, at.near(&i.a, 0))?;
    let max = a.into_iter().take(at.live()).fold(i32::MIN, i32::max);
    at.write_row32(state, at.near(&i.d, 0), &[max; LANES])
}

pub(super) fn lut32<S: State>(state: &mut S, i: &Lut32, at: &Place<'_>) -> Result<(), S::Error> {
    let a = Place::read_row(state, at.near(&i.a, 0))?;
    let mut table = [ZERO; TILE_ROWS];
    state.read(Access { tree: Subtree::Onchip, index: at.near(&i.b, 0), height: 5 }, &mut table)?;
    let mut out: Row32 = [0; LANES];
    for (out, byte) in out.iter_mut().zip(a).take(at.live()) {
        let entry = u64::from(byte ^ 0x80);
        *out = words::get(&table[(entry / words::WORDS) as usize], entry % words::WORDS).cast_signed();
    }
    at.write_row32(state, at.near(&i.d, 0), &out)
}
