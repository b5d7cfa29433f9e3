//! Programs for the tests.
#![allow(dead_code, reason = "each test file uses its part")]

use isa::{
    ISA_HASH, Leaf,
    program::{Metadata, Program},
    random::{Case, case},
};
use proof_bridge::state::StateTree;

/// A random program with its input.
pub(crate) fn random(seed: u64, size: usize) -> (Program, Vec<Leaf>) {
    let Case { profile, text, constant, input } = case(seed, size);
    (Program { profile, metadata: Metadata::default(), text, constant }, input)
}

/// Its initial state.
pub(crate) fn initial(seed: u64, size: usize) -> StateTree {
    let Case { profile, text, constant, input } = case(seed, size);
    StateTree::new(&[ISA_HASH, profile.to_leaf(), [0; 32], [0; 32]], &text, &constant, &input).unwrap()
}

/// A small generator of numbers for choosing what to alter.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
}
