//! spad and acc: rows side by side, written by kernels through pointers.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;

use super::dirty::{BLOCK, Dirty};
use super::origins::Origins;

/// 32 bytes of spad.
pub(super) type Row = [i8; 32];
/// 32 lanes of acc, native.
pub(super) type Lanes = [i32; 32];

/// Zeroed rows that move nowhere, aligned for any vector. The system gives memory to what is touched only.
struct Rows<T> {
    start: NonNull<T>,
    len: usize,
}

// SAFETY: `Rows` owns plain data.
unsafe impl<T: Send> Send for Rows<T> {}
// SAFETY: sharing it gives no access to the data but through methods that borrow it.
unsafe impl<T: Sync> Sync for Rows<T> {}

/// Types of which all bits zero are a value: integers and arrays of them.
pub(super) trait Zeroed: Copy + PartialEq {
    /// All bits zero.
    const ZERO: Self;
}

impl Zeroed for Row {
    const ZERO: Row = [0; 32];
}

impl Zeroed for Lanes {
    const ZERO: Lanes = [0; 32];
}

impl<T: Zeroed> Rows<T> {
    fn layout(len: usize) -> Layout {
        // At most 2^20 rows of 128 bytes.
        Layout::array::<T>(len.max(1)).and_then(|layout| layout.align_to(128)).unwrap_or(Layout::new::<T>())
    }

    fn new(len: usize) -> Rows<T> {
        let layout = Self::layout(len);
        // SAFETY: the layout has a size; all bits zero are a T.
        let start = unsafe { alloc_zeroed(layout) }.cast::<T>();
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        Rows { start, len }
    }

    fn as_slice(&self) -> &[T] {
        // SAFETY: `len` values that this owns.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: `len` values that this owns.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl<T> Drop for Rows<T> {
    fn drop(&mut self) {
        let layout = Layout::array::<T>(self.len.max(1)).and_then(|layout| layout.align_to(128));
        if let Ok(layout) = layout {
            // SAFETY: it was allocated so.
            unsafe { dealloc(self.start.as_ptr().cast(), layout) };
        }
    }
}

/// The blocks of a space as a snapshot holds them; `None` is zero.
pub(super) type Blocks<T> = Vec<Option<Arc<[T; BLOCK]>>>;

/// One on-chip memory, with what was written since someone asked.
pub(super) struct Space<T> {
    rows: Rows<T>,
    /// Rows from here on were never written.
    high: usize,
    dirty: Dirty,
    /// The blocks at the last snapshot.
    base: Blocks<T>,
    origins: Origins,
}

impl<T: Zeroed> Space<T> {
    /// 2^`log2` rows of zeros.
    pub(super) fn new(log2: u8) -> Space<T> {
        let len = 1usize << log2;
        let base = vec![None; len.div_ceil(BLOCK)];
        Space { rows: Rows::new(len), high: 0, dirty: Dirty::new(len), base, origins: Origins::default() }
    }

    /// 2^`log2` rows of zeros, which remembers those that are copies of constants.
    pub(super) fn with_origins(log2: u8) -> Space<T> {
        Space { origins: Origins::new(1 << log2), ..Space::new(log2) }
    }

    /// Where the rows come from.
    pub(super) fn origins(&self) -> &Origins {
        &self.origins
    }

    /// As [`Space::origins`], to note what is owed, or paid.
    pub(super) fn origins_mut(&mut self) -> &mut Origins {
        &mut self.origins
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len
    }

    /// All rows.
    pub(super) fn rows(&self) -> &[T] {
        self.rows.as_slice()
    }

    /// Where the rows are, for kernels; who writes there marks it.
    pub(super) fn start(&mut self) -> NonNull<T> {
        self.rows.start
    }

    /// Marks `count` rows from `first` on, `stride` apart, as written.
    pub(super) fn mark(&mut self, first: i64, stride: i64, count: u64) {
        let last = first + stride * (count as i64 - 1).max(0);
        self.high = self.high.max(first.max(last) as usize + 1);
        self.dirty.mark(first, stride, count);
        self.origins.forget(first, stride, count);
    }

