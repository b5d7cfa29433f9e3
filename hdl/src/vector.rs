//! The vector unit: `REQUANT`, `ADDQ`, `LUT`, `LUT32`, `TRANS`, `ARGMAX` and the int32 group.
//!
//! A row is read, goes through its pipeline in beats of `vector_lanes` lanes (a whole row at once where lanes are
//! summed up or transposed), and is written when it leaves. Rows follow each other without a gap, unless an operand
//! has to wait for another one: then one cycle more, for `VSEL` two. What instructions read before their rows, a
//! parameter block, a table, a tile, is read again only when its address changes.

use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::params::Params;
use crate::prims::{Bytes, Fixed, Kind, Reduce, Row32Of, SecondRow, Transposer, VectorLanes};
use crate::traits::Traits;
use crate::walker::Walker;

#[derive(Copy, Clone, Debug, PartialEq, Eq, LogicState)]
enum State {
    Idle,
    Begin,
    Constants,
    Keep,
    Compare,
    Block,
    Collect,
    Judge,
    Look,
    First,
    Beat,
    Drain,
    Done,
}

/// Reads spad and acc, writes one of them; `ARGMAX` leaves `index` and `best`, if it has `found` any.
#[derive(LogicBlock)]
pub(crate) struct Vector {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) start: Signal<In, Bit>,
    pub(crate) kind: Signal<In, Kind>,
    pub(crate) traits: Signal<In, Traits>,
    pub(crate) op: Signal<In, Operation>,
    /// What `ARGMAX` begins with.
    pub(crate) value: Signal<In, Bits<32>>,
    pub(crate) done: Signal<Out, Bit>,
    pub(crate) found: Signal<Out, Bit>,
    pub(crate) best: Signal<Out, Bits<32>>,
    pub(crate) index: Signal<Out, Bits<32>>,
    pub(crate) spad_read: Signal<Out, Bit>,
    pub(crate) spad_address: Signal<Out, Bits<20>>,
    pub(crate) spad_data: Signal<In, Bits<256>>,
    pub(crate) acc_read: Signal<Out, Bit>,
    pub(crate) acc_address: Signal<Out, Bits<20>>,
    pub(crate) acc_data: Signal<In, Bits<1024>>,
    pub(crate) spad_write: Signal<Out, Bit>,
    pub(crate) acc_write: Signal<Out, Bit>,
    pub(crate) write_address: Signal<Out, Bits<20>>,
    pub(crate) write_row8: Signal<Out, Bits<256>>,
    pub(crate) write_row32: Signal<Out, Bits<1024>>,
    state: DFF<State>,
    block: DFF<Bits<20>>,
    block_valid: DFF<Bit>,
    block_row: DFF<Bits<5>>,
    collecting: DFF<Bit>,
    collected: DFF<Bits<5>>,
    looked: DFF<Bit>,
    judged: DFF<Bit>,
    held: DFF<Bits<256>>,
    constants: DFF<Bits<256>>,
    beat: DFF<Bits<5>>,
    half: DFF<Bit>,
    column: DFF<Bits<5>>,
    this_column: DFF<Bits<5>>,
    issued_last: DFF<Bit>,
    ends: DFF<Bits<4>>,
    place0: DFF<Bits<20>>,
    place1: DFF<Bits<20>>,
    place2: DFF<Bits<20>>,
    place3: DFF<Bits<20>>,
    place4: DFF<Bits<20>>,
    a: Walker<20>,
    b: Walker<32>,
    d: Walker<20>,
    second: SecondRow,
    params: Row32Of,
    lanes: VectorLanes,
    reduce: Reduce,
    transposer: Transposer,
    narrow: Bytes,
    issue: Signal<Local, Bit>,
    look: Signal<Local, Bit>,
    row_end: Signal<Local, Bit>,
    beats_end: Signal<Local, Bit>,
    in_beat: Signal<Local, Bit>,
    same_block: Signal<Local, Bit>,
    has_block: Signal<Local, Bit>,
    adds: Signal<Local, Bit>,
    requants: Signal<Local, Bit>,
    selects: Signal<Local, Bit>,
    transposes: Signal<Local, Bit>,
    reduces: Signal<Local, Bit>,
    fills_table: Signal<Local, Bit>,
    looks: Signal<Local, Bit>,
    narrow_b: Signal<Local, Bit>,
    splat_b: Signal<Local, Bit>,
    written: Signal<Local, Bit>,
    b_row: Signal<Local, Bits<20>>,
    last_beat: Constant<Bits<5>>,
    last_block_row: Signal<Local, Bits<5>>,
    tile_end: Fixed<5, { isa::TILE_ROWS as u64 - 1 }>,
    block_end: Fixed<5, { isa::PARAM_ROWS as u64 - 1 }>,
    form_lane0: Fixed<2, { isa::form::LANE0 as u64 }>,
    form_row8: Fixed<2, { isa::form::ROW8 as u64 }>,
    form_address: Fixed<2, { isa::form::ADDRESS as u64 }>,
}

