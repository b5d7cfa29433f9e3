//! Sends the rows of each pass through the array, and follows them on their way into acc.

use rust_hdl::prelude::*;

use super::interlock::Interlock;
use super::{Pass, Row};
use crate::walker::Walker;

/// A row enters in the cycle in which its activations are read (0). Its stages: 1 in the read register of spad, 2
/// and 3 before the multipliers, 4 and 5 in the adders, 6 summed, its row of acc in the read register, 7 added, written.
///
/// A row of acc that is written in stage 7 may be read from the cycle after on, and is read in stage 5: a row may not
/// enter while the same row of acc is in stage 1 or 2.
#[derive(LogicBlock, Default)]
pub(crate) struct Streamer {
    pub(crate) clock: Signal<In, Clock>,
    /// `next_pass` begins with the next cycle; only with `free`.
    pub(crate) begins: Signal<In, Bit>,
    pub(crate) next_pass: Signal<In, Pass>,
    /// The last row enters in this cycle, or there is no pass.
    pub(crate) free: Signal<Out, Bit>,
    pub(crate) read: Signal<Out, Bit>,
    pub(crate) address: Signal<Out, Bits<20>>,
    pub(crate) grant: Signal<In, Bit>,
    /// The first row of a pass could be in stage 2: at the end of this cycle its weights take their place.
    pub(crate) swap: Signal<Out, Bit>,
    /// The rows in stages 1, 5, 6 and 7.
    pub(crate) read_before: Signal<Out, Row>,
    pub(crate) summing: Signal<Out, Row>,
    pub(crate) summed: Signal<Out, Row>,
    pub(crate) added: Signal<Out, Row>,
    /// There is a pass with rows that have not entered.
    pub(crate) busy: Signal<Out, Bit>,
    /// There are rows on their way.
    pub(crate) draining: Signal<Out, Bit>,
    pub(crate) macs: Signal<Out, Bits<12>>,
    streams: DFF<Bit>,
    pass: DFF<Pass>,
    row1: DFF<Row>,
    row2: DFF<Row>,
    row3: DFF<Row>,
    row4: DFF<Row>,
    row5: DFF<Row>,
    row6: DFF<Row>,
    row7: DFF<Row>,
    swaps: DFF<Bits<3>>,
    count: DFF<Bits<12>>,
    a: Walker<20>,
    d: Walker<20>,
    interlock: Interlock,
    enters: Signal<Local, Bit>,
    ends: Signal<Local, Bit>,
}

#[allow(clippy::too_many_lines, reason = "a kernel is one always block: #[hdl_gen] can call no functions")]
impl Logic for Streamer {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, streams, pass, row1, row2, row3, row4, row5, row6, row7, swaps, count);
        clock!(self, clock, a, d);
        self.interlock.first.next = self.row1.q.val();
        self.interlock.second.next = self.row2.q.val();
        self.interlock.place.next = self.d.address.val();
        self.read.next = self.streams.q.val() & !self.interlock.blocked.val();
        self.address.next = self.a.address.val();
        self.free.next = !self.streams.q.val() | (!self.interlock.blocked.val() & self.grant.val() & self.a.last.val());
        self.enters.next = self.streams.q.val() & !self.interlock.blocked.val() & self.grant.val();
        self.ends.next = self.enters.val() & self.a.last.val();

        // The walkers take their counts when they are put at the first row, and again with every new line.
        self.a.load.next = self.begins.val();
        self.a.step.next = self.enters.val();
        self.a.base.next = self.next_pass.val().a_base;
        self.a.n0.next = self.pass.q.val().n0;
        self.a.n1.next = self.pass.q.val().n1;
        self.a.nt.next = 1.into();
        self.a.s0.next = self.pass.q.val().a_s0;
        self.a.s1.next = self.pass.q.val().a_s1;
        self.a.st.next = 0.into();
        self.d.load.next = self.begins.val();
        self.d.step.next = self.enters.val();
        self.d.base.next = self.next_pass.val().d_base;
        self.d.n0.next = self.pass.q.val().n0;
        self.d.n1.next = self.pass.q.val().n1;
        self.d.nt.next = 1.into();
        self.d.s0.next = self.pass.q.val().d_s0;
        self.d.s1.next = self.pass.q.val().d_s1;
        self.d.st.next = 0.into();
        self.swaps.d.next = self.swaps.q.val() << 1;
        if self.ends.val() {
            self.streams.d.next = false;
        }
        if self.begins.val() {
            self.a.n0.next = self.next_pass.val().n0;
            self.a.n1.next = self.next_pass.val().n1;
            self.d.n0.next = self.next_pass.val().n0;
            self.d.n1.next = self.next_pass.val().n1;
            self.streams.d.next = true;
            self.pass.d.next = self.next_pass.val();
            self.swaps.d.next = (self.swaps.q.val() << 1) | 1;
        }
        self.swap.next = self.swaps.q.val().get_bit(2);

        self.row1.d.next.valid = self.enters.val();
        self.row1.d.next.last = self.ends.val() & self.pass.q.val().last;
        self.row1.d.next.zero = self.pass.q.val().zero;
        self.row1.d.next.k_group = self.pass.q.val().k_group;
        self.row1.d.next.n_group = self.pass.q.val().n_group;
        self.row1.d.next.place = self.d.address.val();
        self.row2.d.next = self.row1.q.val();
        self.row3.d.next = self.row2.q.val();
        self.row4.d.next = self.row3.q.val();
        self.row5.d.next = self.row4.q.val();
        self.row6.d.next = self.row5.q.val();
        self.row7.d.next = self.row6.q.val();
        self.read_before.next = self.row1.q.val();
        self.summing.next = self.row5.q.val();
        self.summed.next = self.row6.q.val();
        self.added.next = self.row7.q.val();
        self.count.d.next = 0.into();
        if self.enters.val() {
            self.count.d.next = self.pass.q.val().macs;
        }
        self.macs.next = self.count.q.val();
        self.busy.next = self.streams.q.val();
        self.draining.next = self.row1.q.val().valid
            | self.row2.q.val().valid
            | self.row3.q.val().valid
            | self.row4.q.val().valid
            | self.row5.q.val().valid
            | self.row6.q.val().valid
            | self.row7.q.val().valid;
    }
}
