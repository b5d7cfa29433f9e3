//! Lanes of int32, and the choice of the largest.

use super::regs::*;
use crate::encoding as at;
use crate::serial::asm::{Asm, B};
use crate::serial::uop::{Cond, Effect, Op, Reg, Special};

/// Where a lane is done, once T0 is that of a and T1 that of b; it goes on at `lane_done`, or is done otherwise.
const LANE_OP: Reg = E5;

pub(super) fn emit(m: &mut Asm) {
    for (name, lane) in [
        ("row_vadd", "lane_add"),
        ("row_vsub", "lane_sub"),
        ("row_vmul", "lane_mul"),
        ("row_vmulr", "lane_mulr"),
        ("row_vmin", "lane_min"),
        ("row_vmax", "lane_max"),
        ("row_vshr", "lane_shr"),
        ("row_vsel", "lane_sel"),
    ] {
        m.label(name);
        m.copy(LANE_OP, B::Label(lane));
        m.jump(Cond::Always, "binary");
    }
    m.label("row_vclz");
    m.copy(LANE_OP, B::Label("lane_clz"));
    m.copy(FETCH_B, LANE_OP).jump(Cond::Always, "lanes");
    binary(m);
    lane_ops(m);
    shift(m);
    leading(m);
    reduce(m);
    table(m);
    argmax(m);
}

/// By the form of b.
fn binary(m: &mut Asm) {
    m.label("binary");
    m.field(E3, at::SHIFT, false);
    m.field(T0, at::FORM, false);
    m.copy(FETCH_B, B::Label("b_lane"));
    m.acc(PB, B_AT);
    m.compare(T0, i32::from(isa::form::ROW32));
    m.jump(Cond::Zero, "lanes");
    m.copy(FETCH_B, B::Label("b_byte"));
    m.compare(T0, i32::from(isa::form::ROW8));
    m.jump(Cond::Zero, "lanes_byte");
    m.copy(FETCH_B, B::Label("b_same"));
    m.copy(E4, B_AT);
    m.compare(T0, i32::from(isa::form::ADDRESS));
    m.jump(Cond::Zero, "lanes");
    m.load(PB);
    m.copy(E4, B::Memory).jump(Cond::Always, "lanes");
    m.label("lanes_byte");
    m.spad(PB, B_AT);
    m.label("lanes");
    m.acc(PA, A_AT);
    m.acc(PD, D_AT);
    m.copy(COUNT, N);
    m.label("lane");
    m.op(Op::Plus4, PA, PA, R0).also(Effect::LoadLanes);
    m.copy(T0, B::Memory);
    m.effect(Effect::Go, FETCH_B);
    m.label("b_lane");
    m.op(Op::Plus4, PB, PB, R0).also(Effect::LoadLanes);
    m.copy(T1, B::Memory);
    m.effect(Effect::Go, LANE_OP);
    m.label("b_byte");
    m.op(Op::Plus1, PB, PB, R0).also(Effect::LoadByte);
    m.copy(T1, B::Memory);
    m.effect(Effect::Go, LANE_OP);
    m.label("b_same");
    m.copy(T1, E4);
    m.effect(Effect::Go, LANE_OP);

    m.label("lane_done");
    m.add(COUNT, COUNT, -1).keep();
    m.op(Op::Plus4, PD, PD, T0).also(Effect::StoreLanes).jump(Cond::NotZero, "lane");
    // The lanes from n on are 0.
    m.label("zero_lanes");
    m.copy(COUNT, 32);
    m.sub(COUNT, COUNT, N).keep();
    m.jump(Cond::Zero, "row_done");
    m.copy(T0, R0);
    m.label("same_lanes");
    m.add(COUNT, COUNT, -1).keep();
    m.op(Op::Plus4, PD, PD, T0).also(Effect::StoreLanes).jump(Cond::NotZero, "same_lanes");
    m.jump(Cond::Always, "row_done");
}

fn lane_ops(m: &mut Asm) {
    let done = "lane_done";
    m.label("lane_add");
    m.add(T0, T0, T1).jump(Cond::Always, done);
    m.label("lane_sub");
    m.sub(T0, T0, T1).jump(Cond::Always, done);
    m.label("lane_mul");
    m.op(Op::Copy, R0, T0, T1).also(Effect::Multiply);
    m.copy(T0, Special::Low).jump(Cond::Always, done);
    m.label("lane_min");
    m.compare(T0, T1);
    m.copy(T0, T1).when(Cond::NotLess);
    m.jump(Cond::Always, done);
    m.label("lane_max");
    m.compare(T0, T1);
    m.copy(T0, T1).when(Cond::Less);
    m.jump(Cond::Always, done);
    m.label("lane_mulr");
    m.call("product");
    m.copy(T4, E3);
    m.call("round");
    m.call("saturate");
    m.jump(Cond::Always, done);
    m.label("lane_sel");
    m.compare(R0, T0);
    m.jump(Cond::NotLess, "lane_kept");
    m.or(R0, PD, T1).also(Effect::StoreLanes);
    m.label("lane_kept");
    m.add(COUNT, COUNT, -1).keep();
    m.add(PD, PD, 4).jump(Cond::NotZero, "lane");
    m.jump(Cond::Always, "row_done");
}

