//! Loops and addresses of an admitted instruction, and the on-chip memories as kernels see them.

use std::ops::Range;
use std::ptr::NonNull;

use isa::{Operand, Regs, Wide};

use super::space::{Lanes, Row};

/// An address that is affine in the loop counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Affine {
    pub(super) start: i64,
    pub(super) s0: i64,
    pub(super) s1: i64,
}

impl Affine {
    pub(super) fn near(o: &Operand, regs: &Regs) -> Affine {
        Affine { start: start(o.base, o.reg, regs), s0: o.s0.into(), s1: o.s1.into() }
    }

    pub(super) fn wide(m: &Wide, regs: &Regs) -> Affine {
        Affine { start: start(m.base, m.reg, regs), s0: m.s0.into(), s1: m.s1.into() }
    }

    pub(super) fn at(&self, i0: u64, i1: u64) -> i64 {
        self.start + i0 as i64 * self.s0 + i1 as i64 * self.s1
    }
}

impl Affine {
    /// Whether all rows lie in `0..len`, with `taps` taps `sk` apart.
    fn within(&self, rows: &Range<u64>, n0: u64, taps: u64, sk: i64, len: usize) -> bool {
        if rows.is_empty() {
            return true;
        }
        let [first, last] = [rows.start, rows.end - 1].map(|row| row / n0);
        let inner = if first == last { [rows.start % n0, (rows.end - 1) % n0] } else { [0, n0 - 1] };
        [first, last].into_iter().all(|i1| {
            inner.into_iter().all(|i0| {
                let row = self.at(i0, i1);
                [row, row + (taps as i64 - 1) * sk].into_iter().all(|row| (0..len as i64).contains(&row))
            })
        })
    }
}

/// First address of an operand.
pub(super) fn start(base: u32, reg: u8, regs: &Regs) -> i64 {
    i64::from(base) + i64::from(regs.x[usize::from(reg)])
}

/// Calls `f(i1, range of i0)` for the inner runs of `rows`, which count i1·n0 + i0.
#[inline(always)]
pub(super) fn runs(rows: Range<u64>, n0: u64, mut f: impl FnMut(u64, Range<u64>)) {
    let (mut i1, mut i0, mut left) = (rows.start / n0, rows.start % n0, rows.end - rows.start);
    while left > 0 {
        let len = left.min(n0 - i0);
        f(i1, i0..i0 + len);
        left -= len;
        i0 = 0;
        i1 += 1;
    }
}

/// The addresses of each row in order. (An iterator, so that what is done with them is compiled where it stands.)
#[inline(always)]
pub(super) fn walk<const N: usize>(rows: Range<u64>, n0: u64, operands: [Affine; N]) -> Walk<N> {
    let (i0, i1) = (rows.start % n0, rows.start / n0);
    Walk { at: operands.map(|o| o.at(i0, i1)), operands, n0, i0, i1, left: rows.end - rows.start }
}

/// See [`walk`].
pub(super) struct Walk<const N: usize> {
    operands: [Affine; N],
    at: [i64; N],
    n0: u64,
    i0: u64,
    i1: u64,
    left: u64,
}

impl<const N: usize> Iterator for Walk<N> {
    type Item = [i64; N];

    #[inline(always)]
    fn next(&mut self) -> Option<[i64; N]> {
        self.left = self.left.checked_sub(1)?;
        let here = self.at;
        self.i0 += 1;
        if self.i0 == self.n0 {
            self.i0 = 0;
            self.i1 += 1;
            for (at, o) in self.at.iter_mut().zip(&self.operands) {
                *at = o.at(0, self.i1);
            }
        } else {
            for (at, o) in self.at.iter_mut().zip(&self.operands) {
                *at = at.wrapping_add(o.s0);
            }
        }
        Some(here)
    }
}

/// spad and acc while an instruction runs: several threads write rows that the traps keep apart.
#[derive(Clone, Copy)]
pub(super) struct Chip {
    spad: NonNull<Row>,
    spad_rows: usize,
    acc: NonNull<Lanes>,
    acc_rows: usize,
}

