//! The microprogram in block RAM.

use rust_hdl::prelude::*;

use crate::serial::code::program;
use crate::serial::uop::{TARGET_BITS, UOP_BITS};

/// The micro-instruction at an address, one cycle later; it stays while `enable` is low.
#[derive(LogicBlock)]
pub(crate) struct Rom {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) address: Signal<In, Bits<11>>,
    pub(crate) word: Signal<Out, Bits<51>>,
    _words: Vec<u64>,
}

const _: () = assert!(TARGET_BITS == 11 && UOP_BITS == 51);

impl Default for Rom {
    fn default() -> Rom {
        Rom {
            clock: Signal::default(),
            enable: Signal::default(),
            address: Signal::default(),
            word: Signal::default(),
            _words: program().iter().map(super::super::uop::Uop::encode).collect(),
        }
    }
}

impl Logic for Rom {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.enable.val() {
            let word = self._words.get(self.address.val().index()).copied();
            self.word.next = word.unwrap_or_default().into();
        }
    }

    fn connect(&mut self) {
        self.word.connect();
    }

    fn hdl(&self) -> Verilog {
        let mut text = String::from("reg [50:0] words [0:2047];\ninteger i;\ninitial begin\n    word = 0;\n");
        text.push_str("    for (i = 0; i < 2048; i = i + 1) words[i] = 51'h0;\n");
        for (address, word) in self._words.iter().enumerate() {
            text.push_str(&format!("    words[{address}] = 51'h{word:013x};\n"));
        }
        text.push_str("end\nalways @(posedge clock) if (enable) word <= words[address];");
        Verilog::Custom(text)
    }
}
