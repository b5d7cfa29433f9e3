//! Counts, and the limit of steps.

use super::regs::*;
use crate::encoding as at;
use crate::serial::asm::Asm;
use crate::serial::uop::{Cond, Effect, Op, Special, X};

pub(super) fn emit(m: &mut Asm) {
    counts(m);
    select(m);
    range(m);
    limit(m);
}

/// Takes the counts out of the word, with the register's value in place; a count that the instruction lacks is 1.
fn counts(m: &mut Asm) {
    m.label("counts");
    m.field(N0, at::N0, false);
    m.field(N1, at::N1, false);
    m.copy(KT, 1);
    m.copy(N, 1);
    m.and(R0, HAS, HAS_TAPS).keep();
    m.jump(Cond::Zero, "no_taps");
    m.field(KT, at::KT, false);
    m.label("no_taps");
    m.and(R0, HAS, HAS_LANES).keep();
    m.jump(Cond::Zero, "no_lanes");
    m.field(N, at::N, false);
    m.label("no_lanes");
    m.field(T0, at::CREG, false);
    m.field(T1, at::CSEL, false);
    m.test(T1);
    m.jump(Cond::NotZero, "select");
    m.test(T0);
    m.jump(Cond::NotZero, "illegal");
    m.jump(Cond::Always, "range");
}

/// The count that `csel` names must be 0, and comes from the register.
fn select(m: &mut Asm) {
    m.label("select");
    m.effect(Effect::SetIndex, T0);
    m.or(T2, X, R0);
    for (code, count) in [(isa::Loop::N0, N0), (isa::Loop::N1, N1), (isa::Loop::KT, KT), (isa::Loop::N, N)] {
        let other = m.fresh();
        m.compare(T1, i32::from(code));
        m.jump(Cond::NotZero, &other);
        m.test(count);
        m.jump(Cond::NotZero, "illegal");
        m.copy(count, T2).jump(Cond::Always, "range");
        m.label(other);
    }
    m.jump(Cond::Always, "illegal");
}

/// COUNT, or hulls' counts.
fn range(m: &mut Asm) {
    m.label("range");
    m.shr(T0, N0, 16);
    for count in [N1, KT] {
        m.shr(T1, count, 16);
        m.or(T0, T0, T1);
    }
    m.add(T1, N, -1);
    m.and(T1, T1, -32);
    m.or(R0, T0, T1).keep();
    m.jump(Cond::NotZero, "count");
    for (count, span) in [(N0, SPAN0), (N1, SPAN1), (KT, SPANT)] {
        m.add(span, count, -1).keep();
        m.jump(Cond::NoCarry, "count");
    }
    m.ret();
}

/// LIMIT: adds the micro-steps of the instruction to those that will be done before the next one.
fn limit(m: &mut Asm) {
    m.label("limit_one");
    m.copy(T0, 1);
    m.copy(T1, R0).jump(Cond::Always, "limit_add");
    m.label("limit_all");
    m.op(Op::Copy, R0, N0, N1).also(Effect::Multiply);
    m.copy(T0, Special::Low);
    m.op(Op::Copy, R0, T0, KT).also(Effect::Multiply);
    m.copy(T0, Special::Low);
    m.copy(T1, Special::High);
    m.label("limit_add");
    m.add(STEPS_LOW, STEPS_LOW, T0).keep();
    m.op(Op::AddCarry, STEPS_HIGH, STEPS_HIGH, T1);
    m.compare(LIMIT_LOW, STEPS_LOW);
    m.op(Op::SubCarry, R0, LIMIT_HIGH, STEPS_HIGH).keep();
    m.jump(Cond::NoCarry, "limit");
    m.ret();
}
