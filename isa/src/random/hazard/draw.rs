//! One instruction of a given kind, its operands placed; whether it may run is judged elsewhere.

use super::place::Wanted;
use super::{
    ADDQ, ADDQ_ROWS, ARENA_LOG2, BLOCK_ROWS, BLOCKS, CONST_LOG2, Hazards, INDEX_ROWS, INDICES, Role, Space, Special,
};
use crate::Wide;
use crate::field::{Loop, Operand};
use crate::operands::{Counts, form};
use crate::state::Subtree;
use crate::table::{
    Addq, Argmax, Dwmac, Fill, Gather, Instr, Load, Lut, Lut32, Lw, Matmul, Maxq, Move, Opcode, Requant, Store, Sw,
    Trans, Vadd, Vclz, Vmax, Vmin, Vmul, Vmulr, Vrmax, Vsel, Vshr, Vsub, Vsum,
};
use crate::word::{LANES, PARAM_ROWS, TILE_ROWS};

/// The instructions that have operands.
#[rustfmt::skip]
pub(super) const ROW_OPCODES: &[Opcode] = &[
    Opcode::Lw, Opcode::Sw, Opcode::Load, Opcode::Store, Opcode::Gather, Opcode::Move, Opcode::Fill, Opcode::Matmul,
    Opcode::Dwmac, Opcode::Vadd, Opcode::Vsub, Opcode::Vmul, Opcode::Vmulr, Opcode::Vmin, Opcode::Vmax, Opcode::Vshr,
    Opcode::Vclz, Opcode::Vsel, Opcode::Vsum, Opcode::Vrmax, Opcode::Lut32, Opcode::Requant, Opcode::Addq, Opcode::Maxq,
    Opcode::Lut, Opcode::Trans, Opcode::Argmax,
];

const TILE: i64 = TILE_ROWS as i64;
const PARAM: i64 = PARAM_ROWS as i64;

/// The counts of one instruction being drawn, as fields and as they will be.
#[derive(Clone, Copy)]
pub(super) struct Draft {
    lp: Loop,
    kt: u16,
    n: u8,
    counts: Counts,
}

impl Draft {
    fn wanted(&self, space: Space, role: Role) -> Wanted {
        Wanted { space, role, unit: 1, counts: Counts { kt: 1, ..self.counts }, taps: false }
    }

    fn aligned(&self, unit: i64) -> Wanted {
        Wanted { unit, ..self.wanted(Space::Spad, Role::Source) }
    }

    /// The operand that walks along the taps.
    fn taps(&self) -> Wanted {
        Wanted { counts: self.counts, taps: true, ..self.wanted(Space::Spad, Role::Source) }
    }

    /// Weights: they walk along the taps alone.
    fn weights(&self, unit: i64) -> Wanted {
        Wanted { unit, counts: Counts { n0: 1, n1: 1, ..self.counts }, ..self.taps() }
    }
}

fn dram(region: Subtree) -> Space {
    Space::Dram(region)
}

impl Hazards {
    fn count(&mut self, most: u64) -> u16 {
        if self.rng.one_in(4) { most as u16 } else { 1 + self.rng.below(most) as u16 }
    }

    /// Counts; one of those that the instruction has may come from a register.
    fn draft(&mut self, has_kt: bool, has_n: bool) -> Draft {
        let (inner, outer) = self.style.counts;
        let (n0, n1) = (self.count(inner), self.count(outer));
        let kt = if has_kt { [1, 1, 2, 3, 4, 9][self.rng.below(6) as usize] } else { 1 };
        let n = if self.rng.one_in(2) { LANES as u8 } else { 1 + self.rng.below(LANES as u64) as u8 };
        let mut lp = Loop::new(n0, n1);
        let mut counts = Counts { n0: n0.into(), n1: n1.into(), kt: kt.into(), n: if has_n { n.into() } else { 1 } };
        let (mut kt, mut n) = (kt, n);
        let creg = 1 + self.rng.below(14) as u8;
        let value = self.regs().x[usize::from(creg)];
        if self.rng.one_in(3) && (1..=32).contains(&value) {
            let (which, most) =
                [(Loop::N0, 24), (Loop::N1, 4), (Loop::KT, 9), (Loop::N, 32)][self.rng.below(4) as usize];
            let lacks = (which == Loop::KT && !has_kt) || (which == Loop::N && !has_n);
            if value <= most && !lacks {
                (lp.creg, lp.csel) = (creg, which);
                match which {
                    Loop::N0 => (lp.n0, counts.n0) = (0, value),
                    Loop::N1 => (lp.n1, counts.n1) = (0, value),
                    Loop::KT => (kt, counts.kt) = (0, value),
                    _ => (n, counts.n) = (0, value),
                }
            }
        }
        Draft { lp, kt, n, counts }
    }

