//! What a verifier needs to redo one micro-step: recording it, and replaying it.
//!
//! A witness is the roots of the eight sub-trees, then each access in the order of `step`: the leaves of
//! one aligned sub-tree (or, for a write without a read, the one node it replaces), then its siblings up
//! to the root of the sub-tree, bottom first.

use isa::{Access, Leaf, Profile, State, Subtree, step};

use crate::{
    hash::{climb, root_of, zero},
    state::StateTree,
};

/// The leaf that states the depths of the other sub-trees; `step` reads it before any of them.
const PROFILE: Access = Access::leaf(Subtree::Head, 1);

/// Why a witness proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// It ends in the middle of an access.
    #[error("witness ends after {bytes} bytes in the middle of an access")]
    Short {
        /// Bytes given.
        bytes: usize,
    },
    /// Something follows the last access.
    #[error("witness has {extra} bytes after the last access")]
    Trailing {
        /// Bytes too many.
        extra: usize,
    },
    /// The sub-tree roots do not fold to the state root.
    #[error("the witness's sub-tree roots do not belong to the state before the step")]
    WrongState,
    /// The leaves and siblings of an access do not lead to the sub-tree's root.
    #[error("the witness does not prove {} leaf {index}", tree.name())]
    WrongProof {
        /// The sub-tree.
        tree: Subtree,
        /// First leaf of the access.
        index: u64,
    },
    /// Leaf 1 of `head` is no profile; no model with such a head can be registered.
    #[error("the witness's head has an invalid profile")]
    InvalidProfile,
    /// An access outside a sub-tree, or an update of what was not read last: no step does that on an admitted state.
    #[error("the step from this state reaches beyond {} at leaf {index}", tree.name())]
    OutOfTree {
        /// The sub-tree.
        tree: Subtree,
        /// First leaf of the access.
        index: u64,
    },
}

/// Records the accesses of one micro-step of `state`.
struct Recorder<'a> {
    state: &'a mut StateTree,
    witness: Vec<u8>,
}

impl Recorder<'_> {
    fn siblings(&mut self, at: Access) {
        for sibling in self.state.tree_mut(at.tree).siblings(at.index, at.height) {
            self.witness.extend_from_slice(&sibling);
        }
    }
}

impl State for Recorder<'_> {
    type Error = std::convert::Infallible;

    fn read(&mut self, at: Access, out: &mut [Leaf]) -> Result<(), Self::Error> {
        self.state.read(at, out)?;
        self.witness.extend_from_slice(out.as_flattened());
        self.siblings(at);
        Ok(())
    }

    fn update(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), Self::Error> {
        self.state.update(at, leaves)
    }

    fn overwrite(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), Self::Error> {
        let old = self.state.tree_mut(at.tree).subtree(at.index, at.height);
        self.witness.extend_from_slice(&old);
        self.siblings(at);
        self.state.overwrite(at, leaves)
    }

    fn clear(&mut self, tree: Subtree, depth: u8) -> Result<(), Self::Error> {
        self.state.clear(tree, depth)
    }
}

/// Takes one micro-step of `state` and returns its witness.
pub fn record(state: &mut StateTree) -> Vec<u8> {
    let witness = state.roots().as_flattened().to_vec();
    let mut recorder = Recorder { state, witness };
    match step(&mut recorder) {
        Ok(_) => recorder.witness,
    }
}

/// The root after one micro-step from the state whose root is `pre_root`.
///
/// # Errors
/// The witness does not prove exactly what the step touches.
pub fn replay(pre_root: &Leaf, witness: &[u8]) -> Result<Leaf, WitnessError> {
    let mut replayer = Replayer::new(pre_root, witness)?;
    step(&mut replayer)?;
    replayer.finish()
}

