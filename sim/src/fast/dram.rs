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
        self.view().read(row, out);
    }

    /// Replaces rows from `row` on; `digest` takes them where there is one.
    pub(super) fn write(&mut self, row: u64, leaves: &[Leaf], digest: Option<&mut Crc>) -> Result<(), FastError> {
        if let Some(digest) = digest {
            digest.rows(self.region, row, leaves);
        }
        self.prepare(row, leaves.len())?;
        self.view().write(row, leaves);
        Ok(())
    }

    /// Makes the pages of rows that are about to be written, and marks the rows.
    pub(super) fn prepare(&mut self, row: u64, count: usize) -> Result<(), FastError> {
        for (page, at, len) in pages(row, count) {
            if !self.is_own(page) {
                self.page(page)?;
            }
            self.mark(page, at, len);
        }
        Ok(())
    }

    /// Whether the pages of these rows are there, and shared with nobody.
    pub(super) fn is_ready(&self, row: u64, count: usize) -> bool {
        pages(row, count).all(|(page, ..)| self.is_own(page))
    }

    fn is_own(&self, page: usize) -> bool {
        matches!(self.pages.get(page), Some(Some(page)) if Arc::strong_count(page) == 1)
    }

    /// The pages as they are now, for whoever reads and writes rows while no page is made.
    pub(super) fn view(&self) -> View {
        View { table: self.pages.as_ptr(), len: self.pages.len() }
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

/// The pages of a region as they were at some time.
#[derive(Clone, Copy)]
pub(super) struct View {
    table: *const Option<Arc<Page>>,
    len: usize,
}

impl View {
    /// The first row of a page; zeros have none.
    fn page(&self, number: usize) -> Option<*mut Leaf> {
        if number >= self.len {
            return None;
        }
        // SAFETY: the table is as long, and stays while the view is in use.
        let page = unsafe { &*self.table.add(number) };
        page.as_ref().map(|page| Arc::as_ptr(page).cast_mut().cast())
    }

    /// Copies rows from `row` on into `out`.
    pub(super) fn read(&self, row: u64, out: &mut [Leaf]) {
        let mut rest = out;
        for (page, at, len) in pages(row, rest.len()) {
            let (now, later) = rest.split_at_mut(len);
            match self.page(page) {
                // SAFETY: within the page; nothing writes these rows meanwhile.
                Some(page) => unsafe { page.add(at).copy_to(now.as_mut_ptr(), len) },
                None => now.fill(ZERO),
            }
            rest = later;
        }
    }

    /// Replaces rows from `row` on, whose pages have been made.
    pub(super) fn write(&self, row: u64, leaves: &[Leaf]) {
        let mut rest = leaves;
        for (page, at, len) in pages(row, rest.len()) {
            let (now, later) = rest.split_at(len);
            if let Some(page) = self.page(page) {
                // SAFETY: within the page, which is this machine's alone; nothing else touches these rows meanwhile.
                unsafe { page.add(at).copy_from(now.as_ptr(), len) };
            }
            rest = later;
        }
    }
}

/// The pages of `count` rows from `row` on: number, first row and count of each.
fn pages(row: u64, count: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let (mut row, mut left) = (row, count);
    std::iter::from_fn(move || {
        let (page, at) = split(row);
        let len = left.min(PAGE - at);
        (row, left) = (row + len as u64, left - len);
        (len > 0).then_some((page, at, len))
    })
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
