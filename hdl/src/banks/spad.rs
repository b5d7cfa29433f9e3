//! spad: rows of 32 bytes.

use rust_hdl::prelude::*;

use super::arbiter::Arbiter;
use crate::params::Params;
use crate::prims::Banks;

/// A read is granted, or not, in its cycle; its data are there in the one cycle after a grant. A write has a mask of a bit a
/// byte. A read of a row that is written in the same cycle gives the old row.
///
/// The ports stand in the order of their priority in a bank; the first of the writes is never denied.
#[derive(LogicBlock)]
pub(crate) struct Spad {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) clear: Signal<In, Bit>,
    pub(crate) clear_address: Signal<In, Bits<20>>,
    pub(crate) weights_read: Signal<In, Bit>,
    pub(crate) weights_address: Signal<In, Bits<20>>,
    pub(crate) weights_grant: Signal<Out, Bit>,
    pub(crate) weights_data: Signal<Out, Bits<256>>,
    pub(crate) activations_read: Signal<In, Bit>,
    pub(crate) activations_address: Signal<In, Bits<20>>,
    pub(crate) activations_grant: Signal<Out, Bit>,
    pub(crate) activations_data: Signal<Out, Bits<256>>,
    pub(crate) depthwise_read: Signal<In, Bit>,
    pub(crate) depthwise_address: Signal<In, Bits<20>>,
    pub(crate) depthwise_grant: Signal<Out, Bit>,
    pub(crate) depthwise_data: Signal<Out, Bits<256>>,
    pub(crate) vector_read: Signal<In, Bit>,
    pub(crate) vector_address: Signal<In, Bits<20>>,
    pub(crate) vector_grant: Signal<Out, Bit>,
    pub(crate) vector_data: Signal<Out, Bits<256>>,
    pub(crate) mover_read: Signal<In, Bit>,
    pub(crate) mover_address: Signal<In, Bits<20>>,
    pub(crate) mover_grant: Signal<Out, Bit>,
    pub(crate) mover_data: Signal<Out, Bits<256>>,
    pub(crate) store_read: Signal<In, Bit>,
    pub(crate) store_address: Signal<In, Bits<20>>,
    pub(crate) store_grant: Signal<Out, Bit>,
    pub(crate) store_data: Signal<Out, Bits<256>>,
    pub(crate) load_read: Signal<In, Bit>,
    pub(crate) load_address: Signal<In, Bits<20>>,
    pub(crate) load_grant: Signal<Out, Bit>,
    pub(crate) load_data: Signal<Out, Bits<256>>,
    pub(crate) load_write: Signal<In, Bit>,
    pub(crate) load_write_address: Signal<In, Bits<20>>,
    pub(crate) load_write_data: Signal<In, Bits<256>>,
    pub(crate) load_write_mask: Signal<In, Bits<32>>,
    pub(crate) vector_write: Signal<In, Bit>,
    pub(crate) vector_write_address: Signal<In, Bits<20>>,
    pub(crate) vector_write_data: Signal<In, Bits<256>>,
    pub(crate) vector_write_mask: Signal<In, Bits<32>>,
    pub(crate) vector_write_grant: Signal<Out, Bit>,
    pub(crate) mover_write: Signal<In, Bit>,
    pub(crate) mover_write_address: Signal<In, Bits<20>>,
    pub(crate) mover_write_data: Signal<In, Bits<256>>,
    pub(crate) mover_write_mask: Signal<In, Bits<32>>,
    pub(crate) mover_write_grant: Signal<Out, Bit>,
    reads: Arbiter,
    writes: Arbiter,
    banks: Banks<256>,
}

impl Spad {
    pub(crate) fn new(params: &Params) -> Spad {
        let (rows_log2, banks) = (params.spad_log2, params.spad_banks);
        Spad {
            clock: Signal::default(),
            clear: Signal::default(),
            clear_address: Signal::default(),
            weights_read: Signal::default(),
            weights_address: Signal::default(),
            weights_grant: Signal::default(),
            weights_data: Signal::default(),
            activations_read: Signal::default(),
            activations_address: Signal::default(),
            activations_grant: Signal::default(),
            activations_data: Signal::default(),
            depthwise_read: Signal::default(),
            depthwise_address: Signal::default(),
            depthwise_grant: Signal::default(),
            depthwise_data: Signal::default(),
            vector_read: Signal::default(),
            vector_address: Signal::default(),
            vector_grant: Signal::default(),
            vector_data: Signal::default(),
            mover_read: Signal::default(),
            mover_address: Signal::default(),
            mover_grant: Signal::default(),
            mover_data: Signal::default(),
            store_read: Signal::default(),
            store_address: Signal::default(),
            store_grant: Signal::default(),
            store_data: Signal::default(),
            load_read: Signal::default(),
            load_address: Signal::default(),
            load_grant: Signal::default(),
            load_data: Signal::default(),
            load_write: Signal::default(),
            load_write_address: Signal::default(),
            load_write_data: Signal::default(),
            load_write_mask: Signal::default(),
            vector_write: Signal::default(),
            vector_write_address: Signal::default(),
            vector_write_data: Signal::default(),
            vector_write_mask: Signal::default(),
            vector_write_grant: Signal::default(),
            mover_write: Signal::default(),
            mover_write_address: Signal::default(),
            mover_write_data: Signal::default(),
            mover_write_mask: Signal::default(),
            mover_write_grant: Signal::default(),
            reads: Arbiter::new(rows_log2, banks, 7),
            writes: Arbiter::new(rows_log2, banks, 3),
            banks: Banks::new(rows_log2, banks, 7, 3, 3),
        }
    }
}

