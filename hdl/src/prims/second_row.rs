//! The operand that waits for the other one.

use rust_hdl::prelude::*;

use super::row32::leaf_bit;

/// A row32 in lane order, or a word that stands for each of its lanes (`splats`), one cycle after `enable`: by `mode` 0 leaf
/// `index` of the row32 is replaced, 1 it is `row32`, 2 the word is lane 0 of `row32`, 3 it is `value`.
#[derive(LogicBlock, Default)]
pub(crate) struct SecondRow {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) mode: Signal<In, Bits<2>>,
    pub(crate) index: Signal<In, Bits<2>>,
    pub(crate) leaf: Signal<In, Bits<256>>,
    pub(crate) row32: Signal<In, Bits<1024>>,
    pub(crate) value: Signal<In, Bits<32>>,
    pub(crate) out: Signal<Out, Bits<1024>>,
    pub(crate) word: Signal<Out, Bits<32>>,
    pub(crate) splats: Signal<Out, Bit>,
}

impl Logic for SecondRow {
    fn update(&mut self) {
        if !self.clock.pos_edge() || !self.enable.val() {
            return;
        }
        let mode = self.mode.val().index();
        self.splats.next = mode > 1;
        match mode {
            0 => {
                let mut out = self.out.val();
                for lane in (self.index.val().index()..32).step_by(4) {
                    let byte = |at: usize| self.leaf.val().get_bits::<8>(leaf_bit(lane, at)).to_u8();
                    let word = u32::from_le_bytes(std::array::from_fn(byte));
                    out.set_bits::<32>(32 * lane, u64::from(word).into());
                }
                self.out.next = out;
            }
            1 => self.out.next = self.row32.val(),
            2 => self.word.next = self.row32.val().get_bits::<32>(0),
            _ => self.word.next = self.value.val(),
        }
    }

    fn connect(&mut self) {
        self.out.connect();
        self.word.connect();
        self.splats.connect();
    }

    fn hdl(&self) -> Verilog {
        let lanes: String = (0..32)
            .map(|lane| {
                let leaf: Vec<_> = (0..4)
                    .rev()
                    .map(|byte| format!("leaf[{}:{}]", leaf_bit(lane, byte) + 7, leaf_bit(lane, byte)))
                    .collect();
                let bits = format!("[{}:{}]", 32 * lane + 31, 32 * lane);
                format!("            if (index == {}) out{bits} <= {{{}}};\n", lane % 4, leaf.join(", "))
            })
            .collect();
        Verilog::Custom(format!(
            "initial begin
    out = 0;
    word = 0;
    splats = 0;
end
always @(posedge clock) begin
    if (enable) begin
        splats <= mode[1];
        if (mode == 0) begin
{lanes}        end
        if (mode == 1) out <= row32;
        if (mode[1]) word <= mode[0] ? value : row32[31:0];
    end
end"
        ))
    }
}
