//! The rows that `STORE` and `SW` write, read ahead from the banks.

use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::prims::{Fifo, Fixed, LeafOf};
use crate::walker::Walker;

/// log₂ of the rows that are held.
const HELD_LOG2: usize = 3;

/// `load` begins an instruction; its rows come out in order, each with the header that it has in the digest. A row32
/// is read once and comes out as four leaves. The row of a word is given (`change`), or is not written (`drop`).
#[derive(LogicBlock)]
pub(crate) struct Rows {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) load: Signal<In, Bit>,
    pub(crate) op: Signal<In, Operation>,
    /// The rows are to be read from spad or acc.
    pub(crate) reads: Signal<In, Bit>,
    pub(crate) change: Signal<In, Bit>,
    pub(crate) changed: Signal<In, Bits<256>>,
    pub(crate) drop: Signal<In, Bit>,
    /// Rows of the instruction are still to be read.
    pub(crate) busy: Signal<Out, Bit>,
    pub(crate) valid: Signal<Out, Bit>,
    pub(crate) header: Signal<Out, Bits<64>>,
    pub(crate) row: Signal<Out, Bits<256>>,
    pub(crate) pop: Signal<In, Bit>,
    pub(crate) spad_read: Signal<Out, Bit>,
    pub(crate) acc_read: Signal<Out, Bit>,
    pub(crate) address: Signal<Out, Bits<20>>,
    pub(crate) spad_grant: Signal<In, Bit>,
    pub(crate) spad_data: Signal<In, Bits<256>>,
    pub(crate) acc_grant: Signal<In, Bit>,
    pub(crate) acc_data: Signal<In, Bits<1024>>,
    acc: DFF<Bit>,
    n0: DFF<Bits<16>>,
    d_s0: DFF<Bits<20>>,
    d_s1: DFF<Bits<20>>,
    a_s0: DFF<Bits<32>>,
    a_s1: DFF<Bits<32>>,
    region: DFF<Bits<3>>,
    /// Reads are to be made; rows are to be put into the queue.
    reading: DFF<Bit>,
    putting: DFF<Bit>,
    /// Rows in the queue or on the way to it.
    held: DFF<Bits<4>>,
    /// A row, or row32, comes in this cycle.
    comes: DFF<Bit>,
    row32: DFF<Bits<1024>>,
    row32_valid: DFF<Bit>,
    leaf: DFF<Bits<2>>,
    leaf_valid: DFF<Bit>,
    put_leaf: DFF<Bits<2>>,
    from: Walker<20>,
    to: Walker<32>,
    pick: LeafOf,
    queue: Fifo<320>,
    granted: Signal<Local, Bit>,
    wants_acc: Signal<Local, Bit>,
    put: Signal<Local, Bit>,
    put_row: Signal<Local, Bits<256>>,
    put_place: Signal<Local, Bit>,
    dram_row: Signal<Local, Bits<32>>,
    more: Signal<Local, Bits<4>>,
    room: Constant<Bits<4>>,
    row32_room: Constant<Bits<4>>,
    row32_rows: Constant<Bits<4>>,
    last_leaf: Fixed<2, { isa::ROW32_LEAVES as u64 - 1 }>,
}

impl Default for Rows {
    fn default() -> Rows {
        let (depth, leaves) = (1u64 << HELD_LOG2, isa::ROW32_LEAVES as u64);
        Rows {
            clock: Signal::default(),
            load: Signal::default(),
            op: Signal::default(),
            reads: Signal::default(),
            change: Signal::default(),
            changed: Signal::default(),
            drop: Signal::default(),
            busy: Signal::default(),
            valid: Signal::default(),
            header: Signal::default(),
            row: Signal::default(),
            pop: Signal::default(),
            spad_read: Signal::default(),
            acc_read: Signal::default(),
            address: Signal::default(),
            spad_grant: Signal::default(),
            spad_data: Signal::default(),
            acc_grant: Signal::default(),
            acc_data: Signal::default(),
            acc: DFF::default(),
            n0: DFF::default(),
            d_s0: DFF::default(),
            d_s1: DFF::default(),
            a_s0: DFF::default(),
            a_s1: DFF::default(),
            region: DFF::default(),
            reading: DFF::default(),
            putting: DFF::default(),
            held: DFF::default(),
            comes: DFF::default(),
            row32: DFF::default(),
            row32_valid: DFF::default(),
            leaf: DFF::default(),
            leaf_valid: DFF::default(),
            put_leaf: DFF::default(),
            from: Walker::default(),
            to: Walker::default(),
            pick: LeafOf::default(),
            queue: Fifo::new(HELD_LOG2),
            granted: Signal::default(),
            wants_acc: Signal::default(),
            put: Signal::default(),
            put_row: Signal::default(),
            put_place: Signal::default(),
            dram_row: Signal::default(),
            more: Signal::default(),
            room: Constant::new((depth - 1).into()),
            row32_room: Constant::new((depth - leaves).into()),
            row32_rows: Constant::new(leaves.into()),
            last_leaf: Fixed::default(),
        }
    }
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Rows {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, acc, n0, d_s0, d_s1, a_s0, a_s1, region, reading, putting, held);
        dff_setup!(self, clock, comes, row32, row32_valid, leaf, leaf_valid, put_leaf);
        clock!(self, clock, from, to, pick, queue);
        self.from.load.next = self.load.val();
        self.from.base.next = self.op.val().d_base;
        self.from.n1.next = self.op.val().n1;
        self.from.nt.next = 1.into();
        self.from.s0.next = self.d_s0.q.val();
        self.from.s1.next = self.d_s1.q.val();
        self.from.st.next = 0.into();
        self.to.load.next = self.load.val();
        self.to.base.next = self.op.val().a_base;
        self.to.n1.next = self.op.val().n1;
        self.to.nt.next = 1.into();
        self.to.s0.next = self.a_s0.q.val();
        self.to.s1.next = self.a_s1.q.val();
        self.to.st.next = 0.into();
        self.from.n0.next = self.n0.q.val();
        self.to.n0.next = self.n0.q.val();

