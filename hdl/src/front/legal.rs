//! Which encodings have a meaning: the ILLEGAL trap.

use isa::{Loop, Subtree};
use rust_hdl::prelude::*;

use crate::encoding::*;
use crate::prims::{Fixed, Kind};
use crate::traits::Traits;

/// Judges an instruction word. Combinational.
#[derive(LogicBlock, Default)]
pub(crate) struct Legal {
    pub(crate) word: Signal<In, Bits<256>>,
    pub(crate) kind: Signal<In, Kind>,
    pub(crate) traits: Signal<In, Traits>,
    /// Bits are set that are no field.
    pub(crate) stray: Signal<In, Bit>,
    pub(crate) legal: Signal<Out, Bit>,
    selected: Signal<Local, Bit>,
    fit: Signal<Local, Bit>,
    writable: Signal<Local, Bit>,
    readable: Signal<Local, Bit>,
    region: Signal<Local, Bits<3>>,
    select: Signal<Local, Bits<3>>,
    index_target: Signal<Local, Bits<4>>,
    value_target: Signal<Local, Bits<4>>,
    index_register: Signal<Local, Bits<4>>,
    row_register: Signal<Local, Bits<4>>,
    count_register: Signal<Local, Bits<4>>,
    counted: Signal<Local, Bit>,
    lo: Signal<Local, Bits<8>>,
    hi: Signal<Local, Bits<8>>,
    at_n0: Fixed<8, { N0.lsb }>,
    at_n1: Fixed<8, { N1.lsb }>,
    at_kt: Fixed<8, { KT.lsb }>,
    at_n: Fixed<8, { N.lsb }>,
    at_creg: Fixed<8, { CREG.lsb }>,
    at_csel: Fixed<8, { CSEL.lsb }>,
    at_region: Fixed<8, { REGION.lsb }>,
    at_space: Fixed<8, { SPACE.lsb }>,
    at_imm: Fixed<8, { IMM.lsb }>,
    at_a_reg: Fixed<8, { A_REG.lsb }>,
    at_i_reg: Fixed<8, { I_REG.lsb }>,
    at_rd: Fixed<8, { RD.lsb }>,
    at_rv: Fixed<8, { RV.lsb }>,
    at_lo: Fixed<8, { LO.lsb }>,
    at_hi: Fixed<8, { HI.lsb }>,
    select_none: Fixed<3, { Loop::NONE as u64 }>,
    select_n0: Fixed<3, { Loop::N0 as u64 }>,
    select_n1: Fixed<3, { Loop::N1 as u64 }>,
    select_kt: Fixed<3, { Loop::KT as u64 }>,
    select_n: Fixed<3, { Loop::N as u64 }>,
    region_const: Fixed<3, { Subtree::Const as u64 }>,
    region_input: Fixed<3, { Subtree::Input as u64 }>,
    region_work: Fixed<3, { Subtree::Work as u64 }>,
    region_output: Fixed<3, { Subtree::Output as u64 }>,
}

impl Logic for Legal {
    #[hdl_gen]
    fn update(&mut self) {
        self.select.next = self.word.val().get_bits::<{ CSEL.width }>(self.at_csel.val().index());
        self.selected.next = false;
        if self.select.val() == self.select_none.val() {
            self.selected.next = !self.word.val().get_bits::<{ CREG.width }>(self.at_creg.val().index()).any();
        } else if self.select.val() == self.select_n0.val() {
            self.selected.next = !self.word.val().get_bits::<{ N0.width }>(self.at_n0.val().index()).any();
        } else if self.select.val() == self.select_n1.val() {
            self.selected.next = !self.word.val().get_bits::<{ N1.width }>(self.at_n1.val().index()).any();
        } else if self.select.val() == self.select_kt.val() {
            self.selected.next =
                self.traits.val().taps & !self.word.val().get_bits::<{ KT.width }>(self.at_kt.val().index()).any();
        } else if self.select.val() == self.select_n.val() {
            self.selected.next =
                self.traits.val().lanes & !self.word.val().get_bits::<{ N.width }>(self.at_n.val().index()).any();
        }

        self.region.next = self.word.val().get_bits::<{ REGION.width }>(self.at_region.val().index());
        self.writable.next =
            (self.region.val() == self.region_work.val()) | (self.region.val() == self.region_output.val());
        self.readable.next = self.writable.val()
            | (self.region.val() == self.region_const.val())
            | (self.region.val() == self.region_input.val());
        self.lo.next = self.word.val().get_bits::<{ LO.width }>(self.at_lo.val().index()) ^ 0x80;
        self.hi.next = self.word.val().get_bits::<{ HI.width }>(self.at_hi.val().index()) ^ 0x80;
        self.index_register.next = self.word.val().get_bits::<{ I_REG.width }>(self.at_i_reg.val().index());
        self.row_register.next = self.word.val().get_bits::<{ A_REG.width }>(self.at_a_reg.val().index());
        self.count_register.next = self.word.val().get_bits::<{ CREG.width }>(self.at_creg.val().index());
        self.index_target.next = self.word.val().get_bits::<{ RD.width }>(self.at_rd.val().index());
        self.value_target.next = self.word.val().get_bits::<{ RV.width }>(self.at_rv.val().index());
        self.counted.next = self.select.val() != self.select_none.val();
        self.fit.next = true;
        if self.traits.val().a_dram {
            self.fit.next = self.readable.val() & (self.writable.val() | !self.traits.val().a_folds);
        } else if self.kind.val() == Kind::Fill {
            self.fit.next = self.word.val().get_bit(self.at_space.val().index())
                | (self.word.val().get_bits::<{ IMM.width }>(self.at_imm.val().index()) < 256);
        } else if self.kind.val() == Kind::Requant {
            self.fit.next = self.lo.val() <= self.hi.val();
        } else if self.kind.val() == Kind::Argmax {
            // Results go from row to row in registers, so nothing else may come from them.
            self.fit.next = self.index_target.val().any()
                & self.value_target.val().any()
                & (self.index_target.val() != self.value_target.val())
                & (self.index_target.val() != self.row_register.val())
                & (self.value_target.val() != self.row_register.val())
                & (self.index_target.val() != self.index_register.val())
                & (self.value_target.val() != self.index_register.val())
                & (!self.counted.val() | (self.index_target.val() != self.count_register.val()))
                & (!self.counted.val() | (self.value_target.val() != self.count_register.val()));
        }
        self.legal.next = (self.kind.val() != Kind::Unknown)
            & !self.stray.val()
            & (self.selected.val() | !self.traits.val().loops)
            & self.fit.val();
    }
}
