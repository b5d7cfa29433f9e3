//! The loops of an instruction: its rows one after another, with the addresses of its operands.

use super::regs::*;
use crate::serial::asm::Asm;
use crate::serial::uop::{Cond, Effect, Reg};

/// Adds to the addresses of all operands, whether the instruction has them or not.
fn advance(m: &mut Asm, pairs: [(Reg, Reg); 3], to: &str) {
    let [d, a, b] = pairs;
    m.add(d.0, d.0, d.1);
    m.add(a.0, a.0, a.1);
    m.add(b.0, b.0, b.1).jump(Cond::Always, to);
}

pub(super) fn emit(m: &mut Asm) {
    m.label("nest");
    m.copy(AT1, R0);
    m.label("outer");
    m.copy(AT0, R0);
    for (at, start) in [(D_AT0, D_START), (A_AT0, A_START), (B_AT0, B_START)] {
        m.copy(at, start);
    }
    m.label("inner");
    m.copy(ATT, R0);
    for (at, start) in [(D_AT, D_AT0), (A_AT, A_AT0), (B_AT, B_AT0)] {
        m.copy(at, start);
    }
    m.label("tap");
    m.effect(Effect::Go, HANDLER);

    m.label("row_done");
    m.add(ATT, ATT, 1).also(Effect::Step);
    m.compare(ATT, KT);
    m.jump(Cond::Zero, "taps_done");
    m.add(A_AT, A_AT, A_SK);
    m.add(B_AT, B_AT, B_SK).jump(Cond::Always, "tap");
    m.label("taps_done");
    m.add(AT0, AT0, 1);
    m.compare(AT0, N0);
    m.jump(Cond::Zero, "inner_done");
    advance(m, [(D_AT0, D_S0), (A_AT0, A_S0), (B_AT0, B_S0)], "inner");
    m.label("inner_done");
    m.add(AT1, AT1, 1);
    m.compare(AT1, N1);
    m.jump(Cond::Zero, "next");
    advance(m, [(D_START, D_S1), (A_START, A_S1), (B_START, B_S1)], "outer");
}
