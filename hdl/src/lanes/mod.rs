//! The vector unit: `REQUANT`, `ADDQ`, `LUT`, `LUT32`, `TRANS`, `MAXQ`, `ARGMAX` and the int32 group.
//!
//! The reader asks for a row's operands, one of each memory in a cycle, under the beats of the row before; a row goes
//! through its pipeline in beats of `vector_lanes` lanes (a whole row at once where bytes are transposed or the largest is kept,
//! and in a wide machine where lanes are summed up) and is written when it leaves. Rows follow each other without a gap, those of the next instruction too; a read of a
//! row that is still on its way to be written waits. A write that is denied stops everything behind it.

use rust_hdl::prelude::*;

mod flight;
mod needs;
mod reader;
#[cfg(test)]
mod tests;

use crate::operation::Operation;
use crate::params::Params;
use crate::prims::Fixed;
use crate::prims::{Catch, Kept, Kind, MaxRow, Reduce, Row32Of, SecondRow, Transposer, VectorLanes};
use flight::{Flight, Row};
use reader::{Reader, Slot};

/// What the lanes need of the instruction of a row.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub(crate) struct Beat {
    pub(crate) kind: Kind,
    pub(crate) form: Bits<2>,
    pub(crate) shift: Bits<6>,
    pub(crate) n: Bits<6>,
    pub(crate) zp: Bits<8>,
    pub(crate) lo: Bits<8>,
    pub(crate) hi: Bits<8>,
    pub(crate) sums: Bit,
    pub(crate) follows: Bit,
    pub(crate) column: Bits<5>,
}

/// Reads spad and acc, writes one of them; `ARGMAX` leaves `index` and `best`, if it has `found` any.
#[derive(LogicBlock)]
pub(crate) struct Lanes {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) ready: Signal<In, Bit>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) take: Signal<Out, Bit>,
    pub(crate) retire: Signal<Out, Bit>,
    pub(crate) state: Signal<Out, Bits<3>>,
    pub(crate) found: Signal<Out, Bit>,
    pub(crate) best: Signal<Out, Bits<32>>,
    pub(crate) index: Signal<Out, Bits<32>>,
    pub(crate) spad_read: Signal<Out, Bit>,
    pub(crate) spad_address: Signal<Out, Bits<20>>,
    pub(crate) spad_grant: Signal<In, Bit>,
    pub(crate) spad_data: Signal<In, Bits<256>>,
    pub(crate) acc_read: Signal<Out, Bit>,
    pub(crate) acc_address: Signal<Out, Bits<20>>,
    pub(crate) acc_grant: Signal<In, Bit>,
    pub(crate) acc_data: Signal<In, Bits<1024>>,
    pub(crate) spad_write: Signal<Out, Bit>,
    pub(crate) spad_write_grant: Signal<In, Bit>,
    pub(crate) acc_write: Signal<Out, Bit>,
    pub(crate) acc_write_grant: Signal<In, Bit>,
    /// Of either write: a row has one place.
    pub(crate) write_address: Signal<Out, Bits<20>>,
    pub(crate) write_row8: Signal<Out, Bits<256>>,
    pub(crate) write_row32: Signal<Out, Bits<1024>>,
    reader: Reader,
    flight: Flight,
    lanes: VectorLanes,
    reduce: Reduce,
    transposer: Transposer,
    max: MaxRow,
    second: SecondRow,
    params: Row32Of,
    first: Kept,
    constants: Kept,
    acc: Catch<1024>,
    spad: Catch<256>,
    late: DFF<Bit>,
    arrived: DFF<Slot>,
    arrived_row: DFF<Bits<5>>,
    tap: DFF<Bit>,
    tap_first: DFF<Bit>,
    left: DFF<Bits<6>>,
    beat: DFF<Bits<5>>,
    now: DFF<Beat>,
    row: DFF<Row>,
    go: Signal<Local, Bit>,
    beats: Signal<Local, Bit>,
    wants_acc: Signal<Local, Bit>,
    wants_spad: Signal<Local, Bit>,
    is_last: Signal<Local, Bit>,
    waits: Signal<Local, Bit>,
    full: Signal<Local, Bit>,
    reads_acc: Signal<Local, Bit>,
    reads_spad: Signal<Local, Bit>,
    denied: Signal<Local, Bit>,
    issued: Signal<Local, Bit>,
    row_issued: Signal<Local, Bit>,
    acc_row: Signal<Local, Bits<20>>,
    spad_row: Signal<Local, Bits<20>>,
    b_row: Signal<Local, Bits<20>>,
    row_beats: Constant<Bits<6>>,
    sum_beats: Constant<Bits<6>>,
    form_lane0: Fixed<2, { isa::form::LANE0 as u64 }>,
}

