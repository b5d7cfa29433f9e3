//! Operands: where they begin, their hulls, alignment and bounds; whether a destination meets itself.

use super::regs::*;
use crate::encoding::{self as at, Bitfield};
use crate::serial::asm::Asm;
use crate::serial::uop::{Cond, Effect, Op, Reg, Special, X};

pub(super) fn emit(m: &mut Asm) {
    near(m, "d", [at::D_BASE, at::D_REG, at::D_S0, at::D_S1]);
    near(m, "a", [at::A_BASE, at::A_REG, at::A_S0, at::A_S1]);
    near(m, "b", [at::B_BASE, at::B_REG, at::B_S0, at::B_S1]);
    near(m, "m", [at::M_BASE, at::M_REG, at::M_S0, at::M_S1]);
    flat(m, "w", at::W_BASE, Some(at::W_REG), Some(at::W_SK));
    flat(m, "p", at::P_BASE, Some(at::P_REG), None);
    flat(m, "index", at::INDEX, None, None);
    m.label("add_register");
    m.effect(Effect::SetIndex, T0);
    m.add(W_START, X, W_START).keep();
    m.op(Op::AddCarry, W_STARTH, R0, R0);
    m.ret();
    hull(m);
    for (name, regs) in [
        ("keep_d", &[D_START, D_S0, D_S1, D_LO, D_HI][..]),
        ("keep_a", &[A_START, A_S0, A_S1, A_LO, A_HI, A_SK]),
        ("keep_b", &[B_START, B_S0, B_S1, B_LO, B_HI, B_SK]),
        ("keep_p", &[P_START, R0, R0, P_LO, P_HI]),
    ] {
        m.label(name);
        for (reg, from) in regs.iter().zip([W_START, W_S0, W_S1, W_LO, W_HI, W_SK]).filter(|(reg, _)| **reg != R0) {
            m.copy(*reg, from);
        }
        m.ret();
    }
    folds(m);
}

/// `fields_NAME`: the fields of an operand with two strides; of a one with taps the third.
fn near(m: &mut Asm, name: &str, [base, reg, s0, s1]: [Bitfield; 4]) {
    m.label(format!("fields_{name}"));
    m.field(W_START, base, false);
    m.field(T0, reg, false);
    m.field(W_S0, s0, true);
    m.field(W_S1, s1, true);
    m.copy(W_SK, R0);
    if name == "a" {
        m.and(R0, HAS, HAS_TAPS).keep();
        m.jump(Cond::Zero, "add_register");
        m.field(W_SK, at::A_SK, true);
    }
    m.jump(Cond::Always, "add_register");
}

/// `fields_NAME`: the fields of an operand that the loops do not move.
fn flat(m: &mut Asm, name: &str, base: Bitfield, reg: Option<Bitfield>, sk: Option<Bitfield>) {
    m.label(format!("fields_{name}"));
    m.field(W_START, base, false);
    m.copy(W_S0, R0);
    m.copy(W_S1, R0);
    m.copy(W_SK, R0);
    if let Some(sk) = sk {
        m.field(W_SK, sk, true);
    }
    match reg {
        Some(reg) => {
            m.field(T0, reg, false);
            m.jump(Cond::Always, "add_register");
        }
        None => {
            m.copy(W_STARTH, R0);
            m.ret();
        }
    }
}

/// The lowest and highest row, and whether alignment and bounds are kept.
fn hull(m: &mut Asm) {
    m.label("hull");
    m.or(T0, W_START, W_S0);
    m.or(T0, T0, W_S1);
    m.or(T0, T0, W_SK);
    m.and(T0, T0, W_ALIGN);
    m.or(BAD_ALIGN, BAD_ALIGN, T0);
    m.copy(W_LO, W_START);
    m.copy(W_LOH, W_STARTH);
    m.add(W_HI, W_START, W_EXTENT).keep();
    m.op(Op::AddCarry, W_HIH, W_STARTH, R0);
    for (stride, span) in [(W_S0, SPAN0), (W_S1, SPAN1), (W_SK, SPANT)] {
        m.copy(T0, stride);
        m.copy(T1, span);
        m.call("over");
    }
    m.and(T0, W_HI, W_MASK);
    m.or(T0, T0, W_HIH);
    m.or(T0, T0, W_LOH);
    m.or(BAD_BOUNDS, BAD_BOUNDS, T0);
    m.ret();

    // T0, signed, times T1, to the lower or the upper end.
    m.label("over");
    m.op(Op::Copy, R0, T0, T1).also(Effect::Multiply);
    m.test(T0);
    m.copy(T2, Special::Low);
    m.copy(T3, Special::High).jump(Cond::Plus, "over_up");
    m.sub(T3, T3, T1);
    m.add(W_LO, W_LO, T2).keep();
    m.op(Op::AddCarry, W_LOH, W_LOH, T3);
    m.ret();
    m.label("over_up");
    m.add(W_HI, W_HI, T2).keep();
    m.op(Op::AddCarry, W_HIH, W_HIH, T3);
    m.ret();
}

/// OVERLAP where a destination with strides W_S0 and W_S1 may name one row twice.
fn folds(m: &mut Asm) {
    let distant = |m: &mut Asm, from: Reg, count: Reg, to: Reg, near: &str, far: &str| {
        m.op(Op::Copy, R0, from, count).also(Effect::Multiply);
        m.test(Special::High);
        m.copy(T0, Special::Low).jump(Cond::NotZero, near);
        m.compare(to, T0);
        m.jump(Cond::Carry, far);
    };
    m.label("folds");
    for stride in [W_S0, W_S1] {
        m.test(stride);
        m.sub(stride, R0, stride).when(Cond::Minus);
    }
    m.test(SPAN0);
    m.jump(Cond::Zero, "folds_outer");
    m.test(W_S0);
    m.jump(Cond::Zero, "overlap");
    m.test(SPAN1);
    m.jump(Cond::Zero, "folds_not");
    m.test(W_S1);
    m.jump(Cond::Zero, "overlap");
    distant(m, W_S0, N0, W_S1, "folds_other", "folds_not");
    m.label("folds_other");
    distant(m, W_S1, N1, W_S0, "overlap", "folds_not");
    m.jump(Cond::Always, "overlap");
    m.label("folds_outer");
    m.test(SPAN1);
    m.jump(Cond::Zero, "folds_not");
    m.test(W_S1);
    m.jump(Cond::Zero, "overlap");
    m.label("folds_not");
    m.ret();
}
