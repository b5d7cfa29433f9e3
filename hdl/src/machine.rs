//! The machine: front end, scoreboard, units, banks, ports, and the wires between them.
//!
//! *Architecture invariant:* units know nothing of each other. The scoreboard offers a unit only what conflicts with
//! nothing that is in flight elsewhere; where two want a bank in one cycle, the bank decides.

use isa::ISA_HASH;
use num_bigint::BigUint;
use rust_hdl::prelude::*;

use crate::array::Array;
use crate::awake::Awake;
use crate::banks::{Acc, Clear, Spad};
use crate::counters::Counters;
use crate::depthwise::Depthwise;
use crate::front::{Activity, Front};
use crate::lanes::Lanes;
use crate::monitor::Monitor;
use crate::params::Params;
use crate::profile::Head;
use crate::scoreboard::Scoreboard;
use crate::transfer::load::Load;
use crate::transfer::mover::Mover;
use crate::transfer::read_port::ReadPort;
use crate::transfer::store::Store;
use crate::transfer::write_port::WritePort;

with_ports! {
    /// The accelerator; `BEAT` is the width of the memory port in bits. The ports are described in the crate's root.
    struct Machine[const BEAT: usize], beats of BEAT {
        head: Head,
        front: Front,
        scoreboard: Scoreboard,
        sleep: Awake,
        monitor: Monitor,
        counters: Counters,
        reads: ReadPort<BEAT>,
        writes: WritePort<BEAT>,
        load: Load,
        store: Store,
        mover: Mover,
        array: Array,
        depthwise: Depthwise,
        lanes: Lanes,
        clear: Clear,
        spad: Spad,
        acc: Acc,
        every_byte: Constant<Bits<32>>,
        hash: Constant<Bits<256>>,
        taken: Signal<Local, Bits<6>>,
        retired: Signal<Local, Bits<6>>,
    }
}

