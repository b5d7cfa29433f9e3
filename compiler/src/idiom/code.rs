//! Instructions being written one after another: constants in registers and rows, loops.

use isa::{Add, Bne, Fill, Instr, Li, Loop, Operand};

use super::lanes::Second;

/// Values that a builder needs while it writes, and the places it may keep them in.
#[derive(Clone, Debug)]
struct Pool {
    places: Vec<u32>,
    holds: Vec<Option<u32>>,
    next: usize,
}

impl Pool {
    fn new(places: Vec<u32>) -> Pool {
        Pool { holds: vec![None; places.len()], places, next: 0 }
    }

    /// The place of a value, and whether it must be written there first. The oldest value makes room.
    fn place(&mut self, value: u32) -> (u32, bool) {
        if let Some(at) = self.holds.iter().position(|held| *held == Some(value)) {
            return (self.places[at], false);
        }
        assert!(!self.places.is_empty(), "a pool of constants needs a place");
        let at = self.next;
        self.next = (at + 1) % self.places.len();
        self.holds[at] = Some(value);
        (self.places[at], true)
    }
}

/// A piece of text that begins at a known place, since branch targets are absolute.
#[derive(Clone, Debug)]
pub struct Code {
    origin: u32,
    instrs: Vec<Instr>,
    registers: Pool,
    rows: Pool,
}

impl Code {
    /// Text from `origin` on, which may keep constants in these registers and in these rows of acc.
    #[must_use]
    pub fn new(origin: u32, registers: &[u8], rows: std::ops::Range<u32>) -> Code {
        let registers = Pool::new(registers.iter().map(|&register| register.into()).collect());
        Code { origin, instrs: Vec::new(), registers, rows: Pool::new(rows.collect()) }
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
        self.registers.holds.fill(None);
        self.rows.holds.fill(None);
    }

    /// Writes `body` so that it runs `times` times (at least once). `counters` go up by their steps after each round;
    /// the first counts rounds with step 1, `limit` holds `times`.
    pub fn repeat(&mut self, times: u32, limit: u8, counters: &[(u8, u32)], body: impl FnOnce(&mut Code)) {
        for &(register, _) in counters {
            self.push(Li { rd: register, imm: 0 });
        }
        if times > 1 {
            self.push(Li { rd: limit, imm: times });
        }
        self.forget();
        let top = self.here();
        body(self);
        if times > 1 {
            for &(register, step) in counters {
                self.push(Add { rd: register, ra: register, rb: 0, imm: step });
            }
            self.push(Bne { ra: counters.first().map_or(0, |c| c.0), rb: limit, imm: top });
            self.forget();
        }
    }
}
