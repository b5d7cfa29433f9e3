//! Instruction fetch through a cache of lines of sixteen instructions, and the next line ahead of need.

use rust_hdl::prelude::*;

use crate::prims::{LineTags, Ram, Reverse};

const LINE_LOG2: usize = 4;
/// Lines of the cache.
pub(crate) const LINES_LOG2: usize = 4;

/// With `ask`, looks for the instruction at `pc`: one cycle later `word` is it, if `valid`; both then hold until the
/// next `ask`, or `flush`, which makes `word` invalid.
///
/// While `run`, a line that is missing is read, `pc`'s own before the one behind it, one at a time; an instruction can
/// be found as soon as it is there. Text never changes during a run, so a line is good until `clear`.
#[derive(LogicBlock)]
pub(crate) struct Fetch {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) clear: Signal<In, Bit>,
    pub(crate) run: Signal<In, Bit>,
    pub(crate) ask: Signal<In, Bit>,
    pub(crate) flush: Signal<In, Bit>,
    pub(crate) pc: Signal<In, Bits<32>>,
    pub(crate) text_log2: Signal<In, Bits<8>>,
    pub(crate) base_text: Signal<In, Bits<32>>,
    pub(crate) valid: Signal<Out, Bit>,
    pub(crate) word: Signal<Out, Bits<256>>,
    /// A line is being read.
    pub(crate) busy: Signal<Out, Bit>,
    pub(crate) req_valid: Signal<Out, Bit>,
    pub(crate) req_row: Signal<Out, Bits<32>>,
    pub(crate) req_rows: Signal<Out, Bits<16>>,
    pub(crate) req_ready: Signal<In, Bit>,
    pub(crate) row_valid: Signal<In, Bit>,
    pub(crate) row: Signal<In, Bits<256>>,
    lines: Ram<256>,
    tags: LineTags,
    reverse: Reverse,
    found: DFF<Bit>,
    asking: DFF<Bit>,
    filling: DFF<Bit>,
    line: DFF<Bits<28>>,
    /// Rows that have come, and those that are in the cache.
    come: DFF<Bits<5>>,
    stored: DFF<Bits<5>>,
    store: DFF<Bit>,
    line_rows: Constant<Bits<5>>,
    rows: Signal<Local, Bits<5>>,
    one: Signal<Local, Bits<5>>,
    here: Signal<Local, Bits<28>>,
    next: Signal<Local, Bits<28>>,
    first: Signal<Local, Bits<32>>,
    next_first: Signal<Local, Bits<32>>,
    outside: Signal<Local, Bits<32>>,
    next_outside: Signal<Local, Bits<32>>,
    place: Signal<Local, Bits<20>>,
    start: Signal<Local, Bit>,
    finish: Signal<Local, Bit>,
    hit: Signal<Local, Bit>,
}

impl Default for Fetch {
    fn default() -> Fetch {
        Fetch {
            clock: Signal::default(),
            clear: Signal::default(),
            run: Signal::default(),
            ask: Signal::default(),
            flush: Signal::default(),
            pc: Signal::default(),
            text_log2: Signal::default(),
            base_text: Signal::default(),
            valid: Signal::default(),
            word: Signal::default(),
            busy: Signal::default(),
            req_valid: Signal::default(),
            req_row: Signal::default(),
            req_rows: Signal::default(),
            req_ready: Signal::default(),
            row_valid: Signal::default(),
            row: Signal::default(),
            lines: Ram::new(LINES_LOG2 + LINE_LOG2),
            tags: LineTags::default(),
            reverse: Reverse::default(),
            found: DFF::default(),
            asking: DFF::default(),
            filling: DFF::default(),
            line: DFF::default(),
            come: DFF::default(),
            stored: DFF::default(),
            store: DFF::default(),
            line_rows: Constant::new((1 << LINE_LOG2).into()),
            rows: Signal::default(),
            one: Signal::default(),
            here: Signal::default(),
            next: Signal::default(),
            first: Signal::default(),
            next_first: Signal::default(),
            outside: Signal::default(),
            next_outside: Signal::default(),
            place: Signal::default(),
            start: Signal::default(),
            finish: Signal::default(),
            hit: Signal::default(),
        }
    }
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Fetch {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, found, asking, filling, line, come, stored, store);
        clock!(self, clock, lines, tags, reverse);
        self.one.next = 1.into();
        self.rows.next = self.line_rows.val();
        if self.text_log2.val() < 4 {
            self.rows.next = self.one.val() << self.text_log2.val();
        }

