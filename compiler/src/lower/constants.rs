//! The region `const`: equal pieces lie there once.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use isa::Leaf;

/// Pieces begin on multiples of this, so that row32s may be loaded from them.
const ALIGN: usize = 4;

/// Rows of `const` being written.
#[derive(Default)]
pub(super) struct Constants {
    rows: Vec<Leaf>,
    /// First rows of the pieces with a hash.
    known: HashMap<u64, Vec<(usize, usize)>>,
    /// The next row, while pieces are asked for that nobody will read.
    attempt: Option<usize>,
}

impl Constants {
    /// The first row of a piece, which is added if it is not there yet.
    pub(super) fn add(&mut self, piece: &[Leaf]) -> u64 {
        if let Some(next) = &mut self.attempt {
            let first = *next;
            *next = (first + piece.len()).next_multiple_of(ALIGN);
            return first as u64;
        }
        let mut hasher = DefaultHasher::new();
        piece.hash(&mut hasher);
        let known = self.known.entry(hasher.finish()).or_default();
        let same = known.iter().find(|&&(first, length)| &self.rows[first..first + length] == piece);
        if let Some(&(first, _)) = same {
            return first as u64;
        }
        let first = self.rows.len();
        self.rows.extend_from_slice(piece);
        self.rows.resize(self.rows.len().next_multiple_of(ALIGN), isa::ZERO);
        known.push((first, piece.len()));
        first as u64
    }

    /// Whether pieces are for an attempt only: they are given places, and not kept.
    pub(super) fn attempt(&mut self, attempt: bool) {
        self.attempt = attempt.then_some(self.rows.len());
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows.len() as u64
    }

    pub(super) fn into_rows(self) -> Vec<Leaf> {
        self.rows
    }
}
