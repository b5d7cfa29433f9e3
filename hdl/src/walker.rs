//! Walks an affine operand: address(i1, i0, t) = base + i0·s0 + i1·s1 + t·st, t innermost.

use rust_hdl::prelude::*;

/// `load` puts it at (0, 0, 0), `step` moves it on by one. Every output is a register (`last` two gates away from some).
#[derive(LogicBlock, Default)]
pub(crate) struct Walker<const A: usize> {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) load: Signal<In, Bit>,
    pub(crate) step: Signal<In, Bit>,
    pub(crate) base: Signal<In, Bits<A>>,
    pub(crate) n0: Signal<In, Bits<16>>,
    pub(crate) n1: Signal<In, Bits<16>>,
    pub(crate) nt: Signal<In, Bits<16>>,
    pub(crate) s0: Signal<In, Bits<A>>,
    pub(crate) s1: Signal<In, Bits<A>>,
    pub(crate) st: Signal<In, Bits<A>>,
    pub(crate) address: Signal<Out, Bits<A>>,
    /// This is the last position of the loop.
    pub(crate) last: Signal<Out, Bit>,
    /// t is 0.
    pub(crate) first_tap: Signal<Out, Bit>,
    /// This is the last of an inner loop.
    pub(crate) last_inner: Signal<Out, Bit>,
    /// t is nt − 1.
    pub(crate) last_tap: Signal<Out, Bit>,
    at: DFF<Bits<A>>,
    row: DFF<Bits<A>>,
    outer: DFF<Bits<A>>,
    left0: DFF<Bits<16>>,
    left1: DFF<Bits<16>>,
    left_t: DFF<Bits<16>>,
    first: DFF<Bit>,
    next_row: Signal<Local, Bits<A>>,
    next_outer: Signal<Local, Bits<A>>,
}

impl<const A: usize> Logic for Walker<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, at, row, outer, left0, left1, left_t, first);
        self.next_row.next = self.row.q.val() + self.s0.val();
        self.next_outer.next = self.outer.q.val() + self.s1.val();
        if self.load.val() {
            self.at.d.next = self.base.val();
            self.row.d.next = self.base.val();
            self.outer.d.next = self.base.val();
            self.left0.d.next = self.n0.val() - 1;
            self.left1.d.next = self.n1.val() - 1;
            self.left_t.d.next = self.nt.val() - 1;
            self.first.d.next = true;
        } else if self.step.val() {
            if self.left_t.q.val() != 0 {
                self.left_t.d.next = self.left_t.q.val() - 1;
                self.at.d.next = self.at.q.val() + self.st.val();
                self.first.d.next = false;
            } else {
                self.left_t.d.next = self.nt.val() - 1;
                self.first.d.next = true;
                if self.left0.q.val() != 0 {
                    self.left0.d.next = self.left0.q.val() - 1;
                    self.row.d.next = self.next_row.val();
                    self.at.d.next = self.next_row.val();
                } else {
                    self.left0.d.next = self.n0.val() - 1;
                    self.left1.d.next = self.left1.q.val() - 1;
                    self.outer.d.next = self.next_outer.val();
                    self.row.d.next = self.next_outer.val();
                    self.at.d.next = self.next_outer.val();
                }
            }
        }
        self.address.next = self.at.q.val();
        self.first_tap.next = self.first.q.val();
        self.last_inner.next = (self.left_t.q.val() == 0) & (self.left0.q.val() == 0);
        self.last_tap.next = self.left_t.q.val() == 0;
        self.last.next = (self.left_t.q.val() == 0) & (self.left0.q.val() == 0) & (self.left1.q.val() == 0);
    }
}
