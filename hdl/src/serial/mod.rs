//! The serial machine: the same instruction set by a microprogram, for the smallest devices.

mod alu;
mod asm;
mod code;
mod machine;
#[cfg(test)]
mod model;
mod prims;
#[cfg(test)]
mod tests;
mod uop;

pub(crate) use machine::Serial;

/// Calls that may be open at once.
#[cfg(test)]
const CALLS: usize = 4;