impl Logic for Spad {
    #[hdl_gen]
    fn update(&mut self) {
        self.banks.clock.next = self.clock.val();
        self.banks.clear.next = self.clear.val();
        self.banks.clear_address.next = self.clear_address.val();

        // Reads, the first has priority.
        self.reads.ask[0].next = self.weights_read.val();
        self.reads.address[0].next = self.weights_address.val();
        self.banks.read[0].next = self.reads.grant[0].val();
        self.banks.read_address[0].next = self.weights_address.val();
        self.weights_grant.next = self.reads.grant[0].val();
        self.weights_data.next = self.banks.read_data[0].val();
        self.reads.ask[1].next = self.activations_read.val();
        self.reads.address[1].next = self.activations_address.val();
        self.banks.read[1].next = self.reads.grant[1].val();
        self.banks.read_address[1].next = self.activations_address.val();
        self.activations_grant.next = self.reads.grant[1].val();
        self.activations_data.next = self.banks.read_data[1].val();
        self.reads.ask[2].next = self.depthwise_read.val();
        self.reads.address[2].next = self.depthwise_address.val();
        self.banks.read[2].next = self.reads.grant[2].val();
        self.banks.read_address[2].next = self.depthwise_address.val();
        self.depthwise_grant.next = self.reads.grant[2].val();
        self.depthwise_data.next = self.banks.read_data[2].val();
        self.reads.ask[3].next = self.vector_read.val();
        self.reads.address[3].next = self.vector_address.val();
        self.banks.read[3].next = self.reads.grant[3].val();
        self.banks.read_address[3].next = self.vector_address.val();
        self.vector_grant.next = self.reads.grant[3].val();
        self.vector_data.next = self.banks.read_data[3].val();
        self.reads.ask[4].next = self.mover_read.val();
        self.reads.address[4].next = self.mover_address.val();
        self.banks.read[4].next = self.reads.grant[4].val();
        self.banks.read_address[4].next = self.mover_address.val();
        self.mover_grant.next = self.reads.grant[4].val();
        self.mover_data.next = self.banks.read_data[4].val();
        self.reads.ask[5].next = self.store_read.val();
        self.reads.address[5].next = self.store_address.val();
        self.banks.read[5].next = self.reads.grant[5].val();
        self.banks.read_address[5].next = self.store_address.val();
        self.store_grant.next = self.reads.grant[5].val();
        self.store_data.next = self.banks.read_data[5].val();
        self.reads.ask[6].next = self.load_read.val();
        self.reads.address[6].next = self.load_address.val();
        self.banks.read[6].next = self.reads.grant[6].val();
        self.banks.read_address[6].next = self.load_address.val();
        self.load_grant.next = self.reads.grant[6].val();
        self.load_data.next = self.banks.read_data[6].val();

        // Writes, the first has priority.
        self.writes.ask[0].next = self.load_write.val();
        self.writes.address[0].next = self.load_write_address.val();
        self.banks.write[0].next = self.writes.grant[0].val();
        self.banks.write_address[0].next = self.load_write_address.val();
        self.banks.write_data[0].next = self.load_write_data.val();
        self.banks.write_mask[0].next = self.load_write_mask.val();
        self.writes.ask[1].next = self.vector_write.val();
        self.writes.address[1].next = self.vector_write_address.val();
        self.banks.write[1].next = self.writes.grant[1].val();
        self.banks.write_address[1].next = self.vector_write_address.val();
        self.banks.write_data[1].next = self.vector_write_data.val();
        self.banks.write_mask[1].next = self.vector_write_mask.val();
        self.vector_write_grant.next = self.writes.grant[1].val();
        self.writes.ask[2].next = self.mover_write.val();
        self.writes.address[2].next = self.mover_write_address.val();
        self.banks.write[2].next = self.writes.grant[2].val();
        self.banks.write_address[2].next = self.mover_write_address.val();
        self.banks.write_data[2].next = self.mover_write_data.val();
        self.banks.write_mask[2].next = self.mover_write_mask.val();
        self.mover_write_grant.next = self.writes.grant[2].val();
    }
}
