//! The hulls of the four operands of an instruction, one level of a loop a step.

use rust_hdl::prelude::*;

use super::check::Step;
use super::hull::Hull;
use crate::operation::Operation;
use crate::traits::Traits;

/// Follows the checker's steps: operands begin with `go`, the rows beyond each address are added in step `First`, and
/// each product reaches its hull one step after its factors.
#[derive(LogicBlock, Default)]
pub(crate) struct Hulls {
    pub(crate) clock: Signal<In, Clock>,
    /// Begin, with bases as encoded and the values of their registers.
    pub(crate) go: Signal<In, Bit>,
    pub(crate) fields: Signal<In, Operation>,
    pub(crate) d_value: Signal<In, Bits<32>>,
    pub(crate) a_value: Signal<In, Bits<32>>,
    pub(crate) b_value: Signal<In, Bits<32>>,
    pub(crate) p_value: Signal<In, Bits<32>>,
    /// The register of p holds the limit of indices.
    pub(crate) indexed: Signal<In, Bit>,
    pub(crate) step: Signal<In, Step>,
    pub(crate) traits: Signal<In, Traits>,
    pub(crate) op: Signal<In, Operation>,
    /// Products of the step before, and whether their strides were negative.
    pub(crate) product_x: Signal<In, Bits<64>>,
    pub(crate) product_y: Signal<In, Bits<64>>,
    pub(crate) negative_x: Signal<In, Bit>,
    pub(crate) negative_y: Signal<In, Bit>,
    pub(crate) d_low: Signal<Out, Bits<60>>,
    pub(crate) d_high: Signal<Out, Bits<60>>,
    pub(crate) a_low: Signal<Out, Bits<60>>,
    pub(crate) a_high: Signal<Out, Bits<60>>,
    pub(crate) b_low: Signal<Out, Bits<60>>,
    pub(crate) b_high: Signal<Out, Bits<60>>,
    pub(crate) p_low: Signal<Out, Bits<60>>,
    pub(crate) p_high: Signal<Out, Bits<60>>,
    d: Hull,
    a: Hull,
    b: Hull,
    p: Hull,
    most: Signal<Local, Bits<16>>,
    index_rows: Signal<Local, Bits<16>>,
    last_byte: Signal<Local, Bits<6>>,
    beyond: Signal<Local, Bit>,
}

impl Logic for Hulls {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, d, a, b, p);
        self.beyond.next = self.step.val() == Step::First;
        self.d.first.next = self.go.val();
        self.d.base.next = bit_cast::<32, 20>(self.fields.val().d_base);
        self.d.register.next = self.d_value.val();
        self.d.add.next = (self.step.val() == Step::Fourth) | (self.step.val() == Step::Last);
        self.d.negative.next = self.negative_x.val();
        self.d.reach.next = self.product_x.val().get_bits::<60>(0);

        self.a.first.next = self.go.val();
        self.a.base.next = self.fields.val().a_base;
        self.a.register.next = self.a_value.val();
        self.a.add.next = self.beyond.val()
            | (self.step.val() == Step::Second)
            | (self.step.val() == Step::Third)
            | ((self.step.val() == Step::Fourth) & self.traits.val().taps);
        self.a.negative.next = self.negative_y.val();
        self.a.reach.next = self.product_y.val().get_bits::<60>(0);
        self.last_byte.next = self.op.val().n - 1;
        if self.beyond.val() {
            self.a.negative.next = false;
            self.a.reach.next = bit_cast::<60, 5>(self.traits.val().a_mask);
            if self.traits.val().bytes {
                self.a.reach.next = bit_cast::<60, 6>(self.last_byte.val());
            }
        }

        self.b.first.next = self.go.val();
        self.b.base.next = self.fields.val().b_base;
        self.b.register.next = self.b_value.val();
        self.b.add.next = self.beyond.val()
            | ((self.step.val() == Step::Fourth) & !self.traits.val().taps)
            | (self.step.val() == Step::Last);
        self.b.negative.next = self.negative_y.val();
        self.b.reach.next = self.product_y.val().get_bits::<60>(0);
        if self.beyond.val() {
            self.b.negative.next = false;
            self.b.reach.next = bit_cast::<60, 5>(self.traits.val().b_mask);
        }

        // One row, or the rows of so many indices, eight in each.
        self.most.next = self.op.val().n0 - 1;
        self.index_rows.next = 0.into();
        if self.traits.val().indexed {
            self.index_rows.next = self.most.val() >> 3;
        }
        self.p.first.next = self.go.val();
        self.p.base.next = bit_cast::<32, 20>(self.fields.val().p_base);
        self.p.register.next = self.p_value.val();
        if self.indexed.val() {
            self.p.register.next = 0.into();
        }
        self.p.add.next = self.beyond.val();
        self.p.negative.next = false;
        self.p.reach.next = bit_cast::<60, 16>(self.index_rows.val());

        self.d_low.next = self.d.low.val();
        self.d_high.next = self.d.high.val();
        self.a_low.next = self.a.low.val();
        self.a_high.next = self.a.high.val();
        self.b_low.next = self.b.low.val();
        self.b_high.next = self.b.high.val();
        self.p_low.next = self.p.low.val();
        self.p_high.next = self.p.high.val();
    }
}
