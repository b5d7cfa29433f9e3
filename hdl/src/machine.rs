//! The machine: control, units, memories, port; and who drives a memory when.
//!
//! Instructions run one after another, so at most one unit asks for a memory or the port in a cycle: the mux of the port
//! has no arbitration, and grants of the banks are not looked at. *Architecture invariant:* units know nothing of each other.

use isa::ISA_HASH;
use num_bigint::BigUint;
use rust_hdl::prelude::*;

use crate::banks::{Acc, Clear, Spad};
use crate::control::{Control, Phase};
use crate::counters::Counters;
use crate::fetch::Fetch;
use crate::lanes::Lanes;
use crate::matrix::Matrix;
use crate::mover::Mover;
use crate::params::Params;
use crate::prims::Kind;
use crate::profile::Sizes;
use crate::transfer::load::Load;
use crate::transfer::read_port::ReadPort;
use crate::transfer::store::Store;
use crate::transfer::write_port::WritePort;

/// The accelerator; `BEAT` is the width of the memory port in bits. The ports are described in the crate's root.
#[derive(LogicBlock)]
pub(crate) struct Machine<const BEAT: usize> {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) start: Signal<In, Bit>,
    pub(crate) profile: Signal<In, Bits<256>>,
    pub(crate) base_text: Signal<In, Bits<32>>,
    pub(crate) base_const: Signal<In, Bits<32>>,
    pub(crate) base_input: Signal<In, Bits<32>>,
    pub(crate) base_work: Signal<In, Bits<32>>,
    pub(crate) base_output: Signal<In, Bits<32>>,
    pub(crate) isa_hash: Signal<Out, Bits<256>>,
    pub(crate) busy: Signal<Out, Bit>,
    pub(crate) done: Signal<Out, Bit>,
    pub(crate) status: Signal<Out, Bits<8>>,
    pub(crate) steps: Signal<Out, Bits<64>>,
    pub(crate) digest: Signal<Out, Bits<64>>,
    pub(crate) mark_valid: Signal<Out, Bit>,
    pub(crate) mark_id: Signal<Out, Bits<32>>,
    pub(crate) cycles: Signal<Out, Bits<64>>,
    pub(crate) cycles_clear: Signal<Out, Bits<64>>,
    pub(crate) cycles_issue: Signal<Out, Bits<64>>,
    pub(crate) cycles_load: Signal<Out, Bits<64>>,
    pub(crate) cycles_store: Signal<Out, Bits<64>>,
    pub(crate) cycles_move: Signal<Out, Bits<64>>,
    pub(crate) cycles_matmul: Signal<Out, Bits<64>>,
    pub(crate) cycles_vector: Signal<Out, Bits<64>>,
    pub(crate) macs: Signal<Out, Bits<64>>,
    pub(crate) read_valid: Signal<Out, Bit>,
    pub(crate) read_row: Signal<Out, Bits<32>>,
    pub(crate) read_rows: Signal<Out, Bits<16>>,
    pub(crate) read_ready: Signal<In, Bit>,
    pub(crate) rdata_valid: Signal<In, Bit>,
    pub(crate) rdata: Signal<In, Bits<BEAT>>,
    pub(crate) rdata_ready: Signal<Out, Bit>,
    pub(crate) write_valid: Signal<Out, Bit>,
    pub(crate) write_row: Signal<Out, Bits<32>>,
    pub(crate) write_rows: Signal<Out, Bits<16>>,
    pub(crate) write_ready: Signal<In, Bit>,
    pub(crate) wdata_valid: Signal<Out, Bit>,
    pub(crate) wdata: Signal<Out, Bits<BEAT>>,
    pub(crate) wdata_ready: Signal<In, Bit>,
    pub(crate) written: Signal<In, Bit>,
    head: Sizes,
    control: Control,
    counters: Counters,
    reads: ReadPort<BEAT>,
    writes: WritePort<BEAT>,
    fetch: Fetch,
    load: Load,
    load_offered: DFF<Bit>,
    store_offered: DFF<Bit>,
    store: Store,
    mover: Mover,
    matrix: Matrix,
    lanes: Lanes,
    offers_lanes: DFF<Bit>,
    clear: Clear,
    spad: Spad,
    acc: Acc,
    every_byte: Constant<Bits<32>>,
    hash: Constant<Bits<256>>,
    launch: Signal<Local, Bit>,
}

