//! Rows between memory and the chip, and inside spad; words of memory.

use super::regs::*;
use crate::encoding as at;
use crate::serial::asm::{Asm, B};
use crate::serial::uop::{Cond, Effect, Op, Special};

pub(super) fn emit(m: &mut Asm) {
    m.label("row_load");
    m.add(R0, ROW_BASE, A_AT).also(Effect::AskRead);
    m.spad(PD, D_AT);
    m.label("row_read");
    m.call("read_row");
    m.jump(Cond::Always, "row_done");

    m.label("row_load_acc");
    m.acc(PD, D_AT);
    m.add(T0, ROW_BASE, A_AT);
    m.copy(COUNT, 4);
    m.label("load_leaf");
    m.or(R0, T0, R0).also(Effect::AskRead);
    m.call("read_row");
    m.add(T0, T0, 1);
    m.add(COUNT, COUNT, -1).keep();
    m.jump(Cond::NotZero, "load_leaf");
    m.jump(Cond::Always, "row_done");

    m.label("read_row");
    for _ in 0..8 {
        m.op(Op::Plus4, PD, PD, B::Beat).also(Effect::Store);
    }
    m.ret();
    stores(m);
    gather(m);
    inside(m);
    words(m);
}

fn stores(m: &mut Asm) {
    m.label("row_store");
    m.spad(PA, D_AT);
    m.copy(COUNT, 1).jump(Cond::Always, "store_rows");
    m.label("row_store_acc");
    m.acc(PA, D_AT);
    m.copy(COUNT, 4);
    m.label("store_rows");
    m.copy(E0, A_AT);
    m.label("store_leaf");
    m.call("ask_write");
    for _ in 0..8 {
        m.op(Op::Plus4, PA, PA, R0).also(Effect::Load);
        m.effect(Effect::Send, B::Memory);
    }
    m.effect(Effect::AwaitWritten, R0);
    m.add(E0, E0, 1);
    m.add(COUNT, COUNT, -1).keep();
    m.jump(Cond::NotZero, "store_leaf");
    m.jump(Cond::Always, "row_done");

    // Row E0 of the region.
    m.label("ask_write");
    m.effect(Effect::Digest, REGION);
    m.effect(Effect::Digest, E0);
    m.add(R0, ROW_BASE, E0).also(Effect::AskWrite);
    m.ret();
}

fn gather(m: &mut Asm) {
    m.label("row_gather");
    m.field(T0, at::INDEX, false);
    m.shl(T0, T0, 5);
    m.shl(T1, AT0, 2);
    m.add(T0, T0, T1);
    m.load(T0);
    m.copy(T1, B::Memory);
    m.compare(T1, LAST_ENTRY);
    m.copy(T1, LAST_ENTRY).when(Cond::Carry);
    m.op(Op::Copy, R0, T1, A_S0).also(Effect::Multiply);
    m.add(T1, A_START, Special::Low);
    m.spad(PD, D_AT);
    m.add(R0, ROW_BASE, T1).also(Effect::AskRead).jump(Cond::Always, "row_read");
}

fn inside(m: &mut Asm) {
    m.label("row_move");
    m.field(T0, at::OFFSET, false);
    m.spad(PD, D_AT);
    m.add(PD, PD, T0);
    m.copy(PA, A_AT);
    m.copy(COUNT, N);
    m.label("move_byte");
    m.op(Op::Plus1, PA, PA, R0).also(Effect::LoadByte);
    m.add(COUNT, COUNT, -1).keep();
    m.op(Op::Plus1, PD, PD, B::Memory).also(Effect::StoreByte).jump(Cond::NotZero, "move_byte");
    m.jump(Cond::Always, "row_done");

    m.label("row_fill");
    m.field(T0, at::IMM, false);
    for by in [8, 16] {
        m.shl(T1, T0, by);
        m.or(T0, T0, T1);
    }
    m.spad(PD, D_AT);
    m.copy(COUNT, 8).jump(Cond::Always, "fill_word");
    m.label("row_fill_acc");
    m.field(T0, at::IMM, false);
    m.acc(PD, D_AT);
    m.copy(COUNT, 32);
    m.label("fill_word");
    m.add(COUNT, COUNT, -1).keep();
    m.op(Op::Plus4, PD, PD, T0).also(Effect::Store).jump(Cond::NotZero, "fill_word");
    m.jump(Cond::Always, "row_done");
}

/// `LW` and `SW`: row `A_START` of the region, word `LAST_ENTRY`.
fn words(m: &mut Asm) {
    m.label("load_word");
    m.add(R0, ROW_BASE, A_START).also(Effect::AskRead);
    for index in 0..8 {
        m.compare(LAST_ENTRY, index);
        m.copy(T1, B::Beat).when(Cond::Zero);
    }
    m.jump(Cond::Always, "set");

    m.label("store_word");
    m.copy(E0, A_START);
    m.add(R0, ROW_BASE, E0).also(Effect::AskRead);
    for (index, reg) in (0..).zip(ROW) {
        m.compare(LAST_ENTRY, index);
        m.copy(reg, B::Beat);
        m.copy(reg, T6).when(Cond::Zero);
    }
    m.call("ask_write");
    for reg in ROW {
        m.effect(Effect::Send, reg);
    }
    m.effect(Effect::AwaitWritten, R0);
    m.jump(Cond::Always, "next_step");
}
