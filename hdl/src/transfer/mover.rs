//! `MOVE` and `FILL`: rows of spad from other bytes of spad, rows of spad or acc from a constant.
//!
//! Four stages: *ask* for the row of a run that is not at hand, *catch* it, *cut* the run out of two rows and turn it
//! to its place, *write* the bytes. Two rows are kept, the last of even and the last of odd number, so a run whose
//! rows were read before it takes one cycle, and one that needs both two. A denied write stops all stages.
//!
//! A `MOVE` never reads what it writes (its operands' hulls do not meet), so kept rows are good until it ends; the
//! rows of the next one are not asked for while they are about to be written.

use rust_hdl::prelude::*;

use crate::nest::{Affine, Nest};
use crate::operation::Operation;
use crate::prims::{Fixed, Kind, Run, Splat};

use super::look::{Entry, Look};

/// The ports are those of every unit and of the banks.
#[derive(LogicBlock, Default)]
pub(crate) struct Mover {
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
    pub(crate) spad_write: Signal<Out, Bit>,
    pub(crate) spad_write_grant: Signal<In, Bit>,
    pub(crate) acc_write: Signal<Out, Bit>,
    pub(crate) acc_write_grant: Signal<In, Bit>,
    /// Of either write.
    pub(crate) write_address: Signal<Out, Bits<20>>,
    pub(crate) write_mask: Signal<Out, Bits<32>>,
    pub(crate) write_row8: Signal<Out, Bits<256>>,
    pub(crate) write_row32: Signal<Out, Bits<1024>>,
    // The instruction.
    active: DFF<Bit>,
    filling: DFF<Bit>,
    space: DFF<Bit>,
    n: DFF<Bits<6>>,
    offset: DFF<Bits<5>>,
    imm: DFF<Bits<32>>,
    nest: Nest,
    from: Affine<32>,
    to: Affine<20>,
    // Ask: the rows at hand.
    even: DFF<Bits<20>>,
    even_kept: DFF<Bit>,
    odd: DFF<Bits<20>>,
    odd_kept: DFF<Bit>,
    look: Look,
    advance: Signal<Local, Bit>,
    stop: Signal<Local, Bit>,
    // Catch.
    catch: DFF<Entry>,
    caught: DFF<Bit>,
    // Cut.
    cut: DFF<Entry>,
    fresh: DFF<Bit>,
    lanes: Signal<Local, Bits<32>>,
    live: Signal<Local, Bits<32>>,
    ones: Fixed<32, 0xffff_ffff>,
    byte_run: Run,
    splat: Splat,
    // Write.
    write: DFF<Entry>,
    mask: DFF<Bits<32>>,
    granted: Signal<Local, Bit>,
    bank_state: Fixed<3, 3>,
    drain_state: Fixed<3, 6>,
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Mover {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, active, filling, space, n, offset, imm, even, even_kept, odd, odd_kept);
        dff_setup!(self, clock, catch, caught, cut, fresh, write, mask);
        clock!(self, clock, nest, from, to, byte_run, splat);

        // Write: a denied one stops everything behind it.
        self.spad_write.next = self.write.q.val().writes & !self.write.q.val().space;
        self.acc_write.next = self.write.q.val().writes & self.write.q.val().space;
        self.granted.next = self.spad_write_grant.val();
        if self.write.q.val().space {
            self.granted.next = self.acc_write_grant.val();
        }
        self.stop.next = self.write.q.val().writes & !self.granted.val();
        self.retire.next = self.write.q.val().writes & self.write.q.val().last & self.granted.val();
        self.write_address.next = self.write.q.val().place;
        self.write_mask.next = self.mask.q.val();
        self.write_row8.next = self.byte_run.out.val();
        self.write_row32.next = self.splat.row32.val();

        // Ask.
        self.look.active.next = self.active.q.val();
        self.look.filling.next = self.filling.q.val();
        self.look.from.next = self.from.address.val().get_bits::<25>(0);
        self.look.n.next = self.n.q.val();
        self.look.even.next = self.even.q.val();
        self.look.even_kept.next = self.even_kept.q.val();
        self.look.odd.next = self.odd.q.val();
        self.look.odd_kept.next = self.odd_kept.q.val();
        self.look.catch_writes.next = self.catch.q.val().writes & !self.catch.q.val().space;
        self.look.catch_place.next = self.catch.q.val().place;
        self.look.cut_writes.next = self.cut.q.val().writes & !self.cut.q.val().space;
        self.look.cut_place.next = self.cut.q.val().place;
        self.look.write_writes.next = self.write.q.val().writes & !self.write.q.val().space;
        self.look.write_place.next = self.write.q.val().place;
        self.spad_read.next = self.look.asks.val();
        self.spad_address.next = self.look.row.val();
        self.advance.next = self.active.q.val()
            & !self.stop.val()
            & (!self.look.reads.val() | (self.look.asks.val() & self.spad_grant.val()));
        self.nest.step.next = self.advance.val() & self.look.whole.val();
        self.from.step.next = self.advance.val() & self.look.whole.val();
        self.from.turn.next = self.nest.last_inner.val();
        self.to.step.next = self.advance.val() & self.look.whole.val();
        self.to.turn.next = self.nest.last_inner.val();
        if self.advance.val() & self.look.reads.val() {
            if self.look.row.val().get_bit(0) {
                self.odd.d.next = self.look.row.val();
                self.odd_kept.d.next = true;
            } else {
                self.even.d.next = self.look.row.val();
                self.even_kept.d.next = true;
            }
        }

