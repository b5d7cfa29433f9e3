//! Instructions one after another: fetch, decode, admit or trap, execute, count steps.

use isa::Status;
use rust_hdl::prelude::*;

use crate::alu::Alu;
use crate::check::Check;
use crate::decode::Decode;
use crate::encoding::*;
use crate::legal::Legal;
use crate::operation::Operation;
use crate::prims::{Fixed, Kind, Multiplier, OpcodeRom, RegFile};
use crate::profile::SizesLog2;

/// What the control does in a cycle.
#[derive(Copy, Clone, Debug, PartialEq, Eq, LogicState)]
pub(crate) enum Phase {
    Idle,
    Settle,
    Clear,
    Fetch,
    Wait,
    Decode,
    Dispatch,
    Execute,
    Check,
    Launch,
    Run,
    Best,
    Stopped,
}

/// Runs from `start` to HALT or a trap; the units do what `operation` says between `launch` and `unit_done`.
#[derive(LogicBlock, Default)]
pub(crate) struct Control {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) start: Signal<In, Bit>,
    pub(crate) limit: Signal<In, Bits<64>>,
    pub(crate) sizes: Signal<In, SizesLog2>,
    pub(crate) base_const: Signal<In, Bits<32>>,
    pub(crate) base_input: Signal<In, Bits<32>>,
    pub(crate) base_work: Signal<In, Bits<32>>,
    pub(crate) base_output: Signal<In, Bits<32>>,
    pub(crate) phase: Signal<Out, Phase>,
    pub(crate) kind: Signal<Out, Kind>,
    pub(crate) status: Signal<Out, Bits<8>>,
    pub(crate) steps: Signal<Out, Bits<64>>,
    pub(crate) mark_valid: Signal<Out, Bit>,
    pub(crate) mark_id: Signal<Out, Bits<32>>,
    /// The last row is being cleared.
    pub(crate) cleared: Signal<In, Bit>,
    pub(crate) fetch: Signal<Out, Bit>,
    pub(crate) pc: Signal<Out, Bits<32>>,
    pub(crate) fetched: Signal<In, Bit>,
    pub(crate) word: Signal<In, Bits<256>>,
    pub(crate) launch: Signal<Out, Bit>,
    pub(crate) operation: Signal<Out, Operation>,
    pub(crate) unit_done: Signal<In, Bit>,
    /// The instruction is one of the vector unit.
    pub(crate) vector: Signal<Out, Bit>,
    /// With `unit_done`: registers are to be written, x[rd] and, by `ARGMAX`, x[rv].
    pub(crate) found: Signal<In, Bit>,
    pub(crate) result: Signal<In, Bits<32>>,
    pub(crate) best: Signal<In, Bits<32>>,
    state: DFF<Phase>,
    pc_register: DFF<Bits<32>>,
    step_count: DFF<Bits<64>>,
    end_status: DFF<Bits<8>>,
    op: DFF<Operation>,
    registers: RegFile,
    rom: OpcodeRom,
    decode: Decode,
    law: Legal,
    check: Check,
    alu: Alu,
    multiplier: Multiplier,
    room: Signal<Local, Bits<64>>,
    beyond: Signal<Local, Bits<64>>,
    imm: Signal<Local, Bits<32>>,
    next_pc: Signal<Local, Bits<32>>,
    at_creg: Fixed<8, { CREG.lsb }>,
    at_csel: Fixed<8, { CSEL.lsb }>,
    at_d_reg: Fixed<8, { D_REG.lsb }>,
    at_rd: Fixed<8, { RD.lsb }>,
    at_ra: Fixed<8, { RA.lsb }>,
    at_rv: Fixed<8, { RV.lsb }>,
    at_rb: Fixed<8, { RB.lsb }>,
    at_imm: Fixed<8, { IMM.lsb }>,
    region_const: Fixed<3, { isa::Subtree::Const as u64 }>,
    region_input: Fixed<3, { isa::Subtree::Input as u64 }>,
    region_work: Fixed<3, { isa::Subtree::Work as u64 }>,
    halted: Fixed<8, { Status::Halted as u64 }>,
    illegal: Fixed<8, { Status::Illegal as u64 }>,
    limited: Fixed<8, { Status::Limit as u64 }>,
    no_text: Fixed<8, { Status::Fetch as u64 }>,
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Control {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, pc_register, step_count, end_status, op);
        clock!(self, clock, registers, rom, decode, law, check, alu, multiplier);
        self.room.next = self.limit.val() - self.step_count.q.val();
        self.imm.next = self.word.val().get_bits::<{ IMM.width }>(self.at_imm.val().index());

        // The word is there from Decode on, its kind and the scalars' registers from Dispatch on.
        self.rom.word.next = self.word.val();
        self.decode.word.next = self.word.val();
        self.decode.traits.next = self.rom.traits.val();
        self.law.word.next = self.word.val();
        self.law.kind.next = self.rom.kind.val();
        self.law.traits.next = self.rom.traits.val();
        self.law.stray.next = self.rom.stray.val();
        self.registers.b_index.next = self.word.val().get_bits::<{ RB.width }>(self.at_rb.val().index());
        if self.rom.kind.val() == Kind::Argmax {
            self.registers.b_index.next = self.word.val().get_bits::<{ RV.width }>(self.at_rv.val().index());
        }
        self.registers.a_index.next = self.check.register_index.val();
        if self.state.q.val() == Phase::Decode {
            self.registers.a_index.next = self.word.val().get_bits::<{ RA.width }>(self.at_ra.val().index());
        }
        self.alu.kind.next = self.rom.kind.val();
        self.alu.a.next = self.registers.a.val();
        self.alu.b.next = self.registers.b.val();
        self.alu.imm.next = self.imm.val();
        self.alu.product.next = self.multiplier.product.val();
        self.multiplier.a.next = self.check.factor_a.val();
        self.multiplier.b.next = self.check.factor_b.val();
        if self.state.q.val() == Phase::Dispatch {
            self.multiplier.a.next = self.registers.a.val();
            self.multiplier.b.next = self.alu.second.val();
        }
        self.registers.clear.next = self.state.q.val() == Phase::Settle;
        self.registers.write_enable.next = (self.state.q.val() == Phase::Execute) & self.alu.writes.val();
        self.registers.write_index.next = self.word.val().get_bits::<{ RD.width }>(self.at_rd.val().index());
        self.registers.write_data.next = self.alu.result.val();
        if self.state.q.val() == Phase::Run {
            self.registers.write_enable.next = self.unit_done.val()
                & self.found.val()
                & ((self.rom.kind.val() == Kind::Argmax) | (self.rom.kind.val() == Kind::Lw));
            self.registers.write_data.next = self.result.val();
        } else if self.state.q.val() == Phase::Best {
            self.registers.write_enable.next = self.found.val();
            self.registers.write_index.next = self.word.val().get_bits::<{ RV.width }>(self.at_rv.val().index());
            self.registers.write_data.next = self.best.val();
        }

        self.check.go.next = (self.state.q.val() == Phase::Dispatch) & self.law.legal.val() & self.law.moves_rows.val();
        self.check.traits.next = self.rom.traits.val();
        self.check.fields.next = self.decode.fields.val();
        self.check.creg.next = self.word.val().get_bits::<{ CREG.width }>(self.at_creg.val().index());
        self.check.csel.next = self.word.val().get_bits::<{ CSEL.width }>(self.at_csel.val().index());
        self.check.d_reg.next = self.word.val().get_bits::<{ D_REG.width }>(self.at_d_reg.val().index());
        self.check.a_reg.next = self.decode.a_reg.val();
        self.check.b_reg.next = self.decode.b_reg.val();
        self.check.p_reg.next = self.decode.p_reg.val();
        self.check.sizes.next = self.sizes.val();
        self.check.room.next = self.room.val();
        self.check.register.next = self.registers.a.val();
        self.check.product.next = self.multiplier.product.val();

        self.beyond.next = bit_cast::<64, 32>(self.pc_register.q.val()) >> self.sizes.val().text;
        self.next_pc.next = self.pc_register.q.val() + 1;
        self.mark_valid.next = false;
        match self.state.q.val() {
            Phase::Idle => {}
            Phase::Settle => {
                self.pc_register.d.next = 0.into();
                self.step_count.d.next = 0.into();
                self.end_status.d.next = 0.into();
                self.state.d.next = Phase::Clear;
            }
            Phase::Clear => {
                if self.cleared.val() {
                    self.state.d.next = Phase::Fetch;
                }
            }
            Phase::Fetch => {
                self.state.d.next = Phase::Wait;
                if self.beyond.val().any() {
                    self.end_status.d.next = self.no_text.val();
                    self.state.d.next = Phase::Stopped;
                }
            }
            Phase::Wait => {
                if self.fetched.val() {
                    self.state.d.next = Phase::Decode;
                }
            }
            Phase::Decode => {
                self.state.d.next = Phase::Dispatch;
            }
            Phase::Dispatch => {
                self.state.d.next = Phase::Execute;
                if !self.law.legal.val() {
                    self.end_status.d.next = self.illegal.val();
                    self.state.d.next = Phase::Stopped;
                } else if self.law.moves_rows.val() {
                    self.state.d.next = Phase::Check;
                } else if self.room.val() == 0 {
                    self.end_status.d.next = self.limited.val();
                    self.state.d.next = Phase::Stopped;
                } else if self.rom.kind.val() == Kind::Halt {
                    self.end_status.d.next = self.halted.val();
                    self.state.d.next = Phase::Stopped;
                }
            }
            Phase::Execute => {
                self.mark_valid.next = self.rom.kind.val() == Kind::Mark;
                self.step_count.d.next = self.step_count.q.val() + 1;
                self.pc_register.d.next = self.next_pc.val();
                if self.alu.taken.val() {
                    self.pc_register.d.next = self.imm.val();
                }
                self.state.d.next = Phase::Fetch;
            }
            Phase::Check => {
                if self.check.done.val() {
                    self.state.d.next = Phase::Launch;
                    if self.check.trap.val().any() {
                        self.end_status.d.next = self.check.trap.val();
                        self.state.d.next = Phase::Stopped;
                    }
                }
                self.op.d.next = self.check.operation.val();
                self.op.d.next.kind = self.rom.kind.val();
                self.op.d.next.value = self.registers.b.val();
                self.op.d.next.region_base = self.base_output.val();
                if self.op.q.val().region == self.region_const.val() {
                    self.op.d.next.region_base = self.base_const.val();
                } else if self.op.q.val().region == self.region_input.val() {
                    self.op.d.next.region_base = self.base_input.val();
                } else if self.op.q.val().region == self.region_work.val() {
                    self.op.d.next.region_base = self.base_work.val();
                }
            }
            Phase::Launch => {
                self.state.d.next = Phase::Run;
            }
            Phase::Run => {
                if self.unit_done.val() {
                    self.step_count.d.next = self.step_count.q.val() + self.check.total.val();
                    self.pc_register.d.next = self.next_pc.val();
                    self.state.d.next = Phase::Fetch;
                    if self.rom.kind.val() == Kind::Argmax {
                        self.state.d.next = Phase::Best;
                    }
                }
            }
            Phase::Best => {
                self.state.d.next = Phase::Fetch;
            }
            Phase::Stopped => {
                self.step_count.d.next = self.step_count.q.val() + 1;
                self.state.d.next = Phase::Idle;
            }
        }
        if (self.state.q.val() == Phase::Idle) & self.start.val() {
            self.state.d.next = Phase::Settle;
        }
        self.phase.next = self.state.q.val();
        self.kind.next = self.rom.kind.val();
        self.status.next = self.end_status.q.val();
        self.steps.next = self.step_count.q.val();
        self.mark_id.next = self.imm.val();
        self.fetch.next = (self.state.q.val() == Phase::Fetch) & !self.beyond.val().any();
        self.pc.next = self.pc_register.q.val();
        self.launch.next = self.state.q.val() == Phase::Launch;
        self.operation.next = self.op.q.val();
        self.vector.next = self.rom.traits.val().vector;
    }
}
