//! A trap of each kind, behind whatever is still under way; and what must not happen any more.

use super::Hazards;
use crate::check::admit;
use crate::field::{Loop, Operand, Wide};
use crate::operands::micro_steps;
use crate::regs::Status;
use crate::state::Subtree;
use crate::table::{Beq, Halt, Instr, Mark, Opcode, Store, Sw};
use crate::word::Leaf;

const KINDS: [Status; 8] = [
    Status::Halted,
    Status::Illegal,
    Status::Count,
    Status::Limit,
    Status::Align,
    Status::Bounds,
    Status::Overlap,
    Status::Fetch,
];

impl Hazards {
    /// Appends what ends the program here, or would end it where the limit were smaller, and instructions behind it.
    pub(super) fn trap(&mut self) {
        let kind = KINDS[self.rng.below(KINDS.len() as u64) as usize];
        // Work of every unit under way.
        let busy = [Opcode::Matmul, Opcode::Load, Opcode::Store, Opcode::Vadd, Opcode::Dwmac, Opcode::Move, Opcode::Sw];
        for _ in 0..self.rng.below(8) {
            let opcode = busy[self.rng.below(busy.len() as u64) as usize];
            if let Some(instr) = self.admitted_of(opcode) {
                self.push(instr);
            }
        }
        let Some(leaf) = self.word_of(kind) else { return };
        self.text.push(leaf);
        for _ in 0..1 + self.rng.below(5) {
            let rows = self.rng.below(9) as u16 + 1;
            let (base, row) = (self.spad[0].from as u32, self.rng.below(40) as u32);
            let region = [Subtree::Work, Subtree::Output][self.rng.below(2) as usize] as u8;
            let (d, m) = (Operand::new(base, 1, 0), Wide::new(row, 1, 0));
            let after: Instr = match self.rng.below(4) {
                0 => Mark { imm: 0xdead }.into(),
                1 => Sw { ra: 0, rb: self.register(), imm: row, region }.into(),
                _ => Store { lp: Loop::new(rows, 1), d, m, region, space: false }.into(),
            };
            self.text.push(after.encode());
        }
    }

    fn word_of(&mut self, kind: Status) -> Option<Leaf> {
        match kind {
            Status::Halted => Some(Instr::from(Halt {}).encode()),
            Status::Limit => {
                let opcode = self.any_opcode();
                let instr = self.admitted_of(opcode)?;
                let steps = micro_steps(&instr, &self.regs());
                self.profile.limit = self.steps() + self.rng.below(steps);
                Some(instr.encode())
            }
            Status::Fetch => {
                let beyond = 1u32 << self.profile.text;
                let imm = [beyond, beyond + 7, u32::MAX][self.rng.below(3) as usize];
                Some(Instr::from(Beq { ra: 0, rb: 0, imm }).encode())
            }
            _ => self.damaged(kind),
        }
    }

    fn any_opcode(&mut self) -> Opcode {
        super::draw::ROW_OPCODES[self.rng.below(super::draw::ROW_OPCODES.len() as u64) as usize]
    }

    /// An instruction with bits changed so that it traps in this way.
    fn damaged(&mut self, kind: Status) -> Option<Leaf> {
        (0..4000).find_map(|_| {
            let opcode = self.any_opcode();
            let mut leaf = self.draw(opcode).encode();
            for _ in 0..self.rng.below(3) {
                // Byte 31 is the opcode.
                let byte = self.rng.below(31) as usize;
                leaf[byte] = if self.rng.one_in(3) { 0 } else { leaf[byte] ^ 1 << self.rng.below(8) };
            }
            let status = match Instr::decode(&leaf) {
                Ok(instr) => admit(&instr, &self.regs(), &self.profile).err(),
                Err(_) => Some(Status::Illegal),
            };
            (status == Some(kind)).then_some(leaf)
        })
    }
}
