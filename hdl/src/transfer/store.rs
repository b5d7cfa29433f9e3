//! `STORE`: spad rows, or row32s of acc, into DRAM; `LW` and `SW`: one word of it; and the write digest.

use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::prims::{CrcRow, Fixed, LeafOf, WordInto, WordOf};
use crate::walker::Walker;

#[derive(Copy, Clone, Debug, PartialEq, Eq, LogicState)]
enum State {
    Idle,
    Begin,
    Want,
    Take,
    Ask,
    Read,
    Pick,
    Send,
    Drain,
    Done,
}

/// A word is read with its row; `SW` changes it and writes the row back.
///
/// One burst for a whole inner loop whose stride is 1, else one for each row (row32); its data follow before the next.
#[derive(LogicBlock, Default)]
pub(crate) struct Store {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) clear: Signal<In, Bit>,
    pub(crate) start: Signal<In, Bit>,
    /// `LW`, `SW`.
    pub(crate) loads_word: Signal<In, Bit>,
    pub(crate) stores_word: Signal<In, Bit>,
    /// What `SW` stores, what `LW` has loaded.
    pub(crate) value: Signal<In, Bits<32>>,
    pub(crate) word: Signal<Out, Bits<32>>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) done: Signal<Out, Bit>,
    pub(crate) digest: Signal<Out, Bits<64>>,
    pub(crate) read_valid: Signal<Out, Bit>,
    pub(crate) read_row: Signal<Out, Bits<32>>,
    pub(crate) read_ready: Signal<In, Bit>,
    pub(crate) data_valid: Signal<In, Bit>,
    pub(crate) data: Signal<In, Bits<256>>,
    pub(crate) write_valid: Signal<Out, Bit>,
    pub(crate) write_row: Signal<Out, Bits<32>>,
    pub(crate) write_rows: Signal<Out, Bits<16>>,
    pub(crate) write_ready: Signal<In, Bit>,
    /// The memory has the oldest request whole.
    pub(crate) written: Signal<In, Bit>,
    pub(crate) row_valid: Signal<Out, Bit>,
    pub(crate) row: Signal<Out, Bits<256>>,
    pub(crate) row_ready: Signal<In, Bit>,
    pub(crate) spad_read: Signal<Out, Bit>,
    pub(crate) acc_read: Signal<Out, Bit>,
    pub(crate) read_address: Signal<Out, Bits<20>>,
    pub(crate) spad_data: Signal<In, Bits<256>>,
    pub(crate) acc_data: Signal<In, Bits<1024>>,
    state: DFF<State>,
    burst_left: DFF<Bits<16>>,
    /// Requests that the memory has not written yet.
    unwritten: DFF<Bits<32>>,
    leaf: DFF<Bits<2>>,
    from: Walker<20>,
    to: Walker<32>,
    pick: LeafOf,
    word_of: WordOf,
    change: WordInto,
    crc: CrcRow,
    burst: Signal<Local, Bit>,
    asked: Signal<Local, Bit>,
    accepted: Signal<Local, Bit>,
    place_done: Signal<Local, Bit>,
    read_now: Signal<Local, Bit>,
    dram_row: Signal<Local, Bits<32>>,
    row32_rows: Fixed<32, { isa::ROW32_LEAVES as u64 }>,
    last_leaf: Fixed<2, { isa::ROW32_LEAVES as u64 - 1 }>,
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Store {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, burst_left, unwritten, leaf);
        clock!(self, clock, from, to, pick, word_of, change, crc);
        self.burst.next = self.op.val().a_s0 == 1;
        if self.op.val().space {
            self.burst.next = (self.op.val().a_s0 == self.row32_rows.val()) & (self.op.val().n0 < 16384);
        }
        self.from.load.next = self.state.q.val() == State::Begin;
        self.from.base.next = self.op.val().d_base;
        self.from.n0.next = self.op.val().n0;
        self.from.n1.next = self.op.val().n1;
        self.from.nt.next = 1.into();
        self.from.s0.next = self.op.val().d_s0;
        self.from.s1.next = self.op.val().d_s1;
        self.from.st.next = 0.into();
        self.to.load.next = self.state.q.val() == State::Begin;
        self.to.base.next = self.op.val().a_base;
        self.to.n0.next = self.op.val().n0;
        self.to.n1.next = self.op.val().n1;
        self.to.nt.next = 1.into();
        self.to.s0.next = self.op.val().a_s0;
        self.to.s1.next = self.op.val().a_s1;
        self.to.st.next = 0.into();

        self.read_valid.next = self.state.q.val() == State::Want;
        self.read_row.next = self.op.val().region_base + self.to.address.val();
        self.write_valid.next = self.state.q.val() == State::Ask;
        self.write_row.next = self.op.val().region_base + self.to.address.val();
        self.asked.next = (self.state.q.val() == State::Ask) & self.write_ready.val();
        if self.asked.val() & !self.written.val() {
            self.unwritten.d.next = self.unwritten.q.val() + 1;
        } else if self.written.val() & !self.asked.val() {
            self.unwritten.d.next = self.unwritten.q.val() - 1;
        }
        self.write_rows.next = 1.into();
        if self.burst.val() {
            self.write_rows.next = self.op.val().n0;
        }
        if self.op.val().space {
            self.write_rows.next = self.write_rows.val() << 2;
        }

        // A row leaves when the port takes it; the next spad row is read in that very cycle.
        self.row_valid.next = self.state.q.val() == State::Send;
        self.accepted.next = self.row_valid.val() & self.row_ready.val();
        self.place_done.next =
            self.accepted.val() & (!self.op.val().space | (self.leaf.q.val() == self.last_leaf.val()));
        self.row.next = self.spad_data.val();
        if self.op.val().space {
            self.row.next = self.pick.leaf.val();
        } else if self.stores_word.val() {
            self.row.next = self.change.out.val();
        }
        self.word_of.enable.next = self.data_valid.val() & (self.state.q.val() == State::Take);
        self.word_of.row.next = self.data.val();
        self.word_of.index.next = self.op.val().offset.get_bits::<3>(0);
        self.change.enable.next = self.data_valid.val() & (self.state.q.val() == State::Take);
        self.change.row.next = self.data.val();
        self.change.index.next = self.op.val().offset.get_bits::<3>(0);
        self.change.word.next = self.value.val();
        self.word.next = self.word_of.word.val();
        self.pick.row32.next = self.acc_data.val();
        self.pick.index.next = self.leaf.q.val();
        self.dram_row.next = self.to.address.val() + bit_cast::<32, 2>(self.leaf.q.val());
        self.crc.clear.next = self.clear.val();
        self.crc.enable.next = self.accepted.val();
        self.crc.header.next =
            (bit_cast::<64, 3>(self.op.val().region) << 32) | bit_cast::<64, 32>(self.dram_row.val());
        self.crc.row.next = self.row.val();
        self.digest.next = self.crc.digest.val();
        self.to.step.next = self.place_done.val();

        self.read_now.next = self.state.q.val() == State::Read;
        match self.state.q.val() {
            State::Idle => {
                self.leaf.d.next = 0.into();
                if self.start.val() {
                    self.state.d.next = State::Begin;
                }
            }
            State::Begin => {
                self.state.d.next = State::Ask;
                if self.loads_word.val() | self.stores_word.val() {
                    self.state.d.next = State::Want;
                }
            }
            State::Want => {
                if self.read_ready.val() {
                    self.state.d.next = State::Take;
                }
            }
            State::Take => {
                if self.data_valid.val() {
                    self.state.d.next = State::Ask;
                    if self.loads_word.val() {
                        self.state.d.next = State::Done;
                    }
                }
            }
            State::Ask => {
                self.burst_left.d.next = 1.into();
                if self.burst.val() {
                    self.burst_left.d.next = self.op.val().n0;
                }
                if self.write_ready.val() {
                    self.state.d.next = State::Read;
                    if self.stores_word.val() {
                        self.state.d.next = State::Send;
                    }
                }
            }
            State::Read => {
                self.state.d.next = State::Send;
                if self.op.val().space {
                    self.state.d.next = State::Pick;
                }
            }
            State::Pick => {
                self.state.d.next = State::Send;
            }
            State::Send => {
                if self.accepted.val() {
                    self.leaf.d.next = self.leaf.q.val() + 1;
                    self.state.d.next = State::Pick;
                }
                if self.place_done.val() {
                    self.leaf.d.next = 0.into();
                    self.burst_left.d.next = self.burst_left.q.val() - 1;
                    self.state.d.next = State::Read;
                    if self.to.last.val() {
                        self.state.d.next = State::Drain;
                    } else if self.burst_left.q.val() == 1 {
                        self.state.d.next = State::Ask;
                    } else if !self.op.val().space {
                        self.state.d.next = State::Send;
                        self.read_now.next = true;
                    }
                }
            }
            State::Drain => {
                if self.unwritten.q.val() == 0 {
                    self.state.d.next = State::Done;
                }
            }
            State::Done => {
                self.state.d.next = State::Idle;
            }
        }
        self.from.step.next = self.read_now.val();
        self.spad_read.next = self.read_now.val() & !self.op.val().space;
        self.acc_read.next = self.read_now.val() & self.op.val().space;
        self.read_address.next = self.from.address.val();
        self.done.next = self.state.q.val() == State::Done;
    }
}
