//! Instructions one after another: fetched, decoded, executed if scalar, else checked and passed to the scoreboard.

use isa::Status;
use rust_hdl::prelude::*;

use super::alu::Alu;
use super::check::Check;
use super::decode::Decode;
use super::fetch::Fetch;
use super::legal::Legal;
use crate::encoding::*;
use crate::operation::Operation;
use crate::prims::{Fixed, Kind, OpcodeRom, RegFile};
use crate::profile::SizesLog2;
use crate::scoreboard::Claim;

/// What the front end is about.
#[derive(Copy, Clone, Debug, PartialEq, Eq, LogicState)]
pub(crate) enum Phase {
    Idle,
    Settle,
    Clear,
    Run,
    End,
}

/// What the front end did in a cycle, as the number that `activity` shows.
#[derive(Copy, Clone, Debug, PartialEq, Eq, LogicState)]
pub(crate) enum Activity {
    Off,
    Issue,
    Fetch,
    Full,
    Result,
    Clear,
    End,
}

/// Runs from `start` to HALT or a trap. A word is looked at for a cycle (`decoded`), then its instruction executes, or
/// goes to the checker if that is free; from there to `operation`, which the scoreboard takes. `LW` and `ARGMAX` hold
/// the next instruction back until they have retired and their registers are written.
#[derive(LogicBlock, Default)]
pub(crate) struct Front {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) start: Signal<In, Bit>,
    pub(crate) limit: Signal<In, Bits<64>>,
    pub(crate) sizes: Signal<In, SizesLog2>,
    pub(crate) base_text: Signal<In, Bits<32>>,
    pub(crate) base_const: Signal<In, Bits<32>>,
    pub(crate) base_input: Signal<In, Bits<32>>,
    pub(crate) base_work: Signal<In, Bits<32>>,
    pub(crate) base_output: Signal<In, Bits<32>>,
    pub(crate) busy: Signal<Out, Bit>,
    pub(crate) status: Signal<Out, Bits<8>>,
    pub(crate) steps: Signal<Out, Bits<64>>,
    pub(crate) activity: Signal<Out, Activity>,
    /// The run begins: whatever was counted or in flight is void.
    pub(crate) reset: Signal<Out, Bit>,
    /// The last row of the memories is being cleared.
    pub(crate) cleared: Signal<In, Bit>,
    pub(crate) req_valid: Signal<Out, Bit>,
    pub(crate) req_row: Signal<Out, Bits<32>>,
    pub(crate) req_rows: Signal<Out, Bits<16>>,
    pub(crate) req_ready: Signal<In, Bit>,
    pub(crate) row_valid: Signal<In, Bit>,
    pub(crate) row: Signal<In, Bits<256>>,
    /// An admitted instruction, until `entered`.
    pub(crate) offer: Signal<Out, Bit>,
    pub(crate) operation: Signal<Out, Operation>,
    pub(crate) claim: Signal<Out, Claim>,
    pub(crate) operation_pc: Signal<Out, Bits<32>>,
    pub(crate) entered: Signal<In, Bit>,
    /// By unit: instructions are in flight.
    pub(crate) live: Signal<In, Bits<6>>,
    /// The result of `LW`, and of `ARGMAX`: whether registers are written, x[rd] and x[rv].
    pub(crate) word: Signal<In, Bits<32>>,
    pub(crate) found: Signal<In, Bit>,
    pub(crate) index: Signal<In, Bits<32>>,
    pub(crate) best: Signal<In, Bits<32>>,
    state: DFF<Phase>,
    pc: DFF<Bits<32>>,
    step_count: DFF<Bits<64>>,
    end_status: DFF<Bits<8>>,
    clearing: DFF<Bits<4>>,
    memories: DFF<Bit>,
    decoded: DFF<Bit>,
    /// The multiplier has had the factors of `MUL`.
    multiplied: DFF<Bit>,
    /// Results that are waited for, where they go, and that the first of two is written.
    awaits_word: DFF<Bit>,
    awaits_best: DFF<Bit>,
    target: DFF<Bits<4>>,
    value_target: DFF<Bits<4>>,
    index_written: DFF<Bit>,
    check_pc: DFF<Bits<32>>,
    issue: DFF<Bit>,
    issue_op: DFF<Operation>,
    issue_claim: DFF<Claim>,
    issue_pc: DFF<Bits<32>>,
    fetch: Fetch,
    registers: RegFile,
    rom: OpcodeRom,
    decode: Decode,
    law: Legal,
    check: Check,
    alu: Alu,
    room: Signal<Local, Bits<64>>,
    outside: Signal<Local, Bits<32>>,
    beyond: Signal<Local, Bit>,
    hold: Signal<Local, Bit>,
    held_back: Signal<Local, Bit>,
    trapped: Signal<Local, Bit>,
    ready: Signal<Local, Bit>,
    advance: Signal<Local, Bit>,
    next_pc: Signal<Local, Bits<32>>,
    after: Signal<Local, Bits<64>>,
    rd: Signal<Local, Bits<4>>,
    last_register: Fixed<4, 15>,
    at_rd: Fixed<8, { RD.lsb }>,
    at_rv: Fixed<8, { RV.lsb }>,
    of_store: Fixed<3, 1>,
    of_vector: Fixed<3, 5>,
    halted: Fixed<8, { Status::Halted as u64 }>,
    illegal: Fixed<8, { Status::Illegal as u64 }>,
    limited: Fixed<8, { Status::Limit as u64 }>,
    no_text: Fixed<8, { Status::Fetch as u64 }>,
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Front {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            pc,
            step_count,
            end_status,
            clearing,
            memories,
            decoded,
            multiplied,
            awaits_word
        );
        dff_setup!(self, clock, awaits_best, target, value_target, index_written, check_pc);
        dff_setup!(self, clock, issue, issue_op, issue_claim, issue_pc);
        clock!(self, clock, fetch, registers, rom, check);
        self.room.next = self.limit.val() - self.step_count.q.val();

        // The word, and one cycle later its kind and operands.
        self.rom.word.next = self.fetch.word.val();
        self.decode.word.next = self.fetch.word.val();
        self.decode.kind.next = self.rom.kind.val();
        self.decode.traits.next = self.rom.traits.val();
        self.decode.base_const.next = self.base_const.val();
        self.decode.base_input.next = self.base_input.val();
        self.decode.base_work.next = self.base_work.val();
        self.decode.base_output.next = self.base_output.val();
        self.law.word.next = self.fetch.word.val();
        self.law.kind.next = self.rom.kind.val();
        self.law.traits.next = self.rom.traits.val();
        self.law.stray.next = self.rom.stray.val();
        self.registers.a_index.next = self.decode.a_reg.val();
        self.registers.b_index.next = self.decode.b_reg.val();
        self.registers.c_index.next = self.decode.count_reg.val();
        self.registers.d_index.next = self.decode.d_reg.val();
        self.registers.e_index.next = self.decode.p_reg.val();
        self.alu.kind.next = self.rom.kind.val();
        self.alu.a.next = self.registers.a.val();
        self.alu.b.next = self.registers.e.val();
        self.alu.imm.next = self.decode.fields.val().imm;
        self.alu.product.next = self.check.product.val();
        self.check.traits.next = self.rom.traits.val();
        self.check.fields.next = self.decode.fields.val();
        self.check.csel.next = self.decode.csel.val();
        self.check.count_value.next = self.registers.c.val();
        self.check.d_value.next = self.registers.d.val();
        self.check.a_value.next = self.registers.a.val();
        self.check.b_value.next = self.registers.b.val();
        self.check.p_value.next = self.registers.e.val();
        self.check.sizes.next = self.sizes.val();
        self.check.room.next = self.room.val();
        self.check.factor_a.next = self.registers.a.val();
        self.check.factor_b.next = self.alu.second.val();
        self.outside.next = self.pc.q.val() >> self.sizes.val().text;
        self.beyond.next = self.outside.val().any();
        self.next_pc.next = self.pc.q.val() + 1;
        self.rd.next = self.fetch.word.val().get_bits::<{ RD.width }>(self.at_rd.val().index());

        // From the checker to the scoreboard.
        self.hold.next = self.issue.q.val() & !self.entered.val();
        self.check.hold.next = self.hold.val();
        self.trapped.next = self.check.done.val() & self.check.trap.val().any();
        self.after.next = self.step_count.q.val() + self.check.total.val();
        if self.entered.val() {
            self.issue.d.next = false;
        }
        if (self.state.q.val() == Phase::Run) & self.check.done.val() & !self.hold.val() & !self.trapped.val() {
            self.issue.d.next = true;
            self.issue_op.d.next = self.check.operation.val();
            self.issue_claim.d.next = self.check.claim.val();
            self.issue_pc.d.next = self.check_pc.q.val();
            if self.check.operation.val().kind == Kind::Mark {
                self.issue_op.d.next.a_base = self.after.val().get_bits::<32>(0);
                self.issue_op.d.next.b_base = self.after.val().get_bits::<32>(32);
            }
            self.step_count.d.next = self.after.val();
        }
        self.ready.next = self.check.idle.val() | (self.check.done.val() & !self.hold.val() & !self.trapped.val());
        self.held_back.next = self.awaits_word.q.val() | self.awaits_best.q.val();

        self.registers.write_enable.next = self.state.q.val() == Phase::Clear;
        self.registers.write_index.next = self.clearing.q.val();
        self.registers.write_data.next = 0.into();
        self.advance.next = false;
        self.fetch.flush.next = false;
        self.check.go.next = false;
        self.decoded.d.next = self.fetch.valid.val();
        match self.state.q.val() {
            Phase::Idle => {
                if self.start.val() {
                    self.state.d.next = Phase::Settle;
                }
            }
            Phase::Settle => {
                self.pc.d.next = 0.into();
                self.fetch.flush.next = true;
                self.decoded.d.next = false;
                self.step_count.d.next = 0.into();
                self.end_status.d.next = 0.into();
                self.clearing.d.next = 0.into();
                self.memories.d.next = false;
                self.multiplied.d.next = false;
                self.awaits_word.d.next = false;
                self.awaits_best.d.next = false;
                self.index_written.d.next = false;
                self.state.d.next = Phase::Clear;
            }
            Phase::Clear => {
                // The memories, and a register a cycle.
                if self.cleared.val() {
                    self.memories.d.next = true;
                }
                self.clearing.d.next = self.clearing.q.val() + 1;
                if self.clearing.q.val() == self.last_register.val() {
                    self.clearing.d.next = self.clearing.q.val();
                    if self.memories.q.val() {
                        self.state.d.next = Phase::Run;
                    }
                }
            }
            Phase::Run => {
                if self.trapped.val() {
                    self.end_status.d.next = self.check.trap.val();
                    self.state.d.next = Phase::End;
                } else if self.held_back.val() {
                    // Where the instruction has retired, its result stands.
                    self.registers.write_index.next = self.target.q.val();
                    self.registers.write_data.next = self.word.val();
                    if self.check.idle.val() & !self.issue.q.val() {
                        if self.awaits_word.q.val() & !self.live.val().get_bit(self.of_store.val().index()) {
                            self.registers.write_enable.next = self.target.q.val().any();
                            self.awaits_word.d.next = false;
                        }
                        if self.awaits_best.q.val() & !self.live.val().get_bit(self.of_vector.val().index()) {
                            self.registers.write_enable.next = self.found.val();
                            self.registers.write_data.next = self.index.val();
                            self.index_written.d.next = true;
                            if self.index_written.q.val() {
                                self.registers.write_index.next = self.value_target.q.val();
                                self.registers.write_data.next = self.best.val();
                                self.index_written.d.next = false;
                                self.awaits_best.d.next = false;
                            }
                        }
                    }
                } else if self.beyond.val() {
                    if self.check.idle.val() {
                        self.end_status.d.next = self.no_text.val();
                        self.state.d.next = Phase::End;
                    }
                } else if self.decoded.q.val() {
                    if !self.law.legal.val() {
                        if self.check.idle.val() {
                            self.end_status.d.next = self.illegal.val();
                            self.state.d.next = Phase::End;
                        }
                    } else if self.rom.traits.val().queued {
                        if self.ready.val() {
                            self.check.go.next = true;
                            self.check_pc.d.next = self.pc.q.val();
                            self.advance.next = true;
                            self.awaits_word.d.next = self.rom.kind.val() == Kind::Lw;
                            self.awaits_best.d.next = self.rom.kind.val() == Kind::Argmax;
                            self.target.d.next = self.rd.val();
                            self.value_target.d.next =
                                self.fetch.word.val().get_bits::<{ RV.width }>(self.at_rv.val().index());
                        }
                    } else if self.check.idle.val() {
                        if self.room.val() == 0 {
                            self.end_status.d.next = self.limited.val();
                            self.state.d.next = Phase::End;
                        } else if self.rom.kind.val() == Kind::Halt {
                            self.end_status.d.next = self.halted.val();
                            self.state.d.next = Phase::End;
                        } else if (self.rom.kind.val() == Kind::Mul) & !self.multiplied.q.val() {
                            self.multiplied.d.next = true;
                        } else {
                            self.multiplied.d.next = false;
                            self.registers.write_enable.next = self.alu.writes.val() & self.rd.val().any();
                            self.registers.write_index.next = self.rd.val();
                            self.registers.write_data.next = self.alu.result.val();
                            self.step_count.d.next = self.step_count.q.val() + 1;
                            if self.alu.taken.val() {
                                self.pc.d.next = self.alu.imm.val();
                                self.fetch.flush.next = true;
                                self.decoded.d.next = false;
                            } else {
                                self.advance.next = true;
                            }
                        }
                    }
                }
            }
            Phase::End => {
                if self.check.idle.val() & !self.issue.q.val() & !self.live.val().any() & !self.fetch.busy.val() {
                    self.step_count.d.next = self.step_count.q.val() + 1;
                    self.state.d.next = Phase::Idle;
                }
            }
        }
        self.fetch.clear.next = self.state.q.val() == Phase::Settle;
        self.fetch.run.next = (self.state.q.val() == Phase::Clear) | (self.state.q.val() == Phase::Run);
        self.fetch.ask.next = !self.fetch.valid.val() | self.advance.val();
        self.fetch.pc.next = self.pc.q.val();
        if self.advance.val() {
            self.fetch.pc.next = self.next_pc.val();
            self.pc.d.next = self.next_pc.val();
            self.decoded.d.next = false;
        }
        self.fetch.text_log2.next = self.sizes.val().text;
        self.fetch.base_text.next = self.base_text.val();
        self.fetch.req_ready.next = self.req_ready.val();
        self.fetch.row_valid.next = self.row_valid.val();
        self.fetch.row.next = self.row.val();
        self.req_valid.next = self.fetch.req_valid.val();
        self.req_row.next = self.fetch.req_row.val();
        self.req_rows.next = self.fetch.req_rows.val();

        self.offer.next = self.issue.q.val();
        self.operation.next = self.issue_op.q.val();
        self.claim.next = self.issue_claim.q.val();
        self.operation_pc.next = self.issue_pc.q.val();
        self.busy.next = self.state.q.val() != Phase::Idle;
        self.status.next = self.end_status.q.val();
        self.steps.next = self.step_count.q.val();
        self.reset.next = self.state.q.val() == Phase::Settle;
        self.activity.next = Activity::Issue;
        if self.state.q.val() == Phase::Idle {
            self.activity.next = Activity::Off;
        } else if self.state.q.val() == Phase::End {
            self.activity.next = Activity::End;
        } else if self.state.q.val() != Phase::Run {
            self.activity.next = Activity::Clear;
        } else if self.check.done.val() & self.hold.val() {
            self.activity.next = Activity::Full;
        } else if self.check.idle.val() & self.held_back.val() {
            self.activity.next = Activity::Result;
        } else if self.check.idle.val() & !self.fetch.valid.val() & !self.beyond.val() {
            self.activity.next = Activity::Fetch;
        }
    }
}
