//! The one wide multiplier.

use rust_hdl::prelude::*;

/// 32 × 32 bits, unsigned, product one cycle later.
#[derive(LogicBlock, Default)]
pub(crate) struct Multiplier {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) a: Signal<In, Bits<32>>,
    pub(crate) b: Signal<In, Bits<32>>,
    pub(crate) product: Signal<Out, Bits<64>>,
}

impl Logic for Multiplier {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.product.next = (self.a.val().to_u64() * self.b.val().to_u64()).into();
        }
    }

    fn connect(&mut self) {
        self.product.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom("initial product = 0;\nalways @(posedge clock) product <= {32'h0, a} * {32'h0, b};".into())
    }
}
