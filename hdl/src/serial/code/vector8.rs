//! Lanes of int8.

use super::regs::*;
use crate::encoding as at;
use crate::serial::asm::{Asm, B};
use crate::serial::uop::{Cond, Effect, Op, Reg};

pub(super) fn emit(m: &mut Asm) {
    requant(m);
    addq(m);
    maxq(m);
    lut(m);
    trans(m);

    // The lanes from n on are 0.
    m.label("zero_bytes");
    m.copy(COUNT, 32);
    m.sub(COUNT, COUNT, N).keep();
    m.jump(Cond::Zero, "row_done");
    m.label("zero_byte");
    m.add(COUNT, COUNT, -1).keep();
    m.op(Op::Plus1, PD, PD, R0).also(Effect::StoreByte).jump(Cond::NotZero, "zero_byte");
    m.jump(Cond::Always, "row_done");
}

fn ends_lane(m: &mut Asm, value: impl Into<B>, again: &str) {
    m.add(COUNT, COUNT, -1).keep();
    m.op(Op::Plus1, PD, PD, value).also(Effect::StoreByte).jump(Cond::NotZero, again);
    m.jump(Cond::Always, "zero_bytes");
}

fn requant(m: &mut Asm) {
    m.label("row_requant");
    m.acc(PA, A_AT);
    m.spad(PB, B_AT);
    m.spad(PD, D_AT);
    m.copy(COUNT, N);
    m.field(E0, at::ZP, true);
    m.field(E1, at::LO, true);
    m.field(E2, at::HI, true);
    m.label("requant_lane");
    m.op(Op::Plus4, PA, PA, R0).also(Effect::LoadLanes);
    m.copy(T0, B::Memory);
    // Biases, and behind them scales.
    m.or(R0, PB, R0).also(Effect::LoadLanes);
    m.add(T0, T0, B::Memory);
    m.add(T1, PB, 128);
    m.add(PB, PB, 4);
    m.or(R0, T1, R0).also(Effect::LoadLanes);
    m.copy(T1, B::Memory);
    m.shr(T4, T1, 24);
    m.shl(T1, T1, 8);
    m.shr(T1, T1, 8);
    m.call("product");
    m.call("byte");
    ends_lane(m, T0, "requant_lane");
}

fn addq(m: &mut Asm) {
    const MA: Reg = E4;
    const MB: Reg = E5;
    const ZA: Reg = FETCH_B;
    const ZB: Reg = LANE;
    m.label("row_addq");
    m.spad(PA, P_START);
    for reg in [MA, MB] {
        m.op(Op::Plus4, PA, PA, R0).also(Effect::Load);
        m.copy(reg, B::Memory);
    }
    for reg in [ZA, ZB, E3, E0, E1, E2] {
        m.op(Op::Plus1, PA, PA, R0).also(Effect::LoadByte);
        m.copy(reg, B::Memory);
    }
    m.spad(PA, A_AT);
    m.spad(PB, B_AT);
    m.spad(PD, D_AT);
    m.copy(COUNT, N);
    m.label("addq_lane");
    m.op(Op::Plus1, PA, PA, R0).also(Effect::LoadByte);
    m.copy(T0, B::Memory);
    m.sub(T0, T0, ZA);
    m.copy(T1, MA);
    m.call("product");
    m.copy(ROW[0], T2);
    m.copy(ROW[1], T3);
    m.op(Op::Plus1, PB, PB, R0).also(Effect::LoadByte);
    m.copy(T0, B::Memory);
    m.sub(T0, T0, ZB);
    m.copy(T1, MB);
    m.call("product");
    m.add(T2, T2, ROW[0]).keep();
    m.op(Op::AddCarry, T3, T3, ROW[1]);
    m.copy(T4, E3);
    m.call("byte");
    ends_lane(m, T0, "addq_lane");
}

fn maxq(m: &mut Asm) {
    m.label("row_maxq");
    m.call("first_tap");
    m.spad(PA, A_AT);
    m.spad(PD, D_AT);
    m.test(FETCH_B);
    m.jump(Cond::NotZero, "maxq_first");
    m.copy(COUNT, 32);
    m.label("maxq_byte");
    m.op(Op::Plus1, PA, PA, R0).also(Effect::LoadByte);
    m.copy(T0, B::Memory);
    m.or(R0, PD, R0).also(Effect::LoadByte);
    m.compare(T0, B::Memory);
    m.copy(T0, B::Memory).when(Cond::Less);
    m.add(COUNT, COUNT, -1).keep();
    m.op(Op::Plus1, PD, PD, T0).also(Effect::StoreByte).jump(Cond::NotZero, "maxq_byte");
    m.jump(Cond::Always, "row_done");
    m.label("maxq_first");
    for _ in 0..8 {
        m.op(Op::Plus4, PA, PA, R0).also(Effect::Load);
        m.op(Op::Plus4, PD, PD, B::Memory).also(Effect::Store);
    }
    m.jump(Cond::Always, "row_done");
}

fn lut(m: &mut Asm) {
    m.label("row_lut");
    m.spad(PA, A_AT);
    m.spad(PB, B_AT);
    m.add(PB, PB, 128);
    m.spad(PD, D_AT);
    m.copy(COUNT, N);
    m.label("lut_lane");
    m.op(Op::Plus1, PA, PA, R0).also(Effect::LoadByte);
    m.add(T0, PB, B::Memory);
    m.or(R0, T0, R0).also(Effect::LoadByte);
    ends_lane(m, B::Memory, "lut_lane");
}

fn trans(m: &mut Asm) {
    m.label("row_trans");
    m.spad(PA, A_AT);
    m.and(T0, AT0, 31);
    m.add(PA, PA, T0);
    m.spad(PD, D_AT);
    m.copy(COUNT, N);
    m.label("trans_lane");
    m.op(Op::Plus32, PA, PA, R0).also(Effect::LoadByte);
    ends_lane(m, B::Memory, "trans_lane");
}
