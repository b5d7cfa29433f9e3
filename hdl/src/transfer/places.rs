//! Puts the rows that memory delivers where the instructions that asked for them want them.

use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::prims::{Fifo, Fixed, Row32Of};
use crate::walker::Walker;

/// log₂ of the instructions that may wait for their first row.
const QUEUE_LOG2: usize = 2;

/// Instructions are pushed in the order of their requests. A row for spad is written in the cycle in which it is
/// there; four leaves for acc are collected, and the next is not taken before the row32 is granted.
#[derive(LogicBlock)]
pub(crate) struct Places {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) push: Signal<In, Bit>,
    pub(crate) op: Signal<In, Operation>,
    /// There is room for an instruction.
    pub(crate) ready: Signal<Out, Bit>,
    /// There is none, nor does one retire.
    pub(crate) idle: Signal<Out, Bit>,
    pub(crate) data_valid: Signal<In, Bit>,
    pub(crate) data: Signal<In, Bits<256>>,
    pub(crate) data_ready: Signal<Out, Bit>,
    pub(crate) spad_write: Signal<Out, Bit>,
    pub(crate) acc_write: Signal<Out, Bit>,
    pub(crate) acc_write_grant: Signal<In, Bit>,
    pub(crate) address: Signal<Out, Bits<20>>,
    pub(crate) row32: Signal<Out, Bits<1024>>,
    /// One cycle after the last row of an instruction is written.
    pub(crate) retire: Signal<Out, Bit>,
    queue: Fifo<93>,
    busy: DFF<Bit>,
    acc: DFF<Bit>,
    n0: DFF<Bits<16>>,
    s0: DFF<Bits<20>>,
    s1: DFF<Bits<20>>,
    leaf: DFF<Bits<2>>,
    whole: DFF<Bit>,
    finished: DFF<Bit>,
    to: Walker<20>,
    collect: Row32Of,
    one: Signal<Local, Bits<93>>,
    word: Signal<Local, Bits<93>>,
    next: Signal<Local, Bit>,
    takes: Signal<Local, Bit>,
    accepted: Signal<Local, Bit>,
    placed: Signal<Local, Bit>,
    ends: Signal<Local, Bit>,
    last_leaf: Fixed<2, { isa::ROW32_LEAVES as u64 - 1 }>,
}

impl Default for Places {
    fn default() -> Places {
        Places {
            clock: Signal::default(),
            push: Signal::default(),
            op: Signal::default(),
            ready: Signal::default(),
            idle: Signal::default(),
            data_valid: Signal::default(),
            data: Signal::default(),
            data_ready: Signal::default(),
            spad_write: Signal::default(),
            acc_write: Signal::default(),
            acc_write_grant: Signal::default(),
            address: Signal::default(),
            row32: Signal::default(),
            retire: Signal::default(),
            queue: Fifo::new(QUEUE_LOG2),
            busy: DFF::default(),
            acc: DFF::default(),
            n0: DFF::default(),
            s0: DFF::default(),
            s1: DFF::default(),
            leaf: DFF::default(),
            whole: DFF::default(),
            finished: DFF::default(),
            to: Walker::default(),
            collect: Row32Of::default(),
            one: Signal::default(),
            word: Signal::default(),
            next: Signal::default(),
            takes: Signal::default(),
            accepted: Signal::default(),
            placed: Signal::default(),
            ends: Signal::default(),
            last_leaf: Fixed::default(),
        }
    }
}

impl Logic for Places {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, busy, acc, n0, s0, s1, leaf, whole, finished);
        clock!(self, clock, queue, to, collect);
        self.queue.push.next = self.push.val();
        self.one.next = 1.into();
        self.word.next = (bit_cast::<93, 20>(self.op.val().d_s1) << 72)
            | (bit_cast::<93, 20>(self.op.val().d_s0) << 52)
            | (bit_cast::<93, 20>(self.op.val().d_base) << 32)
            | (bit_cast::<93, 16>(self.op.val().n1) << 16)
            | bit_cast::<93, 16>(self.op.val().n0);
        self.queue.word.next = self.word.val();
        if self.op.val().space {
            self.queue.word.next = self.word.val() | (self.one.val() << 92);
        }
        self.ready.next = self.queue.ready.val();
        self.idle.next = !self.busy.q.val() & !self.queue.valid.val() & !self.finished.q.val();

        // Leaves behind the last row32 may be rows of the next instruction: they wait until it has come.
        self.takes.next =
            self.busy.q.val() & (!self.whole.q.val() | (self.acc_write_grant.val() & !self.to.last.val()));
        self.data_ready.next = self.takes.val();
        self.accepted.next = self.takes.val() & self.data_valid.val();
        self.spad_write.next = self.accepted.val() & !self.acc.q.val();
        self.collect.enable.next = self.accepted.val() & self.acc.q.val();
        self.collect.index.next = self.leaf.q.val();
        self.collect.leaf.next = self.data.val();
        if self.acc_write_grant.val() {
            self.whole.d.next = false;
        }
        if self.accepted.val() & self.acc.q.val() {
            self.leaf.d.next = self.leaf.q.val() + 1;
            if self.leaf.q.val() == self.last_leaf.val() {
                self.whole.d.next = true;
            }
        }
        self.acc_write.next = self.whole.q.val();
        self.row32.next = self.collect.row32.val();
        self.address.next = self.to.address.val();
        self.placed.next =
            (self.accepted.val() & !self.acc.q.val()) | (self.whole.q.val() & self.acc_write_grant.val());
        self.to.step.next = self.placed.val();
        self.ends.next = self.placed.val() & self.to.last.val();
        self.finished.d.next = self.ends.val();
        self.retire.next = self.finished.q.val();

        // The next instruction follows in the cycle after the last row of the one before.
        self.next.next = self.queue.valid.val() & (!self.busy.q.val() | self.ends.val());
        self.queue.pop.next = self.next.val();
        self.to.load.next = self.next.val();
        self.to.base.next = self.queue.head.val().get_bits::<20>(32);
        self.to.n1.next = self.queue.head.val().get_bits::<16>(16);
        self.to.nt.next = 1.into();
        self.to.st.next = 0.into();
        self.to.s0.next = self.s0.q.val();
        self.to.s1.next = self.s1.q.val();
        self.to.n0.next = self.n0.q.val();
        if self.ends.val() {
            self.busy.d.next = false;
        }
        if self.next.val() {
            self.to.n0.next = self.queue.head.val().get_bits::<16>(0);
            self.busy.d.next = true;
            self.n0.d.next = self.queue.head.val().get_bits::<16>(0);
            self.s0.d.next = self.queue.head.val().get_bits::<20>(52);
            self.s1.d.next = self.queue.head.val().get_bits::<20>(72);
            self.acc.d.next = self.queue.head.val().get_bit(92);
        }
    }
}
