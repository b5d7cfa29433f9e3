//! The serial machine: one engine that a microprogram drives, with the ports of the parallel one.
//!
//! A micro-instruction takes two cycles, told apart by `acts`: its registers are read, then it acts, when nothing that it waits for is missing.

use isa::ISA_HASH;
use num_bigint::BigUint;
use rust_hdl::prelude::*;

use super::prims::{Arithmetic, Decode, Macs, Operand, Outgoing, Product, Registers, Rom, Tally, Words};
use super::uop::Effect;
use crate::params::Params;
use crate::prims::Fixed;

with_ports! {
    /// The accelerator of few cells. The ports are described in the crate's root; what there is no part for stays 0.
    struct Serial[], beats of 32 {
        rom: Rom,
        decode: Decode,
        registers: Registers,
        operand: Operand,
        alu: Arithmetic,
        words: Words,
        macs_of_bytes: Macs,
        multiplier: Product,
        outgoing: Outgoing,
        tally: Tally,
        running: DFF<Bit>,
        acts: DFF<Bit>,
        code: DFF<Bits<8>>,
        pc: DFF<Bits<11>>,
        /// Addresses behind open calls, the last first.
        back0: DFF<Bits<11>>,
        back1: DFF<Bits<11>>,
        back2: DFF<Bits<11>>,
        back3: DFF<Bits<11>>,
        zero: DFF<Bit>,
        minus: DFF<Bit>,
        carry: DFF<Bit>,
        less: DFF<Bit>,
        shift: DFF<Bits<5>>,
        index: DFF<Bits<4>>,
        /// The row of the request, which stands until it is taken.
        row: DFF<Bits<32>>,
        asks_read: DFF<Bit>,
        asks_write: DFF<Bit>,
        answered: DFF<Bit>,
        /// The outgoing word is for the memory too.
        sends: DFF<Bit>,
        hash: Constant<Bits<256>>,
        nothing: Fixed<64, 0>,
        one_row: Fixed<16, 1>,
        load: Fixed<5, { Effect::Load.code() }>,
        load_lanes: Fixed<5, { Effect::LoadLanes.code() }>,
        load_byte: Fixed<5, { Effect::LoadByte.code() }>,
        store: Fixed<5, { Effect::Store.code() }>,
        store_lanes: Fixed<5, { Effect::StoreLanes.code() }>,
        store_byte: Fixed<5, { Effect::StoreByte.code() }>,
        spread: Fixed<5, { Effect::Spread.code() }>,
        dot: Fixed<5, { Effect::Dot.code() }>,
        clear_sums: Fixed<5, { Effect::ClearSums.code() }>,
        multiply: Fixed<5, { Effect::Multiply.code() }>,
        ask_read: Fixed<5, { Effect::AskRead.code() }>,
        ask_write: Fixed<5, { Effect::AskWrite.code() }>,
        into_digest: Fixed<5, { Effect::Digest.code() }>,
        send: Fixed<5, { Effect::Send.code() }>,
        await_written: Fixed<5, { Effect::AwaitWritten.code() }>,
        set_shift: Fixed<5, { Effect::SetShift.code() }>,
        set_index: Fixed<5, { Effect::SetIndex.code() }>,
        step: Fixed<5, { Effect::Step.code() }>,
        mark: Fixed<5, { Effect::Mark.code() }>,
        end_run: Fixed<5, { Effect::End.code() }>,
        give_back: Fixed<5, { Effect::Return.code() }>,
        go_on: Fixed<5, { Effect::Go.code() }>,
        count_macs: Fixed<5, { Effect::CountMacs.code() }>,
        effects: Signal<Local, Bits<32>>,
        begins: Signal<Local, Bit>,
        goes_out: Signal<Local, Bit>,
        waits: Signal<Local, Bit>,
        acts_now: Signal<Local, Bit>,
        reads: Signal<Local, Bit>,
        writes: Signal<Local, Bit>,
        valid_out: Signal<Local, Bit>,
        following: Signal<Local, Bits<11>>,
        next: Signal<Local, Bits<11>>,
    }
}

