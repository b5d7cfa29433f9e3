//! What happens next in a program: one instruction, or several that belong together.

use super::draw::ROW_OPCODES;
use super::{Hazards, Special};
use crate::field::{Loop, Operand, Wide};
use crate::operands::{Reach, Space, operands};
use crate::state::Subtree;
use crate::table::{
    Add, And, Beq, Bgeu, Bltu, Bne, Fill, Instr, Li, Load, Lw, Mark, Mul, Opcode, Shl, Shr, Store, Sub, Sw,
};

/// Registers of loops: the counter, what grows with each turn, and a scratch one.
const COUNTER: u8 = 14;
const OFFSET: u8 = 13;
const ODD: u8 = 12;

impl Hazards {
    pub(super) fn scene(&mut self) {
        match self.rng.below(24) {
            0..11 => self.single(),
            11..14 => self.chain(),
            14..16 => self.rewrite(),
            16 => self.round_trip(),
            17 | 18 => self.turns(),
            19 => self.value(),
            20 => self.branch(),
            21 => self.mark(),
            22 => {
                let special = [Special::Block, Special::Addq, Special::Indices][self.rng.below(3) as usize];
                self.load_special(special);
            }
            _ => (0..1 + self.rng.below(4)).for_each(|_| self.scalar()),
        }
        if self.rng.one_in(4) {
            self.show();
        }
    }

    /// Stores what one of the last instructions wrote, before others write over it.
    fn show(&mut self) {
        let back = self.rng.below(2) as usize;
        let written = self.past.iter().rev().flatten().filter(|reach| super::writes(reach));
        let on_chip = written.filter(|reach| !matches!(reach.space, Space::Dram(_)));
        let Some(reach) = on_chip.copied().nth(back) else { return };
        let (rows, space) = ((reach.rows.hi - reach.rows.lo + 1).min(24), reach.space == Space::Acc);
        let height = if space { 4 } else { 1 };
        let rows = if space { rows.min(12) } else { rows };
        let row = self.source_row(Subtree::Work, rows as u32 * height) & !3;
        let region = [Subtree::Work, Subtree::Output][self.rng.below(2) as usize] as u8;
        let (d, m) = (Operand::new(reach.rows.lo as u32, 1, 0), Wide::new(row, height as i32, 0));
        self.again(&Store { lp: Loop::new(rows as u16, 1), d, m, region, space }.into());
    }

    fn mark(&mut self) {
        self.push(Mark { imm: self.text.len() as u32 });
    }

    fn opcode(&mut self) -> Opcode {
        // What the style leaves out occurs now and then, so that results go somewhere.
        if self.rng.one_in(8) {
            return ROW_OPCODES[self.rng.below(ROW_OPCODES.len() as u64) as usize];
        }
        let at = self.rng.below(self.style.opcodes.len() as u64) as usize;
        self.style.opcodes[at]
    }

    /// An instruction of this kind that does not trap; none if that is hard.
    pub(super) fn admitted_of(&mut self, opcode: Opcode) -> Option<Instr> {
        (0..24).find_map(|_| {
            let instr = self.draw(opcode);
            self.admitted(&instr).then_some(instr)
        })
    }

    fn single(&mut self) {
        let opcode = self.opcode();
        if let Some(instr) = self.admitted_of(opcode) {
            self.push(instr);
        }
    }

    /// Several of one kind, which their unit must keep apart by itself.
    fn chain(&mut self) {
        let opcode = self.opcode();
        for _ in 0..2 + self.rng.below(4) {
            let Some(instr) = self.admitted_of(opcode) else { return };
            self.push(instr);
            if self.rng.one_in(4) {
                // The very same once more: an accumulation, or a write of rows that are still on their way.
                self.again(&instr);
            }
        }
    }

    fn again(&mut self, instr: &Instr) {
        if self.admitted(instr) {
            self.push(*instr);
        }
    }

