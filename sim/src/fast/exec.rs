//! From an admitted instruction to its kernel.

use std::ops::Range;

use isa::{Instr, Operand, Regs, Subtree, form};

use super::bytes::Clamp;
use super::machine::{FastError, FastMachine};
use super::matmul::{Constants, Product, matmul};
use super::place::{Affine, Chip, start};
use super::vector::Op;
use super::{bytes, vector};

/// About what a row of most vector instructions costs.
const ROW_CYCLES: u64 = 16;
/// One whose lanes are looked up, or computed in 64 bits one by one.
const SLOW_ROW_CYCLES: u64 = 100;

/// An instruction on its way to a kernel.
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
}

impl FastMachine {
    /// Does rows (i1·n0 + i0, all taps) of an admitted instruction.
    pub(super) fn execute(&mut self, instr: &Instr, rows: Range<u64>) -> Result<(), FastError> {
        let c = isa::counts(instr, &self.regs);
        let job = Job { rows, n0: c.n0.into(), kt: c.kt.into(), n: c.n as usize, regs: self.regs };
        match instr {
            Instr::Load(i) => self.load(i, &job),
            Instr::Store(i) => return self.store(i, &job),
            Instr::Gather(i) => self.gather(i, &job),
            Instr::Move(i) => self.shift(i, &job),
            Instr::Fill(i) => self.fill(i, &job),
            Instr::Argmax(i) => self.argmax(i, &job),
            Instr::Matmul(i) => {
                let product = Product {
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
                };
                let chip = self.chip();
                let constants = Constants { origins: self.spad.origins(), packed: &self.image.packed };
                matmul(&self.workers, &mut self.panels.0, constants, chip, job.rows.clone(), &product);
                self.mark_acc(&job, product.d);
            }
            _ => self.execute_lanes(instr, &job),
        }
        Ok(())
    }

    /// The groups that go lane by lane.
    fn execute_lanes(&mut self, instr: &Instr, job: &Job) {
        let (simd, n0, n, kt) = (self.workers.simd, job.n0, job.n, job.kt);
        let near = |o: &Operand| job.near(o);
        let binary = |d: &Operand, a: &Operand, b: &Operand| [near(d), near(a), near(b)];
        match instr {
            Instr::Dwmac(i) => {
                let (w, strides) = (start(i.w_base, i.w_reg, &job.regs), [i.a_sk.into(), i.w_sk.into()]);
                self.on_acc(job, ROW_CYCLES + 10 * kt, [near(&i.d), near(&i.a)], |chip, rows, o| {
                    bytes::depthwise(simd, chip, rows, n0, o, w, kt, strides, i.acc, n);
                });
            }
            Instr::Maxq(i) => self.on_spad(job, ROW_CYCLES + 4 * kt, [near(&i.d), near(&i.a)], |chip, rows, o| {
                bytes::largest(simd, chip, rows, n0, o, kt, i.a_sk.into(), i.acc);
            }),
            Instr::Requant(i) => {
                let clamp = Clamp { zp: i.zp, lo: i.lo, hi: i.hi };
                self.on_spad(job, 2 * ROW_CYCLES, binary(&i.d, &i.a, &i.b), |chip, rows, o| {
                    bytes::requant(simd, chip, rows, n0, o, clamp, n);
                });
            }
            Instr::Addq(i) => {
                let parameters = start(i.p_base, i.p_reg, &job.regs);
                self.on_spad(job, 2 * ROW_CYCLES, binary(&i.d, &i.a, &i.b), |chip, rows, o| {
                    bytes::add(simd, chip, rows, n0, o, parameters, n);
                });
            }
            Instr::Lut(i) => self.on_spad(job, SLOW_ROW_CYCLES, binary(&i.d, &i.a, &i.b), |chip, rows, o| {
                bytes::look_up(simd, chip, rows, n0, o, n);
            }),
            Instr::Trans(i) => self.on_spad(job, SLOW_ROW_CYCLES, [near(&i.d), near(&i.a)], |chip, rows, o| {
                bytes::transpose(simd, chip, rows, n0, o, n);
            }),
            Instr::Vclz(i) => self.on_acc(job, ROW_CYCLES, [near(&i.d), near(&i.a)], |chip, rows, o| {
                vector::leading_zeros(simd, chip, rows, n0, o, n);
            }),
            Instr::Vsum(i) => self.on_acc(job, ROW_CYCLES, [near(&i.d), near(&i.a)], |chip, rows, o| {
                vector::sum(simd, chip, rows, n0, o, n);
            }),
            Instr::Vrmax(i) => self.on_acc(job, ROW_CYCLES, [near(&i.d), near(&i.a)], |chip, rows, o| {
                vector::largest(simd, chip, rows, n0, o, n);
            }),
            Instr::Lut32(i) => self.on_acc(job, SLOW_ROW_CYCLES, binary(&i.d, &i.a, &i.b), |chip, rows, o| {
                vector::look_up(simd, chip, rows, n0, o, n);
            }),
            _ => {
                let Some((op, operands, form)) = second(instr, &job.regs) else { return };
                let cycles = if matches!(op, Op::MulRound(_) | Op::Shift(_)) { SLOW_ROW_CYCLES } else { ROW_CYCLES };
                self.on_acc(job, cycles, operands, |chip, rows, o| {
                    vector::binary(simd, chip, rows, n0, o, form, op, n);
                });
            }
        }
    }

    /// On-chip memory for a kernel; who writes there marks it.
    pub(super) fn chip(&mut self) -> Chip {
        let (spad_rows, acc_rows) = (self.spad.len(), self.acc.len());
        // SAFETY: kernels end before the machine is used otherwise; the OVERLAP traps keep the rows of an instruction's
        // parts apart.
        unsafe { Chip::new((self.spad.start(), spad_rows), (self.acc.start(), acc_rows)) }
    }

    fn on_spad<const N: usize>(
        &mut self,
        job: &Job,
        cycles: u64,
        operands: [Affine; N],
        kernel: impl Fn(Chip, Range<u64>, [Affine; N]) + Sync,
    ) {
        let chip = self.chip();
        self.workers.split(job.rows.clone(), cycles, &|rows| kernel(chip, rows, operands));
        self.mark_spad(job, operands[0]);
    }

    fn on_acc<const N: usize>(
        &mut self,
        job: &Job,
        cycles: u64,
        operands: [Affine; N],
        kernel: impl Fn(Chip, Range<u64>, [Affine; N]) + Sync,
    ) {
        let chip = self.chip();
        self.workers.split(job.rows.clone(), cycles, &|rows| kernel(chip, rows, operands));
        self.mark_acc(job, operands[0]);
    }

    pub(super) fn mark_spad(&mut self, job: &Job, d: Affine) {
        super::place::runs(job.rows.clone(), job.n0, |i1, i0| {
            self.spad.mark(d.at(i0.start, i1), d.s0, i0.end - i0.start);
        });
    }

    pub(super) fn mark_acc(&mut self, job: &Job, d: Affine) {
        super::place::runs(job.rows.clone(), job.n0, |i1, i0| {
            self.acc.mark(d.at(i0.start, i1), d.s0, i0.end - i0.start);
        });
    }
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
