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
use crate::depthwise::Depthwise;
use crate::fetch::Fetch;
use crate::matrix::Matrix;
use crate::maxq::Maxq;
use crate::params::Params;
use crate::prims::Kind;
use crate::profile::Sizes;
use crate::transfer::load::Load;
use crate::transfer::mover::Mover;
use crate::transfer::read_port::ReadPort;
use crate::transfer::store::Store;
use crate::transfer::write_port::WritePort;
use crate::vector::Vector;

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
    store: Store,
    mover: Mover,
    matrix: Matrix,
    depthwise: Depthwise,
    vector: Vector,
    maxq: Maxq,
    clear: Clear,
    spad: Spad,
    acc: Acc,
    every_byte: Constant<Bits<32>>,
    hash: Constant<Bits<256>>,
    launch: Signal<Local, Bit>,
    /// Launched, and not taken.
    offered: DFF<Bit>,
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
            store: Store::default(),
            mover: Mover::default(),
            matrix: Matrix::new(params),
            depthwise: Depthwise::default(),
            vector: Vector::new(params),
            maxq: Maxq::default(),
            clear: Clear::new(params),
            spad: Spad::new(params),
            acc: Acc::new(params),
            every_byte: Constant::new(Bits::mask()),
            hash: Constant::new(BigUint::from_bytes_be(&ISA_HASH).into()),
            launch: Signal::default(),
            offered: DFF::default(),
        }
    }
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl<const BEAT: usize> Logic for Machine<BEAT> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, offered);
        clock!(self, clock, head, control, counters, reads, writes, fetch, load, store);
        clock!(self, clock, mover, matrix, depthwise, vector, maxq, clear, spad, acc);
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
        self.control.unit_done.next = self.load.done.val()
            | self.store.done.val()
            | self.mover.retire.val()
            | self.matrix.done.val()
            | self.depthwise.retire.val()
            | self.vector.done.val()
            | self.maxq.done.val();
        self.busy.next = self.control.phase.val() != Phase::Idle;
        self.done.next = (self.control.phase.val() == Phase::Idle) & self.control.status.val().any();
        self.status.next = self.control.status.val();
        self.steps.next = self.control.steps.val();
        self.digest.next = self.store.digest.val();
        self.mark_valid.next = self.control.mark_valid.val();
        self.mark_id.next = self.control.mark_id.val();

        // Units.
        self.launch.next = self.control.launch.val();
        self.load.gathers.next = self.control.kind.val() == Kind::Gather;
        self.load.start.next =
            self.launch.val() & ((self.control.kind.val() == Kind::Load) | (self.control.kind.val() == Kind::Gather));
        self.store.loads_word.next = self.control.kind.val() == Kind::Lw;
        self.store.stores_word.next = self.control.kind.val() == Kind::Sw;
        self.store.value.next = self.control.value.val();
        self.store.start.next = self.launch.val()
            & ((self.control.kind.val() == Kind::Store)
                | (self.control.kind.val() == Kind::Lw)
                | (self.control.kind.val() == Kind::Sw));
        if self.launch.val() {
            self.offered.d.next = true;
        } else if self.mover.take.val() | self.depthwise.take.val() | (self.control.phase.val() != Phase::Run) {
            self.offered.d.next = false;
        }
        self.mover.ready.next =
            self.offered.q.val() & ((self.control.kind.val() == Kind::Move) | (self.control.kind.val() == Kind::Fill));
        self.matrix.depthwise.next = false;
        self.matrix.start.next = self.launch.val() & (self.control.kind.val() == Kind::Matmul);
        self.depthwise.ready.next = self.offered.q.val() & (self.control.kind.val() == Kind::Dwmac);
        self.depthwise.op.next = self.control.operation.val();
        self.vector.start.next = self.launch.val() & self.control.vector.val();
        self.vector.kind.next = self.control.kind.val();
        self.vector.traits.next = self.control.traits.val();
        self.vector.value.next = self.control.value.val();
        self.control.found.next = self.vector.found.val();
        self.control.result.next = self.vector.index.val();
        if self.control.kind.val() == Kind::Lw {
            self.control.found.next = true;
            self.control.result.next = self.store.word.val();
        }
        self.control.best.next = self.vector.best.val();
        self.maxq.start.next = self.launch.val() & (self.control.kind.val() == Kind::Maxq);
        self.load.op.next = self.control.operation.val();
        self.store.op.next = self.control.operation.val();
        self.mover.op.next = self.control.operation.val();
        self.matrix.op.next = self.control.operation.val();
        self.vector.op.next = self.control.operation.val();
        self.maxq.op.next = self.control.operation.val();
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
        self.reads.word_valid.next = self.store.read_valid.val();
        self.reads.word_row.next = self.store.read_row.val();
        self.store.read_ready.next = self.reads.word_ready.val();
        self.store.data_valid.next = self.reads.word_data_valid.val();
        self.store.data.next = self.reads.data.val();
        self.reads.load_valid.next = self.load.req_valid.val();
        self.reads.load_row.next = self.load.req_row.val();
        self.reads.load_rows.next = self.load.req_rows.val();
        self.load.req_ready.next = self.reads.load_ready.val();
        self.load.row_valid.next = self.reads.load_data_valid.val();
        self.load.row.next = self.reads.data.val();
        self.reads.load_data_ready.next = true;
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
        self.spad.depthwise_read.next = self.depthwise.spad_read.val();
        self.spad.depthwise_address.next = self.depthwise.spad_address.val();
        self.depthwise.spad_grant.next = self.spad.depthwise_grant.val();
        self.depthwise.spad_data.next = self.spad.depthwise_data.val();
        self.spad.vector_read.next = self.vector.spad_read.val() | self.maxq.spad_read.val();
        self.spad.vector_address.next = self.vector.spad_address.val();
        if self.maxq.spad_read.val() {
            self.spad.vector_address.next = self.maxq.read_address.val();
        }
        self.vector.spad_data.next = self.spad.vector_data.val();
        self.maxq.read_data.next = self.spad.vector_data.val();
        self.spad.mover_read.next = self.mover.spad_read.val();
        self.spad.mover_address.next = self.mover.spad_address.val();
        self.mover.spad_data.next = self.spad.mover_data.val();
        self.mover.spad_grant.next = self.spad.mover_grant.val();
        self.spad.store_read.next = self.store.spad_read.val();
        self.spad.store_address.next = self.store.read_address.val();
        self.store.spad_data.next = self.spad.store_data.val();
        self.spad.load_read.next = self.load.spad_read.val();
        self.spad.load_address.next = self.load.read_address.val();
        self.load.read_data.next = self.spad.load_data.val();
        self.acc.matrix_read.next = self.matrix.acc_read.val();
        self.acc.matrix_address.next = self.matrix.acc_read_address.val();
        self.matrix.acc_read_data.next = self.acc.matrix_data.val();
        self.acc.depthwise_read.next = self.depthwise.acc_read.val();
        self.acc.depthwise_address.next = self.depthwise.acc_address.val();
        self.depthwise.acc_grant.next = self.acc.depthwise_grant.val();
        self.depthwise.acc_data.next = self.acc.depthwise_data.val();
        self.acc.vector_read.next = self.vector.acc_read.val();
        self.acc.vector_address.next = self.vector.acc_address.val();
        self.vector.acc_data.next = self.acc.vector_data.val();
        self.acc.store_read.next = self.store.acc_read.val();
        self.acc.store_address.next = self.store.read_address.val();
        self.store.acc_data.next = self.acc.store_data.val();

        // Writes of spad and acc.
        self.spad.load_write.next = self.load.spad_write.val();
        self.spad.load_write_address.next = self.load.write_address.val();
        self.spad.load_write_data.next = self.load.spad_data.val();
        self.spad.load_write_mask.next = self.every_byte.val();
        self.spad.vector_write.next = self.vector.spad_write.val() | self.maxq.spad_write.val();
        self.spad.vector_write_address.next = self.vector.write_address.val();
        self.spad.vector_write_data.next = self.vector.write_row8.val();
        if self.maxq.spad_write.val() {
            self.spad.vector_write_address.next = self.maxq.write_address.val();
            self.spad.vector_write_data.next = self.maxq.write_data.val();
        }
        self.spad.vector_write_mask.next = self.every_byte.val();
        self.spad.mover_write.next = self.mover.spad_write.val();
        self.spad.mover_write_address.next = self.mover.write_address.val();
        self.spad.mover_write_data.next = self.mover.write_row8.val();
        self.spad.mover_write_mask.next = self.mover.write_mask.val();
        self.mover.spad_write_grant.next = self.spad.mover_write_grant.val();
        self.acc.matrix_write.next = self.matrix.acc_write.val();
        self.acc.matrix_write_address.next = self.matrix.acc_write_address.val();
        self.acc.matrix_write_data.next = self.matrix.acc_write_data.val();
        self.acc.depthwise_write.next = self.depthwise.acc_write.val();
        self.acc.depthwise_write_address.next = self.depthwise.acc_write_address.val();
        self.acc.depthwise_write_data.next = self.depthwise.acc_write_data.val();
        self.depthwise.acc_write_grant.next = self.acc.depthwise_write_grant.val();
        self.acc.vector_write.next = self.vector.acc_write.val();
        self.acc.vector_write_address.next = self.vector.write_address.val();
        self.acc.vector_write_data.next = self.vector.write_row32.val();
        self.acc.load_write.next = self.load.acc_write.val();
        self.acc.load_write_address.next = self.load.write_address.val();
        self.acc.load_write_data.next = self.load.acc_data.val();
        self.acc.mover_write.next = self.mover.acc_write.val();
        self.acc.mover_write_address.next = self.mover.write_address.val();
        self.acc.mover_write_data.next = self.mover.write_row32.val();
        self.mover.acc_write_grant.next = self.acc.mover_write_grant.val();

        // Counters.
        self.counters.clear.next = self.start.val() & (self.control.phase.val() == Phase::Idle);
        self.counters.phase.next = self.control.phase.val();
        self.counters.kind.next = self.control.kind.val();
        self.counters.in_vector.next = self.control.vector.val();
        self.counters.new_macs.next = self.matrix.macs.val() + bit_cast::<12, 7>(self.depthwise.macs.val());
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
