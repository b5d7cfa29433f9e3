//! acc: row32s of 32 words of 32 bits.

use rust_hdl::prelude::*;

use super::arbiter::Arbiter;
use crate::params::Params;
use crate::prims::Banks;

/// A read is granted, or not, in its cycle; its data are there in the one cycle after a grant. A read of a row that is written
/// in the same cycle gives the old row.
///
/// The ports stand in the order of their priority in a bank; the first of each direction is never denied.
#[derive(LogicBlock)]
pub(crate) struct Acc {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) clear: Signal<In, Bit>,
    pub(crate) clear_address: Signal<In, Bits<20>>,
    pub(crate) matrix_read: Signal<In, Bit>,
    pub(crate) matrix_address: Signal<In, Bits<20>>,
    pub(crate) matrix_data: Signal<Out, Bits<1024>>,
    pub(crate) depthwise_read: Signal<In, Bit>,
    pub(crate) depthwise_address: Signal<In, Bits<20>>,
    pub(crate) depthwise_grant: Signal<Out, Bit>,
    pub(crate) depthwise_data: Signal<Out, Bits<1024>>,
    pub(crate) vector_read: Signal<In, Bit>,
    pub(crate) vector_address: Signal<In, Bits<20>>,
    pub(crate) vector_grant: Signal<Out, Bit>,
    pub(crate) vector_data: Signal<Out, Bits<1024>>,
    pub(crate) store_read: Signal<In, Bit>,
    pub(crate) store_address: Signal<In, Bits<20>>,
    pub(crate) store_grant: Signal<Out, Bit>,
    pub(crate) store_data: Signal<Out, Bits<1024>>,
    pub(crate) matrix_write: Signal<In, Bit>,
    pub(crate) matrix_write_address: Signal<In, Bits<20>>,
    pub(crate) matrix_write_data: Signal<In, Bits<1024>>,
    pub(crate) depthwise_write: Signal<In, Bit>,
    pub(crate) depthwise_write_address: Signal<In, Bits<20>>,
    pub(crate) depthwise_write_data: Signal<In, Bits<1024>>,
    pub(crate) depthwise_write_grant: Signal<Out, Bit>,
    pub(crate) vector_write: Signal<In, Bit>,
    pub(crate) vector_write_address: Signal<In, Bits<20>>,
    pub(crate) vector_write_data: Signal<In, Bits<1024>>,
    pub(crate) vector_write_grant: Signal<Out, Bit>,
    pub(crate) load_write: Signal<In, Bit>,
    pub(crate) load_write_address: Signal<In, Bits<20>>,
    pub(crate) load_write_data: Signal<In, Bits<1024>>,
    pub(crate) load_write_grant: Signal<Out, Bit>,
    pub(crate) mover_write: Signal<In, Bit>,
    pub(crate) mover_write_address: Signal<In, Bits<20>>,
    pub(crate) mover_write_data: Signal<In, Bits<1024>>,
    pub(crate) mover_write_grant: Signal<Out, Bit>,
    reads: Arbiter,
    writes: Arbiter,
    banks: Banks<1024>,
}

impl Acc {
    pub(crate) fn new(params: &Params) -> Acc {
        let (rows_log2, banks) = (params.acc_log2, params.acc_banks);
        Acc {
            clock: Signal::default(),
            clear: Signal::default(),
            clear_address: Signal::default(),
            matrix_read: Signal::default(),
            matrix_address: Signal::default(),
            matrix_data: Signal::default(),
            depthwise_read: Signal::default(),
            depthwise_address: Signal::default(),
            depthwise_grant: Signal::default(),
            depthwise_data: Signal::default(),
            vector_read: Signal::default(),
            vector_address: Signal::default(),
            vector_grant: Signal::default(),
            vector_data: Signal::default(),
            store_read: Signal::default(),
            store_address: Signal::default(),
            store_grant: Signal::default(),
            store_data: Signal::default(),
            matrix_write: Signal::default(),
            matrix_write_address: Signal::default(),
            matrix_write_data: Signal::default(),
            depthwise_write: Signal::default(),
            depthwise_write_address: Signal::default(),
            depthwise_write_data: Signal::default(),
            depthwise_write_grant: Signal::default(),
            vector_write: Signal::default(),
            vector_write_address: Signal::default(),
            vector_write_data: Signal::default(),
            vector_write_grant: Signal::default(),
            load_write: Signal::default(),
            load_write_address: Signal::default(),
            load_write_data: Signal::default(),
            load_write_grant: Signal::default(),
            mover_write: Signal::default(),
            mover_write_address: Signal::default(),
            mover_write_data: Signal::default(),
            mover_write_grant: Signal::default(),
            reads: Arbiter::new(rows_log2, banks, 4),
            writes: Arbiter::new(rows_log2, banks, 5),
            banks: Banks::new(rows_log2, banks, 4, 5, 0),
        }
    }
}

