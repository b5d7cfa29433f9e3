//! The instructions in flight: what each reads and writes, and for which older ones it still waits.

use rust_hdl::prelude::*;

use crate::scoreboard::UNITS;

/// A run of rows in one of the four spaces that programs write: 0 spad, 1 acc, 2 work, 3 output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rows {
    valid: bool,
    space: u8,
    low: u32,
    high: u32,
}

impl Rows {
    fn meets(&self, other: &Rows) -> bool {
        let both = self.valid && other.valid && self.space == other.space;
        both && self.low <= other.high && other.low <= self.high
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    live: bool,
    unit: usize,
    /// A bit for each entry that must retire first.
    waits: u32,
    write: Rows,
    reads: [Rows; 3],
}

/// `entries` slots. An instruction that is offered is compared with the live entries of the other units, one a cycle,
/// and enters when none is left, a slot is free and its unit's queue has room: `entered` in that cycle, with its bit
/// of `pushes`. It must be held until then.
///
/// Two instructions conflict where one writes what the other reads or writes; of the same unit they never do here:
/// each unit keeps its own order. `const` and `input` are never written, so a read of them is no hull.
///
/// `ready` has a bit for each unit whose oldest instruction not yet taken waits for nothing, `waiting` where it waits.
/// A unit takes in order of entry, and only when ready; it retires in order of taking.
///
/// Invariants, which make it safe and free of deadlock:
/// * `waits[i][j]` only if entries i and j are live, j is older than i, of another unit, and conflicts with it;
/// * if entries i and j are live, j older, of another unit, in conflict, then `waits[i][j]`: so i is not taken;
/// * the ring of a unit holds its live entries in order: first those taken (`retire_at`), then the others (`take_at`);
/// * the oldest live entry waits for nothing.
#[derive(LogicBlock)]
pub(crate) struct Flight {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) clear: Signal<In, Bit>,
    pub(crate) offer: Signal<In, Bit>,
    pub(crate) unit: Signal<In, Bits<3>>,
    pub(crate) write_valid: Signal<In, Bit>,
    pub(crate) write_space: Signal<In, Bits<2>>,
    pub(crate) write_low: Signal<In, Bits<32>>,
    pub(crate) write_high: Signal<In, Bits<32>>,
    pub(crate) first_valid: Signal<In, Bit>,
    pub(crate) first_space: Signal<In, Bits<2>>,
    pub(crate) first_low: Signal<In, Bits<32>>,
    pub(crate) first_high: Signal<In, Bits<32>>,
    pub(crate) second_valid: Signal<In, Bit>,
    /// Acc, not spad.
    pub(crate) second_acc: Signal<In, Bit>,
    pub(crate) second_low: Signal<In, Bits<20>>,
    pub(crate) second_high: Signal<In, Bits<20>>,
    /// In spad.
    pub(crate) third_valid: Signal<In, Bit>,
    pub(crate) third_low: Signal<In, Bits<20>>,
    pub(crate) third_high: Signal<In, Bits<20>>,
    pub(crate) room: Signal<In, Bits<6>>,
    pub(crate) takes: Signal<In, Bits<6>>,
    pub(crate) retires: Signal<In, Bits<6>>,
    pub(crate) entered: Signal<Out, Bit>,
    pub(crate) pushes: Signal<Out, Bits<6>>,
    pub(crate) ready: Signal<Out, Bits<6>>,
    pub(crate) waiting: Signal<Out, Bits<6>>,
    /// A bit for each unit with an instruction in flight, taken or not.
    pub(crate) live: Signal<Out, Bits<6>>,
    _size: usize,
    _entries: Vec<Entry>,
    /// Per unit, slots in order of entry, and how many of them are taken.
    _order: [Vec<usize>; UNITS],
    _taken: [usize; UNITS],
    /// Slots not yet compared, and those in conflict so far; `None` before the first comparison.
    _left: Option<u32>,
    _found: u32,
}