fn shift(m: &mut Asm) {
    m.label("lane_shr");
    m.add(T1, T1, E3).keep();
    m.jump(Cond::Minus, "lane_left");
    m.copy(T4, T1);
    m.compare(T1, 63);
    m.copy(T4, 63).when(Cond::Carry);
    m.copy(T2, T0);
    m.sar(T3, T0, 31);
    m.call("round");
    m.copy(T0, T2).jump(Cond::Always, "lane_done");
    m.label("lane_left");
    m.sub(T1, R0, T1);
    m.compare(T1, 32);
    m.jump(Cond::NoCarry, "lane_left_by");
    m.copy(T0, R0).jump(Cond::Always, "lane_done");
    m.label("lane_left_by");
    m.call("shift_left");
    m.jump(Cond::Always, "lane_done");
}

/// Leading zeros of T0.
fn leading(m: &mut Asm) {
    m.label("lane_clz");
    m.copy(T1, R0);
    for by in [16, 8, 4, 2, 1] {
        m.shr(R0, T0, 32 - by).keep();
        m.shl(T0, T0, by).when(Cond::Zero);
        m.add(T1, T1, by as i32).when(Cond::Zero);
    }
    // All 31 shifted out, and still no bit: 32.
    m.test(T0);
    m.copy(T0, T1).jump(Cond::Minus, "lane_done");
    m.add(T0, T1, 1).jump(Cond::Always, "lane_done");
}

fn reduce(m: &mut Asm) {
    let lanes = |m: &mut Asm, name: &str, first: Reg, join: fn(&mut Asm)| {
        m.label(format!("row_{name}"));
        m.acc(PA, A_AT);
        m.acc(PD, D_AT);
        m.copy(COUNT, N);
        m.copy(T0, first);
        m.label(format!("{name}_lane"));
        m.op(Op::Plus4, PA, PA, R0).also(Effect::LoadLanes);
        m.copy(T1, B::Memory);
        join(m);
        m.add(COUNT, COUNT, -1).keep();
        m.jump(Cond::NotZero, format!("{name}_lane"));
        m.copy(COUNT, 32).jump(Cond::Always, "same_lanes");
    };
    lanes(m, "vsum", R0, |m| {
        m.add(T0, T0, T1);
    });
    lanes(m, "vrmax", HIGH, |m| {
        m.compare(T0, T1);
        m.copy(T0, T1).when(Cond::Less);
    });
}

fn table(m: &mut Asm) {
    m.label("row_lut32");
    m.spad(PA, A_AT);
    m.spad(PB, B_AT);
    m.acc(PD, D_AT);
    m.copy(COUNT, N);
    m.copy(E0, 128);
    m.label("lut32_lane");
    m.op(Op::Plus1, PA, PA, R0).also(Effect::LoadByte);
    m.add(T0, E0, B::Memory);
    m.shl(T0, T0, 2);
    m.add(T0, T0, PB);
    m.load(T0);
    m.add(COUNT, COUNT, -1).keep();
    m.op(Op::Plus4, PD, PD, B::Memory).also(Effect::StoreLanes).jump(Cond::NotZero, "lut32_lane");
    m.jump(Cond::Always, "zero_lanes");
}

fn argmax(m: &mut Asm) {
    m.label("row_argmax");
    m.acc(PA, A_AT);
    m.op(Op::Plus4, PA, PA, R0).also(Effect::LoadLanes);
    // The largest so far in T1, its lane in T2.
    m.copy(T1, B::Memory);
    m.copy(T2, R0);
    m.copy(LANE, 1);
    m.label("argmax_lane");
    m.compare(LANE, N);
    m.jump(Cond::Zero, "argmax_row");
    m.op(Op::Plus4, PA, PA, R0).also(Effect::LoadLanes);
    m.copy(T0, B::Memory);
    m.compare(T1, T0);
    m.copy(T1, T0).when(Cond::Less);
    m.copy(T2, LANE).when(Cond::Less);
    m.add(LANE, LANE, 1).jump(Cond::Always, "argmax_lane");

    m.label("argmax_row");
    m.op(Op::Copy, R0, AT1, N0).also(Effect::Multiply);
    m.add(T3, AT0, Special::Low);
    m.field(T0, at::ACC, false);
    m.or(R0, T0, T3).keep();
    m.jump(Cond::Zero, "argmax_take");
    m.x(T4, at::RV);
    m.compare(T4, T1);
    m.jump(Cond::NotLess, "row_done");
    m.label("argmax_take");
    m.field(T0, at::RV, false);
    m.set_x(T1);
    m.shl(T3, T3, 5);
    m.add(T2, T2, T3);
    m.field(T1, at::I_BASE, false);
    m.add(T2, T2, T1);
    m.x(T1, at::I_REG);
    m.add(T2, T2, T1);
    m.field(T0, at::RD, false);
    m.set_x(T2);
    m.jump(Cond::Always, "row_done");
}
