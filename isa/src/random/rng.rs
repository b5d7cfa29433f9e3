//! The generator of random numbers.

use crate::word::{Leaf, ZERO};

/// `SplitMix64` (Steele, Lea, Flood 2014): small, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number in `0..bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound.max(1)
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// 32 random bytes; extreme ones are frequent.
    pub fn leaf(&mut self) -> Leaf {
        let mut leaf = ZERO;
        for byte in &mut leaf {
            let bits = self.bits().to_be_bytes();
            *byte = if bits[1] < 24 { [0, 1, 0x7f, 0x80, 0xff][usize::from(bits[2]) % 5] } else { bits[0] };
        }
        leaf
    }

    pub(super) fn signed(&mut self, reach: i64) -> i64 {
        self.below(2 * reach.cast_unsigned() + 1).cast_signed() - reach
    }
}
