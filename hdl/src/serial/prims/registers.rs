//! The registers, in two block RAMs that hold the same.

use rust_hdl::prelude::*;

use crate::serial::uop::REGS;

/// 128 registers of 32 bits: two are read, one cycle later, where `read` is; one is written.
#[derive(LogicBlock)]
pub(crate) struct Registers {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) read: Signal<In, Bit>,
    pub(crate) a_index: Signal<In, Bits<7>>,
    pub(crate) b_index: Signal<In, Bits<7>>,
    pub(crate) a: Signal<Out, Bits<32>>,
    pub(crate) b: Signal<Out, Bits<32>>,
    pub(crate) write: Signal<In, Bit>,
    pub(crate) index: Signal<In, Bits<7>>,
    pub(crate) value: Signal<In, Bits<32>>,
    _words: [u32; REGS],
}

impl Default for Registers {
    fn default() -> Registers {
        Registers {
            clock: Signal::default(),
            read: Signal::default(),
            a_index: Signal::default(),
            b_index: Signal::default(),
            a: Signal::default(),
            b: Signal::default(),
            write: Signal::default(),
            index: Signal::default(),
            value: Signal::default(),
            _words: [0; REGS],
        }
    }
}

impl Logic for Registers {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            if self.read.val() {
                self.a.next = u64::from(self._words[self.a_index.val().index()]).into();
                self.b.next = u64::from(self._words[self.b_index.val().index()]).into();
            }
            if self.write.val() {
                self._words[self.index.val().index()] = self.value.val().to_u32();
            }
        }
    }

    fn connect(&mut self) {
        self.a.connect();
        self.b.connect();
    }

    fn hdl(&self) -> Verilog {
        let last = REGS - 1;
        Verilog::Custom(format!(
            "reg [31:0] left [0:{last}];
reg [31:0] right [0:{last}];
integer i;
initial begin
    a = 0;
    b = 0;
    for (i = 0; i <= {last}; i = i + 1) begin
        left[i] = 0;
        right[i] = 0;
    end
end
always @(posedge clock) begin
    if (read) begin
        a <= left[a_index];
        b <= right[b_index];
    end
    if (write) begin
        left[index] <= value;
        right[index] <= value;
    end
end"
        ))
    }
}
