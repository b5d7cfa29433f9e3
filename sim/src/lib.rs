//! Engines that run programs, all behind one [`Engine`] trait: the reference executor ([`StepEngine`]), which is
//! [`isa::step`] over memory; the fast one ([`FastEngine`]); the Verilated RTL ([`RtlEngine`]);
//! and a board at the end of a line ([`BoardEngine`]).
//!
//! *Architecture invariant:* nothing here depends on `hdl`; the RTL arrives as Verilog text.

pub mod board;
mod engine;
pub mod fast;
pub mod kernels;
mod perf;
pub mod rtl;
mod step;
pub mod workload;

pub use board::{BoardEngine, BoardError};
pub use engine::{Engine, EngineError, MAX_MARKS, Mark, Outcome, Progress, Watch};
pub use fast::{FastEngine, FastError, FastMachine, FastOptions};
pub use perf::{LayerPerf, Perf};
pub use rtl::{Counters, DramConfig, RtlEngine, RtlError, RtlOptions, RtlParams};
pub use step::StepEngine;
