//! The operations of a micro-step, by group.

mod matrix;
mod rows;
pub(crate) mod scalar;
mod vector8;

use crate::check::{Counts, counts, start};
use crate::field::{Operand, Wide};
use crate::profile::Profile;
use crate::regs::Regs;
use crate::state::{Access, State, Subtree};
use crate::table::Instr;

/// Does the micro-step `regs.row` of an admitted instruction; answers the target of a taken branch.
pub(crate) fn execute<S: State>(
    state: &mut S,
    instr: &Instr,
    regs: &mut Regs,
    profile: &Profile,
) -> Result<Option<u32>, S::Error> {
    let at = Place::new(instr, regs, profile);
    match instr {
        Instr::Load(i) => rows::load(state, i, &at)?,
        Instr::Store(i) => rows::store(state, i, &at)?,
        Instr::Move(i) => rows::shift(state, i, &at)?,
        Instr::Fill(i) => rows::fill(state, i, &at)?,
        Instr::Matmul(i) => matrix::matmul(state, i, &at)?,
        Instr::Requant(i) => vector8::requant(state, i, &at)?,
        Instr::Maxq(i) => vector8::maxq(state, i, &at)?,
        scalar => return Ok(scalar::execute(scalar, regs)),
    }
    Ok(None)
}

/// Where a micro-step stands in its loops. Addresses of admitted instructions are in bounds; others are cut to u64
/// and refused by the state.
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
}
