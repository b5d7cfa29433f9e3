//! From an admitted instruction to its kernel.

use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;

use isa::{Instr, Leaf, Load, Operand, Regs, Subtree, Wide, form};

use super::bytes::Clamp;
use super::digest::Crc;
use super::dram::View;
use super::known::Known;
use super::machine::{FastError, FastMachine};
use super::matmul::{Constants, Packed, Product, UNIT, matmul};
use super::origins::Copied;
use super::place::{Affine, Chip, start};
use super::simd::Simd;
use super::vector::Op;
use super::{bytes, rows, vector};

/// About what a row of most vector instructions costs.
const ROW_CYCLES: u64 = 16;
/// One whose lanes are looked up, or computed in 64 bits one by one.
const SLOW_ROW_CYCLES: u64 = 100;
/// What a row of 32 bytes costs to move.
const COPY_CYCLES: u64 = 8;

/// Which rows of an instruction, and what its operands come from.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) rows: Range<u64>,
    pub(super) n0: u64,
    pub(super) kt: u64,
    pub(super) n: usize,
    pub(super) regs: Regs,
}

impl Job {
    fn near(&self, o: &Operand) -> Affine {
        Affine::near(o, &self.regs)
    }

    /// Rows in a run of an operand: all of them where the outer loop goes on as the inner one does.
    fn run(&self, o: Affine) -> u64 {
        if o.s1 == o.s0 * self.n0 as i64 { self.rows.end.max(self.n0) } else { self.n0 }
    }

    /// The same instruction, other rows.
    fn part(&self, rows: Range<u64>) -> Job {
        Job { rows, ..*self }
    }
}

/// What an instruction has to do with DRAM.
#[derive(Clone, Copy)]
pub(super) enum Far {
    /// Nothing.
    None,
    /// Reads or writes a region given from row 0, zeros beyond.
    Rows(*const [Leaf]),
    /// Reads or writes pages.
    Pages(View),
}

/// An admitted instruction with all that its kernel needs: any thread may do it, or some of its rows.
///
/// What the machine knows of it, such as which rows are written, is already as if it were done.
pub(super) struct Work {
    pub(super) instr: Instr,
    pub(super) job: Job,
    pub(super) chip: Chip,
    pub(super) far: Far,
    packed: Option<Arc<Packed>>,
    pub(super) digest: Option<NonNull<Crc>>,
}

// SAFETY: the pointers are to memory of the machine that prepared it, which stays where it is and leaves alone what the
// instruction touches until it is done.
unsafe impl Send for Work {}
// SAFETY: as above; parts of an instruction touch no row that another writes.
unsafe impl Sync for Work {}

impl FastMachine {
    /// Does rows (i1·n0 + i0, all taps) of an admitted instruction.
    pub(super) fn execute(&mut self, instr: &Instr, known: &Known, rows: Range<u64>) -> Result<(), FastError> {
        let work = self.prepare(instr, known, rows.clone())?;
        self.pay();
        if let Some(work) = &work {
            self.work_cycles = self.work_cycles.saturating_add(work.row_cycles() * (rows.end - rows.start));
        }
        match (instr, work) {
            (Instr::Argmax(i), Some(work)) => self.argmax(i, &work.job),
            (_, Some(work)) => work.run(self.workers.simd, rows),
            _ => {}
        }
        Ok(())
    }

    /// Makes the copies that an instruction reads.
    fn pay(&mut self) {
        while let Some(copied) = self.copies.pop() {
            let work = self.copy(copied);
            work.run(self.workers.simd, work.job.rows.clone());
        }
    }

    /// Makes all copies that are owed.
    pub(super) fn pay_all(&mut self) {
        while let Some(copied) = self.spad.origins_mut().pay(0, i64::MAX - 1) {
            self.copies.push(copied);
            self.pay();
        }
    }

