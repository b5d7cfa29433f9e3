//! Which row `MOVE` asks for next. Nothing here depends on a grant.

use rust_hdl::prelude::*;

/// One read, one row to write, or both, on its way.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub(crate) struct Entry {
    /// It brings a row, of this oddness.
    pub(crate) reads: Bit,
    pub(crate) odd: Bit,
    /// It writes a row, of acc if `space`.
    pub(crate) writes: Bit,
    pub(crate) space: Bit,
    pub(crate) place: Bits<20>,
    pub(crate) last: Bit,
    pub(crate) fills: Bit,
    pub(crate) imm: Bits<32>,
    pub(crate) turn: Bits<6>,
    pub(crate) n: Bits<6>,
    pub(crate) offset: Bits<5>,
}

/// Combinational: the first row of the run, if it is not at hand, else the next one, if the run crosses into it and it
/// is not at hand. Rows that are about to be written are not asked for.
#[derive(LogicBlock, Default)]
pub(crate) struct Look {
    pub(crate) active: Signal<In, Bit>,
    pub(crate) filling: Signal<In, Bit>,
    /// The run's first byte, and its length.
    pub(crate) from: Signal<In, Bits<25>>,
    pub(crate) n: Signal<In, Bits<6>>,
    /// The rows at hand.
    pub(crate) even: Signal<In, Bits<20>>,
    pub(crate) even_kept: Signal<In, Bit>,
    pub(crate) odd: Signal<In, Bits<20>>,
    pub(crate) odd_kept: Signal<In, Bit>,
    /// What each stage is about to write into spad.
    pub(crate) catch_writes: Signal<In, Bit>,
    pub(crate) catch_place: Signal<In, Bits<20>>,
    pub(crate) cut_writes: Signal<In, Bit>,
    pub(crate) cut_place: Signal<In, Bits<20>>,
    pub(crate) write_writes: Signal<In, Bit>,
    pub(crate) write_place: Signal<In, Bits<20>>,
    /// The row, whether it is needed, and whether it may be asked for.
    pub(crate) row: Signal<Out, Bits<20>>,
    pub(crate) reads: Signal<Out, Bit>,
    pub(crate) asks: Signal<Out, Bit>,
    /// With that row, or without one, the run is whole.
    pub(crate) whole: Signal<Out, Bit>,
    low: Signal<Local, Bits<20>>,
    high: Signal<Local, Bits<20>>,
    asked: Signal<Local, Bits<20>>,
    shift: Signal<Local, Bits<7>>,
    run_end: Signal<Local, Bits<7>>,
    low_kept: Signal<Local, Bit>,
    high_kept: Signal<Local, Bit>,
    needs: Signal<Local, Bit>,
    blocked: Signal<Local, Bit>,
}

impl Logic for Look {
    #[hdl_gen]
    fn update(&mut self) {
        self.low.next = self.from.val().get_bits::<20>(5);
        self.high.next = self.low.val() + 1;
        self.shift.next = bit_cast::<7, 5>(self.from.val().get_bits::<5>(0));
        self.run_end.next = self.shift.val() + bit_cast::<7, 6>(self.n.val());
        self.low_kept.next = self.even_kept.val() & (self.even.val() == self.low.val());
        self.high_kept.next = self.odd_kept.val() & (self.odd.val() == self.high.val());
        if self.low.val().get_bit(0) {
            self.low_kept.next = self.odd_kept.val() & (self.odd.val() == self.low.val());
            self.high_kept.next = self.even_kept.val() & (self.even.val() == self.high.val());
        }
        if self.run_end.val() <= 32 {
            self.high_kept.next = true;
        }
        self.asked.next = self.low.val();
        if self.low_kept.val() {
            self.asked.next = self.high.val();
        }
        self.blocked.next = (self.catch_writes.val() & (self.catch_place.val() == self.asked.val()))
            | (self.cut_writes.val() & (self.cut_place.val() == self.asked.val()))
            | (self.write_writes.val() & (self.write_place.val() == self.asked.val()));
        self.needs.next = self.active.val() & !self.filling.val() & !(self.low_kept.val() & self.high_kept.val());
        self.row.next = self.asked.val();
        self.reads.next = self.needs.val();
        self.asks.next = self.needs.val() & !self.blocked.val();
        self.whole.next = self.filling.val() | self.low_kept.val() | self.high_kept.val();
    }
}
