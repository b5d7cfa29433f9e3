//! `STORE`: spad rows, or row32s of acc, into DRAM; `LW` and `SW`: one word of it; `MARK`; and the write digest.
//!
//! Rows are read ahead into a queue before the write port, requests are made ahead of their rows, and several may wait
//! for `written`.

use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::prims::{CrcRow, Fifo, Kind, WordInto, WordOf};
use crate::transfer::bursts::Bursts;
use crate::transfer::rows::Rows;

/// log₂ of the requests that may be unwritten.
const UNWRITTEN_LOG2: usize = 4;

/// What happens to the row of a word.
#[derive(Copy, Clone, Debug, PartialEq, Eq, LogicState)]
enum Word {
    Idle,
    Ask,
    Wait,
    Done,
}

/// The unit interface, a requester of the read port, the requests of the write channel and the rows of the write
/// port, and two read ports of the banks.
///
/// Writes happen in the order of the program. `LW` and `SW` wait until all before them are written, `MARK` until all
/// rows before it have gone to the port, and then until `mark_ready`.
#[derive(LogicBlock)]
pub(crate) struct Store {
    pub(crate) clock: Signal<In, Clock>,
    /// Clears the digest.
    pub(crate) clear: Signal<In, Bit>,
    pub(crate) ready: Signal<In, Bit>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) take: Signal<Out, Bit>,
    pub(crate) retire: Signal<Out, Bit>,
    pub(crate) state: Signal<Out, Bits<3>>,
    /// What `LW` has loaded.
    pub(crate) word: Signal<Out, Bits<32>>,
    pub(crate) digest: Signal<Out, Bits<64>>,
    pub(crate) mark_valid: Signal<Out, Bit>,
    pub(crate) mark_id: Signal<Out, Bits<32>>,
    pub(crate) mark_steps: Signal<Out, Bits<64>>,
    pub(crate) mark_ready: Signal<In, Bit>,
    pub(crate) word_valid: Signal<Out, Bit>,
    pub(crate) word_row: Signal<Out, Bits<32>>,
    pub(crate) word_ready: Signal<In, Bit>,
    pub(crate) data_valid: Signal<In, Bit>,
    pub(crate) data: Signal<In, Bits<256>>,
    pub(crate) write_valid: Signal<Out, Bit>,
    pub(crate) write_row: Signal<Out, Bits<32>>,
    pub(crate) write_rows: Signal<Out, Bits<16>>,
    pub(crate) write_ready: Signal<In, Bit>,
    /// Memory has the oldest request whole.
    pub(crate) written: Signal<In, Bit>,
    pub(crate) row_valid: Signal<Out, Bit>,
    pub(crate) row: Signal<Out, Bits<256>>,
    pub(crate) row_ready: Signal<In, Bit>,
    pub(crate) spad_read: Signal<Out, Bit>,
    pub(crate) spad_address: Signal<Out, Bits<20>>,
    pub(crate) spad_grant: Signal<In, Bit>,
    pub(crate) spad_data: Signal<In, Bits<256>>,
    pub(crate) acc_read: Signal<Out, Bit>,
    pub(crate) acc_address: Signal<Out, Bits<20>>,
    pub(crate) acc_grant: Signal<In, Bit>,
    pub(crate) acc_data: Signal<In, Bits<1024>>,
    asking: DFF<Bit>,
    /// Rows of accepted requests that have not gone.
    owed: DFF<Bits<10>>,
    /// Requests that are written and still in `unwritten`.
    writes_done: DFF<Bits<5>>,
    phase: DFF<Word>,
    changes: DFF<Bit>,
    index: DFF<Bits<3>>,
    value: DFF<Bits<32>>,
    bursts: Bursts,
    rows: Rows,
    /// Requests and instructions without one, in order: bit 0 waits for `written`, bit 1 is the last of its instruction.
    unwritten: Fifo<2>,
    word_of: WordOf,
    word_into: WordInto,
    crc: CrcRow,
    stores: Signal<Local, Bit>,
    words: Signal<Local, Bit>,
    marks: Signal<Local, Bit>,
    free: Signal<Local, Bit>,
    could: Signal<Local, Bit>,
    taken: Signal<Local, Bit>,
    asks: Signal<Local, Bit>,
    asked: Signal<Local, Bit>,
    due: Signal<Local, Bit>,
    sent: Signal<Local, Bit>,
    owed_more: Signal<Local, Bits<10>>,
    asked_rows: Signal<Local, Bits<10>>,
    loaded: Signal<Local, Bit>,
    counts: Signal<Local, Bit>,
    ended: Signal<Local, Bit>,
}