impl Flight {
    /// With so many slots, a power of two from 2 on.
    pub(crate) fn new(entries: usize) -> Flight {
        assert!(entries.is_power_of_two() && (2..=16).contains(&entries), "slots are numbered by bits");
        Flight {
            clock: Signal::default(),
            clear: Signal::default(),
            offer: Signal::default(),
            unit: Signal::default(),
            write_valid: Signal::default(),
            write_space: Signal::default(),
            write_low: Signal::default(),
            write_high: Signal::default(),
            first_valid: Signal::default(),
            first_space: Signal::default(),
            first_low: Signal::default(),
            first_high: Signal::default(),
            second_valid: Signal::default(),
            second_acc: Signal::default(),
            second_low: Signal::default(),
            second_high: Signal::default(),
            third_valid: Signal::default(),
            third_low: Signal::default(),
            third_high: Signal::default(),
            room: Signal::default(),
            takes: Signal::default(),
            retires: Signal::default(),
            entered: Signal::default(),
            pushes: Signal::default(),
            ready: Signal::default(),
            waiting: Signal::default(),
            live: Signal::default(),
            _size: entries,
            _entries: vec![Entry::default(); entries],
            _order: Default::default(),
            _taken: [0; UNITS],
            _left: None,
            _found: 0,
        }
    }

    /// The instruction on offer.
    fn offered(&self) -> Entry {
        let wide = |valid: bool, space: Bits<2>, low: Bits<32>, high: Bits<32>| Rows {
            valid,
            space: space.to_u8(),
            low: low.to_u32(),
            high: high.to_u32(),
        };
        let near = |valid: bool, acc: bool, low: Bits<20>, high: Bits<20>| Rows {
            valid,
            space: acc.into(),
            low: low.to_u32(),
            high: high.to_u32(),
        };
        let (w, a, b) = (self.write_valid.val(), self.first_valid.val(), self.second_valid.val());
        Entry {
            live: true,
            unit: self.unit.val().index(),
            waits: 0,
            write: wide(w, self.write_space.val(), self.write_low.val(), self.write_high.val()),
            reads: [
                wide(a, self.first_space.val(), self.first_low.val(), self.first_high.val()),
                near(b, self.second_acc.val(), self.second_low.val(), self.second_high.val()),
                near(self.third_valid.val(), false, self.third_low.val(), self.third_high.val()),
            ],
        }
    }

    /// Slots yet to be compared before this cycle, the one compared in it, and whether it conflicts.
    fn compare(&self, new: &Entry) -> (u32, Option<usize>, bool) {
        let others = (0..self._size).filter(|&i| self._entries[i].live && self._entries[i].unit != new.unit);
        let left = self._left.unwrap_or_else(|| others.fold(0, |bits, i| bits | 1 << i));
        let slot = (left != 0).then(|| left.trailing_zeros() as usize);
        let conflict = slot.is_some_and(|slot| {
            let old = &self._entries[slot];
            let reads = |of: &Entry, written: &Rows| of.reads.iter().any(|read| read.meets(written));
            new.write.meets(&old.write) || reads(new, &old.write) || reads(old, &new.write)
        });
        (left & left.wrapping_sub(1), slot, conflict)
    }

    fn enters(&self) -> Option<usize> {
        let new = self.offered();
        let (left, ..) = self.compare(&new);
        let room = new.unit < UNITS && self.room.val().get_bit(new.unit);
        let free = (0..self._size).find(|&slot| !self._entries[slot].live);
        free.filter(|_| self.offer.val() && room && left == 0)
    }

    fn edge(&mut self) {
        if self.clear.val() {
            self._entries.fill(Entry::default());
            (self._order, self._taken) = Default::default();
            (self._left, self._found) = (None, 0);
            return;
        }
        let new = self.offered();
        let entering = self.enters();
        let (left, slot, conflict) = self.compare(&new);
        let mut retiring = 0u32;
        for unit in (0..UNITS).filter(|&unit| self.retires.val().get_bit(unit)) {
            let slot = self._order[unit].remove(0);
            self._taken[unit] -= 1;
            self._entries[slot].live = false;
            retiring |= 1 << slot;
        }
        for unit in (0..UNITS).filter(|&unit| self.takes.val().get_bit(unit)) {
            self._taken[unit] += 1;
        }
        self._entries.iter_mut().for_each(|entry| entry.waits &= !retiring);
        if self.offer.val() {
            self._found |= slot.filter(|_| conflict).map_or(0, |slot| 1 << slot);
            self._found &= !retiring;
            self._left = Some(left & !retiring);
        }
        if let Some(slot) = entering {
            self._entries[slot] = Entry { waits: self._found, ..new };
            self._order[new.unit].push(slot);
            (self._left, self._found) = (None, 0);
        }
    }
}

