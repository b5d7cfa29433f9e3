//! Lanes of int8.

use super::Place;
use crate::operands::start;
use crate::state::{Access, State};
use crate::table::{Addq, Lut, Maxq, Requant, Trans};
use crate::word::{LANES, PARAM_ROWS, ROW32_LEAVES, TILE_ROWS, ZERO, rne, row32};

pub(super) fn requant<S: State>(state: &mut S, i: &Requant, at: &Place<'_>) -> Result<(), S::Error> {
    let sums = at.read_row32(state, at.near(&i.a, 0))?;
    let mut block = [ZERO; PARAM_ROWS];
    let block_at = Place::spad(at.near(&i.b, 0));
    state.read(Access { height: 3, ..block_at }, &mut block)?;
    let (halves, _) = block.as_chunks::<ROW32_LEAVES>();
    let (bias, scale) = (row32(&halves[0]), row32(&halves[1]));
    let mut out = ZERO;
    for (lane, sum) in sums.into_iter().enumerate().take(at.live()) {
        let biased = i64::from(sum.wrapping_add(bias[lane]));
        let scale = scale[lane].cast_unsigned();
        let scaled = rne(biased * i64::from(scale & 0x00ff_ffff), scale >> 24 & 63);
        // |scaled| < 2^55, so adding the zero point cannot overflow.
        out[lane] = clamped(scaled + i64::from(i.zp), i.lo, i.hi);
    }
    state.overwrite(Place::spad(at.near(&i.d, 0)), &[out])
}

pub(super) fn maxq<S: State>(state: &mut S, i: &Maxq, at: &Place<'_>) -> Result<(), S::Error> {
    let a = Place::read_row(state, at.near(&i.a, i.a_sk))?;
    let to = Place::spad(at.near(&i.d, 0));
    if at.first_tap(i.acc) {
        return state.overwrite(to, &[a]);
    }
    let mut old = Place::read_row(state, to.index)?;
    for (old, new) in old.iter_mut().zip(a) {
        *old = old.cast_signed().max(new.cast_signed()).cast_unsigned();
    }
    state.update(to, &[old])
}

/// `min(max(x, lo), hi)` as a byte.
fn clamped(x: i64, lo: i8, hi: i8) -> u8 {
    (x.max(lo.into()).min(hi.into()) as i8).cast_unsigned()
}

pub(super) fn addq<S: State>(state: &mut S, i: &Addq, at: &Place<'_>) -> Result<(), S::Error> {
    let a = Place::read_row(state, at.near(&i.a, 0))?;
    let b = Place::read_row(state, at.near(&i.b, 0))?;
    let p = Place::read_row(state, start(i.p_base, i.p_reg, at.regs).cast_unsigned())?;
    let multiplier = |from: usize| i64::from(i32::from_be_bytes([p[from], p[from + 1], p[from + 2], p[from + 3]]));
    let [za, zb, zp, lo, hi] = [8, 9, 11, 12, 13].map(|at| p[at].cast_signed());
    let term = |x: u8, zero: i8, m: i64| (i64::from(x.cast_signed()) - i64::from(zero)) * m;
    let mut out = ZERO;
    for (lane, out) in out.iter_mut().enumerate().take(at.live()) {
        // |sum| < 2^41.
        let sum = term(a[lane], za, multiplier(0)) + term(b[lane], zb, multiplier(4));
        *out = clamped(rne(sum, u32::from(p[10] & 63)) + i64::from(zp), lo, hi);
    }
    state.overwrite(Place::spad(at.near(&i.d, 0)), &[out])
}

pub(super) fn lut<S: State>(state: &mut S, i: &Lut, at: &Place<'_>) -> Result<(), S::Error> {
    let a = Place::read_row(state, at.near(&i.a, 0))?;
    let mut table = [ZERO; PARAM_ROWS];
    state.read(Access { height: 3, ..Place::spad(at.near(&i.b, 0)) }, &mut table)?;
    let mut out = ZERO;
    for (out, byte) in out.iter_mut().zip(a).take(at.live()) {
        *out = table.as_flattened()[usize::from(byte ^ 0x80)];
    }
    state.overwrite(Place::spad(at.near(&i.d, 0)), &[out])
}

pub(super) fn trans<S: State>(state: &mut S, i: &Trans, at: &Place<'_>) -> Result<(), S::Error> {
    let mut tile = [ZERO; TILE_ROWS];
    state.read(Access { height: 5, ..Place::spad(at.near(&i.a, 0)) }, &mut tile)?;
    let column = (at.i0 % LANES as u64) as usize;
    let mut out = ZERO;
    for (out, row) in out.iter_mut().zip(&tile).take(at.live()) {
        *out = row[column];
    }
    state.overwrite(Place::spad(at.near(&i.d, 0)), &[out])
}
