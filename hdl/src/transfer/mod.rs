//! Between memory and the banks: the two channels of the memory port, and the units that use them.

mod bursts;
mod indices;
pub(crate) mod load;
mod look;
pub(crate) mod mover;
mod places;
pub(crate) mod read_port;
mod rows;
pub(crate) mod store;
#[cfg(test)]
mod tests;
pub(crate) mod write_port;
