//! What an instruction names: its loop counts, and its operands as affine sets of rows in a space.

use crate::field::{Loop, Operand, Wide};
use crate::regs::Regs;
use crate::state::Subtree;
use crate::table::{Gather, Instr};
use crate::word::{LANES, PARAM_ROWS, TILE_ROWS};

/// A row32 is so many rows of DRAM, and begins at a multiple of them.
const ROW32_ROWS: u8 = 4;
const PARAM: u8 = PARAM_ROWS as u8;
const TILE: u8 = TILE_ROWS as u8;
/// Most entries of a `GATHER`.
pub(crate) const MAX_ENTRIES: u64 = 1 << 24;

/// Values of the field `form`: where the second operand of the int32 group comes from.
pub mod form {
    /// A row32 of acc.
    pub const ROW32: u8 = 0;
    /// Lane 0 of a row32 of acc, for every lane.
    pub const LANE0: u8 = 1;
    /// A row of spad, sign-extended.
    pub const ROW8: u8 = 2;
    /// The address itself, for every lane.
    pub const ADDRESS: u8 = 3;
}

/// The counts of an instruction after register substitution; 1 where it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Inner.
    pub n0: u32,
    /// Outer.
    pub n1: u32,
    /// Taps or k-tiles.
    pub kt: u32,
    /// Lanes, or bytes.
    pub n: u32,
}

/// The loop header, and which other counts an instruction has.
pub(crate) fn shape(instr: &Instr) -> Option<(Loop, Option<u16>, Option<u8>)> {
    Some(match instr {
        Instr::Load(i) => (i.lp, None, None),
        Instr::Store(i) => (i.lp, None, None),
        Instr::Gather(i) => (i.lp, None, None),
        Instr::Fill(i) => (i.lp, None, None),
        Instr::Maxq(i) => (i.lp, Some(i.kt), None),
        Instr::Matmul(i) => (i.lp, Some(i.kt), Some(i.n)),
        Instr::Dwmac(i) => (i.lp, Some(i.kt), Some(i.n)),
        Instr::Move(i) => (i.lp, None, Some(i.n)),
        Instr::Requant(i) => (i.lp, None, Some(i.n)),
        Instr::Addq(i) => (i.lp, None, Some(i.n)),
        Instr::Lut(i) => (i.lp, None, Some(i.n)),
        Instr::Trans(i) => (i.lp, None, Some(i.n)),
        Instr::Lut32(i) => (i.lp, None, Some(i.n)),
        Instr::Vclz(i) => (i.lp, None, Some(i.n)),
        Instr::Vsum(i) => (i.lp, None, Some(i.n)),
        Instr::Vrmax(i) => (i.lp, None, Some(i.n)),
        Instr::Argmax(i) => (i.lp, None, Some(i.n)),
        _ => {
            let lanes = lanes(instr)?;
            (lanes.lp, None, Some(lanes.n))
        }
    })
}

/// What the instructions of the int32 group with two operands share.
#[derive(Clone, Copy)]
pub(crate) struct Lanes {
    pub(crate) lp: Loop,
    pub(crate) d: Operand,
    pub(crate) a: Operand,
    pub(crate) b: Operand,
    pub(crate) n: u8,
    pub(crate) form: u8,
}

/// The common part of an instruction of the int32 group with two operands.
pub(crate) fn lanes(instr: &Instr) -> Option<Lanes> {
    macro_rules! lanes {
        ($($name:ident),*) => {
            match instr {
                $(Instr::$name(i) => Some(Lanes { lp: i.lp, d: i.d, a: i.a, b: i.b, n: i.n, form: i.form }),)*
                _ => None,
            }
        };
    }
    lanes!(Vadd, Vsub, Vmul, Vmulr, Vmin, Vmax, Vshr, Vsel)
}

/// Counts with the register's value in place, unchecked.
#[must_use]
pub fn counts(instr: &Instr, regs: &Regs) -> Counts {
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

/// First address of an operand: base + register, without wrap.
pub(crate) fn start(base: u32, reg: u8, regs: &Regs) -> i64 {
    i64::from(base) + i64::from(regs.x[usize::from(reg)])
}

/// Entries that a `GATHER` may choose from.
pub(crate) fn entries(i: &Gather, regs: &Regs) -> u64 {
    u64::from(i.limit) + u64::from(regs.x[usize::from(i.limit_reg)])
}

/// The smallest and largest row, or byte, that an operand names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hull {
    /// Smallest.
    pub lo: i64,
    /// Largest.
    pub hi: i64,
}

impl Hull {
    /// Whether it lies in `0..2^log2`.
    #[must_use]
    pub fn within(self, log2: u8) -> bool {
        self.lo >= 0 && self.hi < 1 << log2
    }

    /// Whether two have a row in common.
    #[must_use]
    pub fn meets(self, other: Hull) -> bool {
        self.lo <= other.hi && other.lo <= self.hi
    }
}

