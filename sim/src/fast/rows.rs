//! Rows between memories, and the choice of one.

use isa::{Argmax, Fill, Gather, Leaf, Load, Move, ROW32_LEAVES, Store, Subtree, ZERO};

use super::exec::{Far, Job, Work, region};
use super::machine::{FastError, FastMachine};
use super::observe::{leaf_of, read_rows};
use super::place::{Affine, Chip, runs, start, walk};
use super::simd::Simd;
use super::space::Row;
use super::words;

/// Row32s that are turned into leaves, or out of leaves, at a time.
const BATCH: usize = 16;

/// The rows of a region, from `row` on.
fn read(far: Far, row: i64, out: &mut [Leaf]) {
    match far {
        // SAFETY: a `Work`'s pointers hold while it is done.
        Far::Rows(rows) => read_rows(unsafe { &*rows }, row as u64, out),
        Far::Pages(pages) => pages.read(row as u64, out),
        Far::None => {}
    }
}

pub(super) fn load(work: &Work, simd: Simd, i: &Load, job: &Job) {
    let (d, m) = (Affine::near(&i.d, &job.regs), Affine::wide(&i.m, &job.regs));
    if i.space { load_row32s(simd, work, job, d, m) } else { load_rows(work, job, d, m) }
}

fn load_rows(work: &Work, job: &Job, d: Affine, m: Affine) {
    let chip = work.chip;
    runs(job.rows.clone(), job.n0, |i1, i0| {
        let count = (i0.end - i0.start) as usize;
        if d.s0 == 1 && m.s0 == 1 {
            let to: *mut Row = chip.spad(d.at(i0.start, i1), count);
            // SAFETY: `spad` answers for `count` rows; nothing else touches them meanwhile.
            let to = unsafe { std::slice::from_raw_parts_mut(to.cast::<Leaf>(), count) };
            return read(work.far, m.at(i0.start, i1), to);
        }
        for at in i0 {
            let mut leaf = [ZERO];
            read(work.far, m.at(at, i1), &mut leaf);
            chip.write8(d.at(at, i1), leaf[0].map(u8::cast_signed));
        }
    });
}

fn load_row32s(simd: Simd, work: &Work, job: &Job, d: Affine, m: Affine) {
    let (mut leaves, mut lanes) = ([ZERO; BATCH * ROW32_LEAVES], [[0; 32]; BATCH]);
    batches(job, m, |i1, first, count| {
        let leaves = &mut leaves[..count * ROW32_LEAVES];
        read(work.far, m.at(first, i1), leaves);
        words::to_lanes(simd, leaves, &mut lanes[..count]);
        for (lanes, at) in lanes[..count].iter().zip(first..) {
            work.chip.write32(d.at(at, i1), *lanes);
        }
    });
}

pub(super) fn store(work: &Work, simd: Simd, i: &Store, job: &Job) {
    let (d, m) = (Affine::near(&i.d, &job.regs), Affine::wide(&i.m, &job.regs));
    let (chip, Far::Pages(pages)) = (work.chip, work.far) else { return };
    let put = |row: i64, leaves: &[Leaf]| {
        if let Some(mut digest) = work.digest {
            // SAFETY: a `Work`'s pointers hold while it is done, and stores are done one after another.
            unsafe { digest.as_mut() }.rows(region(i.region), row as u64, leaves);
        }
        pages.write(row as u64, leaves);
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
        return;
    }
    runs(job.rows.clone(), job.n0, |i1, i0| {
        let count = (i0.end - i0.start) as usize;
        if d.s0 == 1 && m.s0 == 1 {
            let rows: *const Row = chip.spad(d.at(i0.start, i1), count);
            // SAFETY: `spad` answers for `count` rows; nothing writes them meanwhile.
            let leaves = unsafe { std::slice::from_raw_parts(rows.cast::<Leaf>(), count) };
            return put(m.at(i0.start, i1), leaves);
        }
        for at in i0 {
            put(m.at(at, i1), &[leaf_of(&chip.read8(d.at(at, i1)))]);
        }
    });
}

