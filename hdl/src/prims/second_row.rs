//! The operand that waits for the other one.

use rust_hdl::prelude::*;

use super::row32::leaf_bit;

/// A row32 in lane order, one cycle after `enable`: by `mode` 0 its leaf `index` is replaced, 1 it is `row32`, 2 it is
/// lane 0 of `row32` in every lane, 3 it is `value` in every lane.
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
}

impl Logic for SecondRow {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.enable.val() {
            let mut out = self.out.val();
            for lane in 0..32 {
                let from = if self.mode.val() == 1 { lane } else { 0 };
                let value = match self.mode.val().index() {
                    0 if lane % 4 != self.index.val().index() => continue,
                    0 => {
                        let byte = |at: usize| self.leaf.val().get_bits::<8>(leaf_bit(lane, at)).to_u8();
                        u32::from_le_bytes(std::array::from_fn(byte))
                    }
                    3 => self.value.val().to_u32(),
                    _ => self.row32.val().get_bits::<32>(32 * from).to_u32(),
                };
                out.set_bits::<32>(32 * lane, u64::from(value).into());
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
                let leaf: Vec<_> = (0..4)
                    .rev()
                    .map(|byte| format!("leaf[{}:{}]", leaf_bit(lane, byte) + 7, leaf_bit(lane, byte)))
                    .collect();
                let bits = format!("[{}:{}]", 32 * lane + 31, 32 * lane);
                format!("            if (index == {}) out{bits} <= {{{}}};\n", lane % 4, leaf.join(", "))
            })
            .collect();
        Verilog::Custom(format!(
            "initial out = 0;
always @(posedge clock) begin
    if (enable) begin
        if (mode == 0) begin
{lanes}        end
        if (mode == 1) out <= row32;
        if (mode == 2) out <= {{32{{row32[31:0]}}}};
        if (mode == 3) out <= {{32{{value}}}};
    end
end"
        ))
    }
}
