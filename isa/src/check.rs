//! What is decided at issue: legality, counts, limit, alignment, hulls, overlap. From instruction, registers and
//! profile alone; an instruction traps with no effect, or completes.

use crate::field::{Loop, Operand, Wide};
use crate::profile::Profile;
use crate::regs::{Regs, Status};
use crate::state::Subtree;
use crate::table::{Instr, spec};
use crate::word::{LANES, PARAM_ROWS, TILE_ROWS};

/// The counts of an instruction after register substitution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) n0: u32,
    pub(crate) n1: u32,
    pub(crate) kt: u32,
    pub(crate) n: u32,
}

/// The smallest and largest address that an affine operand names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hull {
    /// Smallest.
    pub lo: i64,
    /// Largest.
    pub hi: i64,
}

impl Hull {
    fn new(base: i64, levels: &[(u32, i64)], width: i64) -> Hull {
        let mut hull = Hull { lo: base, hi: base + width - 1 };
        for &(count, stride) in levels {
            let reach = (i64::from(count) - 1) * stride;
            hull.lo += reach.min(0);
            hull.hi += reach.max(0);
        }
        hull
    }

    fn within(self, log2: u8) -> bool {
        self.lo >= 0 && self.hi < 1 << log2
    }

    fn meets(self, other: Hull) -> bool {
        self.lo <= other.hi && other.lo <= self.hi
    }

    fn rows(self) -> Hull {
        Hull { lo: self.lo >> 5, hi: self.hi >> 5 }
    }
}

/// First address of an operand: base + register, without wrap.
pub(crate) fn start(base: u32, reg: u8, regs: &Regs) -> i64 {
    i64::from(base) + i64::from(regs.x[usize::from(reg)])
}

/// The loop header, and which other counts an instruction has.
fn shape(instr: &Instr) -> Option<(Loop, Option<u16>, Option<u8>)> {
    Some(match instr {
        Instr::Load(i) => (i.lp, None, None),
        Instr::Store(i) => (i.lp, None, None),
        Instr::Move(i) => (i.lp, None, Some(i.n)),
        Instr::Fill(i) => (i.lp, None, None),
        Instr::Matmul(i) => (i.lp, Some(i.kt), Some(i.n)),
        Instr::Requant(i) => (i.lp, None, Some(i.n)),
        Instr::Maxq(i) => (i.lp, Some(i.kt), None),
        _ => return None,
    })
}

/// Counts with the register's value in place, unchecked.
pub(crate) fn counts(instr: &Instr, regs: &Regs) -> Counts {
    let Some((lp, kt, n)) = shape(instr) else { return Counts { n0: 1, n1: 1, kt: 1, n: 1 } };
    let mut counts =
        Counts { n0: lp.n0.into(), n1: lp.n1.into(), kt: kt.map_or(1, u32::from), n: n.map_or(1, u32::from) };
    let value = regs.x[usize::from(lp.creg)];
    match lp.csel {
        Loop::N0 => counts.n0 = value,
        Loop::N1 => counts.n1 = value,
        Loop::KT => counts.kt = value,
        Loop::N => counts.n = value,
        _ => {}
    }
    counts
}

/// Micro-steps of an instruction whose counts have been admitted.
#[must_use]
pub fn micro_steps(instr: &Instr, regs: &Regs) -> u64 {
    let c = counts(instr, regs);
    u64::from(c.n0).wrapping_mul(c.n1.into()).wrapping_mul(c.kt.into())
}

