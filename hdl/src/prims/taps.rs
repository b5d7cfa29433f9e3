//! Three depthwise taps in 32 lanes, as many lanes a cycle as there are multipliers for.

use std::fmt::Write as _;

use rust_hdl::prelude::*;

use super::grid::int8;

/// Three rows in a window, three rows of weights, the sums of their products, and those added to a row32.
///
/// `shift` and `weigh` put a row, `row` or with `kept` the one that `keep` kept, behind the two newest of the window or
/// the weights; weights of lanes `n` and on are 0, and with `first` those that were there before. `multiply` sums three
/// products in each lane of `beat`, `beat · lanes ..`; `add` adds the sums to `base`, or with `base_kept` to the one that `keep_base` kept, or with `zero`
/// to nothing, into `out`. All take one cycle. Row8s have lane *l* at bits 8·*l*, row32s at bits 32·*l*.
#[derive(LogicBlock)]
pub(crate) struct Taps {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) row: Signal<In, Bits<256>>,
    pub(crate) keep: Signal<In, Bit>,
    pub(crate) kept: Signal<In, Bit>,
    pub(crate) shift: Signal<In, Bit>,
    pub(crate) weigh: Signal<In, Bit>,
    pub(crate) first: Signal<In, Bit>,
    pub(crate) n: Signal<In, Bits<6>>,
    pub(crate) multiply: Signal<In, Bit>,
    pub(crate) beat: Signal<In, Bits<3>>,
    pub(crate) base: Signal<In, Bits<1024>>,
    pub(crate) keep_base: Signal<In, Bit>,
    pub(crate) base_kept: Signal<In, Bit>,
    pub(crate) add: Signal<In, Bit>,
    pub(crate) zero: Signal<In, Bit>,
    pub(crate) out: Signal<Out, Bits<1024>>,
    _lanes: usize,
    _kept_row: Bits<256>,
    _kept_base: Bits<1024>,
    _window: [Bits<256>; 3],
    _weights: [Bits<256>; 3],
    _sums: [i32; 32],
}

impl Taps {
    /// With so many lanes a cycle.
    pub(crate) fn new(lanes: usize) -> Taps {
        Taps {
            clock: Signal::default(),
            row: Signal::default(),
            keep: Signal::default(),
            kept: Signal::default(),
            shift: Signal::default(),
            weigh: Signal::default(),
            first: Signal::default(),
            n: Signal::default(),
            multiply: Signal::default(),
            beat: Signal::default(),
            base: Signal::default(),
            keep_base: Signal::default(),
            base_kept: Signal::default(),
            add: Signal::default(),
            zero: Signal::default(),
            out: Signal::default(),
            _lanes: lanes,
            _kept_row: Bits::default(),
            _kept_base: Bits::default(),
            _window: [Bits::default(); 3],
            _weights: [Bits::default(); 3],
            _sums: [0; 32],
        }
    }

    /// The products, in words of 32 bits: of a whole row as they are, of a part of it as `beat` selects their factors.
    fn products(&self) -> (String, String) {
        let (lanes, beats) = (self._lanes, 32 / self._lanes);
        let low = |lane: usize| format!("[{}:{}]", 32 * lane + 7, 32 * lane);
        let word = |lane: usize| format!("[{}:{}]", 32 * lane + 31, 32 * lane);
        let (mut factors, mut sums) = (String::new(), String::new());
        for at in 0..lanes {
            let part = |row: &str| {
                let parts = (0..beats - 1).map(|beat| format!("beat == {beat} ? {row}{} : ", low(beat * lanes + at)));
                parts.collect::<String>() + row + &low((beats - 1) * lanes + at)
            };
            let mut tap = |tap: usize| {
                let (row, weight) = (part(&format!("window{tap}")), part(&format!("weights{tap}")));
                if beats == 1 {
                    return format!("$signed({row}) * $signed({weight})");
                }
                let (a, b) = (format!("a{tap}_{at}"), format!("b{tap}_{at}"));
                writeln!(factors, "wire [7:0] {a} = {row};\nwire [7:0] {b} = {weight};").ok();
                format!("$signed({a}) * $signed({b})")
            };
            let sum = [tap(0), tap(1), tap(2)].join(" + ");
            if beats == 1 {
                writeln!(sums, "        sums{} <= {sum};", word(at)).ok();
                continue;
            }
            writeln!(factors, "wire signed [17:0] sum{at} = {sum};").ok();
            for beat in 0..beats {
                let to = word(beat * lanes + at);
                writeln!(sums, "        if (beat == {beat}) sums{to} <= {{{{14{{sum{at}[17]}}}}, sum{at}}};").ok();
            }
        }
        (factors, sums)
    }
}

