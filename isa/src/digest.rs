//! The write digest: CRC-64/ECMA-182 over DRAM writes in store order.

use crate::state::Subtree;
use crate::word::Leaf;

const POLYNOMIAL: u64 = 0x42f0_e1eb_a9ea_3693;

const TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u64) << 56;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc >> 63 == 1 { crc << 1 ^ POLYNOMIAL } else { crc << 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// Digest of the rows written so far; starts at 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest(pub u64);

impl Digest {
    /// Adds one DRAM row: u64 big-endian `region << 32 | row`, then its 32 bytes.
    pub fn row(&mut self, region: Subtree, row: u32, leaf: &Leaf) {
        let header = u64::from(region as u8) << 32 | u64::from(row);
        for byte in header.to_be_bytes().iter().chain(leaf) {
            self.0 = self.0 << 8 ^ TABLE[usize::from((self.0 >> 56) as u8 ^ byte)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_crc64_ecma_182() {
        // The catalogue's check value for "123456789".
        let crc = b"123456789".iter().fold(0u64, |crc, b| crc << 8 ^ TABLE[usize::from((crc >> 56) as u8 ^ b)]);
        assert_eq!(crc, 0x6c40_df5f_0b49_7347);
    }
}
