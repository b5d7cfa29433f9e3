//! What a run counts.

use rust_hdl::prelude::*;

/// Bits of a counter: half a year of cycles at 20 MHz.
const BITS: u32 = 48;

/// Counters since `clear`, in 48 bits.
#[derive(LogicBlock, Default)]
pub(crate) struct Tally {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) clear: Signal<In, Bit>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) step: Signal<In, Bit>,
    pub(crate) new_macs: Signal<In, Bits<11>>,
    /// A beat of four bytes comes, goes.
    pub(crate) read: Signal<In, Bit>,
    pub(crate) write: Signal<In, Bit>,
    pub(crate) cycles: Signal<Out, Bits<64>>,
    pub(crate) steps: Signal<Out, Bits<64>>,
    pub(crate) macs: Signal<Out, Bits<64>>,
    pub(crate) bytes_read: Signal<Out, Bits<64>>,
    pub(crate) bytes_written: Signal<Out, Bits<64>>,
}

impl Logic for Tally {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        let (clear, enable) = (self.clear.val(), self.enable.val());
        let sums = [
            (&mut self.cycles, 1),
            (&mut self.steps, u64::from(self.step.val())),
            (&mut self.macs, self.new_macs.val().to_u64()),
            (&mut self.bytes_read, 4 * u64::from(self.read.val())),
            (&mut self.bytes_written, 4 * u64::from(self.write.val())),
        ];
        for (sum, more) in sums {
            if clear {
                sum.next = Bits::default();
            } else if enable {
                sum.next = ((sum.val().to_u64() + more) & ((1 << BITS) - 1)).into();
            }
        }
    }

    fn connect(&mut self) {
        self.cycles.connect();
        self.steps.connect();
        self.macs.connect();
        self.bytes_read.connect();
        self.bytes_written.connect();
    }

    fn hdl(&self) -> Verilog {
        let top = BITS - 1;
        let mut text = String::new();
        for (name, width, more) in [
            ("cycles", BITS, "1'b1"),
            ("steps", BITS, "step"),
            ("macs", BITS, "new_macs"),
            ("bytes_read", BITS - 2, "read"),
            ("bytes_written", BITS - 2, "write"),
        ] {
            let zeros = width - if more == "new_macs" { 11 } else { 1 };
            let low = BITS - width;
            let tail = if low == 0 { String::new() } else { format!(", {low}'d0") };
            text.push_str(&format!(
                "reg [{}:0] count_{name};
initial count_{name} = 0;
always @(*) {name} = {{{}'d0, count_{name}{tail}}};
always @(posedge clock)
    if (clear) count_{name} <= 0;
    else if (enable) count_{name} <= count_{name} + {{{zeros}'d0, {more}}};
",
                top - low,
                64 - BITS,
            ));
        }
        Verilog::Custom(text.trim_end().into())
    }
}