/// Where an operand lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// row8s on chip.
    Spad,
    /// row32s on chip.
    Acc,
    /// Rows of a DRAM region.
    Dram(Subtree),
}

/// What an instruction does with an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Read; must not meet a destination in its space.
    Source,
    /// Read row by row before the same row is written: may also be identical to the destination.
    InPlaceSource,
    /// Written, in any order of rows: must not meet itself.
    Destination,
    /// Written as if in order: may meet itself.
    OrderedDestination,
}

/// One operand of an instruction at issue: addresses `start + i0·s0 + i1·s1 (+ t·sk)`, each naming `width` rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Its space.
    pub space: Space,
    /// What is done with it.
    pub role: Role,
    /// First address: base + register.
    pub start: i64,
    /// Stride of the inner loop.
    pub s0: i64,
    /// Stride of the outer loop.
    pub s1: i64,
    /// Stride of the taps.
    pub sk: i64,
    /// Start and strides must be multiples of this.
    pub align: u8,
    /// All rows that it may name.
    pub rows: Hull,
}

/// The operands of a row-moving or word-moving instruction, those it has.
pub type Reaches = [Option<Reach>; 4];

/// Builds the operands of one instruction.
struct Scope<'a> {
    regs: &'a Regs,
    counts: Counts,
}

impl Scope<'_> {
    fn affine(&self, start: i64, [s0, s1, sk]: [i64; 3], space: Space, role: Role, align: u8) -> Reach {
        let rows = Hull { lo: start, hi: start + i64::from(align) - 1 };
        let reach = Reach { space, role, start, s0, s1, sk, align, rows };
        reach.over(self.counts.n0.into(), s0).over(self.counts.n1.into(), s1).over(self.counts.kt.into(), sk)
    }

    fn near(&self, o: &Operand, sk: i16, space: Space, role: Role, align: u8) -> Reach {
        self.affine(start(o.base, o.reg, self.regs), [o.s0.into(), o.s1.into(), sk.into()], space, role, align)
    }

    fn far(&self, m: &Wide, space: Space, role: Role, align: u8) -> Reach {
        self.affine(start(m.base, m.reg, self.regs), [m.s0.into(), m.s1.into(), 0], space, role, align)
    }

    fn weights(&self, base: u32, reg: u8, sk: i16, align: u8) -> Reach {
        self.affine(start(base, reg, self.regs), [0, 0, sk.into()], Space::Spad, Role::Source, align)
    }

    /// A word of DRAM, at register + immediate.
    fn word(&self, reg: u8, imm: u32, region: u8, role: Role) -> Reach {
        self.affine(start(imm, reg, self.regs) / WORDS, [0; 3], dram(region), role, 1)
    }
}

/// Words in a row.
const WORDS: i64 = LANES as i64 / 4;

impl Reach {
    fn over(mut self, count: u64, stride: i64) -> Reach {
        let reach = (count.cast_signed() - 1) * stride;
        self.rows.lo += reach.min(0);
        self.rows.hi += reach.max(0);
        self
    }

    /// Whether it names the same rows in the same order, as far as start and strides say.
    #[must_use]
    pub fn identical(&self, other: &Reach) -> bool {
        (self.start, self.s0, self.s1) == (other.start, other.s0, other.s1)
    }

    /// Whether start and strides are multiples of its alignment.
    #[must_use]
    pub fn aligned(&self) -> bool {
        [self.start, self.s0, self.s1, self.sk].iter().all(|v| v & (i64::from(self.align) - 1) == 0)
    }
}

fn dram(region: u8) -> Space {
    // A code without sub-tree is ILLEGAL before this matters.
    Space::Dram(Subtree::from_code(region).unwrap_or(Subtree::Head))
}

fn on_chip(acc: bool) -> Space {
    if acc { Space::Acc } else { Space::Spad }
}

