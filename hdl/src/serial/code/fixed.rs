//! Products of 64 bits with sign, the one rounding, and saturation.

use super::regs::*;
use crate::serial::asm::Asm;
use crate::serial::uop::{Cond, Effect, Op, Special};

pub(super) fn emit(m: &mut Asm) {
    // {T3, T2} = T0 * T1, signed.
    m.label("product");
    m.op(Op::Copy, R0, T0, T1).also(Effect::Multiply).keep();
    m.copy(T2, Special::Low);
    m.copy(T3, Special::High);
    m.sub(T3, T3, T0).when(Cond::Minus);
    m.test(T0);
    m.sub(T3, T3, T1).when(Cond::Minus);
    m.ret();

    // {T3, T2} rounded to a multiple of 2^T4, ties to even, and shifted; T4 is taken modulo 64. Changes T0, T1, T5.
    m.label("round");
    m.and(R0, T4, 32).keep();
    m.copy(T5, R0).jump(Cond::Zero, "round_low");
    m.copy(T5, T2);
    m.copy(T2, T3);
    m.sar(T3, T3, 31);
    m.label("round_low");
    m.effect(Effect::SetShift, T4);
    // What is shifted out: T0, and below it T1.
    m.op(Op::FunnelBy, T1, T5, R0).keep();
    m.op(Op::FunnelBy, T0, T2, T5);
    m.op(Op::FunnelBy, T2, T3, T2);
    m.sar(T5, T3, 31);
    m.op(Op::FunnelBy, T3, T5, T3);
    // Up if T0 is above a half, or is one, and something is below it or the result is odd.
    m.and(T5, T2, 1);
    m.copy(T5, 1).when(Cond::NotZero);
    m.sub(T5, HIGH, T5);
    m.compare(T5, T0);
    m.jump(Cond::Carry, "round_down");
    m.add(T2, T2, 1).keep();
    m.op(Op::AddCarry, T3, T3, R0);
    m.label("round_down");
    m.ret();

    // T0 = {T3, T2} saturated to 32 bits. Changes T1.
    m.label("saturate");
    m.sar(T1, T2, 31);
    m.compare(T1, T3);
    m.copy(T0, T2).jump(Cond::Zero, "saturate_not");
    m.sar(T0, T3, 31);
    m.op(Op::Xor, T0, T0, ONES);
    m.op(Op::Xor, T0, T0, HIGH);
    m.label("saturate_not");
    m.ret();

    // T0 = {T3, T2} rounded by T4, plus E0, cut to E1..=E2. Changes T1, T5.
    m.label("byte");
    m.call("round");
    m.sar(T1, E0, 31);
    m.add(T2, T2, E0).keep();
    m.op(Op::AddCarry, T3, T3, T1);
    m.call("saturate");
    m.compare(T0, E1);
    m.copy(T0, E1).when(Cond::Less);
    m.compare(E2, T0);
    m.copy(T0, E2).when(Cond::Less);
    m.ret();
}
