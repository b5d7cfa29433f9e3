//! The accelerator in rust-hdl, and the Verilog it emits.
//!
//! [`emit`] turns [`Params`] into one text whose top module is `systole`. A run begins with a pulse on `start` and
//! ends when `done` rises; between them the machine fetches from `base_text` and moves rows through its memory port.
//!
//! The memory port counts rows of 32 bytes and has two channels. A request to read (`read_valid`, `read_row`,
//! `read_rows`) stands until `read_ready`; its rows come as beats of `rdata`, lowest byte first, one in each cycle with
//! `rdata_valid` and `rdata_ready`, in the order of the requests, of which sixteen may be outstanding. A request to
//! write (`write_valid`, `write_row`, `write_rows`) stands until `write_ready`; its beats follow on `wdata` in the
//! order of the requests, and when its last has become readable, `written` is high for one cycle, in that order too.
//! The channels are not ordered with each other: a read that is accepted after `written` sees what was written.
//!
//! A `MARK` shows itself by `mark_valid`; it, its number and `digest` stand until `mark_ready`.
//!
//! `clock` and the eight `clock_*` are one clock. Each part but the memory, the port and the counters has a gate of its own:
//! `clock_<part>` may stay low in a cycle in which that part's bit of `awake` (load, store, move, matrix, depthwise,
//! vector, front, scoreboard, from bit 0) is low before the edge, and nothing changes by it. A board may as well tie them all together.
//!
//! [`emit_shell`] is what stands between a machine and the pins of a board, whose host serves the memory port.
//!
//! `serial` is another machine behind the same ports, which a microprogram drives; there the gates' clocks do nothing, and what it
//! has no part for stays 0.
//!
//! *Architecture invariant:* control, structure and wiring are rust-hdl; only leaves (`prims`, the table and the queue of
//! `scoreboard`, `counters`, `serial/prims`) are Verilog written by hand. No number of the encoding stands here: `encoding` looks them up in the table of `isa`.
#![allow(unused_braces, reason = "#[hdl_gen] repeats the braces of get_bits::<{ .. }> where none are needed")]

#[macro_use]
mod ports;

mod array;
mod awake;
mod banks;
#[cfg(test)]
mod block_tests;
mod board;
mod counters;
mod depthwise;
mod emit;
mod encoding;
#[cfg(test)]
mod equivalence;
mod front;
mod lanes;
mod machine;
mod monitor;
mod nest;
mod operation;
mod params;
mod prims;
mod profile;
mod scoreboard;
mod serial;
#[cfg(test)]
mod silent;
mod traits;
mod transfer;
#[cfg(test)]
mod unit_tests;
mod walker;

pub use emit::{CYCLES_PER_BIT, EmitError, SHELL, TOP, emit, emit_shell};
pub use params::{COMMITTED, Datapath, Params, ParamsError, TARGETS};
