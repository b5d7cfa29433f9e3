//! A loop nest of two levels, and addresses that follow it; both keep what an instruction said, so that the next one
//! can be offered while they run.

use rust_hdl::prelude::*;

/// Counts n1 · n0 positions. `load` puts it at the first one, `step` moves it on.
#[derive(LogicBlock, Default)]
pub(crate) struct Nest {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) load: Signal<In, Bit>,
    pub(crate) step: Signal<In, Bit>,
    pub(crate) n0: Signal<In, Bits<16>>,
    pub(crate) n1: Signal<In, Bits<16>>,
    /// This is the last of an inner loop.
    pub(crate) last_inner: Signal<Out, Bit>,
    /// This is the last position.
    pub(crate) last: Signal<Out, Bit>,
    inner: DFF<Bits<16>>,
    outer: DFF<Bits<16>>,
    left0: DFF<Bits<16>>,
    left1: DFF<Bits<16>>,
}

impl Logic for Nest {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, inner, outer, left0, left1);
        if self.load.val() {
            self.inner.d.next = self.n0.val() - 1;
            self.outer.d.next = self.n1.val() - 1;
            self.left0.d.next = self.n0.val() - 1;
            self.left1.d.next = self.n1.val() - 1;
        } else if self.step.val() {
            self.left0.d.next = self.left0.q.val() - 1;
            if self.left0.q.val() == 0 {
                self.left0.d.next = self.inner.q.val();
                self.left1.d.next = self.left1.q.val() - 1;
                // After the last position comes the first one.
                if self.left1.q.val() == 0 {
                    self.left1.d.next = self.outer.q.val();
                }
            }
        }
        self.last_inner.next = self.left0.q.val() == 0;
        self.last.next = (self.left0.q.val() == 0) & (self.left1.q.val() == 0);
    }
}

/// The address base + i0·s0 + i1·s1 at the position of a [`Nest`]: `load`ed with it, `step`ped with it, told by `turn`
/// that the step goes to the next outer iteration. `restart` puts it at a base with the strides that it has.
#[derive(LogicBlock, Default)]
pub(crate) struct Affine<const A: usize> {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) load: Signal<In, Bit>,
    pub(crate) restart: Signal<In, Bit>,
    pub(crate) step: Signal<In, Bit>,
    pub(crate) turn: Signal<In, Bit>,
    pub(crate) base: Signal<In, Bits<A>>,
    pub(crate) s0: Signal<In, Bits<A>>,
    pub(crate) s1: Signal<In, Bits<A>>,
    pub(crate) address: Signal<Out, Bits<A>>,
    /// What it is after a step.
    pub(crate) next_address: Signal<Out, Bits<A>>,
    at: DFF<Bits<A>>,
    outer: DFF<Bits<A>>,
    inner_stride: DFF<Bits<A>>,
    outer_stride: DFF<Bits<A>>,
    next_outer: Signal<Local, Bits<A>>,
    next: Signal<Local, Bits<A>>,
}

impl<const A: usize> Logic for Affine<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, at, outer, inner_stride, outer_stride);
        self.next_outer.next = self.outer.q.val() + self.outer_stride.q.val();
        self.next.next = self.at.q.val() + self.inner_stride.q.val();
        if self.turn.val() {
            self.next.next = self.next_outer.val();
        }
        if self.load.val() {
            self.inner_stride.d.next = self.s0.val();
            self.outer_stride.d.next = self.s1.val();
        }
        if self.load.val() | self.restart.val() {
            self.at.d.next = self.base.val();
            self.outer.d.next = self.base.val();
        } else if self.step.val() {
            self.at.d.next = self.next.val();
            if self.turn.val() {
                self.outer.d.next = self.next_outer.val();
            }
        }
        self.address.next = self.at.q.val();
        self.next_address.next = self.next.val();
    }
}
