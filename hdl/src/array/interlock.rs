//! Rows of acc that must not be read yet.

use rust_hdl::prelude::*;

use super::Row;

/// Combinational, and a block of its own so that the request of a row depends on no grant, in the Verilog's text too.
#[derive(LogicBlock, Default)]
pub(crate) struct Interlock {
    /// The rows that have entered in the two cycles before.
    pub(crate) first: Signal<In, Row>,
    pub(crate) second: Signal<In, Row>,
    /// The row of acc of the one that would enter.
    pub(crate) place: Signal<In, Bits<20>>,
    pub(crate) blocked: Signal<Out, Bit>,
}

impl Logic for Interlock {
    #[hdl_gen]
    fn update(&mut self) {
        self.blocked.next = (self.first.val().valid & (self.first.val().place == self.place.val()))
            | (self.second.val().valid & (self.second.val().place == self.place.val()));
    }
}
