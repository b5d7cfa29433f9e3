//! The write digest: CRC-64/ECMA-182 over one row a step.

use rust_hdl::prelude::*;

const POLYNOMIAL: u64 = 0x42f0_e1eb_a9ea_3693;

/// Adds `header` (8 bytes, most significant first) and the 32 bytes of `row` to the digest in one cycle.
#[derive(LogicBlock, Default)]
pub(crate) struct CrcRow {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) clear: Signal<In, Bit>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) header: Signal<In, Bits<64>>,
    pub(crate) row: Signal<In, Bits<256>>,
    pub(crate) digest: Signal<Out, Bits<64>>,
}

fn shift_in(crc: u64, bit: bool) -> u64 {
    let feedback = (crc >> 63 == 1) != bit;
    if feedback { crc << 1 ^ POLYNOMIAL } else { crc << 1 }
}

/// Which bits of the 384-bit message {old digest, header, row} each new digest bit is the parity of.
/// Bit `i` of the row is bit `i`, of the header `256 + i`, of the digest `320 + i`.
fn taps() -> Vec<Vec<usize>> {
    // The digest is linear: run the register with every input bit alone.
    let order: Vec<usize> = (256..320).rev().chain((0..32).flat_map(|byte| (8 * byte..8 * byte + 8).rev())).collect();
    let mut taps = vec![Vec::new(); 64];
    for source in 0..384 {
        let seed = if source >= 320 { 1u64 << (source - 320) } else { 0 };
        let image = order.iter().fold(seed, |crc, &bit| shift_in(crc, bit == source));
        for (bit, tap) in taps.iter_mut().enumerate() {
            if image >> bit & 1 == 1 {
                tap.push(source);
            }
        }
    }
    taps
}

impl Logic for CrcRow {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            if self.clear.val() {
                self.digest.next = Bits::default();
            } else if self.enable.val() {
                let (row, header) = (self.row.val(), self.header.val());
                let mut crc = self.digest.val().to_u64();
                for bit in (0..64).rev() {
                    crc = shift_in(crc, header.get_bit(bit));
                }
                for byte in 0..32 {
                    for bit in (0..8).rev() {
                        crc = shift_in(crc, row.get_bit(8 * byte + bit));
                    }
                }
                self.digest.next = crc.into();
            }
        }
    }

    fn connect(&mut self) {
        self.digest.connect();
    }

    fn hdl(&self) -> Verilog {
        let mut text = String::from(
            "initial digest = 0;
wire [383:0] message = {digest, header, row};
always @(posedge clock) begin
    if (clear) digest <= 0;
    else if (enable) begin\n",
        );
        for (bit, sources) in taps().iter().enumerate() {
            let mut mask = [0u32; 12];
            for &source in sources {
                mask[source / 32] |= 1 << (source % 32);
            }
            let hex: String = mask.iter().rev().map(|word| format!("{word:08x}")).collect();
            text.push_str(&format!("        digest[{bit}] <= ^(message & 384'h{hex});\n"));
        }
        text.push_str("    end\nend");
        Verilog::Custom(text)
    }
}
