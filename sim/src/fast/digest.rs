//! The write digest at the speed of a store: CRC-64 by carry-less multiplication, or by eight tables.
//!
//! A row is five words h, w0..w3. The state s stays unreduced in 128 bits, and a row takes it to
//! (s ⊕ h·x^64)·x^320 ⊕ w0·x^256 ⊕ … ⊕ w3·x^64 modulo the polynomial; six multiplications do that.

use isa::{Leaf, Subtree};

const POLYNOMIAL: u64 = 0x42f0_e1eb_a9ea_3693;

/// x^`power` modulo the polynomial.
#[cfg(target_arch = "x86_64")]
const fn power(power: u32) -> u64 {
    let mut value = 1u64;
    let mut done = 0;
    while done < power {
        value = if value >> 63 == 1 { value << 1 ^ POLYNOMIAL } else { value << 1 };
        done += 1;
    }
    value
}

/// `TABLES[i][b]`: b·x^(64 + 8i) modulo the polynomial.
static TABLES: [[u64; 256]; 8] = {
    let mut tables = [[0; 256]; 8];
    let mut i = 0;
    while i < 8 {
        let mut byte = 0;
        while byte < 256 {
            let mut crc = if i == 0 { (byte as u64) << 56 } else { tables[i - 1][byte] };
            let mut bit = 0;
            while bit < 8 {
                crc = if crc >> 63 == 1 { crc << 1 ^ POLYNOMIAL } else { crc << 1 };
                bit += 1;
            }
            tables[i][byte] = crc;
            byte += 1;
        }
        i += 1;
    }
    tables
};

/// s·x^64 modulo the polynomial.
fn shift(s: u64) -> u64 {
    s.to_be_bytes().iter().zip(TABLES.iter().rev()).fold(0, |crc, (&byte, table)| crc ^ table[usize::from(byte)])
}

/// The write digest of the rows so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Crc {
    /// Congruent to the digest.
    state: u128,
}

fn header(region: Subtree, row: u64) -> u64 {
    u64::from(region as u8) << 32 | row
}

fn words(leaf: &Leaf) -> [u64; 4] {
    let (words, _) = leaf.as_chunks::<8>();
    [0, 1, 2, 3].map(|i| u64::from_be_bytes(words[i]))
}

impl Crc {
    /// The digest as `isa::digest` gives it.
    pub(super) fn value(self) -> u64 {
        shift((self.state >> 64) as u64) ^ self.state as u64
    }

    /// Takes rows of a region, `row` being the first.
    pub(super) fn rows(&mut self, region: Subtree, row: u64, leaves: &[Leaf]) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("pclmulqdq") && std::arch::is_x86_feature_detected!("ssse3") {
            // SAFETY: the processor has both.
            unsafe { self.rows_pclmul(region, row, leaves) };
            return;
        }
        self.rows_portable(region, row, leaves);
    }

    fn rows_portable(&mut self, region: Subtree, row: u64, leaves: &[Leaf]) {
        let mut crc = self.value();
        for (row, leaf) in (row..).zip(leaves) {
            crc = shift(crc ^ header(region, row));
            for word in words(leaf) {
                crc = shift(crc ^ word);
            }
        }
        self.state = crc.into();
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "pclmulqdq,ssse3")]
    fn rows_pclmul(&mut self, region: Subtree, row: u64, leaves: &[Leaf]) {
        use std::arch::x86_64::{
            __m128i, _mm_clmulepi64_si128, _mm_loadu_si128, _mm_set_epi8, _mm_set_epi64x, _mm_shuffle_epi8,
            _mm_xor_si128,
        };
        const KEYS: [(u64, u64); 3] = [(power(384), power(320)), (power(256), power(192)), (power(128), power(64))];
        let pair = |high: u64, low: u64| _mm_set_epi64x(high.cast_signed(), low.cast_signed());
        let both = |value: __m128i, keys: __m128i| {
            _mm_xor_si128(_mm_clmulepi64_si128::<0x11>(value, keys), _mm_clmulepi64_si128::<0x00>(value, keys))
        };
        let keys = KEYS.map(|(high, low)| pair(high, low));
        let reverse = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        let mut state = pair((self.state >> 64) as u64, self.state as u64);
        for (row, leaf) in (row..).zip(leaves) {
            // Two words each, the first on top.
            let [first, second] = leaf.as_chunks::<16>().0 else { continue };
            let load = |half: &[u8; 16]| {
                // SAFETY: 16 bytes.
                _mm_shuffle_epi8(unsafe { _mm_loadu_si128(half.as_ptr().cast()) }, reverse)
            };
            let new = _mm_xor_si128(both(load(first), keys[1]), both(load(second), keys[2]));
            state = _mm_xor_si128(both(_mm_xor_si128(state, pair(0, header(region, row))), keys[0]), new);
        }
        // SAFETY: both are 128 bits of plain data.
        self.state = unsafe { std::mem::transmute::<__m128i, u128>(state) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_reference_by_either_way() {
        let mut random = isa::random::Rng::new(3);
        let (mut reference, mut fast, mut portable) = (isa::digest::Digest::default(), Crc::default(), Crc::default());
        for round in 0..200 {
            let region = if round % 3 == 0 { Subtree::Output } else { Subtree::Work };
            let row = random.below((1 << 32) - 40);
            let leaves: Vec<Leaf> = (0..random.below(40)).map(|_| random.leaf()).collect();
            (row..).zip(&leaves).for_each(|(row, leaf)| reference.row(region, row as u32, leaf));
            fast.rows(region, row, &leaves);
            portable.rows_portable(region, row, &leaves);
            assert_eq!([fast.value(), portable.value()], [reference.0; 2], "round {round}");
        }
    }
}
