//! An admitted instruction: what the scoreboard compares and what its unit walks.

use isa::{Instr, Opcode, Reach, Reaches, Regs, Role, Space, Subtree, counts, operands};

/// Units in the order of the scoreboard.
pub(crate) const UNITS: usize = 6;
pub(crate) const LOAD: usize = 0;
pub(crate) const STORE: usize = 1;
pub(crate) const MOVE: usize = 2;
pub(crate) const MATRIX: usize = 3;
pub(crate) const DEPTHWISE: usize = 4;
pub(crate) const VECTOR: usize = 5;

/// The unit that executes it; `None` where the front end does.
pub(crate) fn unit(instr: &Instr) -> Option<usize> {
    Some(match instr.opcode() {
        Opcode::Load | Opcode::Gather => LOAD,
        Opcode::Store | Opcode::Sw | Opcode::Lw | Opcode::Mark => STORE,
        Opcode::Move | Opcode::Fill => MOVE,
        Opcode::Matmul => MATRIX,
        Opcode::Dwmac => DEPTHWISE,
        _ if isa::spec(instr.opcode()).group == isa::Group::Control => return None,
        _ => VECTOR,
    })
}

/// One instruction on its way through the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Op {
    pub(crate) instr: Instr,
    pub(crate) unit: usize,
    /// Which layer it is of, counted from 0.
    pub(crate) layer: usize,
    pub(crate) n0: u32,
    pub(crate) n1: u32,
    pub(crate) kt: u32,
    pub(crate) n: u32,
    /// In the order of [`isa::operands`].
    pub(crate) reaches: Reaches,
}

impl Op {
    pub(crate) fn new(instr: &Instr, unit: usize, layer: usize, regs: &Regs) -> Op {
        let c = counts(instr, regs);
        Op { instr: *instr, unit, layer, n0: c.n0, n1: c.n1, kt: c.kt, n: c.n, reaches: operands(instr, regs) }
    }

    /// Rows of its loop.
    pub(crate) fn rows(&self) -> u64 {
        u64::from(self.n0) * u64::from(self.n1)
    }

    /// A walk over one of its operands; over nothing where it has none.
    pub(crate) fn walk(&self, operand: usize) -> Walk {
        let (start, s0, s1) = self.reaches[operand].map_or((0, 0, 0), |reach| (reach.start, reach.s0, reach.s1));
        Walk { start, s0, s1, n0: self.n0, n1: self.n1, i0: 0, i1: 0 }
    }

    /// Rows of DRAM that it moves.
    pub(crate) fn dram_rows(&self) -> u64 {
        let wide = match self.instr {
            Instr::Load(i) => i.space,
            Instr::Store(i) => i.space,
            Instr::Gather(_) => false,
            Instr::Lw(_) | Instr::Sw(_) => return 1,
            _ => return 0,
        };
        self.rows() * if wide { 4 } else { 1 }
    }

    /// Products that count.
    pub(crate) fn macs(&self) -> u64 {
        let taps = self.rows() * u64::from(self.kt) * u64::from(self.n);
        match self.instr {
            Instr::Matmul(i) => taps * u64::from(i.k),
            Instr::Dwmac(_) => taps,
            _ => 0,
        }
    }

    /// Whether two must keep their order: one writes rows that the other reads or writes. `const` and `input` are never
    /// written.
    pub(crate) fn conflicts(&self, older: &Op) -> bool {
        let mine = self.reaches.iter().flatten();
        mine.clone().any(|mine| older.reaches.iter().flatten().any(|theirs| meets(mine, theirs)))
    }
}

fn writes(reach: &Reach) -> bool {
    matches!(reach.role, Role::Destination | Role::OrderedDestination)
}

fn meets(one: &Reach, other: &Reach) -> bool {
    (writes(one) || writes(other)) && one.space == other.space && one.rows.meets(other.rows) && shared(one.space)
}

fn shared(space: Space) -> bool {
    !matches!(space, Space::Dram(Subtree::Const | Subtree::Input))
}

/// The addresses start + i0·s0 + i1·s1, i0 innermost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Walk {
    start: i64,
    s0: i64,
    s1: i64,
    n0: u32,
    n1: u32,
    i0: u32,
    i1: u32,
}

impl Walk {
    pub(crate) fn at(&self) -> i64 {
        self.start + i64::from(self.i0) * self.s0 + i64::from(self.i1) * self.s1
    }

    pub(crate) fn last_inner(&self) -> bool {
        self.i0 + 1 == self.n0
    }

    pub(crate) fn last(&self) -> bool {
        self.last_inner() && self.i1 + 1 == self.n1
    }

    /// To the next one; after the last comes the first.
    pub(crate) fn step(&mut self) {
        self.i0 += 1;
        if self.i0 == self.n0 {
            self.i0 = 0;
            self.i1 += 1;
            if self.i1 == self.n1 {
                self.i1 = 0;
            }
        }
    }
}