impl Default for Store {
    fn default() -> Store {
        Store {
            clock: Signal::default(),
            clear: Signal::default(),
            ready: Signal::default(),
            op: Signal::default(),
            take: Signal::default(),
            retire: Signal::default(),
            state: Signal::default(),
            word: Signal::default(),
            digest: Signal::default(),
            mark_valid: Signal::default(),
            mark_id: Signal::default(),
            mark_steps: Signal::default(),
            mark_ready: Signal::default(),
            word_valid: Signal::default(),
            word_row: Signal::default(),
            word_ready: Signal::default(),
            data_valid: Signal::default(),
            data: Signal::default(),
            write_valid: Signal::default(),
            write_row: Signal::default(),
            write_rows: Signal::default(),
            write_ready: Signal::default(),
            written: Signal::default(),
            row_valid: Signal::default(),
            row: Signal::default(),
            row_ready: Signal::default(),
            spad_read: Signal::default(),
            spad_address: Signal::default(),
            spad_grant: Signal::default(),
            spad_data: Signal::default(),
            acc_read: Signal::default(),
            acc_address: Signal::default(),
            acc_grant: Signal::default(),
            acc_data: Signal::default(),
            asking: DFF::default(),
            owed: DFF::default(),
            writes_done: DFF::default(),
            phase: DFF::default(),
            changes: DFF::default(),
            index: DFF::default(),
            value: DFF::default(),
            bursts: Bursts::default(),
            rows: Rows::default(),
            unwritten: Fifo::new(UNWRITTEN_LOG2),
            word_of: WordOf::default(),
            word_into: WordInto::default(),
            crc: CrcRow::default(),
            stores: Signal::default(),
            words: Signal::default(),
            marks: Signal::default(),
            free: Signal::default(),
            could: Signal::default(),
            taken: Signal::default(),
            asks: Signal::default(),
            asked: Signal::default(),
            due: Signal::default(),
            sent: Signal::default(),
            owed_more: Signal::default(),
            asked_rows: Signal::default(),
            loaded: Signal::default(),
            counts: Signal::default(),
            ended: Signal::default(),
        }
    }
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Store {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, asking, owed, writes_done, phase, changes, index, value);
        clock!(self, clock, bursts, rows, unwritten, word_of, word_into, crc);

        // An instruction is taken when the one before has made its requests and read its rows.
        self.stores.next = self.op.val().kind == Kind::Store;
        self.words.next = (self.op.val().kind == Kind::Lw) | (self.op.val().kind == Kind::Sw);
        self.marks.next = self.op.val().kind == Kind::Mark;
        self.free.next = !self.asking.q.val() & !self.rows.busy.val() & (self.phase.q.val() == Word::Idle);
        self.could.next = self.ready.val()
            & self.free.val()
            & self.unwritten.ready.val()
            & (!self.words.val() | !self.unwritten.valid.val())
            & (!self.marks.val() | !self.rows.valid.val());
        self.taken.next = self.could.val() & (!self.marks.val() | self.mark_ready.val());
        self.take.next = self.taken.val();
        self.mark_valid.next = self.could.val() & self.marks.val();
        self.mark_id.next = self.op.val().imm;
        self.mark_steps.next =
            (bit_cast::<64, 32>(self.op.val().b_base) << 32) | bit_cast::<64, 32>(self.op.val().a_base);

        // Requests to write.
        self.bursts.load.next = self.taken.val();
        self.bursts.base.next = self.op.val().region_base + self.op.val().a_base;
        self.bursts.n0.next = self.op.val().n0;
        self.bursts.n1.next = self.op.val().n1;
        self.bursts.s0.next = self.op.val().a_s0;
        self.bursts.s1.next = self.op.val().a_s1;
        self.bursts.wide.next = self.op.val().space & self.stores.val();
        self.asks.next = self.asking.q.val() & self.unwritten.ready.val();
        self.asked.next = self.asks.val() & self.write_ready.val();
        self.write_valid.next = self.asks.val();
        self.write_row.next = self.bursts.row.val();
        self.write_rows.next = self.bursts.rows.val();
        self.bursts.step.next = self.asked.val();
        if self.taken.val() & (self.stores.val() | (self.op.val().kind == Kind::Sw)) {
            self.asking.d.next = true;
        } else if self.asked.val() & self.bursts.last.val() {
            self.asking.d.next = false;
        }

