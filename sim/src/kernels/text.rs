//! Writing a program's text: labels, loops, and the instructions in the forms that the kernels use.

use isa::{
    Add, And, Beq, Bgeu, Bne, Fill, Halt, Instr, Leaf, Li, Load, Loop, Matmul, Operand, Requant, Store, Sub, Subtree,
    Wide,
};

/// A scalar register.
pub(super) type Reg = u8;

/// Constants with numbers that follow one another.
macro_rules! numbered {
    ($type:ty, $first:expr; $name:ident $(, $rest:ident)*) => {
        const $name: $type = $first;
        numbered!($type, $first + 1; $($rest),*);
    };
    ($type:ty, $first:expr;) => {};
}
pub(super) use numbered;

/// Rows `base + x[reg] + i0·s0 + i1·s1` on chip.
pub(super) fn rows(base: usize, reg: Reg, s0: usize, s1: usize) -> Operand {
    Operand { base: base as u32, reg, s0: s0 as i16, s1: s1 as i16 }
}

/// The same of DRAM, or bytes of spad.
pub(super) fn wide(base: usize, reg: Reg, s0: usize, s1: usize) -> Wide {
    Wide { base: base as u32, reg, s0: s0 as i32, s1: s1 as i32 }
}

/// Two counts.
pub(super) fn counts(n0: usize, n1: usize) -> Loop {
    Loop::new(n0 as u16, n1 as u16)
}

/// A place that branches go to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label(usize);

/// A text in the making.
#[derive(Debug, Default)]
pub(super) struct Text {
    instrs: Vec<Instr>,
    labels: Vec<u32>,
    /// Branches, with the number of their label.
    branches: Vec<(usize, usize)>,
}

impl Text {
    /// Appends an instruction.
    pub(super) fn push(&mut self, instr: impl Into<Instr>) {
        self.instrs.push(instr.into());
    }

    /// A label to be placed later.
    pub(super) fn label(&mut self) -> Label {
        self.labels.push(0);
        Label(self.labels.len() - 1)
    }

    /// Places a label here.
    pub(super) fn place(&mut self, label: Label) {
        self.labels[label.0] = self.instrs.len() as u32;
    }

    /// A label placed here.
    pub(super) fn here(&mut self) -> Label {
        let label = self.label();
        self.place(label);
        label
    }

    fn branch(&mut self, instr: impl Into<Instr>, label: Label) {
        self.branches.push((self.instrs.len(), label.0));
        self.push(instr);
    }

    /// Goes to `label` if the registers differ.
    pub(super) fn unless_equal(&mut self, ra: Reg, rb: Reg, label: Label) {
        self.branch(Bne { ra, rb, imm: 0 }, label);
    }

    /// Goes to `label` if the registers are equal.
    pub(super) fn if_equal(&mut self, ra: Reg, rb: Reg, label: Label) {
        self.branch(Beq { ra, rb, imm: 0 }, label);
    }

    /// Goes to `label` if ra is not below rb.
    pub(super) fn unless_less(&mut self, ra: Reg, rb: Reg, label: Label) {
        self.branch(Bgeu { ra, rb, imm: 0 }, label);
    }

    /// rd = value.
    pub(super) fn set(&mut self, rd: Reg, value: usize) {
        self.push(Li { rd, imm: value as u32 });
    }

    /// rd += value.
    pub(super) fn add(&mut self, rd: Reg, value: usize) {
        self.push(Add { rd, ra: rd, rb: 0, imm: value as u32 });
    }

    /// rd = ra.
    pub(super) fn copy(&mut self, rd: Reg, ra: Reg) {
        self.push(Add { rd, ra, rb: 0, imm: 0 });
    }

    /// rd = total − rd, where `total` is a register.
    pub(super) fn other(&mut self, rd: Reg, total: Reg) {
        self.push(Sub { rd, ra: total, rb: rd, imm: 0 });
    }

    /// rd = (rd + value) mod size; size is a power of two.
    pub(super) fn turn(&mut self, rd: Reg, value: usize, size: usize) {
        self.add(rd, value);
        self.push(And { rd, ra: rd, rb: 0, imm: size as u32 - 1 });
    }

    /// rd += value, and 0 where that is x\[end\].
    pub(super) fn wrap(&mut self, rd: Reg, value: usize, end: Reg) {
        self.add(rd, value);
        let inside = self.label();
        self.unless_equal(rd, end, inside);
        self.set(rd, 0);
        self.place(inside);
    }

    /// Loads rows into spad.
    pub(super) fn load(&mut self, region: Subtree, lp: Loop, d: Operand, m: Wide) {
        self.push(Load { lp, d, m, region: region as u8, space: false });
    }

    /// Stores rows of spad to the output.
    pub(super) fn store(&mut self, lp: Loop, d: Operand, m: Wide) {
        self.push(Store { lp, d, m, region: Subtree::Output as u8, space: false });
    }

    /// Fills rows of spad.
    pub(super) fn fill(&mut self, lp: Loop, d: Operand, value: i8) {
        self.push(Fill { lp, d, imm: value.cast_unsigned().into(), space: false });
    }

    /// Requantises 32 lanes of row32s; the parameter block is at row `block`.
    pub(super) fn requant(&mut self, lp: Loop, d: Operand, a: Operand, block: Operand, zp: i8) {
        self.push(Requant { lp, d, a, b: block, n: 32, zp, lo: i8::MIN, hi: i8::MAX });
    }

    /// A product with whole tiles that lie one behind another.
    pub(super) fn matmul(&mut self, product: Matmul) {
        self.push(product);
    }

    /// Appends `halt` and gives the words.
    pub(super) fn finish(mut self) -> Vec<Leaf> {
        self.push(Halt {});
        for &(at, label) in &self.branches {
            let target = self.labels[label];
            match &mut self.instrs[at] {
                Instr::Beq(branch) => branch.imm = target,
                Instr::Bne(branch) => branch.imm = target,
                Instr::Bgeu(branch) => branch.imm = target,
                _ => {}
            }
        }
        self.instrs.iter().map(Instr::encode).collect()
    }
}
