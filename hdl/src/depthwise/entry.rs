//! What travels with a row that was asked for.

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
