//! `MATMUL`: weights packed once an instruction, rows widened once a block, sums in registers over all tiles.
//!
//! A *panel* is 16 columns of weights over a strip of tiles, in groups of 16 bytes of a row; a kernel multiplies up to
//! [`ROWS`] rows by a panel. There are two forms: [`Form::Pairs`] multiplies 16-bit pairs, and [`Form::Bytes`] four
//! bytes at a time, the row as x + 128 with what that adds taken off again ahead. Both are exact: no sum saturates.

mod kernel;
#[cfg(target_arch = "aarch64")]
mod neon;
mod pack;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::ops::Range;

use kernel::{Call, Kernel};
use pack::{Form, Panels};

use super::place::{Affine, Chip, runs};
use super::simd::Simd;
use super::workers::Workers;

/// Rows that a kernel multiplies at once.
const ROWS: usize = 6;
/// Columns of a panel.
const COLUMNS: usize = 16;
/// Tiles of a strip: its panels stay in the second cache.
const STRIP: u64 = 64;
/// Most rows of a block, and about the bytes that it takes widened.
const BLOCK_ROWS: usize = 48;
const BLOCK_BYTES: usize = 96 << 10;

/// Memory that is used again from instruction to instruction.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    lines: Vec<Line>,
}

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([u8; 64]);

impl Scratch {
    /// At least so many bytes, aligned to 64.
    fn bytes(&mut self, len: usize) -> &mut [u8] {
        let lines = len.div_ceil(64);
        if self.lines.len() < lines {
            self.lines.resize(lines, Line([0; 64]));
        }
        let start = self.lines.as_mut_ptr().cast();
        // SAFETY: lines are bytes, and these are ours.
        unsafe { std::slice::from_raw_parts_mut(start, self.lines.len() * 64) }
    }
}

/// What is to be multiplied: an admitted `MATMUL` after register substitution.
#[derive(Clone, Copy)]
pub(super) struct Product {
    pub(super) n0: u64,
    pub(super) d: Affine,
    pub(super) a: Affine,
    pub(super) a_sk: i64,
    pub(super) w: i64,
    pub(super) w_sk: i64,
    pub(super) kt: u64,
    pub(super) n: usize,
    pub(super) k: usize,
    /// Goes on from what is in `d`.
    pub(super) keep: bool,
    pub(super) transposed: bool,
}

/// Multiplies the rows `rows` (i1·n0 + i0, all taps); `memory` takes the panels.
pub(super) fn matmul(workers: &Workers, memory: &mut Scratch, chip: Chip, rows: Range<u64>, product: &Product) {
    let mut tap = 0;
    while tap < product.kt {
        let taps = STRIP.min(product.kt - tap);
        let (far, skip) = (tap as i64 * product.a_sk, tap as i64 * product.w_sk);
        let strip = Product {
            a: Affine { start: product.a.start + far, ..product.a },
            w: product.w + skip,
            kt: taps,
            keep: product.keep || tap > 0,
            ..*product
        };
        let panels = Panels::pack(workers.simd, memory, chip, &strip);
        let task = Task { simd: workers.simd, chip, panels, product: strip };
        // About a cycle and a quarter for 32 products.
        let cycles = taps * (product.k as u64 * 5 / 4 + 4) + 8;
        workers.split(rows.clone(), cycles, &|part| task.run(&mut workers.scratch(), part));
        tap += taps;
    }
}

struct Task<'a> {
    simd: Simd,
    chip: Chip,
    panels: Panels<'a>,
    product: Product,
}

/// A block of rows as kernels read them.
struct Block<'a> {
    start: *const u8,
    /// Of each row, its first tap.
    offsets: &'a [isize],
    tap_bytes: isize,
}

