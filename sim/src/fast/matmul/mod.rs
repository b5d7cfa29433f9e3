//! `MATMUL`: weights packed once an instruction, rows widened once a block, sums in registers over all tiles.
//!
//! A *panel* is 16 columns of weights over a strip of tiles, in groups of 16 bytes of a row; a kernel multiplies some
//! rows by a panel, or by two side by side. There are two forms: [`Form::Pairs`] multiplies 16-bit pairs, and
//! [`Form::Bytes`] four bytes at a time, the row as x + 128 with what that adds taken off again ahead. Both are exact: no
//! sum saturates.

mod constants;
mod kernel;
#[cfg(target_arch = "aarch64")]
mod neon;
mod order;
mod pack;
mod portable;
mod sorted;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::ops::Range;

pub(super) use constants::{Constants, Kept, PackedWeights};
use kernel::{Call, Kernel, NOTHING};
use order::Order;
pub(super) use pack::Packed;
use pack::{Form, Panel, Panels, Taps};

use super::place::{Affine, Chip, runs};
use super::simd::Simd;
use super::workers::with_scratch;

/// Rows that parts of a product have multiples of: about what kernels multiply at once.
pub(super) const UNIT: u64 = 6;
/// Columns of a panel.
const COLUMNS: usize = 16;
/// Tiles of a strip: its panels stay in the second cache.
const STRIP: u64 = 64;
/// Most rows of a block, and about the bytes that it takes widened.
const BLOCK_ROWS: usize = 48;
const BLOCK_BYTES: usize = 96 << 10;

/// What is used again from instruction to instruction.
#[derive(Default)]
pub(super) struct Scratch {
    wide: Memory,
    weights: Memory,
    steps: Steps,
    block: Block,
}

/// Memory of any size.
#[derive(Debug, Default)]
struct Memory {
    lines: Vec<Line>,
}

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([u8; 64]);

impl Memory {
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

    fn as_bytes(&self) -> &[u8] {
        // SAFETY: lines are bytes, and these are ours.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.lines.len() * 64) }
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

/// Multiplies the rows `rows` (i1·n0 + i0, all taps), by panels that stay or by some of its own.
pub(super) fn matmul(simd: Simd, kept: Option<&Packed>, chip: Chip, rows: Range<u64>, product: &Product) {
    with_scratch(|scratch| with_memory(simd, kept, chip, rows, product, scratch));
}

fn with_memory(
    simd: Simd,
    kept: Option<&Packed>,
    chip: Chip,
    rows: Range<u64>,
    product: &Product,
    scratch: &mut Scratch,
) {
    if let Some(kept) = kept {
        return Task { simd, chip, panels: kept.panels(), product: *product }.run(scratch, rows);
    }
    let mut memory = std::mem::take(&mut scratch.weights);
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
        let form = Form::of(simd, pack::tiles(chip, &strip), &strip);
        let panels = Panels::pack(simd, form, &mut memory, pack::tiles(chip, &strip), &strip);
        Task { simd, chip, panels, product: strip }.run(scratch, rows.clone());
        tap += taps;
    }
    scratch.weights = memory;
}

struct Task<'a> {
    simd: Simd,
    chip: Chip,
    panels: Panels<'a>,
    product: Product,
}

/// A block of rows as kernels read and write them.
struct Block {
    /// Of each row, its first tap.
    rows: [*const u8; BLOCK_ROWS],
    /// Of each row, its sums, and zeros for sums to begin with.
    outs: [*mut i32; BLOCK_ROWS],
    starts: [*const i32; BLOCK_ROWS],
    len: usize,
}

impl Default for Block {
    fn default() -> Block {
        Block {
            rows: [std::ptr::null(); BLOCK_ROWS],
            outs: [std::ptr::null_mut(); BLOCK_ROWS],
            starts: [NOTHING.as_ptr().cast(); BLOCK_ROWS],
            len: 0,
        }
    }
}

