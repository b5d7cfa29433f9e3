//! Instruction fetch through a line of sixteen instructions.

use rust_hdl::prelude::*;

use crate::prims::{Ram, Reverse};

#[derive(Copy, Clone, Debug, PartialEq, Eq, LogicState)]
enum State {
    Idle,
    Ask,
    Fill,
    Settle,
    Read,
    Give,
}

const LINE_LOG2: usize = 4;

/// `go` with a pc inside text; `valid` some cycles later, `word` then holds until the next `go`.
///
/// Text never changes during a run, so a line is good until `clear`.
#[derive(LogicBlock)]
pub(crate) struct Fetch {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) clear: Signal<In, Bit>,
    pub(crate) go: Signal<In, Bit>,
    pub(crate) pc: Signal<In, Bits<32>>,
    pub(crate) text_log2: Signal<In, Bits<8>>,
    pub(crate) base_text: Signal<In, Bits<32>>,
    pub(crate) valid: Signal<Out, Bit>,
    pub(crate) word: Signal<Out, Bits<256>>,
    pub(crate) req_valid: Signal<Out, Bit>,
    pub(crate) req_row: Signal<Out, Bits<32>>,
    pub(crate) req_rows: Signal<Out, Bits<16>>,
    pub(crate) req_ready: Signal<In, Bit>,
    pub(crate) row_valid: Signal<In, Bit>,
    pub(crate) row: Signal<In, Bits<256>>,
    state: DFF<State>,
    line: Ram<256>,
    reverse: Reverse,
    tag: DFF<Bits<28>>,
    tag_valid: DFF<Bit>,
    index: DFF<Bits<5>>,
    fill: DFF<Bits<5>>,
    fill_valid: DFF<Bit>,
    rows: DFF<Bits<5>>,
    line_rows: Constant<Bits<5>>,
    wanted: Signal<Local, Bits<28>>,
    one: Signal<Local, Bits<5>>,
}

impl Default for Fetch {
    fn default() -> Fetch {
        Fetch {
            clock: Signal::default(),
            clear: Signal::default(),
            go: Signal::default(),
            pc: Signal::default(),
            text_log2: Signal::default(),
            base_text: Signal::default(),
            valid: Signal::default(),
            word: Signal::default(),
            req_valid: Signal::default(),
            req_row: Signal::default(),
            req_rows: Signal::default(),
            req_ready: Signal::default(),
            row_valid: Signal::default(),
            row: Signal::default(),
            state: DFF::default(),
            line: Ram::new(LINE_LOG2),
            reverse: Reverse::default(),
            tag: DFF::default(),
            tag_valid: DFF::default(),
            index: DFF::default(),
            fill: DFF::default(),
            fill_valid: DFF::default(),
            rows: DFF::default(),
            line_rows: Constant::new((1 << LINE_LOG2).into()),
            wanted: Signal::default(),
            one: Signal::default(),
        }
    }
}

impl Logic for Fetch {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, tag, tag_valid, index, fill, fill_valid, rows);
        self.line.clock.next = self.clock.val();
        self.reverse.clock.next = self.clock.val();
        self.reverse.row.next = self.row.val();
        self.wanted.next = self.pc.val().get_bits::<28>(4);
        self.one.next = 1.into();
        self.req_valid.next = self.state.q.val() == State::Ask;
        self.req_row.next = self.base_text.val() + (bit_cast::<32, 28>(self.tag.q.val()) << 4);
        self.req_rows.next = bit_cast::<16, 5>(self.rows.q.val());
        self.line.write_enable.next = self.fill_valid.q.val();
        self.line.write_address.next = bit_cast::<20, 5>(self.fill.q.val());
        self.line.write_data.next = self.reverse.word.val();
        self.line.read_enable.next = self.state.q.val() == State::Read;
        self.line.read_address.next = bit_cast::<20, 5>(self.index.q.val());
        self.valid.next = self.state.q.val() == State::Give;
        self.word.next = self.line.read_data.val();

        self.fill_valid.d.next = self.row_valid.val() & (self.state.q.val() == State::Fill);
        if self.fill_valid.q.val() {
            self.fill.d.next = self.fill.q.val() + 1;
        }
        match self.state.q.val() {
            State::Idle => {
                self.index.d.next = bit_cast::<5, 32>(self.pc.val() & 15);
                self.fill.d.next = 0.into();
                self.rows.d.next = self.line_rows.val();
                if self.text_log2.val() < 4 {
                    self.rows.d.next = self.one.val() << self.text_log2.val();
                }
                if self.go.val() {
                    self.state.d.next = State::Ask;
                    self.tag.d.next = self.wanted.val();
                    self.tag_valid.d.next = true;
                    if self.tag_valid.q.val() & (self.tag.q.val() == self.wanted.val()) {
                        self.state.d.next = State::Read;
                    }
                }
            }
            State::Ask => {
                if self.req_ready.val() {
                    self.state.d.next = State::Fill;
                }
            }
            State::Fill => {
                if self.row_valid.val() {
                    self.rows.d.next = self.rows.q.val() - 1;
                    if self.rows.q.val() == 1 {
                        self.state.d.next = State::Settle;
                    }
                }
            }
            State::Settle => {
                self.state.d.next = State::Read;
            }
            State::Read => {
                self.state.d.next = State::Give;
            }
            State::Give => {
                self.state.d.next = State::Idle;
            }
        }
        if self.clear.val() {
            self.tag_valid.d.next = false;
        }
    }
}
