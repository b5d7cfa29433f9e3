//! Which row of spad is read next: the weights of a pass, then the rows of its pixels.

use rust_hdl::prelude::*;

use super::entry::Entry;
use crate::nest::{Affine, Nest};
use crate::operation::Operation;

/// Walks one instruction after another; `step` takes the row that `address` and `entry` name.
///
/// In a run of pixels whose windows meet, every row lies one tap stride behind the one before, and the pixels after
/// the first need only what is new. Otherwise each pixel begins at its own place.
#[derive(LogicBlock, Default)]
pub(crate) struct Asker {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) ready: Signal<In, Bit>,
    pub(crate) op: Signal<In, Operation>,
    pub(crate) take: Signal<Out, Bit>,
    pub(crate) step: Signal<In, Bit>,
    /// There is a row to read.
    pub(crate) active: Signal<Out, Bit>,
    pub(crate) address: Signal<Out, Bits<20>>,
    pub(crate) entry: Signal<Out, Entry>,
    // The instruction.
    busy: DFF<Bit>,
    n: DFF<Bits<6>>,
    replaces: DFF<Bit>,
    d_base: DFF<Bits<20>>,
    tap_stride: DFF<Bits<20>>,
    weight_stride: DFF<Bits<20>>,
    /// The stride of pixels is that of the taps, or twice that.
    equal: DFF<Bit>,
    double: DFF<Bit>,
    // The pass.
    first_pass: DFF<Bit>,
    weighing: DFF<Bit>,
    /// Taps from this pass on.
    taps_left: DFF<Bits<16>>,
    weight: DFF<Bits<20>>,
    pass_base: DFF<Bits<20>>,
    next_base: DFF<Bits<20>>,
    /// Tap of the row to be read.
    tap: DFF<Bits<2>>,
    at: DFF<Bits<20>>,
    pixels: Nest,
    pixel: Affine<20>,
    d: Affine<20>,
    last_tap: Signal<Local, Bits<2>>,
    joined: Signal<Local, Bit>,
    joined_tap: Signal<Local, Bits<2>>,
    last_pass: Signal<Local, Bit>,
    whole: Signal<Local, Bit>,
    weighed: Signal<Local, Bit>,
    drawn: Signal<Local, Bit>,
    ends: Signal<Local, Bit>,
    next_row: Signal<Local, Bits<20>>,
    lanes: Signal<Local, Bits<7>>,
    s0: Signal<Local, Bits<20>>,
    sk: Signal<Local, Bits<20>>,
    twice: Signal<Local, Bits<20>>,
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Asker {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, busy, n, replaces, d_base, tap_stride, weight_stride, equal, double);
        dff_setup!(self, clock, first_pass, weighing, taps_left, weight, pass_base, next_base, tap, at);
        clock!(self, clock, pixels, pixel, d);

        // Where it stands.
        self.last_pass.next = self.taps_left.q.val() <= 3;
        self.last_tap.next = 2.into();
        if self.taps_left.q.val() == 2 {
            self.last_tap.next = 1.into();
        } else if self.taps_left.q.val() == 1 {
            self.last_tap.next = 0.into();
        }
        self.joined.next = self.equal.q.val() | (self.double.q.val() & (self.last_tap.val() != 0));
        self.joined_tap.next = self.last_tap.val();
        if !self.equal.q.val() {
            self.joined_tap.next = self.last_tap.val() - 1;
        }
        self.whole.next = self.tap.q.val() == self.last_tap.val();
        self.weighed.next = self.step.val() & self.weighing.q.val() & self.whole.val();
        self.drawn.next = self.step.val() & !self.weighing.q.val() & self.whole.val();
        self.ends.next = self.drawn.val() & self.pixels.last.val() & self.last_pass.val();
        self.take.next = self.ready.val() & (!self.busy.q.val() | self.ends.val());

        self.active.next = self.busy.q.val();
        self.address.next = self.at.q.val();
        if self.weighing.q.val() {
            self.address.next = self.weight.q.val();
        }
        self.lanes.next = bit_cast::<7, 6>(self.n.q.val());
        self.entry.next.full = self.step.val();
        self.entry.next.weighs = self.weighing.q.val();
        self.entry.next.first = self.tap.q.val() == 0;
        self.entry.next.n = self.n.q.val();
        self.entry.next.whole = !self.weighing.q.val() & self.whole.val();
        self.entry.next.place = self.d.address.val();
        self.entry.next.macs = self.lanes.val();
        if self.last_tap.val() == 1 {
            self.entry.next.macs = self.lanes.val() << 1;
        } else if self.last_tap.val() == 2 {
            self.entry.next.macs = self.lanes.val() + (self.lanes.val() << 1);
        }
        self.entry.next.zero = self.first_pass.q.val() & self.replaces.q.val();
        self.entry.next.last = self.pixels.last.val() & self.last_pass.val();

        // One row on.
        self.next_row.next = self.at.q.val() + self.tap_stride.q.val();
        if self.step.val() {
            self.tap.d.next = self.tap.q.val() + 1;
            self.at.d.next = self.next_row.val();
            if self.weighing.q.val() {
                self.weight.d.next = self.weight.q.val() + self.weight_stride.q.val();
                self.next_base.d.next = self.next_base.q.val() + self.tap_stride.q.val();
            }
        }
        if self.weighed.val() {
            self.weighing.d.next = false;
            self.tap.d.next = 0.into();
            self.at.d.next = self.pass_base.q.val();
        }
        if self.drawn.val() {
            self.tap.d.next = self.joined_tap.val();
            if self.pixels.last_inner.val() | !self.joined.val() {
                self.tap.d.next = 0.into();
                self.at.d.next = self.pixel.next_address.val();
            }
            if self.pixels.last.val() {
                self.weighing.d.next = true;
                self.first_pass.d.next = false;
                self.taps_left.d.next = self.taps_left.q.val() - 3;
                self.pass_base.d.next = self.next_base.q.val();
            }
        }
        if self.ends.val() {
            self.busy.d.next = false;
        }
        self.pixels.step.next = self.drawn.val();
        self.pixel.step.next = self.drawn.val();
        self.pixel.turn.next = self.pixels.last_inner.val();
        self.pixel.restart.next = self.weighed.val();
        self.d.step.next = self.drawn.val();
        self.d.turn.next = self.pixels.last_inner.val();
        self.d.restart.next = self.weighed.val();

        // The next instruction.
        self.s0.next = bit_cast::<20, 32>(self.op.val().a_s0);
        self.sk.next = bit_cast::<20, 32>(self.op.val().a_sk);
        self.twice.next = self.sk.val() << 1;
        self.pixels.load.next = self.take.val();
        self.pixels.n0.next = self.op.val().n0;
        self.pixels.n1.next = self.op.val().n1;
        self.pixel.load.next = self.take.val();
        self.pixel.base.next = self.pass_base.q.val();
        self.pixel.s0.next = self.s0.val();
        self.pixel.s1.next = bit_cast::<20, 32>(self.op.val().a_s1);
        self.d.load.next = self.take.val();
        self.d.base.next = self.d_base.q.val();
        self.d.s0.next = self.op.val().d_s0;
        self.d.s1.next = self.op.val().d_s1;
        if self.take.val() {
            self.busy.d.next = true;
            self.n.d.next = self.op.val().n;
            self.replaces.d.next = !self.op.val().accumulate;
            self.d_base.d.next = self.op.val().d_base;
            self.tap_stride.d.next = self.sk.val();
            self.weight_stride.d.next = bit_cast::<20, 32>(self.op.val().b_sk);
            self.equal.d.next = self.s0.val() == self.sk.val();
            self.double.d.next = self.s0.val() == self.twice.val();
            self.first_pass.d.next = true;
            self.weighing.d.next = true;
            self.taps_left.d.next = self.op.val().kt;
            self.weight.d.next = bit_cast::<20, 32>(self.op.val().b_base);
            self.pass_base.d.next = bit_cast::<20, 32>(self.op.val().a_base);
            self.next_base.d.next = bit_cast::<20, 32>(self.op.val().a_base);
            self.tap.d.next = 0.into();
        }
    }
}
