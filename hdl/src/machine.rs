//! The machine: control, units, memories, port; and who drives a memory when.
//!
//! Instructions run one after another, so at most one unit asks for a memory or the port in a cycle: the mux of the port
//! has no arbitration, and grants of the banks are not looked at. *Architecture invariant:* units know nothing of each other.

use isa::ISA_HASH;
use num_bigint::BigUint;
use rust_hdl::prelude::*;

use crate::banks::{Acc, Clear, Spad};
use crate::counters::Counters;
use crate::front::Front;
use crate::matrix::Matrix;
use crate::maxq::Maxq;
use crate::monitor::Monitor;
use crate::mover::Mover;
use crate::params::Params;
use crate::prims::Kind;
use crate::profile::Sizes;
use crate::scoreboard::Scoreboard;
use crate::serial::Serial;
use crate::transfer::load::Load;
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
    pub(crate) mark_steps: Signal<Out, Bits<64>>,
    pub(crate) cycles: Signal<Out, Bits<64>>,
    pub(crate) macs: Signal<Out, Bits<64>>,
    pub(crate) bytes_read: Signal<Out, Bits<64>>,
    pub(crate) bytes_written: Signal<Out, Bits<64>>,
    pub(crate) count_load_work: Signal<Out, Bits<64>>,
    pub(crate) count_load_operand: Signal<Out, Bits<64>>,
    pub(crate) count_load_bank: Signal<Out, Bits<64>>,
    pub(crate) count_load_memory: Signal<Out, Bits<64>>,
    pub(crate) count_load_start: Signal<Out, Bits<64>>,
    pub(crate) count_load_drain: Signal<Out, Bits<64>>,
    pub(crate) count_store_work: Signal<Out, Bits<64>>,
    pub(crate) count_store_operand: Signal<Out, Bits<64>>,
    pub(crate) count_store_bank: Signal<Out, Bits<64>>,
    pub(crate) count_store_memory: Signal<Out, Bits<64>>,
    pub(crate) count_store_start: Signal<Out, Bits<64>>,
    pub(crate) count_store_drain: Signal<Out, Bits<64>>,
    pub(crate) count_move_work: Signal<Out, Bits<64>>,
    pub(crate) count_move_operand: Signal<Out, Bits<64>>,
    pub(crate) count_move_bank: Signal<Out, Bits<64>>,
    pub(crate) count_move_memory: Signal<Out, Bits<64>>,
    pub(crate) count_move_start: Signal<Out, Bits<64>>,
    pub(crate) count_move_drain: Signal<Out, Bits<64>>,
    pub(crate) count_matrix_work: Signal<Out, Bits<64>>,
    pub(crate) count_matrix_operand: Signal<Out, Bits<64>>,
    pub(crate) count_matrix_bank: Signal<Out, Bits<64>>,
    pub(crate) count_matrix_memory: Signal<Out, Bits<64>>,
    pub(crate) count_matrix_start: Signal<Out, Bits<64>>,
    pub(crate) count_matrix_drain: Signal<Out, Bits<64>>,
    pub(crate) count_depthwise_work: Signal<Out, Bits<64>>,
    pub(crate) count_depthwise_operand: Signal<Out, Bits<64>>,
    pub(crate) count_depthwise_bank: Signal<Out, Bits<64>>,
    pub(crate) count_depthwise_memory: Signal<Out, Bits<64>>,
    pub(crate) count_depthwise_start: Signal<Out, Bits<64>>,
    pub(crate) count_depthwise_drain: Signal<Out, Bits<64>>,
    pub(crate) count_vector_work: Signal<Out, Bits<64>>,
    pub(crate) count_vector_operand: Signal<Out, Bits<64>>,
    pub(crate) count_vector_bank: Signal<Out, Bits<64>>,
    pub(crate) count_vector_memory: Signal<Out, Bits<64>>,
    pub(crate) count_vector_start: Signal<Out, Bits<64>>,
    pub(crate) count_vector_drain: Signal<Out, Bits<64>>,
    pub(crate) count_front_issue: Signal<Out, Bits<64>>,
    pub(crate) count_front_fetch: Signal<Out, Bits<64>>,
    pub(crate) count_front_full: Signal<Out, Bits<64>>,
    pub(crate) count_front_result: Signal<Out, Bits<64>>,
    pub(crate) count_front_clear: Signal<Out, Bits<64>>,
    pub(crate) count_front_end: Signal<Out, Bits<64>>,
    pub(crate) activity: Signal<Out, Bits<21>>,
    pub(crate) issued: Signal<Out, Bit>,
    pub(crate) issued_unit: Signal<Out, Bits<3>>,
    pub(crate) issued_pc: Signal<Out, Bits<32>>,
    pub(crate) takes: Signal<Out, Bits<6>>,
    pub(crate) retires: Signal<Out, Bits<6>>,
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
    front: Front,
    scoreboard: Scoreboard,
    serial: Serial,
    monitor: Monitor,
    counters: Counters,
    reads: ReadPort<BEAT>,
    writes: WritePort<BEAT>,
    load: Load,
    store: Store,
    mover: Mover,
    matrix: Matrix,
    vector: Vector,
    maxq: Maxq,
    clear: Clear,
    spad: Spad,
    acc: Acc,
    every_byte: Constant<Bits<32>>,
    hash: Constant<Bits<256>>,
    done_units: Signal<Local, Bits<6>>,
    is_maxq: Signal<Local, Bit>,
    marks: Signal<Local, Bit>,
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
            mark_steps: Signal::default(),
            cycles: Signal::default(),
            macs: Signal::default(),
            bytes_read: Signal::default(),
            bytes_written: Signal::default(),
            count_load_work: Signal::default(),
            count_load_operand: Signal::default(),
            count_load_bank: Signal::default(),
            count_load_memory: Signal::default(),
            count_load_start: Signal::default(),
            count_load_drain: Signal::default(),
            count_store_work: Signal::default(),
            count_store_operand: Signal::default(),
            count_store_bank: Signal::default(),
            count_store_memory: Signal::default(),
            count_store_start: Signal::default(),
            count_store_drain: Signal::default(),
            count_move_work: Signal::default(),
            count_move_operand: Signal::default(),
            count_move_bank: Signal::default(),
            count_move_memory: Signal::default(),
            count_move_start: Signal::default(),
            count_move_drain: Signal::default(),
            count_matrix_work: Signal::default(),
            count_matrix_operand: Signal::default(),
            count_matrix_bank: Signal::default(),
            count_matrix_memory: Signal::default(),
            count_matrix_start: Signal::default(),
            count_matrix_drain: Signal::default(),
            count_depthwise_work: Signal::default(),
            count_depthwise_operand: Signal::default(),
            count_depthwise_bank: Signal::default(),
            count_depthwise_memory: Signal::default(),
            count_depthwise_start: Signal::default(),
            count_depthwise_drain: Signal::default(),
            count_vector_work: Signal::default(),
            count_vector_operand: Signal::default(),
            count_vector_bank: Signal::default(),
            count_vector_memory: Signal::default(),
            count_vector_start: Signal::default(),
            count_vector_drain: Signal::default(),
            count_front_issue: Signal::default(),
            count_front_fetch: Signal::default(),
            count_front_full: Signal::default(),
            count_front_result: Signal::default(),
            count_front_clear: Signal::default(),
            count_front_end: Signal::default(),
            activity: Signal::default(),
            issued: Signal::default(),
            issued_unit: Signal::default(),
            issued_pc: Signal::default(),
            takes: Signal::default(),
            retires: Signal::default(),
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
            front: Front::default(),
            scoreboard: Scoreboard::new(params),
            serial: Serial::default(),
            monitor: Monitor::default(),
            counters: Counters::new(params.port_bytes),
            reads: ReadPort::default(),
            writes: WritePort::default(),
            load: Load::default(),
            store: Store::default(),
            mover: Mover::default(),
            matrix: Matrix::new(params),
            vector: Vector::new(params),
            maxq: Maxq::default(),
            clear: Clear::new(params),
            spad: Spad::new(params),
            acc: Acc::new(params),
            every_byte: Constant::new(Bits::mask()),
            hash: Constant::new(BigUint::from_bytes_be(&ISA_HASH).into()),
            done_units: Signal::default(),
            is_maxq: Signal::default(),
            marks: Signal::default(),
        }
    }
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl<const BEAT: usize> Logic for Machine<BEAT> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, head, front, scoreboard, serial, counters, reads, writes, load, store);
        clock!(self, clock, mover, matrix, vector, maxq, clear, spad, acc);
        self.isa_hash.next = self.hash.val();
        self.head.profile.next = self.profile.val();

        // Front end.
        self.front.start.next = self.start.val();
        self.front.limit.next = self.head.limit.val();
        self.front.sizes.next = self.head.sizes.val();
        self.front.base_text.next = self.base_text.val();
        self.front.base_const.next = self.base_const.val();
        self.front.base_input.next = self.base_input.val();
        self.front.base_work.next = self.base_work.val();
        self.front.base_output.next = self.base_output.val();
        self.front.live.next = self.scoreboard.live.val();
        self.front.entered.next = self.scoreboard.entered.val();
        self.front.word.next = self.store.word.val();
        self.front.found.next = self.vector.found.val();
        self.front.index.next = self.vector.index.val();
        self.front.best.next = self.vector.best.val();
        self.busy.next = self.front.busy.val();
        self.done.next = !self.front.busy.val() & self.front.status.val().any();
        self.status.next = self.front.status.val();
        self.steps.next = self.front.steps.val();
        self.digest.next = self.store.digest.val();

        // Scoreboard: one instruction at a time.
        self.scoreboard.clear.next = self.front.reset.val();
        self.scoreboard.offer.next = self.front.offer.val() & !self.scoreboard.live.val().any();
        self.scoreboard.claim.next = self.front.claim.val();
        self.scoreboard.operation.next = self.front.operation.val();
        self.serial.entered.next = self.scoreboard.entered.val();
        self.serial.offered.next = self.front.operation_traits.val();
        self.serial.ready.next = self.scoreboard.ready.val();
        for i in 0..6 {
            self.serial.heads[i].next = self.scoreboard.heads[i].val();
        }
        self.scoreboard.takes.next = self.serial.takes.val();
        self.scoreboard.retires.next = self.serial.retires.val();

        // Units.
        self.load.gathers.next = self.serial.op.val().kind == Kind::Gather;
        self.load.start.next = self.serial.start.val().get_bit(0);
        self.marks.next = self.serial.start.val().get_bit(1) & (self.serial.op.val().kind == Kind::Mark);
        self.mark_valid.next = self.marks.val();
        self.mark_id.next = self.serial.op.val().imm;
        self.mark_steps.next =
            bit_cast::<64, 32>(self.serial.op.val().a_base) | (bit_cast::<64, 32>(self.serial.op.val().b_base) << 32);
        self.store.start.next = self.serial.start.val().get_bit(1) & (self.serial.op.val().kind != Kind::Mark);
        self.store.loads_word.next = self.serial.op.val().kind == Kind::Lw;
        self.store.stores_word.next = self.serial.op.val().kind == Kind::Sw;
        self.store.value.next = self.serial.op.val().value;
        self.mover.start_move.next = self.serial.start.val().get_bit(2) & (self.serial.op.val().kind == Kind::Move);
        self.mover.start_fill.next = self.serial.start.val().get_bit(2) & (self.serial.op.val().kind == Kind::Fill);
        self.matrix.depthwise.next = self.serial.op.val().kind == Kind::Dwmac;
        self.matrix.start.next = self.serial.start.val().get_bit(3) | self.serial.start.val().get_bit(4);
        self.is_maxq.next = self.serial.op.val().kind == Kind::Maxq;
        self.vector.start.next = self.serial.start.val().get_bit(5) & !self.is_maxq.val();
        self.vector.kind.next = self.serial.op.val().kind;
        self.vector.traits.next = self.serial.traits.val();
        self.vector.value.next = self.serial.op.val().value;
        self.maxq.start.next = self.serial.start.val().get_bit(5) & self.is_maxq.val();
        self.done_units.next = 0.into();
        self.done_units.next = self.done_units.val().replace_bit(0, self.load.done.val());
        self.done_units.next = self.done_units.val().replace_bit(1, self.store.done.val() | self.marks.val());
        self.done_units.next = self.done_units.val().replace_bit(2, self.mover.done.val());
        if self.matrix.depthwise.val() {
            self.done_units.next = self.done_units.val().replace_bit(4, self.matrix.done.val());
        } else {
            self.done_units.next = self.done_units.val().replace_bit(3, self.matrix.done.val());
        }
        self.done_units.next = self.done_units.val().replace_bit(5, self.vector.done.val() | self.maxq.done.val());
        self.serial.done.next = self.done_units.val();
        self.load.op.next = self.serial.op.val();
        self.store.op.next = self.serial.op.val();
        self.mover.op.next = self.serial.op.val();
        self.matrix.op.next = self.serial.op.val();
        self.vector.op.next = self.serial.op.val();
        self.maxq.op.next = self.serial.op.val();
        self.store.clear.next = self.front.reset.val();

        // The memory port: reads.
        self.reads.fetch_valid.next = self.front.req_valid.val();
        self.reads.fetch_row.next = self.front.req_row.val();
        self.reads.fetch_rows.next = self.front.req_rows.val();
        self.front.req_ready.next = self.reads.fetch_ready.val();
        self.front.row_valid.next = self.reads.fetch_data_valid.val();
        self.front.row.next = self.reads.data.val();
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
        self.clear.start.next = self.front.reset.val();
        self.clear.sizes.next = self.head.sizes.val();
        self.front.cleared.next = self.clear.last.val();
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
        self.spad.vector_read.next = self.vector.spad_read.val() | self.maxq.spad_read.val();
        self.spad.vector_address.next = self.vector.spad_address.val();
        if self.maxq.spad_read.val() {
            self.spad.vector_address.next = self.maxq.read_address.val();
        }
        self.vector.spad_data.next = self.spad.vector_data.val();
        self.maxq.read_data.next = self.spad.vector_data.val();
        self.spad.mover_read.next = self.mover.spad_read.val();
        self.spad.mover_address.next = self.mover.read_address.val();
        self.mover.read_data.next = self.spad.mover_data.val();
        self.spad.store_read.next = self.store.spad_read.val();
        self.spad.store_address.next = self.store.read_address.val();
        self.store.spad_data.next = self.spad.store_data.val();
        self.spad.load_read.next = self.load.spad_read.val();
        self.spad.load_address.next = self.load.read_address.val();
        self.load.read_data.next = self.spad.load_data.val();
        self.acc.matrix_read.next = self.matrix.acc_read.val();
        self.acc.matrix_address.next = self.matrix.acc_read_address.val();
        self.matrix.acc_read_data.next = self.acc.matrix_data.val();
        self.acc.depthwise_read.next = false;
        self.acc.depthwise_address.next = 0.into();
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
        self.spad.mover_write_data.next = self.mover.spad_data.val();
        self.spad.mover_write_mask.next = self.every_byte.val();
        self.acc.matrix_write.next = self.matrix.acc_write.val();
        self.acc.matrix_write_address.next = self.matrix.acc_write_address.val();
        self.acc.matrix_write_data.next = self.matrix.acc_write_data.val();
        self.acc.depthwise_write.next = false;
        self.acc.depthwise_write_address.next = 0.into();
        self.acc.depthwise_write_data.next = 0.into();
        self.acc.vector_write.next = self.vector.acc_write.val();
        self.acc.vector_write_address.next = self.vector.write_address.val();
        self.acc.vector_write_data.next = self.vector.write_row32.val();
        self.acc.load_write.next = self.load.acc_write.val();
        self.acc.load_write_address.next = self.load.write_address.val();
        self.acc.load_write_data.next = self.load.acc_data.val();
        self.acc.mover_write.next = self.mover.acc_write.val();
        self.acc.mover_write_address.next = self.mover.write_address.val();
        self.acc.mover_write_data.next = self.mover.acc_data.val();

        // Where the time goes.
        self.monitor.waiting.next = self.scoreboard.waiting.val();
        self.monitor.ready.next = self.scoreboard.ready.val();
        self.monitor.front.next = self.front.activity.val();
        for i in 0..6 {
            self.monitor.states[i].next = 0.into();
            if self.serial.working.val().get_bit(i) {
                self.monitor.states[i].next = 1.into();
            }
        }
        self.activity.next = self.monitor.activity.val();
        self.issued.next = self.scoreboard.entered.val();
        self.issued_unit.next = self.front.claim.val().unit;
        self.issued_pc.next = self.front.operation_pc.val();
        self.takes.next = self.scoreboard.takes.val();
        self.retires.next = self.scoreboard.retires.val();
        self.counters.clear.next = self.start.val() & !self.front.busy.val();
        self.counters.enable.next = self.front.busy.val();
        self.counters.activity.next = self.monitor.activity.val();
        self.counters.new_macs.next = bit_cast::<16, 12>(self.matrix.macs.val());
        self.counters.read.next = self.rdata_valid.val() & self.reads.rdata_ready.val();
        self.counters.write.next = self.writes.wdata_valid.val() & self.wdata_ready.val();
        self.cycles.next = self.counters.cycles.val();
        self.macs.next = self.counters.macs.val();
        self.bytes_read.next = self.counters.bytes_read.val();
        self.bytes_written.next = self.counters.bytes_written.val();
        self.count_load_work.next = self.counters.count[0].val();
        self.count_load_operand.next = self.counters.count[1].val();
        self.count_load_bank.next = self.counters.count[2].val();
        self.count_load_memory.next = self.counters.count[3].val();
        self.count_load_start.next = self.counters.count[4].val();
        self.count_load_drain.next = self.counters.count[5].val();
        self.count_store_work.next = self.counters.count[6].val();
        self.count_store_operand.next = self.counters.count[7].val();
        self.count_store_bank.next = self.counters.count[8].val();
        self.count_store_memory.next = self.counters.count[9].val();
        self.count_store_start.next = self.counters.count[10].val();
        self.count_store_drain.next = self.counters.count[11].val();
        self.count_move_work.next = self.counters.count[12].val();
        self.count_move_operand.next = self.counters.count[13].val();
        self.count_move_bank.next = self.counters.count[14].val();
        self.count_move_memory.next = self.counters.count[15].val();
        self.count_move_start.next = self.counters.count[16].val();
        self.count_move_drain.next = self.counters.count[17].val();
        self.count_matrix_work.next = self.counters.count[18].val();
        self.count_matrix_operand.next = self.counters.count[19].val();
        self.count_matrix_bank.next = self.counters.count[20].val();
        self.count_matrix_memory.next = self.counters.count[21].val();
        self.count_matrix_start.next = self.counters.count[22].val();
        self.count_matrix_drain.next = self.counters.count[23].val();
        self.count_depthwise_work.next = self.counters.count[24].val();
        self.count_depthwise_operand.next = self.counters.count[25].val();
        self.count_depthwise_bank.next = self.counters.count[26].val();
        self.count_depthwise_memory.next = self.counters.count[27].val();
        self.count_depthwise_start.next = self.counters.count[28].val();
        self.count_depthwise_drain.next = self.counters.count[29].val();
        self.count_vector_work.next = self.counters.count[30].val();
        self.count_vector_operand.next = self.counters.count[31].val();
        self.count_vector_bank.next = self.counters.count[32].val();
        self.count_vector_memory.next = self.counters.count[33].val();
        self.count_vector_start.next = self.counters.count[34].val();
        self.count_vector_drain.next = self.counters.count[35].val();
        self.count_front_issue.next = self.counters.count[36].val();
        self.count_front_fetch.next = self.counters.count[37].val();
        self.count_front_full.next = self.counters.count[38].val();
        self.count_front_result.next = self.counters.count[39].val();
        self.count_front_clear.next = self.counters.count[40].val();
        self.count_front_end.next = self.counters.count[41].val();
    }
}
