//! One column of the array: a stationary weight for every array row, a sum in three stages.

use rust_hdl::prelude::*;

/// `sum` = Σ over the array's rows of activation × weight, three cycles after `enable`.
///
/// Stage 1 registers the products, stage 2 sums of four, stage 3 the sum. Activation *i* is byte *i* of
/// `activations`; weight `load_row` is replaced by `load_weight` at a cycle with `load`, all of them by the bytes of
/// `weights` at a cycle with `load_all`.
#[derive(LogicBlock)]
pub(crate) struct Column {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) load: Signal<In, Bit>,
    pub(crate) load_row: Signal<In, Bits<5>>,
    pub(crate) load_weight: Signal<In, Bits<8>>,
    pub(crate) load_all: Signal<In, Bit>,
    pub(crate) weights: Signal<In, Bits<256>>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) activations: Signal<In, Bits<256>>,
    pub(crate) sum: Signal<Out, Bits<32>>,
    _weights: Vec<i32>,
    _products: Vec<i32>,
    _quads: Vec<i32>,
    _stages: [bool; 2],
}

impl Column {
    /// A column of an array of so many rows (a multiple of 4).
    pub(crate) fn new(rows: usize) -> Column {
        Column {
            clock: Signal::default(),
            load: Signal::default(),
            load_row: Signal::default(),
            load_weight: Signal::default(),
            load_all: Signal::default(),
            weights: Signal::default(),
            enable: Signal::default(),
            activations: Signal::default(),
            sum: Signal::default(),
            _weights: vec![0; rows],
            _products: vec![0; rows],
            _quads: vec![0; rows / 4],
            _stages: [false; 2],
        }
    }
}

pub(super) fn int8(bits: Bits<8>) -> i32 {
    i32::from(bits.to_u8().cast_signed())
}

impl Logic for Column {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            if self._stages[1] {
                self.sum.next = u64::from(self._quads.iter().sum::<i32>().cast_unsigned()).into();
            }
            if self._stages[0] {
                for (quad, products) in self._quads.iter_mut().zip(self._products.chunks(4)) {
                    *quad = products.iter().sum();
                }
            }
            if self.enable.val() {
                for (row, (product, weight)) in self._products.iter_mut().zip(&self._weights).enumerate() {
                    *product = weight * int8(self.activations.val().get_bits::<8>(8 * row));
                }
            }
            self._stages = [self.enable.val(), self._stages[0]];
            if self.load_all.val() {
                for (row, weight) in self._weights.iter_mut().enumerate() {
                    *weight = int8(self.weights.val().get_bits::<8>(8 * row));
                }
            } else if self.load.val() {
                let row = self.load_row.val().index();
                if let Some(weight) = self._weights.get_mut(row) {
                    *weight = int8(self.load_weight.val());
                }
            }
        }
    }

    fn connect(&mut self) {
        self.sum.connect();
    }

    fn hdl(&self) -> Verilog {
        let rows = self._weights.len();
        let list =
            |prefix: &str, count: usize| (0..count).map(|i| format!("{prefix}{i}")).collect::<Vec<_>>().join(", ");
        let zero = |prefix: &str, count: usize| (0..count).map(|i| format!(" {prefix}{i} = 0;")).collect::<String>();
        let loads: String = (0..rows).map(|i| format!("        if (load_row == {i}) w{i} <= load_weight;\n")).collect();
        let all: String = (0..rows).map(|i| format!("        w{i} <= weights[{}:{}];\n", 8 * i + 7, 8 * i)).collect();
        let products: String = (0..rows)
            .map(|i| format!("        p{i} <= $signed(w{i}) * $signed(activations[{}:{}]);\n", 8 * i + 7, 8 * i))
            .collect();
        let quads: String = (0..rows / 4)
            .map(|q| {
                let wide: Vec<_> = (4 * q..4 * q + 4).map(|p| format!("{{{{2{{p{p}[15]}}}}, p{p}}}")).collect();
                format!("        q{q} <= {};\n", wide.join(" + "))
            })
            .collect();
        let total = (0..rows / 4).map(|q| format!("{{{{14{{q{q}[17]}}}}, q{q}}}")).collect::<Vec<_>>().join(" + ");
        Verilog::Custom(format!(
            "reg [7:0] {};
reg signed [15:0] {};
reg signed [17:0] {};
reg enable1, enable2;
initial begin
   {}{}{}
    sum = 0; enable1 = 0; enable2 = 0;
end
always @(posedge clock) begin
    enable1 <= enable;
    enable2 <= enable1;
    if (load_all) begin
{all}    end else if (load) begin
{loads}    end
    if (enable) begin
{products}    end
    if (enable1) begin
{quads}    end
    if (enable2) sum <= {total};
end",
            list("w", rows),
            list("p", rows),
            list("q", rows / 4),
            zero("w", rows),
            zero("p", rows),
            zero("q", rows / 4),
        ))
    }
}
