//! Leaves of the serial machine whose Verilog is written by hand; `tests.rs` runs each against its `update`.

mod arithmetic;
mod decode;
mod macs;
mod operand;
mod outgoing;
mod product;
mod registers;
mod rom;
mod tally;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use arithmetic::Arithmetic;
pub(crate) use decode::Decode;
pub(crate) use macs::Macs;
pub(crate) use operand::Operand;
pub(crate) use outgoing::Outgoing;
pub(crate) use product::Product;
pub(crate) use registers::Registers;
pub(crate) use rom::Rom;
pub(crate) use tally::Tally;
pub(crate) use words::Words;
