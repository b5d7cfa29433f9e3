//! What `step` runs over: eight trees of leaves, read and written by aligned sub-trees.

use crate::word::{Leaf, ZERO};

/// The eight sub-trees of the state; the number is the index in the root and the code of a DRAM region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Subtree {
    /// `ISA_HASH`, profile, metadata hash.
    Head = 0,
    /// Instructions.
    Text = 1,
    /// Weights and tables.
    Const = 2,
    /// The request.
    Input = 3,
    /// Control leaf and scalar registers.
    Regs = 4,
    /// spad and acc.
    Onchip = 5,
    /// DRAM scratch.
    Work = 6,
    /// Results.
    Output = 7,
}

impl Subtree {
    /// All eight, in the order of the root.
    pub const ALL: [Subtree; 8] = [
        Subtree::Head,
        Subtree::Text,
        Subtree::Const,
        Subtree::Input,
        Subtree::Regs,
        Subtree::Onchip,
        Subtree::Work,
        Subtree::Output,
    ];

    /// The sub-tree of an index.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Subtree> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Lower-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Subtree::Head => "head",
            Subtree::Text => "text",
            Subtree::Const => "const",
            Subtree::Input => "input",
            Subtree::Regs => "regs",
            Subtree::Onchip => "onchip",
            Subtree::Work => "work",
            Subtree::Output => "output",
        }
    }
}

/// `2^height` leaves of one tree, aligned to their number: what one access reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// The tree.
    pub tree: Subtree,
    /// First leaf; a multiple of `2^height`.
    pub index: u64,
    /// log₂ of the number of leaves, at most 5.
    pub height: u8,
}

impl Access {
    /// One leaf.
    #[must_use]
    pub const fn leaf(tree: Subtree, index: u64) -> Access {
        Access { tree, index, height: 0 }
    }

    /// Number of leaves.
    #[must_use]
    pub const fn leaves(self) -> usize {
        1 << self.height
    }
}

/// The state that `step` transforms. Memory cannot fail; a verifier that has only a witness can.
///
/// The order of calls is part of the machine: it is the order of a witness.
pub trait State {
    /// Why an access is impossible.
    type Error;

    /// Reads the leaves of `at` into `out` (as many as `at` names).
    ///
    /// # Errors
    /// The witness does not prove them.
    fn read(&mut self, at: Access, out: &mut [Leaf]) -> Result<(), Self::Error>;

    /// Writes a place that this step has read, with no other write to its tree since.
    ///
    /// # Errors
    /// As for [`State::read`].
    fn update(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), Self::Error>;

    /// Writes a place that this step has not read.
    ///
    /// # Errors
    /// As for [`State::read`].
    fn overwrite(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), Self::Error>;

    /// Makes every leaf of a tree of this depth zero.
    ///
    /// # Errors
    /// As for [`State::read`].
    fn clear(&mut self, tree: Subtree, depth: u8) -> Result<(), Self::Error>;
}

/// Reads one leaf.
pub(crate) fn read_leaf<S: State>(state: &mut S, at: Access) -> Result<Leaf, S::Error> {
    let mut leaf = [ZERO];
    state.read(at, &mut leaf)?;
    Ok(leaf[0])
}
