//! The front end: instructions in order, from their words in DRAM to admitted operations on the scoreboard.
//!
//! *Architecture invariant:* nothing is done ahead of a decision. An instruction is fetched and taken apart early, but
//! it changes registers, or enters the scoreboard, only when every older one has been admitted.

mod alu;
mod check;
mod claim;
mod counts;
mod decode;
mod factors;
mod fetch;
mod fold;
mod hull;
mod hulls;
mod judge;
mod legal;
mod sequence;
mod spaces;
#[cfg(test)]
mod tests;

pub(crate) use fetch::LINES_LOG2;
pub(crate) use sequence::{Activity, Front};
