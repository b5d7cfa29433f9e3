//! Instructions being written one after another: constants in registers and rows, loops.

use isa::{Fill, Instr, Li, Loop, Operand};

use super::lanes::Second;

/// Values that a builder needs while it writes, and the places it may keep them in; the last used is the last.
#[derive(Clone, Debug)]
struct Pool(Vec<(u32, Option<u32>)>);

impl Pool {
    fn new(places: impl Iterator<Item = u32>) -> Pool {
        Pool(places.map(|place| (place, None)).collect())
    }

    /// The place of a value, and whether it must be written there first: the value longest unused makes room.
    fn place(&mut self, value: u32) -> (u32, bool) {
        let known = self.0.iter().position(|(_, held)| *held == Some(value));
        let (place, _) = self.0.remove(known.unwrap_or(0));
        self.0.push((place, Some(value)));
        (place, known.is_none())
    }

    fn forget(&mut self) {
        self.0.iter_mut().for_each(|(_, held)| *held = None);
    }
}

/// Most constants that a builder holds in registers at a time.
const REGISTERS: usize = 4;
/// Most constants that a builder holds in rows at a time.
const ROWS: usize = 3;

/// A piece of text that begins at a known place, since branch targets are absolute.
#[derive(Clone, Debug)]
pub struct Code {
    origin: u32,
    instrs: Vec<Instr>,
    registers: Pool,
    rows: Pool,
}

impl Code {
    /// Text from `origin` on, which may keep constants in these registers (at least 4) and in these rows of acc (at least 3).
    ///
    /// # Panics
    /// If there are fewer: constants would be overwritten before they are used.
    #[must_use]
    pub fn new(origin: u32, registers: &[u8], rows: std::ops::Range<u32>) -> Code {
        let (registers, rows) = (Pool::new(registers.iter().map(|&r| r.into())), Pool::new(rows));
        let enough = registers.0.len() >= REGISTERS && rows.0.len() >= ROWS;
        assert!(enough, "constants need {REGISTERS} registers and {ROWS} rows of acc");
        Code { origin, instrs: Vec::new(), registers, rows }
    }

    /// The next instruction.
    pub fn push(&mut self, instr: impl Into<Instr>) {
        self.instrs.push(instr.into());
    }

    /// Address of the next instruction.
    #[must_use]
    pub fn here(&self) -> u32 {
        self.origin + self.instrs.len() as u32
    }

    /// What was written.
    #[must_use]
    pub fn instrs(&self) -> &[Instr] {
        &self.instrs
    }

    /// `value` as a second operand: an immediate if it fits, else from a register, loaded if it is not there yet.
    pub fn value(&mut self, value: i32) -> Second {
        let bits = value.cast_unsigned();
        if bits >> 20 == 0 {
            return Second::Value(Operand::new(bits, 0, 0));
        }
        let (register, fresh) = self.registers.place(bits);
        let register = register as u8;
        if fresh {
            self.push(Li { rd: register, imm: bits });
        }
        Second::Value(Operand { base: 0, reg: register, s0: 0, s1: 0 })
    }

    /// A row32 of acc with `value` in every lane, filled if it is not there yet; for the first operand of any loop.
    pub fn filled(&mut self, value: i32) -> Operand {
        let (row, fresh) = self.rows.place(value.cast_unsigned());
        let row = Operand::new(row, 0, 0);
        if fresh {
            self.push(Fill { lp: Loop::new(1, 1), d: row, imm: value.cast_unsigned(), space: true });
        }
        row
    }

    /// Forgets what registers and rows hold: where another path joins, or a loop begins.
    pub fn forget(&mut self) {
        self.registers.forget();
        self.rows.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn register(second: Second) -> u8 {
        let Second::Value(operand) = second else { panic!("no value") };
        operand.reg
    }

    #[test]
    fn a_constant_in_use_stays() {
        let mut code = Code::new(0, &[1, 2, 3, 4], 0..3);
        let first = register(code.value(1 << 20));
        for other in 2..5 {
            code.value(other << 20);
        }
        // Used again, so that it is not the one to make room.
        assert_eq!(register(code.value(1 << 20)), first);
        assert_ne!(register(code.value(5 << 20)), first);
        assert_eq!(register(code.value(1 << 20)), first);
        assert_eq!(code.instrs().len(), 5);
        code.forget();
        code.value(1 << 20);
        assert_eq!(code.instrs().len(), 6);
        assert_eq!(code.value(7), Second::immediate(7));
    }
}