impl Lanes {
    #[allow(clippy::too_many_lines, reason = "a block with a parameter has no Default: every signal is named")]
    pub(crate) fn new(params: &Params) -> Lanes {
        Lanes {
            clock: Signal::default(),
            ready: Signal::default(),
            op: Signal::default(),
            take: Signal::default(),
            retire: Signal::default(),
            state: Signal::default(),
            found: Signal::default(),
            best: Signal::default(),
            index: Signal::default(),
            spad_read: Signal::default(),
            spad_address: Signal::default(),
            spad_grant: Signal::default(),
            spad_data: Signal::default(),
            acc_read: Signal::default(),
            acc_address: Signal::default(),
            acc_grant: Signal::default(),
            acc_data: Signal::default(),
            spad_write: Signal::default(),
            spad_write_grant: Signal::default(),
            acc_write: Signal::default(),
            acc_write_grant: Signal::default(),
            write_address: Signal::default(),
            write_row8: Signal::default(),
            write_row32: Signal::default(),
            reader: Reader::default(),
            flight: Flight::default(),
            lanes: VectorLanes::new(params.vector_lanes),
            reduce: Reduce::new(Reduce::lanes(params.vector_lanes)),
            transposer: Transposer::default(),
            max: MaxRow::default(),
            second: SecondRow::default(),
            params: Row32Of::default(),
            first: Kept::default(),
            constants: Kept::default(),
            acc: Catch::default(),
            spad: Catch::default(),
            late: DFF::default(),
            arrived: DFF::default(),
            arrived_row: DFF::default(),
            tap: DFF::default(),
            tap_first: DFF::default(),
            left: DFF::default(),
            beat: DFF::default(),
            now: DFF::default(),
            row: DFF::default(),
            go: Signal::default(),
            beats: Signal::default(),
            wants_acc: Signal::default(),
            wants_spad: Signal::default(),
            is_last: Signal::default(),
            waits: Signal::default(),
            full: Signal::default(),
            reads_acc: Signal::default(),
            reads_spad: Signal::default(),
            denied: Signal::default(),
            issued: Signal::default(),
            row_issued: Signal::default(),
            acc_row: Signal::default(),
            spad_row: Signal::default(),
            b_row: Signal::default(),
            row_beats: Constant::new((32 / params.vector_lanes).to_bits()),
            sum_beats: Constant::new((32 / Reduce::lanes(params.vector_lanes)).to_bits()),
            form_lane0: Fixed::default(),
        }
    }
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Lanes {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, late, arrived, arrived_row, tap, tap_first, left, beat, now, row);
        clock!(self, clock, reader, flight, lanes, reduce, transposer, max, second, params);
        clock!(self, clock, first, constants, acc, spad);

        // A denied write stops the unit; what was read in the cycle before is caught.
        self.acc_write.next = self.flight.out.val().valid & self.flight.out.val().to_acc;
        self.spad_write.next = self.flight.out.val().valid & self.flight.out.val().to_spad;
        self.go.next = (!self.flight.out.val().valid)
            | ((!self.flight.out.val().to_acc | self.acc_write_grant.val())
                & (!self.flight.out.val().to_spad | self.spad_write_grant.val()));
        self.late.d.next = !self.go.val();
        self.acc.enable.next = !self.go.val() & !self.late.q.val();
        self.acc.late.next = self.late.q.val();
        self.acc.data.next = self.acc_data.val();
        self.spad.enable.next = !self.go.val() & !self.late.q.val();
        self.spad.late.next = self.late.q.val();
        self.spad.data.next = self.spad_data.val();