impl Logic for Flight {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.edge();
        }
        let entering = self.enters().map(|_| self.unit.val().index());
        self.entered.next = entering.is_some();
        self.pushes.next = entering.map_or(0, |unit| 1u64 << unit).into();
        let (mut ready, mut waiting, mut live) = (0u64, 0u64, 0u64);
        for unit in 0..UNITS {
            live |= u64::from(!self._order[unit].is_empty()) << unit;
            if let Some(&slot) = self._order[unit].get(self._taken[unit]) {
                let free = self._entries[slot].waits == 0;
                ready |= u64::from(free) << unit;
                waiting |= u64::from(!free) << unit;
            }
        }
        (self.ready.next, self.waiting.next, self.live.next) = (ready.into(), waiting.into(), live.into());
    }

    fn connect(&mut self) {
        self.entered.connect();
        self.pushes.connect();
        self.ready.connect();
        self.waiting.connect();
        self.live.connect();
    }

    fn hdl(&self) -> Verilog {
        let (entries, log2) = (self._size, self._size.ilog2());
        Verilog::Custom(format!(
            "localparam UNITS = {UNITS};\nlocalparam ENTRIES = {entries};\nlocalparam LOG2 = {log2};\n{FLIGHT}"
        ))
    }
}

/// Two 67-bit hulls of any space, one of 42 bits on chip, one of 41 in spad.
const FLIGHT: &str = "localparam HULLS = 217;
reg [ENTRIES-1:0] slots;
reg [ENTRIES-1:0] waits [0:ENTRIES-1];
reg [2:0] unit_of [0:ENTRIES-1];
reg [HULLS-1:0] hulls [0:ENTRIES-1];
reg comparing;
reg [ENTRIES-1:0] left;
reg [ENTRIES-1:0] found;

// The slot that is compared in this cycle, and the one that a new instruction will have.
reg [ENTRIES-1:0] others;
reg [LOG2-1:0] slot;
reg [LOG2-1:0] free;
integer i;
always @(*) begin
    for (i = 0; i < ENTRIES; i = i + 1) others[i] = slots[i] && unit_of[i] != unit;
