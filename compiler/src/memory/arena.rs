//! Placement of buffers in one space by the time they live.

/// A run of rows that is needed for some steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Buffer {
    rows: u64,
    align: u64,
    first: usize,
    last: usize,
}

/// Requests are cut to this many rows, so that sums stay within 64 bits; no target has as many.
const MOST_ROWS: u64 = 1 << 40;

/// Index of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BufferId(usize);

/// Buffers to be placed.
#[derive(Debug, Default)]
pub(crate) struct Arena(Vec<Buffer>);

/// Where the buffers lie.
pub(crate) struct Places {
    bases: Vec<u64>,
    /// Rows used.
    pub(crate) peak: u64,
    /// First step that uses the last row.
    pub(crate) peak_step: usize,
}

impl Places {
    /// First row of a buffer.
    pub(crate) fn base(&self, id: BufferId) -> u64 {
        self.bases[id.0]
    }
}

impl Arena {
    /// Asks for rows, aligned, from step `first` to step `last`.
    pub(crate) fn request(&mut self, rows: u64, align: u64, first: usize, last: usize) -> BufferId {
        self.0.push(Buffer { rows: rows.min(MOST_ROWS), align, first, last });
        BufferId(self.0.len() - 1)
    }

    /// First fit in the order of first use, in a space without end: the peak says what is needed.
    pub(crate) fn place(&self) -> Places {
        let mut order: Vec<usize> = (0..self.0.len()).collect();
        order.sort_by_key(|&i| (self.0[i].first, i));
        let mut places = Places { bases: vec![0; self.0.len()], peak: 0, peak_step: 0 };
        // (base, end, last) of the buffers that still live, by base.
        let mut live: Vec<(u64, u64, usize)> = Vec::new();
        for index in order {
            let buffer = self.0[index];
            live.retain(|&(_, _, last)| last >= buffer.first);
            let mut base = 0u64;
            let mut at = live.len();
            for (i, &(start, end, _)) in live.iter().enumerate() {
                if base + buffer.rows <= start {
                    at = i;
                    break;
                }
                base = base.max(end.next_multiple_of(buffer.align));
            }
            let end = base + buffer.rows;
            live.insert(at, (base, end, buffer.last));
            places.bases[index] = base;
            if end > places.peak {
                (places.peak, places.peak_step) = (end, buffer.first);
            }
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reuses_what_is_dead() {
        let mut arena = Arena::default();
        let a = arena.request(10, 1, 0, 1);
        let b = arena.request(5, 8, 1, 2);
        let c = arena.request(10, 1, 2, 2);
        let places = arena.place();
        assert_eq!((places.base(a), places.base(b), places.base(c)), (0, 16, 0));
        assert_eq!((places.peak, places.peak_step), (21, 1));
    }

    proptest! {
        #[test]
        fn live_buffers_are_disjoint(requests in proptest::collection::vec((1u64..50, 0u32..6, 0usize..20, 0usize..5), 1..40)) {
            let mut arena = Arena::default();
            let ids: Vec<_> = requests.iter().map(|&(rows, log, first, len)| arena.request(rows, 1 << log, first, first + len)).collect();
            let places = arena.place();
            for (i, &a) in ids.iter().enumerate() {
                let x = arena.0[a.0];
                prop_assert!(places.base(a).is_multiple_of(x.align) && places.base(a) + x.rows <= places.peak);
                for &b in &ids[..i] {
                    let y = arena.0[b.0];
                    let together = x.first <= y.last && y.first <= x.last;
                    let apart = places.base(a) + x.rows <= places.base(b) || places.base(b) + y.rows <= places.base(a);
                    prop_assert!(!together || apart);
                }
            }
        }
    }
}
