//! Across the lanes of a row32: sum, largest, and where the largest is.

use rust_hdl::prelude::*;

use super::vector_lanes::VectorLanes;

/// Takes a row in beats of its lanes, in order, or at once. Three cycles after the last beat's `enable`, `result` is the sum
/// (`sums`) or the largest of the lanes below `n`; and a cycle later, if the row `follows`, `best` and `index` have followed `ARGMAX`: a first lane that is larger than `best` replaces it.
///
/// `first` sets `best` to `value` (or to nothing, without `known`) and the index of the first row's lane 0 to `base`;
/// rows are 32 apart. `found` tells whether `best` was replaced since. Without `go` no row moves.
#[derive(LogicBlock)]
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
    pub(crate) beat: Signal<In, Bits<5>>,
    /// The lanes of the beat, from bit 0 on.
    pub(crate) row: Signal<In, Bits<1024>>,
    pub(crate) result: Signal<Out, Bits<32>>,
    pub(crate) found: Signal<Out, Bit>,
    pub(crate) best: Signal<Out, Bits<32>>,
    pub(crate) index: Signal<Out, Bits<32>>,
    _lanes: usize,
    _row: Bits<1024>,
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
    /// Of so many lanes in a beat.
    pub(crate) fn new(lanes: usize) -> Reduce {
        Reduce {
            clock: Signal::default(),
            go: Signal::default(),
            first: Signal::default(),
            known: Signal::default(),
            value: Signal::default(),
            base: Signal::default(),
            enable: Signal::default(),
            sums: Signal::default(),
            follows: Signal::default(),
            n: Signal::default(),
            beat: Signal::default(),
            row: Signal::default(),
            result: Signal::default(),
            found: Signal::default(),
            best: Signal::default(),
            index: Signal::default(),
            _lanes: lanes,
            _row: Bits::default(),
            _stages: [None; 3],
            _known: false,
            _base: 0,
        }
    }

    /// Lanes of a beat, where the machine has so many: a whole row in a wide one.
    pub(crate) fn lanes(vector_lanes: usize) -> usize {
        VectorLanes::summed(vector_lanes)
    }

    /// One beat more; what is known of the row after its last.
    fn took(&mut self) -> Option<Row> {
        let beat = self.beat.val().index() % (32 / self._lanes);
        for lane in 0..self._lanes {
            let word = self.row.val().get_bits::<32>(32 * lane);
            self._row.set_bits::<32>(32 * (beat * self._lanes + lane), word);
        }
        (beat + 1 == 32 / self._lanes).then(|| self.of())
    }

    fn of(&self) -> Row {
        let lane = |lane: usize| self._row.get_bits::<32>(32 * lane).to_u32().cast_signed();
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
            self._stages[0] = if self.enable.val() { self.took() } else { None };
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
        Verilog::Custom(if self._lanes == 32 { at_once() } else { in_beats(self._lanes) })
    }
}

/// A tree in three stages.
fn at_once() -> String {
    let mut registers = String::new();
    let live = |lane: usize, dead: &str| format!("({lane} < n ? row[{}:{}] : 32'h{dead})", 32 * lane + 31, 32 * lane);
    let mut sums: Vec<_> = (0..32).map(|lane| live(lane, "0")).collect();
    let mut tops: Vec<_> = (0..32).map(|lane| format!("{{5'd{lane}, {}}}", live(lane, "80000000"))).collect();
    let mut stages = Vec::new();
    for (stage, width) in [4, 4, 2].into_iter().enumerate() {
        let (mut sum_text, mut top_text) = (String::new(), String::new());
        for to in 0..sums.len() / width {
            let (sum, top) = (format!("sum{stage}_{to}"), format!("top{stage}_{to}"));
            registers
                .push_str(&format!("reg [31:0] {sum};\nreg [36:0] {top};\ninitial begin {sum} = 0; {top} = 0; end\n"));
            let of = to * width..(to + 1) * width;
            sum_text.push_str(&format!("            {sum} <= {};\n", sums[of.clone()].join(" + ")));
            top_text.push_str(&format!("            {top} <= {};\n", largest(&tops[of])));
        }
        let count = sums.len() / width;
        sums = (0..count).map(|to| format!("sum{stage}_{to}")).collect();
        tops = (0..count).map(|to| format!("top{stage}_{to}")).collect();
        stages.push((sum_text, top_text));
    }
    let mut text = format!("{registers}wire unused = &{{1'b0, beat}};\n{DECLARATIONS}");
    let names = ["enable", "enables[0]", "enables[1]"].into_iter().zip(["sums", "sums1", "sums2"]);
    for ((enable, sums), (sum, top)) in names.zip(stages) {
        text.push_str(&format!(
            "    if ({enable}) begin\n        if ({sums}) begin\n{sum}        end else begin\n{top}        end\n    end\n"
        ));
    }
    text.replace("ENDS", "enables[1]") + LAST
}

/// The first of the largest.
fn largest(tops: &[String]) -> String {
    tops.iter().cloned().reduce(|left, right| format!("larger({left}, {right})")).unwrap_or_default()
}

/// The lanes of a beat, then these to those of the beats before, then what is known after the last.
fn in_beats(lanes: usize) -> String {
    let bits = (32 / lanes).trailing_zeros();
    let beat = format!("beat[{}:0]", bits - 1);
    let number = |lane: usize| match 5 - bits {
        0 => beat.clone(),
        low => format!("{{{beat}, {low}'d{lane}}}"),
    };
    let live = |lane: usize, dead: &str| {
        format!("({{1'b0, {}}} < n ? row[{}:{}] : 32'h{dead})", number(lane), 32 * lane + 31, 32 * lane)
    };
    let sums: Vec<_> = (0..lanes).map(|lane| live(lane, "0")).collect();
    let tops: Vec<_> = (0..lanes).map(|lane| format!("{{{}, {}}}", number(lane), live(lane, "80000000"))).collect();
    let list = format!("1'b0, row[1023:{}]", 32 * lanes);
    BEATS
        .replace("LIST", &list)
        .replace("SUMS", &sums.join(" + "))
        .replace("TOPS", &largest(&tops))
        .replace("BEAT", &beat)
        .replace("DECLARATIONS", DECLARATIONS)
        .replace("ENDS", "enables[1] && ends2")
        + LAST
}

const BEATS: &str = "reg [31:0] sum0, sum1, sum2_0;
reg [36:0] top0, top1, top2_0;
reg begins1, ends1, ends2;
initial begin
    sum0 = 0; sum1 = 0; sum2_0 = 0; top0 = 0; top1 = 0; top2_0 = 0; begins1 = 0; ends1 = 0; ends2 = 0;
end
wire unused = &{LIST, beat};
DECLARATIONS    if (enable) begin
        sum0 <= SUMS;
        top0 <= TOPS;
        begins1 <= BEAT == 0;
        ends1 <= &BEAT;
    end
    if (enables[0]) begin
        ends2 <= ends1;
        sum1 <= begins1 ? sum0 : sum1 + sum0;
        top1 <= begins1 ? top0 : larger(top1, top0);
    end
    if (enables[1] && ends2) begin
        sum2_0 <= sum1;
        top2_0 <= top1;
    end
";

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
    enables <= {ENDS, enables[0], enable};
    if (enable) begin
        sums1 <= sums;
        follows1 <= follows;
    end
    if (enables[0]) begin
        sums2 <= sums1;
        follows2 <= follows1;
    end
    if (ENDS) begin
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