impl Vector {
    #[allow(clippy::too_many_lines, reason = "a block with a parameter has no Default: every signal is named")]
    pub(crate) fn new(params: &Params) -> Vector {
        Vector {
            clock: Signal::default(),
            start: Signal::default(),
            kind: Signal::default(),
            traits: Signal::default(),
            op: Signal::default(),
            value: Signal::default(),
            done: Signal::default(),
            found: Signal::default(),
            best: Signal::default(),
            index: Signal::default(),
            spad_read: Signal::default(),
            spad_address: Signal::default(),
            spad_data: Signal::default(),
            acc_read: Signal::default(),
            acc_address: Signal::default(),
            acc_data: Signal::default(),
            spad_write: Signal::default(),
            acc_write: Signal::default(),
            write_address: Signal::default(),
            write_row8: Signal::default(),
            write_row32: Signal::default(),
            state: DFF::default(),
            block: DFF::default(),
            block_valid: DFF::default(),
            block_row: DFF::default(),
            collecting: DFF::default(),
            collected: DFF::default(),
            looked: DFF::default(),
            judged: DFF::default(),
            held: DFF::default(),
            constants: DFF::default(),
            beat: DFF::default(),
            half: DFF::default(),
            column: DFF::default(),
            this_column: DFF::default(),
            issued_last: DFF::default(),
            ends: DFF::default(),
            place0: DFF::default(),
            place1: DFF::default(),
            place2: DFF::default(),
            place3: DFF::default(),
            place4: DFF::default(),
            a: Walker::default(),
            b: Walker::default(),
            d: Walker::default(),
            second: SecondRow::default(),
            params: Row32Of::default(),
            lanes: VectorLanes::new(params.vector_lanes),
            reduce: Reduce::default(),
            transposer: Transposer::default(),
            narrow: Bytes::default(),
            issue: Signal::default(),
            look: Signal::default(),
            row_end: Signal::default(),
            beats_end: Signal::default(),
            in_beat: Signal::default(),
            same_block: Signal::default(),
            has_block: Signal::default(),
            adds: Signal::default(),
            requants: Signal::default(),
            selects: Signal::default(),
            transposes: Signal::default(),
            reduces: Signal::default(),
            fills_table: Signal::default(),
            looks: Signal::default(),
            narrow_b: Signal::default(),
            splat_b: Signal::default(),
            written: Signal::default(),
            b_row: Signal::default(),
            last_beat: Constant::new((32 / params.vector_lanes - 1).to_bits()),
            last_block_row: Signal::default(),
            tile_end: Fixed::default(),
            block_end: Fixed::default(),
            form_lane0: Fixed::default(),
            form_row8: Fixed::default(),
            form_address: Fixed::default(),
        }
    }
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Vector {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, block, block_valid, block_row, collecting, collected, looked, judged, held);
        dff_setup!(self, clock, constants, beat, half, column, this_column, issued_last, ends);
        dff_setup!(self, clock, place0, place1, place2, place3, place4);
        clock!(self, clock, a, b, d, second, params, lanes, reduce, transposer);

