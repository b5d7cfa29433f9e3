//! Looking into runs: traces, and where two runs part.

pub(crate) mod bisect;
pub(crate) mod filter;
pub(crate) mod layers;
pub(crate) mod place;
pub(crate) mod trace;
