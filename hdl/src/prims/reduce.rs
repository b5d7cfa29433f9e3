//! Across the lanes of a row32: sum, largest, and where the largest is.

use rust_hdl::prelude::*;

/// Three cycles after `enable`, `result` is the sum (`sums`) or the largest of the lanes below `n`; and a cycle later, if
/// the row `follows`, `best` and `index` have followed `ARGMAX`: a first lane that is larger than `best` replaces it.
///
/// `first` sets `best` to `value` (or to nothing, without `known`) and the index of the first row's lane 0 to `base`;
/// rows are 32 apart. `found` tells whether `best` was replaced since. Without `go` no row moves.
#[derive(LogicBlock, Default)]
pub(crate) struct Reduce {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) go: Signal<In, Bit>,
    pub(crate) first: Signal<In, Bit>,
    pub(crate) known: Signal<In, Bit>,
    pub(crate) value: Signal<In, Bits<32>>,
    pub(crate) base: Signal<In, Bits<32>>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) sums: Signal<In, Bit>,
    pub(crate) follows: Signal<In, Bit>,
    pub(crate) n: Signal<In, Bits<6>>,
    pub(crate) row: Signal<In, Bits<1024>>,
    pub(crate) result: Signal<Out, Bits<32>>,
    pub(crate) found: Signal<Out, Bit>,
    pub(crate) best: Signal<Out, Bits<32>>,
    pub(crate) index: Signal<Out, Bits<32>>,
    _stages: [Option<Row>; 3],
    _known: bool,
    _base: u32,
}

/// What is known of a row.
#[derive(Clone, Copy)]
struct Row {
    result: i32,
    largest: i32,
    lane: usize,
    follows: bool,
}

impl Reduce {
    fn of(&self) -> Row {
        let lane = |lane: usize| self.row.val().get_bits::<32>(32 * lane).to_u32().cast_signed();
        let live = self.n.val().index().min(32);
        let sum = (0..live).fold(0i32, |sum, at| sum.wrapping_add(lane(at)));
        let (mut best, mut index) = (if live == 0 { i32::MIN } else { lane(0) }, 0);
        for at in 1..live {
            if lane(at) > best {
                (best, index) = (lane(at), at);
            }
        }
        let result = if self.sums.val() { sum } else { best };
        Row { result, largest: best, lane: index, follows: self.follows.val() }
    }
}

fn bits(value: i32) -> Bits<32> {
    u64::from(value.cast_unsigned()).into()
}

impl Logic for Reduce {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        if self.go.val() {
            if let Some(row) = self._stages[2].take()
                && row.follows
            {
                if !self._known || row.largest > self.best.val().to_u32().cast_signed() {
                    self.best.next = bits(row.largest);
                    self.index.next = u64::from(self._base.wrapping_add(row.lane as u32)).into();
                    self.found.next = true;
                    self._known = true;
                }
                self._base = self._base.wrapping_add(32);
            }
            self._stages.swap(1, 2);
            self._stages.swap(0, 1);
            self._stages[0] = self.enable.val().then(|| self.of());
            if let Some(row) = self._stages[2] {
                self.result.next = bits(row.result);
            }
        }
        if self.first.val() {
            self._known = self.known.val();
            self._base = self.base.val().to_u32();
            self.best.next = self.value.val();
            self.found.next = false;
        }
    }

    fn connect(&mut self) {
        self.result.connect();
        self.found.connect();
        self.best.connect();
        self.index.connect();
    }

    fn hdl(&self) -> Verilog {
        let mut registers = String::new();
        let live =
            |lane: usize, dead: &str| format!("({lane} < n ? row[{}:{}] : 32'h{dead})", 32 * lane + 31, 32 * lane);
        let mut sums: Vec<_> = (0..32).map(|lane| live(lane, "0")).collect();
        let mut tops: Vec<_> = (0..32).map(|lane| format!("{{5'd{lane}, {}}}", live(lane, "80000000"))).collect();
        let mut stages = Vec::new();
        for (stage, width) in [4, 4, 2].into_iter().enumerate() {
            let (mut sum_text, mut top_text) = (String::new(), String::new());
            for to in 0..sums.len() / width {
                let (sum, top) = (format!("sum{stage}_{to}"), format!("top{stage}_{to}"));
                registers.push_str(&format!(
                    "reg [31:0] {sum};\nreg [36:0] {top};\ninitial begin {sum} = 0; {top} = 0; end\n"
                ));
                let of = to * width..(to + 1) * width;
                let best = tops[of.clone()].iter().cloned().reduce(|left, right| format!("larger({left}, {right})"));
                sum_text.push_str(&format!("            {sum} <= {};\n", sums[of].join(" + ")));
                top_text.push_str(&format!("            {top} <= {};\n", best.unwrap_or_default()));
            }
            let count = sums.len() / width;
            sums = (0..count).map(|to| format!("sum{stage}_{to}")).collect();
            tops = (0..count).map(|to| format!("top{stage}_{to}")).collect();
            stages.push((sum_text, top_text));
        }
        let mut text = format!("{registers}{DECLARATIONS}");
        let names = ["enable", "enables[0]", "enables[1]"].into_iter().zip(["sums", "sums1", "sums2"]);
        for ((enable, sums), (sum, top)) in names.zip(stages) {
            text.push_str(&format!(
                "    if ({enable}) begin\n        if ({sums}) begin\n{sum}        end else begin\n{top}        end\n    end\n"
            ));
        }
        text.push_str(LAST);
        Verilog::Custom(text)
    }
}

const DECLARATIONS: &str = "reg [2:0] enables;
reg sums1, sums2, sums3, follows1, follows2, follows3;
reg any;
reg [31:0] lane0;
initial begin
    enables = 0; any = 0; lane0 = 0;
    sums1 = 0; sums2 = 0; sums3 = 0;
    follows1 = 0; follows2 = 0; follows3 = 0;
    found = 0; best = 0; index = 0;
end
always @(*) result = sums3 ? sum2_0 : top2_0[31:0];
function [36:0] larger(input [36:0] left, input [36:0] right);
    larger = $signed(right[31:0]) > $signed(left[31:0]) ? right : left;
endfunction
always @(posedge clock) if (go) begin
    enables <= {enables[1:0], enable};
    if (enable) begin
        sums1 <= sums;
        follows1 <= follows;
    end
    if (enables[0]) begin
        sums2 <= sums1;
        follows2 <= follows1;
    end
    if (enables[1]) begin
        sums3 <= sums2;
        follows3 <= follows2;
    end
";

const LAST: &str = "end
always @(posedge clock) begin
    if (go && enables[2] && follows3) begin
        if (!any || $signed(top2_0[31:0]) > $signed(best)) begin
            best <= top2_0[31:0];
            index <= lane0 + {27'h0, top2_0[36:32]};
            found <= 1;
            any <= 1;
        end
        lane0 <= lane0 + 32;
    end
    if (first) begin
        any <= known;
        lane0 <= base;
        best <= value;
        found <= 0;
    end
end
";