impl Logic for Acc {
    #[hdl_gen]
    fn update(&mut self) {
        self.banks.clock.next = self.clock.val();
        self.banks.clear.next = self.clear.val();
        self.banks.clear_address.next = self.clear_address.val();

        // Reads, the first has priority.
        self.reads.ask[0].next = self.matrix_read.val();
        self.reads.address[0].next = self.matrix_address.val();
        self.banks.read[0].next = self.reads.grant[0].val();
        self.banks.read_address[0].next = self.matrix_address.val();
        self.matrix_data.next = self.banks.read_data[0].val();
        self.reads.ask[1].next = self.depthwise_read.val();
        self.reads.address[1].next = self.depthwise_address.val();
        self.banks.read[1].next = self.reads.grant[1].val();
        self.banks.read_address[1].next = self.depthwise_address.val();
        self.depthwise_grant.next = self.reads.grant[1].val();
        self.depthwise_data.next = self.banks.read_data[1].val();
        self.reads.ask[2].next = self.vector_read.val();
        self.reads.address[2].next = self.vector_address.val();
        self.banks.read[2].next = self.reads.grant[2].val();
        self.banks.read_address[2].next = self.vector_address.val();
        self.vector_grant.next = self.reads.grant[2].val();
        self.vector_data.next = self.banks.read_data[2].val();
        self.reads.ask[3].next = self.store_read.val();
        self.reads.address[3].next = self.store_address.val();
        self.banks.read[3].next = self.reads.grant[3].val();
        self.banks.read_address[3].next = self.store_address.val();
        self.store_grant.next = self.reads.grant[3].val();
        self.store_data.next = self.banks.read_data[3].val();

        // Writes, the first has priority.
        self.writes.ask[0].next = self.matrix_write.val();
        self.writes.address[0].next = self.matrix_write_address.val();
        self.banks.write[0].next = self.writes.grant[0].val();
        self.banks.write_address[0].next = self.matrix_write_address.val();
        self.banks.write_data[0].next = self.matrix_write_data.val();
        self.writes.ask[1].next = self.depthwise_write.val();
        self.writes.address[1].next = self.depthwise_write_address.val();
        self.banks.write[1].next = self.writes.grant[1].val();
        self.banks.write_address[1].next = self.depthwise_write_address.val();
        self.banks.write_data[1].next = self.depthwise_write_data.val();
        self.depthwise_write_grant.next = self.writes.grant[1].val();
        self.writes.ask[2].next = self.vector_write.val();
        self.writes.address[2].next = self.vector_write_address.val();
        self.banks.write[2].next = self.writes.grant[2].val();
        self.banks.write_address[2].next = self.vector_write_address.val();
        self.banks.write_data[2].next = self.vector_write_data.val();
        self.vector_write_grant.next = self.writes.grant[2].val();
        self.writes.ask[3].next = self.load_write.val();
        self.writes.address[3].next = self.load_write_address.val();
        self.banks.write[3].next = self.writes.grant[3].val();
        self.banks.write_address[3].next = self.load_write_address.val();
        self.banks.write_data[3].next = self.load_write_data.val();
        self.load_write_grant.next = self.writes.grant[3].val();
        self.writes.ask[4].next = self.mover_write.val();
        self.writes.address[4].next = self.mover_write_address.val();
        self.banks.write[4].next = self.writes.grant[4].val();
        self.banks.write_address[4].next = self.mover_write_address.val();
        self.banks.write_data[4].next = self.mover_write_data.val();
        self.mover_write_grant.next = self.writes.grant[4].val();
    }
}
