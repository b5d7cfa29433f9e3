//! The check of frames.

use rust_hdl::prelude::*;

/// CRC-32 over a byte in each cycle with `enable`; `START` after `clear`.
#[derive(LogicBlock, Default)]
pub(crate) struct Crc32 {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) clear: Signal<In, Bit>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) octet: Signal<In, Bits<8>>,
    pub(crate) crc: Signal<Out, Bits<32>>,
}

impl Logic for Crc32 {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            if self.clear.val() {
                self.crc.next = u64::from(link::START).into();
            } else if self.enable.val() {
                let octet = self.octet.val().to_u8();
                self.crc.next = u64::from(link::crc32_next(self.crc.val().to_u32(), octet)).into();
            }
        }
    }

    fn connect(&mut self) {
        self.crc.connect();
    }

    fn hdl(&self) -> Verilog {
        // The step is linear: what each bit of the register's lowest byte, xor the new byte, adds.
        let taps: Vec<u32> = (0..8).map(|bit| link::crc32_next(0, 1 << bit)).collect();
        let bits: String = (0..32)
            .rev()
            .map(|bit| {
                let from = (0..8).filter(|&at| taps[at] >> bit & 1 == 1).map(|at| format!("mixed[{at}]"));
                let kept = (bit < 24).then(|| format!("crc[{}]", bit + 8));
                let terms: Vec<_> = from.chain(kept).collect();
                format!("        crc[{bit}] <= {};\n", terms.join(" ^ "))
            })
            .collect();
        Verilog::Custom(format!(
            "initial crc = 0;
wire [7:0] mixed = crc[7:0] ^ octet;
always @(posedge clock) begin
    if (clear) crc <= 32'h{start:x};
    else if (enable) begin
{bits}    end
end",
            start = link::START
        ))
    }
}
