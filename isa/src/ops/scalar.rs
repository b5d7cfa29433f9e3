//! Registers and branches.

use crate::regs::Regs;
use crate::table::Instr;

/// Whether an instruction reads and writes registers alone, and does something with them.
pub(crate) fn is_scalar(instr: &Instr) -> bool {
    use Instr::{Add, And, Beq, Bgeu, Bltu, Bne, Li, Mul, Shl, Shr, Sub};
    matches!(instr, Li(_) | Add(_) | Sub(_) | Mul(_) | Shl(_) | Shr(_) | And(_) | Beq(_) | Bne(_) | Bltu(_) | Bgeu(_))
}

/// Executes a scalar instruction; answers the target of a taken branch.
pub(crate) fn execute(instr: &Instr, regs: &mut Regs) -> Option<u32> {
    let x = regs.x;
    let reg = |index: u8| x[usize::from(index)];
    let branch = |taken: bool, target: u32| taken.then_some(target);
    let (rd, value) = match instr {
        Instr::Li(i) => (i.rd, i.imm),
        Instr::Add(i) => (i.rd, reg(i.ra).wrapping_add(reg(i.rb).wrapping_add(i.imm))),
        Instr::Sub(i) => (i.rd, reg(i.ra).wrapping_sub(reg(i.rb).wrapping_add(i.imm))),
        Instr::Mul(i) => (i.rd, reg(i.ra).wrapping_mul(reg(i.rb).wrapping_add(i.imm))),
        Instr::Shl(i) => (i.rd, reg(i.ra).wrapping_shl(reg(i.rb).wrapping_add(i.imm))),
        Instr::Shr(i) => (i.rd, reg(i.ra).wrapping_shr(reg(i.rb).wrapping_add(i.imm))),
        Instr::And(i) => (i.rd, reg(i.ra) & reg(i.rb).wrapping_add(i.imm)),
        Instr::Beq(i) => return branch(reg(i.ra) == reg(i.rb), i.imm),
        Instr::Bne(i) => return branch(reg(i.ra) != reg(i.rb), i.imm),
        Instr::Bltu(i) => return branch(reg(i.ra) < reg(i.rb), i.imm),
        Instr::Bgeu(i) => return branch(reg(i.ra) >= reg(i.rb), i.imm),
        _ => return None,
    };
    set(regs, rd, value);
    None
}

/// Writes a register; x0 stays 0.
pub(crate) fn set(regs: &mut Regs, rd: u8, value: u32) {
    if rd != 0 {
        regs.x[usize::from(rd)] = value;
    }
}
