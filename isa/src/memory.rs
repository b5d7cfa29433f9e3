//! The reference state: all leaves in memory, sparse.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::convert::Infallible;

use crate::profile::Profile;
use crate::regs::Regs;
use crate::state::{Access, State, Subtree};
use crate::word::{Leaf, ZERO};

const PAGE: u64 = 128;

/// The leaves of one sub-tree; pages never written are zero and take no memory.
#[derive(Clone, Debug, Default)]
pub struct Region {
    pages: BTreeMap<u64, Box<[Leaf; PAGE as usize]>>,
}

impl Region {
    /// A region that begins with these rows.
    #[must_use]
    pub fn from_rows(rows: &[Leaf]) -> Region {
        let mut region = Region::default();
        for (index, row) in (0..).zip(rows) {
            region.set(index, *row);
        }
        region
    }

    /// Leaf `index`.
    #[must_use]
    pub fn get(&self, index: u64) -> Leaf {
        self.pages.get(&(index / PAGE)).map_or(ZERO, |page| page[(index % PAGE) as usize])
    }

    /// Replaces leaf `index`.
    pub fn set(&mut self, index: u64, leaf: Leaf) {
        let page = self.pages.entry(index / PAGE).or_insert_with(|| Box::new([ZERO; PAGE as usize]));
        page[(index % PAGE) as usize] = leaf;
    }

    /// The leaves that are not zero, by index.
    pub fn nonzero(&self) -> impl Iterator<Item = (u64, &Leaf)> {
        self.pages
            .iter()
            .flat_map(|(&page, leaves)| (page * PAGE..).zip(leaves.iter()))
            .filter(|(_, leaf)| **leaf != ZERO)
    }

    /// Leaves `0..rows`.
    #[must_use]
    pub fn rows(&self, rows: u64) -> Vec<Leaf> {
        (0..rows).map(|index| self.get(index)).collect()
    }
}

impl PartialEq for Region {
    fn eq(&self, other: &Region) -> bool {
        self.nonzero().eq(other.nonzero())
    }
}

impl Eq for Region {}

/// The reference executor's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    trees: [Region; 8],
}

impl Memory {
    /// The initial state of a run: read-only regions as given, everything else zero.
    #[must_use]
    pub fn new(head: &[Leaf; 4], text: &[Leaf], constant: &[Leaf], input: &[Leaf]) -> Memory {
        let mut memory = Memory::default();
        for (tree, rows) in
            [(Subtree::Head, &head[..]), (Subtree::Text, text), (Subtree::Const, constant), (Subtree::Input, input)]
        {
            memory.trees[tree as usize] = Region::from_rows(rows);
        }
        memory
    }

    /// The leaves of a sub-tree.
    #[must_use]
    pub fn tree(&self, tree: Subtree) -> &Region {
        &self.trees[tree as usize]
    }

    /// The leaves of a sub-tree, to change them from outside (a test, a fault to inject).
    pub fn tree_mut(&mut self, tree: Subtree) -> &mut Region {
        &mut self.trees[tree as usize]
    }

    /// The registers.
    #[must_use]
    pub fn regs(&self) -> Regs {
        Regs::from_leaves(&core::array::from_fn(|i| self.tree(Subtree::Regs).get(i as u64)))
    }

    /// The profile, if the head has a valid one.
    #[must_use]
    pub fn profile(&self) -> Option<Profile> {
        Profile::from_leaf(&self.tree(Subtree::Head).get(1)).ok()
    }
}

impl State for Memory {
    type Error = Infallible;

    fn read(&mut self, at: Access, out: &mut [Leaf]) -> Result<(), Infallible> {
        for (index, leaf) in (at.index..).zip(out) {
            *leaf = self.trees[at.tree as usize].get(index);
        }
        Ok(())
    }

    fn update(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), Infallible> {
        self.overwrite(at, leaves)
    }

    fn overwrite(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), Infallible> {
        for (index, leaf) in (at.index..).zip(leaves) {
            self.trees[at.tree as usize].set(index, *leaf);
        }
        Ok(())
    }

    fn clear(&mut self, tree: Subtree, _depth: u8) -> Result<(), Infallible> {
        self.trees[tree as usize] = Region::default();
        Ok(())
    }
}