impl Task<'_> {
    fn run(&self, scratch: &mut Scratch, rows: Range<u64>) {
        let p = &self.product;
        let wide = p.kt as usize * self.panels.form.row_bytes();
        let most = (BLOCK_BYTES / wide / ROWS * ROWS).clamp(ROWS, BLOCK_ROWS) as u64;
        let mut at = rows.start;
        while at < rows.end {
            let block = at..rows.end.min(at + most);
            let mut offsets = [0; BLOCK_ROWS];
            let offsets = &mut offsets[..(block.end - block.start) as usize];
            let (start, tap_bytes) = self.widen(scratch, block.clone(), offsets);
            self.multiply(block.clone(), &Block { start, offsets, tap_bytes });
            at = block.end;
        }
    }

    /// Brings the rows of a block into the form of the kernels: whole runs of neighbouring rows where taps share them,
    /// else tap by tap. Answers where they are, and the bytes from tap to tap.
    fn widen(&self, scratch: &mut Scratch, rows: Range<u64>, offsets: &mut [isize]) -> (*const u8, isize) {
        let p = &self.product;
        let bytes = self.panels.form.row_bytes();
        if self.panels.form == Form::Plain {
            return self.in_place(rows, offsets);
        }
        let (mut together, mut apart) = (0, 0);
        runs(rows.clone(), p.n0, |_, i0| {
            together += hull(p, &i0).1;
            apart += (i0.end - i0.start) as usize * p.kt as usize;
        });
        let shared = together <= apart;
        let buffer = scratch.bytes(together.min(apart) * bytes);
        let (mut done, mut next) = (0, offsets.iter_mut());
        let mut take = |first: i64, count: usize| {
            // SAFETY: `spad` answers for `count` rows; nothing writes spad meanwhile.
            let from = unsafe { std::slice::from_raw_parts(self.chip.spad(first, count), count) };
            let to = &mut buffer[done * bytes..(done + count) * bytes];
            pack::widen(self.simd, self.panels.form, from, to);
            done += count;
            ((done - count) * bytes) as isize
        };
        runs(rows, p.n0, |i1, i0| {
            let first = p.a.at(i0.start, i1);
            if shared {
                let (below, count) = hull(p, &i0);
                let start = take(first - below, count);
                for i in 0..(i0.end - i0.start) as i64 {
                    if let Some(offset) = next.next() {
                        *offset = start + (below + i * p.a.s0) as isize * bytes as isize;
                    }
                }
                return;
            }
            for i in 0..(i0.end - i0.start) as i64 {
                let row = first + i * p.a.s0;
                let mut start = None;
                if p.a_sk == 1 {
                    start = Some(take(row, p.kt as usize));
                } else {
                    (0..p.kt as i64).for_each(|tap| {
                        let at = take(row + tap * p.a_sk, 1);
                        start.get_or_insert(at);
                    });
                }
                if let (Some(offset), Some(start)) = (next.next(), start) {
                    *offset = start;
                }
            }
        });
        let tap_bytes = if shared { p.a_sk as isize * bytes as isize } else { bytes as isize };
        (buffer.as_ptr(), tap_bytes)
    }

    /// The rows where they are, for kernels that read bytes as they are.
    fn in_place(&self, rows: Range<u64>, offsets: &mut [isize]) -> (*const u8, isize) {
        let p = &self.product;
        let mut next = offsets.iter_mut();
        runs(rows, p.n0, |i1, i0| {
            for i in i0 {
                if let Some(offset) = next.next() {
                    *offset = p.a.at(i, i1) as isize * 32;
                }
            }
        });
        (self.chip.spad(0, 1).cast(), p.a_sk as isize * 32)
    }

    fn multiply(&self, rows: Range<u64>, block: &Block<'_>) {
        let p = &self.product;
        let mut outs = [std::ptr::null_mut::<i32>(); BLOCK_ROWS];
        let mut next = outs.iter_mut();
        runs(rows, p.n0, |i1, i0| {
            for i in i0 {
                if let Some(out) = next.next() {
                    *out = self.chip.acc(p.d.at(i, i1)).cast();
                }
            }
        });
        let outs = &outs[..block.offsets.len()];
        let kernel = Kernel::of(self.simd, self.panels.form);
        for (half, panel) in self.panels.halves().enumerate() {
            let mut call = Call::new(&panel, p.kt as usize, block.tap_bytes);
            for (offsets, outs) in block.offsets.chunks(ROWS).zip(outs.chunks(ROWS)) {
                for (row, (offset, out)) in offsets.iter().zip(outs).enumerate() {
                    // SAFETY: offsets lie in the block; a row32 has two halves.
                    unsafe {
                        call.rows[row] = block.start.offset(*offset);
                        call.outs[row] = out.add(half * COLUMNS);
                    }
                    call.starts[row] = if p.keep { call.outs[row] } else { kernel::NOTHING.0.as_ptr() };
                }
                // SAFETY: the rows have all taps and groups, the panel too; the traps keep the outs apart.
                unsafe { kernel.run(&call, offsets.len()) };
            }
        }
        if p.n <= COLUMNS && !p.keep {
            for out in outs {
                // SAFETY: the second half of a row32.
                unsafe { out.add(COLUMNS).write_bytes(0, COLUMNS) };
            }
        }
    }
}

/// How many rows of a run's hull lie below its first row, and how many it has.
fn hull(p: &Product, i0: &Range<u64>) -> (i64, usize) {
    let reach = [(i0.end - i0.start - 1) as i64 * p.a.s0, (p.kt - 1) as i64 * p.a_sk];
    let below: i64 = reach.iter().map(|r| -r.min(&0)).sum();
    let above: i64 = reach.iter().map(|r| r.max(&0)).sum();
    (below, (below + above + 1) as usize)
}
