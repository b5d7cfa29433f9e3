//! The profile: the sizes of a program's spaces and its step limit, one leaf of `head`.

use crate::state::Subtree;
use crate::word::{Leaf, Word};

/// Largest log₂ rows of a DRAM region (128 GiB).
pub const MAX_DRAM_LOG2: u8 = 32;
/// Largest log₂ rows of spad, and log₂ row32s of acc: what a 20-bit base can name.
pub const MAX_ONCHIP_LOG2: u8 = 20;

const LIMIT: (u32, u32) = (0, 64);
const DEPTH_LSB: [u32; 7] = [64, 72, 80, 88, 96, 104, 112];

/// Step limit and log₂ sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Profile {
    /// Most micro-steps of a run; an instruction that would carry `steps` past it traps.
    pub limit: u64,
    /// log₂ rows of `text`.
    pub text: u8,
    /// log₂ rows of `const`.
    pub constant: u8,
    /// log₂ rows of `input`.
    pub input: u8,
    /// log₂ rows of `work`.
    pub work: u8,
    /// log₂ rows of `output`.
    pub output: u8,
    /// log₂ rows of spad.
    pub spad: u8,
    /// log₂ row32s of acc.
    pub acc: u8,
}

/// A profile leaf that no program can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidProfile;

impl core::fmt::Display for InvalidProfile {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "invalid profile: DRAM regions have at most 2^{MAX_DRAM_LOG2} rows, spad and acc 2^{MAX_ONCHIP_LOG2}, other bits are 0"
        )
    }
}

impl core::error::Error for InvalidProfile {}

impl Profile {
    fn depths(&self) -> [u8; 7] {
        [self.text, self.constant, self.input, self.work, self.output, self.spad, self.acc]
    }

    /// Whether every size is within what addresses can name.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let depths = self.depths();
        depths[..5].iter().all(|&d| d <= MAX_DRAM_LOG2) && depths[5..].iter().all(|&d| d <= MAX_ONCHIP_LOG2)
    }

    /// The profile leaf.
    #[must_use]
    pub fn to_leaf(&self) -> Leaf {
        let mut word = Word::ZERO;
        word.set_bits(LIMIT.0, LIMIT.1, self.limit);
        for (lsb, depth) in DEPTH_LSB.into_iter().zip(self.depths()) {
            word.set_bits(lsb, 8, u64::from(depth));
        }
        word.to_leaf()
    }

    /// Inverse of [`Profile::to_leaf`].
    ///
    /// # Errors
    /// A size beyond the maximum, or a bit that belongs to no field.
    pub fn from_leaf(leaf: &Leaf) -> Result<Profile, InvalidProfile> {
        let word = Word::from_leaf(leaf);
        let [text, constant, input, work, output, spad, acc] = DEPTH_LSB.map(|lsb| leaf[31 - (lsb / 8) as usize]);
        let profile = Profile { limit: word.bits(LIMIT.0, LIMIT.1), text, constant, input, work, output, spad, acc };
        if profile.is_valid() && profile.to_leaf() == *leaf { Ok(profile) } else { Err(InvalidProfile) }
    }

    /// Depth of a sub-tree.
    #[must_use]
    pub fn depth(&self, tree: Subtree) -> u8 {
        match tree {
            Subtree::Head | Subtree::Regs => 2,
            Subtree::Text => self.text,
            Subtree::Const => self.constant,
            Subtree::Input => self.input,
            Subtree::Onchip => self.spad.max(self.acc + 2) + 1,
            Subtree::Work => self.work,
            Subtree::Output => self.output,
        }
    }

    /// Leaf of `onchip` where acc row `row` begins.
    #[must_use]
    pub fn acc_leaf(&self, row: u64) -> u64 {
        (1u64 << (self.depth(Subtree::Onchip) - 1)).wrapping_add(row.wrapping_mul(4))
    }
}
