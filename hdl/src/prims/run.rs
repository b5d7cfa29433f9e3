//! The byte datapath of `MOVE`.

use rust_hdl::prelude::*;

use super::rotate::ROTATE;

/// Keeps the last row of even and the last row of odd number, and cuts 32 bytes that run through both.
///
/// `take` catches `row`; one cycle later `settle` makes it the row of its `odd`ness, and `enable` may already cut from
/// it: `out` is then bytes `turn..turn + 32` of the 64 bytes {odd row, even row}, modulo 64, or with `fill` the byte
/// `value` everywhere. Byte *i* is at bits 8·*i*.
#[derive(LogicBlock, Default)]
pub(crate) struct Run {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) take: Signal<In, Bit>,
    pub(crate) row: Signal<In, Bits<256>>,
    pub(crate) settle: Signal<In, Bit>,
    pub(crate) odd: Signal<In, Bit>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) turn: Signal<In, Bits<6>>,
    pub(crate) fill: Signal<In, Bit>,
    pub(crate) value: Signal<In, Bits<8>>,
    pub(crate) out: Signal<Out, Bits<256>>,
    _taken: Bits<256>,
    _kept: [Bits<256>; 2],
}

impl Logic for Run {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        if self.settle.val() {
            self._kept[usize::from(self.odd.val())] = self._taken;
        }
        if self.take.val() {
            self._taken = self.row.val();
        }
        if self.enable.val() {
            let mut out = Bits::<256>::default();
            for byte in 0..32 {
                let from = (self.turn.val().index() + byte) % 64;
                let cut = self._kept[from / 32].get_bits::<8>(8 * (from % 32));
                out.set_bits::<8>(8 * byte, if self.fill.val() { self.value.val() } else { cut });
            }
            self.out.next = out;
        }
    }

    fn connect(&mut self) {
        self.out.connect();
    }

    fn hdl(&self) -> Verilog {
        // Written out where they are used, so that nothing is computed without `enable`.
        let (even, odd) = ("(settle && !odd ? taken : even_row)", "(settle && odd ? taken : odd_row)");
        Verilog::Custom(format!(
            "{ROTATE}function [255:0] mixed(input [255:0] evens, input [255:0] odds);
    reg [255:0] of_odd;
    begin
        of_odd = ({{256{{1'b1}}}} << {{turn[4:0], 3'h0}}) ^ {{256{{!turn[5]}}}};
        mixed = (odds & of_odd) | (evens & ~of_odd);
    end
endfunction
reg [255:0] taken;
reg [255:0] even_row;
reg [255:0] odd_row;
initial begin
    out = 0; taken = 0; even_row = 0; odd_row = 0;
end
always @(posedge clock) begin
    if (take) taken <= row;
    if (settle && !odd) even_row <= taken;
    if (settle && odd) odd_row <= taken;
    if (enable && fill) out <= {{32{{value}}}};
    if (enable && !fill) out <= rotated(mixed({even}, {odd}), turn[4:0]);
end"
        ))
    }
}

/// A constant in every lane of a row32, one cycle after `enable`.
#[derive(LogicBlock, Default)]
pub(crate) struct Splat {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) value: Signal<In, Bits<32>>,
    pub(crate) row32: Signal<Out, Bits<1024>>,
}

impl Logic for Splat {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.enable.val() {
            let mut row32 = Bits::<1024>::default();
            for lane in 0..32 {
                row32.set_bits::<32>(32 * lane, self.value.val());
            }
            self.row32.next = row32;
        }
    }

    fn connect(&mut self) {
        self.row32.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(
            "initial row32 = 0;
always @(posedge clock) if (enable) row32 <= {32{value}};"
                .into(),
        )
    }
}
