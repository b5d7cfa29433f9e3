//! What is decided at issue: legality, counts, limit, alignment, hulls, overlap. From instruction, registers and
//! profile alone; an instruction traps with no effect, or completes.

use crate::field::Loop;
use crate::operands::{
    Counts, MAX_ENTRIES, Reach, Reaches, Role, Space, counts, entries, micro_steps, operands, shape,
};
use crate::profile::Profile;
use crate::regs::{Regs, Status};
use crate::state::Subtree;
use crate::table::{Argmax, Instr};
use crate::word::LANES;

/// Decides the traps of an instruction at issue, in the order ILLEGAL, COUNT, LIMIT, ALIGN, BOUNDS, OVERLAP.
///
/// # Errors
/// The status of the trap.
pub fn admit(instr: &Instr, regs: &Regs, profile: &Profile) -> Result<(), Status> {
    ensure(legal(instr), Status::Illegal)?;
    let c = counts(instr, regs);
    ensure(counts_in_range(instr, &c, regs), Status::Count)?;
    let end = regs.steps.checked_add(micro_steps(instr, regs));
    ensure(end.is_some_and(|end| end <= profile.limit), Status::Limit)?;
    let reaches = operands(instr, regs);
    let mut all = reaches.iter().flatten();
    ensure(all.clone().all(Reach::aligned), Status::Align)?;
    ensure(all.clone().all(|reach| in_bounds(reach, profile)) && fits_its_row(instr, &c), Status::Bounds)?;
    ensure(!all.any(|reach| overlaps(reach, &reaches, &c)), Status::Overlap)
}

fn ensure(condition: bool, otherwise: Status) -> Result<(), Status> {
    if condition { Ok(()) } else { Err(otherwise) }
}

fn readable(region: u8) -> bool {
    matches!(Subtree::from_code(region), Some(Subtree::Const | Subtree::Input | Subtree::Work | Subtree::Output))
}

fn writable(region: u8) -> bool {
    matches!(Subtree::from_code(region), Some(Subtree::Work | Subtree::Output))
}

/// Whether an instruction has a meaning: by itself, so that it may be asked in every row.
pub(crate) fn legal(instr: &Instr) -> bool {
    let selected = shape(instr).is_none_or(|(lp, kt, n)| match lp.csel {
        Loop::NONE => lp.creg == 0,
        Loop::N0 => lp.n0 == 0,
        Loop::N1 => lp.n1 == 0,
        Loop::KT => kt == Some(0),
        Loop::N => n == Some(0),
        _ => false,
    });
    let fields = match instr {
        Instr::Lw(i) => readable(i.region),
        Instr::Sw(i) => writable(i.region),
        Instr::Load(i) => readable(i.region),
        Instr::Store(i) => writable(i.region),
        Instr::Gather(i) => readable(i.region),
        Instr::Fill(i) => i.space || i.imm < 256,
        Instr::Requant(i) => i.lo <= i.hi,
        Instr::Argmax(i) => results_are_apart(i),
        _ => true,
    };
    selected && fields
}

/// `ARGMAX` carries its results from row to row in registers, so nothing else may come from them.
fn results_are_apart(i: &Argmax) -> bool {
    let read = |reg: u8| reg == i.a.reg || reg == i.i_reg || (i.lp.csel != Loop::NONE && reg == i.lp.creg);
    i.rd != 0 && i.rv != 0 && i.rd != i.rv && !read(i.rd) && !read(i.rv)
}

fn counts_in_range(instr: &Instr, c: &Counts, regs: &Regs) -> bool {
    let count = |value: u32| (1..=u32::from(u16::MAX)).contains(&value);
    let lanes = |value: u32| (1..=LANES as u32).contains(&value);
    let own = match instr {
        Instr::Matmul(i) => lanes(i.k.into()),
        Instr::Gather(i) => (1..=MAX_ENTRIES).contains(&entries(i, regs)),
        _ => true,
    };
    count(c.n0) && count(c.n1) && count(c.kt) && lanes(c.n) && own
}

fn in_bounds(reach: &Reach, profile: &Profile) -> bool {
    reach.rows.within(match reach.space {
        Space::Spad => profile.spad,
        Space::Acc => profile.acc,
        Space::Dram(region) => profile.depth(region),
    })
}

/// A run of `MOVE` past the end of the row that it writes is out of bounds.
fn fits_its_row(instr: &Instr, c: &Counts) -> bool {
    if let Instr::Move(i) = instr { u32::from(i.offset) + c.n <= LANES as u32 } else { true }
}

/// Whether a destination meets itself or a source that it must not meet.
fn overlaps(to: &Reach, all: &Reaches, c: &Counts) -> bool {
    let meets = |from: &Reach| match from.role {
        Role::Source => to.rows.meets(from.rows),
        Role::InPlaceSource => to.rows.meets(from.rows) && !to.identical(from),
        Role::Destination | Role::OrderedDestination => false,
    };
    match to.role {
        Role::Source | Role::InPlaceSource => return false,
        Role::Destination if self_overlaps(c, to.s0, to.s1) => return true,
        _ => {}
    }
    all.iter().flatten().any(|from| from.space == to.space && meets(from))
}

/// Whether an affine destination may name one row twice (a sufficient test, part of the ISA).
fn self_overlaps(c: &Counts, s0: i64, s1: i64) -> bool {
    let (n0, n1) = (i64::from(c.n0), i64::from(c.n1));
    let (s0, s1) = (s0.abs(), s1.abs());
    let distinct =
        (n0 == 1 || s0 != 0) && (n1 == 1 || s1 != 0) && (n0 == 1 || n1 == 1 || s1 >= s0 * n0 || s0 >= s1 * n1);
    !distinct
}
