//! The accelerator in rust-hdl, and the Verilog it emits.
//!
//! [`emit`] turns [`Params`] into one text whose top module is `systole`. A run begins with a pulse on `start` and
//! ends when `done` rises; between them the machine fetches from `base_text` and moves rows through its memory port.
//!
//! *Architecture invariant:* control, structure and wiring are rust-hdl; only the leaves in `prims` are Verilog
//! written by hand. No number of the encoding stands here: `encoding` looks them up in the table of `isa`.
#![allow(unused_braces, reason = "#[hdl_gen] repeats the braces of get_bits::<{ .. }> where none are needed")]

mod alu;
#[cfg(test)]
mod block_tests;
mod check;
mod control;
mod counters;
mod counts;
mod decode;
mod emit;
mod encoding;
#[cfg(test)]
mod equivalence;
mod fetch;
mod fold;
mod hull;
mod hulls;
mod judge;
mod legal;
mod level;
mod load;
mod machine;
mod matrix;
mod maxq;
mod mover;
mod operation;
mod params;
mod port;
mod prims;
mod profile;
#[cfg(test)]
mod silent;
mod spaces;
mod store;
mod traits;
mod vector;
mod walker;

pub use emit::{EmitError, TOP, emit};
pub use params::{COMMITTED, Params, ParamsError, TARGETS};
