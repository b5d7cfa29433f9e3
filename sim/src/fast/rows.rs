//! Rows between memories, and the choice of one.

use isa::{Argmax, Fill, Gather, Leaf, Load, Move, ROW32_LEAVES, Store, Subtree, ZERO};

use super::dram::Dram;
use super::exec::{Job, region};
use super::machine::{FastError, FastMachine};
use super::observe::{leaf_of, read_rows};
use super::place::{Affine, Chip, runs, start, walk};
use super::simd::Simd;
use super::space::Row;
use super::words;
use super::workers::Workers;

/// Row32s that are turned into leaves, or out of leaves, at a time.
const BATCH: usize = 16;
/// What a row of 32 bytes costs to move.
const COPY_CYCLES: u64 = 8;

/// A region to read.
#[derive(Clone, Copy)]
enum Source<'a> {
    Rows(&'a [Leaf]),
    Dram(&'a Dram),
}

impl Source<'_> {
    fn read(&self, row: i64, out: &mut [Leaf]) {
        match self {
            Source::Rows(rows) => read_rows(rows, row as u64, out),
            Source::Dram(dram) => dram.read(row as u64, out),
        }
    }
}

impl FastMachine {
    fn source(&self, code: u8) -> Source<'_> {
        match region(code) {
            Subtree::Const => Source::Rows(&self.image.constant),
            Subtree::Input => Source::Rows(&self.input),
            Subtree::Output => Source::Dram(&self.output),
            _ => Source::Dram(&self.work),
        }
    }

    pub(super) fn load(&mut self, i: &Load, job: &Job) {
        let (d, m) = (Affine::near(&i.d, &job.regs), Affine::wide(&i.m, &job.regs));
        let (chip, source) = (self.chip(), self.source(i.region));
        if i.space {
            load_row32s(self.workers.simd, chip, source, job, d, m);
            self.mark_acc(job, d);
        } else {
            load_rows(&self.workers, chip, source, job, d, m);
            if region(i.region) == Subtree::Const {
                runs(job.rows.clone(), job.n0, |i1, i0| {
                    let count = i0.end - i0.start;
                    self.spad.mark_copies(d.at(i0.start, i1), d.s0, count, m.at(i0.start, i1), m.s0);
                });
            } else {
                self.mark_spad(job, d);
            }
        }
    }

    pub(super) fn store(&mut self, i: &Store, job: &Job) -> Result<(), FastError> {
        let (d, m) = (Affine::near(&i.d, &job.regs), Affine::wide(&i.m, &job.regs));
        let (chip, simd) = (self.chip(), self.workers.simd);
        let to = if region(i.region) == Subtree::Output { &mut self.output } else { &mut self.work };
        let mut result = Ok(());
        let digest = &mut self.digest;
        let mut put = |row: i64, leaves: &[Leaf]| {
            if result.is_ok() {
                result = to.write(row as u64, leaves, digest.as_mut());
            }
        };
        if i.space {
            let (mut leaves, mut lanes) = ([ZERO; BATCH * ROW32_LEAVES], [[0; 32]; BATCH]);
            batches(job, m, |i1, first, count| {
                for (lanes, at) in lanes[..count].iter_mut().zip(first..) {
                    *lanes = chip.read32(d.at(at, i1));
                }
                let leaves = &mut leaves[..count * ROW32_LEAVES];
                words::from_lanes(simd, &lanes[..count], leaves);
                put(m.at(first, i1), leaves);
            });
        } else {
            runs(job.rows.clone(), job.n0, |i1, i0| {
                let count = (i0.end - i0.start) as usize;
                if d.s0 == 1 && m.s0 == 1 {
                    let rows: *const Row = chip.spad(d.at(i0.start, i1), count);
                    // SAFETY: `spad` answers for `count` rows; nothing writes spad meanwhile.
                    let leaves = unsafe { std::slice::from_raw_parts(rows.cast::<Leaf>(), count) };
                    return put(m.at(i0.start, i1), leaves);
                }
                for at in i0 {
                    put(m.at(at, i1), &[leaf_of(&chip.read8(d.at(at, i1)))]);
                }
            });
        }
        result
    }

    pub(super) fn gather(&mut self, i: &Gather, job: &Job) {
        let (d, m) = (Affine::near(&i.d, &job.regs), Affine::wide(&i.m, &job.regs));
        let last = start(i.limit, i.limit_reg, &job.regs).max(1) as u64 - 1;
        let chip = self.chip();
        let source = self.source(i.region);
        runs(job.rows.clone(), job.n0, |i1, i0| {
            for at in i0 {
                let indices = leaf_of(&chip.read8(i64::from(i.index) + (at / 8) as i64));
                let word = indices.as_chunks::<4>().0[(at % 8) as usize];
                let entry = u64::from(u32::from_be_bytes(word)).min(last);
                let mut leaf = [ZERO];
                source.read(m.at(entry, i1), &mut leaf);
                chip.write8(d.at(at, i1), leaf[0].map(u8::cast_signed));
            }
        });
        self.mark_spad(job, d);
    }

    pub(super) fn shift(&mut self, i: &Move, job: &Job) {
        let (d, m) = (Affine::near(&i.d, &job.regs), Affine::wide(&i.m, &job.regs));
        let (offset, n) = (usize::from(i.offset), job.n);
        let chip = self.chip();
        for [d, m] in walk(job.rows.clone(), job.n0, [d, m]) {
            let (row, from) = (m >> 5, (m & 31) as usize);
            let mut pair = [0; 64];
            pair[..32].copy_from_slice(&chip.read8(row));
            if from + n > 32 {
                pair[32..].copy_from_slice(&chip.read8(row + 1));
            }
            let mut out = chip.read8(d);
            out[offset..offset + n].copy_from_slice(&pair[from..from + n]);
            chip.write8(d, out);
        }
        self.mark_spad(job, d);
    }

    pub(super) fn fill(&mut self, i: &Fill, job: &Job) {
        let d = Affine::near(&i.d, &job.regs);
        let chip = self.chip();
        if i.space {
            walk(job.rows.clone(), job.n0, [d]).for_each(|[d]| chip.write32(d, [i.imm.cast_signed(); 32]));
            self.mark_acc(job, d);
        } else {
            walk(job.rows.clone(), job.n0, [d]).for_each(|[d]| chip.write8(d, [i.imm as i8; 32]));
            self.mark_spad(job, d);
        }
    }

    pub(super) fn argmax(&mut self, i: &Argmax, job: &Job) {
        let a = Affine::near(&i.a, &job.regs);
        let base = start(i.i_base, i.i_reg, &job.regs) as u64;
        let chip = self.chip();
        let [mut index, mut value] = [i.rd, i.rv].map(|reg| self.regs.x[usize::from(reg)]);
        for (row, [a]) in job.rows.clone().zip(walk(job.rows.clone(), job.n0, [a])) {
            let lanes = chip.read32(a);
            let (mut lane, mut best) = (0, lanes[0]);
            for (at, &x) in lanes.iter().enumerate().take(job.n) {
                if x > best {
                    (lane, best) = (at, x);
                }
            }
            if (row == 0 && !i.acc) || best > value.cast_signed() {
                value = best.cast_unsigned();
                index = base.wrapping_add(row.wrapping_mul(32)).wrapping_add(lane as u64) as u32;
            }
        }
        self.regs.x[usize::from(i.rd)] = index;
        self.regs.x[usize::from(i.rv)] = value;
    }
}