        // Catch: what was read in the last cycle is there in this one only.
        self.caught.d.next = self.advance.val() & self.look.reads.val();
        self.byte_run.take.next = self.caught.q.val();
        self.byte_run.row.next = self.spad_data.val();
        if !self.stop.val() {
            self.catch.d.next.reads = self.advance.val() & self.look.reads.val();
            self.catch.d.next.odd = self.look.row.val().get_bit(0);
            self.catch.d.next.writes = self.advance.val() & self.look.whole.val();
            self.catch.d.next.space = self.space.q.val();
            self.catch.d.next.place = self.to.address.val();
            self.catch.d.next.last = self.nest.last.val();
            self.catch.d.next.fills = self.filling.q.val();
            self.catch.d.next.imm = self.imm.q.val();
            self.catch.d.next.turn = self.from.address.val().get_bits::<6>(0) - bit_cast::<6, 5>(self.offset.q.val());
            self.catch.d.next.n = self.n.q.val();
            self.catch.d.next.offset = self.offset.q.val();
        }

        // Cut: the row settles in the entry's first cycle here, whether or not it goes on.
        self.lanes.next = !(self.ones.val() << self.cut.q.val().n);
        self.live.next = self.lanes.val() << self.cut.q.val().offset;
        self.fresh.d.next = !self.stop.val();
        if !self.stop.val() {
            self.cut.d.next = self.catch.q.val();
            self.write.d.next = self.cut.q.val();
            self.mask.d.next = self.live.val();
        }
        self.byte_run.settle.next = self.cut.q.val().reads & self.fresh.q.val();
        self.byte_run.odd.next = self.cut.q.val().odd;
        self.byte_run.enable.next = self.cut.q.val().writes & !self.stop.val() & !self.cut.q.val().space;
        self.byte_run.turn.next = self.cut.q.val().turn;
        self.byte_run.fill.next = self.cut.q.val().fills;
        self.byte_run.value.next = self.cut.q.val().imm.get_bits::<8>(0);
        self.splat.enable.next = self.cut.q.val().writes & !self.stop.val() & self.cut.q.val().space;
        self.splat.value.next = self.cut.q.val().imm;

        // The next instruction follows the last row without a gap.
        if self.advance.val() & self.look.whole.val() & self.nest.last.val() {
            self.active.d.next = false;
        }
        self.take.next = self.ready.val()
            & (!self.active.q.val() | (self.advance.val() & self.look.whole.val() & self.nest.last.val()));
        self.nest.load.next = self.take.val();
        self.nest.n0.next = self.op.val().n0;
        self.nest.n1.next = self.op.val().n1;
        self.from.load.next = self.take.val();
        self.from.restart.next = false;
        self.from.base.next = self.op.val().a_base;
        self.from.s0.next = self.op.val().a_s0;
        self.from.s1.next = self.op.val().a_s1;
        self.to.load.next = self.take.val();
        self.to.restart.next = false;
        self.to.base.next = self.op.val().d_base;
        self.to.s0.next = self.op.val().d_s0;
        self.to.s1.next = self.op.val().d_s1;
        if self.take.val() {
            self.active.d.next = true;
            self.even_kept.d.next = false;
            self.odd_kept.d.next = false;
            self.filling.d.next = false;
            self.space.d.next = false;
            self.n.d.next = self.op.val().n;
            self.offset.d.next = self.op.val().offset;
            self.imm.d.next = self.op.val().imm;
            if self.op.val().kind == Kind::Fill {
                self.filling.d.next = true;
                self.space.d.next = self.op.val().space;
                self.n.d.next = 32.into();
                self.offset.d.next = 0.into();
            }
        }

        self.state.next = 0.into();
        if self.stop.val() | (self.look.asks.val() & !self.spad_grant.val()) {
            self.state.next = self.bank_state.val();
        } else if self.active.q.val() & (!self.look.reads.val() | self.look.asks.val()) {
            self.state.next = 1.into();
        } else if self.active.q.val() | self.catch.q.val().writes | self.cut.q.val().writes | self.write.q.val().writes
        {
            self.state.next = self.drain_state.val();
        }
    }
}
