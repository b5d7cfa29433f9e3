//! A word on its way out: into the digest, a byte a cycle.

use rust_hdl::prelude::*;

const POLYNOMIAL: u64 = 0x42f0_e1eb_a9ea_3693;

/// Takes a word at `load`, highest byte first; four cycles later it is in the digest, and stands in `word` as it came.
#[derive(LogicBlock, Default)]
pub(crate) struct Outgoing {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) clear: Signal<In, Bit>,
    pub(crate) load: Signal<In, Bit>,
    pub(crate) value: Signal<In, Bits<32>>,
    pub(crate) busy: Signal<Out, Bit>,
    pub(crate) word: Signal<Out, Bits<32>>,
    pub(crate) digest: Signal<Out, Bits<64>>,
    _left: u32,
}

/// The digest after one byte more.
fn shift_in(digest: u64, byte: u8) -> u64 {
    let mut digest = digest ^ u64::from(byte) << 56;
    for _ in 0..8 {
        digest = if digest >> 63 == 1 { digest << 1 ^ POLYNOMIAL } else { digest << 1 };
    }
    digest
}

impl Logic for Outgoing {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let word = self.word.val().to_u32();
            if self.clear.val() {
                self.digest.next = Bits::default();
            } else if self._left != 0 {
                self.digest.next = shift_in(self.digest.val().to_u64(), (word >> 24) as u8).into();
            }
            if self.load.val() {
                self.word.next = self.value.val();
                self._left = 4;
            } else if self._left != 0 {
                self.word.next = u64::from(word.rotate_left(8)).into();
                self._left -= 1;
            }
            self.busy.next = self._left != 0;
        }
    }

    fn connect(&mut self) {
        self.busy.connect();
        self.word.connect();
        self.digest.connect();
    }

    fn hdl(&self) -> Verilog {
        // The step is linear: what each bit of the digest's highest byte, xor the new byte, adds.
        let taps: Vec<u64> = (0..8).map(|bit| shift_in(0, 1 << bit)).collect();
        let bits: String = (0..64)
            .rev()
            .map(|bit| {
                let from = (0..8).filter(|&at| taps[at] >> bit & 1 == 1).map(|at| format!("mixed[{at}]"));
                let kept = (bit >= 8).then(|| format!("digest[{}]", bit - 8));
                let terms: Vec<_> = from.chain(kept).collect();
                format!("            digest[{bit}] <= {};\n", terms.join(" ^ "))
            })
            .collect();
        Verilog::Custom(format!(
            "reg [2:0] left;
initial begin
    left = 0;
    word = 0;
    digest = 0;
end
wire [7:0] mixed = digest[63:56] ^ word[31:24];
always @(*) busy = left != 3'd0;
always @(posedge clock) begin
    if (clear) digest <= 64'd0;
    else if (busy) begin
{bits}    end
    if (load) begin
        word <= value;
        left <= 3'd4;
    end else if (busy) begin
        word <= {{word[23:0], word[31:24]}};
        left <= left - 3'd1;
    end
end"
        ))
    }
}