fn load_rows(workers: &Workers, chip: Chip, source: Source<'_>, job: &Job, d: Affine, m: Affine) {
    let copy = |rows: std::ops::Range<u64>| {
        runs(rows, job.n0, |i1, i0| {
            let count = (i0.end - i0.start) as usize;
            if d.s0 == 1 && m.s0 == 1 {
                let to: *mut Row = chip.spad(d.at(i0.start, i1), count);
                // SAFETY: `spad` answers for `count` rows; nothing else touches them meanwhile.
                let to = unsafe { std::slice::from_raw_parts_mut(to.cast::<Leaf>(), count) };
                return source.read(m.at(i0.start, i1), to);
            }
            for at in i0 {
                let mut leaf = [ZERO];
                source.read(m.at(at, i1), &mut leaf);
                chip.write8(d.at(at, i1), leaf[0].map(u8::cast_signed));
            }
        });
    };
    // Rows that are written twice must be written in order.
    if distinct(d, job) { workers.split(job.rows.clone(), COPY_CYCLES, &copy) } else { copy(job.rows.clone()) }
}

fn load_row32s(simd: Simd, chip: Chip, source: Source<'_>, job: &Job, d: Affine, m: Affine) {
    let (mut leaves, mut lanes) = ([ZERO; BATCH * ROW32_LEAVES], [[0; 32]; BATCH]);
    batches(job, m, |i1, first, count| {
        let leaves = &mut leaves[..count * ROW32_LEAVES];
        source.read(m.at(first, i1), leaves);
        words::to_lanes(simd, leaves, &mut lanes[..count]);
        for (lanes, at) in lanes[..count].iter().zip(first..) {
            chip.write32(d.at(at, i1), *lanes);
        }
    });
}

/// Calls `f` with i1, the first i0 and the count of row32s that lie one after another in DRAM, a few at a time.
fn batches(job: &Job, m: Affine, mut f: impl FnMut(u64, u64, usize)) {
    let batch = if m.s0 == ROW32_LEAVES as i64 { BATCH } else { 1 };
    runs(job.rows.clone(), job.n0, |i1, i0| {
        for first in i0.clone().step_by(batch) {
            f(i1, first, batch.min((i0.end - first) as usize));
        }
    });
}

/// Whether no row is named twice; as OVERLAP decides it for other instructions.
fn distinct(d: Affine, job: &Job) -> bool {
    let (n0, n1) = (job.n0 as i64, job.rows.end.div_ceil(job.n0) as i64);
    let (s0, s1) = (d.s0.abs(), d.s1.abs());
    (n0 == 1 || s0 != 0) && (n1 == 1 || s1 != 0) && (n0 == 1 || n1 == 1 || s1 >= s0 * n0 || s0 >= s1 * n1)
}