    pub(super) fn draw(&mut self, opcode: Opcode) -> Instr {
        match opcode {
            Opcode::Lw | Opcode::Sw => self.word(opcode),
            Opcode::Load | Opcode::Store => self.transfer(opcode),
            Opcode::Gather => self.gather(),
            Opcode::Move => self.shift(),
            Opcode::Fill => self.fill(),
            Opcode::Matmul => self.matmul(),
            Opcode::Dwmac => self.dwmac(),
            Opcode::Lut32 => self.lut32(),
            Opcode::Requant => self.requant(),
            Opcode::Addq => self.addq(),
            Opcode::Maxq => self.maxq(),
            Opcode::Lut => self.lut(),
            Opcode::Trans => self.trans(),
            Opcode::Argmax => self.argmax(),
            _ => self.int32(opcode),
        }
    }

    fn region(&mut self, write: bool) -> Subtree {
        let all = [Subtree::Work, Subtree::Work, Subtree::Output, Subtree::Const, Subtree::Input];
        all[self.rng.below(if write { 3 } else { 5 }) as usize]
    }

    fn word(&mut self, opcode: Opcode) -> Instr {
        let store = opcode == Opcode::Sw;
        let (draft, region) = (self.one(), self.region(store));
        let role = if store { Role::Destination } else { Role::Source };
        let row = self.place(&draft.wanted(dram(region), role)).start;
        let word = self.rng.below(8).cast_signed();
        let (imm, ra) = self.split(8 * row + word);
        let (register, region) = (self.register(), region as u8);
        if store { Sw { ra, rb: register, imm, region }.into() } else { Lw { rd: register, ra, imm, region }.into() }
    }

    fn one(&self) -> Draft {
        Draft { lp: Loop::new(1, 1), kt: 1, n: 32, counts: Counts { n0: 1, n1: 1, kt: 1, n: 1 } }
    }

    fn transfer(&mut self, opcode: Opcode) -> Instr {
        let store = opcode == Opcode::Store;
        let (draft, region, space) = (self.draft(false, false), self.region(store), self.rng.one_in(2));
        let lp = draft.lp;
        let chip = if space { Space::Acc } else { Space::Spad };
        let (near, far) =
            if store { (Role::Source, Role::Destination) } else { (Role::OrderedDestination, Role::Source) };
        let d = self.near(&draft.wanted(chip, near)).0;
        let unit = if space { 4 } else { 1 };
        let m = self.far(&Wanted { unit, ..draft.wanted(dram(region), far) });
        let region = region as u8;
        if store { Store { lp, d, m, region, space }.into() } else { Load { lp, d, m, region, space }.into() }
    }

    fn gather(&mut self) -> Instr {
        let (draft, region) = (self.draft(false, false), self.region(false));
        let limit = 1 + self.rng.below(12) as u32;
        let entries = Counts { n0: limit, ..draft.counts };
        let m = self.far(&Wanted { counts: entries, ..draft.wanted(dram(region), Role::Source) });
        let rows = Counts { n0: draft.counts.n0.div_ceil(8), n1: 1, ..draft.counts };
        let index = self.place(&Wanted { counts: rows, ..draft.wanted(Space::Spad, Role::Source) }).start as u32;
        let index = self.known(Special::Indices).unwrap_or(index);
        let d = self.near(&draft.wanted(Space::Spad, Role::OrderedDestination)).0;
        let limit_reg = if self.rng.one_in(4) { 1 + self.rng.below(14) as u8 } else { 0 };
        let limit = limit.checked_sub(self.regs().x[usize::from(limit_reg)]);
        let limit_reg = if limit.is_some() { limit_reg } else { 0 };
        Gather { lp: draft.lp, d, m, region: region as u8, index, limit_reg, limit: limit.unwrap_or(1) }.into()
    }

    fn shift(&mut self) -> Instr {
        let draft = self.draft(false, true);
        let from = self.place(&draft.wanted(Space::Spad, Role::Source));
        let byte = self.rng.below(32).cast_signed();
        let mut stride = |rows: i64| {
            let bytes = [0, 0, 1, -1, i64::from(draft.counts.n)][self.rng.below(5) as usize];
            (32 * rows + bytes) as i32
        };
        let (s0, s1) = (stride(from.s0), stride(from.s1));
        let (base, reg) = self.split(32 * from.start + byte);
        let offset = self.rng.below(33u64.saturating_sub(draft.counts.n.into())) as u8;
        let d = self.near(&draft.wanted(Space::Spad, Role::OrderedDestination)).0;
        Move { lp: draft.lp, d, m: Wide { base, reg, s0, s1 }, n: draft.n, offset }.into()
    }

