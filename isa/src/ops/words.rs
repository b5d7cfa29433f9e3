//! 32-bit words of rows, and of DRAM.

use super::{Place, region};
use crate::operands::start;
use crate::state::{Access, State, read_leaf};
use crate::table::{Lw, Sw};
use crate::word::Leaf;

/// Words in a row.
pub(super) const WORDS: u64 = 8;

/// Word `index` (below [`WORDS`]) of a row.
pub(super) fn get(row: &Leaf, index: u64) -> u32 {
    row.as_chunks::<4>().0.get(index as usize).map_or(0, |word| u32::from_be_bytes(*word))
}

fn place(reg: u8, imm: u32, code: u8, at: &Place<'_>) -> (Access, u64) {
    let word = start(imm, reg, at.regs).cast_unsigned();
    (Access::leaf(region(code), word / WORDS), word % WORDS)
}

pub(super) fn load<S: State>(state: &mut S, i: &Lw, at: &Place<'_>) -> Result<u32, S::Error> {
    let (row, word) = place(i.ra, i.imm, i.region, at);
    Ok(get(&read_leaf(state, row)?, word))
}

pub(super) fn store<S: State>(state: &mut S, i: &Sw, at: &Place<'_>) -> Result<(), S::Error> {
    let (row, word) = place(i.ra, i.imm, i.region, at);
    let mut leaf = read_leaf(state, row)?;
    if let Some(bytes) = leaf.as_chunks_mut::<4>().0.get_mut(word as usize) {
        *bytes = at.regs.x[usize::from(i.rb)].to_be_bytes();
    }
    state.update(row, &[leaf])
}