    /// A copy of constants.
    pub(super) fn copy(&mut self, Copied { row, from, count }: Copied) -> Work {
        let load = Load { d: Operand::new(row, 1, 0), m: Wide::new(from, 1, 0), ..Load::default() };
        let count = u64::from(count);
        let job = Job { rows: 0..count, n0: count, kt: 1, n: 1, regs: Regs::default() };
        let far = self.source(Subtree::Const as u8);
        Work { instr: load.into(), job, chip: self.chip(), far, packed: None, digest: None }
    }

    /// Makes ready to do rows of an admitted instruction, and notes what it writes, and in `self.copies` what is to be
    /// copied before. `None` if nothing is left to do.
    pub(super) fn prepare(
        &mut self,
        instr: &Instr,
        known: &Known,
        rows: Range<u64>,
    ) -> Result<Option<Work>, FastError> {
        let c = &known.counts;
        let job = Job { rows, n0: c.n0.into(), kt: c.kt.into(), n: c.n as usize, regs: self.regs };
        let packed = match instr {
            Instr::Matmul(_) => {
                let constants =
                    Constants { origins: self.spad.origins(), rows: &self.image.constant, packed: &self.image.packed };
                let (simd, last) = (self.workers.simd, self.known.kept(known));
                product(instr, &job).and_then(|product| constants.panels(simd, &product, last))
            }
            _ => None,
        };
        let touches = if packed.is_some() { known.touches.without_weights() } else { known.touches };
        for (low, high) in touches.reads_of_spad(instr) {
            while let Some(copied) = self.spad.origins_mut().pay(low, high) {
                self.copies.push(copied);
            }
        }
        let far = match instr {
            Instr::Load(i) => self.source(i.region),
            Instr::Gather(i) => self.source(i.region),
            Instr::Store(i) => self.target(i, &job)?,
            _ => Far::None,
        };
        match instr {
            Instr::Load(i) if !i.space && region(i.region) == Subtree::Const => {
                if self.mark_constants(i, &job) {
                    return Ok(None);
                }
            }
            _ => match written(instr, &job) {
                Some((d, false)) => self.mark_spad(&job, d),
                Some((d, true)) => self.mark_acc(&job, d),
                None => {}
            },
        }
        let digest = if matches!(instr, Instr::Store(_)) { self.digest.as_mut().map(NonNull::from) } else { None };
        Ok(Some(Work { instr: *instr, job, chip: self.chip(), far, packed, digest }))
    }

    /// On-chip memory for a kernel; who writes there marks it.
    pub(super) fn chip(&mut self) -> Chip {
        let (spad_rows, acc_rows) = (self.spad.len(), self.acc.len());
        // SAFETY: kernels end before the machine is used otherwise; the OVERLAP traps keep the rows of an instruction's
        // parts apart.
        unsafe { Chip::new((self.spad.start(), spad_rows), (self.acc.start(), acc_rows)) }
    }

    /// Notes copies of constants, and whether they are owed.
    fn mark_constants(&mut self, i: &Load, job: &Job) -> bool {
        let (d, m) = (job.near(&i.d), Affine::wide(&i.m, &job.regs));
        let n1 = job.rows.end.div_ceil(job.n0);
        let last = m.at(job.n0, 0).max(m.at(job.n0, n1));
        let owed = d.s0 == 1 && m.s0 == 1 && last < i64::from(u32::MAX);
        super::place::runs(job.rows.clone(), job.n0, |i1, i0| {
            let (first, count) = (d.at(i0.start, i1), i0.end - i0.start);
            self.spad.mark_copies(first, d.s0, count, m.at(i0.start, i1), m.s0);
            if owed {
                self.spad.origins_mut().owe(first, count);
            }
        });
        owed
    }

    fn mark_spad(&mut self, job: &Job, d: Affine) {
        super::place::runs(job.rows.clone(), job.run(d), |i1, i0| {
            self.spad.mark(d.at(i0.start, i1), d.s0, i0.end - i0.start);
        });
    }

    fn mark_acc(&mut self, job: &Job, d: Affine) {
        super::place::runs(job.rows.clone(), job.run(d), |i1, i0| {
            self.acc.mark(d.at(i0.start, i1), d.s0, i0.end - i0.start);
        });
    }
}