        // What the instruction needs.
        self.adds.next = self.kind.val() == Kind::Addq;
        self.requants.next = self.kind.val() == Kind::Requant;
        self.selects.next = self.kind.val() == Kind::Vsel;
        self.transposes.next = self.kind.val() == Kind::Trans;
        self.reduces.next =
            (self.kind.val() == Kind::Vsum) | (self.kind.val() == Kind::Vrmax) | (self.kind.val() == Kind::Argmax);
        self.fills_table.next = (self.kind.val() == Kind::Lut) | (self.kind.val() == Kind::Lut32);
        self.has_block.next = self.requants.val() | self.transposes.val() | self.fills_table.val();
        self.looks.next = self.adds.val() | (self.traits.val().b & self.traits.val().b_acc);
        self.narrow_b.next = !self.requants.val() & !self.adds.val() & (self.op.val().form == self.form_row8.val());
        self.splat_b.next = !self.requants.val() & !self.adds.val() & (self.op.val().form == self.form_address.val());
        self.last_block_row.next = self.block_end.val();
        if self.transposes.val() | (self.kind.val() == Kind::Lut32) {
            self.last_block_row.next = self.tile_end.val();
        }

        self.a.load.next = self.state.q.val() == State::Begin;
        self.a.base.next = bit_cast::<20, 32>(self.op.val().a_base);
        self.a.n0.next = self.op.val().n0;
        self.a.n1.next = self.op.val().n1;
        self.a.nt.next = 1.into();
        self.a.s0.next = bit_cast::<20, 32>(self.op.val().a_s0);
        self.a.s1.next = bit_cast::<20, 32>(self.op.val().a_s1);
        self.a.st.next = 0.into();
        self.b.load.next = self.state.q.val() == State::Begin;
        self.b.base.next = self.op.val().b_base;
        self.b.n0.next = self.op.val().n0;
        self.b.n1.next = self.op.val().n1;
        self.b.nt.next = 1.into();
        self.b.s0.next = self.op.val().b_s0;
        self.b.s1.next = self.op.val().b_s1;
        self.b.st.next = 0.into();
        if self.transposes.val() {
            self.b.base.next = self.op.val().a_base;
            self.b.s0.next = self.op.val().a_s0;
            self.b.s1.next = self.op.val().a_s1;
        }
        self.d.load.next = self.state.q.val() == State::Begin;
        self.d.base.next = self.op.val().d_base;
        self.d.n0.next = self.op.val().n0;
        self.d.n1.next = self.op.val().n1;
        self.d.nt.next = 1.into();
        self.d.s0.next = self.op.val().d_s0;
        self.d.s1.next = self.op.val().d_s1;
        self.d.st.next = 0.into();
        self.b_row.next = bit_cast::<20, 32>(self.b.address.val());

        // The parameter block (four leaves of bias, four of multipliers and shifts), the table or the tile.
        self.same_block.next =
            !self.has_block.val() | (self.block_valid.q.val() & (self.block.q.val() == self.b_row.val()));
        self.collecting.d.next = self.state.q.val() == State::Block;
        self.collected.d.next = self.block_row.q.val();
        self.params.enable.next = self.collecting.q.val() & self.requants.val() & self.collected.q.val().get_bit(2);
        self.params.index.next = self.collected.q.val().get_bits::<2>(0);
        self.params.leaf.next = self.spad_data.val();
        self.lanes.fill.next = self.collecting.q.val() & self.fills_table.val();
        self.lanes.fill_row.next = self.collected.q.val();
        self.transposer.fill.next = self.collecting.q.val() & self.transposes.val();
        self.transposer.fill_row.next = self.collected.q.val();
        self.transposer.row.next = self.spad_data.val();

        // The operand that waits: the bias, b of the int32 group, a of ADDQ.
        self.second.index.next = self.collected.q.val().get_bits::<2>(0);
        self.second.leaf.next = self.spad_data.val();
        self.second.row32.next = self.acc_data.val();
        self.second.value.next = self.b.address.val();
        self.second.mode.next = 1.into();
        if self.requants.val() {
            self.second.mode.next = 0.into();
        } else if self.op.val().form == self.form_lane0.val() {
            self.second.mode.next = 2.into();
        } else if self.op.val().form == self.form_address.val() {
            self.second.mode.next = 3.into();
        }
        if self.looked.q.val() & self.adds.val() {
            self.held.d.next = self.spad_data.val();
        }
        if self.state.q.val() == State::Keep {
            self.constants.d.next = self.spad_data.val();
        }

