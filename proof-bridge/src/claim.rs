//! Claims and the roots at both of their ends, as functions of what a claim says.

use isa::{Leaf, Profile, Regs, Status, Subtree};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::hash::{hash_pair, root_of, zero};

/// What a registry holds of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// The depths of its sub-trees and its step limit; leaf 1 of `head`.
    pub profile: Profile,
    /// H(head, text).
    pub code: Leaf,
    /// Root of `const`.
    pub constant: Leaf,
}

impl Model {
    /// H(H(head, text), const).
    pub fn root(&self) -> Leaf {
        hash_pair(&self.code, &self.constant)
    }

    /// The state root whose sub-trees `regs`, `onchip`, `work` and `output` have these roots.
    fn state_root(&self, input_root: &Leaf, written: [Leaf; 4]) -> Leaf {
        let fixed = hash_pair(&self.code, &hash_pair(&self.constant, input_root));
        hash_pair(&fixed, &root_of(&written))
    }

    /// Root of the state before the first micro-step on an input.
    pub fn initial_root(&self, input_root: &Leaf) -> Leaf {
        let written = [Subtree::Regs, Subtree::Onchip, Subtree::Work, Subtree::Output];
        self.state_root(input_root, written.map(|tree| zero(self.profile.depth(tree))))
    }

    /// Root of the state that an outcome says the machine came to rest in.
    pub fn final_root(&self, input_root: &Leaf, outcome: &Outcome) -> Leaf {
        let regs = root_of(&Regs::halted(outcome.status, outcome.steps).to_leaves());
        let [onchip, work] = [Subtree::Onchip, Subtree::Work].map(|tree| zero(self.profile.depth(tree)));
        self.state_root(input_root, [regs, onchip, work, outcome.output_root])
    }
}

/// How a run ended: with model and input, all that a claim says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Root of `output`.
    pub output_root: Leaf,
    /// Halted or a trap.
    pub status: Status,
    /// Micro-steps since reset.
    pub steps: u64,
}

/// Pairs that are worth a second thread.
const PARALLEL_PAIRS: usize = 512;

/// Root of a region of 2^`depth` rows that begins with `rows`. Panics if they do not fit.
pub fn region_root(depth: u8, rows: &[Leaf]) -> Leaf {
    assert!(rows.len() as u64 <= 1 << depth, "{} rows in a region of 2^{depth}", rows.len());
    let mut level = rows.to_vec();
    for height in 0..depth {
        if level.is_empty() {
            return zero(depth);
        }
        if level.len() % 2 == 1 {
            level.push(zero(height));
        }
        let (pairs, _) = level.as_chunks::<2>();
        level = if pairs.len() < PARALLEL_PAIRS {
            pairs.iter().map(|[left, right]| hash_pair(left, right)).collect()
        } else {
            pairs.par_iter().with_min_len(PARALLEL_PAIRS / 8).map(|[left, right]| hash_pair(left, right)).collect()
        };
    }
    level.first().copied().unwrap_or(zero(depth))
}

/// Bytes as rows, the last one padded with zeros.
pub fn rows_of(bytes: &[u8]) -> Vec<Leaf> {
    bytes
        .chunks(32)
        .map(|chunk| {
            let mut row = [0; 32];
            row[..chunk.len()].copy_from_slice(chunk);
            row
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Tree;

    #[test]
    fn a_regions_root_is_its_trees() {
        for (depth, rows) in [(0, 0), (0, 1), (1, 1), (5, 0), (5, 3), (5, 32), (12, 2049), (20, 5000), (32, 7)] {
            let rows: Vec<Leaf> = (0..rows).map(|i| [i as u8; 32]).collect();
            assert_eq!(region_root(depth, &rows), Tree::from_leaves(depth, &rows).root(), "{depth}");
        }
    }
}