impl Work {
    /// Does some of the rows.
    pub(super) fn run(&self, simd: Simd, rows: Range<u64>) {
        let job = &self.job.part(rows);
        match &self.instr {
            Instr::Load(i) => rows::load(self, simd, i, job),
            Instr::Store(i) => rows::store(self, simd, i, job),
            Instr::Gather(i) => rows::gather(self, i, job),
            Instr::Move(i) => rows::shift(self.chip, i, job),
            Instr::Fill(i) => rows::fill(self.chip, i, job),
            Instr::Matmul(_) => {
                if let Some(product) = product(&self.instr, job) {
                    matmul(simd, self.packed.as_deref(), self.chip, job.rows.clone(), &product);
                }
            }
            _ => self.lanes(simd, job),
        }
    }

    /// About how many cycles a row takes.
    pub(super) fn row_cycles(&self) -> u64 {
        let kt = self.job.kt;
        match &self.instr {
            Instr::Load(_) | Instr::Store(_) | Instr::Fill(_) => COPY_CYCLES,
            // About a cycle and a quarter for 32 products.
            Instr::Matmul(i) => kt * (u64::from(i.k) * 5 / 4 + 4) + 8,
            Instr::Dwmac(_) => ROW_CYCLES + 10 * kt,
            Instr::Maxq(_) => ROW_CYCLES + 4 * kt,
            Instr::Requant(_) | Instr::Addq(_) | Instr::Move(_) | Instr::Gather(_) => 2 * ROW_CYCLES,
            Instr::Lut(_) | Instr::Trans(_) | Instr::Lut32(_) | Instr::Vmulr(_) | Instr::Vshr(_) => SLOW_ROW_CYCLES,
            _ => ROW_CYCLES,
        }
    }

    /// Rows that a part has a multiple of.
    pub(super) fn unit(&self) -> u64 {
        if matches!(self.instr, Instr::Matmul(_)) { UNIT } else { 1 }
    }

    /// Whether the weights are not read from spad.
    pub(super) fn is_packed(&self) -> bool {
        self.packed.is_some()
    }

    /// Whether rows may be done in any order, and several at a time.
    pub(super) fn divides(&self) -> bool {
        match &self.instr {
            Instr::Load(i) => rows::distinct(self.job.near(&i.d), &self.job),
            Instr::Move(i) => rows::distinct(self.job.near(&i.d), &self.job),
            Instr::Store(_) | Instr::Gather(_) | Instr::Fill(_) | Instr::Argmax(_) => false,
            _ => true,
        }
    }

    /// The groups that go lane by lane.
    fn lanes(&self, simd: Simd, job: &Job) {
        let (chip, rows, n0, n, kt) = (self.chip, job.rows.clone(), job.n0, job.n, job.kt);
        let near = |o: &Operand| job.near(o);
        let unary = |d: &Operand, a: &Operand| [near(d), near(a)];
        let binary = |d: &Operand, a: &Operand, b: &Operand| [near(d), near(a), near(b)];
        match &self.instr {
            Instr::Dwmac(i) => {
                let (w, strides) = (start(i.w_base, i.w_reg, &job.regs), [i.a_sk.into(), i.w_sk.into()]);
                bytes::depthwise(simd, chip, rows, n0, unary(&i.d, &i.a), w, kt, strides, i.acc, n);
            }
            Instr::Maxq(i) => bytes::largest(simd, chip, rows, n0, unary(&i.d, &i.a), kt, i.a_sk.into(), i.acc),
            Instr::Requant(i) => {
                let clamp = Clamp { zp: i.zp, lo: i.lo, hi: i.hi };
                bytes::requant(simd, chip, rows, n0, binary(&i.d, &i.a, &i.b), clamp, n);
            }
            Instr::Addq(i) => {
                let parameters = start(i.p_base, i.p_reg, &job.regs);
                bytes::add(simd, chip, rows, n0, binary(&i.d, &i.a, &i.b), parameters, n);
            }
            Instr::Lut(i) => bytes::look_up(simd, chip, rows, n0, binary(&i.d, &i.a, &i.b), n),
            Instr::Trans(i) => bytes::transpose(simd, chip, rows, n0, unary(&i.d, &i.a), n),
            Instr::Vclz(i) => vector::leading_zeros(simd, chip, rows, n0, unary(&i.d, &i.a), n),
            Instr::Vsum(i) => vector::sum(simd, chip, rows, n0, unary(&i.d, &i.a), n),
            Instr::Vrmax(i) => vector::largest(simd, chip, rows, n0, unary(&i.d, &i.a), n),
            Instr::Lut32(i) => vector::look_up(simd, chip, rows, n0, binary(&i.d, &i.a, &i.b), n),
            instr => {
                let Some((op, operands, form)) = second(instr, &job.regs) else { return };
                vector::binary(simd, chip, rows, n0, operands, form, op, n);
            }
        }
    }
}

