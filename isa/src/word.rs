//! Words: leaves, row8, row32, and the one rounding of the machine.

/// Lanes of a row8 or row32, in every implementation, whatever its physical array.
pub const LANES: usize = 32;
/// Leaves of a row32.
pub const ROW32_LEAVES: usize = 4;
/// Rows of a weight tile, and its alignment.
pub const TILE_ROWS: usize = 32;
/// Rows of a `REQUANT` parameter block, and its alignment.
pub const PARAM_ROWS: usize = 8;

/// One 32-byte word: a Merkle leaf, an EVM word, a unit of DRAM. Multi-byte values in it are big-endian.
pub type Leaf = [u8; 32];
/// The leaf of all zeros.
pub const ZERO: Leaf = [0; 32];
/// 32 × i8, lane *i* in byte *i*.
pub type Row8 = [i8; LANES];
/// 32 × i32, in lane order.
pub type Row32 = [i32; LANES];

/// The lanes of a row32 from its four leaves: leaf *r* holds lanes *r, r+4, …, r+28*, big-endian.
#[must_use]
pub fn row32(leaves: &[Leaf; ROW32_LEAVES]) -> Row32 {
    core::array::from_fn(|lane| {
        let at = lane / ROW32_LEAVES * 4;
        let leaf = &leaves[lane % ROW32_LEAVES];
        i32::from_be_bytes([leaf[at], leaf[at + 1], leaf[at + 2], leaf[at + 3]])
    })
}

/// The four leaves of a row32; inverse of [`row32`].
#[must_use]
pub fn row32_leaves(lanes: &Row32) -> [Leaf; ROW32_LEAVES] {
    let mut leaves = [ZERO; ROW32_LEAVES];
    for (lane, value) in lanes.iter().enumerate() {
        let at = lane / ROW32_LEAVES * 4;
        leaves[lane % ROW32_LEAVES][at..at + 4].copy_from_slice(&value.to_be_bytes());
    }
    leaves
}

/// `x / 2^shift` rounded to nearest, ties to even. `shift` is 0..=63.
#[must_use]
pub const fn rne(x: i64, shift: u32) -> i64 {
    if shift == 0 {
        return x;
    }
    let floor = x >> shift;
    let rest = x & (1i64 << shift).wrapping_sub(1);
    let half = 1 << (shift - 1);
    // For shift = 63 the mask wraps to i64::MAX, which is right.
    floor + (rest > half || (rest == half && floor & 1 == 1)) as i64
}

/// One lane's multiplier and shift in a parameter block: `shift << 24 | multiplier`.
/// `multiplier` is 24-bit unsigned, `shift` 0..=63; higher bits are cut off.
#[must_use]
pub const fn param_word(multiplier: u32, shift: u32) -> i32 {
    (((shift & 63) << 24) | (multiplier & 0x00ff_ffff)).cast_signed()
}

/// A leaf as four u64 limbs, lowest first: the form in which fields are taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word([u64; 4]);

impl Word {
    /// All bits zero.
    pub const ZERO: Word = Word([0; 4]);

    /// The 256-bit integer of a leaf.
    #[must_use]
    pub fn from_leaf(leaf: &Leaf) -> Word {
        let mut limbs = [0; 4];
        for (limb, bytes) in limbs.iter_mut().zip(leaf.rchunks_exact(8)) {
            *limb = bytes.iter().fold(0, |acc, &byte| acc << 8 | u64::from(byte));
        }
        Word(limbs)
    }

    /// The leaf of this integer.
    #[must_use]
    pub fn to_leaf(self) -> Leaf {
        let mut leaf = ZERO;
        for (limb, bytes) in self.0.iter().zip(leaf.rchunks_exact_mut(8)) {
            bytes.copy_from_slice(&limb.to_be_bytes());
        }
        leaf
    }

    /// Bits `lsb..lsb + width`; `width` is 1..=64.
    #[must_use]
    pub fn bits(&self, lsb: u32, width: u32) -> u64 {
        let (limb, shift) = ((lsb / 64) as usize, lsb % 64);
        let mut value = self.0[limb] >> shift;
        if shift + width > 64 {
            value |= self.0[limb + 1] << (64 - shift);
        }
        if width == 64 { value } else { value & ((1 << width) - 1) }
    }

    /// Bits `lsb..lsb + width` as a two's complement number.
    #[must_use]
    pub fn signed_bits(&self, lsb: u32, width: u32) -> i64 {
        let unused = 64 - width;
        (self.bits(lsb, width) << unused).cast_signed() >> unused
    }

    /// Replaces bits `lsb..lsb + width` by the low bits of `value`.
    pub fn set_bits(&mut self, lsb: u32, width: u32, value: u64) {
        let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
        let (limb, shift) = ((lsb / 64) as usize, lsb % 64);
        self.0[limb] = self.0[limb] & !(mask << shift) | (value & mask) << shift;
        if shift + width > 64 {
            let high = 64 - shift;
            self.0[limb + 1] = self.0[limb + 1] & !(mask >> high) | (value & mask) >> high;
        }
    }

    /// Whether every bit set here is set in `mask`.
    #[must_use]
    pub fn within(&self, mask: &Word) -> bool {
        self.0.iter().zip(mask.0).all(|(bits, mask)| bits & !mask == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_half_to_even() {
        let cases = [(5, 1, 2), (7, 1, 4), (-5, 1, -2), (-7, 1, -4), (6, 2, 2), (10, 2, 2), (11, 2, 3), (-1, 1, 0)];
        for (x, shift, want) in cases {
            assert_eq!(rne(x, shift), want, "rne({x}, {shift})");
        }
        assert_eq!(rne(i64::MIN, 63), -1);
        assert_eq!(rne(i64::MAX, 63), 1);
        assert_eq!(rne(1 << 62, 63), 0);
        assert_eq!(rne(-(1 << 62), 63), 0);
    }

    #[test]
    fn row32_order_is_the_evm_order() {
        let lanes: Row32 = core::array::from_fn(|lane| i32::try_from(lane).unwrap());
        let leaves = row32_leaves(&lanes);
        assert_eq!(leaves[1][..8], [0, 0, 0, 1, 0, 0, 0, 5]);
        assert_eq!(row32(&leaves), lanes);
    }

    #[test]
    fn bits_cross_limbs() {
        let mut word = Word::ZERO;
        word.set_bits(52, 24, 0x00ab_cdef);
        assert_eq!(word.bits(52, 24), 0x00ab_cdef);
        assert_eq!(Word::from_leaf(&word.to_leaf()), word);
        word.set_bits(52, 24, 0x0080_0000);
        assert_eq!(word.signed_bits(52, 24), -0x0080_0000);
    }
}
