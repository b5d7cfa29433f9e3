//! Products.

use super::Place;
use crate::operands::start;
use crate::state::{Access, State, Subtree};
use crate::table::{Dwmac, Matmul};
use crate::word::{LANES, Leaf, Row32, TILE_ROWS, ZERO, row32_leaves};

pub(super) fn matmul<S: State>(state: &mut S, i: &Matmul, at: &Place<'_>) -> Result<(), S::Error> {
    let a = Place::read_row(state, at.near(&i.a, i.a_sk))?;
    let tile = at.affine(start(i.w_base, i.w_reg, at.regs), 0, 0, i.w_sk.into());
    let mut weights = [ZERO; TILE_ROWS];
    state.read(Access { tree: Subtree::Onchip, index: tile, height: 5 }, &mut weights)?;
    let product = if i.tr { transposed(&a, &weights, i.k, at.live()) } else { straight(&a, &weights, i.k, at.live()) };
    accumulate(state, at, at.near(&i.d, 0), i.acc, &product)
}

/// `p[j] = Σ a[i] · tile[i][j]` over inputs i < k, for outputs j < n.
fn straight(a: &Leaf, tile: &[Leaf; TILE_ROWS], k: u8, n: usize) -> Row32 {
    let mut sums: Row32 = [0; LANES];
    for (input, row) in a.iter().zip(tile).take(k.into()) {
        for (sum, weight) in sums.iter_mut().zip(row).take(n) {
            *sum += product(*input, *weight);
        }
    }
    sums
}

/// `p[j] = Σ a[i] · tile[j][i]` over inputs i < k, for outputs j < n.
fn transposed(a: &Leaf, tile: &[Leaf; TILE_ROWS], k: u8, n: usize) -> Row32 {
    let mut sums: Row32 = [0; LANES];
    for (sum, row) in sums.iter_mut().zip(tile).take(n) {
        *sum = a.iter().zip(row).take(k.into()).map(|(input, weight)| product(*input, *weight)).sum();
    }
    sums
}

fn product(a: u8, b: u8) -> i32 {
    i32::from(a.cast_signed()) * i32::from(b.cast_signed())
}

pub(super) fn dwmac<S: State>(state: &mut S, i: &Dwmac, at: &Place<'_>) -> Result<(), S::Error> {
    let a = Place::read_row(state, at.near(&i.a, i.a_sk))?;
    let w = Place::read_row(state, at.affine(start(i.w_base, i.w_reg, at.regs), 0, 0, i.w_sk.into()))?;
    let mut products: Row32 = [0; LANES];
    for (lane, out) in products.iter_mut().enumerate().take(at.live()) {
        *out = product(a[lane], w[lane]);
    }
    accumulate(state, at, at.near(&i.d, 0), i.acc, &products)
}

/// Writes a product, or adds it to what is there, modulo 2³².
fn accumulate<S: State>(state: &mut S, at: &Place<'_>, row: u64, acc: bool, product: &Row32) -> Result<(), S::Error> {
    if at.first_tap(acc) {
        return at.write_row32(state, row, product);
    }
    let mut sums = at.read_row32(state, row)?;
    for (sum, product) in sums.iter_mut().zip(product) {
        *sum = sum.wrapping_add(*product);
    }
    state.update(at.acc(row), &row32_leaves(&sums))
}
