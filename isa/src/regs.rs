//! The `regs` sub-tree: control leaf and sixteen scalars.

use crate::word::{Leaf, Word, ZERO};

/// How a run stands. Traps are states, not errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[repr(u8)]
pub enum Status {
    /// Not halted.
    #[default]
    Running = 0,
    /// `HALT`.
    Halted = 1,
    /// An encoding without meaning.
    Illegal = 2,
    /// A count out of range.
    Count = 3,
    /// The step limit would be passed.
    Limit = 4,
    /// A misaligned tile, parameter block or DRAM row32.
    Align = 5,
    /// An operand's hull leaves its space.
    Bounds = 6,
    /// Hulls meet that must not.
    Overlap = 7,
    /// pc outside text.
    Fetch = 8,
}

impl Status {
    /// All, in the order of their codes.
    pub const ALL: [Status; 9] = [
        Status::Running,
        Status::Halted,
        Status::Illegal,
        Status::Count,
        Status::Limit,
        Status::Align,
        Status::Bounds,
        Status::Overlap,
        Status::Fetch,
    ];

    /// The status of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Status> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Its code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Lower-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::Halted => "halted",
            Status::Illegal => "illegal",
            Status::Count => "count",
            Status::Limit => "limit",
            Status::Align => "align",
            Status::Bounds => "bounds",
            Status::Overlap => "overlap",
            Status::Fetch => "fetch",
        }
    }
}

impl core::fmt::Display for Status {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// Control and scalar registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Regs {
    /// Index of the instruction in `text`.
    pub pc: u32,
    /// The status code; a code that no [`Status`] has counts as halted.
    pub status: u8,
    /// Micro-step inside the instruction.
    pub row: u64,
    /// Micro-steps since reset.
    pub steps: u64,
    /// x0..x15; x0 is 0.
    pub x: [u32; 16],
}

impl Regs {
    /// A halted machine.
    #[must_use]
    pub fn halted(status: Status, steps: u64) -> Regs {
        Regs { status: status.code(), steps, ..Regs::default() }
    }

    /// The four leaves.
    #[must_use]
    pub fn to_leaves(&self) -> [Leaf; 4] {
        let mut control = Word::ZERO;
        control.set_bits(0, 32, u64::from(self.pc));
        control.set_bits(32, 8, u64::from(self.status));
        control.set_bits(64, 64, self.row);
        control.set_bits(128, 64, self.steps);
        let mut scalars = [Word::ZERO; 2];
        for (i, &x) in (0u32..).zip(&self.x) {
            scalars[(i / 8) as usize].set_bits(32 * (i % 8), 32, u64::from(x));
        }
        [control.to_leaf(), scalars[0].to_leaf(), scalars[1].to_leaf(), ZERO]
    }

    /// Inverse of [`Regs::to_leaves`]; bits without meaning are dropped.
    #[must_use]
    pub fn from_leaves(leaves: &[Leaf; 4]) -> Regs {
        let control = Word::from_leaf(&leaves[0]);
        let scalars = [Word::from_leaf(&leaves[1]), Word::from_leaf(&leaves[2])];
        let mut x = [0; 16];
        for (i, x) in (0u32..).zip(&mut x) {
            *x = scalars[(i / 8) as usize].bits(32 * (i % 8), 32) as u32;
        }
        Regs {
            pc: control.bits(0, 32) as u32,
            status: control.bits(32, 8) as u8,
            row: control.bits(64, 64),
            steps: control.bits(128, 64),
            x,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let regs = Regs { pc: 7, status: 3, row: 1 << 40, steps: u64::MAX, x: core::array::from_fn(|i| i as u32 * 3) };
        assert_eq!(Regs::from_leaves(&regs.to_leaves()), regs);
    }
}