        // The read of this cycle. A row's last operand comes when the beats of the row before have ended, the others
        // no earlier than with the last of them.
        self.reader.ready.next = self.ready.val();
        self.reader.op.next = self.op.val();
        self.take.next = self.reader.take.val();
        self.is_last.next = self.reader.slot.val() == Slot::Final;
        self.b_row.next = bit_cast::<20, 32>(self.reader.b_address.val());
        self.wants_acc.next = (self.reader.slot.val() == Slot::Judge)
            | ((self.reader.slot.val() == Slot::Look) & !self.reader.needs.val().looks_in_spad)
            | (self.is_last.val() & self.reader.needs.val().last_acc);
        self.wants_spad.next = (self.reader.slot.val() == Slot::Constants)
            | (self.reader.slot.val() == Slot::Block)
            | ((self.reader.slot.val() == Slot::Look) & self.reader.needs.val().looks_in_spad)
            | (self.is_last.val() & self.reader.needs.val().last_spad);
        self.acc_row.next = self.reader.a_address.val();
        if self.reader.slot.val() == Slot::Look {
            self.acc_row.next = self.b_row.val();
        } else if self.is_last.val() & self.reader.needs.val().judges {
            self.acc_row.next = self.reader.d_address.val();
        }
        self.spad_row.next = self.reader.a_address.val();
        if self.reader.slot.val() == Slot::Block {
            self.spad_row.next = self.b_row.val() | bit_cast::<20, 5>(self.reader.block_row.val());
        } else if self.reader.slot.val() == Slot::Constants {
            self.spad_row.next = self.reader.held.val().p_base;
        } else if (self.reader.slot.val() == Slot::Look) & self.reader.needs.val().maxes {
            self.spad_row.next = self.reader.d_address.val();
        } else if self.is_last.val() & (self.reader.needs.val().adds | self.reader.needs.val().last_acc) {
            self.spad_row.next = self.b_row.val();
        }
        self.flight.acc_address.next = self.acc_row.val();
        self.flight.spad_address.next = self.spad_row.val();
        self.waits.next = (self.wants_acc.val() & self.flight.acc_hit.val())
            | (self.wants_spad.val() & self.flight.spad_hit.val())
            | (self.reader.row_end.val() & self.reader.needs.val().maxes & self.flight.slow.val());
        self.full.next = self.left.q.val() > 2;
        if self.is_last.val() {
            self.full.next = self.left.q.val() > 1;
        }
        self.reads_acc.next = self.wants_acc.val() & !self.waits.val() & !self.full.val();
        self.reads_spad.next = self.wants_spad.val() & !self.waits.val() & !self.full.val();
        self.acc_read.next = self.reads_acc.val();
        self.acc_address.next = self.acc_row.val();
        self.spad_read.next = self.reads_spad.val();
        self.spad_address.next = self.spad_row.val();
        self.denied.next = (self.reads_acc.val() & !self.acc_grant.val())
            | (self.reads_spad.val() & !self.spad_grant.val())
            | !self.go.val();
        self.issued.next =
            (self.reader.slot.val() != Slot::Idle) & !self.waits.val() & !self.full.val() & !self.denied.val();
        self.reader.issued.next = self.issued.val();
        self.row_issued.next = self.issued.val() & self.reader.row_end.val();

