//! Instructions in order, their micro-steps, and the conversion of numbers into their fields.

use isa::{Instr, Leaf, Loop, Operand, Profile, Regs, Wide, admit, micro_steps};

/// Most instructions of a program.
const MAX_INSTRS: usize = 1 << 22;

/// The text of a program being written.
#[derive(Default)]
pub(crate) struct Text {
    pub(crate) instrs: Vec<Instr>,
}

impl Text {
    pub(crate) fn push(&mut self, instr: impl Into<Instr>) -> Result<(), String> {
        if self.instrs.len() >= MAX_INSTRS {
            return Err(format!("the program has more than {MAX_INSTRS} instructions"));
        }
        self.instrs.push(instr.into());
        Ok(())
    }

    pub(crate) fn words(&self) -> Vec<Leaf> {
        self.instrs.iter().map(Instr::encode).collect()
    }

    /// Runs the text without its data: registers that come from data count as 0. The micro-steps up to each mark, and all of
    /// them; an error where an instruction would trap.
    pub(crate) fn play(&self, profile: &Profile) -> Result<(Vec<u64>, u64), String> {
        let (mut regs, mut marks, mut pc) = (Regs::default(), Vec::new(), 0usize);
        while let Some(instr) = self.instrs.get(pc) {
            admit(instr, &regs, profile)
                .map_err(|trap| format!("internal: instruction {pc} would trap {}: {instr:?}", trap.name()))?;
            regs.steps += micro_steps(instr, &regs);
            pc = scalar(instr, &mut regs).unwrap_or(pc + 1);
            match instr {
                Instr::Mark(_) => marks.push(regs.steps),
                Instr::Halt(_) => break,
                _ => {}
            }
        }
        Ok((marks, regs.steps))
    }
}

/// Does what a scalar instruction does to registers; where it branches to.
fn scalar(instr: &Instr, regs: &mut Regs) -> Option<usize> {
    let x = |i: u8| regs.x[usize::from(i)];
    let (rd, value) = match instr {
        Instr::Li(i) => (i.rd, i.imm),
        Instr::Add(i) => (i.rd, x(i.ra).wrapping_add(x(i.rb).wrapping_add(i.imm))),
        Instr::Sub(i) => (i.rd, x(i.ra).wrapping_sub(x(i.rb).wrapping_add(i.imm))),
        Instr::Mul(i) => (i.rd, x(i.ra).wrapping_mul(x(i.rb).wrapping_add(i.imm))),
        Instr::And(i) => (i.rd, x(i.ra) & x(i.rb).wrapping_add(i.imm)),
        Instr::Beq(i) => return (x(i.ra) == x(i.rb)).then_some(i.imm as usize),
        Instr::Bne(i) => return (x(i.ra) != x(i.rb)).then_some(i.imm as usize),
        Instr::Bltu(i) => return (x(i.ra) < x(i.rb)).then_some(i.imm as usize),
        Instr::Bgeu(i) => return (x(i.ra) >= x(i.rb)).then_some(i.imm as usize),
        _ => return None,
    };
    if rd != 0 {
        regs.x[usize::from(rd)] = value;
    }
    None
}

pub(crate) fn count(value: u64) -> Result<u16, String> {
    u16::try_from(value).map_err(|_| format!("a loop of {value} rounds; an instruction has at most 65535"))
}

pub(crate) fn loops(n0: u64, n1: u64) -> Result<Loop, String> {
    Ok(Loop::new(count(n0)?, count(n1)?))
}

pub(crate) fn small(stride: u64) -> Result<i16, String> {
    i16::try_from(stride).map_err(|_| format!("a stride of {stride} rows; an instruction has at most 32767"))
}

pub(crate) fn operand(base: u64, s0: u64, s1: u64) -> Result<Operand, String> {
    let base =
        u32::try_from(base).ok().filter(|b| b >> 20 == 0).ok_or_else(|| format!("row {base} of an on-chip space"))?;
    Ok(Operand::new(base, small(s0)?, small(s1)?))
}

pub(crate) fn wide(base: u64, s0: u64, s1: u64) -> Result<Wide, String> {
    let error = || format!("address {base} with strides {s0} and {s1}");
    let stride = |s: u64| i32::try_from(s).map_err(|_| error());
    Ok(Wide::new(u32::try_from(base).map_err(|_| error())?, stride(s0)?, stride(s1)?))
}
