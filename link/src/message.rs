//! What the frames say. All numbers go lowest byte first.

use crate::frame::Frame;

/// Of this protocol.
pub const VERSION: u8 = 1;
/// Payload of [`Ask::Read`].
pub const READ_BYTES: usize = 6;
/// Payload of [`Ask::Mark`].
pub const MARK_BYTES: usize = 20;
/// Payload of [`Ask::State`].
pub const STATE_BYTES: usize = 34;
/// Payload of [`Ask::Identity`].
pub const IDENTITY_BYTES: usize = 38;

/// Kinds of frames to a board. Those from [`Tell::Profile`] on count only with the number that the board expects, which
/// then goes up by one; bit 5 tells that 32 bytes of payload follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Tell {
    /// Give up the run, if there is one; expect this frame's number. Answered by the state.
    Reset = 0x01,
    /// Say what you wait for, or else your state.
    Poll = 0x02,
    /// Say what you are.
    Identify = 0x03,
    /// The profile leaf from its last byte to its first, between runs. Answered by the state.
    Profile = 0x30,
    /// Row 0 of text, const, input, work and output, 4 bytes each, then zeros; between runs. Answered by the state.
    Bases = 0x31,
    /// Run.
    Start = 0x12,
    /// The row that is asked for.
    Row = 0x33,
    /// The row that is written, or the mark, has come.
    Taken = 0x14,
}

impl Tell {
    /// The byte that stands for it.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// Kinds of frames from a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Ask {
    /// A row of memory is wanted: its number (4 bytes), and how many more of this request are, with it (2).
    Read = 0x01,
    /// A row is written: its number (4), its 32 bytes.
    Write = 0x02,
    /// A `MARK`: its number (4), steps (8), write digest (8).
    Mark = 0x03,
    /// Digest (8), status, whether it runs, steps, cycles, products (8 each).
    State = 0x04,
    /// Version, array rows and columns, bytes of a beat, log₂ of spad and of acc, `ISA_HASH` (32).
    Identity = 0x05,
}

impl Ask {
    /// The byte that stands for it.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// What a board says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It wants a row, and `left` in all, one after another.
    Read {
        /// Which.
        row: u32,
        /// How many, with this one.
        left: u16,
    },
    /// It writes a row.
    Write {
        /// Which.
        row: u32,
        /// What.
        bytes: [u8; crate::ROW_BYTES],
    },
    /// A `MARK` retires.
    Mark {
        /// Its number.
        id: u32,
        /// Micro-steps.
        steps: u64,
        /// Of the writes before it.
        digest: u64,
    },
    /// How far it is.
    State(State),
    /// What it is.
    Identity(Identity),
}

/// How far a board is. While it runs the numbers change as they are told: they are then no more than a hint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Of the writes.
    pub digest: u64,
    /// How the last run ended; 0 before the first, and in a run.
    pub status: u8,
    /// A run goes on.
    pub busy: bool,
    /// Micro-steps.
    pub steps: u64,
    /// Cycles of the run.
    pub cycles: u64,
    /// Products of live lanes.
    pub macs: u64,
}

/// What a board is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// [`VERSION`].
    pub version: u8,
    /// Inputs that its array multiplies at once.
    pub array_rows: u8,
    /// Outputs that its array sums at once.
    pub array_cols: u8,
    /// Bytes of a beat inside it.
    pub port_bytes: u8,
    /// log₂ rows of spad.
    pub spad_log2: u8,
    /// log₂ row32s of acc.
    pub acc_log2: u8,
    /// The instruction set that it was made from.
    pub isa_hash: [u8; 32],
}

/// A frame that no board sends, though its check holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of kind {kind:#04x} with {bytes} bytes is none that a board sends")]
pub struct Malformed {
    /// Of the frame.
    pub kind: u8,
    /// Of its payload.
    pub bytes: usize,
}

