//! Engines that run programs, all behind one [`Engine`] trait: the reference executor ([`StepEngine`]), which is
//! [`isa::step`] over memory; the fast one ([`FastEngine`]); and the Verilated RTL ([`RtlEngine`]).
//!
//! *Architecture invariant:* nothing here depends on `hdl`; the RTL arrives as Verilog text.

mod engine;
pub mod fast;
pub mod kernels;
mod perf;
pub mod rtl;
mod step;
pub mod workload;

pub use engine::{Engine, EngineError, MAX_MARKS, Mark, Outcome, Progress, Watch};
pub use fast::{FastEngine, FastError, FastMachine, FastOptions};
pub use perf::{LayerPerf, Perf};
pub use rtl::{Counters, DramConfig, RtlEngine, RtlError, RtlOptions, RtlParams};
pub use step::StepEngine;