        // Beats.
        self.in_beat.next = self.state.q.val() == State::Beat;
        self.beats_end.next = self.reduces.val() | self.transposes.val() | (self.beat.q.val() == self.last_beat.val());
        self.row_end.next = self.in_beat.val() & self.beats_end.val() & (!self.adds.val() | self.half.q.val());
        self.lanes.kind.next = self.kind.val();
        self.lanes.enable.next = self.in_beat.val() & !self.reduces.val() & !self.transposes.val();
        self.lanes.beat.next = self.beat.q.val();
        self.lanes.second.next = self.adds.val() & self.half.q.val();
        self.lanes.acc.next = self.acc_data.val();
        self.lanes.row.next = self.second.out.val();
        self.lanes.params.next = self.params.row32.val();
        self.lanes.spad.next = self.spad_data.val();
        self.lanes.held.next = self.held.q.val();
        self.lanes.constants.next = self.constants.q.val();
        self.lanes.form.next = self.op.val().form;
        self.lanes.shift.next = self.op.val().shift;
        self.lanes.n.next = self.op.val().n;
        self.lanes.zp.next = self.op.val().zp;
        self.lanes.lo.next = self.op.val().lo;
        self.lanes.hi.next = self.op.val().hi;
        self.lanes.judge.next = self.judged.q.val();
        self.reduce.first.next = self.state.q.val() == State::Begin;
        self.reduce.known.next = self.op.val().accumulate;
        self.reduce.value.next = self.value.val();
        self.reduce.base.next = self.op.val().b_base;
        self.reduce.enable.next = self.in_beat.val() & self.reduces.val();
        self.reduce.sums.next = self.kind.val() == Kind::Vsum;
        self.reduce.n.next = self.op.val().n;
        self.reduce.row.next = self.acc_data.val();
        self.transposer.enable.next = self.in_beat.val() & self.transposes.val();
        self.transposer.column.next = self.this_column.q.val();
        self.transposer.n.next = self.op.val().n;

        // A row is written when it has left the pipeline: after four cycles, a transposed one after two.
        self.ends.d.next = (self.ends.q.val() << 1) | bit_cast::<4, 1>(self.row_end.val().into());
        self.place1.d.next = self.place0.q.val();
        self.place2.d.next = self.place1.q.val();
        self.place3.d.next = self.place2.q.val();
        self.place4.d.next = self.place3.q.val();
        self.written.next = self.ends.q.val().get_bit(3);
        self.write_address.next = self.place4.q.val();
        self.narrow.row32.next = self.lanes.row32.val();
        self.write_row8.next = self.narrow.row8.val();
        if self.transposes.val() {
            self.written.next = self.ends.q.val().get_bit(1);
            self.write_address.next = self.place2.q.val();
            self.write_row8.next = self.transposer.out.val();
        }
        self.write_row32.next = self.lanes.row32.val();
        if self.reduces.val() {
            self.write_row32.next = self.reduce.row32.val();
        }
        self.acc_write.next = self.written.val() & self.traits.val().d & self.traits.val().d_acc;
        self.spad_write.next = self.written.val() & self.traits.val().d & !self.traits.val().d_acc;