// SAFETY: plain pointers; every access is bounds-checked, and the OVERLAP traps keep the rows that one part of an
// instruction writes apart from all that another part touches.
unsafe impl Send for Chip {}
// SAFETY: as above.
unsafe impl Sync for Chip {}

impl Chip {
    /// Over memories of so many rows.
    ///
    /// # Safety
    /// They outlive it and nothing else touches them meanwhile; who reads or writes a row through it knows that no other
    /// thread writes it.
    pub(super) unsafe fn new(spad: (NonNull<Row>, usize), acc: (NonNull<Lanes>, usize)) -> Chip {
        Chip { spad: spad.0, spad_rows: spad.1, acc: acc.0, acc_rows: acc.1 }
    }

    /// A pointer to `count` rows of spad. Panics beyond it.
    #[inline(always)]
    pub(super) fn spad(&self, row: i64, count: usize) -> *mut Row {
        let row = row as usize;
        assert!(row < self.spad_rows && count <= self.spad_rows - row, "spad row {row} of {}", self.spad_rows);
        // SAFETY: within the memory.
        unsafe { self.spad.as_ptr().add(row) }
    }

    /// A pointer to a row of acc. Panics beyond it.
    #[inline(always)]
    pub(super) fn acc(&self, row: i64) -> *mut Lanes {
        let row = row as usize;
        assert!(row < self.acc_rows, "acc row {row} of {}", self.acc_rows);
        // SAFETY: within the memory.
        unsafe { self.acc.as_ptr().add(row) }
    }

    /// A pointer to row 0 of spad, for rows of an operand, with `taps` taps `sk` apart. Panics if one is beyond it.
    pub(super) fn spad_of(&self, o: Affine, rows: &Range<u64>, n0: u64, taps: u64, sk: i64) -> *mut Row {
        assert!(o.within(rows, n0, taps, sk, self.spad_rows), "spad rows of {o:?}");
        self.spad.as_ptr()
    }

    /// A pointer to row 0 of acc, for rows of an operand. Panics if one is beyond it.
    pub(super) fn acc_of(&self, o: Affine, rows: &Range<u64>, n0: u64) -> *mut Lanes {
        assert!(o.within(rows, n0, 1, 0, self.acc_rows), "acc rows of {o:?}");
        self.acc.as_ptr()
    }

    #[inline(always)]
    pub(super) fn read8(&self, row: i64) -> Row {
        // SAFETY: within the memory; nothing writes the row meanwhile.
        unsafe { self.spad(row, 1).read() }
    }

    #[inline(always)]
    pub(super) fn write8(&self, row: i64, value: Row) {
        // SAFETY: within the memory; nothing else touches the row meanwhile.
        unsafe { self.spad(row, 1).write(value) }
    }

    /// A row to write, lane by lane.
    #[inline(always)]
    #[allow(clippy::mut_from_ref, reason = "a pointer to memory that threads write apart")]
    pub(super) fn row8(&self, row: i64) -> &mut Row {
        // SAFETY: within the memory; nothing else touches the row meanwhile.
        unsafe { &mut *self.spad(row, 1) }
    }

    /// `N` rows, for a table, a tile or a parameter block.
    #[inline(always)]
    pub(super) fn rows8<const N: usize>(&self, row: i64) -> &[Row; N] {
        // SAFETY: within the memory; the traps keep what an instruction writes apart from its tables.
        unsafe { &*self.spad(row, N).cast::<[Row; N]>() }
    }

    #[inline(always)]
    pub(super) fn read32(&self, row: i64) -> Lanes {
        // SAFETY: within the memory; nothing writes the row meanwhile.
        unsafe { self.acc(row).read() }
    }

    /// A row32 to read where it is.
    #[inline(always)]
    pub(super) fn row32(&self, row: i64) -> &Lanes {
        // SAFETY: within the memory; nothing writes the row meanwhile.
        unsafe { &*self.acc(row) }
    }

    #[inline(always)]
    pub(super) fn write32(&self, row: i64, value: Lanes) {
        // SAFETY: within the memory; nothing else touches the row meanwhile.
        unsafe { self.acc(row).write(value) }
    }
}
