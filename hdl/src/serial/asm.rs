//! A small assembler: the microprogram as calls, one a micro-instruction.

use std::collections::{BTreeMap, BTreeSet};

use super::uop::{Cond, Effect, Mode, Op, Reg, Source, Special, TARGET_BITS, Uop};

/// B of a micro-instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) enum B {
    Reg(Reg),
    Number(i32),
    /// The address of a label.
    Label(&'static str),
    Memory,
    Beat,
    Special(Special),
}

impl From<Reg> for B {
    fn from(reg: Reg) -> B {
        B::Reg(reg)
    }
}

impl From<i32> for B {
    fn from(number: i32) -> B {
        B::Number(number)
    }
}

impl From<Special> for B {
    fn from(special: Special) -> B {
        B::Special(special)
    }
}

/// A micro-instruction whose target has a name still.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    uop: Uop,
    number: Option<i32>,
    target: Option<String>,
}

impl Line {
    /// Keeps the flags of the result.
    pub(crate) fn keep(&mut self) -> &mut Line {
        self.uop.keep = true;
        self
    }

    /// Something beside.
    pub(crate) fn also(&mut self, effect: Effect) -> &mut Line {
        assert_eq!(self.uop.effect, Effect::Nothing, "one effect a micro-instruction");
        self.uop.effect = effect;
        self
    }

    fn decide(&mut self, mode: Mode, cond: Cond) -> &mut Line {
        assert_eq!(self.uop.mode, Mode::Plain, "one decision a micro-instruction");
        (self.uop.mode, self.uop.cond) = (mode, cond);
        self
    }

    /// Goes to a label, if so.
    pub(crate) fn jump(&mut self, cond: Cond, to: impl Into<String>) -> &mut Line {
        self.target = Some(to.into());
        self.decide(Mode::Jump, cond)
    }

    /// Writes its register only if so.
    pub(crate) fn when(&mut self, cond: Cond) -> &mut Line {
        self.decide(Mode::Guard, cond)
    }

    /// The byte that `Spread` takes of register b, or the amount of a shift.
    pub(crate) fn by(&mut self, amount: u32) -> &mut Line {
        self.uop.target = amount as u16;
        self
    }
}

/// The microprogram as it grows.
#[derive(Default)]
pub(crate) struct Asm {
    lines: Vec<Line>,
    labels: BTreeMap<String, usize>,
    fresh: usize,
    shared: BTreeSet<String>,
    bodies: Vec<(String, Body)>,
}

/// A subroutine that is still to be written down.
type Body = Box<dyn FnOnce(&mut Asm)>;

impl Asm {
    /// Names the next micro-instruction.
    pub(crate) fn label(&mut self, name: impl Into<String>) {
        let name = name.into();
        assert!(self.labels.insert(name.clone(), self.lines.len()).is_none(), "two labels {name}");
    }

    /// A name that no other label has.
    pub(crate) fn fresh(&mut self) -> String {
        self.fresh += 1;
        format!(".{}", self.fresh)
    }

    /// d = a op B.
    pub(crate) fn op(&mut self, op: Op, rd: Reg, ra: Reg, b: impl Into<B>) -> &mut Line {
        let mut line = Line { uop: Uop { op, rd: rd.0, ra: ra.0, ..Uop::default() }, number: None, target: None };
        match b.into() {
            B::Reg(reg) => line.uop.rb = reg.0,
            B::Number(number) => line.number = Some(number),
            B::Label(name) => {
                line.uop.source = Source::Long;
                line.target = Some(name.into());
            }
            B::Memory => line.uop.source = Source::Memory,
            B::Beat => line.uop.source = Source::Beat,
            B::Special(special) => (line.uop.source, line.uop.rb) = (Source::Special, special.code() as u8),
        }
        self.lines.push(line);
        let at = self.lines.len() - 1;
        &mut self.lines[at]
    }

    /// d = B.
    pub(crate) fn copy(&mut self, rd: Reg, b: impl Into<B>) -> &mut Line {
        self.op(Op::Copy, rd, Reg(0), b)
    }

    /// d = a + B.
    pub(crate) fn add(&mut self, rd: Reg, ra: Reg, b: impl Into<B>) -> &mut Line {
        self.op(Op::Add, rd, ra, b)
    }

    /// d = a - B.
    pub(crate) fn sub(&mut self, rd: Reg, ra: Reg, b: impl Into<B>) -> &mut Line {
        self.op(Op::Sub, rd, ra, b)
    }

    /// d = a and B.
    pub(crate) fn and(&mut self, rd: Reg, ra: Reg, b: impl Into<B>) -> &mut Line {
        self.op(Op::And, rd, ra, b)
    }

    /// d = a or B.
    pub(crate) fn or(&mut self, rd: Reg, ra: Reg, b: impl Into<B>) -> &mut Line {
        self.op(Op::Or, rd, ra, b)
    }

