//! A queue of words.

use std::collections::VecDeque;

use rust_hdl::prelude::*;

/// Up to `2^depth_log2` words of `W` bits, first in first out; every output is a register.
///
/// A word pushed into the empty queue shows in the next cycle. `pop` without `valid` and `push` without `ready` do
/// nothing.
#[derive(LogicBlock)]
pub(crate) struct Fifo<const W: usize> {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) push: Signal<In, Bit>,
    pub(crate) word: Signal<In, Bits<W>>,
    /// There is room.
    pub(crate) ready: Signal<Out, Bit>,
    pub(crate) pop: Signal<In, Bit>,
    /// There is a word.
    pub(crate) valid: Signal<Out, Bit>,
    /// The oldest; without `valid` the last that there was.
    pub(crate) head: Signal<Out, Bits<W>>,
    _depth_log2: usize,
    _words: VecDeque<Bits<W>>,
}

impl<const W: usize> Fifo<W> {
    pub(crate) fn new(depth_log2: usize) -> Self {
        Self {
            clock: Signal::default(),
            push: Signal::default(),
            word: Signal::default(),
            ready: Signal::default(),
            pop: Signal::default(),
            valid: Signal::default(),
            head: Signal::default(),
            _depth_log2: depth_log2,
            _words: VecDeque::new(),
        }
    }
}

impl<const W: usize> Logic for Fifo<W> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let room = self._words.len() < 1 << self._depth_log2;
            if self.pop.val() {
                self._words.pop_front();
            }
            if self.push.val() && room {
                self._words.push_back(self.word.val());
            }
            if let Some(oldest) = self._words.front() {
                self.head.next = *oldest;
            }
        }
        self.ready.next = self._words.len() < 1 << self._depth_log2;
        self.valid.next = !self._words.is_empty();
    }

    fn connect(&mut self) {
        self.ready.connect();
        self.valid.connect();
        self.head.connect();
    }

    fn hdl(&self) -> Verilog {
        let (width, count) = (W - 1, self._depth_log2);
        let (depth, last, top) = (1u64 << count, (1u64 << count) - 1, count - 1);
        // The oldest word is in `head`, those behind it in `words` from `from` on.
        Verilog::Custom(format!(
            "reg [{width}:0] words [0:{last}];
reg [{top}:0] to;
reg [{top}:0] from;
reg [{count}:0] held;
wire into = push && ready;
wire out = pop && valid;
wire [{count}:0] left = into == out ? held : into ? held + 1'b1 : held - 1'b1;
integer i;
initial begin
    for (i = 0; i <= {last}; i = i + 1) words[i] = 0;
    to = 0;
    from = 0;
    held = 0;
    ready = 1;
    valid = 0;
    head = 0;
end
always @(posedge clock) begin
    if (into || out) begin
        held <= left;
        ready <= left != {count1}'d{depth};
        valid <= left != 0;
        if (into) begin
            words[to] <= word;
            to <= to + 1'b1;
        end
        if ((out || !valid) && left != 0) begin
            head <= held > 1 ? words[from] : word;
            from <= from + 1'b1;
        end
    end
end",
            count1 = count + 1,
        ))
    }
}
