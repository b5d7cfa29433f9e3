//! Lanes of int8.

use super::Place;
use crate::state::{Access, State, read_leaf};
use crate::table::{Maxq, Requant};
use crate::word::{PARAM_ROWS, ROW32_LEAVES, ZERO, rne, row32};

pub(super) fn requant<S: State>(state: &mut S, i: &Requant, at: &Place<'_>) -> Result<(), S::Error> {
    let mut sums = [ZERO; ROW32_LEAVES];
    state.read(at.acc(at.near(&i.a, 0)), &mut sums)?;
    let mut block = [ZERO; PARAM_ROWS];
    let block_at = Place::spad(at.near(&i.b, 0));
    state.read(Access { height: 3, ..block_at }, &mut block)?;
    let (halves, _) = block.as_chunks::<ROW32_LEAVES>();
    let (bias, scale) = (row32(&halves[0]), row32(&halves[1]));
    let mut out = ZERO;
    for (lane, sum) in row32(&sums).into_iter().enumerate().take(at.counts.n as usize) {
        let biased = i64::from(sum.wrapping_add(bias[lane]));
        let scale = scale[lane].cast_unsigned();
        let scaled = rne(biased * i64::from(scale & 0x00ff_ffff), scale >> 24 & 63);
        // |scaled| < 2^55, so adding the zero point cannot overflow.
        let clamped = (scaled + i64::from(i.zp)).max(i.lo.into()).min(i.hi.into());
        out[lane] = (clamped as i8).cast_unsigned();
    }
    state.overwrite(Place::spad(at.near(&i.d, 0)), &[out])
}

pub(super) fn maxq<S: State>(state: &mut S, i: &Maxq, at: &Place<'_>) -> Result<(), S::Error> {
    let a = read_leaf(state, Place::spad(at.near(&i.a, i.a_sk)))?;
    let to = Place::spad(at.near(&i.d, 0));
    if at.first_tap(i.acc) {
        return state.overwrite(to, &[a]);
    }
    let mut old = read_leaf(state, to)?;
    for (old, new) in old.iter_mut().zip(a) {
        *old = old.cast_signed().max(new.cast_signed()).cast_unsigned();
    }
    state.update(to, &[old])
}