pub(super) fn gather(work: &Work, i: &Gather, job: &Job) {
    let (d, m) = (Affine::near(&i.d, &job.regs), Affine::wide(&i.m, &job.regs));
    let last = start(i.limit, i.limit_reg, &job.regs).max(1) as u64 - 1;
    let chip = work.chip;
    runs(job.rows.clone(), job.n0, |i1, i0| {
        for at in i0 {
            let indices = leaf_of(&chip.read8(i64::from(i.index) + (at / 8) as i64));
            let word = indices.as_chunks::<4>().0[(at % 8) as usize];
            let entry = u64::from(u32::from_be_bytes(word)).min(last);
            let mut leaf = [ZERO];
            read(work.far, m.at(entry, i1), &mut leaf);
            chip.write8(d.at(at, i1), leaf[0].map(u8::cast_signed));
        }
    });
}

pub(super) fn shift(chip: Chip, i: &Move, job: &Job) {
    let (d, m) = (Affine::near(&i.d, &job.regs), Affine::wide(&i.m, &job.regs));
    let (offset, n) = (usize::from(i.offset), job.n);
    for [d, m] in walk(job.rows.clone(), job.n0, [d, m]) {
        let (row, from) = (m >> 5, (m & 31) as usize);
        let rows: *const i8 = chip.spad(row, (from + n).div_ceil(32)).cast_const().cast();
        let to: *mut i8 = chip.spad(d, 1).cast();
        if n == 32 {
            // SAFETY: a run of spad, and a row apart from it.
            unsafe { to.cast::<Row>().write_unaligned(rows.add(from).cast::<Row>().read_unaligned()) };
        } else {
            // SAFETY: as above; `offset` + n is within the row.
            unsafe { to.add(offset).copy_from_nonoverlapping(rows.add(from), n) };
        }
    }
}

pub(super) fn fill(chip: Chip, i: &Fill, job: &Job) {
    let d = Affine::near(&i.d, &job.regs);
    if i.space {
        walk(job.rows.clone(), job.n0, [d]).for_each(|[d]| chip.write32(d, [i.imm.cast_signed(); 32]));
    } else {
        walk(job.rows.clone(), job.n0, [d]).for_each(|[d]| chip.write8(d, [i.imm as i8; 32]));
    }
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
pub(super) fn distinct(d: Affine, job: &Job) -> bool {
    let (n0, n1) = (job.n0 as i64, job.rows.end.div_ceil(job.n0) as i64);
    let (s0, s1) = (d.s0.abs(), d.s1.abs());
    (n0 == 1 || s0 != 0) && (n1 == 1 || s1 != 0) && (n0 == 1 || n1 == 1 || s1 >= s0 * n0 || s0 >= s1 * n1)
}

impl FastMachine {
    /// A region to read.
    pub(super) fn source(&self, code: u8) -> Far {
        match region(code) {
            Subtree::Const => Far::Rows(&raw const *self.image.constant),
            Subtree::Input => Far::Rows(&raw const *self.input),
            Subtree::Output => Far::Pages(self.output.view()),
            _ => Far::Pages(self.work.view()),
        }
    }

    /// Pages for what a `STORE` writes, marked as written.
    pub(super) fn target(&mut self, i: &Store, job: &Job) -> Result<Far, FastError> {
        let to = if region(i.region) == Subtree::Output { &mut self.output } else { &mut self.work };
        stored(i, job, |row, count| to.prepare(row, count))?;
        Ok(Far::Pages(to.view()))
    }

    /// Whether the pages that a `STORE` writes are there, and this machine's alone.
    pub(super) fn has_target(&self, i: &Store, job: &Job) -> bool {
        let to = if region(i.region) == Subtree::Output { &self.output } else { &self.work };
        stored(i, job, |row, count| if to.is_ready(row, count) { Ok(()) } else { Err(()) }).is_ok()
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

/// Calls `f` with the runs of rows of DRAM that a `STORE` writes, until it fails.
fn stored<E>(i: &Store, job: &Job, mut f: impl FnMut(u64, usize) -> Result<(), E>) -> Result<(), E> {
    let (m, unit) = (Affine::wide(&i.m, &job.regs), if i.space { ROW32_LEAVES } else { 1 });
    let mut result = Ok(());
    runs(job.rows.clone(), job.n0, |i1, i0| {
        if m.s0 == unit as i64 && result.is_ok() {
            result = f(m.at(i0.start, i1) as u64, (i0.end - i0.start) as usize * unit);
            return;
        }
        for at in i0 {
            if result.is_ok() {
                result = f(m.at(at, i1) as u64, unit);
            }
        }
    });
    result
}