/// The operands of an instruction, as registers and counts stand; counts must have been admitted.
#[must_use]
pub fn operands(instr: &Instr, regs: &Regs) -> Reaches {
    use Role::{Destination, InPlaceSource, OrderedDestination, Source};
    use Space::{Acc, Spad};
    let at = Scope { regs, counts: counts(instr, regs) };
    let row32 = |space: bool| if space { ROW32_ROWS } else { 1 };
    match instr {
        Instr::Lw(i) => [Some(at.word(i.ra, i.imm, i.region, Source)), None, None, None],
        Instr::Sw(i) => [Some(at.word(i.ra, i.imm, i.region, Destination)), None, None, None],
        Instr::Load(i) => {
            let to = at.near(&i.d, 0, on_chip(i.space), OrderedDestination, 1);
            [Some(to), Some(at.far(&i.m, dram(i.region), Source, row32(i.space))), None, None]
        }
        Instr::Store(i) => {
            let from = at.near(&i.d, 0, on_chip(i.space), Source, 1);
            [Some(from), Some(at.far(&i.m, dram(i.region), Destination, row32(i.space))), None, None]
        }
        Instr::Gather(i) => gather(i, &at),
        Instr::Move(i) => {
            let mut from = at.far(&i.m, Spad, Source, 1);
            from.rows.hi += i64::from(at.counts.n) - 1;
            from.rows = Hull { lo: from.rows.lo >> 5, hi: from.rows.hi >> 5 };
            [Some(at.near(&i.d, 0, Spad, OrderedDestination, 1)), Some(from), None, None]
        }
        Instr::Fill(i) => [Some(at.near(&i.d, 0, on_chip(i.space), OrderedDestination, 1)), None, None, None],
        Instr::Matmul(i) => [
            Some(at.near(&i.d, 0, Acc, Destination, 1)),
            Some(at.near(&i.a, i.a_sk, Spad, Source, 1)),
            Some(at.weights(i.w_base, i.w_reg, i.w_sk, TILE)),
            None,
        ],
        Instr::Dwmac(i) => [
            Some(at.near(&i.d, 0, Acc, Destination, 1)),
            Some(at.near(&i.a, i.a_sk, Spad, Source, 1)),
            Some(at.weights(i.w_base, i.w_reg, i.w_sk, 1)),
            None,
        ],
        Instr::Lut32(i) => [
            Some(at.near(&i.d, 0, Acc, Destination, 1)),
            Some(at.near(&i.a, 0, Spad, Source, 1)),
            Some(at.near(&i.b, 0, Spad, Source, TILE)),
            None,
        ],
        Instr::Requant(i) => [
            Some(at.near(&i.d, 0, Spad, Destination, 1)),
            Some(at.near(&i.a, 0, Acc, Source, 1)),
            Some(at.near(&i.b, 0, Spad, Source, PARAM)),
            None,
        ],
        Instr::Addq(i) => [
            Some(at.near(&i.d, 0, Spad, Destination, 1)),
            Some(at.near(&i.a, 0, Spad, InPlaceSource, 1)),
            Some(at.near(&i.b, 0, Spad, InPlaceSource, 1)),
            Some(at.weights(i.p_base, i.p_reg, 0, 1)),
        ],
        Instr::Maxq(i) => {
            [Some(at.near(&i.d, 0, Spad, Destination, 1)), Some(at.near(&i.a, i.a_sk, Spad, Source, 1)), None, None]
        }
        Instr::Lut(i) => [
            Some(at.near(&i.d, 0, Spad, Destination, 1)),
            Some(at.near(&i.a, 0, Spad, InPlaceSource, 1)),
            Some(at.near(&i.b, 0, Spad, Source, PARAM)),
            None,
        ],
        Instr::Trans(i) => {
            [Some(at.near(&i.d, 0, Spad, Destination, 1)), Some(at.near(&i.a, 0, Spad, Source, TILE)), None, None]
        }
        Instr::Argmax(i) => [Some(at.near(&i.a, 0, Acc, Source, 1)), None, None, None],
        _ => int32(instr, &at),
    }
}

fn gather(i: &Gather, at: &Scope<'_>) -> Reaches {
    let one = Scope { counts: Counts { n0: 1, ..at.counts }, ..*at };
    let entries = entries(i, at.regs).min(MAX_ENTRIES);
    let from = one.far(&i.m, dram(i.region), Role::Source, 1).over(entries, i.m.s0.into());
    let mut indices = one.affine(i.index.into(), [0; 3], Space::Spad, Role::Source, 1);
    indices.rows.hi += (i64::from(at.counts.n0) - 1) / WORDS;
    [Some(at.near(&i.d, 0, Space::Spad, Role::OrderedDestination, 1)), Some(from), Some(indices), None]
}

/// The int32 group: d and a in acc, b by its form.
fn int32(instr: &Instr, at: &Scope<'_>) -> Reaches {
    let place = |o: &Operand, role: Role| Some(at.near(o, 0, Space::Acc, role, 1));
    let both = |d: &Operand, a: &Operand| [place(d, Role::Destination), place(a, Role::InPlaceSource), None, None];
    match instr {
        Instr::Vclz(i) => both(&i.d, &i.a),
        Instr::Vsum(i) => both(&i.d, &i.a),
        Instr::Vrmax(i) => both(&i.d, &i.a),
        _ => {
            let Some(i) = lanes(instr) else { return [None; 4] };
            let [d, a, ..] = both(&i.d, &i.a);
            let b = match i.form {
                form::ROW32 | form::LANE0 => place(&i.b, Role::InPlaceSource),
                form::ROW8 => Some(at.near(&i.b, 0, Space::Spad, Role::Source, 1)),
                _ => None,
            };
            [d, a, b, None]
        }
    }
}
