//! 32-bit words of a row: word *w* is bytes 4·w .. +4, big-endian.

use rust_hdl::prelude::*;

/// Word `index` of `row`, one cycle after `enable`.
#[derive(LogicBlock, Default)]
pub(crate) struct WordOf {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) row: Signal<In, Bits<256>>,
    pub(crate) index: Signal<In, Bits<3>>,
    pub(crate) word: Signal<Out, Bits<32>>,
}

impl Logic for WordOf {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.enable.val() {
            let word = self.row.val().get_bits::<32>(32 * self.index.val().index()).to_u32();
            self.word.next = u64::from(word.swap_bytes()).into();
        }
    }

    fn connect(&mut self) {
        self.word.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(
            "wire [31:0] found = row[{index, 5'h0} +: 32];
initial word = 0;
always @(posedge clock) if (enable) word <= {found[7:0], found[15:8], found[23:16], found[31:24]};"
                .into(),
        )
    }
}

/// `row` with word `index` replaced by `word`, one cycle after `enable`.
#[derive(LogicBlock, Default)]
pub(crate) struct WordInto {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) row: Signal<In, Bits<256>>,
    pub(crate) index: Signal<In, Bits<3>>,
    pub(crate) word: Signal<In, Bits<32>>,
    pub(crate) out: Signal<Out, Bits<256>>,
}

impl Logic for WordInto {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.enable.val() {
            let mut out = self.row.val();
            let word = self.word.val().to_u32().swap_bytes();
            out.set_bits::<32>(32 * self.index.val().index(), u64::from(word).into());
            self.out.next = out;
        }
    }

    fn connect(&mut self) {
        self.out.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(
            "initial out = 0;
always @(posedge clock) begin
    if (enable) begin
        out <= row;
        out[{index, 5'h0} +: 32] <= {word[7:0], word[15:8], word[23:16], word[31:24]};
    end
end"
            .into(),
        )
    }
}
