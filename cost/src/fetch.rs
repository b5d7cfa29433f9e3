//! The instruction cache: lines of sixteen, and the next line ahead of need.

use std::collections::VecDeque;

const LINE: u64 = 16;
const LINES: usize = 16;

/// The cache and the one line that is being read.
#[derive(Debug)]
pub(crate) struct Fetch {
    text_rows: u64,
    held: [Option<u64>; LINES],
    asking: bool,
    filling: bool,
    line: u64,
    stored: u64,
    /// From when on each row that has come can be found.
    come: VecDeque<u64>,
    /// Rows of text that came.
    pub(crate) rows: u64,
}

impl Fetch {
    pub(crate) fn new(text_log2: u8) -> Fetch {
        Fetch {
            text_rows: 1 << text_log2,
            held: [None; LINES],
            asking: false,
            filling: false,
            line: 0,
            stored: 0,
            come: VecDeque::new(),
            rows: 0,
        }
    }

    fn line_rows(&self) -> u64 {
        self.text_rows.min(LINE)
    }

    pub(crate) fn request(&self) -> Option<u64> {
        self.asking.then(|| self.line_rows())
    }

    pub(crate) fn granted(&mut self) {
        (self.asking, self.filling) = (false, true);
    }

    pub(crate) fn arrives(&mut self, now: u64) {
        self.come.push_back(now + 2);
        self.rows += 1;
    }

    pub(crate) fn busy(&self) -> bool {
        self.asking || self.filling
    }

    fn holds(&self, line: u64) -> bool {
        self.held[line as usize % LINES] == Some(line)
    }

    fn settle(&mut self, now: u64) {
        while self.come.front().is_some_and(|&at| at <= now) {
            self.come.pop_front();
            self.stored += 1;
        }
    }

    /// Whether the instruction at `pc` is here in this cycle.
    pub(crate) fn hits(&mut self, pc: u64, now: u64) -> bool {
        self.settle(now);
        let line = pc / LINE;
        self.holds(line) || (self.filling && self.line == line && pc % LINE < self.stored)
    }

    /// The end of a cycle in which `pc` was looked at; whether a line has begun or ended.
    pub(crate) fn step(&mut self, pc: u64, now: u64, runs: bool) -> bool {
        self.settle(now);
        if self.filling {
            let ends = self.stored == self.line_rows();
            if ends {
                self.filling = false;
                self.held[self.line as usize % LINES] = Some(self.line);
            }
            return ends;
        }
        let here = pc / LINE;
        let missing = [here, here + 1].into_iter().find(|line| !self.holds(*line));
        let Some(line) = missing.filter(|line| runs && !self.asking && line * LINE < self.text_rows) else {
            return false;
        };
        self.held[line as usize % LINES] = None;
        (self.line, self.asking, self.stored) = (line, true, 0);
        true
    }

    /// When the next row that has come can be found.
    pub(crate) fn next(&self) -> u64 {
        self.come.front().copied().unwrap_or(u64::MAX)
    }
}
