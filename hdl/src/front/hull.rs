//! The smallest and largest address that an operand names, summed up one level of the loop at a time.

use rust_hdl::prelude::*;

/// 60-bit two's complement: base and register give at most 2³³, each of three levels 2³¹ · 2²⁴ either way.
#[derive(LogicBlock, Default)]
pub(crate) struct Hull {
    pub(crate) clock: Signal<In, Clock>,
    /// Begins at `base` + `register`.
    pub(crate) first: Signal<In, Bit>,
    pub(crate) base: Signal<In, Bits<32>>,
    pub(crate) register: Signal<In, Bits<32>>,
    /// Adds the reach of a level: |stride| · (count − 1), downwards if `negative`.
    pub(crate) add: Signal<In, Bit>,
    pub(crate) negative: Signal<In, Bit>,
    pub(crate) reach: Signal<In, Bits<60>>,
    pub(crate) low: Signal<Out, Bits<60>>,
    pub(crate) high: Signal<Out, Bits<60>>,
    smallest: DFF<Bits<60>>,
    largest: DFF<Bits<60>>,
    start: Signal<Local, Bits<60>>,
}

impl Logic for Hull {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, smallest, largest);
        self.start.next = bit_cast::<60, 32>(self.base.val()) + bit_cast::<60, 32>(self.register.val());
        if self.first.val() {
            self.smallest.d.next = self.start.val();
            self.largest.d.next = self.start.val();
        } else if self.add.val() {
            if self.negative.val() {
                self.smallest.d.next = self.smallest.q.val() - self.reach.val();
            } else {
                self.largest.d.next = self.largest.q.val() + self.reach.val();
            }
        }
        self.low.next = self.smallest.q.val();
        self.high.next = self.largest.q.val();
    }
}
