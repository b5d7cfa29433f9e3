//! The operations of a micro-step, by group.

mod choose;
mod matrix;
mod rows;
pub(crate) mod scalar;
mod vector32;
mod vector8;
mod words;

use crate::field::{Operand, Wide};
use crate::operands::{Counts, counts, lanes, start};
use crate::profile::Profile;
use crate::regs::Regs;
use crate::state::{Access, State, Subtree, read_leaf};
use crate::table::Instr;
use crate::word::{Leaf, ROW32_LEAVES, Row32, ZERO, row32, row32_leaves};

/// Does the micro-step `regs.row` of an admitted instruction; answers the target of a taken branch.
pub(crate) fn execute<S: State>(
    state: &mut S,
    instr: &Instr,
    regs: &mut Regs,
    profile: &Profile,
) -> Result<Option<u32>, S::Error> {
    let place = Place::new(instr, regs, profile);
    let at = &place;
    match instr {
        Instr::Lw(i) => {
            let value = words::load(state, i, at)?;
            scalar::set(regs, i.rd, value);
        }
        Instr::Sw(i) => words::store(state, i, at)?,
        Instr::Load(i) => rows::load(state, i, at)?,
        Instr::Store(i) => rows::store(state, i, at)?,
        Instr::Gather(i) => rows::gather(state, i, at)?,
        Instr::Move(i) => rows::shift(state, i, at)?,
        Instr::Fill(i) => rows::fill(state, i, at)?,
        Instr::Matmul(i) => matrix::matmul(state, i, at)?,
        Instr::Dwmac(i) => matrix::dwmac(state, i, at)?,
        Instr::Vclz(i) => vector32::vclz(state, i, at)?,
        Instr::Vsum(i) => vector32::vsum(state, i, at)?,
        Instr::Vrmax(i) => vector32::vrmax(state, i, at)?,
        Instr::Lut32(i) => vector32::lut32(state, i, at)?,
        Instr::Requant(i) => vector8::requant(state, i, at)?,
        Instr::Addq(i) => vector8::addq(state, i, at)?,
        Instr::Maxq(i) => vector8::maxq(state, i, at)?,
        Instr::Lut(i) => vector8::lut(state, i, at)?,
        Instr::Trans(i) => vector8::trans(state, i, at)?,
        Instr::Argmax(i) => {
            let best = choose::argmax(state, i, at)?;
            if let Some((index, value)) = best {
                scalar::set(regs, i.rd, index);
                scalar::set(regs, i.rv, value);
            }
        }
        _ => {
            let Some(lanes) = lanes(instr) else { return Ok(scalar::execute(instr, regs)) };
            vector32::binary(state, instr, &lanes, at)?;
        }
    }
    Ok(None)
}

/// The sub-tree of a region's code, which has been judged.
fn region(code: u8) -> Subtree {
    Subtree::from_code(code).unwrap_or(Subtree::Work)
}

/// Where a micro-step stands in its loops. Addresses of admitted instructions are in bounds; others are cut to u64
/// and refused by the state.
#[derive(Clone, Copy)]
struct Place<'a> {
    counts: Counts,
    t: u64,
    i0: u64,
    i1: u64,
    regs: &'a Regs,
    profile: &'a Profile,
}

impl<'a> Place<'a> {
    fn new(instr: &Instr, regs: &'a Regs, profile: &'a Profile) -> Place<'a> {
        let counts = counts(instr, regs);
        let (kt, n0) = (u64::from(counts.kt.max(1)), u64::from(counts.n0.max(1)));
        Place { t: regs.row % kt, i0: regs.row / kt % n0, i1: regs.row / kt / n0, counts, regs, profile }
    }

    fn affine(&self, start: i64, s0: i64, s1: i64, sk: i64) -> u64 {
        let steps = |count: u64, stride: i64| count.cast_signed().wrapping_mul(stride);
        start
            .wrapping_add(steps(self.i0, s0))
            .wrapping_add(steps(self.i1, s1))
            .wrapping_add(steps(self.t, sk))
            .cast_unsigned()
    }

    fn near(&self, o: &Operand, sk: i16) -> u64 {
        self.affine(start(o.base, o.reg, self.regs), o.s0.into(), o.s1.into(), sk.into())
    }

    fn far(&self, m: &Wide) -> u64 {
        self.affine(start(m.base, m.reg, self.regs), m.s0.into(), m.s1.into(), 0)
    }

    fn first_tap(&self, accumulate: bool) -> bool {
        self.t == 0 && !accumulate
    }

    fn spad(row: u64) -> Access {
        Access::leaf(Subtree::Onchip, row)
    }

    fn acc(&self, row: u64) -> Access {
        Access { tree: Subtree::Onchip, index: self.profile.acc_leaf(row), height: 2 }
    }

    fn onchip(&self, row: u64, acc: bool) -> Access {
        if acc { self.acc(row) } else { Self::spad(row) }
    }

    /// Reads one row of spad.
    fn read_row<S: State>(state: &mut S, row: u64) -> Result<Leaf, S::Error> {
        read_leaf(state, Self::spad(row))
    }

    /// Reads one row32 of acc.
    fn read_row32<S: State>(&self, state: &mut S, row: u64) -> Result<Row32, S::Error> {
        let mut leaves = [ZERO; ROW32_LEAVES];
        state.read(self.acc(row), &mut leaves)?;
        Ok(row32(&leaves))
    }

    /// Overwrites one row32 of acc.
    fn write_row32<S: State>(&self, state: &mut S, row: u64, lanes: &Row32) -> Result<(), S::Error> {
        state.overwrite(self.acc(row), &row32_leaves(lanes))
    }

    /// Lanes that count.
    fn live(&self) -> usize {
        self.counts.n as usize
    }
}
