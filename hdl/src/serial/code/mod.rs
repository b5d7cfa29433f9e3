//! The microprogram: from a start to an end, every instruction of the machine.
//!
//! Where fields are comes from the table of `isa`, what an instruction's operands are and how they are checked from
//! `isa::operands`, by instruction and by what its `space` or `form` chooses.

mod admit;
mod fixed;
mod legal;
mod matrix;
mod nest;
mod reach;
mod regs;
mod scalar;
mod start;
mod transfer;
mod vector32;
mod vector8;

use self::regs::R0;
use super::asm::{Asm, B};
use super::uop::{Effect, Reg, Uop};
use crate::encoding::Bitfield;

/// The microprogram; a run begins at its first word.
pub(crate) fn program() -> Vec<Uop> {
    let mut asm = Asm::default();
    let m = &mut asm;
    start::emit(m);
    admit::emit(m);
    legal::emit(m);
    reach::emit(m);
    nest::emit(m);
    scalar::emit(m);
    transfer::emit(m);
    matrix::emit(m);
    vector32::emit(m);
    vector8::emit(m);
    fixed::emit(m);
    asm.finish()
}

/// The register of 32 bits of the instruction word.
fn word(index: u64) -> Reg {
    Reg(regs::I0.0 + index as u8)
}

impl Asm {
    /// d = a field of the instruction word.
    fn field(&mut self, rd: Reg, field: Bitfield, signed: bool) {
        let (lsb, width) = (field.lsb, field.width as u64);
        let (low, high, offset) = (lsb / 32, (lsb + width - 1) / 32, (lsb % 32) as u32);
        let width = width as u32;
        let end = |m: &mut Asm, from: Reg, by: u32| {
            if signed {
                m.sar(rd, from, by);
            } else {
                m.shr(rd, from, by);
            }
        };
        if low != high {
            self.funnel(rd, word(high), word(low), offset + width - 32);
            if width < 32 {
                end(self, rd, 32 - width);
            }
        } else if offset + width == 32 {
            end(self, word(low), offset);
        } else {
            self.shl(rd, word(low), 32 - offset - width);
            end(self, rd, 32 - width);
        }
    }

    /// Reads the word at an address.
    fn load(&mut self, address: Reg) {
        self.or(R0, address, R0).also(Effect::Load);
    }

    /// d = x\[T\], where T is a field.
    fn x(&mut self, rd: Reg, field: Bitfield) {
        self.field(regs::T0, field, false);
        self.effect(Effect::SetIndex, regs::T0);
        self.or(rd, super::uop::X, R0);
    }

    /// x\[T0\] = B; x0 stays 0.
    fn set_x(&mut self, value: impl Into<B>) {
        self.effect(Effect::SetIndex, regs::T0);
        self.copy(super::uop::X, value);
        self.copy(Reg(super::uop::X0), R0);
    }

    /// d = the address of a row of spad, or of acc.
    fn spad(&mut self, rd: Reg, row: Reg) {
        self.shl(rd, row, 5);
    }

    fn acc(&mut self, rd: Reg, row: Reg) {
        self.shl(rd, row, 7);
        self.or(rd, rd, regs::HIGH);
    }
}
