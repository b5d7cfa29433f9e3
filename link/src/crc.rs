//! CRC-32 of IEEE 802.3, reflected: the check of a frame (as the FCS-32 of RFC 1662).

/// The register before the first byte.
pub const START: u32 = u32::MAX;
/// The register after a whole frame, its check included.
pub const RESIDUE: u32 = 0xdebb_20e3;

const POLYNOMIAL: u32 = 0xedb8_8320;

/// The register after one byte more.
#[must_use]
pub const fn crc32_next(crc: u32, byte: u8) -> u32 {
    let mut crc = crc ^ byte as u32;
    let mut bit = 0;
    while bit < 8 {
        crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
        bit += 1;
    }
    crc
}

/// The check of these bytes, which goes lowest byte first.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(START, |crc, &byte| crc32_next(crc, byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_that_of_ieee_802_3() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let whole = [b"abc".as_slice(), &crc32(b"abc").to_le_bytes()].concat();
        assert_eq!(!crc32(&whole), RESIDUE);
    }
}
