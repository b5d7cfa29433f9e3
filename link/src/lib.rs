//! The host link of a board, as bytes: which frames there are, what is in them, how they are framed. The hardware
//! (`hdl::board`) and the host (`sim::board`) both take it from here; `docs/boards.md` says how they talk.

mod crc;
mod frame;
mod message;

pub use crc::{RESIDUE, START, crc32, crc32_next};
pub use frame::{Decoder, ESCAPE, FLAG, Frame, MAX_PAYLOAD, TOGGLE, encode};
pub use message::{
    Ask, Event, IDENTITY_BYTES, Identity, MARK_BYTES, Malformed, READ_BYTES, STATE_BYTES, State, Tell, VERSION,
};

/// Bytes of a row, the payload of every frame to a board that has one.
pub const ROW_BYTES: usize = 32;
