//! Boards that are none, or lie: every one ends with an error that says so.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod common;

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use isa::asm::assemble;
use link::{Ask, Decoder, Frame, Identity, Tell, VERSION, encode};
use sim::{BoardEngine, BoardError, Engine};

/// Answers as the tests say.
struct Fake<F> {
    answer: F,
    decoder: Decoder,
    coming: VecDeque<u8>,
}

impl<F: FnMut(&Frame) -> Vec<u8>> Fake<F> {
    fn new(answer: F) -> Fake<F> {
        Fake { answer, decoder: Decoder::default(), coming: VecDeque::new() }
    }
}

impl<F> Read for Fake<F> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let Some(byte) = self.coming.pop_front() else { return Err(io::ErrorKind::TimedOut.into()) };
        bytes[0] = byte;
        Ok(1)
    }
}

impl<F: FnMut(&Frame) -> Vec<u8>> Write for Fake<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for &byte in bytes {
            if let Some(frame) = self.decoder.push(byte) {
                self.coming.extend((self.answer)(&frame));
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn identity() -> Identity {
    let isa_hash = isa::ISA_HASH;
    Identity { version: VERSION, array_rows: 8, array_cols: 8, port_bytes: 8, spad_log2: 9, acc_log2: 7, isa_hash }
}

fn identifies(number: u8, identity: &Identity) -> Vec<u8> {
    encode(Ask::Identity.code(), number, &identity.to_bytes())
}

fn state(number: u8, status: u8, digest: u8) -> Vec<u8> {
    let mut payload = [0; link::STATE_BYTES];
    (payload[0], payload[8]) = (digest, status);
    encode(Ask::State.code(), number, &payload)
}

/// What comes of a run on a board that does all it is told, and after `START` this.
fn run(after_start: impl Fn(u8) -> Vec<u8>) -> String {
    let answer = |frame: &Frame| match frame.kind {
        kind if kind == Tell::Identify.code() => identifies(0, &identity()),
        kind if kind == Tell::Reset.code() => state(frame.number, 0, 0),
        kind if kind == Tell::Profile.code() || kind == Tell::Bases.code() => state(frame.number.wrapping_add(1), 0, 0),
        kind if kind == Tell::Start.code() => after_start(frame.number.wrapping_add(1)),
        _ => Vec::new(),
    };
    let mut engine = BoardEngine::new(Fake::new(answer)).unwrap();
    let source = assemble("halt\n").unwrap();
    match engine.run_to_end(&common::program(&source), &[]) {
        Ok(outcome) => format!("{} after {} steps", outcome.status, outcome.steps),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_no_board_is_given_up() {
    let silent = BoardEngine::new(Fake::new(|_: &Frame| Vec::new())).err().unwrap();
    assert!(matches!(silent, BoardError::Silent { .. }), "{silent}");
    let noise = BoardEngine::new(Fake::new(|_: &Frame| vec![0x55; 10_000])).err().unwrap();
    assert!(matches!(noise, BoardError::Silent { .. }), "{noise}");
    let deaf = BoardEngine::new(Fake::new(|_: &Frame| state(0, 0, 0))).err().unwrap();
    assert!(matches!(deaf, BoardError::Deaf { .. }), "{deaf}");
}

#[test]
fn a_board_of_another_kind_is_refused() {
    let of = |identity: Identity| BoardEngine::new(Fake::new(move |_: &Frame| identifies(0, &identity))).err().unwrap();
    assert!(matches!(of(Identity { version: 9, ..identity() }), BoardError::Version { found: 9, .. }));
    assert!(matches!(of(Identity { isa_hash: [0; 32], ..identity() }), BoardError::IsaHash));
}

#[test]
fn a_board_that_lies_is_found_out() {
    let asks = |kind: Ask, payload: &[u8]| {
        let payload = payload.to_vec();
        run(move |number| encode(kind.code(), number, &payload))
    };
    assert_eq!(run(|number| state(number, 1, 0)), "halted after 0 steps");
    assert!(run(|number| state(number, 1, 7)).contains("write digest is 0000000000000007"));
    assert_eq!(run(|number| state(number, 99, 0)), "the board ended with status 99, which is none");
    assert!(run(|number| state(number.wrapping_add(5), 1, 0)).contains("lost the run"));
    assert!(run(|_| Vec::new()).contains("does not answer"));
    assert!(asks(Ask::Read, &[0xff, 0xff, 0xff, 0xff, 1, 0]).contains("which is in no region"));
    assert!(asks(Ask::Write, &[0; 36]).contains("write to text row 0x0"));
}