    fn fill(&mut self) -> Instr {
        let (draft, space) = (self.draft(false, false), self.rng.one_in(2));
        let d = self.near(&draft.wanted(if space { Space::Acc } else { Space::Spad }, Role::OrderedDestination)).0;
        let imm = self.rng.bits() as u32;
        Fill { lp: draft.lp, d, imm: if space { imm } else { imm & 0xff }, space }.into()
    }

    fn matmul(&mut self) -> Instr {
        let draft = self.draft(true, true);
        let (a, a_sk) = self.near(&draft.taps());
        let w = self.place(&draft.weights(TILE));
        let (w_base, w_reg) = self.split(w.start);
        let d = self.near(&draft.wanted(Space::Acc, Role::Destination)).0;
        let k = if self.rng.one_in(2) { 32 } else { 1 + self.rng.below(32) as u8 };
        let (acc, tr) = (self.rng.one_in(2), self.rng.one_in(3));
        let w_sk = w.sk as i16;
        Matmul { lp: draft.lp, d, a, w_base, w_reg, w_sk, a_sk, n: draft.n, k, kt: draft.kt, acc, tr }.into()
    }

    fn dwmac(&mut self) -> Instr {
        let draft = self.draft(true, true);
        let (mut a, mut a_sk) = self.near(&draft.taps());
        if self.rng.one_in(2) {
            // A window: the taps step as the pixels do, or half as far.
            let twice = if self.rng.one_in(3) { 2 } else { 1 };
            (a.s0, a_sk) = (twice, 1);
        }
        let w = self.place(&draft.weights(1));
        let (w_base, w_reg) = self.split(w.start);
        let d = self.near(&draft.wanted(Space::Acc, Role::Destination)).0;
        let acc = self.rng.one_in(2);
        Dwmac { lp: draft.lp, d, a, w_base, w_reg, w_sk: w.sk as i16, a_sk, n: draft.n, kt: draft.kt, acc }.into()
    }

    /// A destination and a source that is often the same.
    fn pair(&mut self, draft: &Draft, space: Space) -> (Operand, Operand) {
        let d = self.near(&draft.wanted(space, Role::Destination)).0;
        (d, self.source(draft, space, d))
    }

    fn source(&mut self, draft: &Draft, space: Space, d: Operand) -> Operand {
        if self.rng.one_in(3) { d } else { self.near(&draft.wanted(space, Role::InPlaceSource)).0 }
    }

    fn int32(&mut self, opcode: Opcode) -> Instr {
        let draft = self.draft(false, true);
        let (lp, n) = (draft.lp, draft.n);
        let (d, a) = self.pair(&draft, Space::Acc);
        let form = [form::ROW32, form::ROW32, form::LANE0, form::ROW8, form::ADDRESS][self.rng.below(5) as usize];
        let b = match form {
            form::ROW8 => self.near(&draft.wanted(Space::Spad, Role::Source)).0,
            form::ADDRESS => Operand { base: self.rng.below(40) as u32, ..Operand::new(0, 1, 3) },
            _ => self.source(&draft, Space::Acc, d),
        };
        let most = if self.rng.one_in(3) { 64 } else { 20 };
        let shift = self.rng.below(most) as u8;
        match opcode {
            Opcode::Vadd => Vadd { lp, d, a, b, n, form }.into(),
            Opcode::Vsub => Vsub { lp, d, a, b, n, form }.into(),
            Opcode::Vmul => Vmul { lp, d, a, b, n, form }.into(),
            Opcode::Vmulr => Vmulr { lp, d, a, b, n, form, shift }.into(),
            Opcode::Vmin => Vmin { lp, d, a, b, n, form }.into(),
            Opcode::Vmax => Vmax { lp, d, a, b, n, form }.into(),
            Opcode::Vshr => Vshr { lp, d, a, b, n, form, shift }.into(),
            Opcode::Vsel => Vsel { lp, d, a, b, n, form }.into(),
            Opcode::Vclz => Vclz { lp, d, a, n }.into(),
            Opcode::Vsum => Vsum { lp, d, a, n }.into(),
            _ => Vrmax { lp, d, a, n }.into(),
        }
    }