        self.issue.next = self.state.q.val() == State::First;
        self.look.next = self.state.q.val() == State::Look;
        match self.state.q.val() {
            State::Idle => {
                self.block_valid.d.next = false;
                if self.start.val() {
                    self.state.d.next = State::Begin;
                }
            }
            State::Begin => {
                self.column.d.next = 0.into();
                self.half.d.next = false;
                self.beat.d.next = 0.into();
                self.state.d.next = State::Compare;
                if self.adds.val() {
                    self.state.d.next = State::Constants;
                }
            }
            State::Constants => {
                self.state.d.next = State::Keep;
            }
            State::Keep => {
                self.state.d.next = State::Compare;
            }
            State::Compare => {
                self.block_row.d.next = 0.into();
                if !self.same_block.val() {
                    self.state.d.next = State::Block;
                } else if self.selects.val() {
                    self.state.d.next = State::Judge;
                } else if self.looks.val() {
                    self.state.d.next = State::Look;
                } else {
                    self.state.d.next = State::First;
                }
            }
            State::Block => {
                self.block.d.next = self.b_row.val();
                self.block_valid.d.next = true;
                self.block_row.d.next = self.block_row.q.val() + 1;
                if self.block_row.q.val() == self.last_block_row.val() {
                    self.state.d.next = State::Collect;
                }
            }
            State::Collect => {
                self.state.d.next = State::First;
            }
            State::Judge => {
                self.state.d.next = State::First;
                if self.looks.val() {
                    self.state.d.next = State::Look;
                }
            }
            State::Look => {
                self.state.d.next = State::First;
            }
            State::First => {
                self.state.d.next = State::Beat;
            }
            State::Beat => {
                self.half.d.next = self.adds.val() & !self.half.q.val();
                if !self.adds.val() | self.half.q.val() {
                    self.beat.d.next = self.beat.q.val() + 1;
                }
                if self.row_end.val() {
                    self.beat.d.next = 0.into();
                    if self.issued_last.q.val() {
                        self.state.d.next = State::Drain;
                    } else if !self.same_block.val() {
                        self.state.d.next = State::Compare;
                    } else if self.selects.val() {
                        self.state.d.next = State::Judge;
                    } else if self.looks.val() {
                        self.look.next = true;
                        self.state.d.next = State::First;
                    } else {
                        self.issue.next = true;
                    }
                }
            }
            State::Drain => {
                if !self.ends.q.val().any() {
                    self.state.d.next = State::Done;
                }
            }
            State::Done => {
                self.state.d.next = State::Idle;
            }
        }
        self.second.enable.next = (self.looked.q.val() & !self.adds.val())
            | (self.issue.val() & self.splat_b.val())
            | (self.collecting.q.val() & self.requants.val() & !self.collected.q.val().get_bit(2));
        self.looked.d.next = self.look.val();
        self.judged.d.next = self.state.q.val() == State::Judge;
        if self.issue.val() {
            self.issued_last.d.next = self.a.last.val();
            self.place0.d.next = self.d.address.val();
            self.this_column.d.next = self.column.q.val();
            self.column.d.next = self.column.q.val() + 1;
            if self.a.last_inner.val() {
                self.column.d.next = 0.into();
            }
        }
        self.a.step.next = self.issue.val();
        self.b.step.next = self.issue.val();
        self.d.step.next = self.issue.val();

        // Reads: a row's last operand when it is issued, the others before.
        self.acc_read.next = (self.issue.val() & self.traits.val().a_acc)
            | (self.look.val() & !self.adds.val())
            | (self.state.q.val() == State::Judge);
        self.acc_address.next = self.a.address.val();
        if self.look.val() {
            self.acc_address.next = self.b_row.val();
        } else if self.issue.val() & self.selects.val() {
            self.acc_address.next = self.d.address.val();
        }
        self.spad_read.next = (self.state.q.val() == State::Block)
            | (self.state.q.val() == State::Constants)
            | (self.look.val() & self.adds.val())
            | (self.issue.val() & (self.adds.val() | self.fills_table.val() | self.narrow_b.val()));
        self.spad_address.next = self.a.address.val();
        if self.state.q.val() == State::Block {
            self.spad_address.next = self.b_row.val() + bit_cast::<20, 5>(self.block_row.q.val());
        } else if self.state.q.val() == State::Constants {
            self.spad_address.next = self.op.val().p_base;
        } else if self.issue.val() & !self.fills_table.val() {
            self.spad_address.next = self.b_row.val();
        }
        self.found.next = self.reduce.found.val();
        self.best.next = self.reduce.best.val();
        self.index.next = self.reduce.index.val();
        self.done.next = self.state.q.val() == State::Done;
    }
}
