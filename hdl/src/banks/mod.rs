//! The memories on the chip: spad and acc in banks, who of the units gets a bank, and how all are cleared.

mod acc;
mod arbiter;
mod clear;
mod spad;

pub(crate) use acc::Acc;
pub(crate) use clear::Clear;
pub(crate) use spad::Spad;
