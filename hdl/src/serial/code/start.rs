//! Start, fetch, and how a run ends.

use isa::Status;

use super::regs::*;
use crate::serial::asm::{Asm, B};
use crate::serial::uop::{Cond, Effect, Op, Reg, Special, X0};

pub(super) fn emit(m: &mut Asm) {
    m.copy(ONES, -1);
    m.shl(HIGH, ONES, 31);
    for reg in [PC, STEPS_LOW, STEPS_HIGH].into_iter().chain((X0..X0 + 16).map(Reg)) {
        m.copy(reg, R0);
    }
    for (reg, from) in [
        (LIMIT_LOW, Special::LimitLow),
        (LIMIT_HIGH, Special::LimitHigh),
        (BASE_TEXT, Special::BaseText),
        (BASE_CONST, Special::BaseConst),
        (BASE_INPUT, Special::BaseInput),
        (BASE_WORK, Special::BaseWork),
        (BASE_OUTPUT, Special::BaseOutput),
        (T0, Special::Sizes),
    ] {
        m.copy(reg, from);
    }
    masks(m, &[MASK_TEXT, MASK_CONST, MASK_INPUT, MASK_WORK]);
    m.copy(T0, Special::MoreSizes);
    masks(m, &[MASK_OUTPUT, MASK_SPAD, MASK_ACC]);
    clear(m);
    fetch(m);
    ends(m);
    mask(m);
}

/// The masks of sizes, a byte of T0 each, from its lowest on.
fn masks(m: &mut Asm, to: &[Reg]) {
    for &reg in to {
        m.and(T1, T0, 255);
        m.call("mask");
        m.copy(reg, T2);
        m.shr(T0, T0, 8);
    }
}

/// T2 = the bits that a number below 2^T1 does not have; T1 is 0..=32.
fn mask(m: &mut Asm) {
    m.label("mask");
    m.copy(T2, 31);
    m.sub(T2, T2, T1);
    m.effect(Effect::SetShift, T2);
    m.op(Op::FunnelBy, T2, ONES, HIGH);
    m.and(R0, T1, 32).keep();
    m.copy(T2, R0).when(Cond::NotZero);
    m.ret();
}

/// Clears spad and acc as far as the program reaches, from their ends down. A loop sees that it is through when it is
/// one word too far: at the end of the other memory.
fn clear(m: &mut Asm) {
    m.sub(T0, R0, MASK_SPAD);
    m.spad(T0, T0);
    m.add(T0, T0, -4);
    m.test(R0);
    m.label("clear_spad");
    m.op(Op::Less4, T0, T0, R0).also(Effect::Store).keep().jump(Cond::Plus, "clear_spad");
    m.sub(T0, R0, MASK_ACC);
    m.acc(T0, T0);
    m.add(T0, T0, -4);
    m.test(ONES);
    m.label("clear_acc");
    m.op(Op::Less4, T0, T0, R0).also(Effect::Store).keep().jump(Cond::Minus, "clear_acc");
}

fn fetch(m: &mut Asm) {
    m.label("fetch");
    m.and(R0, PC, MASK_TEXT).keep();
    m.jump(Cond::NotZero, "fetch_trap");
    m.add(R0, BASE_TEXT, PC).also(Effect::AskRead);
    for index in (0..8).rev() {
        m.copy(super::word(index), B::Beat);
    }
    m.and(T1, I0, 255);
    m.compare(T1, super::admit::OPCODES);
    m.jump(Cond::Carry, "illegal");
    m.add(T1, T1, B::Label("table"));
    m.copy(T0, R0);
    m.effect(Effect::Go, T1);

    // Behind a scalar: one micro-step, the next instruction.
    m.label("next_step");
    m.effect(Effect::Step, R0);
    m.label("next");
    m.add(PC, PC, 1).jump(Cond::Always, "fetch");
}

fn ends(m: &mut Asm) {
    let traps = [
        ("illegal", Status::Illegal),
        ("count", Status::Count),
        ("limit", Status::Limit),
        ("align", Status::Align),
        ("bounds", Status::Bounds),
        ("overlap", Status::Overlap),
        ("fetch_trap", Status::Fetch),
        ("halted", Status::Halted),
    ];
    for (label, status) in traps {
        m.label(label);
        m.copy(T0, i32::from(status.code())).jump(Cond::Always, "end");
    }
    m.label("end");
    m.effect(Effect::Step, R0);
    m.effect(Effect::End, T0);
}