impl Identity {
    /// The payload of its frame.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; IDENTITY_BYTES] {
        let head = [self.version, self.array_rows, self.array_cols, self.port_bytes, self.spad_log2, self.acc_log2];
        let mut bytes = [0; IDENTITY_BYTES];
        bytes[..6].copy_from_slice(&head);
        bytes[6..].copy_from_slice(&self.isa_hash);
        bytes
    }
}

impl Event {
    /// What a frame says.
    ///
    /// # Errors
    /// Its kind is none, or its length is not that of its kind.
    pub fn of(frame: &Frame) -> Result<Event, Malformed> {
        let mut bytes = frame.payload.as_slice();
        let event = match frame.kind {
            kind if kind == Ask::Read.code() => read(&mut bytes),
            kind if kind == Ask::Write.code() => write(&mut bytes),
            kind if kind == Ask::Mark.code() => mark(&mut bytes),
            kind if kind == Ask::State.code() => state(&mut bytes),
            kind if kind == Ask::Identity.code() => identity(&mut bytes),
            _ => None,
        };
        let malformed = Malformed { kind: frame.kind, bytes: frame.payload.len() };
        event.filter(|_| bytes.is_empty()).ok_or(malformed)
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

fn read(bytes: &mut &[u8]) -> Option<Event> {
    Some(Event::Read { row: u32::from_le_bytes(take(bytes)?), left: u16::from_le_bytes(take(bytes)?) })
}

fn write(bytes: &mut &[u8]) -> Option<Event> {
    Some(Event::Write { row: u32::from_le_bytes(take(bytes)?), bytes: take(bytes)? })
}

fn mark(bytes: &mut &[u8]) -> Option<Event> {
    let id = u32::from_le_bytes(take(bytes)?);
    Some(Event::Mark { id, steps: u64::from_le_bytes(take(bytes)?), digest: u64::from_le_bytes(take(bytes)?) })
}

fn state(bytes: &mut &[u8]) -> Option<Event> {
    let digest = u64::from_le_bytes(take(bytes)?);
    let [status, busy] = take(bytes)?;
    let steps = u64::from_le_bytes(take(bytes)?);
    let (cycles, macs) = (u64::from_le_bytes(take(bytes)?), u64::from_le_bytes(take(bytes)?));
    Some(Event::State(State { digest, status, busy: busy != 0, steps, cycles, macs }))
}

fn identity(bytes: &mut &[u8]) -> Option<Event> {
    let [version, array_rows, array_cols, port_bytes, spad_log2, acc_log2] = take(bytes)?;
    let isa_hash = take(bytes)?;
    let identity = Identity { version, array_rows, array_cols, port_bytes, spad_log2, acc_log2, isa_hash };
    Some(Event::Identity(identity))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_exact() {
        let of = |kind: Ask, bytes: usize| Event::of(&Frame { kind: kind.code(), number: 0, payload: vec![0; bytes] });
        for (kind, bytes) in [
            (Ask::Read, READ_BYTES),
            (Ask::Write, 4 + crate::ROW_BYTES),
            (Ask::Mark, MARK_BYTES),
            (Ask::State, STATE_BYTES),
            (Ask::Identity, IDENTITY_BYTES),
        ] {
            for other in 0..64 {
                assert_eq!(of(kind, other).is_ok(), other == bytes, "{kind:?} of {other}");
            }
        }
        let unknown = Frame { kind: 9, number: 0, payload: Vec::new() };
        assert_eq!(
            Event::of(&unknown).unwrap_err().to_string(),
            "a frame of kind 0x09 with 0 bytes is none that a board sends"
        );
    }

    #[test]
    fn an_identity_survives() {
        let identity = Identity {
            version: VERSION,
            array_rows: 8,
            array_cols: 16,
            port_bytes: 4,
            spad_log2: 5,
            acc_log2: 6,
            isa_hash: std::array::from_fn(|at| at as u8),
        };
        let frame = Frame { kind: Ask::Identity.code(), number: 0, payload: identity.to_bytes().to_vec() };
        assert_eq!(Event::of(&frame), Ok(Event::Identity(identity)));
    }
}
