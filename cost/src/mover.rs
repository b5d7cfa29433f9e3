//! `MOVE` and `FILL`: ask, catch, cut, write, a stage a cycle.

use isa::Instr;

use crate::banks::Banks;
use crate::board::Board;
use crate::matrix::Matrix;
use crate::op::{MOVE, Walk};

#[derive(Clone, Copy, Debug)]
struct Active {
    n: i64,
    fills: bool,
    acc: bool,
    from: Walk,
    to: Walk,
    /// The rows at hand, of even and of odd number.
    kept: [Option<i64>; 2],
}

/// A row to be written, behind the stage of asking.
#[derive(Clone, Copy, Debug)]
struct Entry {
    acc: bool,
    place: i64,
    last: bool,
}

/// The move unit.
#[derive(Debug, Default)]
pub(crate) struct Mover {
    active: Option<Active>,
    catch: Option<Entry>,
    cut: Option<Entry>,
    write: Option<Entry>,
}

impl Mover {
    /// One cycle; when it has something to do again.
    pub(crate) fn tick(&mut self, now: u64, board: &mut Board, banks: &mut Banks, matrix: &Matrix) -> u64 {
        let denied = self.write.is_some_and(|row| {
            !(if row.acc { banks.write_acc(row.place, now, matrix) } else { banks.write_spad(row.place, now) })
        });
        if denied {
            return now + 1;
        }
        if self.write.is_some_and(|row| row.last) {
            board.retire(MOVE, now);
        }
        let caught = self.ask(now, board, banks, matrix);
        self.write = self.cut;
        self.cut = self.catch;
        self.catch = caught;
        let busy = [self.catch, self.cut, self.write].iter().any(Option::is_some);
        if busy || self.active.is_some() { now + 1 } else { u64::MAX }
    }

    /// The row that is whole with this cycle.
    fn ask(&mut self, now: u64, board: &mut Board, banks: &mut Banks, matrix: &Matrix) -> Option<Entry> {
        let Some(mut it) = self.active else {
            self.take(now, board);
            return None;
        };
        let first = it.from.at();
        let (low, shift) = (first >> 5, first & 31);
        let kept = |row: i64| it.kept[(row & 1) as usize] == Some(row);
        let (has_low, has_high) = (kept(low), shift + it.n <= 32 || kept(low + 1));
        if !(it.fills || has_low && has_high) {
            let asked = if has_low { low + 1 } else { low };
            let written = [self.catch, self.cut, self.write];
            let blocked = written.iter().flatten().any(|row| !row.acc && row.place == asked);
            if blocked || !banks.read_spad(asked, now, matrix) {
                return None;
            }
            it.kept[(asked & 1) as usize] = Some(asked);
        }
        if !(it.fills || has_low || has_high) {
            self.active = Some(it);
            return None;
        }
        let entry = Entry { acc: it.acc, place: it.to.at(), last: it.to.last() };
        it.from.step();
        it.to.step();
        self.active = Some(it);
        if entry.last {
            self.active = None;
            self.take(now, board);
        }
        Some(entry)
    }

    fn take(&mut self, now: u64, board: &mut Board) {
        let Some(op) = board.take(MOVE, now) else { return };
        let (fills, acc) = match op.instr {
            Instr::Fill(i) => (true, i.space),
            _ => (false, false),
        };
        self.active = Some(Active { n: op.n.into(), fills, acc, from: op.walk(1), to: op.walk(0), kept: [None; 2] });
    }
}