        // What is here.
        self.here.next = self.pc.val().get_bits::<28>(4);
        self.next.next = self.here.val() + 1;
        self.tags.here.next = self.here.val();
        self.tags.ahead.next = self.next.val();
        self.hit.next = self.tags.is_here.val()
            | (self.filling.q.val()
                & (self.line.q.val() == self.here.val())
                & (bit_cast::<5, 4>(self.pc.val().get_bits::<4>(0)) < self.stored.q.val()));
        self.lines.read_enable.next = self.ask.val();
        self.lines.read_address.next = bit_cast::<20, 8>(self.pc.val().get_bits::<8>(0));
        if self.ask.val() {
            self.found.d.next = self.hit.val();
        }
        if self.flush.val() {
            self.found.d.next = false;
        }
        self.valid.next = self.found.q.val();
        self.word.next = self.lines.read_data.val();

        // What is missing.
        self.first.next = bit_cast::<32, 28>(self.here.val()) << 4;
        self.next_first.next = bit_cast::<32, 28>(self.next.val()) << 4;
        self.outside.next = self.first.val() >> self.text_log2.val();
        self.next_outside.next = self.next_first.val() >> self.text_log2.val();
        self.start.next = false;
        self.tags.line.next = self.line.q.val();
        if self.run.val() & !self.asking.q.val() & !self.filling.q.val() {
            if !self.tags.is_here.val() {
                self.start.next = !self.outside.val().any();
                self.line.d.next = self.here.val();
                self.tags.line.next = self.here.val();
            } else if !self.tags.is_ahead.val() {
                self.start.next = !self.next_outside.val().any() & self.next.val().any();
                self.line.d.next = self.next.val();
                self.tags.line.next = self.next.val();
            }
        }
        if self.start.val() {
            self.asking.d.next = true;
            self.come.d.next = 0.into();
            self.stored.d.next = 0.into();
        }
        if self.asking.q.val() & self.req_ready.val() {
            self.asking.d.next = false;
            self.filling.d.next = true;
        }
        self.req_valid.next = self.asking.q.val();
        self.req_row.next = self.base_text.val() + (bit_cast::<32, 28>(self.line.q.val()) << 4);
        self.req_rows.next = bit_cast::<16, 5>(self.rows.val());

        // Rows on their way into the cache, a cycle for turning bytes into numbers.
        self.reverse.row.next = self.row.val();
        self.store.d.next = self.row_valid.val() & self.filling.q.val();
        self.place.next = bit_cast::<20, 4>(self.line.q.val().get_bits::<4>(0)) << 4;
        self.lines.write_enable.next = self.store.q.val();
        self.lines.write_address.next = self.place.val() + bit_cast::<20, 5>(self.stored.q.val());
        self.lines.write_data.next = self.reverse.word.val();
        if self.row_valid.val() & self.filling.q.val() {
            self.come.d.next = self.come.q.val() + 1;
        }
        if self.store.q.val() {
            self.stored.d.next = self.stored.q.val() + 1;
        }
        self.finish.next = self.filling.q.val() & (self.stored.q.val() == self.rows.val());
        if self.finish.val() {
            self.filling.d.next = false;
        }
        self.tags.clear.next = self.clear.val();
        self.tags.open.next = self.start.val();
        self.tags.finish.next = self.finish.val();
        self.busy.next = self.asking.q.val() | self.filling.q.val();
    }
}