/// A verifier's state: running sub-tree roots and the rest of the witness.
struct Replayer<'a> {
    /// What leaf 1 of `head` says, once read: until then no depth but those of `head` and `regs` is known.
    profile: Profile,
    roots: [Leaf; 8],
    /// Per sub-tree, the place read last and its siblings.
    read: [Option<(Access, &'a [Leaf])>; 8],
    witness: &'a [Leaf],
    bytes: usize,
}

impl<'a> Replayer<'a> {
    fn new(pre_root: &Leaf, witness: &'a [u8]) -> Result<Replayer<'a>, WitnessError> {
        let bytes = witness.len();
        let (leaves, rest) = witness.as_chunks();
        let Some((roots, witness)) = leaves.split_first_chunk() else {
            return Err(WitnessError::Short { bytes });
        };
        if root_of(roots) != *pre_root {
            return Err(WitnessError::WrongState);
        }
        if !rest.is_empty() {
            return Err(WitnessError::Trailing { extra: rest.len() });
        }
        Ok(Replayer { profile: Profile::default(), roots: *roots, read: [None; 8], witness, bytes })
    }

    fn take(&mut self, count: usize) -> Result<&'a [Leaf], WitnessError> {
        let Some((taken, rest)) = self.witness.split_at_checked(count) else {
            return Err(WitnessError::Short { bytes: self.bytes });
        };
        self.witness = rest;
        Ok(taken)
    }

    /// Levels from the access up to the root of its sub-tree.
    fn height(&self, at: Access) -> Result<usize, WitnessError> {
        let depth = self.profile.depth(at.tree);
        match depth.checked_sub(at.height) {
            Some(levels) if at.index >> depth == 0 && at.index.trailing_zeros() >= u32::from(at.height) => {
                Ok(usize::from(levels))
            }
            _ => Err(WitnessError::OutOfTree { tree: at.tree, index: at.index }),
        }
    }

    /// Checks that `node` is at the access's place and returns its siblings.
    fn prove(&mut self, at: Access, node: Leaf) -> Result<&'a [Leaf], WitnessError> {
        let siblings = self.take(self.height(at)?)?;
        if climb(node, at.index >> at.height, siblings) != self.roots[at.tree as usize] {
            return Err(WitnessError::WrongProof { tree: at.tree, index: at.index });
        }
        Ok(siblings)
    }

    fn replace(&mut self, at: Access, siblings: &[Leaf], leaves: &[Leaf]) {
        self.roots[at.tree as usize] = climb(root_of(leaves), at.index >> at.height, siblings);
    }

    fn finish(self) -> Result<Leaf, WitnessError> {
        match self.witness.len() {
            0 => Ok(root_of(&self.roots)),
            leaves => Err(WitnessError::Trailing { extra: 32 * leaves }),
        }
    }
}

impl State for Replayer<'_> {
    type Error = WitnessError;

    fn read(&mut self, at: Access, out: &mut [Leaf]) -> Result<(), WitnessError> {
        self.height(at)?;
        let leaves = self.take(at.leaves())?;
        let siblings = self.prove(at, root_of(leaves))?;
        self.read[at.tree as usize] = Some((at, siblings));
        out.copy_from_slice(leaves);
        if at == PROFILE {
            self.profile = Profile::from_leaf(&leaves[0]).map_err(|_| WitnessError::InvalidProfile)?;
        }
        Ok(())
    }

    fn update(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), WitnessError> {
        match self.read[at.tree as usize] {
            Some((read, siblings)) if read == at => {
                self.replace(at, siblings, leaves);
                Ok(())
            }
            _ => Err(WitnessError::OutOfTree { tree: at.tree, index: at.index }),
        }
    }

    fn overwrite(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), WitnessError> {
        self.height(at)?;
        let node = self.take(1)?[0];
        let siblings = self.prove(at, node)?;
        self.replace(at, siblings, leaves);
        self.read[at.tree as usize] = None;
        Ok(())
    }

    fn clear(&mut self, tree: Subtree, depth: u8) -> Result<(), WitnessError> {
        self.roots[tree as usize] = zero(depth);
        self.read[tree as usize] = None;
        Ok(())
    }
}
