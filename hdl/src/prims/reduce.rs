//! Across the lanes of a row32: sum, largest, and where the largest is.

use rust_hdl::prelude::*;

/// Four cycles after `enable`, `row32` has in every lane the sum (`sums`) or the largest of the lanes below `n`; and
/// `best` and `index` have followed `ARGMAX`: a first lane that is larger than `best` replaces it.
///
/// `first` sets `best` to `value` (or to nothing, without `known`) and the index of the first row's lane 0 to `base`;
/// rows are 32 apart. `found` tells whether `best` was replaced since.
#[derive(LogicBlock, Default)]
pub(crate) struct Reduce {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) first: Signal<In, Bit>,
    pub(crate) known: Signal<In, Bit>,
    pub(crate) value: Signal<In, Bits<32>>,
    pub(crate) base: Signal<In, Bits<32>>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) sums: Signal<In, Bit>,
    pub(crate) n: Signal<In, Bits<6>>,
    pub(crate) row: Signal<In, Bits<1024>>,
    pub(crate) row32: Signal<Out, Bits<1024>>,
    pub(crate) found: Signal<Out, Bit>,
    pub(crate) best: Signal<Out, Bits<32>>,
    pub(crate) index: Signal<Out, Bits<32>>,
    _stages: [Option<(i32, i32, usize)>; 3],
    _known: bool,
    _base: u32,
}

impl Reduce {
    /// Sum, largest, and the first lane that is it.
    fn of(&self) -> (i32, i32, usize) {
        let lane = |lane: usize| self.row.val().get_bits::<32>(32 * lane).to_u32().cast_signed();
        let live = self.n.val().index().min(32);
        let sum = (0..live).fold(0i32, |sum, at| sum.wrapping_add(lane(at)));
        let (mut best, mut index) = (if live == 0 { i32::MIN } else { lane(0) }, 0);
        for at in 1..live {
            if lane(at) > best {
                (best, index) = (lane(at), at);
            }
        }
        (sum, best, index)
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
        if let Some((sum, largest, lane)) = self._stages[2].take() {
            let mut row32 = Bits::<1024>::default();
            for lane in 0..32 {
                row32.set_bits::<32>(32 * lane, bits(if self.sums.val() { sum } else { largest }));
            }
            self.row32.next = row32;
            if !self._known || largest > self.best.val().to_u32().cast_signed() {
                self.best.next = bits(largest);
                self.index.next = u64::from(self._base.wrapping_add(lane as u32)).into();
                self.found.next = true;
                self._known = true;
            }
            self._base = self._base.wrapping_add(32);
        }
        self._stages.swap(1, 2);
        self._stages.swap(0, 1);
        self._stages[0] = self.enable.val().then(|| self.of());
        if self.first.val() {
            self._known = self.known.val();
            self._base = self.base.val().to_u32();
            self.best.next = self.value.val();
            self.found.next = false;
        }
    }

    fn connect(&mut self) {
        self.row32.connect();
        self.found.connect();
        self.best.connect();
        self.index.connect();
    }

    fn hdl(&self) -> Verilog {
        let mut text = String::from(DECLARATIONS);
        let (mut registers, mut stages) = (String::new(), [String::new(), String::new(), String::new()]);
        for lane in 0..32 {
            let row = format!("row[{}:{}]", 32 * lane + 31, 32 * lane);
            text.push_str(&format!("wire [31:0] sum0_{lane} = {lane} < n ? {row} : 32'h0;\n"));
            text.push_str(&format!("wire signed [31:0] top0_{lane} = {lane} < n ? {row} : 32'h80000000;\n"));
            text.push_str(&format!("wire [4:0] at0_{lane} = {lane};\n"));
        }
        for (stage, (count, from)) in [(8, 4), (2, 4), (1, 2)].into_iter().enumerate() {
            for to in 0..count {
                let (name, first) = (format!("{}_{to}", stage + 1), to * from);
                let of = |what: &str, child: usize| format!("{what}{stage}_{child}");
                let sum: Vec<_> = (first..first + from).map(|child| of("sum", child)).collect();
                let mut best = first.to_string();
                let mut wires = String::new();
                for child in first + 1..first + from {
                    let next = format!("m{name}_{child}");
                    let (top, at) = if best == first.to_string() {
                        (of("top", first), of("at", first))
                    } else {
                        (format!("top_{best}"), format!("at_{best}"))
                    };
                    wires.push_str(&format!(
                        "wire {next} = {new} > {top};\nwire signed [31:0] top_{next} = {next} ? {new} : {top};\nwire [4:0] at_{next} = {next} ? {} : {at};\n",
                        of("at", child),
                        new = of("top", child),
                    ));
                    best = next;
                }
                text.push_str(&wires);
                registers
                    .push_str(&format!("reg [31:0] sum{name};\nreg signed [31:0] top{name};\nreg [4:0] at{name};\n"));
                registers.push_str(&format!("initial begin sum{name} = 0; top{name} = 0; at{name} = 0; end\n"));
                stages[stage].push_str(&format!(
                    "        sum{name} <= {};\n        top{name} <= top_{best};\n        at{name} <= at_{best};\n",
                    sum.join(" + ")
                ));
            }
        }
        let [first, second, third] = stages;
        text.push_str(&format!(
            "always @(posedge clock) begin
    enables <= {{enables[1:0], enable}};
    if (enable) begin
{first}    end
    if (enables[0]) begin
{second}    end
    if (enables[1]) begin
{third}    end
{LAST}end"
        ));
        Verilog::Custom(format!("{registers}{text}"))
    }
}

const DECLARATIONS: &str = "reg [2:0] enables;
reg any;
reg [31:0] lane0;
initial begin
    enables = 0; any = 0; lane0 = 0;
    row32 = 0; found = 0; best = 0; index = 0;
end
";

const LAST: &str = "    if (enables[2]) begin
        row32 <= {32{sums ? sum3_0 : top3_0}};
        if (!any || top3_0 > $signed(best)) begin
            best <= top3_0;
            index <= lane0 + {27'h0, at3_0};
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
";