end
wire [ENTRIES-1:0] now = comparing ? left : others;
wire [ENTRIES-1:0] after = now & (now - 1'b1);
integer k;
always @(*) begin
    slot = 0;
    free = 0;
    for (k = ENTRIES - 1; k >= 0; k = k - 1) begin
        if (now[k]) slot = k[LOG2-1:0];
        if (!slots[k]) free = k[LOG2-1:0];
    end
end

wire [HULLS-1:0] new_hulls = {
    write_valid, write_space, write_high, write_low,
    first_valid, first_space, first_high, first_low,
    second_valid, second_acc, second_high, second_low,
    third_valid, third_high, third_low
};
wire old_write_valid, old_first_valid, old_second_valid, old_second_acc, old_third_valid;
wire [1:0] old_write_space, old_first_space;
wire [31:0] old_write_low, old_write_high, old_first_low, old_first_high;
wire [19:0] old_second_low, old_second_high, old_third_low, old_third_high;
assign {
    old_write_valid, old_write_space, old_write_high, old_write_low,
    old_first_valid, old_first_space, old_first_high, old_first_low,
    old_second_valid, old_second_acc, old_second_high, old_second_low,
    old_third_valid, old_third_high, old_third_low
} = hulls[slot];
wire write_write = write_valid && old_write_valid && write_space == old_write_space
    && write_low <= old_write_high && old_write_low <= write_high;
wire first_reads = first_valid && old_write_valid && first_space == old_write_space
    && first_low <= old_write_high && old_write_low <= first_high;
wire second_reads = second_valid && old_write_valid && {1'b0, second_acc} == old_write_space
    && {12'h0, second_low} <= old_write_high && old_write_low <= {12'h0, second_high};
wire third_reads = third_valid && old_write_valid && old_write_space == 2'h0
    && {12'h0, third_low} <= old_write_high && old_write_low <= {12'h0, third_high};
wire first_read = write_valid && old_first_valid && write_space == old_first_space
    && write_low <= old_first_high && old_first_low <= write_high;
wire second_read = write_valid && old_second_valid && write_space == {1'b0, old_second_acc}
    && write_low <= {12'h0, old_second_high} && {12'h0, old_second_low} <= write_high;
wire third_read = write_valid && old_third_valid && write_space == 2'h0
    && write_low <= {12'h0, old_third_high} && {12'h0, old_third_low} <= write_high;
wire conflict = write_write || first_reads || second_reads || third_reads || first_read || second_read || third_read;

wire [ENTRIES-1:0] one = {{(ENTRIES-1){1'b0}}, 1'b1};
wire [ENTRIES-1:0] found_now = (comparing ? found : {ENTRIES{1'b0}})
    | ((|now && conflict) ? one << slot : {ENTRIES{1'b0}});
wire [UNITS-1:0] pushed = {{(UNITS-1){1'b0}}, 1'b1} << unit;
wire enter = offer && |(room & pushed) && !(&slots) && !(|after);
wire [UNITS-1:0] is_ready, is_waiting, is_live;
wire [UNITS*ENTRIES-1:0] gone;
wire [ENTRIES-1:0] retiring = gone[0*ENTRIES +: ENTRIES] | gone[1*ENTRIES +: ENTRIES] | gone[2*ENTRIES +: ENTRIES]
    | gone[3*ENTRIES +: ENTRIES] | gone[4*ENTRIES +: ENTRIES] | gone[5*ENTRIES +: ENTRIES];

genvar g;
generate
    for (g = 0; g < UNITS; g = g + 1) begin : ring
        reg [LOG2-1:0] order [0:ENTRIES-1];
        reg [LOG2-1:0] enter_at;
        reg [LOG2-1:0] take_at;
        reg [LOG2-1:0] retire_at;
        reg [LOG2:0] queued;
        reg [LOG2:0] running;
        wire push = enter && pushed[g];
        wire [LOG2-1:0] head = order[take_at];
        wire [LOG2-1:0] oldest = order[retire_at];
        wire blocked = |waits[head];
        assign is_ready[g] = |queued && !blocked;
        assign is_waiting[g] = |queued && blocked;
        assign is_live[g] = |queued || |running;
        assign gone[g*ENTRIES +: ENTRIES] = retires[g] ? one << oldest : {ENTRIES{1'b0}};
        integer j;
        initial begin
            enter_at = 0;
            take_at = 0;
            retire_at = 0;
            queued = 0;
            running = 0;
            for (j = 0; j < ENTRIES; j = j + 1) order[j] = 0;
        end
        always @(posedge clock) begin
            if (clear) begin
                enter_at <= 0;
                take_at <= 0;
                retire_at <= 0;
                queued <= 0;
                running <= 0;
            end else begin
                if (push) begin
                    order[enter_at] <= free;
                    enter_at <= enter_at + 1'b1;
                end
                if (takes[g]) take_at <= take_at + 1'b1;
                if (retires[g]) retire_at <= retire_at + 1'b1;
                queued <= queued + {{LOG2{1'b0}}, push} - {{LOG2{1'b0}}, takes[g]};
                running <= running + {{LOG2{1'b0}}, takes[g]} - {{LOG2{1'b0}}, retires[g]};
            end
        end
    end
endgenerate

integer s;
initial begin
    slots = 0;
    comparing = 0;
    left = 0;
    found = 0;
    for (s = 0; s < ENTRIES; s = s + 1) begin
        waits[s] = 0;
        unit_of[s] = 0;
        hulls[s] = 0;
    end
end
integer e;
always @(posedge clock) begin
    if (clear) begin
        slots <= 0;
        comparing <= 0;
        for (e = 0; e < ENTRIES; e = e + 1) waits[e] <= 0;
    end else begin
        slots <= (slots & ~retiring) | (enter ? one << free : {ENTRIES{1'b0}});
        for (e = 0; e < ENTRIES; e = e + 1) waits[e] <= waits[e] & ~retiring;
        if (offer) begin
            comparing <= !enter;
            left <= after & ~retiring;
            found <= found_now & ~retiring;
        end
        if (enter) begin
            unit_of[free] <= unit;
            hulls[free] <= new_hulls;
            waits[free] <= found_now & ~retiring;
        end
    end
end
always @(*) begin
    entered = enter;
    pushes = enter ? pushed : {UNITS{1'b0}};
    ready = is_ready;
    waiting = is_waiting;
    live = is_live;
end";
