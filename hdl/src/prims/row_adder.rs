//! Sums of the array into a row32.

use rust_hdl::prelude::*;

/// `out` = `base` (or zero) with the columns' sums added at lanes `pass · columns ..`, one cycle after `enable`.
/// Rows are in lane order: lane *l* at bits 32·*l*.
#[derive(LogicBlock)]
pub(crate) struct RowAdder {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) zero: Signal<In, Bit>,
    pub(crate) pass: Signal<In, Bits<3>>,
    pub(crate) base: Signal<In, Bits<1024>>,
    pub(crate) sum: Vec<Signal<In, Bits<32>>>,
    pub(crate) out: Signal<Out, Bits<1024>>,
}

impl RowAdder {
    /// For an array of so many columns.
    pub(crate) fn new(columns: usize) -> RowAdder {
        RowAdder {
            clock: Signal::default(),
            enable: Signal::default(),
            zero: Signal::default(),
            pass: Signal::default(),
            base: Signal::default(),
            sum: (0..columns).map(|_| Signal::default()).collect(),
            out: Signal::default(),
        }
    }
}

impl Logic for RowAdder {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.enable.val() {
            let mut out = if self.zero.val() { Bits::default() } else { self.base.val() };
            let first = self.pass.val().index() * self.sum.len();
            for (column, sum) in self.sum.iter().enumerate() {
                let at = 32 * (first + column);
                if at < 1024 {
                    out.set_bits::<32>(at, out.get_bits::<32>(at) + sum.val());
                }
            }
            self.out.next = out;
        }
    }

    fn connect(&mut self) {
        self.out.connect();
    }

    fn hdl(&self) -> Verilog {
        let columns = self.sum.len();
        let lanes: String = (0..32)
            .map(|lane| {
                let (low, high) = (32 * lane, 32 * lane + 31);
                format!(
                    "        out[{high}:{low}] <= (zero ? 32'h0 : base[{high}:{low}]) + (pass == {} ? sum${} : 32'h0);\n",
                    lane / columns,
                    lane % columns
                )
            })
            .collect();
        Verilog::Custom(format!(
            "initial out = 0;\nalways @(posedge clock) begin\n    if (enable) begin\n{lanes}    end\nend"
        ))
    }
}
