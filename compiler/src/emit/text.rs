//! Instructions in order, their micro-steps, and the conversion of numbers into their fields.

use isa::{Instr, Leaf, Loop, Operand, Profile, Regs, Wide, admit, micro_steps};

/// Most instructions of a program.
const MAX_INSTRS: usize = 1 << 22;

/// The text of a program being written.
#[derive(Default)]
pub(super) struct Text {
    instrs: Vec<Instr>,
    words: Vec<Leaf>,
    steps: u64,
}

impl Text {
    pub(super) fn push(&mut self, instr: impl Into<Instr>) -> Result<(), String> {
        if self.instrs.len() == MAX_INSTRS {
            return Err(format!("the program has more than {MAX_INSTRS} instructions"));
        }
        let instr = instr.into();
        self.steps += micro_steps(&instr, &Regs::default());
        self.words.push(instr.encode());
        self.instrs.push(instr);
        Ok(())
    }

    /// Micro-steps so far.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    pub(super) fn words(&self) -> &[Leaf] {
        &self.words
    }

    pub(super) fn into_words(self) -> Vec<Leaf> {
        self.words
    }

    /// Checks that no instruction would trap. The text is straight: registers are zero throughout.
    pub(super) fn verify(&self, profile: &Profile) -> Result<(), String> {
        let mut regs = Regs::default();
        for (pc, instr) in self.instrs.iter().enumerate() {
            admit(instr, &regs, profile)
                .map_err(|trap| format!("internal: instruction {pc} would trap {}", trap.name()))?;
            regs.steps += micro_steps(instr, &regs);
        }
        Ok(())
    }
}

pub(super) fn count(value: u64) -> Result<u16, String> {
    u16::try_from(value).map_err(|_| format!("a loop of {value} rounds; an instruction has at most 65535"))
}

pub(super) fn loops(n0: u64, n1: u64) -> Result<Loop, String> {
    Ok(Loop::new(count(n0)?, count(n1)?))
}

pub(super) fn small(stride: u64) -> Result<i16, String> {
    i16::try_from(stride).map_err(|_| format!("a stride of {stride} rows; an instruction has at most 32767"))
}

pub(super) fn operand(base: u64, s0: u64, s1: u64) -> Result<Operand, String> {
    let base =
        u32::try_from(base).ok().filter(|b| b >> 20 == 0).ok_or_else(|| format!("row {base} of an on-chip space"))?;
    Ok(Operand::new(base, small(s0)?, small(s1)?))
}

pub(super) fn wide(base: u64, s0: u64, s1: u64) -> Result<Wide, String> {
    let error = || format!("address {base} with strides {s0} and {s1}");
    let stride = |s: u64| i32::try_from(s).map_err(|_| error());
    Ok(Wide::new(u32::try_from(base).map_err(|_| error())?, stride(s0)?, stride(s1)?))
}