        // Rows go when their request is accepted.
        self.rows.load.next = self.taken.val() & (self.stores.val() | self.words.val());
        self.rows.op.next = self.op.val();
        self.rows.reads.next = self.stores.val();
        self.spad_read.next = self.rows.spad_read.val();
        self.spad_address.next = self.rows.address.val();
        self.rows.spad_grant.next = self.spad_grant.val();
        self.rows.spad_data.next = self.spad_data.val();
        self.acc_read.next = self.rows.acc_read.val();
        self.acc_address.next = self.rows.address.val();
        self.rows.acc_grant.next = self.acc_grant.val();
        self.rows.acc_data.next = self.acc_data.val();
        self.due.next = self.rows.valid.val() & self.owed.q.val().any();
        self.sent.next = self.due.val() & self.row_ready.val();
        self.row_valid.next = self.due.val();
        self.row.next = self.rows.row.val();
        self.rows.pop.next = self.sent.val();
        self.asked_rows.next = self.bursts.rows.val().get_bits::<10>(0);
        self.owed_more.next = self.owed.q.val();
        if self.asked.val() {
            self.owed_more.next = self.owed.q.val() + self.asked_rows.val();
        }
        self.owed.d.next = self.owed_more.val();
        if self.sent.val() {
            self.owed.d.next = self.owed_more.val() - 1;
        }
        self.crc.clear.next = self.clear.val();
        self.crc.enable.next = self.sent.val();
        self.crc.header.next = self.rows.header.val();
        self.crc.row.next = self.rows.row.val();
        self.digest.next = self.crc.digest.val();

        // Words: the row is read, and `SW` puts it among the rows with its word changed.
        if self.taken.val() & self.words.val() {
            self.phase.d.next = Word::Ask;
            self.changes.d.next = self.op.val().kind == Kind::Sw;
            self.index.d.next = self.op.val().offset.get_bits::<3>(0);
            self.value.d.next = self.op.val().value;
        }
        self.word_valid.next = self.phase.q.val() == Word::Ask;
        self.word_row.next = self.bursts.row.val();
        if (self.phase.q.val() == Word::Ask) & self.word_ready.val() {
            self.phase.d.next = Word::Wait;
        }
        self.loaded.next = (self.phase.q.val() == Word::Wait) & self.data_valid.val();
        if self.loaded.val() {
            self.phase.d.next = Word::Done;
        } else if self.phase.q.val() == Word::Done {
            self.phase.d.next = Word::Idle;
        }
        self.word_of.enable.next = self.loaded.val();
        self.word_of.row.next = self.data.val();
        self.word_of.index.next = self.index.q.val();
        self.word.next = self.word_of.word.val();
        self.word_into.enable.next = self.loaded.val() & self.changes.q.val();
        self.word_into.row.next = self.data.val();
        self.word_into.index.next = self.index.q.val();
        self.word_into.word.next = self.value.q.val();
        self.rows.change.next = (self.phase.q.val() == Word::Done) & self.changes.q.val();
        self.rows.changed.next = self.word_into.out.val();
        self.rows.drop.next = (self.phase.q.val() == Word::Done) & !self.changes.q.val();

        // What is not written yet, in order.
        self.unwritten.push.next = false;
        self.unwritten.word.next = 2.into();
        if self.asked.val() {
            self.unwritten.push.next = true;
            self.unwritten.word.next = 1.into();
            if self.bursts.last.val() {
                self.unwritten.word.next = 3.into();
            }
        } else if (self.taken.val() & self.marks.val()) | ((self.phase.q.val() == Word::Done) & !self.changes.q.val()) {
            self.unwritten.push.next = true;
        }
        self.counts.next =
            self.unwritten.valid.val() & self.unwritten.head.val().get_bit(0) & self.writes_done.q.val().any();
        self.ended.next = self.counts.val() | (self.unwritten.valid.val() & !self.unwritten.head.val().get_bit(0));
        if self.written.val() & !self.counts.val() {
            self.writes_done.d.next = self.writes_done.q.val() + 1;
        } else if self.counts.val() & !self.written.val() {
            self.writes_done.d.next = self.writes_done.q.val() - 1;
        }
        self.unwritten.pop.next = self.ended.val();
        self.retire.next = self.ended.val() & self.unwritten.head.val().get_bit(1);

        // Work: a row goes; bank: a row that is to be read is denied; else memory is awaited.
        self.state.next = 4.into();
        if self.free.val() & !self.unwritten.valid.val() {
            self.state.next = 0.into();
        } else if self.sent.val() {
            self.state.next = 1.into();
        } else if (self.rows.spad_read.val() & !self.spad_grant.val())
            | (self.rows.acc_read.val() & !self.acc_grant.val())
        {
            self.state.next = 3.into();
        }
    }
}