/// A `MATMUL` after register substitution.
fn product(instr: &Instr, job: &Job) -> Option<Product> {
    let Instr::Matmul(i) = instr else { return None };
    Some(Product {
        n0: job.n0,
        d: job.near(&i.d),
        a: job.near(&i.a),
        a_sk: i.a_sk.into(),
        w: start(i.w_base, i.w_reg, &job.regs),
        w_sk: i.w_sk.into(),
        kt: job.kt,
        n: job.n,
        k: i.k.into(),
        keep: i.acc,
        transposed: i.tr,
    })
}

/// What an instruction writes on chip; whether in acc.
fn written(instr: &Instr, job: &Job) -> Option<(Affine, bool)> {
    Some(match instr {
        Instr::Store(_) | Instr::Argmax(_) => return None,
        Instr::Load(i) => (job.near(&i.d), i.space),
        Instr::Fill(i) => (job.near(&i.d), i.space),
        Instr::Gather(i) => (job.near(&i.d), false),
        Instr::Move(i) => (job.near(&i.d), false),
        Instr::Requant(i) => (job.near(&i.d), false),
        Instr::Addq(i) => (job.near(&i.d), false),
        Instr::Maxq(i) => (job.near(&i.d), false),
        Instr::Lut(i) => (job.near(&i.d), false),
        Instr::Trans(i) => (job.near(&i.d), false),
        Instr::Matmul(i) => (job.near(&i.d), true),
        Instr::Dwmac(i) => (job.near(&i.d), true),
        Instr::Vclz(i) => (job.near(&i.d), true),
        Instr::Vsum(i) => (job.near(&i.d), true),
        Instr::Vrmax(i) => (job.near(&i.d), true),
        Instr::Lut32(i) => (job.near(&i.d), true),
        _ => (second(instr, &job.regs)?.1[0], true),
    })
}

/// The instructions of the int32 group with a second operand of any form.
fn second(instr: &Instr, regs: &Regs) -> Option<(Op, [Affine; 3], u8)> {
    macro_rules! of {
        ($i:ident, $op:expr) => {{
            let [d, a, b] = [&$i.d, &$i.a, &$i.b].map(|o| Affine::near(o, regs));
            ($op, [d, a, b], $i.form)
        }};
    }
    Some(match instr {
        Instr::Vadd(i) => of!(i, Op::Add),
        Instr::Vsub(i) => of!(i, Op::Sub),
        Instr::Vmul(i) => of!(i, Op::Mul),
        Instr::Vmulr(i) => of!(i, Op::MulRound(i.shift.into())),
        Instr::Vmin(i) => of!(i, Op::Min),
        Instr::Vmax(i) => of!(i, Op::Max),
        Instr::Vshr(i) => of!(i, Op::Shift(i.shift.into())),
        Instr::Vsel(i) => of!(i, Op::Select),
        _ => return None,
    })
}

/// The sub-tree of a region that has been admitted.
pub(super) fn region(code: u8) -> Subtree {
    Subtree::from_code(code).unwrap_or(Subtree::Work)
}

const _: () = assert!(form::ADDRESS == 3, "every other form is a place");
