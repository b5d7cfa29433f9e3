//! Claims about runs of the machine, and the disputes that prove false ones false on-chain.
//!
//! * [`hash`], [`tree`], [`state`]: the state as eight SHA-256 sub-trees, hashed where it changed.
//! * [`claim`]: what a claim says, and the roots at both of its ends.
//! * [`witness`]: one micro-step, recorded for a verifier that has only a root, and replayed by it.
//! * [`loaded`], [`machine`]: a program with its trees; what a trace needs of an executor.
//! * [`trace`], [`fault`]: the roots of a run at any of its steps; a run that goes wrong.
//! * [`dispute`]: the next move of a dispute, for either side.
//! * [`chain`], [`abi`], [`contracts`]: an EVM in this process or any JSON-RPC node, and the contracts on it.
//! * [`player`], [`operator`], [`watcher`], [`store`]: who claims, who watches, what they keep on disk.
//!
//! *Architecture invariant:* nothing outside [`chain`] knows which chain it talks to, and nothing but [`trace`] runs a
//! machine. There is no async runtime.

#[cfg(feature = "chain")]
pub mod abi;
#[cfg(feature = "chain")]
pub mod chain;
pub mod claim;
#[cfg(feature = "chain")]
pub mod contracts;
#[cfg(feature = "chain")]
pub mod dispute;
pub mod fault;
pub mod hash;
pub mod loaded;
pub mod machine;
#[cfg(feature = "chain")]
pub mod operator;
#[cfg(feature = "chain")]
pub mod player;
pub mod state;
#[cfg(feature = "chain")]
pub mod store;
pub mod trace;
pub mod tree;
#[cfg(feature = "chain")]
pub mod watcher;
pub mod witness;

pub use loaded::Loaded;
pub use state::StateTree;
pub use trace::Trace;
pub use tree::Tree;
