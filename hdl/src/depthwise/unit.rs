//! The stages behind the reads.

use rust_hdl::prelude::*;

use super::asker::Asker;
use super::entry::{Base, Entry, Pixel};
use crate::operation::Operation;
use crate::params::Params;
use crate::prims::{Fixed, Taps};

/// The ports are those of every unit and of the banks.
#[derive(LogicBlock)]
pub(crate) struct Depthwise {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) ready: Signal<In, Bit>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) take: Signal<Out, Bit>,
    pub(crate) retire: Signal<Out, Bit>,
    pub(crate) state: Signal<Out, Bits<3>>,
    pub(crate) spad_read: Signal<Out, Bit>,
    pub(crate) spad_address: Signal<Out, Bits<20>>,
    pub(crate) spad_grant: Signal<In, Bit>,
    pub(crate) spad_data: Signal<In, Bits<256>>,
    pub(crate) acc_read: Signal<Out, Bit>,
    pub(crate) acc_address: Signal<Out, Bits<20>>,
    pub(crate) acc_grant: Signal<In, Bit>,
    pub(crate) acc_data: Signal<In, Bits<1024>>,
    pub(crate) acc_write: Signal<Out, Bit>,
    pub(crate) acc_write_address: Signal<Out, Bits<20>>,
    pub(crate) acc_write_grant: Signal<In, Bit>,
    pub(crate) acc_write_data: Signal<Out, Bits<1024>>,
    /// Live products of this cycle.
    pub(crate) macs: Signal<Out, Bits<7>>,
    asker: Asker,
    taps: Taps,
    // Shift: its row arrives in this cycle, or is kept.
    shift: DFF<Entry>,
    arrives: DFF<Bit>,
    kept: DFF<Bit>,
    // Multiply.
    multiply: DFF<Entry>,
    beat: DFF<Bits<3>>,
    last_beat: Signal<Local, Bit>,
    turns: Signal<Local, Bit>,
    base: Base,
    goes: Signal<Local, Bit>,
    stop_front: Signal<Local, Bit>,
    // Add: its row of acc arrives in this cycle, or is kept, or is not needed.
    add: DFF<Pixel>,
    base_arrives: DFF<Bit>,
    base_kept: DFF<Bit>,
    // Write.
    write: DFF<Pixel>,
    stop_back: Signal<Local, Bit>,
    behind: Signal<Local, Bit>,
    beats_less_one: Constant<Bits<3>>,
    bank_state: Fixed<3, 3>,
    start_state: Fixed<3, 5>,
    drain_state: Fixed<3, 6>,
}

impl Depthwise {
    pub(crate) fn new(params: &Params) -> Depthwise {
        Depthwise {
            clock: Signal::default(),
            ready: Signal::default(),
            op: Signal::default(),
            take: Signal::default(),
            retire: Signal::default(),
            state: Signal::default(),
            spad_read: Signal::default(),
            spad_address: Signal::default(),
            spad_grant: Signal::default(),
            spad_data: Signal::default(),
            acc_read: Signal::default(),
            acc_address: Signal::default(),
            acc_grant: Signal::default(),
            acc_data: Signal::default(),
            acc_write: Signal::default(),
            acc_write_address: Signal::default(),
            acc_write_grant: Signal::default(),
            acc_write_data: Signal::default(),
            macs: Signal::default(),
            asker: Asker::default(),
            taps: Taps::new(params.depthwise_lanes),
            shift: DFF::default(),
            arrives: DFF::default(),
            kept: DFF::default(),
            multiply: DFF::default(),
            beat: DFF::default(),
            last_beat: Signal::default(),
            turns: Signal::default(),
            base: Base::default(),
            goes: Signal::default(),
            stop_front: Signal::default(),
            add: DFF::default(),
            base_arrives: DFF::default(),
            base_kept: DFF::default(),
            write: DFF::default(),
            stop_back: Signal::default(),
            behind: Signal::default(),
            beats_less_one: Constant::new((32 / params.depthwise_lanes - 1).to_bits()),
            bank_state: Fixed::default(),
            start_state: Fixed::default(),
            drain_state: Fixed::default(),
        }
    }
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Depthwise {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, shift, arrives, kept, multiply, beat, add, base_arrives, base_kept, write);
        clock!(self, clock, asker, taps);

        // Write.
        self.acc_write.next = self.write.q.val().full;
        self.acc_write_address.next = self.write.q.val().place;
        self.acc_write_data.next = self.taps.out.val();
        self.stop_back.next = self.write.q.val().full & !self.acc_write_grant.val();
        self.retire.next = self.write.q.val().full & self.write.q.val().last & self.acc_write_grant.val();

