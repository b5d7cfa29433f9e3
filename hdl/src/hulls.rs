//! The hulls of the four operands of an instruction, one level of a loop a step.

use rust_hdl::prelude::*;

use crate::check::Step;
use crate::hull::Hull;
use crate::operation::Operation;
use crate::traits::Traits;

/// Follows the checker's steps: an operand begins when its register's value is there, and each product reaches the
/// hull one step after its level.
#[derive(LogicBlock, Default)]
pub(crate) struct Hulls {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) step: Signal<In, Step>,
    pub(crate) traits: Signal<In, Traits>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) register: Signal<In, Bits<32>>,
    pub(crate) product: Signal<In, Bits<64>>,
    /// The stride of the step before is negative.
    pub(crate) negative: Signal<In, Bit>,
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
}

impl Logic for Hulls {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, d, a, b, p);
        self.d.first.next = self.step.val() == Step::D0;
        self.d.add.next = (self.step.val() == Step::D1) | (self.step.val() == Step::A0);
        self.d.base.next = bit_cast::<32, 20>(self.op.val().d_base);
        self.d.extra.next = 0.into();
        self.d.register.next = self.register.val();
        self.d.negative.next = self.negative.val();
        self.d.reach.next = self.product.val();

        self.a.first.next = self.step.val() == Step::A0;
        self.a.add.next = (self.step.val() == Step::A1) | (self.step.val() == Step::At) | (self.step.val() == Step::B0);
        self.a.base.next = self.op.val().a_base;
        self.last_byte.next = self.op.val().n - 1;
        self.a.extra.next = bit_cast::<13, 5>(self.traits.val().a_mask);
        if self.traits.val().bytes {
            self.a.extra.next = bit_cast::<13, 6>(self.last_byte.val());
        }
        self.a.register.next = self.register.val();
        self.a.negative.next = self.negative.val();
        self.a.reach.next = self.product.val();

        self.b.first.next = self.step.val() == Step::B0;
        self.b.add.next =
            (self.step.val() == Step::B1) | (self.step.val() == Step::Bt) | (self.step.val() == Step::Self0);
        self.b.base.next = self.op.val().b_base;
        self.b.extra.next = bit_cast::<13, 5>(self.traits.val().b_mask);
        self.b.register.next = self.register.val();
        self.b.negative.next = self.negative.val();
        self.b.reach.next = self.product.val();

        // One row, or the rows of so many indices, eight in each.
        self.most.next = self.op.val().n0 - 1;
        self.index_rows.next = self.most.val() >> 3;
        self.p.first.next = self.step.val() == Step::Rows;
        self.p.add.next = false;
        self.p.base.next = bit_cast::<32, 20>(self.op.val().p_base);
        self.p.register.next = self.register.val();
        self.p.extra.next = 0.into();
        if self.traits.val().indexed {
            self.p.register.next = 0.into();
            self.p.extra.next = bit_cast::<13, 16>(self.index_rows.val());
        }
        self.p.negative.next = false;
        self.p.reach.next = 0.into();

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
