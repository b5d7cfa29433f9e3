//! The fast executor: the state of [`isa::step`] after every micro-step, at the speed of this processor.
//!
//! A [`FastMachine`] runs whole instructions by kernels over native memory (spad as bytes, acc as i32, DRAM in pages)
//! on the [`Workers`]' threads, and can stop at any micro-step. It knows which leaves were written, so that a tree of
//! hashes over it is brought up to date by [`FastMachine::drain`], and [`FastMachine::snapshot`] copies only what is new.
//!
//! *Architecture invariant:* what a micro-step means is said in `isa`. Kernels are checked against it, scalars, halts and
//! traps are its own code, and so are the micro-steps of a row that a stop divides.

mod ahead;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod bits;
mod bytes;
mod crew;
mod digest;
mod dirty;
mod dram;
mod engine;
mod exec;
mod known;
mod machine;
mod matmul;
mod observe;
mod origins;
mod place;
mod rows;
mod seat;
mod simd;
mod space;
mod touch;
mod vector;
#[cfg(target_arch = "x86_64")]
mod vectors;
mod window;
mod words;
mod workers;

pub use engine::FastEngine;
pub use machine::{FastError, FastMachine, Hook, Image, Issue};
pub use observe::{Change, Snapshot};
pub use simd::Simd;
pub use workers::{FastOptions, Workers};
