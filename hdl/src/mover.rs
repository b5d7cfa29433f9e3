//! `MOVE` and `FILL`: rows of spad from other bytes of spad, rows of spad or acc from a constant.

use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::prims::{Merge, Splat};
use crate::walker::Walker;

#[derive(Copy, Clone, Debug, PartialEq, Eq, LogicState)]
enum State {
    Idle,
    Begin,
    Low,
    High,
    Place,
    Fill,
    Drain,
    Finish,
    Done,
}

/// `MOVE` takes three cycles a row: it reads both rows of the run and the row that the run goes into, which is
/// written while the second row of the next run is read. So a row that meets itself is read after it was written.
/// `FILL` takes one.
#[derive(LogicBlock, Default)]
pub(crate) struct Mover {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) start_move: Signal<In, Bit>,
    pub(crate) start_fill: Signal<In, Bit>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) done: Signal<Out, Bit>,
    pub(crate) spad_read: Signal<Out, Bit>,
    pub(crate) read_address: Signal<Out, Bits<20>>,
    pub(crate) read_data: Signal<In, Bits<256>>,
    pub(crate) spad_write: Signal<Out, Bit>,
    pub(crate) acc_write: Signal<Out, Bit>,
    pub(crate) write_address: Signal<Out, Bits<20>>,
    pub(crate) spad_data: Signal<Out, Bits<256>>,
    pub(crate) acc_data: Signal<Out, Bits<1024>>,
    state: DFF<State>,
    filling: DFF<Bit>,
    low: DFF<Bits<256>>,
    high: DFF<Bits<256>>,
    shift: DFF<Bits<5>>,
    place: DFF<Bits<20>>,
    merging: DFF<Bit>,
    merged: DFF<Bit>,
    merge_place: DFF<Bits<20>>,
    from: Walker<32>,
    to: Walker<20>,
    merge: Merge,
    splat: Splat,
    source: Signal<Local, Bits<20>>,
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Mover {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, filling, low, high, shift, place, merging, merged, merge_place);
        clock!(self, clock, from, to, merge, splat);
        self.from.load.next = self.state.q.val() == State::Begin;
        self.from.step.next = self.state.q.val() == State::Place;
        self.from.base.next = self.op.val().a_base;
        self.from.n0.next = self.op.val().n0;
        self.from.n1.next = self.op.val().n1;
        self.from.nt.next = 1.into();
        self.from.s0.next = self.op.val().a_s0;
        self.from.s1.next = self.op.val().a_s1;
        self.from.st.next = 0.into();
        self.to.load.next = self.state.q.val() == State::Begin;
        self.to.step.next = (self.state.q.val() == State::Place) | (self.state.q.val() == State::Fill);
        self.to.base.next = self.op.val().d_base;
        self.to.n0.next = self.op.val().n0;
        self.to.n1.next = self.op.val().n1;
        self.to.nt.next = 1.into();
        self.to.s0.next = self.op.val().d_s0;
        self.to.s1.next = self.op.val().d_s1;
        self.to.st.next = 0.into();

        // Reads: the run's first row, the one after it, the row to change. Bytes leave the reader one cycle later.
        self.source.next = self.from.address.val().get_bits::<20>(5);
        self.spad_read.next = (self.state.q.val() == State::Low)
            | (self.state.q.val() == State::High)
            | (self.state.q.val() == State::Place);
        self.read_address.next = self.source.val();
        if self.state.q.val() == State::High {
            self.read_address.next = self.source.val() + 1;
        } else if self.state.q.val() == State::Place {
            self.read_address.next = self.to.address.val();
        }
        if self.state.q.val() == State::High {
            self.low.d.next = self.read_data.val();
        }
        if self.state.q.val() == State::Place {
            self.high.d.next = self.read_data.val();
            self.shift.d.next = self.from.address.val().get_bits::<5>(0);
            self.place.d.next = self.to.address.val();
        }
        self.merging.d.next = self.state.q.val() == State::Place;
        self.merged.d.next = self.merging.q.val();
        self.merge_place.d.next = self.place.q.val();
        self.merge.low.next = self.low.q.val();
        self.merge.high.next = self.high.q.val();
        self.merge.row.next = self.read_data.val();
        self.merge.shift.next = self.shift.q.val();
        self.merge.n.next = self.op.val().n;
        self.merge.offset.next = self.op.val().offset;
        self.splat.value.next = self.op.val().imm;

        self.spad_write.next = self.merged.q.val() | ((self.state.q.val() == State::Fill) & !self.op.val().space);
        self.acc_write.next = (self.state.q.val() == State::Fill) & self.op.val().space;
        self.write_address.next = self.to.address.val();
        self.spad_data.next = self.splat.row8.val();
        if self.merged.q.val() {
            self.write_address.next = self.merge_place.q.val();
            self.spad_data.next = self.merge.out.val();
        }
        self.acc_data.next = self.splat.row32.val();

        match self.state.q.val() {
            State::Idle => {
                self.filling.d.next = self.start_fill.val();
                if self.start_move.val() | self.start_fill.val() {
                    self.state.d.next = State::Begin;
                }
            }
            State::Begin => {
                self.state.d.next = State::Low;
                if self.filling.q.val() {
                    self.state.d.next = State::Fill;
                }
            }
            State::Low => {
                self.state.d.next = State::High;
            }
            State::High => {
                self.state.d.next = State::Place;
            }
            State::Place => {
                self.state.d.next = State::Low;
                if self.to.last.val() {
                    self.state.d.next = State::Drain;
                }
            }
            State::Fill => {
                if self.to.last.val() {
                    self.state.d.next = State::Done;
                }
            }
            State::Drain => {
                self.state.d.next = State::Finish;
            }
            State::Finish => {
                self.state.d.next = State::Done;
            }
            State::Done => {
                self.state.d.next = State::Idle;
            }
        }
        self.done.next = self.state.q.val() == State::Done;
    }
}
