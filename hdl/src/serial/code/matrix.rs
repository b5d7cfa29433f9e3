//! Products: `MATMUL`, `DWMAC`. Four bytes are multiplied in a micro-instruction.

use super::regs::*;
use crate::encoding as at;
use crate::serial::asm::{Asm, B};
use crate::serial::uop::{Cond, Effect, Op, Special};

const SUMS: [Special; 4] = [Special::Sum0, Special::Sum1, Special::Sum2, Special::Sum3];
/// Not 0 where the row is written, and nothing added to it.
const FIRST: crate::serial::uop::Reg = FETCH_B;

pub(super) fn emit(m: &mut Asm) {
    matmul(m);
    straight(m);
    transposed(m);
    depthwise(m);
    out(m);

    // FIRST, and where acc is.
    m.label("taps");
    m.acc(PD, D_AT);
    m.copy(COUNT, N);
    m.label("first_tap");
    m.field(T0, at::ACC, false);
    m.copy(FIRST, R0);
    m.or(R0, T0, ATT).keep();
    m.copy(FIRST, 1).when(Cond::Zero);
    m.ret();
}

/// The row of inputs goes to eight registers.
fn matmul(m: &mut Asm) {
    m.label("row_matmul");
    m.call("taps");
    m.field(E0, at::K, false);
    m.op(Op::Copy, R0, E0, N).also(Effect::Multiply);
    m.effect(Effect::CountMacs, Special::Low);
    m.spad(PA, A_AT);
    for reg in ROW {
        m.op(Op::Plus4, PA, PA, R0).also(Effect::Load);
        m.copy(reg, B::Memory);
    }
    m.spad(E1, B_AT);
    m.field(T0, at::TR, false);
    m.test(T0);
    m.jump(Cond::NotZero, "transposed");
}

/// Four outputs at a time: a word of each row of the tile, from row k - 1 down.
fn straight(m: &mut Asm) {
    m.shl(T0, E0, 5);
    m.add(T0, T0, -32);
    m.add(E1, E1, T0);
    m.copy(E2, B::Label("spread_all"));
    m.add(E2, E2, 32);
    m.sub(E2, E2, E0);
    m.label("spread_group");
    m.copy(PB, E1).also(Effect::ClearSums);
    m.op(Op::Less32, PB, PB, R0).also(Effect::Load);
    m.effect(Effect::Go, E2);
    m.label("spread_all");
    for input in (0..32).rev() {
        m.op(Op::Less32, PB, PB, ROW[input / 4]).also(Effect::Spread).by(input as u32 % 4);
    }
    m.add(E1, E1, 4);
    m.call("out");
    m.test(COUNT);
    m.jump(Cond::NotZero, "spread_group");
    m.label("products_done");
    m.test(FIRST);
    m.jump(Cond::Zero, "row_done");
    m.jump(Cond::Always, "zero_lanes");
}

/// An output at a time: the words of its row of the tile, from the last with inputs down.
fn transposed(m: &mut Asm) {
    m.label("transposed");
    m.add(T0, E0, 3);
    m.shr(T0, T0, 2);
    m.copy(E2, B::Label("dot_all"));
    m.add(E2, E2, 8);
    m.sub(E2, E2, T0);
    m.add(T0, T0, -1);
    m.shl(T0, T0, 2);
    m.add(E1, E1, T0);
    m.spad(PA, A_AT);
    m.add(PA, PA, T0);
    m.load(PA);
    // Inputs from k on are 0: 8, 16 or 24 bits of the last word, or none.
    m.sub(T0, R0, E0);
    m.and(T0, T0, 3);
    m.shl(T1, T0, 3);
    m.effect(Effect::SetShift, T1);
    m.op(Op::FunnelBy, E3, R0, B::Memory);
    m.copy(T0, 31);
    m.sub(T0, T0, T1);
    m.effect(Effect::SetShift, T0);
    m.shr(T1, E3, 1);
    m.shl(T2, E3, 31);
    m.op(Op::FunnelBy, E3, T1, T2);
    m.label("dot_output");
    m.copy(PB, E1).also(Effect::ClearSums);
    m.op(Op::Less4, PB, PB, R0).also(Effect::Load);
    m.op(Op::Less4, PB, PB, E3).also(Effect::Dot);
    m.effect(Effect::Go, E2);
    m.label("dot_all");
    for reg in ROW[..7].iter().rev() {
        m.op(Op::Less4, PB, PB, *reg).also(Effect::Dot);
    }
    m.add(E1, E1, 32);
    m.copy(T0, SUMS[0]);
    for sum in &SUMS[1..] {
        m.add(T0, T0, *sum);
    }
    m.call("put");
    m.add(COUNT, COUNT, -1).keep();
    m.jump(Cond::NotZero, "dot_output");
    m.jump(Cond::Always, "products_done");
}

fn depthwise(m: &mut Asm) {
    m.label("row_dwmac");
    m.call("taps");
    m.effect(Effect::CountMacs, N);
    m.spad(PA, A_AT);
    m.spad(PB, B_AT);
    m.label("dwmac_group");
    m.op(Op::Plus4, PA, PA, R0).also(Effect::Load);
    m.copy(T0, B::Memory);
    m.op(Op::Plus4, PB, PB, R0).also(Effect::Load);
    m.effect(Effect::ClearSums, R0);
    m.op(Op::Or, R0, PB, T0).also(Effect::Dot);
    m.call("out");
    m.test(COUNT);
    m.jump(Cond::NotZero, "dwmac_group");
    m.jump(Cond::Always, "products_done");
}

/// The four sums, as far as lanes count, into acc.
fn out(m: &mut Asm) {
    m.label("out");
    m.compare(COUNT, 4);
    m.jump(Cond::NoCarry, "out_part");
    m.add(COUNT, COUNT, -4);
    m.test(FIRST);
    m.jump(Cond::NotZero, "out_first");
    for sum in SUMS {
        m.or(R0, PD, R0).also(Effect::LoadLanes);
        m.copy(T0, B::Memory);
        m.add(T0, T0, sum);
        m.op(Op::Plus4, PD, PD, T0).also(Effect::StoreLanes);
    }
    m.ret();
    m.label("out_first");
    for sum in SUMS {
        m.op(Op::Plus4, PD, PD, sum).also(Effect::StoreLanes);
    }
    m.ret();
    m.label("out_part");
    for sum in &SUMS[..3] {
        m.test(COUNT);
        m.jump(Cond::Zero, "out_done");
        m.add(COUNT, COUNT, -1);
        m.copy(T0, *sum);
        m.call("put");
    }
    m.label("out_done");
    m.ret();

    // T0 into the next lane.
    m.label("put");
    m.test(FIRST);
    m.jump(Cond::NotZero, "put_first");
    m.or(R0, PD, R0).also(Effect::LoadLanes);
    m.add(T0, T0, B::Memory);
    m.label("put_first");
    m.op(Op::Plus4, PD, PD, T0).also(Effect::StoreLanes);
    m.ret();
}
