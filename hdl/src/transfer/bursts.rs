//! Cuts the DRAM side of a loop of rows into requests.

use rust_hdl::prelude::*;

use crate::prims::Fixed;

/// Rows of the longest request.
pub(super) const BURST_ROWS: u64 = 16;

/// `load` takes a loop over rows, or over row32s of four rows each, `step` goes to its next request.
///
/// Places that follow one another (stride 1, or 4 of row32s) are asked for sixteen rows at a time as long as the inner
/// loop lasts; others one by one.
#[derive(LogicBlock, Default)]
pub(crate) struct Bursts {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) load: Signal<In, Bit>,
    pub(crate) base: Signal<In, Bits<32>>,
    pub(crate) n0: Signal<In, Bits<16>>,
    pub(crate) n1: Signal<In, Bits<16>>,
    pub(crate) s0: Signal<In, Bits<32>>,
    pub(crate) s1: Signal<In, Bits<32>>,
    /// Of row32s.
    pub(crate) wide: Signal<In, Bit>,
    pub(crate) step: Signal<In, Bit>,
    /// The request: first row, rows.
    pub(crate) row: Signal<Out, Bits<32>>,
    pub(crate) rows: Signal<Out, Bits<16>>,
    /// It is the last.
    pub(crate) last: Signal<Out, Bit>,
    at: DFF<Bits<32>>,
    outer: DFF<Bits<32>>,
    left: DFF<Bits<18>>,
    inner: DFF<Bits<18>>,
    left_outer: DFF<Bits<16>>,
    /// Most rows of a request, and what leads to the next.
    most: DFF<Bits<18>>,
    advance: DFF<Bits<32>>,
    next_outer: DFF<Bits<32>>,
    unit: Signal<Local, Bits<32>>,
    length: Signal<Local, Bits<18>>,
    ends: Signal<Local, Bit>,
    after: Signal<Local, Bits<32>>,
    burst: Fixed<32, BURST_ROWS>,
    row32_rows: Fixed<32, { isa::ROW32_LEAVES as u64 }>,
}

impl Logic for Bursts {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, at, outer, left, inner, left_outer, most, advance, next_outer);
        self.unit.next = 1.into();
        self.length.next = bit_cast::<18, 16>(self.n0.val());
        if self.wide.val() {
            self.unit.next = self.row32_rows.val();
            self.length.next = bit_cast::<18, 16>(self.n0.val()) << 2;
        }
        self.ends.next = self.left.q.val() <= self.most.q.val();
        self.after.next = self.outer.q.val() + self.next_outer.q.val();
        if self.load.val() {
            self.at.d.next = self.base.val();
            self.outer.d.next = self.base.val();
            self.left.d.next = self.length.val();
            self.inner.d.next = self.length.val();
            self.left_outer.d.next = self.n1.val() - 1;
            self.next_outer.d.next = self.s1.val();
            self.most.d.next = self.unit.val().get_bits::<18>(0);
            self.advance.d.next = self.s0.val();
            if self.s0.val() == self.unit.val() {
                self.most.d.next = self.burst.val().get_bits::<18>(0);
                self.advance.d.next = self.burst.val();
            }
        } else if self.step.val() {
            if self.ends.val() {
                self.at.d.next = self.after.val();
                self.outer.d.next = self.after.val();
                self.left.d.next = self.inner.q.val();
                self.left_outer.d.next = self.left_outer.q.val() - 1;
            } else {
                self.at.d.next = self.at.q.val() + self.advance.q.val();
                self.left.d.next = self.left.q.val() - self.most.q.val();
            }
        }
        self.row.next = self.at.q.val();
        self.rows.next = self.most.q.val().get_bits::<16>(0);
        if self.ends.val() {
            self.rows.next = self.left.q.val().get_bits::<16>(0);
        }
        self.last.next = self.ends.val() & (self.left_outer.q.val() == 0);
    }
}
