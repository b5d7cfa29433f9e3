//! `LOAD` and `GATHER`: requests for one instruction while rows of those before it still arrive.

use std::collections::VecDeque;

use isa::Instr;

use super::Bursts;
use crate::banks::Banks;
use crate::board::Board;
use crate::matrix::Matrix;
use crate::op::{LOAD, Op, Walk};

/// Rows that may be in flight when another burst is asked for.
const MOST_IN_FLIGHT: u64 = 64 - Bursts::ROWS;
/// Instructions that may wait for their first row.
const WAITING: usize = 4;

/// Where the rows of an instruction go.
#[derive(Clone, Copy, Debug)]
struct Place {
    acc: bool,
    to: Walk,
}

impl Place {
    fn of(op: &Op) -> Place {
        Place { acc: matches!(op.instr, Instr::Load(i) if i.space), to: op.walk(0) }
    }
}

/// The unit load.
#[derive(Debug, Default)]
pub(crate) struct Load {
    bursts: Bursts,
    asking: bool,
    /// From when on the next index of a `GATHER` is there; 0 where none is needed.
    index_from: u64,
    in_flight: u64,
    queue: VecDeque<Place>,
    place: Option<Place>,
    leaf: u64,
    /// A row32 waits for its bank.
    whole: bool,
    finished: bool,
    /// Rows that came.
    pub(crate) rows: u64,
}

impl Load {
    pub(super) fn request(&self, now: u64) -> Option<u64> {
        let index = self.index_from <= now;
        (self.asking && self.in_flight <= MOST_IN_FLIGHT && index).then(|| self.bursts.rows())
    }

    /// Asks for the bank of a row32 that is whole.
    pub(super) fn writes_acc(&self, now: u64, banks: &mut Banks, matrix: &Matrix) -> bool {
        self.whole && self.place.is_some_and(|place| banks.write_acc(place.to.at(), now, matrix))
    }

    /// Whether a row that is there is taken in this cycle.
    pub(super) fn accepts(&self, acc_granted: bool) -> bool {
        self.place.is_some_and(|place| !self.whole || (acc_granted && !place.to.last()))
    }

    /// When it has something to do that the port does not know of.
    pub(super) fn next(&self, now: u64) -> u64 {
        let index = if self.asking && self.index_from > now { self.index_from } else { u64::MAX };
        let pending = self.whole || self.finished || (self.place.is_none() && !self.queue.is_empty());
        if pending { now + 1 } else { index }
    }

    /// One cycle, in which a row came or a request was granted; whether anything has changed.
    pub(super) fn tick(
        &mut self,
        now: u64,
        came: bool,
        asked: bool,
        acc_granted: bool,
        board: &mut Board,
        banks: &mut Banks,
    ) -> bool {
        let idle = self.place.is_none() && self.queue.is_empty() && !self.finished;
        let retires = std::mem::take(&mut self.finished);
        let may_take = !self.asking && self.queue.len() < WAITING;
        let mut ended = false;
        if let Some(place) = &mut self.place {
            let mut placed = false;
            if self.whole && acc_granted {
                self.whole = false;
                placed = true;
            }
            if came && place.acc {
                self.leaf = (self.leaf + 1) % isa::ROW32_LEAVES as u64;
                self.whole = self.leaf == 0;
            } else if came {
                banks.write_spad(place.to.at(), now);
                placed = true;
            }
            if placed {
                ended = place.to.last();
                place.to.step();
            }
        }
        if ended {
            self.finished = true;
            self.place = None;
        }
        if self.place.is_none() {
            self.place = self.queue.pop_front();
        }
        if came {
            self.in_flight -= 1;
            self.rows += 1;
        }
        if asked {
            self.in_flight += self.bursts.rows();
            self.asking = !self.bursts.last();
            self.bursts.step();
            if self.index_from > 0 {
                self.index_from = now + 2;
            }
        }
        if retires {
            board.retire(LOAD, now);
        }
        let taken = may_take && self.take(now, idle, board);
        came || asked || retires || taken || ended
    }

    fn take(&mut self, now: u64, idle: bool, board: &mut Board) -> bool {
        let gathers = board.ready(LOAD, now).is_some_and(|op| matches!(op.instr, Instr::Gather(_)));
        if gathers && !idle {
            return false;
        }
        let Some(op) = board.take(LOAD, now) else { return false };
        let place = Place::of(&op);
        let s0 = if gathers { 0 } else { op.reaches[1].map_or(0, |m| m.s0) };
        self.bursts = Bursts::new(op.n0, op.n1, s0, place.acc);
        self.asking = true;
        self.index_from = if gathers { now + 4 } else { 0 };
        self.queue.push_back(place);
        true
    }
}