        // Add.
        self.taps.add.next = self.add.q.val().full & !self.stop_back.val();
        self.taps.zero.next = self.add.q.val().zero;
        self.taps.base.next = self.acc_data.val();
        self.taps.base_kept.next = self.base_kept.q.val();
        self.taps.keep_base.next = self.base_arrives.q.val() & self.stop_back.val();
        self.base_kept.d.next = self.stop_back.val() & (self.base_kept.q.val() | self.base_arrives.q.val());
        if !self.stop_back.val() {
            self.write.d.next = self.add.q.val();
        }

        // Multiply: a part of the lanes in each beat; with the last the pixel goes on.
        self.last_beat.next = self.beat.q.val() == self.beats_less_one.val();
        self.turns.next = self.multiply.q.val().full & !self.stop_back.val() & !self.last_beat.val();
        self.base.needed.next = self.multiply.q.val().full & !self.multiply.q.val().zero & self.last_beat.val();
        self.base.place.next = self.multiply.q.val().place;
        self.base.add_full.next = self.add.q.val().full;
        self.base.add_place.next = self.add.q.val().place;
        self.base.write_full.next = self.write.q.val().full;
        self.base.write_place.next = self.write.q.val().place;
        self.acc_read.next = self.base.asks.val();
        self.acc_address.next = self.multiply.q.val().place;
        self.goes.next = self.multiply.q.val().full
            & !self.stop_back.val()
            & self.last_beat.val()
            & (self.multiply.q.val().zero | (self.base.asks.val() & self.acc_grant.val()));
        self.stop_front.next = self.multiply.q.val().full & !self.goes.val();
        self.taps.multiply.next = self.goes.val() | self.turns.val();
        self.taps.beat.next = self.beat.q.val();
        if self.turns.val() {
            self.beat.d.next = self.beat.q.val() + 1;
        } else if self.goes.val() {
            self.beat.d.next = 0.into();
        }
        self.base_arrives.d.next = self.goes.val() & !self.multiply.q.val().zero;
        if !self.stop_back.val() {
            self.add.d.next.full = self.goes.val();
            self.add.d.next.zero = self.multiply.q.val().zero;
            self.add.d.next.place = self.multiply.q.val().place;
            self.add.d.next.last = self.multiply.q.val().last;
        }
        self.macs.next = 0.into();
        if self.goes.val() {
            self.macs.next = self.multiply.q.val().macs;
        }

        // Shift.
        self.taps.row.next = self.spad_data.val();
        self.taps.kept.next = self.kept.q.val();
        self.taps.keep.next = self.arrives.q.val() & self.stop_front.val();
        self.kept.d.next = self.stop_front.val() & (self.kept.q.val() | self.arrives.q.val());
        self.taps.shift.next = self.shift.q.val().full & !self.shift.q.val().weighs & !self.stop_front.val();
        self.taps.weigh.next = self.shift.q.val().full & self.shift.q.val().weighs & !self.stop_front.val();
        self.taps.first.next = self.shift.q.val().first;
        self.taps.n.next = self.shift.q.val().n;
        if !self.stop_front.val() {
            self.multiply.d.next = self.shift.q.val();
            self.multiply.d.next.full = self.shift.q.val().full & self.shift.q.val().whole;
        }

        // Ask.
        self.asker.ready.next = self.ready.val();
        self.asker.op.next = self.op.val();
        self.take.next = self.asker.take.val();
        self.spad_read.next = self.asker.active.val();
        self.spad_address.next = self.asker.address.val();
        self.asker.step.next = self.asker.active.val() & self.spad_grant.val() & !self.stop_front.val();
        self.arrives.d.next = self.asker.active.val() & self.spad_grant.val() & !self.stop_front.val();
        if !self.stop_front.val() {
            self.shift.d.next = self.asker.entry.val();
        }

        self.behind.next = self.multiply.q.val().full | self.add.q.val().full | self.write.q.val().full;
        self.state.next = 0.into();
        if self.stop_back.val()
            | (self.base.asks.val() & !self.acc_grant.val())
            | (self.asker.active.val() & !self.spad_grant.val())
        {
            self.state.next = self.bank_state.val();
        } else if self.turns.val() {
            self.state.next = 1.into();
        } else if self.asker.active.val() & !self.stop_front.val() {
            self.state.next = 1.into();
            if self.asker.entry.val().weighs & !self.behind.val() {
                self.state.next = self.start_state.val();
            }
        } else if self.asker.active.val() | self.shift.q.val().full | self.behind.val() {
            self.state.next = self.drain_state.val();
        }
    }
}
