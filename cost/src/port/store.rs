//! `STORE`, `SW`, `LW` and `MARK`: rows are read ahead from the banks, requests made, and answers awaited in order.

use std::collections::VecDeque;

use isa::{Instr, Opcode};

use super::Bursts;
use crate::banks::Banks;
use crate::board::Board;
use crate::matrix::Matrix;
use crate::memory::{Memory, Offer};
use crate::op::{STORE, Walk};

/// Rows that are held, and answers awaited.
const HELD: u64 = 8;
const UNWRITTEN: usize = 16;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Word {
    #[default]
    Idle,
    Ask,
    Wait,
    Done,
}

/// Rows of spad or acc that are still to be read.
#[derive(Clone, Copy, Debug)]
struct Reading {
    acc: bool,
    from: Walk,
}

/// The unit store and the write channel.
#[derive(Debug, Default)]
pub(crate) struct Store {
    bursts: Bursts,
    asking: bool,
    owed: u64,
    reading: Option<Reading>,
    /// Rows on their way to the queue: when each is there.
    coming: VecDeque<u64>,
    queued: u64,
    held: u64,
    /// The first cycle of its reads.
    read_from: u64,
    /// Rows of the instruction are not all in the queue.
    putting: bool,
    /// From when on another row32 may be read.
    row32_from: u64,
    phase: Word,
    changes: bool,
    /// Requests and instructions without one: waits for `written`, is the last of its instruction.
    unwritten: VecDeque<(bool, bool)>,
    written: u64,
    /// The write channel: beats of the row that goes, and a row behind it.
    pub(super) beats_left: u64,
    behind: bool,
    /// Rows that went, and rows of words that came.
    pub(crate) rows: u64,
    pub(crate) words: u64,
}

impl Store {
    pub(super) fn word_request(&self) -> bool {
        self.phase == Word::Ask
    }

    /// When the next row that was read is in the queue.
    pub(super) fn next(&self, now: u64) -> u64 {
        self.coming.front().map_or(u64::MAX, |&at| at.max(now + 1))
    }

    /// One cycle but for the reads of banks; whether anything has changed.
    pub(super) fn tick(
        &mut self,
        now: u64,
        offer: Offer,
        word_granted: bool,
        word_came: bool,
        memory: &mut Memory,
        board: &mut Board,
    ) -> bool {
        let free = !self.asking && !self.putting && self.phase == Word::Idle;
        let none_left = self.unwritten.is_empty() && self.beats_left == 0 && self.held == 0;
        if free && none_left && !self.behind && board.ready(STORE, now).is_none() {
            return false;
        }
        let (open, none_unwritten) = (self.unwritten.len() < UNWRITTEN, self.unwritten.is_empty());
        let no_rows = self.queued == 0;
        let asked = self.asking && open && offer.write_ready;
        let sent = self.queued > 0 && self.owed > 0 && !self.behind;
        let head = self.unwritten.front().copied();
        let counts = head.is_some_and(|(waits, _)| waits) && self.written > 0;
        let ended = counts || head.is_some_and(|(waits, _)| !waits);
        let mut changed = asked || sent || ended || offer.written || word_granted || word_came;

        // The write channel.
        let beat_frees = self.beats_left == 0 || (self.beats_left == 1 && offer.write);
        if offer.write {
            memory.write_beat(now);
            self.beats_left -= 1;
            changed |= self.beats_left == 0;
        }
        if beat_frees && (self.behind || sent) {
            self.beats_left = memory.beats();
            self.behind = false;
        } else if sent {
            self.behind = true;
        }

        // Answers.
        if offer.written {
            memory.take_written();
            self.written += 1;
        }
        if counts {
            self.written -= 1;
        }
        if ended {
            self.unwritten.pop_front();
            if head.is_some_and(|(_, last)| last) {
                board.retire(STORE, now);
            }
        }

        // Rows.
        if sent {
            (self.queued, self.held, self.owed) = (self.queued - 1, self.held - 1, self.owed - 1);
            self.rows += 1;
        }
        while self.coming.front().is_some_and(|&at| at <= now) {
            self.coming.pop_front();
            self.queued += 1;
            changed = true;
        }
        if self.putting && self.reading.is_none() && self.coming.is_empty() && self.phase == Word::Idle {
            self.putting = false;
            changed = true;
        }
        changed |= self.word(word_granted, word_came);

        // Requests.
        if asked {
            let last = self.bursts.last();
            self.owed += self.bursts.rows();
            memory.write(self.bursts.rows());
            self.unwritten.push_back((true, last));
            self.bursts.step();
            self.asking = !last;
        }
        changed | self.take(now, free && open, none_unwritten, no_rows, board)
    }

    /// The word of `LW` or `SW`.
    fn word(&mut self, granted: bool, came: bool) -> bool {
        match self.phase {
            Word::Idle => return false,
            Word::Ask if granted => self.phase = Word::Wait,
            Word::Wait if came => {
                self.words += 1;
                self.phase = Word::Done;
            }
            Word::Done => {
                self.phase = Word::Idle;
                if self.changes {
                    self.queued += 1;
                    self.held += 1;
                } else {
                    self.unwritten.push_back((false, true));
                }
            }
            _ => {}
        }
        true
    }

    fn take(&mut self, now: u64, free: bool, none_unwritten: bool, no_rows: bool, board: &mut Board) -> bool {
        let Some(op) = board.ready(STORE, now) else { return false };
        let opcode = op.instr.opcode();
        let words = matches!(opcode, Opcode::Lw | Opcode::Sw);
        if !free || (words && !none_unwritten) || (opcode == Opcode::Mark && !no_rows) {
            return false;
        }
        let Some(op) = board.take(STORE, now) else { return false };
        match op.instr {
            Instr::Mark(_) => self.unwritten.push_back((false, true)),
            Instr::Store(i) => {
                let to = op.reaches[1].map_or(0, |m| m.s0);
                self.bursts = Bursts::new(op.n0, op.n1, to, i.space);
                self.asking = true;
                self.putting = true;
                self.read_from = now + 1;
                self.reading = Some(Reading { acc: i.space, from: op.walk(0) });
            }
            _ => {
                self.bursts = Bursts::new(1, 1, 1, false);
                self.changes = opcode == Opcode::Sw;
                self.asking = self.changes;
                self.putting = true;
                self.phase = Word::Ask;
            }
        }
        true
    }

    /// Whether rows are to be read, and have room.
    pub(crate) fn reads(&self) -> bool {
        self.reading.is_some_and(|reading| self.held + rows_of(&reading) <= HELD)
    }

    /// Reads the next row from its bank, after the other units have read theirs.
    pub(crate) fn read(&mut self, now: u64, banks: &mut Banks, matrix: &Matrix) {
        let Some(mut reading) = self.reading else { return };
        let rows = rows_of(&reading);
        if self.held + rows > HELD || now < self.read_from || (reading.acc && now < self.row32_from) {
            return;
        }
        let row = reading.from.at();
        let granted = if reading.acc { banks.read_acc(row, now, matrix) } else { banks.read_spad(row, now, matrix) };
        if granted {
            self.held += rows;
            // In the queue, and seen there, two cycles later; leaves of a row32 one after another.
            let first = if reading.acc { now + 3 } else { now + 1 };
            self.coming.extend(first..first + rows);
            self.row32_from = now + rows;
            self.reading = (!reading.from.last()).then(|| {
                reading.from.step();
                reading
            });
        }
    }
}

/// Rows of memory that one read of a bank gives.
fn rows_of(reading: &Reading) -> u64 {
    if reading.acc { isa::ROW32_LEAVES as u64 } else { 1 }
}
