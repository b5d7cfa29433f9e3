//! Which rows of spad are copies of which constants, so that weights are packed once for all runs.
//!
//! Weights that are packed are not read from spad, so a copy may be *owed*: it is made when something else reads it.

use std::ops::Range;

/// Of each row, the row of `const` that it is a copy of.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins {
    /// 0 is none, others are one more than the row. Empty where nobody asks.
    rows: Vec<u32>,
    /// Rows that are owed, and a range that has them all.
    owed: Vec<u64>,
    span: Range<usize>,
}

/// A copy to make: `count` rows of spad from `row` on, of those of `const` from `from` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Copied {
    pub(super) row: u32,
    pub(super) from: u32,
    pub(super) count: u32,
}

impl Origins {
    /// For a space of so many rows.
    pub(super) fn new(rows: usize) -> Origins {
        Origins { rows: vec![0; rows], owed: vec![0; rows.div_ceil(64)], span: 0..0 }
    }

    /// `count` rows from `first` on, `stride` apart, are no copies any more.
    #[inline]
    pub(super) fn forget(&mut self, first: i64, stride: i64, count: u64) {
        if self.rows.is_empty() || count == 0 {
            return;
        }
        let last = first + stride * (count - 1) as i64;
        let (low, high) = (first.min(last) as usize, first.max(last) as usize);
        let step = stride.unsigned_abs() as usize;
        if low < self.span.end && self.span.start <= high {
            if step <= 1 {
                each_word(low..high + 1, |word, mask| self.owed[word] &= !mask);
            } else if self.owed[low / 64..=high / 64].iter().any(|&word| word != 0) {
                (low..=high).step_by(step).for_each(|row| self.owed[row / 64] &= !(1 << (row % 64)));
            }
        }
        match step {
            0 | 1 => self.rows[low..=high].fill(0),
            _ => self.rows[low..=high].iter_mut().step_by(step).for_each(|row| *row = 0),
        }
    }

    /// `count` rows from `first` on, `stride` apart, are copies of those from `from` on, `step` apart.
    pub(super) fn remember(&mut self, first: i64, stride: i64, count: u64, from: i64, step: i64) {
        if self.rows.is_empty() {
            return;
        }
        if stride == 1
            && step == 1
            && let Ok(from) = u32::try_from(from)
            && from.checked_add(count as u32 + 1).is_some()
        {
            let rows = &mut self.rows[first as usize..][..count as usize];
            return (from + 1..).zip(rows).for_each(|(from, row)| *row = from);
        }
        for i in 0..count as i64 {
            let (row, from) = (first + i * stride, from + i * step);
            if let Some(row) = self.rows.get_mut(row as usize) {
                *row = u32::try_from(from).ok().and_then(|from| from.checked_add(1)).unwrap_or(0);
            }
        }
    }

    /// Rows that were remembered one after another are owed.
    pub(super) fn owe(&mut self, first: i64, count: u64) {
        let rows = first as usize..first as usize + count as usize;
        if self.rows.is_empty() || rows.is_empty() {
            return;
        }
        each_word(rows.clone(), |word, mask| self.owed[word] |= mask);
        self.span =
            if self.span.is_empty() { rows } else { self.span.start.min(rows.start)..self.span.end.max(rows.end) };
    }

    /// The row of `const` that a row is an owed copy of.
    pub(super) fn owed(&self, row: usize) -> Option<u32> {
        let owed = self.span.contains(&row) && self.owed[row / 64] >> (row % 64) & 1 == 1;
        owed.then(|| self.rows[row]).and_then(|from| from.checked_sub(1))
    }