impl Logic for Taps {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        if self.add.val() {
            let base = if self.base_kept.val() { self._kept_base } else { self.base.val() };
            let base = if self.zero.val() { Bits::default() } else { base };
            let mut out = Bits::<1024>::default();
            for (lane, sum) in self._sums.into_iter().enumerate() {
                let sum: Bits<32> = u64::from(sum.cast_unsigned()).into();
                out.set_bits::<32>(32 * lane, base.get_bits::<32>(32 * lane) + sum);
            }
            self.out.next = out;
        }
        if self.multiply.val() {
            for lane in (0..self._lanes).map(|lane| lane + self.beat.val().index() * self._lanes) {
                let at = |row: Bits<256>| int8(row.get_bits::<8>(8 * lane));
                let products = self._window.iter().zip(self._weights).map(|(row, weights)| at(*row) * at(weights));
                self._sums[lane % 32] = products.sum();
            }
        }
        let row = if self.kept.val() { self._kept_row } else { self.row.val() };
        if self.shift.val() {
            self._window = [self._window[1], self._window[2], row];
        }
        if self.weigh.val() {
            let before = if self.first.val() { [Bits::default(); 3] } else { self._weights };
            let mut live = row;
            for lane in self.n.val().index()..32 {
                live.set_bits::<8>(8 * lane, Bits::default());
            }
            self._weights = [before[1], before[2], live];
        }
        if self.keep.val() {
            self._kept_row = self.row.val();
        }
        if self.keep_base.val() {
            self._kept_base = self.base.val();
        }
    }

    fn connect(&mut self) {
        self.out.connect();
    }

    fn hdl(&self) -> Verilog {
        // A byte in each word of 32 bits, of which synthesis keeps the byte: so simulators can take lanes side by side.
        let lanes = |line: &dyn Fn(usize) -> String| (0..32).map(|lane| line(lane) + "\n").collect::<String>();
        let byte = |lane: usize| format!("[{}:{}]", 8 * lane + 7, 8 * lane);
        let word = |lane: usize| format!("[{}:{}]", 32 * lane + 31, 32 * lane);
        let bytes = lanes(&|lane| format!("        window2{} <= {{24'h0, taken{}}};", word(lane), byte(lane)));
        let live = lanes(&|lane| {
            format!("        weights2{} <= n > {lane} ? {{24'h0, taken{}}} : 32'h0;", word(lane), byte(lane))
        });
        let (factors, products) = self.products();
        let sums = lanes(&|lane| {
            let at = word(lane);
            format!("        out{at} <= (zero ? 32'h0 : base_kept ? kept_base{at} : base{at}) + sums{at};")
        });
        Verilog::Custom(format!(
            "reg [255:0] kept_row;
reg [1023:0] kept_base;
reg [1023:0] window0;
reg [1023:0] window1;
reg [1023:0] window2;
reg [1023:0] weights0;
reg [1023:0] weights1;
reg [1023:0] weights2;
reg [1023:0] sums;
initial begin
    out = 0; kept_row = 0; kept_base = 0; sums = 0;
    window0 = 0; window1 = 0; window2 = 0; weights0 = 0; weights1 = 0; weights2 = 0;
end
wire [255:0] taken = kept ? kept_row : row;
{factors}always @(posedge clock) begin
    if (keep) kept_row <= row;
    if (keep_base) kept_base <= base;
    if (shift) begin
        window0 <= window1;
        window1 <= window2;
{bytes}    end
    if (weigh) begin
        weights0 <= first ? 1024'h0 : weights1;
        weights1 <= first ? 1024'h0 : weights2;
{live}    end
    if (multiply) begin
{products}    end
    if (add) begin
{sums}    end
end"
        ))
    }
}
