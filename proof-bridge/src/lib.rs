//! Claims about runs of the machine, and the disputes that prove false ones false on-chain.
//!
//! * [`hash`], [`tree`], [`state`]: the state as eight SHA-256 sub-trees, hashed where it changed.
//! * [`claim`]: what a claim says, and the roots at both of its ends.
//! * [`witness`]: one micro-step, recorded for a verifier that has only a root, and replayed by it.
//! * [`trace`], [`fault`]: the roots of a run at any of its steps; a run that goes wrong.
//!
//! machine. There is no async runtime.

pub mod claim;
pub mod fault;
pub mod hash;
pub mod state;
pub mod trace;
pub mod tree;
pub mod witness;
