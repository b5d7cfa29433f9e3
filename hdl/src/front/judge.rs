//! The verdict on a row-moving instruction: the first trap in the order of the ISA, or none.

use isa::Status;
use rust_hdl::prelude::*;

use crate::operation::Operation;
use crate::prims::Fixed;
use crate::traits::Traits;

/// `trap` is the status, or 0, one cycle after its inputs. What ILLEGAL means is judged elsewhere, earlier.
#[derive(LogicBlock, Default)]
pub(crate) struct Judge {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) traits: Signal<In, Traits>,
    /// Bases with registers.
    pub(crate) op: Signal<In, Operation>,
    pub(crate) count_bad: Signal<In, Bit>,
    pub(crate) total: Signal<In, Bits<64>>,
    pub(crate) room: Signal<In, Bits<64>>,
    pub(crate) folds: Signal<In, Bit>,
    pub(crate) d_log2: Signal<In, Bits<8>>,
    pub(crate) a_log2: Signal<In, Bits<8>>,
    pub(crate) b_log2: Signal<In, Bits<8>>,
    pub(crate) p_log2: Signal<In, Bits<8>>,
    pub(crate) d_low: Signal<In, Bits<60>>,
    pub(crate) d_high: Signal<In, Bits<60>>,
    pub(crate) a_low: Signal<In, Bits<60>>,
    pub(crate) a_high: Signal<In, Bits<60>>,
    pub(crate) b_low: Signal<In, Bits<60>>,
    pub(crate) b_high: Signal<In, Bits<60>>,
    pub(crate) p_low: Signal<In, Bits<60>>,
    pub(crate) p_high: Signal<In, Bits<60>>,
    pub(crate) trap: Signal<Out, Bits<8>>,
    verdict: DFF<Bits<8>>,
    low_bits_a: Signal<Local, Bits<32>>,
    low_bits_b: Signal<Local, Bits<32>>,
    outside: Signal<Local, Bit>,
    run_end: Signal<Local, Bits<7>>,
    from_low: Signal<Local, Bits<60>>,
    from_high: Signal<Local, Bits<60>>,
    beyond_d: Signal<Local, Bits<60>>,
    beyond_a: Signal<Local, Bits<60>>,
    beyond_b: Signal<Local, Bits<60>>,
    beyond_p: Signal<Local, Bits<60>>,
    is_a: Signal<Local, Bit>,
    is_b: Signal<Local, Bit>,
    meets_a: Signal<Local, Bit>,
    meets_b: Signal<Local, Bit>,
    meets_p: Signal<Local, Bit>,
    overlaps: Signal<Local, Bit>,
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
        // ALIGN: low bits of the start and of every stride.
        self.low_bits_a.next = (self.op.val().a_base | self.op.val().a_s0 | self.op.val().a_s1 | self.op.val().a_sk)
            & bit_cast::<32, 5>(self.traits.val().a_mask);
        self.low_bits_b.next = (self.op.val().b_base | self.op.val().b_s0 | self.op.val().b_s1 | self.op.val().b_sk)
            & bit_cast::<32, 5>(self.traits.val().b_mask);

        // BOUNDS: a hull below 0 or beyond its space, or a run of MOVE beyond its row.
        self.run_end.next = bit_cast::<7, 6>(self.op.val().n) + bit_cast::<7, 5>(self.op.val().offset);
        self.beyond_d.next = self.d_high.val() >> self.d_log2.val();
        self.beyond_a.next = self.a_high.val() >> self.a_log2.val();
        self.beyond_b.next = self.b_high.val() >> self.b_log2.val();
        self.beyond_p.next = self.p_high.val() >> self.p_log2.val();
        self.outside.next = (self.traits.val().d & (self.d_low.val().get_bit(59) | self.beyond_d.val().any()))
            | (self.traits.val().a & (self.a_low.val().get_bit(59) | self.beyond_a.val().any()))
            | (self.traits.val().b & (self.b_low.val().get_bit(59) | self.beyond_b.val().any()))
            | (self.traits.val().p & self.beyond_p.val().any())
            | (self.traits.val().bytes & (self.run_end.val() > self.lanes.val()));

        // OVERLAP: hulls are within bounds here, so unsigned comparison will do, and starts are equal that look so.
        self.from_low.next = self.a_low.val();
        self.from_high.next = self.a_high.val();
        if self.traits.val().bytes {
            self.from_low.next = self.a_low.val() >> 5;
            self.from_high.next = self.a_high.val() >> 5;
        }
        self.is_a.next = self.traits.val().a_in_place
            & (self.op.val().a_base.get_bits::<20>(0) == self.op.val().d_base)
            & (self.op.val().a_s0.get_bits::<20>(0) == self.op.val().d_s0)
            & (self.op.val().a_s1.get_bits::<20>(0) == self.op.val().d_s1);
        self.is_b.next = self.traits.val().b_in_place
            & (self.op.val().b_base.get_bits::<20>(0) == self.op.val().d_base)
            & (self.op.val().b_s0.get_bits::<20>(0) == self.op.val().d_s0)
            & (self.op.val().b_s1.get_bits::<20>(0) == self.op.val().d_s1);
        self.meets_a.next = self.traits.val().a_meets
            & !self.is_a.val()
            & (self.d_low.val() <= self.from_high.val())
            & (self.from_low.val() <= self.d_high.val());
        self.meets_b.next = self.traits.val().b_meets
            & !self.is_b.val()
            & (self.d_low.val() <= self.b_high.val())
            & (self.b_low.val() <= self.d_high.val());
        self.meets_p.next = self.traits.val().p_meets
            & (self.d_low.val() <= self.p_high.val())
            & (self.p_low.val() <= self.d_high.val());
        self.overlaps.next = self.meets_a.val()
            | self.meets_b.val()
            | self.meets_p.val()
            | (self.folds.val() & (self.traits.val().d_folds | self.traits.val().a_folds));

        self.verdict.d.next = 0.into();
        if self.count_bad.val() {
            self.verdict.d.next = self.count.val();
        } else if self.total.val() > self.room.val() {
            self.verdict.d.next = self.limit.val();
        } else if self.low_bits_a.val().any() | self.low_bits_b.val().any() {
            self.verdict.d.next = self.align.val();
        } else if self.outside.val() {
            self.verdict.d.next = self.bounds.val();
        } else if self.overlaps.val() {
            self.verdict.d.next = self.overlap.val();
        }
        self.trap.next = self.verdict.q.val();
    }
}
