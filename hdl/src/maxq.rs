//! `MAXQ`: lane-wise maximum of spad rows over taps.

use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::prims::MaxRow;
use crate::walker::Walker;

#[derive(Copy, Clone, Debug, PartialEq, Eq, LogicState)]
enum State {
    Idle,
    Begin,
    Old,
    Tap,
    Drain,
    Done,
}

/// A tap a cycle; a row that accumulates takes one more, for what is there.
#[derive(LogicBlock, Default)]
pub(crate) struct Maxq {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) start: Signal<In, Bit>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) done: Signal<Out, Bit>,
    pub(crate) spad_read: Signal<Out, Bit>,
    pub(crate) read_address: Signal<Out, Bits<20>>,
    pub(crate) read_data: Signal<In, Bits<256>>,
    pub(crate) spad_write: Signal<Out, Bit>,
    pub(crate) write_address: Signal<Out, Bits<20>>,
    pub(crate) write_data: Signal<Out, Bits<256>>,
    state: DFF<State>,
    valid1: DFF<Bit>,
    first1: DFF<Bit>,
    last1: DFF<Bit>,
    last2: DFF<Bit>,
    place1: DFF<Bits<20>>,
    place2: DFF<Bits<20>>,
    a: Walker<20>,
    d: Walker<20>,
    max: MaxRow,
}

impl Logic for Maxq {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, valid1, first1, last1, last2, place1, place2);
        clock!(self, clock, a, d, max);
        self.a.load.next = self.state.q.val() == State::Begin;
        self.a.step.next = self.state.q.val() == State::Tap;
        self.a.base.next = bit_cast::<20, 32>(self.op.val().a_base);
        self.a.n0.next = self.op.val().n0;
        self.a.n1.next = self.op.val().n1;
        self.a.nt.next = self.op.val().kt;
        self.a.s0.next = bit_cast::<20, 32>(self.op.val().a_s0);
        self.a.s1.next = bit_cast::<20, 32>(self.op.val().a_s1);
        self.a.st.next = bit_cast::<20, 32>(self.op.val().a_sk);
        self.d.load.next = self.state.q.val() == State::Begin;
        self.d.step.next = (self.state.q.val() == State::Tap) & self.a.last_tap.val();
        self.d.base.next = self.op.val().d_base;
        self.d.n0.next = self.op.val().n0;
        self.d.n1.next = self.op.val().n1;
        self.d.nt.next = 1.into();
        self.d.s0.next = self.op.val().d_s0;
        self.d.s1.next = self.op.val().d_s1;
        self.d.st.next = 0.into();

        self.spad_read.next = (self.state.q.val() == State::Old) | (self.state.q.val() == State::Tap);
        self.read_address.next = self.a.address.val();
        if self.state.q.val() == State::Old {
            self.read_address.next = self.d.address.val();
        }
        self.valid1.d.next = self.spad_read.val();
        self.first1.d.next = (self.state.q.val() == State::Old) | (self.a.first_tap.val() & !self.op.val().accumulate);
        self.last1.d.next = (self.state.q.val() == State::Tap) & self.a.last_tap.val();
        self.last2.d.next = self.last1.q.val();
        self.place1.d.next = self.d.address.val();
        self.place2.d.next = self.place1.q.val();
        self.max.enable.next = self.valid1.q.val();
        self.max.first.next = self.first1.q.val();
        self.max.row.next = self.read_data.val();
        self.spad_write.next = self.last2.q.val();
        self.write_address.next = self.place2.q.val();
        self.write_data.next = self.max.out.val();

        match self.state.q.val() {
            State::Idle => {
                if self.start.val() {
                    self.state.d.next = State::Begin;
                }
            }
            State::Begin => {
                self.state.d.next = State::Tap;
                if self.op.val().accumulate {
                    self.state.d.next = State::Old;
                }
            }
            State::Old => {
                self.state.d.next = State::Tap;
            }
            State::Tap => {
                if self.a.last.val() {
                    self.state.d.next = State::Drain;
                } else if self.a.last_tap.val() & self.op.val().accumulate {
                    self.state.d.next = State::Old;
                }
            }
            State::Drain => {
                if !self.last1.q.val() & !self.last2.q.val() {
                    self.state.d.next = State::Done;
                }
            }
            State::Done => {
                self.state.d.next = State::Idle;
            }
        }
        self.done.next = self.state.q.val() == State::Done;
    }
}
