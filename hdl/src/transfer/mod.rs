//! Between memory and the banks: the two channels of the memory port, and the units that use them.

pub(crate) mod load;
pub(crate) mod mover;
pub(crate) mod read_port;
pub(crate) mod store;
pub(crate) mod write_port;