        // Read ahead as far as there is room.
        self.spad_read.next = self.reading.q.val() & !self.acc.q.val() & (self.held.q.val() <= self.room.val());
        self.wants_acc.next = self.reading.q.val()
            & self.acc.q.val()
            & !self.comes.q.val()
            & (self.held.q.val() <= self.row32_room.val())
            & (!self.row32_valid.q.val() | self.leaf.q.val().get_bit(1));
        self.acc_read.next = self.wants_acc.val();
        self.address.next = self.from.address.val();
        self.granted.next =
            (self.reading.q.val() & !self.acc.q.val() & (self.held.q.val() <= self.room.val()) & self.spad_grant.val())
                | (self.wants_acc.val() & self.acc_grant.val());
        self.from.step.next = self.granted.val();
        self.comes.d.next = self.granted.val();
        if self.granted.val() & self.from.last.val() {
            self.reading.d.next = false;
        }

        // A row32 stays for four cycles.
        self.pick.row32.next = self.row32.q.val();
        self.pick.index.next = self.leaf.q.val();
        self.leaf_valid.d.next = self.row32_valid.q.val();
        if self.row32_valid.q.val() {
            self.leaf.d.next = self.leaf.q.val() + 1;
            if self.leaf.q.val() == self.last_leaf.val() {
                self.row32_valid.d.next = false;
            }
        }
        if self.comes.q.val() & self.acc.q.val() {
            self.row32.d.next = self.acc_data.val();
            self.row32_valid.d.next = true;
        }

        // Into the queue.
        self.put.next = (self.comes.q.val() & !self.acc.q.val()) | self.leaf_valid.q.val() | self.change.val();
        self.put_row.next = self.spad_data.val();
        if self.leaf_valid.q.val() {
            self.put_row.next = self.pick.leaf.val();
        } else if self.change.val() {
            self.put_row.next = self.changed.val();
        }
        if self.leaf_valid.q.val() {
            self.put_leaf.d.next = self.put_leaf.q.val() + 1;
        }
        self.dram_row.next = self.to.address.val() + bit_cast::<32, 2>(self.put_leaf.q.val());
        self.queue.push.next = self.put.val();
        self.queue.word.next = (bit_cast::<320, 3>(self.region.q.val()) << 288)
            | (bit_cast::<320, 32>(self.dram_row.val()) << 256)
            | bit_cast::<320, 256>(self.put_row.val());
        self.put_place.next =
            self.put.val() & (!self.leaf_valid.q.val() | (self.put_leaf.q.val() == self.last_leaf.val()));
        self.to.step.next = self.put_place.val();
        if (self.put_place.val() & self.to.last.val()) | self.drop.val() {
            self.putting.d.next = false;
        }
        self.more.next = self.held.q.val();
        if self.change.val() | (self.granted.val() & !self.acc.q.val()) {
            self.more.next = self.held.q.val() + 1;
        } else if self.granted.val() {
            self.more.next = self.held.q.val() + self.row32_rows.val();
        }
        self.held.d.next = self.more.val();
        if self.pop.val() {
            self.held.d.next = self.more.val() - 1;
        }
        self.busy.next = self.putting.q.val();
        self.queue.pop.next = self.pop.val();
        self.valid.next = self.queue.valid.val();
        self.row.next = self.queue.head.val().get_bits::<256>(0);
        self.header.next = self.queue.head.val().get_bits::<64>(256);

        if self.load.val() {
            self.from.n0.next = self.op.val().n0;
            self.to.n0.next = self.op.val().n0;
            self.reading.d.next = self.reads.val();
            self.putting.d.next = true;
            self.acc.d.next = self.op.val().space & self.reads.val();
            self.n0.d.next = self.op.val().n0;
            self.d_s0.d.next = self.op.val().d_s0;
            self.d_s1.d.next = self.op.val().d_s1;
            self.a_s0.d.next = self.op.val().a_s0;
            self.a_s1.d.next = self.op.val().a_s1;
            self.region.d.next = self.op.val().region;
        }
    }
}