    /// An instruction, new contents for something that it read, and the instruction again.
    fn rewrite(&mut self) {
        let opcode = self.opcode();
        let Some(instr) = self.admitted_of(opcode) else { return };
        let sources: alloc::vec::Vec<Reach> =
            operands(&instr, &self.regs()).into_iter().flatten().filter(|reach| !super::writes(reach)).collect();
        self.push(instr);
        let Some(source) = sources.get(self.rng.below(sources.len() as u64) as usize) else { return };
        // All its rows, or the last ones.
        let rows = (source.rows.hi - source.rows.lo + 1).min(40);
        let rows = if self.rng.one_in(2) { rows } else { 1 + self.rng.below(rows.cast_unsigned()).cast_signed() };
        let from = source.rows.hi + 1 - rows;
        for _ in 0..1 + self.rng.below(2) {
            let writer = self.writer(source.space, from as u32, rows as u16);
            if let Some(writer) = writer.filter(|writer| self.admitted(writer)) {
                self.push(writer);
            }
            self.again(&instr);
        }
    }

    fn writer(&mut self, space: Space, from: u32, rows: u16) -> Option<Instr> {
        let (lp, acc) = (Loop::new(rows, 1), space == Space::Acc);
        let d = Operand::new(from, 1, 0);
        let region = [Subtree::Const, Subtree::Work][self.rng.below(2) as usize];
        let height = if acc { 4 } else { 1 };
        Some(match space {
            Space::Dram(region @ (Subtree::Work | Subtree::Output)) => {
                let room = self.spad[0];
                let last = (room.rows - i64::from(rows)).max(0).cast_unsigned();
                let d = Operand::new((room.from + self.rng.below(last + 1).cast_signed()) as u32, 1, 0);
                if self.rng.one_in(3) {
                    return Some(Sw { ra: 0, rb: self.register(), imm: 8 * from, region: region as u8 }.into());
                }
                Store { lp, d, m: Wide::new(from, 1, 0), region: region as u8, space: false }.into()
            }
            Space::Dram(_) => return None,
            _ if self.rng.one_in(4) => {
                let imm = self.rng.bits() as u32;
                Fill { lp, d, imm: if acc { imm } else { imm & 0xff }, space: acc }.into()
            }
            _ => {
                let first = self.source_row(region, u32::from(rows) * height) & !3;
                Load { lp, d, m: Wide::new(first, height as i32, 0), region: region as u8, space: acc }.into()
            }
        })
    }

    /// Rows or words to DRAM, and back at once.
    fn round_trip(&mut self) {
        let first = if self.rng.one_in(2) { Opcode::Store } else { Opcode::Sw };
        let Some(there) = self.admitted_of(first) else { return };
        self.push(there);
        let related = core::mem::replace(&mut self.style.related, 950);
        for _ in 0..1 + self.rng.below(3) {
            let back =
                [Opcode::Load, Opcode::Lw, Opcode::Gather, Opcode::Sw, Opcode::Store][self.rng.below(5) as usize];
            if let Some(instr) = self.admitted_of(back) {
                self.push(instr);
            }
        }
        self.style.related = related;
        if let Instr::Sw(sw) = there {
            let lw = Lw { rd: self.register(), ra: sw.ra, imm: sw.imm, region: sw.region };
            self.again(&lw.into());
        }
    }

    /// A value from memory or from `ARGMAX` becomes a small number, for a count or an address to come.
    fn value(&mut self) {
        let opcode = if self.rng.one_in(2) { Opcode::Lw } else { Opcode::Argmax };
        let Some(instr) = self.admitted_of(opcode) else { return };
        self.push(instr);
        let (Instr::Lw(Lw { rd, .. }) | Instr::Argmax(crate::Argmax { rd, .. })) = instr else { return };
        if self.rng.one_in(4) {
            // Used as it is.
            self.single();
        }
        let imm = [1, 3, 7][self.rng.below(3) as usize];
        self.push(And { rd, ra: rd, rb: 0, imm });
        self.push(Add { rd, ra: rd, rb: 0, imm: 1 });
        for _ in 0..2 {
            let opcode = self.opcode();
            if let Some(instr) = (0..12).find_map(|_| self.admitted_of(opcode).filter(|instr| uses(instr, rd))) {
                self.push(instr);
            }
        }
    }

