//! The byte datapath of `MOVE`, and the constants of `FILL`.

use rust_hdl::prelude::*;

/// `out` = `row` with bytes `offset..offset + n` replaced by bytes `shift..shift + n` of {`high`, `low`},
/// one cycle later. Byte *i* is at bits 8·*i*.
#[derive(LogicBlock, Default)]
pub(crate) struct Merge {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) low: Signal<In, Bits<256>>,
    pub(crate) high: Signal<In, Bits<256>>,
    pub(crate) row: Signal<In, Bits<256>>,
    pub(crate) shift: Signal<In, Bits<5>>,
    pub(crate) n: Signal<In, Bits<6>>,
    pub(crate) offset: Signal<In, Bits<5>>,
    pub(crate) out: Signal<Out, Bits<256>>,
}

impl Logic for Merge {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let (shift, n, offset) = (self.shift.val().index(), self.n.val().index(), self.offset.val().index());
            let mut out = self.row.val();
            for byte in offset..(offset + n).min(32) {
                let from = byte - offset + shift;
                let value = if from < 32 {
                    self.low.val().get_bits::<8>(8 * from)
                } else if from < 64 {
                    self.high.val().get_bits::<8>(8 * (from - 32))
                } else {
                    Bits::default()
                };
                out.set_bits::<8>(8 * byte, value);
            }
            self.out.next = out;
        }
    }

    fn connect(&mut self) {
        self.out.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(
            "initial out = 0;
wire [255:0] run = (low >> {shift, 3'h0}) | (high << (9'h100 - {1'b0, shift, 3'h0}));
wire [255:0] placed = run << {offset, 3'h0};
wire [255:0] keep = ~({256{1'b1}} << {n, 3'h0});
wire [255:0] mask = keep << {offset, 3'h0};
always @(posedge clock) out <= (row & ~mask) | (placed & mask);"
                .into(),
        )
    }
}

/// A constant in every lane of a row8 and of a row32, one cycle later.
#[derive(LogicBlock, Default)]
pub(crate) struct Splat {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) value: Signal<In, Bits<32>>,
    pub(crate) row8: Signal<Out, Bits<256>>,
    pub(crate) row32: Signal<Out, Bits<1024>>,
}

impl Logic for Splat {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let (mut row8, mut row32) = (Bits::<256>::default(), Bits::<1024>::default());
            for lane in 0..32 {
                row8.set_bits::<8>(8 * lane, self.value.val().get_bits::<8>(0));
                row32.set_bits::<32>(32 * lane, self.value.val());
            }
            self.row8.next = row8;
            self.row32.next = row32;
        }
    }

    fn connect(&mut self) {
        self.row8.connect();
        self.row32.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(
            "initial begin
    row8 = 0;
    row32 = 0;
end
always @(posedge clock) begin
    row8 <= {32{value[7:0]}};
    row32 <= {32{value}};
end"
            .into(),
        )
    }
}
