//! Which rows a program has written, one bit a row.

use std::ops::Range;

/// Rows of a space written since two readers looked: the one who drains rows, and the one who takes snapshots by
/// blocks of 64 rows. Writing costs one bitmap; the readers' own are brought up to date when they look.
#[derive(Clone, Debug, Default)]
pub(super) struct Dirty {
    fresh: Vec<u64>,
    /// Words of `fresh` that may not be zero.
    span: Range<usize>,
    rows: Vec<u64>,
    /// Words of `rows` that may not be zero.
    rows_span: Range<usize>,
    /// Blocks of 64 rows changed since the last snapshot, each perhaps more than once.
    blocks: Vec<u32>,
    block_marks: Vec<u64>,
}

/// Rows in a block: the bits of a word.
pub(super) const BLOCK: usize = 64;

impl Dirty {
    /// For a space of so many rows.
    pub(super) fn new(rows: usize) -> Dirty {
        let words = rows.div_ceil(BLOCK);
        Dirty {
            fresh: vec![0; words],
            span: 0..0,
            rows: vec![0; words],
            rows_span: 0..0,
            blocks: Vec::new(),
            block_marks: vec![0; words.div_ceil(64)],
        }
    }

    /// Marks `count` rows from `first` on, `stride` apart.
    #[inline]
    pub(super) fn mark(&mut self, first: i64, stride: i64, count: u64) {
        if count == 0 {
            return;
        }
        let last = first + stride * (count - 1) as i64;
        let (low, high) = (first.min(last) as usize, first.max(last) as usize);
        self.span = join(&self.span, low / BLOCK..high / BLOCK + 1);
        if stride.unsigned_abs() <= 1 {
            self.mark_run(low, high);
            return;
        }
        let step = stride.unsigned_abs() as usize;
        let mut row = low;
        while row <= high {
            self.fresh[row / BLOCK] |= 1 << (row % BLOCK);
            row += step;
        }
    }

    fn mark_run(&mut self, low: usize, high: usize) {
        let (first, last) = (low / BLOCK, high / BLOCK);
        let head = u64::MAX << (low % BLOCK);
        let tail = u64::MAX >> (BLOCK - 1 - high % BLOCK);
        if first == last {
            self.fresh[first] |= head & tail;
            return;
        }
        self.fresh[first] |= head;
        self.fresh[first + 1..last].fill(u64::MAX);
        self.fresh[last] |= tail;
    }

    fn absorb(&mut self) {
        for word in std::mem::take(&mut self.span) {
            let bits = std::mem::take(&mut self.fresh[word]);
            if bits == 0 {
                continue;
            }
            self.rows[word] |= bits;
            self.rows_span = join(&self.rows_span, word..word + 1);
            let mark = &mut self.block_marks[word / 64];
            if *mark >> (word % 64) & 1 == 0 {
                *mark |= 1 << (word % 64);
                self.blocks.push(word as u32);
            }
        }
    }

    /// Forgets what the drain and the writers know; what snapshots know stays.
    pub(super) fn forget_rows(&mut self) {
        self.absorb();
        for word in std::mem::take(&mut self.rows_span) {
            self.rows[word] = 0;
        }
    }

    /// Calls `f` with each run of rows written since the last drain, ascending.
    pub(super) fn drain(&mut self, mut f: impl FnMut(Range<usize>)) {
        self.absorb();
        let mut run = 0..0;
        for word in std::mem::take(&mut self.rows_span) {
            let mut bits = std::mem::take(&mut self.rows[word]);
            while bits != 0 {
                let from = bits.trailing_zeros() as usize;
                let len = (!(bits >> from)).trailing_zeros() as usize;
                let start = word * BLOCK + from;
                if run.end == start {
                    run.end = start + len;
                } else {
                    if !run.is_empty() {
                        f(run);
                    }
                    run = start..start + len;
                }
                bits = if from + len == BLOCK { 0 } else { bits >> (from + len) << (from + len) };
            }
        }
        if !run.is_empty() {
            f(run);
        }
    }

    /// The blocks written since the last call, each once, in no order.
    pub(super) fn take_blocks(&mut self) -> Vec<u32> {
        self.absorb();
        for &block in &self.blocks {
            self.block_marks[block as usize / 64] = 0;
        }
        std::mem::take(&mut self.blocks)
    }

    /// The blocks written since the last snapshot, without forgetting them.
    pub(super) fn blocks(&mut self) -> &[u32] {
        self.absorb();
        &self.blocks
    }
}

fn join(one: &Range<usize>, other: Range<usize>) -> Range<usize> {
    if one.is_empty() { other } else { one.start.min(other.start)..one.end.max(other.end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drains_what_was_marked_and_nothing_else() {
        let mut random = isa::random::Rng::new(7);
        let mut dirty = Dirty::new(1000);
        for _ in 0..300 {
            let mut want = vec![false; 1000];
            for _ in 0..random.below(4) {
                let (stride, count) = (random.below(9) as i64 - 4, 1 + random.below(40));
                let reach = stride * (count as i64 - 1);
                let first = (-reach).max(0) + random.below(1000 - reach.unsigned_abs()) as i64;
                dirty.mark(first, stride, count);
                (0..count as i64).for_each(|i| want[(first + i * stride) as usize] = true);
            }
            let mut have = vec![false; 1000];
            let mut last = 0;
            dirty.drain(|run| {
                assert!(run.start >= last, "runs are maximal and ascend");
                last = run.end + 1;
                have[run].fill(true);
            });
            assert_eq!(have, want);
            let mut blocks = dirty.take_blocks();
            blocks.sort_unstable();
            let expected: Vec<u32> =
                (0..).zip(want.chunks(BLOCK)).filter(|(_, rows)| rows.contains(&true)).map(|(i, _)| i).collect();
            assert_eq!(blocks, expected);
        }
    }
}
