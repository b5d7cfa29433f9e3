//! Which operand is read next: one slot after another, a row's last operand last.

use rust_hdl::prelude::*;

use super::needs::{Needs, Survey};
use crate::operation::Operation;
use crate::prims::{Fixed, Held};
use crate::walker::Walker;

/// What is to be read.
#[derive(Copy, Clone, Debug, PartialEq, Eq, LogicState)]
pub(crate) enum Slot {
    /// No instruction.
    Idle,
    /// The parameter row of `ADDQ`.
    Constants,
    /// Row `block_row` of a parameter block, a table or a tile.
    Block,
    /// a of `VSEL`.
    Judge,
    /// The first of two operands.
    Look,
    /// The last operand of a row; of `MAXQ`, a tap.
    Final,
}

/// Holds an instruction until its last operand is read, and takes the next one in that cycle.
///
/// A block is read again only where its address may have changed within the instruction.
#[derive(LogicBlock, Default)]
pub(crate) struct Reader {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) ready: Signal<In, Bit>,
    pub(crate) op: Signal<In, Operation>,
    /// The slot's read is done.
    pub(crate) issued: Signal<In, Bit>,
    pub(crate) take: Signal<Out, Bit>,
    pub(crate) slot: Signal<Out, Slot>,
    pub(crate) held: Signal<Out, Operation>,
    pub(crate) needs: Signal<Out, Needs>,
    pub(crate) block_row: Signal<Out, Bits<5>>,
    pub(crate) column: Signal<Out, Bits<5>>,
    pub(crate) a_address: Signal<Out, Bits<20>>,
    pub(crate) b_address: Signal<Out, Bits<32>>,
    pub(crate) d_address: Signal<Out, Bits<20>>,
    pub(crate) first_tap: Signal<Out, Bit>,
    /// With this slot a row is complete; and with it the instruction.
    pub(crate) row_end: Signal<Out, Bit>,
    pub(crate) op_end: Signal<Out, Bit>,
    state: DFF<Slot>,
    need: DFF<Needs>,
    row: DFF<Bits<5>>,
    at_column: DFF<Bits<5>>,
    kept: Held,
    survey: Survey,
    a: Walker<20>,
    b: Walker<32>,
    d: Walker<20>,
    finishes: Signal<Local, Bit>,
    loads: Signal<Local, Bit>,
    moves0: Signal<Local, Bit>,
    moves1: Signal<Local, Bit>,
    renews: Signal<Local, Bit>,
    last_row: Signal<Local, Bits<5>>,
    tile_end: Fixed<5, { isa::TILE_ROWS as u64 - 1 }>,
    block_end: Fixed<5, { isa::PARAM_ROWS as u64 - 1 }>,
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Reader {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, need, row, at_column);
        clock!(self, clock, kept, a, b, d);
        self.row_end.next = (self.state.q.val() == Slot::Final) & self.a.last_tap.val();
        self.op_end.next = (self.state.q.val() == Slot::Final) & self.a.last.val();
        self.finishes.next = self.issued.val() & (self.state.q.val() == Slot::Final) & self.a.last.val();
        self.loads.next = self.ready.val() & ((self.state.q.val() == Slot::Idle) | self.finishes.val());
        self.take.next = self.loads.val();
        self.survey.op.next = self.op.val();
        self.kept.enable.next = self.loads.val();
        self.kept.op.next = self.op.val();

        // Bases and counts are those of the instruction that is taken, strides those of the one that is held.
        self.a.load.next = self.loads.val();
        self.a.base.next = bit_cast::<20, 32>(self.op.val().a_base);
        self.a.n0.next = self.kept.out.val().n0;
        self.a.n1.next = self.op.val().n1;
        self.a.nt.next = self.kept.out.val().kt;
        self.a.s0.next = bit_cast::<20, 32>(self.kept.out.val().a_s0);
        self.a.s1.next = bit_cast::<20, 32>(self.kept.out.val().a_s1);
        self.a.st.next = bit_cast::<20, 32>(self.kept.out.val().a_sk);
        self.b.load.next = self.loads.val();
        self.b.base.next = self.op.val().b_base;
        self.b.n0.next = self.kept.out.val().n0;
        self.b.n1.next = self.op.val().n1;
        self.b.nt.next = 1.into();
        self.b.s0.next = self.kept.out.val().b_s0;
        self.b.s1.next = self.kept.out.val().b_s1;
        self.b.st.next = 0.into();
        if self.need.q.val().transposes {
            self.b.s0.next = self.kept.out.val().a_s0;
            self.b.s1.next = self.kept.out.val().a_s1;
        }
        self.d.load.next = self.loads.val();
        self.d.base.next = self.op.val().d_base;
        self.d.n0.next = self.kept.out.val().n0;
        self.d.n1.next = self.op.val().n1;
        self.d.nt.next = 1.into();
        self.d.s0.next = self.kept.out.val().d_s0;
        self.d.s1.next = self.kept.out.val().d_s1;
        self.d.st.next = 0.into();
        if self.loads.val() {
            self.a.n0.next = self.op.val().n0;
            self.b.n0.next = self.op.val().n0;
            self.d.n0.next = self.op.val().n0;
            self.a.nt.next = self.op.val().kt;
            if self.survey.needs.val().transposes {
                self.b.base.next = self.op.val().a_base;
            }
        }
        self.a.step.next = self.issued.val() & (self.state.q.val() == Slot::Final);
        self.b.step.next = self.issued.val() & (self.state.q.val() == Slot::Final);
        self.d.step.next = self.issued.val() & (self.state.q.val() == Slot::Final) & self.a.last_tap.val();

        // Whether the next row has another block.
        self.moves0.next = bit_cast::<20, 32>(self.kept.out.val().b_s0).any();
        self.moves1.next = bit_cast::<20, 32>(self.kept.out.val().b_s1).any();
        if self.need.q.val().transposes {
            self.moves0.next = bit_cast::<20, 32>(self.kept.out.val().a_s0).any();
            self.moves1.next = bit_cast::<20, 32>(self.kept.out.val().a_s1).any();
        }
        self.renews.next = self.moves0.val() | (self.a.last_inner.val() & self.moves1.val());
        self.last_row.next = self.block_end.val();
        if self.need.q.val().tile {
            self.last_row.next = self.tile_end.val();
        }

        if self.issued.val() {
            if self.state.q.val() == Slot::Constants {
                self.state.d.next = Slot::Look;
            } else if self.state.q.val() == Slot::Block {
                self.row.d.next = self.row.q.val() + 1;
                if self.row.q.val() == self.last_row.val() {
                    self.row.d.next = 0.into();
                    self.state.d.next = Slot::Final;
                }
            } else if self.state.q.val() == Slot::Judge {
                self.state.d.next = Slot::Final;
                if self.need.q.val().looks {
                    self.state.d.next = Slot::Look;
                }
            } else if self.state.q.val() == Slot::Look {
                self.state.d.next = Slot::Final;
            } else if self.a.last_tap.val() {
                self.at_column.d.next = self.at_column.q.val() + 1;
                if self.a.last_inner.val() {
                    self.at_column.d.next = 0.into();
                }
                if self.a.last.val() {
                    self.state.d.next = Slot::Idle;
                } else if self.need.q.val().block & self.renews.val() {
                    self.state.d.next = Slot::Block;
                } else if self.need.q.val().judges {
                    self.state.d.next = Slot::Judge;
                } else if self.need.q.val().looks {
                    self.state.d.next = Slot::Look;
                }
            }
        }
        if self.loads.val() {
            self.need.d.next = self.survey.needs.val();
            self.row.d.next = 0.into();
            self.at_column.d.next = 0.into();
            self.state.d.next = Slot::Final;
            if self.survey.needs.val().constants {
                self.state.d.next = Slot::Constants;
            } else if self.survey.needs.val().block {
                self.state.d.next = Slot::Block;
            } else if self.survey.needs.val().judges {
                self.state.d.next = Slot::Judge;
            } else if self.survey.needs.val().looks {
                self.state.d.next = Slot::Look;
            }
        }
        self.slot.next = self.state.q.val();
        self.held.next = self.kept.out.val();
        self.needs.next = self.need.q.val();
        self.block_row.next = self.row.q.val();
        self.column.next = self.at_column.q.val();
        self.a_address.next = self.a.address.val();
        self.b_address.next = self.b.address.val();
        self.d_address.next = self.d.address.val();
        self.first_tap.next = self.a.first_tap.val();
    }
}