    fn scalar(&mut self) {
        let (rd, ra, rb) = (self.register(), self.rng.below(15) as u8, self.rng.below(15) as u8);
        let imm = if self.rng.one_in(6) { self.rng.bits() as u32 } else { self.rng.below(40) as u32 };
        let instr: Instr = match self.rng.below(12) {
            0 => Add { rd, ra, rb, imm }.into(),
            1 => Sub { rd, ra, rb, imm }.into(),
            2 => Mul { rd, ra, rb, imm }.into(),
            3 => Shl { rd, ra, rb, imm }.into(),
            4 => Shr { rd, ra, rb, imm }.into(),
            5 => And { rd, ra, rb, imm }.into(),
            _ => Li { rd, imm: self.rng.below(9) as u32 }.into(),
        };
        self.push(instr);
    }

    fn compare(&mut self, imm: u32) -> Instr {
        let (ra, rb) = (self.register(), self.register());
        match self.rng.below(4) {
            0 => Beq { ra, rb, imm }.into(),
            1 => Bne { ra, rb, imm }.into(),
            2 => Bltu { ra, rb, imm }.into(),
            _ => Bgeu { ra, rb, imm }.into(),
        }
    }

    /// A branch over some instructions; those behind a taken one never run, and some of them would trap.
    fn branch(&mut self) {
        let skipped = 1 + self.rng.below(4);
        let target = self.text.len() as u32 + 1 + skipped as u32;
        let branch = self.compare(target);
        let next = self.regs().pc.wrapping_add(1);
        self.append(branch);
        let crate::step::Stepped::Ran { .. } = self.once() else { return };
        if self.regs().pc == next {
            for _ in 0..skipped {
                let length = self.text.len();
                self.single();
                if self.text.len() == length {
                    self.push(Mark { imm: target });
                }
            }
            return;
        }
        for _ in 0..skipped {
            let opcode = self.opcode();
            let instr = self.draw(opcode);
            self.append(instr);
        }
    }

    fn once(&mut self) -> crate::step::Stepped {
        let Ok(stepped) = crate::step::step(&mut self.memory);
        stepped
    }

    /// A loop, over strips as a rule, with instructions that only every other turn does; dropped if it would trap.
    fn turns(&mut self) {
        let (memory, text, past) = (self.memory.clone(), self.text.len(), self.past.clone());
        let turns = 2 + self.rng.below(4) as u32;
        self.push(Li { rd: COUNTER, imm: turns });
        self.push(Li { rd: OFFSET, imm: 0 });
        let (head, split) = (self.text.len() as u32, self.rng.one_in(2));
        let body = 1 + self.rng.below(5);
        if split {
            self.push(And { rd: ODD, ra: COUNTER, rb: 0, imm: 1 });
        }
        let fork = self.text.len();
        if split {
            // In the first turn it is not taken; its target is set when it is known.
            let never = odd(turns, 0);
            self.push(never);
        }
        let scalars = self.rng.one_in(4);
        for _ in 0..body {
            self.single();
            if scalars {
                self.scalar();
            }
        }
        if split {
            let aimed = odd(turns, self.text.len() as u32);
            self.set_text(fork, aimed);
        }
        self.single();
        let imm = self.rng.below(3) as u32;
        self.push(Add { rd: OFFSET, ra: OFFSET, rb: 0, imm });
        self.push(Sub { rd: COUNTER, ra: COUNTER, rb: 0, imm: 1 });
        self.append(Bne { ra: COUNTER, rb: 0, imm: head });
        if !self.run() {
            self.memory = memory;
            self.text.truncate(text);
            self.past = past;
            // What stands there in the memory's text is overwritten or never reached.
        }
    }
}

/// A branch on the scratch register that the first of so many turns does not take, and the second does.
fn odd(turns: u32, imm: u32) -> Instr {
    if turns.is_multiple_of(2) { Bne { ra: ODD, rb: 0, imm }.into() } else { Beq { ra: ODD, rb: 0, imm }.into() }
}

/// Whether a count or an address of it comes from this register.
fn uses(instr: &Instr, register: u8) -> bool {
    let word = crate::word::Word::from_leaf(&instr.encode());
    crate::table::spec(instr.opcode()).fields.iter().any(|field| {
        field.parts().any(|(part, lsb, width, _)| {
            let names = matches!(part, "reg" | "creg")
                || (part.is_empty() && matches!(field.name, "w_reg" | "p_reg" | "limit_reg" | "ra"));
            names && word.bits(lsb, width) == u64::from(register)
        })
    })
}