impl<const BEAT: usize> Machine<BEAT> {
    /// The machine of these parameters, whose port must have `BEAT` bits.
    pub(crate) fn new(params: &Params) -> Self {
        assert_eq!(params.port_bytes * 8, BEAT, "the caller chooses the width by the parameters");
        Self {
            clock: Signal::default(),
            start: Signal::default(),
            profile: Signal::default(),
            base_text: Signal::default(),
            base_const: Signal::default(),
            base_input: Signal::default(),
            base_work: Signal::default(),
            base_output: Signal::default(),
            isa_hash: Signal::default(),
            busy: Signal::default(),
            done: Signal::default(),
            status: Signal::default(),
            steps: Signal::default(),
            digest: Signal::default(),
            mark_valid: Signal::default(),
            mark_id: Signal::default(),
            cycles: Signal::default(),
            cycles_clear: Signal::default(),
            cycles_issue: Signal::default(),
            cycles_load: Signal::default(),
            cycles_store: Signal::default(),
            cycles_move: Signal::default(),
            cycles_matmul: Signal::default(),
            cycles_vector: Signal::default(),
            macs: Signal::default(),
            read_valid: Signal::default(),
            read_row: Signal::default(),
            read_rows: Signal::default(),
            read_ready: Signal::default(),
            rdata_valid: Signal::default(),
            rdata: Signal::default(),
            rdata_ready: Signal::default(),
            write_valid: Signal::default(),
            write_row: Signal::default(),
            write_rows: Signal::default(),
            write_ready: Signal::default(),
            wdata_valid: Signal::default(),
            wdata: Signal::default(),
            wdata_ready: Signal::default(),
            written: Signal::default(),
            head: Sizes::default(),
            control: Control::default(),
            counters: Counters::default(),
            reads: ReadPort::default(),
            writes: WritePort::default(),
            fetch: Fetch::default(),
            load: Load::default(),
            load_offered: DFF::default(),
            store_offered: DFF::default(),
            store: Store::default(),
            mover: Mover::default(),
            matrix: Matrix::new(params),
            lanes: Lanes::new(params),
            offers_lanes: DFF::default(),
            clear: Clear::new(params),
            spad: Spad::new(params),
            acc: Acc::new(params),
            every_byte: Constant::new(Bits::mask()),
            hash: Constant::new(BigUint::from_bytes_be(&ISA_HASH).into()),
            launch: Signal::default(),
        }
    }
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl<const BEAT: usize> Logic for Machine<BEAT> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, load_offered, store_offered);
        clock!(self, clock, head, control, counters, reads, writes, fetch, load, store);
        clock!(self, clock, mover, matrix, lanes, clear, spad, acc);
        dff_setup!(self, clock, offers_lanes);
        self.isa_hash.next = self.hash.val();
        self.head.profile.next = self.profile.val();
        self.control.start.next = self.start.val();
        self.control.limit.next = self.head.limit.val();
        self.control.sizes.next = self.head.sizes.val();
        self.control.base_const.next = self.base_const.val();
        self.control.base_input.next = self.base_input.val();
        self.control.base_work.next = self.base_work.val();
        self.control.base_output.next = self.base_output.val();
        self.control.fetched.next = self.fetch.valid.val();
        self.control.word.next = self.fetch.word.val();
        self.control.unit_done.next = self.load.retire.val()
            | self.store.retire.val()
            | self.mover.done.val()
            | self.matrix.done.val()
            | self.lanes.retire.val();
        self.busy.next = self.control.phase.val() != Phase::Idle;
        self.done.next = (self.control.phase.val() == Phase::Idle) & self.control.status.val().any();
        self.status.next = self.control.status.val();
        self.steps.next = self.control.steps.val();
        self.digest.next = self.store.digest.val();
        self.mark_valid.next = self.control.mark_valid.val();
        self.mark_id.next = self.control.mark_id.val();

        // Units.
        self.launch.next = self.control.launch.val();
        self.load.ready.next = self.load_offered.q.val();
        if self.load.take.val() {
            self.load_offered.d.next = false;
        } else if self.launch.val()
            & ((self.control.kind.val() == Kind::Load) | (self.control.kind.val() == Kind::Gather))
        {
            self.load_offered.d.next = true;
        }
        self.store.ready.next = self.store_offered.q.val();
        if self.store.take.val() {
            self.store_offered.d.next = false;
        } else if self.launch.val()
            & ((self.control.kind.val() == Kind::Store)
                | (self.control.kind.val() == Kind::Lw)
                | (self.control.kind.val() == Kind::Sw))
        {
            self.store_offered.d.next = true;
        }
        self.mover.start_move.next = self.launch.val() & (self.control.kind.val() == Kind::Move);
        self.mover.start_fill.next = self.launch.val() & (self.control.kind.val() == Kind::Fill);
        self.matrix.depthwise.next = self.control.kind.val() == Kind::Dwmac;
        self.matrix.start.next =
            self.launch.val() & ((self.control.kind.val() == Kind::Matmul) | (self.control.kind.val() == Kind::Dwmac));
        self.lanes.ready.next = self.offers_lanes.q.val();
        if self.lanes.take.val() {
            self.offers_lanes.d.next = false;
        }
        if self.launch.val() & (self.control.vector.val() | (self.control.kind.val() == Kind::Maxq)) {
            self.offers_lanes.d.next = true;
        }
        self.control.found.next = self.lanes.found.val();
        self.control.result.next = self.lanes.index.val();
        if self.control.kind.val() == Kind::Lw {
            self.control.found.next = true;
            self.control.result.next = self.store.word.val();
        }
        self.control.best.next = self.lanes.best.val();
        self.load.op.next = self.control.operation.val();
        self.store.op.next = self.control.operation.val();
        self.mover.op.next = self.control.operation.val();
        self.matrix.op.next = self.control.operation.val();
        self.lanes.op.next = self.control.operation.val();
        self.fetch.clear.next = self.start.val();
        self.store.clear.next = self.control.phase.val() == Phase::Settle;
        self.fetch.go.next = self.control.fetch.val();
        self.fetch.pc.next = self.control.pc.val();
        self.fetch.text_log2.next = self.head.sizes.val().text;
        self.fetch.base_text.next = self.base_text.val();

        // The memory port: reads.
        self.reads.fetch_valid.next = self.fetch.req_valid.val();
        self.reads.fetch_row.next = self.fetch.req_row.val();
        self.reads.fetch_rows.next = self.fetch.req_rows.val();
        self.fetch.req_ready.next = self.reads.fetch_ready.val();
        self.fetch.row_valid.next = self.reads.fetch_data_valid.val();
        self.fetch.row.next = self.reads.data.val();
        self.reads.fetch_data_ready.next = true;
        self.reads.word_valid.next = self.store.word_valid.val();
        self.reads.word_row.next = self.store.word_row.val();
        self.store.word_ready.next = self.reads.word_ready.val();
        self.store.data_valid.next = self.reads.word_data_valid.val();
        self.store.data.next = self.reads.data.val();
        self.reads.load_valid.next = self.load.load_valid.val();
        self.reads.load_row.next = self.load.load_row.val();
        self.reads.load_rows.next = self.load.load_rows.val();
        self.load.load_ready.next = self.reads.load_ready.val();
        self.load.data_valid.next = self.reads.load_data_valid.val();
        self.load.data.next = self.reads.data.val();
        self.reads.load_data_ready.next = self.load.data_ready.val();
        self.read_valid.next = self.reads.read_valid.val();
        self.read_row.next = self.reads.read_row.val();
        self.read_rows.next = self.reads.read_rows.val();
        self.reads.read_ready.next = self.read_ready.val();
        self.reads.rdata_valid.next = self.rdata_valid.val();
        self.reads.rdata.next = self.rdata.val();
        self.rdata_ready.next = self.reads.rdata_ready.val();

        // The memory port: writes.
        self.write_valid.next = self.store.write_valid.val();
        self.write_row.next = self.store.write_row.val();
        self.write_rows.next = self.store.write_rows.val();
        self.store.write_ready.next = self.write_ready.val();
        self.store.written.next = self.written.val();
        self.writes.row_valid.next = self.store.row_valid.val();
        self.writes.row.next = self.store.row.val();
        self.store.row_ready.next = self.writes.row_ready.val();
        self.wdata_valid.next = self.writes.wdata_valid.val();
        self.wdata.next = self.writes.wdata.val();
        self.writes.wdata_ready.next = self.wdata_ready.val();

        // Before a run.
        self.clear.start.next = self.control.phase.val() == Phase::Settle;
        self.clear.sizes.next = self.head.sizes.val();
        self.control.cleared.next = self.clear.last.val();
        self.spad.clear.next = self.clear.active.val();
        self.spad.clear_address.next = self.clear.address.val();
        self.acc.clear.next = self.clear.active.val();
        self.acc.clear_address.next = self.clear.address.val();

        // Reads of spad and acc: one unit works at a time, so every request is granted.
        self.spad.weights_read.next = false;
        self.spad.weights_address.next = 0.into();
        self.spad.activations_read.next = self.matrix.spad_read.val();
        self.spad.activations_address.next = self.matrix.spad_address.val();
        self.matrix.spad_data.next = self.spad.activations_data.val();
        self.spad.depthwise_read.next = false;
        self.spad.depthwise_address.next = 0.into();
        self.spad.vector_read.next = self.lanes.spad_read.val();
        self.spad.vector_address.next = self.lanes.spad_address.val();
        self.lanes.spad_grant.next = self.spad.vector_grant.val();
        self.lanes.spad_data.next = self.spad.vector_data.val();
        self.spad.mover_read.next = self.mover.spad_read.val();
        self.spad.mover_address.next = self.mover.read_address.val();
        self.mover.read_data.next = self.spad.mover_data.val();
        self.spad.store_read.next = self.store.spad_read.val();
        self.spad.store_address.next = self.store.spad_address.val();
        self.store.spad_grant.next = self.spad.store_grant.val();
        self.store.spad_data.next = self.spad.store_data.val();
        self.spad.load_read.next = self.load.spad_read.val();
        self.spad.load_address.next = self.load.spad_address.val();
        self.load.spad_grant.next = self.spad.load_grant.val();
        self.load.spad_data.next = self.spad.load_data.val();
        self.acc.matrix_read.next = self.matrix.acc_read.val();
        self.acc.matrix_address.next = self.matrix.acc_read_address.val();
        self.matrix.acc_read_data.next = self.acc.matrix_data.val();
        self.acc.depthwise_read.next = false;
        self.acc.depthwise_address.next = 0.into();
        self.acc.vector_read.next = self.lanes.acc_read.val();
        self.acc.vector_address.next = self.lanes.acc_address.val();
        self.lanes.acc_grant.next = self.acc.vector_grant.val();
        self.lanes.acc_data.next = self.acc.vector_data.val();
        self.acc.store_read.next = self.store.acc_read.val();
        self.acc.store_address.next = self.store.acc_address.val();
        self.store.acc_grant.next = self.acc.store_grant.val();
        self.store.acc_data.next = self.acc.store_data.val();

        // Writes of spad and acc.
        self.spad.load_write.next = self.load.spad_write.val();
        self.spad.load_write_address.next = self.load.spad_write_address.val();
        self.spad.load_write_data.next = self.load.spad_write_data.val();
        self.spad.load_write_mask.next = self.every_byte.val();
        self.spad.vector_write.next = self.lanes.spad_write.val();
        self.lanes.spad_write_grant.next = self.spad.vector_write_grant.val();
        self.spad.vector_write_address.next = self.lanes.write_address.val();
        self.spad.vector_write_data.next = self.lanes.write_row8.val();
        self.spad.vector_write_mask.next = self.every_byte.val();
        self.spad.mover_write.next = self.mover.spad_write.val();
        self.spad.mover_write_address.next = self.mover.write_address.val();
        self.spad.mover_write_data.next = self.mover.spad_data.val();
        self.spad.mover_write_mask.next = self.every_byte.val();
        self.acc.matrix_write.next = self.matrix.acc_write.val();
        self.acc.matrix_write_address.next = self.matrix.acc_write_address.val();
        self.acc.matrix_write_data.next = self.matrix.acc_write_data.val();
        self.acc.depthwise_write.next = false;
        self.acc.depthwise_write_address.next = 0.into();
        self.acc.depthwise_write_data.next = 0.into();
        self.acc.vector_write.next = self.lanes.acc_write.val();
        self.lanes.acc_write_grant.next = self.acc.vector_write_grant.val();
        self.acc.vector_write_address.next = self.lanes.write_address.val();
        self.acc.vector_write_data.next = self.lanes.write_row32.val();
        self.acc.load_write.next = self.load.acc_write.val();
        self.acc.load_write_address.next = self.load.acc_write_address.val();
        self.acc.load_write_data.next = self.load.acc_write_data.val();
        self.load.acc_write_grant.next = self.acc.load_write_grant.val();
        self.acc.mover_write.next = self.mover.acc_write.val();
        self.acc.mover_write_address.next = self.mover.write_address.val();
        self.acc.mover_write_data.next = self.mover.acc_data.val();

        // Counters.
        self.counters.clear.next = self.start.val() & (self.control.phase.val() == Phase::Idle);
        self.counters.phase.next = self.control.phase.val();
        self.counters.kind.next = self.control.kind.val();
        self.counters.in_vector.next = self.control.vector.val();
        self.counters.new_macs.next = self.matrix.macs.val();
        self.cycles.next = self.counters.cycles.val();
        self.cycles_clear.next = self.counters.cycles_clear.val();
        self.cycles_issue.next = self.counters.cycles_issue.val();
        self.cycles_load.next = self.counters.cycles_load.val();
        self.cycles_store.next = self.counters.cycles_store.val();
        self.cycles_move.next = self.counters.cycles_move.val();
        self.cycles_matmul.next = self.counters.cycles_matmul.val();
        self.cycles_vector.next = self.counters.cycles_vector.val();
        self.macs.next = self.counters.macs.val();
    }
}