    /// d = the low word of {high, low} shifted right.
    pub(crate) fn funnel(&mut self, rd: Reg, high: Reg, low: impl Into<B>, by: u32) -> &mut Line {
        assert!(by < 32, "a funnel of 32 bits");
        self.op(Op::Funnel, rd, high, low).by(by)
    }

    /// d = B shifted right by 0..=31.
    pub(crate) fn shr(&mut self, rd: Reg, b: impl Into<B>, by: u32) -> &mut Line {
        self.funnel(rd, Reg(0), b, by)
    }

    /// d = a shifted left by 1..=31.
    pub(crate) fn shl(&mut self, rd: Reg, ra: Reg, by: u32) -> &mut Line {
        self.funnel(rd, ra, Reg(0), 32 - by)
    }

    /// d = B shifted right with its sign.
    pub(crate) fn sar(&mut self, rd: Reg, b: impl Into<B>, by: u32) -> &mut Line {
        self.op(Op::Sign, rd, Reg(0), b).by(by)
    }

    /// Flags of a - B.
    pub(crate) fn compare(&mut self, ra: Reg, b: impl Into<B>) -> &mut Line {
        self.op(Op::Sub, Reg(0), ra, b).keep()
    }

    /// Flags of B.
    pub(crate) fn test(&mut self, b: impl Into<B>) -> &mut Line {
        self.op(Op::Copy, Reg(0), Reg(0), b).keep()
    }

    /// Goes to a label, if so.
    pub(crate) fn jump(&mut self, cond: Cond, to: impl Into<String>) -> &mut Line {
        self.copy(Reg(0), Reg(0)).jump(cond, to)
    }

    /// Runs a subroutine.
    pub(crate) fn call(&mut self, to: impl Into<String>) -> &mut Line {
        let line = self.copy(Reg(0), Reg(0));
        line.target = Some(to.into());
        line.decide(Mode::Call, Cond::Always)
    }

    /// Runs a subroutine that is written down once, wherever it is first called for.
    pub(crate) fn call_shared(&mut self, name: String, body: impl FnOnce(&mut Asm) + 'static) {
        self.call(&name);
        if self.shared.insert(name.clone()) {
            self.bodies.push((name, Box::new(body)));
        }
    }

    /// Writes down the subroutines that were called for.
    pub(crate) fn shared(&mut self) {
        while let Some((name, body)) = self.bodies.pop() {
            self.label(name);
            body(self);
        }
    }

    /// Leaves a subroutine.
    pub(crate) fn ret(&mut self) {
        self.copy(Reg(0), Reg(0)).also(Effect::Return);
    }

    /// An effect with B, and no result.
    pub(crate) fn effect(&mut self, effect: Effect, b: impl Into<B>) -> &mut Line {
        self.copy(Reg(0), b).also(effect)
    }

    /// d = any number of 32 bits, in one or two micro-instructions.
    pub(crate) fn number(&mut self, rd: Reg, value: u32) {
        let signed = value.cast_signed();
        if (-(1 << 21)..1 << 21).contains(&signed) {
            self.copy(rd, signed);
            return;
        }
        let (high, low) = (signed >> 16, value & 0xffff);
        self.copy(rd, high);
        self.shl(rd, rd, 16);
        if low != 0 {
            self.or(rd, rd, low.cast_signed());
        }
    }

    /// The words.
    pub(crate) fn finish(self) -> Vec<Uop> {
        let find = |name: &str| *self.labels.get(name).unwrap_or_else(|| panic!("no label {name}"));
        assert!(self.lines.len() < 1 << TARGET_BITS, "{} micro-instructions", self.lines.len());
        let mut words = Vec::new();
        for line in &self.lines {
            let mut uop = line.uop;
            match (&line.target, line.number) {
                (Some(name), None) if uop.source == Source::Long => uop.long = find(name) as i32,
                (target, number) => {
                    if let Some(name) = target {
                        uop.target = find(name) as u16;
                    }
                    if let Some(number) = number {
                        place(&mut uop, number);
                    }
                }
            }
            words.push(uop);
        }
        words
    }
}

/// A number as a short or a long one.
fn place(uop: &mut Uop, number: i32) {
    if (-64..64).contains(&number) {
        (uop.source, uop.rb) = (Source::Short, (number & 0x7f) as u8);
        return;
    }
    assert!((-(1 << 21)..1 << 21).contains(&number), "{number} has too many bits");
    let shifts = matches!(uop.op, Op::Funnel | Op::Sign);
    assert!(uop.mode == Mode::Plain && !shifts && uop.effect != Effect::Spread, "{number} leaves no room for a target");
    (uop.source, uop.long) = (Source::Long, number);
}
