//! Lane-wise maximum of row8.

use rust_hdl::prelude::*;

/// `out` = `row`, or the lane-wise signed maximum of `out` and `row`, one cycle after `enable`.
#[derive(LogicBlock, Default)]
pub(crate) struct MaxRow {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) first: Signal<In, Bit>,
    pub(crate) row: Signal<In, Bits<256>>,
    pub(crate) out: Signal<Out, Bits<256>>,
}

impl Logic for MaxRow {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.enable.val() {
            let (row, mut out) = (self.row.val(), self.out.val());
            for lane in 0..32 {
                let (new, old) = (row.get_bits::<8>(8 * lane), out.get_bits::<8>(8 * lane));
                if self.first.val() || new.to_u8().cast_signed() > old.to_u8().cast_signed() {
                    out.set_bits::<8>(8 * lane, new);
                }
            }
            self.out.next = out;
        }
    }

    fn connect(&mut self) {
        self.out.connect();
    }

    fn hdl(&self) -> Verilog {
        let lanes: String = (0..32)
            .map(|lane| {
                let bits = format!("[{}:{}]", 8 * lane + 7, 8 * lane);
                format!("        if (first || $signed(row{bits}) > $signed(out{bits})) out{bits} <= row{bits};\n")
            })
            .collect();
        Verilog::Custom(format!(
            "initial out = 0;\nalways @(posedge clock) begin\n    if (enable) begin\n{lanes}    end\nend"
        ))
    }
}
