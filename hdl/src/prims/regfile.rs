//! The scalar registers.

use rust_hdl::prelude::*;

/// Sixteen u32; x0 is never written. Reads take one cycle.
#[derive(LogicBlock, Default)]
pub(crate) struct RegFile {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) clear: Signal<In, Bit>,
    pub(crate) a_index: Signal<In, Bits<4>>,
    pub(crate) b_index: Signal<In, Bits<4>>,
    pub(crate) a: Signal<Out, Bits<32>>,
    pub(crate) b: Signal<Out, Bits<32>>,
    pub(crate) write_enable: Signal<In, Bit>,
    pub(crate) write_index: Signal<In, Bits<4>>,
    pub(crate) write_data: Signal<In, Bits<32>>,
    _x: [u32; 16],
}

impl Logic for RegFile {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.a.next = u64::from(self._x[self.a_index.val().index()]).into();
            self.b.next = u64::from(self._x[self.b_index.val().index()]).into();
            if self.clear.val() {
                self._x = [0; 16];
            } else if self.write_enable.val() && self.write_index.val().any() {
                self._x[self.write_index.val().index()] = self.write_data.val().to_u32();
            }
        }
    }

    fn connect(&mut self) {
        self.a.connect();
        self.b.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(
            "reg [31:0] x [0:15];
integer i;
initial begin
    a = 0;
    b = 0;
    for (i = 0; i < 16; i = i + 1) x[i] = 0;
end
always @(posedge clock) begin
    a <= x[a_index];
    b <= x[b_index];
    if (clear) begin
        for (i = 0; i < 16; i = i + 1) x[i] <= 0;
    end else if (write_enable && write_index != 0) x[write_index] <= write_data;
end"
            .into(),
        )
    }
}