impl Serial {
    /// The machine of these parameters, whose port must have 32 bits.
    pub(crate) fn new(params: &Params) -> Self {
        with_ports!(Self {
            rom: Rom::default(),
            decode: Decode::default(),
            registers: Registers::default(),
            operand: Operand::default(),
            alu: Arithmetic::default(),
            words: Words::new(params.spad_log2, params.acc_log2),
            macs_of_bytes: Macs::default(),
            multiplier: Product::default(),
            outgoing: Outgoing::default(),
            tally: Tally::default(),
            running: DFF::default(),
            acts: DFF::default(),
            code: DFF::default(),
            pc: DFF::default(),
            back0: DFF::default(),
            back1: DFF::default(),
            back2: DFF::default(),
            back3: DFF::default(),
            zero: DFF::default(),
            minus: DFF::default(),
            carry: DFF::default(),
            less: DFF::default(),
            shift: DFF::default(),
            index: DFF::default(),
            row: DFF::default(),
            asks_read: DFF::default(),
            asks_write: DFF::default(),
            answered: DFF::default(),
            sends: DFF::default(),
            hash: Constant::new(BigUint::from_bytes_be(&ISA_HASH).into()),
            nothing: Fixed::default(),
            one_row: Fixed::default(),
            load: Fixed::default(),
            load_lanes: Fixed::default(),
            load_byte: Fixed::default(),
            store: Fixed::default(),
            store_lanes: Fixed::default(),
            store_byte: Fixed::default(),
            spread: Fixed::default(),
            dot: Fixed::default(),
            clear_sums: Fixed::default(),
            multiply: Fixed::default(),
            ask_read: Fixed::default(),
            ask_write: Fixed::default(),
            into_digest: Fixed::default(),
            send: Fixed::default(),
            await_written: Fixed::default(),
            set_shift: Fixed::default(),
            set_index: Fixed::default(),
            step: Fixed::default(),
            mark: Fixed::default(),
            end_run: Fixed::default(),
            give_back: Fixed::default(),
            go_on: Fixed::default(),
            count_macs: Fixed::default(),
            effects: Signal::default(),
            begins: Signal::default(),
            goes_out: Signal::default(),
            waits: Signal::default(),
            acts_now: Signal::default(),
            reads: Signal::default(),
            writes: Signal::default(),
            valid_out: Signal::default(),
            following: Signal::default(),
            next: Signal::default(),
        })
    }
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Serial {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, running, acts, code, pc, back0, back1, back2, back3, zero, minus, carry, less);
        dff_setup!(self, clock, shift, index, row, asks_read, asks_write, answered, sends);
        clock!(self, clock, rom, registers, words, macs_of_bytes, multiplier, outgoing, tally);
        self.begins.next = self.start.val() & !self.running.q.val();

        // The micro-instruction, its registers, B, the result.
        self.decode.word.next = self.rom.word.val();
        self.decode.index.next = self.index.q.val();
        self.decode.zero.next = self.zero.q.val();
        self.decode.minus.next = self.minus.q.val();
        self.decode.carry.next = self.carry.q.val();
        self.decode.less.next = self.less.q.val();
        self.decode.kept.next = self.shift.q.val();
        self.effects.next = self.decode.effects.val();
        self.registers.read.next = !self.acts.q.val();
        self.registers.a_index.next = self.decode.a.val();
        self.registers.b_index.next = self.decode.b.val();
        self.operand.source.next = self.decode.source.val();
        self.operand.short.next = self.decode.b.val();
        self.operand.long.next = self.decode.long.val();
        self.operand.register.next = self.registers.b.val();
        self.operand.memory.next = self.words.word.val();
        self.operand.beat.next = self.rdata.val();
        self.operand.sum.next = self.macs_of_bytes.sum.val();
        self.operand.product.next = self.multiplier.product.val();
        self.operand.profile.next = self.profile.val();
        self.operand.base_text.next = self.base_text.val();
        self.operand.base_const.next = self.base_const.val();
        self.operand.base_input.next = self.base_input.val();
        self.operand.base_work.next = self.base_work.val();
        self.operand.base_output.next = self.base_output.val();
        self.alu.op.next = self.decode.op.val();
        self.alu.a.next = self.registers.a.val();
        self.alu.b.next = self.operand.b.val();
        self.alu.carry.next = self.carry.q.val();
        self.alu.shift.next = self.decode.shift.val();

