//! work and output: pages on demand, shared with snapshots until one of them writes.

use std::sync::Arc;

use isa::{Leaf, Region, Subtree, ZERO};

use super::digest::Crc;
use super::machine::FastError;

/// Rows in a page: 64 KiB.
const PAGE: usize = 2048;
const WORDS: usize = PAGE / 64;

type Page = [Leaf; PAGE];

/// The rows of a page written since the last drain, and whether the page is listed as having such.
#[derive(Clone, Copy, Default)]
struct Marks {
    rows: [u64; WORDS],
    listed: bool,
}

/// The pages of a region by number; `None` is zero.
pub(super) type Pages = Vec<Option<Arc<Page>>>;

/// One region that a program may write.
#[derive(Clone)]
pub(super) struct Dram {
    region: Subtree,
    pages: Pages,
    dirty: Vec<Option<Box<Marks>>>,
    /// Pages that are listed, in the order of their first write.
    touched: Vec<u32>,
    /// Most pages that may be there.
    limit: usize,
    count: usize,
}

impl Dram {
    /// A region of zeros, which may take so many bytes.
    pub(super) fn new(region: Subtree, limit_bytes: u64) -> Dram {
        let limit = usize::try_from(limit_bytes / size_of::<Page>() as u64).unwrap_or(usize::MAX).max(1);
        Dram { region, pages: Vec::new(), dirty: Vec::new(), touched: Vec::new(), limit, count: 0 }
    }

    /// Copies rows from `row` on into `out`.
    pub(super) fn read(&self, row: u64, out: &mut [Leaf]) {
        let (mut row, mut rest) = (row, out);
        while !rest.is_empty() {
            let (page, at) = split(row);
            let (now, later) = rest.split_at_mut(rest.len().min(PAGE - at));
            match self.pages.get(page).and_then(Option::as_ref) {
                Some(page) => now.copy_from_slice(&page[at..at + now.len()]),
                None => now.fill(ZERO),
            }
            row += now.len() as u64;
            rest = later;
        }
    }

    /// Replaces rows from `row` on; `digest` takes them where there is one.
    pub(super) fn write(&mut self, row: u64, leaves: &[Leaf], digest: Option<&mut Crc>) -> Result<(), FastError> {
        if let Some(digest) = digest {
            digest.rows(self.region, row, leaves);
        }
        let (mut row, mut rest) = (row, leaves);
        while !rest.is_empty() {
            let (number, at) = split(row);
            let (now, later) = rest.split_at(rest.len().min(PAGE - at));
            self.page(number)?[at..at + now.len()].copy_from_slice(now);
            self.mark(number, at, now.len());
            row += now.len() as u64;
            rest = later;
        }
        Ok(())
    }

    fn page(&mut self, number: usize) -> Result<&mut Page, FastError> {
        if number >= self.pages.len() {
            self.pages.resize(number + 1, None);
            self.dirty.resize(number + 1, None);
        }
        let slot = &mut self.pages[number];
        if slot.is_none() {
            if self.count == self.limit {
                let limit_bytes = (self.limit * size_of::<Page>()) as u64;
                return Err(FastError::Memory { region: self.region, limit_bytes });
            }
            self.count += 1;
        }
        Ok(Arc::make_mut(slot.get_or_insert_with(zero_page)))
    }

    fn mark(&mut self, page: usize, at: usize, len: usize) {
        let Marks { rows, listed } = &mut **self.dirty[page].get_or_insert_default();
        if !std::mem::replace(listed, true) {
            self.touched.push(page as u32);
        }
        let (mut at, end) = (at, at + len);
        while at < end {
            let bits = (64 - at % 64).min(end - at);
            rows[at / 64] |= (u64::MAX >> (64 - bits)) << (at % 64);
            at += bits;
        }
    }

    /// Makes all rows zero, and answers the pages that there were.
    pub(super) fn clear(&mut self) -> Pages {
        self.dirty.clear();
        self.touched.clear();
        self.count = 0;
        std::mem::take(&mut self.pages)
    }

    /// Calls `f` with each run of rows, within pages, written since the last drain.
    pub(super) fn drain(&mut self, mut f: impl FnMut(u64, &[Leaf])) {
        self.touched.sort_unstable();
        for page in std::mem::take(&mut self.touched) {
            let (Some(rows), Some(marks)) = (&self.pages[page as usize], &mut self.dirty[page as usize]) else {
                continue;
            };
            let Marks { rows: words, .. } = std::mem::take(&mut **marks);
            let set = |at: usize| words[at / 64] >> (at % 64) & 1 == 1;
            let mut at = 0;
            while at < PAGE {
                let start = at;
                while at < PAGE && set(at) {
                    at += 1;
                }
                if at > start {
                    f(u64::from(page) * PAGE as u64 + start as u64, &rows[start..at]);
                }
                at += 1;
            }
        }
    }

    /// What a snapshot holds of this: a share of every page.
    pub(super) fn snapshot(&self) -> Pages {
        self.pages.clone()
    }

    /// Goes back, or on, to a snapshot; the pages that differ count as written.
    pub(super) fn restore(&mut self, pages: &Pages) {
        let len = self.pages.len().max(pages.len());
        self.pages.resize(len, None);
        self.dirty.resize(len, None);
        for number in 0..len {
            let theirs = pages.get(number).and_then(Option::as_ref);
            match (&self.pages[number], theirs) {
                (None, None) => continue,
                (Some(mine), Some(theirs)) if Arc::ptr_eq(mine, theirs) => continue,
                // Zeros that a drain can show.
                (Some(_), None) => self.pages[number] = Some(zero_page()),
                (_, Some(theirs)) => self.pages[number] = Some(theirs.clone()),
            }
            self.mark(number, 0, PAGE);
        }
        self.count = self.pages.iter().flatten().count();
    }
}

fn split(row: u64) -> (usize, usize) {
    ((row / PAGE as u64) as usize, (row % PAGE as u64) as usize)
}

fn zero_page() -> Arc<Page> {
    Arc::new([ZERO; PAGE])
}

/// The rows of pages that are not zero, as a region of `isa`.
pub(super) fn region(pages: &Pages) -> Region {
    let mut region = Region::default();
    for (number, page) in (0..).zip(pages) {
        let Some(page) = page else { continue };
        for (at, leaf) in (number * PAGE as u64..).zip(page.iter()) {
            if *leaf != ZERO {
                region.set(at, *leaf);
            }
        }
    }
    region
}

/// The pages of a live region.
impl Dram {
    pub(super) fn to_region(&self) -> Region {
        region(&self.pages)
    }
}
