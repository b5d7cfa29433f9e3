//! Products of two row8, lane by lane.

use rust_hdl::prelude::*;

use super::column::int8;

/// `products` = row × weights in 32 lanes of 16 bits, one cycle after `enable`.
#[derive(LogicBlock, Default)]
pub(crate) struct LaneProducts {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) row: Signal<In, Bits<256>>,
    pub(crate) weights: Signal<In, Bits<256>>,
    pub(crate) products: Signal<Out, Bits<512>>,
}

impl Logic for LaneProducts {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.enable.val() {
            let mut products = Bits::<512>::default();
            for lane in 0..32 {
                let at = |row: Bits<256>| int8(row.get_bits::<8>(8 * lane));
                let product = at(self.row.val()) * at(self.weights.val());
                products.set_bits::<16>(16 * lane, u64::from(product as u16).into());
            }
            self.products.next = products;
        }
    }

    fn connect(&mut self) {
        self.products.connect();
    }

    fn hdl(&self) -> Verilog {
        let lanes: String = (0..32)
            .map(|lane| {
                let (low, high) = (8 * lane, 8 * lane + 7);
                let to = format!("products[{}:{}]", 16 * lane + 15, 16 * lane);
                format!("        {to} <= $signed(row[{high}:{low}]) * $signed(weights[{high}:{low}]);\n")
            })
            .collect();
        Verilog::Custom(format!(
            "initial products = 0;\nalways @(posedge clock) begin\n    if (enable) begin\n{lanes}    end\nend"
        ))
    }
}