        // Whether it can act.
        self.goes_out.next = self.effects.val().get_bit(self.into_digest.val().index())
            | self.effects.val().get_bit(self.send.val().index());
        self.waits.next = (self.decode.beat.val() & !self.rdata_valid.val())
            | (self.goes_out.val() & (self.outgoing.busy.val() | self.sends.q.val()))
            | (self.effects.val().get_bit(self.await_written.val().index())
                & !(self.answered.q.val() | self.written.val()))
            | (self.effects.val().get_bit(self.mark.val().index()) & !self.mark_ready.val());
        self.acts_now.next = self.running.q.val() & self.acts.q.val() & !self.waits.val();
        self.acts.d.next = self.running.q.val() & !self.acts_now.val();
        self.rdata_ready.next = self.running.q.val() & self.acts.q.val() & self.decode.beat.val();
        self.registers.write.next = self.acts_now.val() & self.decode.write.val();
        self.registers.index.next = self.decode.d.val();
        self.registers.value.next = self.alu.result.val();
        if self.acts_now.val() & self.decode.keep.val() {
            self.zero.d.next = self.alu.is_zero.val();
            self.minus.d.next = self.alu.is_minus.val();
            self.carry.d.next = self.alu.is_carry.val();
            self.less.d.next = self.alu.is_less.val();
        }

        // Where it goes on.
        self.following.next = self.pc.q.val() + 1;
        self.next.next = self.following.val();
        if self.decode.jump.val() {
            self.next.next = self.decode.target.val();
        }
        if self.effects.val().get_bit(self.give_back.val().index()) {
            self.next.next = self.back0.q.val();
        }
        if self.effects.val().get_bit(self.go_on.val().index()) {
            self.next.next = self.operand.b.val().get_bits::<11>(0);
        }
        if !self.running.q.val() {
            self.next.next = 0.into();
        }
        if self.acts_now.val() | !self.running.q.val() {
            self.pc.d.next = self.next.val();
        }
        self.rom.enable.next = self.acts_now.val() | !self.running.q.val();
        self.rom.address.next = self.next.val();
        if self.acts_now.val() & self.decode.call.val() {
            self.back0.d.next = self.following.val();
            self.back1.d.next = self.back0.q.val();
            self.back2.d.next = self.back1.q.val();
            self.back3.d.next = self.back2.q.val();
        }
        if self.acts_now.val() & self.effects.val().get_bit(self.give_back.val().index()) {
            self.back0.d.next = self.back1.q.val();
            self.back1.d.next = self.back2.q.val();
            self.back2.d.next = self.back3.q.val();
        }

        // spad and acc.
        self.reads.next = self.effects.val().get_bit(self.load.val().index())
            | self.effects.val().get_bit(self.load_lanes.val().index())
            | self.effects.val().get_bit(self.load_byte.val().index())
            | self.effects.val().get_bit(self.spread.val().index())
            | self.effects.val().get_bit(self.dot.val().index());
        self.writes.next = self.effects.val().get_bit(self.store.val().index())
            | self.effects.val().get_bit(self.store_lanes.val().index())
            | self.effects.val().get_bit(self.store_byte.val().index());
        self.words.read.next = self.acts_now.val() & self.reads.val();
        self.words.write.next = self.acts_now.val() & self.writes.val();
        self.words.address.next = self.registers.a.val();
        self.words.lanes.next = self.effects.val().get_bit(self.load_lanes.val().index())
            | self.effects.val().get_bit(self.store_lanes.val().index());
        self.words.by_byte.next = self.effects.val().get_bit(self.load_byte.val().index())
            | self.effects.val().get_bit(self.store_byte.val().index());
        self.words.value.next = self.operand.b.val();

