//! Four sums of products of bytes.

use rust_hdl::prelude::*;

/// Bits of a sum: 32 products of two bytes and the sign.
const SUM_BITS: u32 = 21;

/// Each of the four bytes of `data`, the highest first, is multiplied with the same byte of `factor`, or all with the byte `which`.
#[derive(LogicBlock, Default)]
pub(crate) struct Macs {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) clear: Signal<In, Bit>,
    pub(crate) add: Signal<In, Bit>,
    pub(crate) dot: Signal<In, Bit>,
    pub(crate) which: Signal<In, Bits<2>>,
    pub(crate) factor: Signal<In, Bits<32>>,
    pub(crate) data: Signal<In, Bits<32>>,
    /// Which sum is shown.
    pub(crate) show: Signal<In, Bits<2>>,
    pub(crate) sum: Signal<Out, Bits<32>>,
    _sums: [i32; 4],
}

impl Macs {
    fn clocked(&mut self) {
        let (factor, data) = (self.factor.val().to_u32().to_be_bytes(), self.data.val().to_u32().to_be_bytes());
        for (lane, (sum, byte)) in self._sums.iter_mut().zip(data).enumerate() {
            let from = if self.dot.val() { lane } else { self.which.val().index() };
            let product = i32::from(factor[from].cast_signed()) * i32::from(byte.cast_signed());
            if self.clear.val() {
                *sum = 0;
            } else if self.add.val() {
                *sum = (*sum + product) << (32 - SUM_BITS) >> (32 - SUM_BITS);
            }
        }
    }
}

impl Logic for Macs {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.clocked();
        }
        self.sum.next = u64::from(self._sums[self.show.val().index()].cast_unsigned()).into();
    }

    fn connect(&mut self) {
        self.sum.connect();
    }

    fn hdl(&self) -> Verilog {
        let top = SUM_BITS - 1;
        let mut text = String::from(
            "reg [7:0] one;
always @(*) case (which)
    2'd0: one = factor[31:24];
    2'd1: one = factor[23:16];
    2'd2: one = factor[15:8];
    default: one = factor[7:0];
endcase
",
        );
        for lane in 0..4 {
            let (high, low) = (31 - 8 * lane, 24 - 8 * lane);
            text.push_str(&format!(
                "reg [{top}:0] sum{lane};
initial sum{lane} = 0;
wire signed [7:0] left{lane} = dot ? factor[{high}:{low}] : one;
wire signed [7:0] right{lane} = data[{high}:{low}];
wire signed [15:0] product{lane} = left{lane} * right{lane};
always @(posedge clock)
    if (clear) sum{lane} <= 0;
    else if (add) sum{lane} <= sum{lane} + {{{{{more}{{product{lane}[15]}}}}, product{lane}}};
",
                more = SUM_BITS - 16
            ));
        }
        text.push_str(&format!(
            "reg [{top}:0] shown;
always @(*) begin
    case (show)
        2'd0: shown = sum0;
        2'd1: shown = sum1;
        2'd2: shown = sum2;
        default: shown = sum3;
    endcase
    sum = {{{{{more}{{shown[{top}]}}}}, shown}};
end",
            more = 32 - SUM_BITS
        ));
        Verilog::Custom(text)
    }
}