impl Task<'_> {
    fn run(&self, Scratch { wide, steps, block, .. }: &mut Scratch, rows: Range<u64>) {
        let row_bytes = self.product.kt as usize * self.panels.form().row_bytes();
        let most = (BLOCK_BYTES / row_bytes).clamp(UNIT as usize, BLOCK_ROWS) as u64;
        // Blocks of about the same size, as few as may be.
        let count = rows.end - rows.start;
        let most = count.div_ceil(count.div_ceil(most).max(1));
        let mut at = rows.start;
        while at < rows.end {
            let part = at..rows.end.min(at + most);
            block.len = (part.end - part.start) as usize;
            self.find_outs(part.clone(), &mut block.outs);
            for (at, panel) in self.panels.each(Kernel::panels(self.simd, self.panels.form())).enumerate() {
                if at == 0 || panel.orders.is_some() {
                    let tap_bytes = self.widen(wide, part.clone(), panel.orders, &mut block.rows);
                    if panel.places.is_none() {
                        steps.set(self.product.kt as usize, tap_bytes, self.panels.tap_len());
                    }
                }
                self.multiply(&panel, panel.places.unwrap_or(&steps.places), block);
            }
            if self.product.n <= COLUMNS && !self.product.keep {
                for out in &block.outs[..block.len] {
                    // SAFETY: the second half of a row32.
                    unsafe { out.write_bytes(0, COLUMNS) };
                }
            }
            at = part.end;
        }
    }

    /// Brings the rows of a block into the form of the kernels: whole runs of neighbouring rows where taps share them,
    /// else, and if each tap has an order, tap by tap. Says where they are, and answers the bytes from tap to tap.
    fn widen(
        &self,
        scratch: &mut Memory,
        rows: Range<u64>,
        orders: Option<&[Order]>,
        to: &mut [*const u8; BLOCK_ROWS],
    ) -> isize {
        let (p, form) = (&self.product, self.panels.form());
        if form == Form::Plain {
            return self.in_place(rows, to);
        }
        let (mut together, mut apart) = (0, 0);
        runs(rows.clone(), p.n0, |_, i0| {
            together += hull(p, &i0).1;
            apart += (i0.end - i0.start) as usize * p.kt as usize;
        });
        let share = orders.is_none() && together <= apart;
        let bytes = form.row_bytes();
        let mut buffer = &mut scratch.bytes(if share { together } else { apart } * bytes)[..];
        let mut next = to.iter_mut();
        runs(rows, p.n0, |i1, i0| {
            let count = (i0.end - i0.start) as usize;
            let first = p.a.at(i0.start, i1);
            let (below, hull) = hull(p, &i0);
            let lowest = self.chip.spad(first - below, hull).cast_const();
            let (from, place, step) = if share {
                (Taps { first: lowest, rows: 1, row_step: 0, taps: hull, tap_step: 1 }, below, p.a.s0)
            } else {
                let first = lowest.wrapping_offset(below as isize);
                let (row_step, tap_step) = (p.a.s0 as isize, p.a_sk as isize);
                (Taps { first, rows: count, row_step, taps: p.kt as usize, tap_step }, 0, p.kt as i64)
            };
            let (here, rest) = std::mem::take(&mut buffer).split_at_mut(from.rows * from.taps * bytes);
            buffer = rest;
            let mut row = here.as_ptr().wrapping_offset(place as isize * bytes as isize);
            match orders {
                Some(orders) => order::sort(self.simd, from, orders, here),
                None => pack::widen(self.simd, form, from, here),
            }
            for to in next.by_ref().take(count) {
                *to = row;
                row = row.wrapping_offset(step as isize * bytes as isize);
            }
        });
        bytes as isize * if share { p.a_sk as isize } else { 1 }
    }

    /// The rows where they are, for kernels that read bytes as they are.
    fn in_place(&self, rows: Range<u64>, to: &mut [*const u8; BLOCK_ROWS]) -> isize {
        let p = &self.product;
        let mut next = to.iter_mut();
        runs(rows, p.n0, |i1, i0| {
            let first = self.chip.spad(p.a.at(i0.start, i1), 1).cast_const().cast::<u8>();
            for (i, to) in (0..(i0.end - i0.start) as isize).zip(&mut next) {
                *to = first.wrapping_offset(i * p.a.s0 as isize * 32);
            }
        });
        p.a_sk as isize * 32
    }

    /// Says where the sums of the rows of a block are.
    fn find_outs(&self, rows: Range<u64>, outs: &mut [*mut i32; BLOCK_ROWS]) {
        let p = &self.product;
        let mut next = outs.iter_mut();
        runs(rows, p.n0, |i1, i0| {
            // Both ends are in acc, and so is what lies between.
            let [first, _] = [i0.start, i0.end - 1].map(|i| self.chip.acc(p.d.at(i, i1)));
            for (i, to) in (0..(i0.end - i0.start) as isize).zip(&mut next) {
                *to = first.wrapping_offset(i * p.d.s0 as isize).cast();
            }
        });
    }

    /// Multiplies a block by a panel, and goes on to the next 16 columns of it.
    fn multiply(&self, panel: &Panel<'_>, places: &[i32], block: &mut Block) {
        let starts = if self.product.keep { block.outs.as_ptr().cast() } else { block.starts.as_ptr() };
        let mut call = Call {
            rows: block.rows.as_ptr(),
            starts,
            outs: block.outs.as_ptr(),
            weights: panel.weights.as_ptr(),
            beside: panel.weights.len() / panel.bias.len(),
            bias: panel.bias.as_ptr().cast(),
            places: places.as_ptr(),
            steps: places.len(),
        };
        // SAFETY: the rows have all places, the panel weights for each; the traps keep the outs apart.
        unsafe { Kernel::of(self.simd, self.panels.form(), panel.bias.len()).run(&mut call, block.len) };
        block.outs[..block.len].iter_mut().for_each(|out| *out = out.wrapping_add(COLUMNS * panel.bias.len()));
    }
}

/// The places of steps one after another, tap by tap.
#[derive(Default)]
struct Steps {
    places: Vec<i32>,
    /// Taps, the bytes from one to the next, and of how many of them there are steps.
    of: (usize, isize, usize),
}

