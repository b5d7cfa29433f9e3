//! `REQUANT`: row32 of acc to row8 of spad.

use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::params::Params;
use crate::prims::{RequantLanes, Row32Of};
use crate::walker::Walker;

#[derive(Copy, Clone, Debug, PartialEq, Eq, LogicState)]
enum State {
    Idle,
    Begin,
    Compare,
    Block,
    Collect,
    First,
    Beat,
    Drain,
    Done,
}

/// A row takes 32 / `vector_lanes` cycles; a parameter block is read again only when its address changes.
#[derive(LogicBlock)]
pub(crate) struct Requant {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) start: Signal<In, Bit>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) done: Signal<Out, Bit>,
    pub(crate) spad_read: Signal<Out, Bit>,
    pub(crate) spad_address: Signal<Out, Bits<20>>,
    pub(crate) spad_data: Signal<In, Bits<256>>,
    pub(crate) acc_read: Signal<Out, Bit>,
    pub(crate) acc_address: Signal<Out, Bits<20>>,
    pub(crate) acc_data: Signal<In, Bits<1024>>,
    pub(crate) spad_write: Signal<Out, Bit>,
    pub(crate) write_address: Signal<Out, Bits<20>>,
    pub(crate) write_data: Signal<Out, Bits<256>>,
    state: DFF<State>,
    block: DFF<Bits<20>>,
    block_valid: DFF<Bit>,
    block_row: DFF<Bits<4>>,
    collecting: DFF<Bit>,
    collected: DFF<Bits<4>>,
    beat: DFF<Bits<5>>,
    issued_last: DFF<Bit>,
    ends: DFF<Bits<4>>,
    a: Walker<20>,
    b: Walker<20>,
    d: Walker<20>,
    bias: Row32Of,
    params: Row32Of,
    lanes: RequantLanes,
    issue: Signal<Local, Bit>,
    row_end: Signal<Local, Bit>,
    same_block: Signal<Local, Bit>,
    last_beat: Constant<Bits<5>>,
}

impl Requant {
    pub(crate) fn new(params: &Params) -> Requant {
        Requant {
            clock: Signal::default(),
            start: Signal::default(),
            op: Signal::default(),
            done: Signal::default(),
            spad_read: Signal::default(),
            spad_address: Signal::default(),
            spad_data: Signal::default(),
            acc_read: Signal::default(),
            acc_address: Signal::default(),
            acc_data: Signal::default(),
            spad_write: Signal::default(),
            write_address: Signal::default(),
            write_data: Signal::default(),
            state: DFF::default(),
            block: DFF::default(),
            block_valid: DFF::default(),
            block_row: DFF::default(),
            collecting: DFF::default(),
            collected: DFF::default(),
            beat: DFF::default(),
            issued_last: DFF::default(),
            ends: DFF::default(),
            a: Walker::default(),
            b: Walker::default(),
            d: Walker::default(),
            bias: Row32Of::default(),
            params: Row32Of::default(),
            lanes: RequantLanes::new(params.vector_lanes),
            issue: Signal::default(),
            row_end: Signal::default(),
            same_block: Signal::default(),
            last_beat: Constant::new((32 / params.vector_lanes - 1).to_bits()),
        }
    }
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Requant {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, block, block_valid, block_row, collecting, collected, beat, issued_last, ends);
        clock!(self, clock, a, b, d, bias, params, lanes);
        self.a.load.next = self.state.q.val() == State::Begin;
        self.a.base.next = bit_cast::<20, 32>(self.op.val().a_base);
        self.a.n0.next = self.op.val().n0;
        self.a.n1.next = self.op.val().n1;
        self.a.nt.next = 1.into();
        self.a.s0.next = bit_cast::<20, 32>(self.op.val().a_s0);
        self.a.s1.next = bit_cast::<20, 32>(self.op.val().a_s1);
        self.a.st.next = 0.into();
        self.b.load.next = self.state.q.val() == State::Begin;
        self.b.base.next = bit_cast::<20, 32>(self.op.val().b_base);
        self.b.n0.next = self.op.val().n0;
        self.b.n1.next = self.op.val().n1;
        self.b.nt.next = 1.into();
        self.b.s0.next = bit_cast::<20, 32>(self.op.val().b_s0);
        self.b.s1.next = bit_cast::<20, 32>(self.op.val().b_s1);
        self.b.st.next = 0.into();
        self.d.load.next = self.state.q.val() == State::Begin;
        self.d.base.next = self.op.val().d_base;
        self.d.n0.next = self.op.val().n0;
        self.d.n1.next = self.op.val().n1;
        self.d.nt.next = 1.into();
        self.d.s0.next = self.op.val().d_s0;
        self.d.s1.next = self.op.val().d_s1;
        self.d.st.next = 0.into();

