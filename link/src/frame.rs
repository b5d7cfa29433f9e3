//! Framing as in RFC 1662: a flag before and after, escapes inside, a CRC-32 at the end.

use crate::crc::crc32;

/// Begins and ends a frame; several may follow each other.
pub const FLAG: u8 = 0x7e;
/// Stands before a byte that is [`FLAG`] or this, which then has [`TOGGLE`] flipped.
pub const ESCAPE: u8 = 0x7d;
/// What is flipped.
pub const TOGGLE: u8 = 0x20;
/// Bytes of the longest payload.
pub const MAX_PAYLOAD: usize = 38;

/// Kind and number.
const HEAD: usize = 2;
const CHECK: usize = 4;

/// What was in a frame whose check held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is: [`crate::Tell`] or [`crate::Ask`].
    pub kind: u8,
    /// Which one it is.
    pub number: u8,
    /// At most [`MAX_PAYLOAD`] bytes.
    pub payload: Vec<u8>,
}

/// The bytes of a frame on the line.
#[must_use]
pub fn encode(kind: u8, number: u8, payload: &[u8]) -> Vec<u8> {
    let mut body = vec![kind, number];
    body.extend(payload);
    body.extend(crc32(&body).to_le_bytes());
    let mut line = vec![FLAG];
    for byte in body {
        if byte == FLAG || byte == ESCAPE {
            line.extend([ESCAPE, byte ^ TOGGLE]);
        } else {
            line.push(byte);
        }
    }
    line.push(FLAG);
    line
}

/// Finds frames in whatever comes from a line; keeps no more than one.
#[derive(Debug, Default)]
pub struct Decoder {
    body: Vec<u8>,
    escaped: bool,
    too_long: bool,
}

impl Decoder {
    /// The frame that this byte ends. What is broken is skipped up to the next flag.
    pub fn push(&mut self, byte: u8) -> Option<Frame> {
        if byte == FLAG {
            let whole = !self.too_long && !self.escaped && self.body.len() >= HEAD + CHECK;
            let (head, check) = self.body.split_at(self.body.len().saturating_sub(CHECK));
            let holds = whole && crc32(head).to_le_bytes() == *check;
            let frame = holds.then(|| Frame { kind: head[0], number: head[1], payload: head[HEAD..].to_vec() });
            *self = Decoder { body: std::mem::take(&mut self.body), ..Decoder::default() };
            self.body.clear();
            return frame;
        }
        if byte == ESCAPE {
            self.escaped = true;
        } else if self.body.len() == HEAD + MAX_PAYLOAD + CHECK {
            self.too_long = true;
        } else {
            self.body.push(if self.escaped { byte ^ TOGGLE } else { byte });
            self.escaped = false;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(bytes: &[u8]) -> Vec<Frame> {
        let mut decoder = Decoder::default();
        bytes.iter().filter_map(|&byte| decoder.push(byte)).collect()
    }

    #[test]
    fn survives_the_line() {
        for payload in [vec![], vec![FLAG, ESCAPE, 0, TOGGLE], vec![FLAG; MAX_PAYLOAD]] {
            let frame = Frame { kind: ESCAPE, number: FLAG, payload };
            assert_eq!(frames(&encode(frame.kind, frame.number, &frame.payload)), [frame]);
        }
    }

    #[test]
    fn what_is_broken_is_skipped() {
        let good = encode(1, 2, &[3; 32]);
        let noise: Vec<u8> = (0..=255).filter(|byte| *byte != FLAG).cycle().take(10_000).collect();
        for cut in 0..good.len() - 1 {
            let mut line = good[..cut].to_vec();
            line.extend(&good);
            line.extend(&noise);
            line.extend(&good);
            assert_eq!(frames(&line).len(), 2, "cut at {cut}");
        }
        for at in 1..good.len() - 1 {
            for bit in 0..8 {
                let mut line = good.clone();
                line[at] ^= 1 << bit;
                assert_eq!(frames(&line), [], "bit {bit} of byte {at}");
            }
        }
    }
}
