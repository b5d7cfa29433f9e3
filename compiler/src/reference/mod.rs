//! Reference evaluators: what a graph means, written for clarity. Passes and programs are tested against them.

pub mod float;
pub mod integer;
mod window;
