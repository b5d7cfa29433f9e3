//! Sums of the array into a row32.

use rust_hdl::prelude::*;

/// `out` = `base` (or zero) with the columns' sums added at lanes `pass · columns ..`, one cycle after `enable`; or,
/// with `depthwise`, with 32 products of 16 bits added lane by lane.
/// Rows are in lane order: lane *l* at bits 32·*l*.
#[derive(LogicBlock)]
pub(crate) struct RowAdder {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) zero: Signal<In, Bit>,
    pub(crate) pass: Signal<In, Bits<3>>,
    pub(crate) depthwise: Signal<In, Bit>,
    pub(crate) products: Signal<In, Bits<512>>,
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
            depthwise: Signal::default(),
            products: Signal::default(),
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
            if self.depthwise.val() {
                for lane in 0..32 {
                    let product = self.products.val().get_bits::<16>(16 * lane).to_u16().cast_signed();
                    let product = u64::from(i32::from(product).cast_unsigned());
                    out.set_bits::<32>(32 * lane, out.get_bits::<32>(32 * lane) + product);
                }
                self.out.next = out;
                return;
            }
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
                let (low, high, sign) = (32 * lane, 32 * lane + 31, 16 * lane + 15);
                let product = format!("{{{{16{{products[{sign}]}}}}, products[{sign}:{}]}}", 16 * lane);
                let sum = format!("(pass == {} ? sum${} : 32'h0)", lane / columns, lane % columns);
                let base = format!("(zero ? 32'h0 : base[{high}:{low}])");
                format!("        out[{high}:{low}] <= {base} + (depthwise ? {product} : {sum});\n")
            })
            .collect();
        Verilog::Custom(format!(
            "initial out = 0;\nalways @(posedge clock) begin\n    if (enable) begin\n{lanes}    end\nend"
        ))
    }
}
