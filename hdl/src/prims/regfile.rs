//! The scalar registers.

use rust_hdl::prelude::*;

/// Sixteen u32, read in the same cycle. Register 0 is written like the others: that it stays 0 is the writer's duty.
#[derive(LogicBlock, Default)]
pub(crate) struct RegFile {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) a_index: Signal<In, Bits<4>>,
    pub(crate) b_index: Signal<In, Bits<4>>,
    pub(crate) c_index: Signal<In, Bits<4>>,
    pub(crate) d_index: Signal<In, Bits<4>>,
    pub(crate) e_index: Signal<In, Bits<4>>,
    pub(crate) a: Signal<Out, Bits<32>>,
    pub(crate) b: Signal<Out, Bits<32>>,
    pub(crate) c: Signal<Out, Bits<32>>,
    pub(crate) d: Signal<Out, Bits<32>>,
    pub(crate) e: Signal<Out, Bits<32>>,
    pub(crate) write_enable: Signal<In, Bit>,
    pub(crate) write_index: Signal<In, Bits<4>>,
    pub(crate) write_data: Signal<In, Bits<32>>,
    _x: [u32; 16],
}

impl RegFile {
    fn read(&self, index: Bits<4>) -> Bits<32> {
        u64::from(self._x[index.index()]).into()
    }
}

impl Logic for RegFile {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.write_enable.val() {
            self._x[self.write_index.val().index()] = self.write_data.val().to_u32();
        }
        self.a.next = self.read(self.a_index.val());
        self.b.next = self.read(self.b_index.val());
        self.c.next = self.read(self.c_index.val());
        self.d.next = self.read(self.d_index.val());
        self.e.next = self.read(self.e_index.val());
    }

    fn connect(&mut self) {
        self.a.connect();
        self.b.connect();
        self.c.connect();
        self.d.connect();
        self.e.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(
            "reg [31:0] x [0:15];
wire [31:0] x_a = x[a_index];
wire [31:0] x_b = x[b_index];
wire [31:0] x_c = x[c_index];
wire [31:0] x_d = x[d_index];
wire [31:0] x_e = x[e_index];
integer i;
initial begin
    for (i = 0; i < 16; i = i + 1) x[i] = 0;
end
always @(posedge clock) if (write_enable) x[write_index] <= write_data;
always @(*) begin
    a = x_a;
    b = x_b;
    c = x_c;
    d = x_d;
    e = x_e;
end"
            .into(),
        )
    }
}
