//! The wide product, of four narrow ones.

use rust_hdl::prelude::*;

/// 32 × 32 bits, unsigned; the product stands from two cycles after `start` on.
#[derive(LogicBlock, Default)]
pub(crate) struct Product {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) start: Signal<In, Bit>,
    pub(crate) a: Signal<In, Bits<32>>,
    pub(crate) b: Signal<In, Bits<32>>,
    pub(crate) product: Signal<Out, Bits<64>>,
    _parts: u64,
}

impl Logic for Product {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.product.next = self._parts.into();
            if self.start.val() {
                self._parts = self.a.val().to_u64() * self.b.val().to_u64();
            }
        }
    }

    fn connect(&mut self) {
        self.product.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(
            "reg [31:0] low;
reg [31:0] left;
reg [31:0] right;
reg [31:0] high;
initial begin
    low = 0;
    left = 0;
    right = 0;
    high = 0;
    product = 0;
end
wire [32:0] middle = {1'b0, left} + {1'b0, right};
always @(posedge clock) begin
    if (start) begin
        low <= a[15:0] * b[15:0];
        left <= a[31:16] * b[15:0];
        right <= a[15:0] * b[31:16];
        high <= a[31:16] * b[31:16];
    end
    product[15:0] <= low[15:0];
    product[63:16] <= {high, low[31:16]} + {15'd0, middle};
end"
            .into(),
        )
    }
}
