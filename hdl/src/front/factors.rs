//! What the checker's two multipliers do in each step: |stride| times count − 1 for a level of a hull.

use rust_hdl::prelude::*;

use super::check::Step;
use crate::operation::Operation;
use crate::traits::Traits;

/// Combinational. X multiplies the counts, then the levels of d; Y those of a, and of b or the taps.
#[derive(LogicBlock, Default)]
pub(crate) struct Factors {
    pub(crate) step: Signal<In, Step>,
    pub(crate) traits: Signal<In, Traits>,
    pub(crate) op: Signal<In, Operation>,
    /// X's product of the step before.
    pub(crate) product_x: Signal<In, Bits<64>>,
    pub(crate) x_a: Signal<Out, Bits<32>>,
    pub(crate) x_b: Signal<Out, Bits<16>>,
    pub(crate) x_negative: Signal<Out, Bit>,
    pub(crate) y_a: Signal<Out, Bits<32>>,
    pub(crate) y_b: Signal<Out, Bits<24>>,
    pub(crate) y_negative: Signal<Out, Bit>,
    near: Signal<Local, Bits<20>>,
    stride: Signal<Local, Bits<32>>,
    count: Signal<Local, Bits<16>>,
    most: Signal<Local, Bits<16>>,
}

impl Logic for Factors {
    #[hdl_gen]
    fn update(&mut self) {
        self.near.next = self.op.val().d_s0;
        self.count.next = self.op.val().n0;
        if self.step.val() == Step::Fourth {
            self.near.next = self.op.val().d_s1;
            self.count.next = self.op.val().n1;
        }
        self.x_negative.next = self.near.val().get_bit(19);
        if self.near.val().get_bit(19) {
            self.near.next = 0 - self.near.val();
        }
        self.x_a.next = bit_cast::<32, 20>(self.near.val());
        self.x_b.next = self.count.val() - 1;
        if self.step.val() == Step::First {
            self.x_a.next = bit_cast::<32, 16>(self.op.val().n0);
            self.x_b.next = self.op.val().n1;
        } else if self.step.val() == Step::Second {
            self.x_a.next = self.product_x.val().get_bits::<32>(0);
            self.x_b.next = self.op.val().kt;
        }

        self.stride.next = self.op.val().a_s0;
        self.count.next = self.op.val().n0;
        if self.step.val() == Step::Second {
            self.stride.next = self.op.val().a_s1;
            self.count.next = self.op.val().n1;
        } else if (self.step.val() == Step::Third) & self.traits.val().taps {
            self.stride.next = self.op.val().a_sk;
            self.count.next = self.op.val().kt;
        } else if self.step.val() == Step::Third {
            self.stride.next = self.op.val().b_s0;
        } else if (self.step.val() == Step::Fourth) & self.traits.val().taps {
            self.stride.next = self.op.val().b_sk;
            self.count.next = self.op.val().kt;
        } else if self.step.val() == Step::Fourth {
            self.stride.next = self.op.val().b_s1;
            self.count.next = self.op.val().n1;
        }
        self.y_negative.next = self.stride.val().get_bit(31);
        self.y_a.next = self.stride.val();
        if self.stride.val().get_bit(31) {
            self.y_a.next = 0 - self.stride.val();
        }
        self.most.next = self.count.val() - 1;
        self.y_b.next = bit_cast::<24, 16>(self.most.val());
        if (self.step.val() == Step::First) & self.traits.val().indexed {
            self.y_b.next = self.op.val().limit;
        }
    }
}
