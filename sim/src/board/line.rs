//! Frames over a line of bytes: what is sent, what comes, and when to stop waiting.

use std::io::{ErrorKind, Read, Write};

use link::{Decoder, Event, Tell, encode};

use super::BoardError;

/// Bytes without a frame among them that count as silence.
const NOISE_BYTES: usize = 4096;
/// Polls without an answer after which a board is given up.
const POLLS: u32 = 20;

/// A line to a board, on which a read that brings nothing within some time says so (0 bytes, `TimedOut` or `WouldBlock`).
pub(super) struct Line<L> {
    bytes: L,
    decoder: Decoder,
    pending: Vec<u8>,
    noise_bytes: usize,
    polls: u32,
}

impl<L: Read + Write> Line<L> {
    pub(super) fn new(bytes: L) -> Line<L> {
        Line { bytes, decoder: Decoder::default(), pending: Vec::new(), noise_bytes: 0, polls: 0 }
    }

    /// Sends one frame.
    pub(super) fn send(&mut self, kind: Tell, number: u8, payload: &[u8]) -> Result<(), BoardError> {
        self.bytes.write_all(&encode(kind.code(), number, payload))?;
        Ok(self.bytes.flush()?)
    }

    /// The next event and its number, or `None` when there is silence, after which the board has been polled.
    ///
    /// # Errors
    /// The line broke, or the board stays silent.
    pub(super) fn receive(&mut self) -> Result<Option<(u8, Event)>, BoardError> {
        loop {
            let Some(byte) = self.byte()? else {
                self.polls += 1;
                if self.polls > POLLS {
                    return Err(BoardError::Silent { polls: POLLS });
                }
                self.noise_bytes = 0;
                self.send(Tell::Poll, 0, &[])?;
                return Ok(None);
            };
            self.noise_bytes += 1;
            // A frame of no board is as good as noise.
            if let Some(frame) = self.decoder.push(byte)
                && let Ok(event) = Event::of(&frame)
            {
                (self.noise_bytes, self.polls) = (0, 0);
                return Ok(Some((frame.number, event)));
            }
        }
    }

    fn byte(&mut self) -> Result<Option<u8>, BoardError> {
        if self.noise_bytes > NOISE_BYTES {
            return Ok(None);
        }
        if self.pending.is_empty() {
            let mut bytes = [0; 512];
            let count = match self.bytes.read(&mut bytes) {
                Ok(count) => count,
                Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => 0,
                Err(error) if error.kind() == ErrorKind::Interrupted => return self.byte(),
                Err(error) => return Err(error.into()),
            };
            self.pending.extend(bytes[..count].iter().rev());
        }
        Ok(self.pending.pop())
    }
}
