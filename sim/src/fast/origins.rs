//! Which rows of spad are copies of which constants, so that weights are packed once for all runs.

/// Of each row, the row of `const` that it is a copy of.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins {
    /// 0 is none, others are one more than the row. Empty where nobody asks.
    rows: Vec<u32>,
}

impl Origins {
    /// For a space of so many rows.
    pub(super) fn new(rows: usize) -> Origins {
        Origins { rows: vec![0; rows] }
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

    /// The row of `const` that `count` rows from `first` on are copies of, one after another.
    pub(super) fn of(&self, first: i64, count: usize) -> Option<u32> {
        let rows = self.rows.get(usize::try_from(first).ok()?..)?.get(..count)?;
        let from = rows.first()?.checked_sub(1)?;
        // Without branches, so that several are compared at a time.
        let differ = (0..).zip(rows).fold(0, |bits: u32, (i, row)| bits | (row ^ (from + 1).wrapping_add(i)));
        (differ == 0).then_some(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
