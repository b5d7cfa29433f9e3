//! Products.

use super::Place;
use crate::check::start;
use crate::state::{Access, State, Subtree, read_leaf};
use crate::table::Matmul;
use crate::word::{LANES, ROW32_LEAVES, Row32, TILE_ROWS, ZERO, row32, row32_leaves};

pub(super) fn matmul<S: State>(state: &mut S, i: &Matmul, at: &Place<'_>) -> Result<(), S::Error> {
    let a = read_leaf(state, Place::spad(at.near(&i.a, i.a_sk)))?;
    let tile = at.affine(start(i.w_base, i.w_reg, at.regs), 0, 0, i.w_sk.into());
    let mut weights = [ZERO; TILE_ROWS];
    state.read(Access { tree: Subtree::Onchip, index: tile, height: 5 }, &mut weights)?;
    let mut sums: Row32 = [0; LANES];
    for (input, row) in a.iter().zip(&weights).take(i.k.into()) {
        for (sum, weight) in sums.iter_mut().zip(row).take(at.counts.n as usize) {
            *sum += i32::from(input.cast_signed()) * i32::from(weight.cast_signed());
        }
    }
    let to = at.acc(at.near(&i.d, 0));
    if at.first_tap(i.acc) {
        return state.overwrite(to, &row32_leaves(&sums));
    }
    let mut old = [ZERO; ROW32_LEAVES];
    state.read(to, &mut old)?;
    for (sum, old) in sums.iter_mut().zip(row32(&old)) {
        *sum = sum.wrapping_add(old);
    }
    state.update(to, &row32_leaves(&sums))
}