        // The parameter block: four leaves of bias, four of multipliers and shifts.
        self.same_block.next = self.block_valid.q.val() & (self.block.q.val() == self.b.address.val());
        self.spad_read.next = self.state.q.val() == State::Block;
        self.spad_address.next = self.b.address.val() + bit_cast::<20, 4>(self.block_row.q.val());
        self.collecting.d.next = self.state.q.val() == State::Block;
        self.collected.d.next = self.block_row.q.val();
        self.bias.enable.next = self.collecting.q.val() & !self.collected.q.val().get_bit(2);
        self.bias.index.next = self.collected.q.val().get_bits::<2>(0);
        self.bias.leaf.next = self.spad_data.val();
        self.params.enable.next = self.collecting.q.val() & self.collected.q.val().get_bit(2);
        self.params.index.next = self.collected.q.val().get_bits::<2>(0);
        self.params.leaf.next = self.spad_data.val();

        self.lanes.enable.next = self.state.q.val() == State::Beat;
        self.lanes.beat.next = self.beat.q.val();
        self.lanes.acc.next = self.acc_data.val();
        self.lanes.bias.next = self.bias.row32.val();
        self.lanes.params.next = self.params.row32.val();
        self.lanes.n.next = self.op.val().n;
        self.lanes.zp.next = self.op.val().zp;
        self.lanes.lo.next = self.op.val().lo;
        self.lanes.hi.next = self.op.val().hi;
        self.row_end.next = (self.state.q.val() == State::Beat) & (self.beat.q.val() == self.last_beat.val());
        self.ends.d.next = (self.ends.q.val() << 1) | bit_cast::<4, 1>(self.row_end.val().into());
        self.spad_write.next = self.ends.q.val().get_bit(3);
        self.write_address.next = self.d.address.val();
        self.write_data.next = self.lanes.row.val();
        self.d.step.next = self.ends.q.val().get_bit(3);

        self.issue.next = self.state.q.val() == State::First;
        match self.state.q.val() {
            State::Idle => {
                self.block_valid.d.next = false;
                if self.start.val() {
                    self.state.d.next = State::Begin;
                }
            }
            State::Begin => {
                self.state.d.next = State::Compare;
            }
            State::Compare => {
                self.block_row.d.next = 0.into();
                self.state.d.next = State::Block;
                if self.same_block.val() {
                    self.state.d.next = State::First;
                }
            }
            State::Block => {
                self.block.d.next = self.b.address.val();
                self.block_valid.d.next = true;
                self.block_row.d.next = self.block_row.q.val() + 1;
                if self.block_row.q.val() == 7 {
                    self.state.d.next = State::Collect;
                }
            }
            State::Collect => {
                self.state.d.next = State::First;
            }
            State::First => {
                self.beat.d.next = 0.into();
                self.state.d.next = State::Beat;
            }
            State::Beat => {
                self.beat.d.next = self.beat.q.val() + 1;
                if self.row_end.val() {
                    self.beat.d.next = 0.into();
                    if self.issued_last.q.val() {
                        self.state.d.next = State::Drain;
                    } else if self.same_block.val() {
                        self.issue.next = true;
                    } else {
                        self.state.d.next = State::Compare;
                    }
                }
            }
            State::Drain => {
                if !self.ends.q.val().any() {
                    self.state.d.next = State::Done;
                }
            }
            State::Done => {
                self.state.d.next = State::Idle;
            }
        }
        if self.issue.val() {
            self.issued_last.d.next = self.a.last.val();
        }
        self.acc_read.next = self.issue.val();
        self.acc_address.next = self.a.address.val();
        self.a.step.next = self.issue.val();
        self.b.step.next = self.issue.val();
        self.done.next = self.state.q.val() == State::Done;
    }
}
