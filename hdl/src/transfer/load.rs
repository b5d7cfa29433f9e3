//! `LOAD`: DRAM rows into spad, or row32s into acc; `GATHER`: rows whose numbers are in spad.

use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::prims::{Fixed, Multiplier, Row32Of, WordOf};
use crate::walker::Walker;

/// What `GATHER` does for its next request: reads the row of the index, takes the index, limits and multiplies it,
/// asks.
#[derive(Copy, Clone, Debug, PartialEq, Eq, LogicState)]
enum Index {
    Idle,
    Row,
    Word,
    Limit,
    Ask,
}

/// Requests run ahead of data: one burst for a whole inner loop whose stride is 1, else one for each row (row32).
#[derive(LogicBlock, Default)]
pub(crate) struct Load {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) start: Signal<In, Bit>,
    /// `GATHER`.
    pub(crate) gathers: Signal<In, Bit>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) done: Signal<Out, Bit>,
    pub(crate) req_valid: Signal<Out, Bit>,
    pub(crate) req_row: Signal<Out, Bits<32>>,
    pub(crate) req_rows: Signal<Out, Bits<16>>,
    pub(crate) req_ready: Signal<In, Bit>,
    pub(crate) row_valid: Signal<In, Bit>,
    pub(crate) row: Signal<In, Bits<256>>,
    pub(crate) spad_read: Signal<Out, Bit>,
    pub(crate) read_address: Signal<Out, Bits<20>>,
    pub(crate) read_data: Signal<In, Bits<256>>,
    pub(crate) spad_write: Signal<Out, Bit>,
    pub(crate) acc_write: Signal<Out, Bit>,
    pub(crate) write_address: Signal<Out, Bits<20>>,
    pub(crate) spad_data: Signal<Out, Bits<256>>,
    pub(crate) acc_data: Signal<Out, Bits<1024>>,
    begun: DFF<Bit>,
    asking: DFF<Bit>,
    taking: DFF<Bit>,
    finished: DFF<Bit>,
    leaf: DFF<Bits<2>>,
    acc_full: DFF<Bit>,
    rows: DFF<Bits<16>>,
    bursts: DFF<Bits<16>>,
    index: DFF<Index>,
    entry: Walker<20>,
    pick: WordOf,
    multiplier: Multiplier,
    from: Walker<32>,
    to: Walker<20>,
    collect: Row32Of,
    burst: Signal<Local, Bit>,
    accepted: Signal<Local, Bit>,
    index_row: Signal<Local, Bits<20>>,
    row_done: Signal<Local, Bit>,
    row32_rows: Fixed<32, { isa::ROW32_LEAVES as u64 }>,
    last_leaf: Fixed<2, { isa::ROW32_LEAVES as u64 - 1 }>,
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Load {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, begun, asking, taking, finished, leaf, acc_full, rows, bursts, index);
        clock!(self, clock, entry, pick, multiplier, from, to, collect);
        // The length of a burst; a row32 counts four rows, and a request has 16 bits of them.
        self.burst.next = (self.op.val().a_s0 == 1) & !self.gathers.val();
        if self.op.val().space {
            self.burst.next = (self.op.val().a_s0 == self.row32_rows.val()) & (self.op.val().n0 < 16384);
        }
        self.begun.d.next = self.start.val();
        if self.start.val() {
            self.rows.d.next = 1.into();
            self.bursts.d.next = self.op.val().n0;
            if self.burst.val() {
                self.rows.d.next = self.op.val().n0;
                self.bursts.d.next = 1.into();
            }
        }
        self.req_valid.next = self.asking.q.val() & (!self.gathers.val() | (self.index.q.val() == Index::Ask));
        self.accepted.next =
            self.asking.q.val() & self.req_ready.val() & (!self.gathers.val() | (self.index.q.val() == Index::Ask));
        self.from.load.next = self.begun.q.val();
        self.from.step.next = self.accepted.val();
        self.from.base.next = self.op.val().a_base;
        self.from.n0.next = self.bursts.q.val();
        self.from.n1.next = self.op.val().n1;
        self.from.nt.next = 1.into();
        self.from.s0.next = self.op.val().a_s0;
        self.from.s1.next = self.op.val().a_s1;
        self.from.st.next = 0.into();
        if self.gathers.val() {
            self.from.s0.next = 0.into();
        }

        // The next index: entry · s0 is added to the address at (0, i1).
        self.entry.load.next = self.begun.q.val();
        self.entry.step.next = self.accepted.val();
        self.entry.base.next = 0.into();
        self.entry.n0.next = self.op.val().n0;
        self.entry.n1.next = self.op.val().n1;
        self.entry.nt.next = 1.into();
        self.entry.s0.next = 1.into();
        self.entry.s1.next = 0.into();
        self.entry.st.next = 0.into();
        self.index_row.next = self.entry.address.val() >> 3;
        self.spad_read.next = self.index.q.val() == Index::Row;
        self.read_address.next = self.op.val().p_base + self.index_row.val();
        self.pick.enable.next = self.index.q.val() == Index::Word;
        self.pick.row.next = self.read_data.val();
        self.pick.index.next = self.entry.address.val().get_bits::<3>(0);
        self.multiplier.a.next = self.pick.word.val();
        if self.pick.word.val() > bit_cast::<32, 24>(self.op.val().limit) {
            self.multiplier.a.next = bit_cast::<32, 24>(self.op.val().limit);
        }
        self.multiplier.b.next = self.op.val().a_s0;
        match self.index.q.val() {
            Index::Idle => {
                if self.begun.q.val() & self.gathers.val() {
                    self.index.d.next = Index::Row;
                }
            }
            Index::Row => {
                self.index.d.next = Index::Word;
            }
            Index::Word => {
                self.index.d.next = Index::Limit;
            }
            Index::Limit => {
                self.index.d.next = Index::Ask;
            }
            Index::Ask => {
                if self.accepted.val() {
                    self.index.d.next = Index::Row;
                    if self.from.last.val() {
                        self.index.d.next = Index::Idle;
                    }
                }
            }
        }
        self.req_row.next = self.op.val().region_base + self.from.address.val();
        if self.gathers.val() {
            self.req_row.next =
                self.op.val().region_base + self.from.address.val() + self.multiplier.product.val().get_bits::<32>(0);
        }
        self.req_rows.next = self.rows.q.val();
        if self.op.val().space {
            self.req_rows.next = self.rows.q.val() << 2;
        }

        self.row_done.next = self.row_valid.val()
            & self.taking.q.val()
            & (!self.op.val().space | (self.leaf.q.val() == self.last_leaf.val()));
        self.spad_write.next = self.row_valid.val() & self.taking.q.val() & !self.op.val().space;
        self.acc_write.next = self.acc_full.q.val();
        self.to.load.next = self.begun.q.val();
        self.to.step.next = self.spad_write.val() | self.acc_write.val();
        self.to.base.next = self.op.val().d_base;
        self.to.n0.next = self.op.val().n0;
        self.to.n1.next = self.op.val().n1;
        self.to.nt.next = 1.into();
        self.to.s0.next = self.op.val().d_s0;
        self.to.s1.next = self.op.val().d_s1;
        self.to.st.next = 0.into();
        self.collect.enable.next = self.row_valid.val() & self.taking.q.val() & self.op.val().space;
        self.collect.index.next = self.leaf.q.val();
        self.collect.leaf.next = self.row.val();
        self.acc_full.d.next = self.row_done.val() & self.op.val().space;
        if self.row_valid.val() & self.taking.q.val() {
            self.leaf.d.next = self.leaf.q.val() + 1;
        }
        self.write_address.next = self.to.address.val();
        self.spad_data.next = self.row.val();
        self.acc_data.next = self.collect.row32.val();

        if self.begun.q.val() {
            self.asking.d.next = true;
            self.taking.d.next = true;
            self.leaf.d.next = 0.into();
        }
        if self.from.last.val() & self.accepted.val() {
            self.asking.d.next = false;
        }
        self.finished.d.next = false;
        if (self.spad_write.val() | self.acc_write.val()) & self.to.last.val() {
            self.taking.d.next = false;
            self.finished.d.next = true;
        }
        self.done.next = self.finished.q.val();
    }
}
