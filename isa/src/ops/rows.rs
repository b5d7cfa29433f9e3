//! Rows between DRAM and the chip, and inside spad.

use super::words::{self, WORDS};
use super::{Place, region};
use crate::operands::entries;
use crate::state::{Access, State, read_leaf};
use crate::table::{Fill, Gather, Load, Move, Store};
use crate::word::{LANES, Leaf, ROW32_LEAVES, ZERO};

fn copy<S: State>(state: &mut S, from: Access, to: Access) -> Result<(), S::Error> {
    let mut leaves = [ZERO; ROW32_LEAVES];
    let leaves = &mut leaves[..from.leaves()];
    state.read(from, leaves)?;
    state.overwrite(to, leaves)
}

fn dram(code: u8, row: u64, row32: bool) -> Access {
    Access { tree: region(code), index: row, height: if row32 { 2 } else { 0 } }
}

pub(super) fn load<S: State>(state: &mut S, i: &Load, at: &Place<'_>) -> Result<(), S::Error> {
    copy(state, dram(i.region, at.far(&i.m), i.space), at.onchip(at.near(&i.d, 0), i.space))
}

pub(super) fn store<S: State>(state: &mut S, i: &Store, at: &Place<'_>) -> Result<(), S::Error> {
    copy(state, at.onchip(at.near(&i.d, 0), i.space), dram(i.region, at.far(&i.m), i.space))
}

pub(super) fn gather<S: State>(state: &mut S, i: &Gather, at: &Place<'_>) -> Result<(), S::Error> {
    let indices = Place::read_row(state, u64::from(i.index) + at.i0 / WORDS)?;
    let index = words::get(&indices, at.i0 % WORDS);
    // An admitted limit is at least 1.
    let entry = u64::from(index).min(entries(i, at.regs).saturating_sub(1));
    let row = Place { i0: entry, ..*at }.far(&i.m);
    let leaf = read_leaf(state, dram(i.region, row, false))?;
    state.overwrite(Place::spad(at.near(&i.d, 0)), &[leaf])
}

pub(super) fn fill<S: State>(state: &mut S, i: &Fill, at: &Place<'_>) -> Result<(), S::Error> {
    let [.., low] = i.imm.to_be_bytes();
    let mut leaf = [low; LANES];
    if i.space {
        leaf.as_chunks_mut::<4>().0.fill(i.imm.to_be_bytes());
    }
    let to = at.onchip(at.near(&i.d, 0), i.space);
    state.overwrite(to, &[leaf; ROW32_LEAVES][..to.leaves()])
}

pub(super) fn shift<S: State>(state: &mut S, i: &Move, at: &Place<'_>) -> Result<(), S::Error> {
    let byte = at.far(&i.m);
    let (row, from) = (byte / LANES as u64, (byte % LANES as u64) as usize);
    let (to, len) = (usize::from(i.offset), at.counts.n as usize);
    let mut pair = [0; 2 * LANES];
    pair[..LANES].copy_from_slice(&Place::read_row(state, row)?);
    if from + len > LANES {
        pair[LANES..].copy_from_slice(&Place::read_row(state, row.wrapping_add(1))?);
    }
    let target = Place::spad(at.near(&i.d, 0));
    let mut leaf: Leaf = read_leaf(state, target)?;
    // Admitted runs fit; the bound only keeps a state that no run reaches from reading past the row.
    let len = len.min(LANES.saturating_sub(to));
    leaf[to..to + len].copy_from_slice(&pair[from..from + len]);
    state.update(target, &[leaf])
}