impl<const BEAT: usize> Machine<BEAT> {
    /// The machine of these parameters, whose port must have `BEAT` bits.
    pub(crate) fn new(params: &Params) -> Self {
        assert_eq!(params.port_bytes * 8, BEAT, "the caller chooses the width by the parameters");
        with_ports!(Self {
            head: Head::default(),
            front: Front::default(),
            scoreboard: Scoreboard::new(params),
            sleep: Awake::default(),
            monitor: Monitor::default(),
            counters: Counters::new(params.port_bytes),
            reads: ReadPort::default(),
            writes: WritePort::default(),
            load: Load::default(),
            store: Store::default(),
            mover: Mover::default(),
            array: Array::new(params),
            depthwise: Depthwise::new(params),
            lanes: Lanes::new(params),
            clear: Clear::new(params),
            spad: Spad::new(params),
            acc: Acc::new(params),
            every_byte: Constant::new(Bits::mask()),
            hash: Constant::new(BigUint::from_bytes_be(&ISA_HASH).into()),
            taken: Signal::default(),
            retired: Signal::default(),
        })
    }
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl<const BEAT: usize> Logic for Machine<BEAT> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, head, sleep, counters, reads, writes, clear, spad, acc);
        clock!(self, clock_load, load);
        clock!(self, clock_store, store);
        clock!(self, clock_move, mover);
        clock!(self, clock_matrix, array);
        clock!(self, clock_depthwise, depthwise);
        clock!(self, clock_vector, lanes);
        clock!(self, clock_front, front);
        clock!(self, clock_scoreboard, scoreboard);
        self.isa_hash.next = self.hash.val();
        self.head.profile.next = self.profile.val();

        // Front end.
        self.front.start.next = self.start.val();
        self.front.limit.next = self.head.limit.val();
        self.front.sizes.next = self.head.sizes.val();
        self.head.base_text.next = self.base_text.val();
        self.front.base_text.next = self.head.row_text.val();
        self.head.base_const.next = self.base_const.val();
        self.front.base_const.next = self.head.row_const.val();
        self.head.base_input.next = self.base_input.val();
        self.front.base_input.next = self.head.row_input.val();
        self.head.base_work.next = self.base_work.val();
        self.front.base_work.next = self.head.row_work.val();
        self.head.base_output.next = self.base_output.val();
        self.front.base_output.next = self.head.row_output.val();
        self.front.live.next = self.scoreboard.live.val();
        self.front.entered.next = self.scoreboard.entered.val();
        self.front.word.next = self.store.word.val();
        self.front.found.next = self.lanes.found.val();
        self.front.index.next = self.lanes.index.val();
        self.front.best.next = self.lanes.best.val();
        self.busy.next = self.front.busy.val();
        self.done.next = !self.front.busy.val() & self.front.status.val().any();
        self.status.next = self.front.status.val();
        self.steps.next = self.front.steps.val();
        self.digest.next = self.store.digest.val();
        self.mark_valid.next = self.store.mark_valid.val();
        self.mark_id.next = self.store.mark_id.val();
        self.mark_steps.next = self.store.mark_steps.val();
        self.store.mark_ready.next = self.mark_ready.val();

        // Scoreboard.
        self.scoreboard.clear.next = self.front.reset.val();
        self.scoreboard.offer.next = self.front.offer.val();
        self.scoreboard.claim.next = self.front.claim.val();
        self.scoreboard.operation.next = self.front.operation.val();

        // Units.
        self.store.clear.next = self.front.reset.val();
        self.load.ready.next = self.scoreboard.ready.val().get_bit(0);
        self.load.op.next = self.scoreboard.heads[0].val();
        self.store.ready.next = self.scoreboard.ready.val().get_bit(1);
        self.store.op.next = self.scoreboard.heads[1].val();
        self.mover.ready.next = self.scoreboard.ready.val().get_bit(2);
        self.mover.op.next = self.scoreboard.heads[2].val();
        self.array.ready.next = self.scoreboard.ready.val().get_bit(3);
        self.array.op.next = self.scoreboard.heads[3].val();
        self.depthwise.ready.next = self.scoreboard.ready.val().get_bit(4);
        self.depthwise.op.next = self.scoreboard.heads[4].val();
        self.lanes.ready.next = self.scoreboard.ready.val().get_bit(5);
        self.lanes.op.next = self.scoreboard.heads[5].val();
        self.taken.next = 0.into();
        self.retired.next = 0.into();
        self.taken.next = self.taken.val().replace_bit(0, self.load.take.val());
        self.retired.next = self.retired.val().replace_bit(0, self.load.retire.val());
        self.taken.next = self.taken.val().replace_bit(1, self.store.take.val());
        self.retired.next = self.retired.val().replace_bit(1, self.store.retire.val());
        self.taken.next = self.taken.val().replace_bit(2, self.mover.take.val());
        self.retired.next = self.retired.val().replace_bit(2, self.mover.retire.val());
        self.taken.next = self.taken.val().replace_bit(3, self.array.take.val());
        self.retired.next = self.retired.val().replace_bit(3, self.array.retire.val());
        self.taken.next = self.taken.val().replace_bit(4, self.depthwise.take.val());
        self.retired.next = self.retired.val().replace_bit(4, self.depthwise.retire.val());
        self.taken.next = self.taken.val().replace_bit(5, self.lanes.take.val());
        self.retired.next = self.retired.val().replace_bit(5, self.lanes.retire.val());
        self.scoreboard.takes.next = self.taken.val();
        self.scoreboard.retires.next = self.retired.val();

        // Clocks.
        self.sleep.all.next = !self.front.busy.val() | self.front.reset.val();
        self.sleep.ready.next = self.scoreboard.ready.val();
        self.sleep.takes.next = self.taken.val();
        self.sleep.retires.next = self.retired.val();
        self.sleep.stuck.next = (self.front.activity.val() == Activity::Full) & !self.scoreboard.entered.val();
        self.sleep.fetches.next = self.front.req_valid.val() | self.reads.fetch_data_valid.val();
        self.awake.next = self.sleep.awake.val();

        // The memory port: reads.
        self.reads.fetch_valid.next = self.front.req_valid.val();
        self.reads.fetch_row.next = self.front.req_row.val();
        self.reads.fetch_rows.next = self.front.req_rows.val();
        self.front.req_ready.next = self.reads.fetch_ready.val();
        self.front.row_valid.next = self.reads.fetch_data_valid.val();
        self.front.row.next = self.reads.data.val();
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
        self.clear.start.next = self.front.reset.val();
        self.clear.sizes.next = self.head.sizes.val();
        self.front.cleared.next = self.clear.last.val();
        self.spad.clear.next = self.clear.active.val();
        self.spad.clear_address.next = self.clear.address.val();
        self.acc.clear.next = self.clear.active.val();
        self.acc.clear_address.next = self.clear.address.val();

        // Reads of the banks.
        self.spad.weights_read.next = self.array.weights_read.val();
        self.spad.weights_address.next = self.array.weights_address.val();
        self.array.weights_grant.next = self.spad.weights_grant.val();
        self.array.weights_data.next = self.spad.weights_data.val();
        self.spad.activations_read.next = self.array.activations_read.val();
        self.spad.activations_address.next = self.array.activations_address.val();
        self.array.activations_grant.next = self.spad.activations_grant.val();
        self.array.activations_data.next = self.spad.activations_data.val();
        self.spad.depthwise_read.next = self.depthwise.spad_read.val();
        self.spad.depthwise_address.next = self.depthwise.spad_address.val();
        self.depthwise.spad_grant.next = self.spad.depthwise_grant.val();
        self.depthwise.spad_data.next = self.spad.depthwise_data.val();
        self.spad.vector_read.next = self.lanes.spad_read.val();
        self.spad.vector_address.next = self.lanes.spad_address.val();
        self.lanes.spad_grant.next = self.spad.vector_grant.val();
        self.lanes.spad_data.next = self.spad.vector_data.val();
        self.spad.mover_read.next = self.mover.spad_read.val();
        self.spad.mover_address.next = self.mover.spad_address.val();
        self.mover.spad_grant.next = self.spad.mover_grant.val();
        self.mover.spad_data.next = self.spad.mover_data.val();
        self.spad.store_read.next = self.store.spad_read.val();
        self.spad.store_address.next = self.store.spad_address.val();
        self.store.spad_grant.next = self.spad.store_grant.val();
        self.store.spad_data.next = self.spad.store_data.val();
        self.spad.load_read.next = self.load.spad_read.val();
        self.spad.load_address.next = self.load.spad_address.val();
        self.load.spad_grant.next = self.spad.load_grant.val();
        self.load.spad_data.next = self.spad.load_data.val();
        self.acc.matrix_read.next = self.array.acc_read.val();
        self.acc.matrix_address.next = self.array.acc_address.val();
        self.array.acc_data.next = self.acc.matrix_data.val();
        self.acc.depthwise_read.next = self.depthwise.acc_read.val();
        self.acc.depthwise_address.next = self.depthwise.acc_address.val();
        self.depthwise.acc_grant.next = self.acc.depthwise_grant.val();
        self.depthwise.acc_data.next = self.acc.depthwise_data.val();
        self.acc.vector_read.next = self.lanes.acc_read.val();
        self.acc.vector_address.next = self.lanes.acc_address.val();
        self.lanes.acc_grant.next = self.acc.vector_grant.val();
        self.lanes.acc_data.next = self.acc.vector_data.val();
        self.acc.store_read.next = self.store.acc_read.val();
        self.acc.store_address.next = self.store.acc_address.val();
        self.store.acc_grant.next = self.acc.store_grant.val();
        self.store.acc_data.next = self.acc.store_data.val();

        // Writes of the banks.
        self.spad.load_write.next = self.load.spad_write.val();
        self.spad.load_write_address.next = self.load.spad_write_address.val();
        self.spad.load_write_data.next = self.load.spad_write_data.val();
        self.spad.load_write_mask.next = self.every_byte.val();
        self.spad.vector_write.next = self.lanes.spad_write.val();
        self.spad.vector_write_address.next = self.lanes.write_address.val();
        self.spad.vector_write_data.next = self.lanes.write_row8.val();
        self.spad.vector_write_mask.next = self.every_byte.val();
        self.lanes.spad_write_grant.next = self.spad.vector_write_grant.val();
        self.spad.mover_write.next = self.mover.spad_write.val();
        self.spad.mover_write_address.next = self.mover.write_address.val();
        self.spad.mover_write_data.next = self.mover.write_row8.val();
        self.spad.mover_write_mask.next = self.mover.write_mask.val();
        self.mover.spad_write_grant.next = self.spad.mover_write_grant.val();
        self.acc.matrix_write.next = self.array.acc_write.val();
        self.acc.matrix_write_address.next = self.array.acc_write_address.val();
        self.acc.matrix_write_data.next = self.array.acc_write_data.val();
        self.acc.depthwise_write.next = self.depthwise.acc_write.val();
        self.acc.depthwise_write_address.next = self.depthwise.acc_write_address.val();
        self.acc.depthwise_write_data.next = self.depthwise.acc_write_data.val();
        self.depthwise.acc_write_grant.next = self.acc.depthwise_write_grant.val();
        self.acc.vector_write.next = self.lanes.acc_write.val();
        self.acc.vector_write_address.next = self.lanes.write_address.val();
        self.acc.vector_write_data.next = self.lanes.write_row32.val();
        self.lanes.acc_write_grant.next = self.acc.vector_write_grant.val();
        self.acc.load_write.next = self.load.acc_write.val();
        self.acc.load_write_address.next = self.load.acc_write_address.val();
        self.acc.load_write_data.next = self.load.acc_write_data.val();
        self.load.acc_write_grant.next = self.acc.load_write_grant.val();
        self.acc.mover_write.next = self.mover.acc_write.val();
        self.acc.mover_write_address.next = self.mover.write_address.val();
        self.acc.mover_write_data.next = self.mover.write_row32.val();
        self.mover.acc_write_grant.next = self.acc.mover_write_grant.val();

        // Where the time goes.
        self.monitor.waiting.next = self.scoreboard.waiting.val();
        self.monitor.ready.next = self.scoreboard.ready.val();
        self.monitor.front.next = self.front.activity.val();
        self.monitor.states[0].next = self.load.state.val();
        self.monitor.states[1].next = self.store.state.val();
        self.monitor.states[2].next = self.mover.state.val();
        self.monitor.states[3].next = self.array.state.val();
        self.monitor.states[4].next = self.depthwise.state.val();
        self.monitor.states[5].next = self.lanes.state.val();
        self.activity.next = self.monitor.activity.val();
        self.issued.next = self.scoreboard.entered.val();
        self.issued_unit.next = self.front.claim.val().unit;
        self.issued_pc.next = self.front.operation_pc.val();
        self.takes.next = self.scoreboard.takes.val();
        self.retires.next = self.scoreboard.retires.val();
        self.counters.clear.next = self.start.val() & !self.front.busy.val();
        self.counters.enable.next = self.front.busy.val();
        self.counters.activity.next = self.monitor.activity.val();
        self.counters.new_macs.next =
            bit_cast::<16, 12>(self.array.macs.val()) + bit_cast::<16, 7>(self.depthwise.macs.val());
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