impl Steps {
    fn set(&mut self, taps: usize, tap_bytes: isize, tap_len: usize) {
        if self.of == (taps, tap_bytes, tap_len) {
            return;
        }
        self.of = (taps, tap_bytes, tap_len);
        self.places.clear();
        for tap in 0..taps as isize {
            let first = (tap * tap_bytes) as i32;
            self.places.extend((0..tap_len as i32).step_by(4).map(|at| first + at));
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

#[cfg(test)]
mod tests {
    use isa::random::Rng;

    use super::sorted::Sorted;
    use super::*;
    use crate::fast::space::{Lanes, Row, Space};

    const SPAD: i64 = 1 << 10;

    fn expected(p: &Product, spad: &[Row], i0: u64, i1: u64, old: Lanes) -> Lanes {
        let mut sums = if p.keep { old } else { [0; 32] };
        for tap in 0..p.kt as i64 {
            let x = spad[(p.a.at(i0, i1) + tap * p.a_sk) as usize];
            let tile = &spad[(p.w + tap * p.w_sk) as usize..][..32];
            for (j, sum) in sums.iter_mut().enumerate().take(p.n) {
                for i in 0..p.k {
                    let weight = if p.transposed { tile[j][i] } else { tile[i][j] };
                    *sum = sum.wrapping_add(i32::from(x[i]) * i32::from(weight));
                }
            }
        }
        sums
    }

    fn random(rng: &mut Rng) -> Product {
        let (n0, kt) = (1 + rng.below(20), 1 + rng.below(9));
        Product {
            n0,
            d: Affine { start: 0, s0: 1, s1: n0 as i64 },
            a: Affine { start: 400 + rng.below(50) as i64, s0: rng.below(9) as i64 - 4, s1: rng.below(40) as i64 },
            a_sk: rng.below(9) as i64 - 4,
            w: 32 * (rng.below(2) as i64),
            w_sk: 32,
            kt,
            n: 1 + rng.below(32) as usize,
            k: 1 + rng.below(32) as usize,
            keep: rng.one_in(2),
            transposed: rng.one_in(3),
        }
    }

    /// A byte, or one at which sums of 16 bits saturate: at either end, or, of weights, just beyond what two may be.
    fn extreme(kind: u64, row: usize, byte: i8) -> i8 {
        match kind {
            1 => [i8::MIN, i8::MAX, -127, byte][byte as usize % 4],
            2 if row < 320 => [-65, -64, 64, 65][byte as usize % 4],
            2 => i8::MAX,
            _ => byte,
        }
    }

    /// Every form, and none for sorted ones, by the portable kernels, and each vector unit that is here by those forms that its kernels take.
    #[test]
    fn every_form_multiplies_any_bytes() {
        let of = |simd: Simd, forms: &[Form]| forms.iter().map(|&form| (simd, Some(form))).collect::<Vec<_>>();
        let ways = [
            of(Simd::Portable, &[Form::Pairs, Form::Bytes, Form::Plain]),
            of(Simd::Avx2, &[Form::Pairs]),
            of(Simd::AvxVnni, &[Form::Bytes]),
            of(Simd::Avx512Vnni, &[Form::Bytes]),
            of(Simd::NeonDot, &[Form::Plain]),
            // Sorted.
            vec![(Simd::Portable, None), (Simd::Avx2, None)],
        ];
        let ways: Vec<_> = ways.concat().into_iter().filter(|(simd, _)| simd.is_available()).collect();
        let mut rng = Rng::new(9);
        for round in 0..200 {
            let mut spad = Space::<Row>::new(SPAD.ilog2() as u8);
            let kind = rng.below(4);
            for row in 0..SPAD as usize {
                spad.set(row, rng.leaf().map(|byte| extreme(kind, row, byte.cast_signed())));
            }
            let product = random(&mut rng);
            let rows = 0..product.n0 * (1 + rng.below(6));
            let old: Lanes = std::array::from_fn(|_| rng.bits() as i32);
            for &(simd, form) in &ways {
                let mut acc = Space::<Lanes>::new(7);
                (0..acc.len()).for_each(|row| acc.set(row, old));
                // SAFETY: one thread, and both live on.
                let chip = unsafe { Chip::new((spad.start(), spad.len()), (acc.start(), acc.len())) };
                let tiles = pack::tiles(chip, &product);
                let packed = match form {
                    Some(form) => Packed::plain(simd, form, tiles, &product),
                    None => {
                        let sorted = Sorted::new(simd, tiles.clone(), &product, round % 2 == 0);
                        Packed::sorted(tiles, &product, sorted)
                    }
                };
                Task { simd, chip, panels: packed.panels(), product }.run(&mut Scratch::default(), rows.clone());
                for row in rows.clone() {
                    let want = expected(&product, spad.rows(), row % product.n0, row / product.n0, old);
                    assert_eq!(acc.rows()[row as usize], want, "round {round}, {simd} {form:?}, row {row}: {rows:?}");
                }
            }
        }
    }
}