    /// As [`Space::mark`], of rows that are now copies of those of `const` from `from` on, `step` apart.
    pub(super) fn mark_copies(&mut self, first: i64, stride: i64, count: u64, from: i64, step: i64) {
        self.mark(first, stride, count);
        self.origins.remember(first, stride, count, from, step);
    }

    /// Replaces one row.
    pub(super) fn set(&mut self, row: usize, value: T) {
        self.rows.as_mut_slice()[row] = value;
        self.mark(row as i64, 1, 1);
    }

    /// Makes all rows zero.
    pub(super) fn clear(&mut self) {
        self.origins.forget(0, 1, self.high as u64);
        self.high = 0;
        self.dirty.forget_rows();
        // What is not zero was written before the last snapshot, which then holds it, or after.
        let mut blocks = self.dirty.take_blocks();
        for (block, base) in (0..).zip(&mut self.base) {
            if base.take().is_some() {
                blocks.push(block);
            }
        }
        blocks.sort_unstable();
        blocks.dedup();
        for block in blocks {
            let first = block as usize * BLOCK;
            let last = self.rows.len.min(first + BLOCK);
            self.rows.as_mut_slice()[first..last].fill(T::ZERO);
        }
    }

    /// Calls `f` with each run of rows written since the last drain.
    pub(super) fn drain(&mut self, mut f: impl FnMut(usize, &[T])) {
        let rows = self.rows.as_slice();
        self.dirty.drain(|run: Range<usize>| f(run.start, &rows[run.clone()]));
    }

    /// What a snapshot holds of this: copies of the blocks written since the last, shares of the others.
    pub(super) fn snapshot(&mut self) -> Blocks<T> {
        let rows = self.rows.as_slice();
        for block in self.dirty.take_blocks() {
            let block = block as usize;
            self.base[block] = copy_of(rows, block);
        }
        self.base.clone()
    }

    /// Goes back, or on, to a snapshot; the rows of blocks that differ count as written.
    pub(super) fn restore(&mut self, blocks: &Blocks<T>) {
        let changed: Vec<u32> = self.dirty.blocks().to_vec();
        let same = |one: &Option<Arc<_>>, other: &Option<Arc<_>>| match (one, other) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        let other = (0..).zip(self.base.iter().zip(blocks)).filter(|(_, (a, b))| !same(a, b)).map(|(at, _)| at);
        let all: Vec<u32> = changed.into_iter().chain(other).collect();
        for block in all {
            let first = block as usize * BLOCK;
            let len = BLOCK.min(self.rows.len - first);
            let to = &mut self.rows.as_mut_slice()[first..first + len];
            match &blocks[block as usize] {
                Some(from) => to.copy_from_slice(&from[..len]),
                None => to.fill(T::ZERO),
            }
            self.mark(first as i64, 1, len as u64);
        }
        self.dirty.take_blocks();
        self.base.clone_from(blocks);
    }
}

fn copy_of<T: Zeroed>(rows: &[T], block: usize) -> Option<Arc<[T; BLOCK]>> {
    let from = &rows[block * BLOCK..rows.len().min((block + 1) * BLOCK)];
    if from.iter().all(|row| *row == T::ZERO) {
        return None;
    }
    let mut copy = Arc::new([T::ZERO; BLOCK]);
    Arc::make_mut(&mut copy)[..from.len()].copy_from_slice(from);
    Some(copy)
}

impl<T: Zeroed> Clone for Space<T> {
    fn clone(&self) -> Space<T> {
        let mut rows = Rows::new(self.rows.len);
        rows.as_mut_slice()[..self.high].copy_from_slice(&self.rows.as_slice()[..self.high]);
        let (dirty, base, origins) = (self.dirty.clone(), self.base.clone(), self.origins.clone());
        Space { rows, high: self.high, dirty, base, origins }
    }
}
