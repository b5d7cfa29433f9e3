//! The level of a loop that the checker sums up in one step: its stride's magnitude and sign, and count − 1.

use rust_hdl::prelude::*;

use crate::check::Step;
use crate::operation::Operation;
use crate::traits::Traits;

/// Combinational; zero in the steps that treat no level.
#[derive(LogicBlock, Default)]
pub(crate) struct Level {
    pub(crate) step: Signal<In, Step>,
    pub(crate) traits: Signal<In, Traits>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) size: Signal<Out, Bits<32>>,
    pub(crate) negative: Signal<Out, Bit>,
    pub(crate) below: Signal<Out, Bits<24>>,
    near: Signal<Local, Bits<20>>,
    stride: Signal<Local, Bits<32>>,
    count: Signal<Local, Bits<16>>,
    most: Signal<Local, Bits<16>>,
}

impl Logic for Level {
    #[hdl_gen]
    fn update(&mut self) {
        self.near.next = 0.into();
        self.count.next = self.op.val().n0;
        match self.step.val() {
            Step::D0 => {
                self.near.next = self.op.val().d_s0;
            }
            Step::D1 => {
                self.near.next = self.op.val().d_s1;
                self.count.next = self.op.val().n1;
            }
            Step::A1 => {
                self.count.next = self.op.val().n1;
            }
            Step::B1 => {
                self.count.next = self.op.val().n1;
            }
            Step::At => {
                self.count.next = self.op.val().kt;
            }
            Step::Bt => {
                self.count.next = self.op.val().kt;
            }
            _ => {}
        }
        self.stride.next = bit_cast::<32, 20>(self.near.val());
        if self.near.val().get_bit(19) {
            self.stride.next = self.stride.val() | 0xfff0_0000_u64;
        }
        if self.step.val() == Step::A0 {
            self.stride.next = self.op.val().a_s0;
        } else if self.step.val() == Step::A1 {
            self.stride.next = self.op.val().a_s1;
        } else if self.step.val() == Step::At {
            self.stride.next = self.op.val().a_sk;
        } else if self.step.val() == Step::B0 {
            self.stride.next = self.op.val().b_s0;
        } else if self.step.val() == Step::B1 {
            self.stride.next = self.op.val().b_s1;
        } else if self.step.val() == Step::Bt {
            self.stride.next = self.op.val().b_sk;
        }
        self.negative.next = self.stride.val().get_bit(31);
        self.size.next = self.stride.val();
        if self.stride.val().get_bit(31) {
            self.size.next = 0 - self.stride.val();
        }
        self.most.next = self.count.val() - 1;
        self.below.next = bit_cast::<24, 16>(self.most.val());
        if (self.step.val() == Step::A0) & self.traits.val().indexed {
            self.below.next = self.op.val().limit;
        }
    }
}
