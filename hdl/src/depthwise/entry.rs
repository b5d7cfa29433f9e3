//! What travels with a row that was asked for, and what the sum of a pixel waits for.

use rust_hdl::prelude::*;

/// A row of weights, a row of a, or a row of a that makes a pixel's window whole.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub(crate) struct Entry {
    /// There is one.
    pub(crate) full: Bit,
    /// It is a row of weights, the `first` of its pass, of `n` live lanes.
    pub(crate) weighs: Bit,
    pub(crate) first: Bit,
    pub(crate) n: Bits<6>,
    /// A pixel is whole: `macs` live products for row `place` of acc.
    pub(crate) whole: Bit,
    pub(crate) place: Bits<20>,
    pub(crate) macs: Bits<7>,
    /// The row of acc is replaced, not added to.
    pub(crate) zero: Bit,
    /// The last pixel of the instruction.
    pub(crate) last: Bit,
}

/// A pixel behind the multipliers.
#[derive(Copy, Clone, Debug, Default, PartialEq, LogicStruct)]
pub(crate) struct Pixel {
    /// There is one.
    pub(crate) full: Bit,
    /// The row of acc is replaced, not added to.
    pub(crate) zero: Bit,
    /// Its row of acc.
    pub(crate) place: Bits<20>,
    /// The last one of the instruction.
    pub(crate) last: Bit,
}

/// Whether the pixel that is multiplied asks for its row of acc: not while a row before it is about to write there.
/// Combinational, and nothing here depends on a grant.
#[derive(LogicBlock, Default)]
pub(crate) struct Base {
    pub(crate) needed: Signal<In, Bit>,
    pub(crate) place: Signal<In, Bits<20>>,
    pub(crate) add_full: Signal<In, Bit>,
    pub(crate) add_place: Signal<In, Bits<20>>,
    pub(crate) write_full: Signal<In, Bit>,
    pub(crate) write_place: Signal<In, Bits<20>>,
    pub(crate) asks: Signal<Out, Bit>,
    blocked: Signal<Local, Bit>,
}

impl Logic for Base {
    #[hdl_gen]
    fn update(&mut self) {
        self.blocked.next = (self.add_full.val() & (self.add_place.val() == self.place.val()))
            | (self.write_full.val() & (self.write_place.val() == self.place.val()));
        self.asks.next = self.needed.val() & !self.blocked.val();
    }
}
