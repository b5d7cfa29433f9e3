//! The verdict on a row-moving instruction: the first trap in the order of the ISA, or none.

use isa::Status;
use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::prims::{Fixed, Kind};

/// `trap` is the status, or 0, one cycle after its inputs. What ILLEGAL means is judged elsewhere, earlier.
#[derive(LogicBlock, Default)]
pub(crate) struct Judge {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) kind: Signal<In, Kind>,
    /// Bases with registers.
    pub(crate) op: Signal<In, Operation>,
    pub(crate) count_bad: Signal<In, Bit>,
    pub(crate) total: Signal<In, Bits<64>>,
    pub(crate) room: Signal<In, Bits<64>>,
    pub(crate) folds: Signal<In, Bit>,
    pub(crate) d_log2: Signal<In, Bits<8>>,
    pub(crate) a_log2: Signal<In, Bits<8>>,
    pub(crate) b_log2: Signal<In, Bits<8>>,
    pub(crate) d_low: Signal<In, Bits<52>>,
    pub(crate) d_high: Signal<In, Bits<52>>,
    pub(crate) a_low: Signal<In, Bits<52>>,
    pub(crate) a_high: Signal<In, Bits<52>>,
    pub(crate) b_low: Signal<In, Bits<52>>,
    pub(crate) b_high: Signal<In, Bits<52>>,
    pub(crate) trap: Signal<Out, Bits<8>>,
    verdict: DFF<Bits<8>>,
    has_a: Signal<Local, Bit>,
    has_b: Signal<Local, Bit>,
    low_bits: Signal<Local, Bits<32>>,
    outside: Signal<Local, Bit>,
    run_end: Signal<Local, Bits<7>>,
    other_low: Signal<Local, Bits<52>>,
    other_high: Signal<Local, Bits<52>>,
    beyond_d: Signal<Local, Bits<52>>,
    beyond_a: Signal<Local, Bits<52>>,
    beyond_b: Signal<Local, Bits<52>>,
    meets: Signal<Local, Bit>,
    overlaps: Signal<Local, Bit>,
    tile_mask: Fixed<32, { isa::TILE_ROWS as u64 - 1 }>,
    block_mask: Fixed<32, { isa::PARAM_ROWS as u64 - 1 }>,
    row32_mask: Fixed<32, { isa::ROW32_LEAVES as u64 - 1 }>,
    lanes: Fixed<7, { isa::LANES as u64 }>,
    count: Fixed<8, { Status::Count as u64 }>,
    limit: Fixed<8, { Status::Limit as u64 }>,
    align: Fixed<8, { Status::Align as u64 }>,
    bounds: Fixed<8, { Status::Bounds as u64 }>,
    overlap: Fixed<8, { Status::Overlap as u64 }>,
}

impl Logic for Judge {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, verdict);
        self.has_b.next = (self.kind.val() == Kind::Matmul) | (self.kind.val() == Kind::Requant);
        self.has_a.next = self.kind.val() != Kind::Fill;

        // ALIGN: low bits of the start and of every stride.
        self.low_bits.next = 0.into();
        if self.kind.val() == Kind::Matmul {
            self.low_bits.next = bit_cast::<32, 20>(self.op.val().b_base | self.op.val().b_sk) & self.tile_mask.val();
        } else if self.kind.val() == Kind::Requant {
            self.low_bits.next = bit_cast::<32, 20>(self.op.val().b_base | self.op.val().b_s0 | self.op.val().b_s1)
                & self.block_mask.val();
        } else if self.op.val().space & ((self.kind.val() == Kind::Load) | (self.kind.val() == Kind::Store)) {
            self.low_bits.next =
                (self.op.val().a_base | self.op.val().a_s0 | self.op.val().a_s1) & self.row32_mask.val();
        }

        // BOUNDS: a hull below 0 or beyond its space, or a run of MOVE beyond its row.
        self.run_end.next = bit_cast::<7, 6>(self.op.val().n) + bit_cast::<7, 5>(self.op.val().offset);
        self.beyond_d.next = self.d_high.val() >> self.d_log2.val();
        self.beyond_a.next = self.a_high.val() >> self.a_log2.val();
        self.beyond_b.next = self.b_high.val() >> self.b_log2.val();
        self.outside.next = self.d_low.val().get_bit(51)
            | self.beyond_d.val().any()
            | (self.has_a.val() & (self.a_low.val().get_bit(51) | self.beyond_a.val().any()))
            | (self.has_b.val() & (self.b_low.val().get_bit(51) | self.beyond_b.val().any()))
            | ((self.kind.val() == Kind::Move) & (self.run_end.val() > self.lanes.val()));

        // OVERLAP: hulls are within bounds here, so unsigned comparison will do.
        self.other_low.next = self.a_low.val();
        self.other_high.next = self.a_high.val();
        if self.kind.val() == Kind::Move {
            self.other_low.next = self.a_low.val() >> 5;
            self.other_high.next = self.a_high.val() >> 5;
        } else if self.kind.val() == Kind::Requant {
            self.other_low.next = self.b_low.val();
            self.other_high.next = self.b_high.val();
        }
        self.meets.next = (self.d_low.val() <= self.other_high.val()) & (self.other_low.val() <= self.d_high.val());
        self.overlaps.next = self.meets.val() & (self.kind.val() == Kind::Move);
        if (self.kind.val() == Kind::Store) | (self.kind.val() == Kind::Matmul) {
            self.overlaps.next = self.folds.val();
        } else if (self.kind.val() == Kind::Requant) | (self.kind.val() == Kind::Maxq) {
            self.overlaps.next = self.folds.val() | self.meets.val();
        }

        self.verdict.d.next = 0.into();
        if self.count_bad.val() {
            self.verdict.d.next = self.count.val();
        } else if self.total.val() > self.room.val() {
            self.verdict.d.next = self.limit.val();
        } else if self.low_bits.val().any() {
            self.verdict.d.next = self.align.val();
        } else if self.outside.val() {
            self.verdict.d.next = self.bounds.val();
        } else if self.overlaps.val() {
            self.verdict.d.next = self.overlap.val();
        }
        self.trap.next = self.verdict.q.val();
    }
}