        // Products.
        self.macs_of_bytes.clear.next = self.acts_now.val() & self.effects.val().get_bit(self.clear_sums.val().index());
        self.macs_of_bytes.add.next = self.acts_now.val()
            & (self.effects.val().get_bit(self.spread.val().index())
                | self.effects.val().get_bit(self.dot.val().index()));
        self.macs_of_bytes.dot.next = self.effects.val().get_bit(self.dot.val().index());
        self.macs_of_bytes.which.next = self.decode.target.val().get_bits::<2>(0);
        self.macs_of_bytes.factor.next = self.registers.b.val();
        self.macs_of_bytes.data.next = self.words.word.val();
        self.macs_of_bytes.show.next = self.decode.b.val().get_bits::<2>(0);
        self.multiplier.start.next = self.acts_now.val() & self.effects.val().get_bit(self.multiply.val().index());
        self.multiplier.a.next = self.registers.a.val();
        self.multiplier.b.next = self.operand.b.val();

        // The memory port: one row a request.
        self.read_valid.next = self.asks_read.q.val();
        self.read_row.next = self.row.q.val();
        self.read_rows.next = self.one_row.val();
        self.write_valid.next = self.asks_write.q.val();
        self.write_row.next = self.row.q.val();
        self.write_rows.next = self.one_row.val();
        if self.read_ready.val() {
            self.asks_read.d.next = false;
        }
        if self.write_ready.val() {
            self.asks_write.d.next = false;
        }
        if self.written.val() {
            self.answered.d.next = true;
        }
        if self.acts_now.val() & self.effects.val().get_bit(self.ask_read.val().index()) {
            self.asks_read.d.next = true;
            self.row.d.next = self.alu.result.val();
        }
        if self.acts_now.val() & self.effects.val().get_bit(self.ask_write.val().index()) {
            self.asks_write.d.next = true;
            self.answered.d.next = false;
            self.row.d.next = self.alu.result.val();
        }
        self.outgoing.clear.next = self.begins.val();
        self.outgoing.load.next = self.acts_now.val() & self.goes_out.val();
        self.outgoing.value.next = self.operand.b.val();
        self.digest.next = self.outgoing.digest.val();
        self.valid_out.next = self.sends.q.val() & !self.outgoing.busy.val();
        self.wdata_valid.next = self.valid_out.val();
        self.wdata.next = bit_cast::<32, 8>(self.outgoing.word.val().get_bits::<8>(24))
            | (bit_cast::<32, 8>(self.outgoing.word.val().get_bits::<8>(16)) << 8)
            | (bit_cast::<32, 8>(self.outgoing.word.val().get_bits::<8>(8)) << 16)
            | (bit_cast::<32, 8>(self.outgoing.word.val().get_bits::<8>(0)) << 24);
        if self.valid_out.val() & self.wdata_ready.val() {
            self.sends.d.next = false;
        }
        if self.acts_now.val() & self.effects.val().get_bit(self.send.val().index()) {
            self.sends.d.next = true;
        }