/// Decides the traps of an instruction at issue, in the order ILLEGAL, COUNT, LIMIT, ALIGN, BOUNDS, OVERLAP.
///
/// # Errors
/// The status of the trap.
pub fn admit(instr: &Instr, regs: &Regs, profile: &Profile) -> Result<(), Status> {
    ensure(legal(instr), Status::Illegal)?;
    let c = counts(instr, regs);
    ensure(counts_in_range(instr, &c), Status::Count)?;
    let end = regs.steps.checked_add(micro_steps(instr, regs));
    ensure(end.is_some_and(|end| end <= profile.limit), Status::Limit)?;
    ensure(aligned(instr, regs), Status::Align)?;
    let Some(reach) = Reach::new(instr, regs, &c) else { return Ok(()) };
    ensure(reach.in_bounds(profile), Status::Bounds)?;
    ensure(!reach.overlaps, Status::Overlap)
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

fn legal(instr: &Instr) -> bool {
    let selected = shape(instr).is_none_or(|(lp, kt, n)| match lp.csel {
        Loop::NONE => lp.creg == 0,
        Loop::N0 => lp.n0 == 0,
        Loop::N1 => lp.n1 == 0,
        Loop::KT => kt == Some(0),
        Loop::N => n == Some(0),
        _ => false,
    });
    let fields = match instr {
        Instr::Load(i) => readable(i.region),
        Instr::Store(i) => writable(i.region),
        Instr::Fill(i) => i.space || i.imm < 256,
        Instr::Matmul(i) => !i.tr,
        Instr::Requant(i) => i.lo <= i.hi,
        _ => true,
    };
    spec(instr.opcode()).implemented && selected && fields
}

fn counts_in_range(instr: &Instr, c: &Counts) -> bool {
    let count = |value: u32| (1..=u32::from(u16::MAX)).contains(&value);
    let lanes = |value: u32| (1..=LANES as u32).contains(&value);
    let k = if let Instr::Matmul(i) = instr { lanes(i.k.into()) } else { true };
    count(c.n0) && count(c.n1) && count(c.kt) && lanes(c.n) && k
}

fn aligned(instr: &Instr, regs: &Regs) -> bool {
    let all = |values: [i64; 3], to: usize| values.iter().all(|v| v & (to as i64 - 1) == 0);
    let dram = |m: &Wide, space: bool| !space || all([start(m.base, m.reg, regs), m.s0.into(), m.s1.into()], 4);
    match instr {
        Instr::Load(i) => dram(&i.m, i.space),
        Instr::Store(i) => dram(&i.m, i.space),
        Instr::Matmul(i) => all([start(i.w_base, i.w_reg, regs), i.w_sk.into(), 0], TILE_ROWS),
        Instr::Requant(i) => all([start(i.b.base, i.b.reg, regs), i.b.s0.into(), i.b.s1.into()], PARAM_ROWS),
        _ => true,
    }
}

/// The hulls of a row-moving instruction by space, and whether two of them meet that must not.
struct Reach {
    spad: [Option<Hull>; 3],
    acc: Option<Hull>,
    dram: Option<(u8, Hull)>,
    overlaps: bool,
}

impl Reach {
    fn new(instr: &Instr, regs: &Regs, c: &Counts) -> Option<Reach> {
        let near = |o: &Operand, k: (u32, i64), width: usize| {
            let levels = [(c.n0, o.s0.into()), (c.n1, o.s1.into()), k];
            Hull::new(start(o.base, o.reg, regs), &levels, width as i64)
        };
        let far = |m: &Wide, width: i64| {
            Hull::new(start(m.base, m.reg, regs), &[(c.n0, m.s0.into()), (c.n1, m.s1.into())], width)
        };
        let folds = |s0: i64, s1: i64| self_overlaps(c, s0, s1);
        let mut reach = Reach { spad: [None; 3], acc: None, dram: None, overlaps: false };
        let mut place =
            |space: bool, hull: Hull| if space { reach.acc = Some(hull) } else { reach.spad[0] = Some(hull) };
        match instr {
            Instr::Load(i) => {
                place(i.space, near(&i.d, (1, 0), 1));
                reach.dram = Some((i.region, far(&i.m, if i.space { 4 } else { 1 })));
            }
            Instr::Store(i) => {
                place(i.space, near(&i.d, (1, 0), 1));
                reach.dram = Some((i.region, far(&i.m, if i.space { 4 } else { 1 })));
                reach.overlaps = folds(i.m.s0.into(), i.m.s1.into());
            }
            Instr::Fill(i) => place(i.space, near(&i.d, (1, 0), 1)),
            Instr::Move(i) => {
                let (to, from) = (near(&i.d, (1, 0), 1), far(&i.m, c.n.into()).rows());
                reach.spad = [Some(to), Some(from), None];
                // A run past the end of the row is out of bounds: a hull that no space contains.
                if u32::from(i.offset) + c.n > LANES as u32 {
                    reach.spad[2] = Some(Hull { lo: -1, hi: -1 });
                }
                reach.overlaps = to.meets(from);
            }
            Instr::Matmul(i) => {
                let tiles = [(c.kt, i.w_sk.into())];
                let w = Hull::new(start(i.w_base, i.w_reg, regs), &tiles, TILE_ROWS as i64);
                reach.spad = [Some(near(&i.a, (c.kt, i.a_sk.into()), 1)), Some(w), None];
                reach.acc = Some(near(&i.d, (1, 0), 1));
                reach.overlaps = folds(i.d.s0.into(), i.d.s1.into());
            }
            Instr::Requant(i) => {
                let (to, block) = (near(&i.d, (1, 0), 1), near(&i.b, (1, 0), PARAM_ROWS));
                reach.spad = [Some(to), Some(block), None];
                reach.acc = Some(near(&i.a, (1, 0), 1));
                reach.overlaps = to.meets(block) || folds(i.d.s0.into(), i.d.s1.into());
            }
            Instr::Maxq(i) => {
                let (to, from) = (near(&i.d, (1, 0), 1), near(&i.a, (c.kt, i.a_sk.into()), 1));
                reach.spad = [Some(to), Some(from), None];
                reach.overlaps = to.meets(from) || folds(i.d.s0.into(), i.d.s1.into());
            }
            _ => return None,
        }
        Some(reach)
    }

    fn in_bounds(&self, profile: &Profile) -> bool {
        let dram = |(region, hull): (u8, Hull)| {
            Subtree::from_code(region).is_some_and(|tree| hull.within(profile.depth(tree)))
        };
        self.spad.iter().flatten().all(|hull| hull.within(profile.spad))
            && self.acc.is_none_or(|hull| hull.within(profile.acc))
            && self.dram.is_none_or(dram)
    }
}

/// Whether an affine destination may name one row twice (a sufficient test, part of the ISA).
fn self_overlaps(c: &Counts, s0: i64, s1: i64) -> bool {
    let (n0, n1) = (i64::from(c.n0), i64::from(c.n1));
    let (s0, s1) = (s0.abs(), s1.abs());
    let distinct =
        (n0 == 1 || s0 != 0) && (n1 == 1 || s1 != 0) && (n0 == 1 || n1 == 1 || s1 >= s0 * n0 || s0 >= s1 * n1);
    !distinct
}
