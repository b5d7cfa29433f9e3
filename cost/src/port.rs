//! The units load and store, and the two channels of the memory port between them, fetch and the memory.

mod load;
mod store;

use std::collections::VecDeque;

use hdl::Params;

use crate::MemoryTiming;
use crate::banks::Banks;
use crate::board::Board;
use crate::fetch::Fetch;
use crate::matrix::Matrix;
use crate::memory::Memory;
use load::Load;
use store::Store;

/// Requests that may be outstanding at the read port.
const OUTSTANDING: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Fetch,
    Word,
    Load,
}

/// Everything that moves rows to and from memory.
#[derive(Debug)]
pub(crate) struct Port {
    memory: Memory,
    pub(crate) load: Load,
    pub(crate) store: Store,
    /// The request that stands before memory.
    asking: Option<u64>,
    owners: VecDeque<(Owner, u64)>,
    taken: u64,
    beat: u64,
    full: bool,
}

/// Where the requests of `LOAD` and `STORE` are cut.
#[derive(Clone, Copy, Debug, Default)]
struct Bursts {
    left: u64,
    inner: u64,
    left_outer: u64,
    most: u64,
}

impl Bursts {
    const ROWS: u64 = 16;

    fn new(n0: u32, n1: u32, s0: i64, wide: bool) -> Bursts {
        let unit = if wide { isa::ROW32_LEAVES as u64 } else { 1 };
        let inner = u64::from(n0) * unit;
        let most = if s0 == unit.cast_signed() { Bursts::ROWS } else { unit };
        Bursts { left: inner, inner, left_outer: u64::from(n1) - 1, most }
    }

    fn rows(&self) -> u64 {
        self.left.min(self.most)
    }

    fn last(&self) -> bool {
        self.left <= self.most && self.left_outer == 0
    }

    fn step(&mut self) {
        if self.left <= self.most {
            self.left = self.inner;
            self.left_outer = self.left_outer.saturating_sub(1);
        } else {
            self.left -= self.most;
        }
    }
}

impl Port {
    pub(crate) fn new(params: &Params, timing: &MemoryTiming) -> Port {
        Port {
            memory: Memory::new(params, timing),
            load: Load::default(),
            store: Store::default(),
            asking: None,
            owners: VecDeque::new(),
            taken: 0,
            beat: 0,
            full: false,
        }
    }

    /// Bytes a cycle.
    pub(crate) fn rate(&self) -> u64 {
        self.memory.rate()
    }

    /// Rows that came for instructions.
    pub(crate) fn rows_read(&self) -> u64 {
        self.load.rows + self.store.words
    }

    /// One cycle; when it has something to do again.
    pub(crate) fn tick(
        &mut self,
        now: u64,
        fetch: &mut Fetch,
        board: &mut Board,
        banks: &mut Banks,
        matrix: &Matrix,
    ) -> u64 {
        let offer = self.memory.offer(now, self.store.beats_left > 0);
        let mut busy = false;

        // What stands at the beginning of the cycle.
        let owner = self.owners.front().map(|&(owner, _)| owner);
        let acc_granted = self.load.writes_acc(now, banks, matrix);
        let take = self.full && (owner != Some(Owner::Load) || self.load.accepts(acc_granted));
        let beat = offer.read && (!self.full || take);
        let grants = self.owners.len() < OUTSTANDING && (self.asking.is_none() || offer.read_ready);
        let request = [
            fetch.request().map(|rows| (Owner::Fetch, rows)),
            self.store.word_request().then_some((Owner::Word, 1)),
            self.load.request(now).map(|rows| (Owner::Load, rows)),
        ];
        let granted = request.into_iter().flatten().next().filter(|_| grants);

        // Requests.
        if let Some(rows) = self.asking
            && offer.read_ready
        {
            self.memory.read(rows, now);
            self.asking = None;
            busy = true;
        }
        let arrives = take.then_some(owner).flatten();
        if take {
            self.full = false;
            self.taken += 1;
            if self.owners.front().is_some_and(|&(_, rows)| rows == self.taken) {
                self.taken = 0;
                self.owners.pop_front();
            }
            busy = true;
        }
        if let Some((owner, rows)) = granted {
            self.asking = Some(rows);
            self.owners.push_back((owner, rows));
            if owner == Owner::Fetch {
                fetch.granted();
            }
            busy = true;
        }
        if beat {
            self.memory.read_beat();
            self.beat += 1;
            if self.beat == self.memory.beats() {
                self.beat = 0;
                self.full = true;
                busy = true;
            }
        }
        if arrives == Some(Owner::Fetch) {
            fetch.arrives(now);
        }
        let of_load = granted.is_some_and(|(owner, _)| owner == Owner::Load);
        busy |= self.load.tick(now, arrives == Some(Owner::Load), of_load, acc_granted, board, banks);
        let of_word = granted.is_some_and(|(owner, _)| owner == Owner::Word);
        let asked = self.store.tick(now, offer, of_word, arrives == Some(Owner::Word), &mut self.memory, board);
        busy |= asked;
        let memory = if self.full { now + 1 } else { self.memory.next(now, self.store.beats_left > 0) };
        let next = if busy { now + 1 } else { memory };
        next.min(self.load.next(now)).min(self.store.next(now))
    }
}