        // What it keeps, and what it shows.
        if self.acts_now.val() & self.effects.val().get_bit(self.set_shift.val().index()) {
            self.shift.d.next = self.operand.b.val().get_bits::<5>(0);
        }
        if self.acts_now.val() & self.effects.val().get_bit(self.set_index.val().index()) {
            self.index.d.next = self.operand.b.val().get_bits::<4>(0);
        }
        if self.begins.val() {
            self.running.d.next = true;
            self.code.d.next = 0.into();
        }
        if self.acts_now.val() & self.effects.val().get_bit(self.end_run.val().index()) {
            self.running.d.next = false;
            self.code.d.next = self.operand.b.val().get_bits::<8>(0);
        }
        self.isa_hash.next = self.hash.val();
        self.busy.next = self.running.q.val();
        self.done.next = !self.running.q.val() & self.code.q.val().any();
        self.status.next = self.code.q.val();
        self.mark_valid.next =
            self.running.q.val() & self.acts.q.val() & self.effects.val().get_bit(self.mark.val().index());
        self.mark_id.next = self.operand.b.val();
        self.mark_steps.next = self.tally.steps.val();
        self.steps.next = self.tally.steps.val();
        self.tally.clear.next = self.begins.val();
        self.tally.enable.next = self.running.q.val();
        self.tally.step.next = self.acts_now.val() & self.effects.val().get_bit(self.step.val().index());
        self.tally.new_macs.next = 0.into();
        if self.acts_now.val() & self.effects.val().get_bit(self.count_macs.val().index()) {
            self.tally.new_macs.next = self.operand.b.val().get_bits::<11>(0);
        }
        self.tally.read.next =
            self.rdata_valid.val() & self.running.q.val() & self.acts.q.val() & self.decode.beat.val();
        self.tally.write.next = self.valid_out.val() & self.wdata_ready.val();
        self.cycles.next = self.tally.cycles.val();
        self.macs.next = self.tally.macs.val();
        self.bytes_read.next = self.tally.bytes_read.val();
        self.bytes_written.next = self.tally.bytes_written.val();

        // Parts that there are none of.
        self.awake.next = self.nothing.val().get_bits::<8>(0);
        self.activity.next = self.nothing.val().get_bits::<21>(0);
        self.issued.next = false;
        self.issued_unit.next = self.nothing.val().get_bits::<3>(0);
        self.issued_pc.next = self.nothing.val().get_bits::<32>(0);
        self.takes.next = self.nothing.val().get_bits::<6>(0);
        self.retires.next = self.nothing.val().get_bits::<6>(0);
        self.count_load_work.next = self.nothing.val();
        self.count_load_operand.next = self.nothing.val();
        self.count_load_bank.next = self.nothing.val();
        self.count_load_memory.next = self.nothing.val();
        self.count_load_start.next = self.nothing.val();
        self.count_load_drain.next = self.nothing.val();
        self.count_store_work.next = self.nothing.val();
        self.count_store_operand.next = self.nothing.val();
        self.count_store_bank.next = self.nothing.val();
        self.count_store_memory.next = self.nothing.val();
        self.count_store_start.next = self.nothing.val();
        self.count_store_drain.next = self.nothing.val();
        self.count_move_work.next = self.nothing.val();
        self.count_move_operand.next = self.nothing.val();
        self.count_move_bank.next = self.nothing.val();
        self.count_move_memory.next = self.nothing.val();
        self.count_move_start.next = self.nothing.val();
        self.count_move_drain.next = self.nothing.val();
        self.count_matrix_work.next = self.nothing.val();
        self.count_matrix_operand.next = self.nothing.val();
        self.count_matrix_bank.next = self.nothing.val();
        self.count_matrix_memory.next = self.nothing.val();
        self.count_matrix_start.next = self.nothing.val();
        self.count_matrix_drain.next = self.nothing.val();
        self.count_depthwise_work.next = self.nothing.val();
        self.count_depthwise_operand.next = self.nothing.val();
        self.count_depthwise_bank.next = self.nothing.val();
        self.count_depthwise_memory.next = self.nothing.val();
        self.count_depthwise_start.next = self.nothing.val();
        self.count_depthwise_drain.next = self.nothing.val();
        self.count_vector_work.next = self.nothing.val();
        self.count_vector_operand.next = self.nothing.val();
        self.count_vector_bank.next = self.nothing.val();
        self.count_vector_memory.next = self.nothing.val();
        self.count_vector_start.next = self.nothing.val();
        self.count_vector_drain.next = self.nothing.val();
        self.count_front_issue.next = self.nothing.val();
        self.count_front_fetch.next = self.nothing.val();
        self.count_front_full.next = self.nothing.val();
        self.count_front_result.next = self.nothing.val();
        self.count_front_clear.next = self.nothing.val();
        self.count_front_end.next = self.nothing.val();
    }
}
