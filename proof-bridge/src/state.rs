//! The whole state as hashed trees: the reference machine whose root is known at any step.

use std::convert::Infallible;

use isa::{Access, InvalidProfile, Leaf, Profile, Regs, State, Subtree, program::Program};
use rayon::prelude::*;

use crate::{
    claim::Model,
    hash::{hash_pair, root_of},
    machine::WRITTEN,
    tree::{PARALLEL_PAGES, Tree},
};

/// There is no such initial state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Leaf 1 of `head` is no profile.
    #[error(transparent)]
    Profile(#[from] InvalidProfile),
    /// A region does not hold what it is given.
    #[error("{} has {rows} rows, more than the 2^{depth} of the program's profile", region.name())]
    TooLong {
        /// The region.
        region: Subtree,
        /// Rows given, 32 bytes each.
        rows: usize,
        /// log₂ of the rows it has.
        depth: u8,
    },
}

/// The eight sub-trees of a running machine. Clones share what neither has written since.
#[derive(Clone)]
pub struct StateTree {
    profile: Profile,
    trees: [Tree; 8],
}

impl StateTree {
    /// The initial state of a program on `input`, each region given by its rows from row 0.
    ///
    /// # Errors
    /// `head` has no valid profile, or a region is longer than its profile says.
    pub fn new(head: &[Leaf; 4], text: &[Leaf], constant: &[Leaf], input: &[Leaf]) -> Result<StateTree, StateError> {
        let profile = Profile::from_leaf(&head[1])?;
        let tree = |region: Subtree, rows: &[Leaf]| {
            let depth = profile.depth(region);
            if rows.len() as u64 > 1 << depth {
                return Err(StateError::TooLong { region, rows: rows.len(), depth });
            }
            Ok(Tree::from_leaves(depth, rows))
        };
        let trees = [
            tree(Subtree::Head, head)?,
            tree(Subtree::Text, text)?,
            tree(Subtree::Const, constant)?,
            tree(Subtree::Input, input)?,
            tree(Subtree::Regs, &[])?,
            tree(Subtree::Onchip, &[])?,
            tree(Subtree::Work, &[])?,
            tree(Subtree::Output, &[])?,
        ];
        Ok(StateTree { profile, trees })
    }

    /// The initial state of a program on `input`, the rows of the input region from row 0.
    ///
    /// # Errors
    /// As for [`StateTree::new`].
    pub fn of_program(program: &Program, input: &[Leaf]) -> Result<StateTree, StateError> {
        StateTree::new(&program.head(), &program.text, &program.constant, input)
    }

    /// The sizes of the trees.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// One sub-tree.
    pub fn tree(&self, tree: Subtree) -> &Tree {
        &self.trees[tree as usize]
    }

    /// One sub-tree, to ask it for roots and proofs.
    pub fn tree_mut(&mut self, tree: Subtree) -> &mut Tree {
        &mut self.trees[tree as usize]
    }

    /// The registers.
    pub fn regs(&self) -> Regs {
        let mut leaves = [[0; 32]; 4];
        self.tree(Subtree::Regs).read(0, &mut leaves);
        Regs::from_leaves(&leaves)
    }

    /// The roots of the eight sub-trees, hashed side by side where much has changed.
    pub fn roots(&mut self) -> [Leaf; 8] {
        if self.changed_pages() >= PARALLEL_PAGES {
            self.trees.par_iter_mut().for_each(Tree::flush);
        }
        std::array::from_fn(|index| self.trees[index].root())
    }

    /// Pages of leaves that were written since the last hashing.
    pub fn changed_pages(&self) -> usize {
        self.trees.iter().map(Tree::changed_pages).sum()
    }

    /// Bytes of leaves and their inner nodes that it does not share with `other`, about.
    pub fn unshared_bytes(&self, other: &StateTree) -> usize {
        self.trees.iter().zip(&other.trees).map(|(mine, theirs)| mine.unshared_bytes(theirs)).sum()
    }

    /// Becomes `other` in the sub-trees that a run writes.
    pub fn take_written(&mut self, other: &StateTree) {
        for tree in WRITTEN {
            self.trees[tree as usize].clone_from(other.tree(tree));
        }
    }

    /// The state root.
    pub fn root(&mut self) -> Leaf {
        root_of(&self.roots())
    }

    /// What the registry holds of the program in this state.
    pub fn model(&mut self) -> Model {
        let [head, text, constant] =
            [Subtree::Head, Subtree::Text, Subtree::Const].map(|tree| self.tree_mut(tree).root());
        Model { profile: self.profile, code: hash_pair(&head, &text), constant }
    }
}

impl State for StateTree {
    type Error = Infallible;

    fn read(&mut self, at: Access, out: &mut [Leaf]) -> Result<(), Infallible> {
        self.tree(at.tree).read(at.index, out);
        Ok(())
    }

    fn update(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), Infallible> {
        self.tree_mut(at.tree).write(at.index, leaves);
        Ok(())
    }

    fn overwrite(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), Infallible> {
        self.update(at, leaves)
    }

    fn clear(&mut self, tree: Subtree, _depth: u8) -> Result<(), Infallible> {
        self.tree_mut(tree).clear();
        Ok(())
    }
}