    fn lut32(&mut self) -> Instr {
        let draft = self.draft(false, true);
        let d = self.near(&draft.wanted(Space::Acc, Role::Destination)).0;
        let a = self.near(&draft.wanted(Space::Spad, Role::Source)).0;
        Lut32 { lp: draft.lp, d, a, b: self.near(&draft.aligned(TILE)).0, n: draft.n }.into()
    }

    fn lut(&mut self) -> Instr {
        let draft = self.draft(false, true);
        let (d, a) = self.pair(&draft, Space::Spad);
        Lut { lp: draft.lp, d, a, b: self.near(&draft.aligned(PARAM)).0, n: draft.n }.into()
    }

    fn requant(&mut self) -> Instr {
        let draft = self.draft(false, true);
        let d = self.near(&draft.wanted(Space::Spad, Role::Destination)).0;
        let a = self.near(&draft.wanted(Space::Acc, Role::Source)).0;
        let b = match self.known(Special::Block) {
            Some(row) => Operand::new(row, 0, 0),
            None => self.near(&draft.aligned(PARAM)).0,
        };
        let (x, y) = (self.rng.bits() as i8, self.rng.bits() as i8);
        let (lo, hi) = if self.rng.one_in(3) { (x.min(y), x.max(y)) } else { (i8::MIN, i8::MAX) };
        Requant { lp: draft.lp, d, a, b, n: draft.n, zp: self.rng.bits() as i8, lo, hi }.into()
    }

    fn addq(&mut self) -> Instr {
        let draft = self.draft(false, true);
        let (d, a) = self.pair(&draft, Space::Spad);
        let b = self.source(&draft, Space::Spad, d);
        let row = self.place(&self.one().wanted(Space::Spad, Role::Source)).start;
        let row = self.known(Special::Addq).map_or(row, i64::from);
        let (p_base, p_reg) = self.split(row);
        Addq { lp: draft.lp, d, a, b, n: draft.n, p_base, p_reg }.into()
    }

    fn maxq(&mut self) -> Instr {
        let draft = self.draft(true, false);
        let d = self.near(&draft.wanted(Space::Spad, Role::Destination)).0;
        let (a, a_sk) = self.near(&draft.taps());
        Maxq { lp: draft.lp, d, a, a_sk, kt: draft.kt, acc: self.rng.one_in(2) }.into()
    }

    fn trans(&mut self) -> Instr {
        let draft = self.draft(false, true);
        let d = self.near(&draft.wanted(Space::Spad, Role::Destination)).0;
        Trans { lp: draft.lp, d, a: self.near(&draft.aligned(TILE)).0, n: draft.n }.into()
    }

    fn argmax(&mut self) -> Instr {
        let draft = self.draft(false, true);
        let a = self.near(&draft.wanted(Space::Acc, Role::Source)).0;
        let (rd, rv) = (self.register(), self.register());
        let i_reg = if self.rng.one_in(3) { self.register() } else { 0 };
        Argmax { lp: draft.lp, rd, rv, a, i_base: 1, i_reg, n: draft.n, acc: self.rng.one_in(2) }.into()
    }

    /// Loads parameters of a kind into a place for them, and remembers it.
    pub(super) fn load_special(&mut self, special: Special) {
        let (first, rows, unit) = match special {
            Special::Block => (BLOCKS + 8 * self.rng.below(u64::from(BLOCK_ROWS) / 8) as u32, 8, PARAM),
            Special::Addq => (ADDQ + self.rng.below(ADDQ_ROWS.into()) as u32, 1, 1),
            Special::Indices => (INDICES + self.rng.below(u64::from(INDEX_ROWS) - 2) as u32, 3, 1),
        };
        let wanted = Wanted { unit, ..self.one().wanted(Space::Spad, Role::OrderedDestination) };
        let (hold, mut row) = (self.style.related, self.place(&wanted).start as u32);
        if self.rng.one_in(2) {
            self.style.related = 0;
            row = self.place(&wanted).start as u32;
            self.style.related = hold;
        }
        let lp = Loop::new(rows, 1);
        let (d, m) = (Operand::new(row, 1, 0), Wide::new(first, 1, 0));
        let load = Load { lp, d, m, region: Subtree::Const as u8, space: false }.into();
        if self.admitted(&load) {
            self.push(load);
            self.special.push((special, row));
            if self.special.len() > 4 {
                self.special.remove(0);
            }
        }
    }

    /// Rows of `const` and of the arenas, for a source of so many rows.
    pub(super) fn source_row(&mut self, region: Subtree, rows: u32) -> u32 {
        let log2 = if region == Subtree::Const { CONST_LOG2 } else { ARENA_LOG2 };
        self.rng.below(1 + (1u64 << log2).saturating_sub(rows.into())) as u32
    }
}
