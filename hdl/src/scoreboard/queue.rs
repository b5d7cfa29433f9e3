//! Admitted instructions that wait for one unit, oldest first.

use std::collections::VecDeque;

use rust_hdl::prelude::*;

use crate::operation::Operation;

/// At most `depth` of them; the oldest stands in a register, so `head` is stable until it is popped.
///
/// The caller pushes only while `room`, and pops only while not `empty`; both may happen in one cycle.
///
/// Invariants: `count` ≤ depth; `empty` ⇔ `count` = 0; `room` ⇔ `count` < depth; while not `empty`, `head` is the
/// oldest item that was pushed and not yet popped, and the others lie in `rest` from `out_at` up to `in_at`, in order:
/// `in_at` − `out_at` = max(`count`, 1) − 1, modulo the depth.
#[derive(LogicBlock)]
pub(crate) struct Queue {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) clear: Signal<In, Bit>,
    pub(crate) push: Signal<In, Bit>,
    pub(crate) item: Signal<In, Operation>,
    pub(crate) pop: Signal<In, Bit>,
    pub(crate) head: Signal<Out, Operation>,
    pub(crate) empty: Signal<Out, Bit>,
    pub(crate) room: Signal<Out, Bit>,
    _depth: usize,
    _items: VecDeque<Operation>,
}

impl Queue {
    /// For so many instructions, a power of two from 2 on.
    pub(crate) fn new(depth: usize) -> Queue {
        assert!(depth.is_power_of_two() && depth > 1, "the pointers wrap at a power of two");
        Queue {
            clock: Signal::default(),
            clear: Signal::default(),
            push: Signal::default(),
            item: Signal::default(),
            pop: Signal::default(),
            head: Signal::default(),
            empty: Signal::default(),
            room: Signal::default(),
            _depth: depth,
            _items: VecDeque::new(),
        }
    }
}

impl Logic for Queue {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            if self.clear.val() {
                self._items.clear();
            } else {
                if self.pop.val() {
                    self._items.pop_front();
                }
                if self.push.val() {
                    self._items.push_back(self.item.val());
                }
            }
            if let Some(head) = self._items.front() {
                self.head.next = *head;
            }
        }
        self.empty.next = self._items.is_empty();
        self.room.next = self._items.len() < self._depth;
    }

    fn connect(&mut self) {
        self.head.connect();
        self.empty.connect();
        self.room.connect();
    }

    fn hdl(&self) -> Verilog {
        let (log2, width) = (self._depth.ilog2(), Operation::BITS);
        Verilog::Custom(format!(
            "localparam DEPTH_LOG2 = {log2};
localparam DEPTH = {depth};
localparam WIDTH = {width};
{QUEUE}",
            depth = self._depth
        ))
    }
}

const QUEUE: &str = "reg [WIDTH-1:0] rest [0:DEPTH-1];
reg [DEPTH_LOG2-1:0] in_at;
reg [DEPTH_LOG2-1:0] out_at;
reg [DEPTH_LOG2:0] count;
wire more = |count[DEPTH_LOG2:1];
wire first = push && (empty || (pop && !more));
wire shift = pop && more;
wire [DEPTH_LOG2:0] after = count + {{DEPTH_LOG2{1'b0}}, push} - {{DEPTH_LOG2{1'b0}}, pop};
integer i;
initial begin
    head = 0;
    empty = 1;
    room = 1;
    in_at = 0;
    out_at = 0;
    count = 0;
    for (i = 0; i < DEPTH; i = i + 1) rest[i] = 0;
end
always @(posedge clock) begin
    if (clear) begin
        empty <= 1;
        room <= 1;
        in_at <= 0;
        out_at <= 0;
        count <= 0;
    end else if (push || pop) begin
        if (first) head <= item;
        else if (shift) head <= rest[out_at];
        if (push && !first) begin
            rest[in_at] <= item;
            in_at <= in_at + 1;
        end
        if (shift) out_at <= out_at + 1;
        count <= after;
        empty <= after == 0;
        room <= !after[DEPTH_LOG2];
    end
end";