        // What arrives: its reader's instruction is held still, but that of a row's last operand.
        if self.go.val() {
            self.arrived.d.next = Slot::Idle;
            self.tap.d.next = false;
        }
        if self.issued.val() {
            self.arrived.d.next = self.reader.slot.val();
            self.arrived_row.d.next = self.reader.block_row.val();
            self.tap.d.next = self.reader.needs.val().maxes;
            self.tap_first.d.next =
                !self.is_last.val() | (self.reader.first_tap.val() & !self.reader.held.val().accumulate);
        }
        self.constants.enable.next = self.go.val() & (self.arrived.q.val() == Slot::Constants);
        self.constants.row.next = self.spad.out.val();
        self.first.enable.next = self.go.val() & (self.arrived.q.val() == Slot::Look) & self.reader.needs.val().adds;
        self.first.row.next = self.spad.out.val();
        self.second.enable.next =
            (self.go.val() & (self.arrived.q.val() == Slot::Look) & !self.reader.needs.val().looks_in_spad)
                | (self.issued.val() & self.is_last.val() & self.reader.needs.val().splats)
                | (self.go.val()
                    & (self.arrived.q.val() == Slot::Block)
                    & self.reader.needs.val().requants
                    & !self.arrived_row.q.val().get_bit(2));
        self.second.mode.next = 1.into();
        if self.reader.needs.val().requants {
            self.second.mode.next = 0.into();
        } else if self.reader.needs.val().splats {
            self.second.mode.next = 3.into();
        } else if self.reader.held.val().form == self.form_lane0.val() {
            self.second.mode.next = 2.into();
        }
        self.second.index.next = self.arrived_row.q.val().get_bits::<2>(0);
        self.second.leaf.next = self.spad.out.val();
        self.second.row32.next = self.acc.out.val();
        self.second.value.next = self.reader.b_address.val();
        self.params.enable.next = self.go.val()
            & (self.arrived.q.val() == Slot::Block)
            & self.reader.needs.val().requants
            & self.arrived_row.q.val().get_bit(2);
        self.params.index.next = self.arrived_row.q.val().get_bits::<2>(0);
        self.params.leaf.next = self.spad.out.val();
        self.max.enable.next = self.go.val() & self.tap.q.val();
        self.max.first.next = self.tap_first.q.val();
        self.max.row.next = self.spad.out.val();
        self.transposer.fill.next = (self.arrived.q.val() == Slot::Block) & self.reader.needs.val().transposes;
        self.transposer.fill_row.next = self.arrived_row.q.val();
        self.transposer.row.next = self.spad.out.val();