    /// A run of owed rows in `low..=high`, which are owed no more.
    pub(super) fn pay(&mut self, low: i64, high: i64) -> Option<Copied> {
        let (low, end) = ((low.max(0) as usize).max(self.span.start), (high + 1).max(0) as usize);
        let end = end.min(self.span.end);
        let mut at = low;
        while at < end {
            let bits = self.owed[at / 64] >> (at % 64);
            if bits != 0 {
                at += bits.trailing_zeros() as usize;
                break;
            }
            at = (at / 64 + 1) * 64;
        }
        let from = (at < end).then(|| self.owed(at)).flatten()?;
        let mut count = 0;
        while at + count < end && self.owed(at + count) == from.checked_add(count as u32) {
            self.owed[(at + count) / 64] &= !(1 << ((at + count) % 64));
            count += 1;
        }
        Some(Copied { row: at as u32, from, count: count as u32 })
    }

    /// The row of `const` that `count` rows from `first` on are copies of, one after another.
    pub(super) fn of(&self, first: i64, count: usize) -> Option<u32> {
        let rows = self.rows.get(usize::try_from(first).ok()?..)?.get(..count)?;
        let from = rows.first()?.checked_sub(1)?;
        // Without branches, so that several are compared at a time.
        let differ = (0..).zip(rows).fold(0, |bits: u32, (i, row)| bits | (row ^ (from + 1).wrapping_add(i)));
        (differ == 0).then_some(from)
    }
}

/// Calls `f` with the words that hold the bits of a range, and the bits in each.
fn each_word(bits: Range<usize>, mut f: impl FnMut(usize, u64)) {
    let mut at = bits.start;
    while at < bits.end {
        let count = (64 - at % 64).min(bits.end - at);
        f(at / 64, (u64::MAX >> (64 - count)) << (at % 64));
        at += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owes_what_nobody_paid_or_overwrote() {
        let mut origins = Origins::new(256);
        origins.remember(10, 1, 100, 500, 1);
        origins.owe(10, 100);
        assert_eq!([9, 10, 109, 110].map(|row| origins.owed(row)), [None, Some(500), Some(599), None]);
        origins.forget(50, 2, 2);
        assert_eq!(origins.pay(0, 19), Some(Copied { row: 10, from: 500, count: 10 }));
        assert_eq!(origins.pay(0, 19), None);
        assert_eq!(origins.of(10, 10), Some(500));
        assert_eq!(origins.pay(0, 255), Some(Copied { row: 20, from: 510, count: 30 }));
        assert_eq!(origins.pay(0, 255), Some(Copied { row: 51, from: 541, count: 1 }));
        assert_eq!(origins.pay(53, 255), Some(Copied { row: 53, from: 543, count: 57 }));
        assert_eq!([origins.pay(0, 255), origins.pay(-5, 300)], [None; 2]);
        // Neighbours that come from elsewhere are copies of their own.
        origins.remember(0, 1, 2, 7, 1);
        origins.remember(2, 1, 2, 70, 1);
        origins.owe(0, 4);
        assert_eq!(origins.pay(1, 2), Some(Copied { row: 1, from: 8, count: 1 }));
        assert_eq!(origins.pay(0, 9), Some(Copied { row: 0, from: 7, count: 1 }));
        assert_eq!(origins.pay(0, 9), Some(Copied { row: 2, from: 70, count: 2 }));
    }

    #[test]
    fn remembers_what_was_not_overwritten() {
        let mut origins = Origins::new(64);
        origins.remember(0, 1, 32, 100, 1);
        assert_eq!(origins.of(0, 32), Some(100));
        assert_eq!(origins.of(8, 24), Some(108));
        assert_eq!(origins.of(8, 25), None);
        origins.forget(31, -7, 3);
        assert_eq!(origins.of(0, 17), Some(100));
        assert_eq!([17, 24, 31].map(|row| origins.of(row, 1)), [None; 3]);
        origins.remember(40, 2, 3, 7, 5);
        assert_eq!([40, 42, 44].map(|row| origins.of(row, 1)), [Some(7), Some(12), Some(17)]);
        assert_eq!(origins.of(40, 3), None);
        origins.remember(50, 1, 1, i64::from(u32::MAX), 1);
        assert_eq!(origins.of(50, 1), None);
        assert_eq!(origins.of(60, 5), None);
    }
}
