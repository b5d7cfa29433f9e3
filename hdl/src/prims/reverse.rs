//! Byte order: a row as the memory port carries it against the instruction word of the ISA.

use rust_hdl::prelude::*;

/// The bytes of a row in reverse, one cycle later: little-endian beats to the big-endian word.
#[derive(LogicBlock, Default)]
pub(crate) struct Reverse {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) row: Signal<In, Bits<256>>,
    pub(crate) word: Signal<Out, Bits<256>>,
}

impl Logic for Reverse {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let row = self.row.val();
            let mut word = Bits::<256>::default();
            for byte in 0..32 {
                word.set_bits::<8>(8 * (31 - byte), row.get_bits::<8>(8 * byte));
            }
            self.word.next = word;
        }
    }

    fn connect(&mut self) {
        self.word.connect();
    }

    fn hdl(&self) -> Verilog {
        let bytes: Vec<_> = (0..32).map(|byte| format!("row[{}:{}]", 8 * byte + 7, 8 * byte)).collect();
        Verilog::Custom(format!("initial word = 0;\nalways @(posedge clock) word <= {{{}}};", bytes.join(", ")))
    }
}
