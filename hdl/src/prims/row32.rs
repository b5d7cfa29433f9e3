//! row32 between leaf order (memory: leaf *r* holds lanes *r, r+4, …*, big-endian) and lane order (acc).

use rust_hdl::prelude::*;

/// Bits of the leaf that hold byte `byte` (0 = least significant) of a lane.
pub(super) fn leaf_bit(lane: usize, byte: usize) -> usize {
    8 * (lane / 4 * 4 + 3 - byte)
}

/// One leaf of a row32 in lane order, one cycle later.
#[derive(LogicBlock, Default)]
pub(crate) struct LeafOf {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) row32: Signal<In, Bits<1024>>,
    pub(crate) index: Signal<In, Bits<2>>,
    pub(crate) leaf: Signal<Out, Bits<256>>,
}

impl Logic for LeafOf {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let (row32, mut leaf) = (self.row32.val(), Bits::<256>::default());
            for lane in (self.index.val().index()..32).step_by(4) {
                for byte in 0..4 {
                    leaf.set_bits::<8>(leaf_bit(lane, byte), row32.get_bits::<8>(32 * lane + 8 * byte));
                }
            }
            self.leaf.next = leaf;
        }
    }

    fn connect(&mut self) {
        self.leaf.connect();
    }

    fn hdl(&self) -> Verilog {
        let mut text = String::from("initial leaf = 0;\nalways @(posedge clock) begin\n    case (index)\n");
        for index in 0..4 {
            // Most significant byte of the concatenation first.
            let bytes: Vec<_> = (0..32usize)
                .rev()
                .map(|at| {
                    let low = 32 * (at / 4 * 4 + index) + 8 * (3 - at % 4);
                    format!("row32[{}:{low}]", low + 7)
                })
                .collect();
            text.push_str(&format!("        {index}: leaf <= {{{}}};\n", bytes.join(", ")));
        }
        text.push_str("    endcase\nend");
        Verilog::Custom(text)
    }
}

/// Collects the leaves of a row32 into lane order; leaf `index` is taken at a cycle with `enable`.
#[derive(LogicBlock, Default)]
pub(crate) struct Row32Of {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) index: Signal<In, Bits<2>>,
    pub(crate) leaf: Signal<In, Bits<256>>,
    pub(crate) row32: Signal<Out, Bits<1024>>,
}

impl Logic for Row32Of {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.enable.val() {
            let (leaf, mut row32) = (self.leaf.val(), self.row32.val());
            for lane in (self.index.val().index()..32).step_by(4) {
                for byte in 0..4 {
                    row32.set_bits::<8>(32 * lane + 8 * byte, leaf.get_bits::<8>(leaf_bit(lane, byte)));
                }
            }
            self.row32.next = row32;
        }
    }

    fn connect(&mut self) {
        self.row32.connect();
    }

    fn hdl(&self) -> Verilog {
        let mut text = String::from("initial row32 = 0;\nalways @(posedge clock) begin\n    if (enable) begin\n");
        for lane in 0..32 {
            let bytes: Vec<_> = (0..4)
                .rev()
                .map(|byte| format!("leaf[{}:{}]", leaf_bit(lane, byte) + 7, leaf_bit(lane, byte)))
                .collect();
            text.push_str(&format!(
                "        if (index == {}) row32[{}:{}] <= {{{}}};\n",
                lane % 4,
                32 * lane + 31,
                32 * lane,
                bytes.join(", ")
            ));
        }
        text.push_str("    end\nend");
        Verilog::Custom(text)
    }
}
