//! The counts of a row-moving instruction, with the register's value in place of the one that `csel` names.

use isa::Loop;
use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::prims::Fixed;

/// Combinational. `bad` is the COUNT trap.
#[derive(LogicBlock, Default)]
pub(crate) struct Counts {
    pub(crate) fields: Signal<In, Operation>,
    pub(crate) csel: Signal<In, Bits<3>>,
    pub(crate) register: Signal<In, Bits<32>>,
    pub(crate) n0: Signal<Out, Bits<16>>,
    pub(crate) n1: Signal<Out, Bits<16>>,
    pub(crate) kt: Signal<Out, Bits<16>>,
    pub(crate) n: Signal<Out, Bits<6>>,
    pub(crate) bad: Signal<Out, Bit>,
    inner: Signal<Local, Bits<32>>,
    outer: Signal<Local, Bits<32>>,
    taps: Signal<Local, Bits<32>>,
    lanes: Signal<Local, Bits<32>>,
    inputs: Signal<Local, Bits<6>>,
    select_n0: Fixed<3, { Loop::N0 as u64 }>,
    select_n1: Fixed<3, { Loop::N1 as u64 }>,
    select_kt: Fixed<3, { Loop::KT as u64 }>,
    select_n: Fixed<3, { Loop::N as u64 }>,
}

impl Logic for Counts {
    #[hdl_gen]
    fn update(&mut self) {
        self.inner.next = bit_cast::<32, 16>(self.fields.val().n0);
        self.outer.next = bit_cast::<32, 16>(self.fields.val().n1);
        self.taps.next = bit_cast::<32, 16>(self.fields.val().kt);
        self.lanes.next = bit_cast::<32, 6>(self.fields.val().n);
        self.inputs.next = self.fields.val().k;
        if self.csel.val() == self.select_n0.val() {
            self.inner.next = self.register.val();
        } else if self.csel.val() == self.select_n1.val() {
            self.outer.next = self.register.val();
        } else if self.csel.val() == self.select_kt.val() {
            self.taps.next = self.register.val();
        } else if self.csel.val() == self.select_n.val() {
            self.lanes.next = self.register.val();
        }
        self.n0.next = self.inner.val().get_bits::<16>(0);
        self.n1.next = self.outer.val().get_bits::<16>(0);
        self.kt.next = self.taps.val().get_bits::<16>(0);
        self.n.next = self.lanes.val().get_bits::<6>(0);
        self.bad.next = (self.inner.val() == 0)
            | (self.inner.val() > 0xffff)
            | (self.outer.val() == 0)
            | (self.outer.val() > 0xffff)
            | (self.taps.val() == 0)
            | (self.taps.val() > 0xffff)
            | (self.lanes.val() == 0)
            | (self.lanes.val() > 32)
            | (self.inputs.val() == 0)
            | (self.inputs.val() > 32);
    }
}
