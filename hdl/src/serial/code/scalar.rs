//! Registers, branches, marks.

use isa::Opcode;

use super::regs::*;
use crate::encoding as at;
use crate::serial::asm::Asm;
use crate::serial::uop::{Cond, Effect, Op, Special};

/// Of a scalar T5 = x\[ra\], T6 = x\[rb\] and T4 = imm, and the limit.
pub(super) fn emit(m: &mut Asm) {
    m.label("scalar");
    m.x(T5, at::RA);
    m.x(T6, at::RB);
    m.field(T4, at::IMM, false);
    m.jump(Cond::Always, "limit_one");

    m.label("set");
    m.field(T0, at::RD, false);
    m.set_x(T1);
    m.jump(Cond::Always, "next_step");

    m.label("taken");
    m.copy(PC, T4).also(Effect::Step).jump(Cond::Always, "fetch");
    m.label("not_taken");
    m.jump(Cond::Always, "next_step");

    // T0 << T1, for T1 below 32.
    m.label("shift_left");
    m.copy(T2, 31);
    m.sub(T2, T2, T1);
    m.effect(Effect::SetShift, T2);
    m.shr(T3, T0, 1);
    m.shl(T2, T0, 31);
    m.op(Op::FunnelBy, T0, T3, T2);
    m.ret();
}

/// The rest of an admitted scalar.
pub(super) fn body(m: &mut Asm, opcode: Opcode) {
    let branch = |m: &mut Asm, cond: Cond| {
        m.compare(T5, T6);
        m.jump(cond, "taken");
        m.jump(Cond::Always, "not_taken");
    };
    match opcode {
        Opcode::Halt => {
            m.jump(Cond::Always, "halted");
            return;
        }
        Opcode::Mark => {
            m.effect(Effect::Step, R0);
            m.effect(Effect::Mark, T4);
            m.jump(Cond::Always, "next");
            return;
        }
        Opcode::Beq => return branch(m, Cond::Zero),
        Opcode::Bne => return branch(m, Cond::NotZero),
        Opcode::Bltu => return branch(m, Cond::NoCarry),
        Opcode::Bgeu => return branch(m, Cond::Carry),
        Opcode::Li => {
            m.copy(T1, T4).jump(Cond::Always, "set");
            return;
        }
        _ => {}
    }
    m.add(T6, T6, T4);
    match opcode {
        Opcode::Add => {
            m.add(T1, T5, T6);
        }
        Opcode::Sub => {
            m.sub(T1, T5, T6);
        }
        Opcode::And => {
            m.and(T1, T5, T6);
        }
        Opcode::Mul => {
            m.op(Op::Copy, R0, T5, T6).also(Effect::Multiply);
            m.copy(T1, Special::Low);
        }
        Opcode::Shl => {
            m.copy(T0, T5);
            m.and(T1, T6, 31);
            m.call("shift_left");
            m.copy(T1, T0);
        }
        _ => {
            m.effect(Effect::SetShift, T6);
            m.op(Op::FunnelBy, T1, R0, T5);
        }
    }
    m.jump(Cond::Always, "set");
}
