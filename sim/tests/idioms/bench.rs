//! Text on the reference, with its memories laid out by hand and read before `HALT` clears them.

use isa::{Instr, Leaf, Memory, Profile, Row32, Status, Stepped, Subtree, ZERO, row32, row32_leaves, step};

/// Large enough for all of the tests.
pub(crate) const PROFILE: Profile =
    Profile { limit: 1 << 40, text: 12, constant: 14, input: 8, work: 12, output: 12, spad: 13, acc: 11 };

/// The reference, about to run.
pub(crate) struct Bench {
    memory: Memory,
    end: u32,
    constants: u64,
}

impl Bench {
    pub(crate) fn new(text: &[Instr]) -> Bench {
        let words: Vec<Leaf> = text.iter().map(Instr::encode).collect();
        let memory = Memory::new(&[ZERO, PROFILE.to_leaf(), ZERO, ZERO], &words, &[], &[]);
        // Registers from 8 on are the pool of constants in these tests; counters of loops are below.
        let constant =
            |instr: &&Instr| matches!(instr, Instr::Fill(i) if i.space) || matches!(instr, Instr::Li(i) if i.rd >= 8);
        let constants = text.iter().filter(constant).count() as u64;
        Bench { memory, end: words.len() as u32, constants }
    }

    /// Instructions that only bring constants.
    pub(crate) fn constants(&self) -> u64 {
        self.constants
    }

    pub(crate) fn set_spad(&mut self, row: u32, leaf: Leaf) {
        self.memory.tree_mut(Subtree::Onchip).set(row.into(), leaf);
    }

    pub(crate) fn set_rows(&mut self, row: u32, leaves: &[Leaf]) {
        (row..).zip(leaves).for_each(|(row, leaf)| self.set_spad(row, *leaf));
    }

    pub(crate) fn set_acc(&mut self, row: u32, lanes: &Row32) {
        for (index, leaf) in (PROFILE.acc_leaf(row.into())..).zip(row32_leaves(lanes)) {
            self.memory.tree_mut(Subtree::Onchip).set(index, leaf);
        }
    }

    pub(crate) fn set_x(&mut self, register: u8, value: u32) {
        let mut regs = self.memory.regs();
        regs.x[usize::from(register)] = value;
        for (index, leaf) in (0..).zip(regs.to_leaves()) {
            self.memory.tree_mut(Subtree::Regs).set(index, leaf);
        }
    }

    /// Runs to the end of the text; the micro-steps that took.
    pub(crate) fn run(&mut self) -> u64 {
        let before = self.memory.regs().steps;
        while self.memory.regs().pc != self.end {
            let Ok(stepped) = step(&mut self.memory);
            let regs = self.memory.regs();
            let status = Status::from_code(regs.status);
            assert!(matches!(stepped, Stepped::Ran { .. }), "{status:?} at {}", regs.steps);
        }
        self.memory.regs().steps - before
    }

    /// Goes back to the beginning of the text, memories as they are.
    pub(crate) fn rewind(&mut self) {
        let regs = isa::Regs { pc: 0, ..self.memory.regs() };
        for (index, leaf) in (0..).zip(regs.to_leaves()) {
            self.memory.tree_mut(Subtree::Regs).set(index, leaf);
        }
    }

    pub(crate) fn spad(&self, row: u32) -> [i8; 32] {
        self.memory.tree(Subtree::Onchip).get(row.into()).map(u8::cast_signed)
    }

    pub(crate) fn acc(&self, row: u32) -> Row32 {
        let first = PROFILE.acc_leaf(row.into());
        row32(&std::array::from_fn(|i| self.memory.tree(Subtree::Onchip).get(first + i as u64)))
    }
}