        // The beats of a row, from the cycle on in which its last operand arrives.
        self.beats.next = self.left.q.val().any();
        if self.go.val() & self.beats.val() {
            self.left.d.next = self.left.q.val() - 1;
            self.beat.d.next = self.beat.q.val() + 1;
            self.row.d.next.valid = self.left.q.val() != 1;
        }
        if self.row_issued.val() {
            self.left.d.next = self.row_beats.val();
            if self.reader.needs.val().reduces {
                self.left.d.next = self.sum_beats.val();
            } else if self.reader.needs.val().transposes | self.reader.needs.val().maxes {
                self.left.d.next = 1.into();
            }
            self.beat.d.next = 0.into();
            self.now.d.next.kind = self.reader.held.val().kind;
            self.now.d.next.form = self.reader.held.val().form;
            self.now.d.next.shift = self.reader.held.val().shift;
            self.now.d.next.n = self.reader.held.val().n;
            self.now.d.next.zp = self.reader.held.val().zp;
            self.now.d.next.lo = self.reader.held.val().lo;
            self.now.d.next.hi = self.reader.held.val().hi;
            self.now.d.next.sums = self.reader.needs.val().sums;
            self.now.d.next.follows = self.reader.needs.val().follows;
            self.now.d.next.column = self.reader.column.val();
            self.row.d.next.valid = true;
            self.row.d.next.end = self.reader.op_end.val();
            self.row.d.next.to_acc = self.reader.needs.val().to_acc;
            self.row.d.next.to_spad = self.reader.needs.val().to_spad;
            self.row.d.next.address = self.reader.d_address.val();
            self.row.d.next.reduces = self.reader.needs.val().reduces;
            self.row.d.next.transposes = self.reader.needs.val().transposes;
            self.row.d.next.maxes = self.reader.needs.val().maxes;
        }
        self.lanes.go.next = self.go.val();
        self.lanes.kind.next = self.now.q.val().kind;
        self.lanes.form.next = self.now.q.val().form;
        self.lanes.shift.next = self.now.q.val().shift;
        self.lanes.n.next = self.now.q.val().n;
        self.lanes.zp.next = self.now.q.val().zp;
        self.lanes.lo.next = self.now.q.val().lo;
        self.lanes.hi.next = self.now.q.val().hi;
        self.lanes.enable.next =
            self.beats.val() & !self.row.q.val().reduces & !self.row.q.val().transposes & !self.row.q.val().maxes;
        self.lanes.keep.next = self.beats.val();
        self.lanes.beat.next = self.beat.q.val();
        self.lanes.acc.next = self.acc.out.val();
        self.lanes.row.next = self.second.out.val();
        self.lanes.word.next = self.second.word.val();
        self.lanes.splats.next = self.second.splats.val();
        self.lanes.params.next = self.params.row32.val();
        self.lanes.spad.next = self.spad.out.val();
        self.lanes.held.next = self.first.out.val();
        self.lanes.constants.next = self.constants.out.val();
        self.lanes.judge.next = self.arrived.q.val() == Slot::Judge;
        self.lanes.fill.next = (self.arrived.q.val() == Slot::Block) & self.reader.needs.val().fills_table;
        self.lanes.fill_row.next = self.arrived_row.q.val();
        self.lanes.splat.next = self.flight.splat.val();
        self.lanes.sum.next = self.reduce.result.val();
        self.reduce.go.next = self.go.val();
        self.reduce.first.next = self.reader.take.val() & (self.op.val().kind == Kind::Argmax);
        self.reduce.known.next = self.op.val().accumulate;
        self.reduce.value.next = self.op.val().value;
        self.reduce.base.next = self.op.val().b_base;
        self.reduce.enable.next = self.beats.val() & self.row.q.val().reduces;
        self.reduce.sums.next = self.now.q.val().sums;
        self.reduce.follows.next = self.now.q.val().follows;
        self.reduce.n.next = self.now.q.val().n;
        self.reduce.beat.next = self.beat.q.val();
        self.reduce.row.next = self.lanes.part.val();
        self.transposer.go.next = self.go.val();
        self.transposer.enable.next = self.beats.val() & self.row.q.val().transposes;
        self.transposer.column.next = self.now.q.val().column;
        self.transposer.n.next = self.now.q.val().n;

        // Out of the pipeline.
        self.flight.go.next = self.go.val();
        self.flight.row.next = self.row.q.val();
        self.flight.leaves.next = self.left.q.val() == 1;
        self.write_address.next = self.flight.out.val().address;
        self.write_row32.next = self.lanes.row32.val();
        self.write_row8.next = self.lanes.row8.val();
        if self.flight.out.val().transposes {
            self.write_row8.next = self.transposer.out.val();
        } else if self.flight.out.val().maxes {
            self.write_row8.next = self.max.out.val();
        }
        self.retire.next = self.flight.out.val().valid & self.flight.out.val().end & self.go.val();
        self.found.next = self.reduce.found.val();
        self.best.next = self.reduce.best.val();
        self.index.next = self.reduce.index.val();

        self.state.next = 0.into();
        if !self.go.val() {
            self.state.next = 3.into();
        } else if self.beats.val() | (self.issued.val() & self.is_last.val()) {
            self.state.next = 1.into();
        } else if self.denied.val() {
            self.state.next = 3.into();
        } else if (self.reader.slot.val() == Slot::Constants) | (self.reader.slot.val() == Slot::Block) {
            self.state.next = 5.into();
        } else if (self.reader.slot.val() != Slot::Idle) & !self.waits.val() {
            self.state.next = 1.into();
        } else if (self.reader.slot.val() != Slot::Idle) | self.flight.busy.val() {
            self.state.next = 6.into();
        }
    }
}
