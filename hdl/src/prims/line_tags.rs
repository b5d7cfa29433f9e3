//! Which lines the instruction cache holds.

use rust_hdl::prelude::*;

use crate::front::LINES_LOG2;

/// A line may be in the one place that its low bits name. `open` makes that place `line`'s, empty until `finish`.
///
/// `is_here` and `is_ahead` tell in the same cycle whether the lines `here` and `ahead` are held.
#[derive(LogicBlock, Default)]
pub(crate) struct LineTags {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) clear: Signal<In, Bit>,
    pub(crate) open: Signal<In, Bit>,
    pub(crate) finish: Signal<In, Bit>,
    pub(crate) line: Signal<In, Bits<28>>,
    pub(crate) here: Signal<In, Bits<28>>,
    pub(crate) ahead: Signal<In, Bits<28>>,
    pub(crate) is_here: Signal<Out, Bit>,
    pub(crate) is_ahead: Signal<Out, Bit>,
    _held: [u64; 1 << LINES_LOG2],
    _full: [bool; 1 << LINES_LOG2],
}

impl LineTags {
    fn holds(&self, line: Bits<28>) -> bool {
        let place = Self::place(line);
        self._full[place] && self._held[place] == line.to_u64() >> LINES_LOG2
    }

    fn place(line: Bits<28>) -> usize {
        line.index() % (1 << LINES_LOG2)
    }
}

impl Logic for LineTags {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let place = Self::place(self.line.val());
            if self.open.val() {
                self._held[place] = self.line.val().to_u64() >> LINES_LOG2;
                self._full[place] = false;
            } else if self.finish.val() {
                self._full[place] = true;
            }
            if self.clear.val() {
                self._full = Default::default();
            }
        }
        self.is_here.next = self.holds(self.here.val());
        self.is_ahead.next = self.holds(self.ahead.val());
    }

    fn connect(&mut self) {
        self.is_here.connect();
        self.is_ahead.connect();
    }

    fn hdl(&self) -> Verilog {
        let (lines, tag, top) = (1 << LINES_LOG2, 28 - LINES_LOG2 - 1, LINES_LOG2 - 1);
        Verilog::Custom(format!(
            "reg [{tag}:0] held [0:{last}];
reg [{last}:0] full;
wire [{tag}:0] held_here = held[here[{top}:0]];
wire [{tag}:0] held_ahead = held[ahead[{top}:0]];
integer i;
initial begin
    full = 0;
    for (i = 0; i < {lines}; i = i + 1) held[i] = 0;
end
always @(posedge clock) begin
    if (open) held[line[{top}:0]] <= line[27:{low}];
    if (clear) full <= 0;
    else if (open) full[line[{top}:0]] <= 1'b0;
    else if (finish) full[line[{top}:0]] <= 1'b1;
end
always @(*) begin
    is_here = full[here[{top}:0]] && held_here == here[27:{low}];
    is_ahead = full[ahead[{top}:0]] && held_ahead == ahead[27:{low}];
end",
            last = lines - 1,
            low = LINES_LOG2
        ))
    }
}
