//! Several threads: instructions are issued ahead of those that are being done.
//!
//! All that an instruction does but for rows of memory is done when it is issued, in the order of the program: traps,
//! registers, what the machine knows of written rows. So the state is that of `isa::step` whenever nothing is under way,
//! which is so before any instruction that is not issued ahead, and when a run comes back.

use isa::{Instr, Reach, Regs, Role, Space};

use super::exec::Job;
use super::machine::{FastError, FastMachine, Image, moves_rows};
use super::window::{Closing, SLOTS, Window};

/// Parts of an instruction, for each thread.
const PARTS: u64 = 2;

/// Rows that an instruction touches. Those of different spaces are far apart.
#[derive(Clone, Copy)]
struct Touch {
    lo: i64,
    hi: i64,
    start: i64,
    /// All rows are this apart from `start`, or some multiple of it.
    step: i64,
}

/// Spaces are so far apart: more than any has rows.
const SPACE: i64 = 1 << 40;
/// No rows.
const NOTHING: Touch = Touch { lo: i64::MAX, hi: i64::MIN, start: 0, step: 0 };

impl Touch {
    fn of(instr: &Instr, reach: &Reach) -> Touch {
        // Strides of a run of bytes are bytes, and those of a table count entries.
        let rows = !matches!(instr, Instr::Move(_) | Instr::Gather(_)) || reach.role != Role::Source;
        let step = if rows && reach.align == 1 { gcd(reach.s0, gcd(reach.s1, reach.sk)) } else { 1 };
        let space = SPACE
            * match reach.space {
                Space::Spad => 0,
                Space::Acc => 1,
                Space::Dram(region) => 2 + region as i64,
            };
        Touch { lo: space + reach.rows.lo, hi: space + reach.rows.hi, start: space + reach.start, step }
    }

    fn near(&self, other: &Touch) -> bool {
        (self.lo <= other.hi) & (other.lo <= self.hi)
    }

    /// Whether they may have a row in common.
    fn meets(&self, other: &Touch) -> bool {
        self.near(other)
            && match gcd(self.step, other.step) {
                0 => self.start == other.start,
                step => (self.start - other.start) % step == 0,
            }
    }
}

/// What an instruction writes, and what it reads besides.
#[derive(Clone, Copy)]
struct Touches {
    write: Touch,
    reads: [Touch; 3],
}

const UNTOUCHED: Touches = Touches { write: NOTHING, reads: [NOTHING; 3] };

impl Touches {
    /// Of an instruction, which reads its weights or not.
    fn of(instr: &Instr, regs: &Regs, weights: bool) -> Touches {
        let (mut touches, mut reads) = (UNTOUCHED, 0);
        for (index, reach) in isa::operands(instr, regs).iter().enumerate() {
            let Some(reach) = reach else { continue };
            let touch = Touch::of(instr, reach);
            match reach.role {
                Role::Destination | Role::OrderedDestination => touches.write = touch,
                _ if index == 2 && !weights => {}
                _ => {
                    touches.reads[reads] = touch;
                    reads += 1;
                }
            }
        }
        touches
    }

    /// Whether the order of both may matter.
    fn meets(&self, other: &Touches) -> bool {
        let near = self.write.near(&other.write)
            | other.reads.iter().fold(false, |any, read| any | self.write.near(read))
            | self.reads.iter().fold(false, |any, read| any | other.write.near(read));
        near && (self.write.meets(&other.write)
            || other.reads.iter().any(|read| self.write.meets(read))
            || self.reads.iter().any(|read| other.write.meets(read)))
    }
}

/// The greatest common divisor of what they are without sign; 0 of zeros.
fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Where a run stands that issues ahead.
struct Ahead<'a> {
    machine: &'a mut FastMachine,
    image: &'a Image,
    window: &'a Window,
    touches: [Touches; SLOTS],
    /// The last store: with a digest, stores are done in their order.
    store: u64,
    next: usize,
}

impl FastMachine {
    /// Runs as long as `self.goes_on`, by several threads.
    pub(super) fn run_ahead(&mut self, most: u64, pause: u64) -> Result<(), FastError> {
        let (workers, image, window) = (self.workers.clone(), self.image.clone(), Window::new());
        let help = || window.help(workers.simd);
        let machine = &mut *self;
        workers.together(help, || {
            let _closing = Closing { window: &window, simd: workers.simd };
            let touches = [UNTOUCHED; SLOTS];
            Ahead { machine, image: &image, window: &window, touches, store: 0, next: 0 }.run(most, pause)
        })
    }
}

impl Ahead<'_> {
    fn run(&mut self, most: u64, pause: u64) -> Result<(), FastError> {
        while self.machine.goes_on(most, pause) {
            match self.image.instr(self.machine.regs.pc) {
                // These read and write registers alone.
                Some(instr) if self.is_scalar(instr) => self.machine.step()?,
                Some(instr) if self.can_issue(instr, most) => self.issue(instr)?,
                _ => {
                    self.finish(u64::MAX);
                    self.machine.advance(most)?;
                }
            }
        }
        Ok(())
    }

    fn finish(&self, slots: u64) {
        self.window.wait(self.machine.workers.simd, slots);
    }

    fn can_issue(&self, instr: &Instr, most: u64) -> bool {
        let regs = &self.machine.regs;
        let ends = regs.steps.checked_add(isa::micro_steps(instr, regs)).is_some_and(|end| end <= most);
        let kind = moves_rows(instr) && !matches!(instr, Instr::Argmax(_));
        kind && regs.row == 0 && ends && isa::admit(instr, regs, &self.image.profile).is_ok()
    }

    /// Issues an admitted instruction from its first row.
    fn issue(&mut self, instr: &Instr) -> Result<(), FastError> {
        let Regs { steps, .. } = self.machine.regs;
        let c = isa::counts(instr, &self.machine.regs);
        let rows = u64::from(c.n0) * u64::from(c.n1);
        let slot = self.next;
        self.finish(1 << slot);
        if let Instr::Store(i) = instr {
            let job = Job { rows: 0..rows, n0: c.n0.into(), kt: 1, n: c.n as usize, regs: self.machine.regs };
            if !self.machine.has_target(i, &job) {
                // Others read and write the table of pages.
                self.finish(u64::MAX);
            }
        }
        let work = self.machine.prepare(instr, 0..rows)?;
        let touches = Touches::of(instr, &self.machine.regs, !work.is_packed());
        let after = self.after(&touches) | if work.digest.is_some() { self.store } else { 0 };
        let workers = &self.machine.workers;
        let parts = if work.divides() {
            let units = rows.div_ceil(work.unit());
            let worth = rows.saturating_mul(work.row_cycles()) / workers.grain_cycles;
            worth.min(PARTS * workers.threads() as u64).min(units).max(1)
        } else {
            1
        };
        if matches!(instr, Instr::Store(_)) {
            self.store = 1 << slot;
        }
        self.touches[slot] = touches;
        self.window.issue(slot, work, parts as u32, after);
        self.next = (slot + 1) % SLOTS;
        self.machine.regs.steps = steps + rows * u64::from(c.kt);
        self.machine.regs.pc = self.machine.regs.pc.wrapping_add(1);
        Ok(())
    }

    /// The slots of instructions under way that must be done before one that touches these.
    fn after(&self, touches: &Touches) -> u64 {
        let (mut left, mut after) = (self.window.busy(), 0);
        while left != 0 {
            let slot = left.trailing_zeros() as usize;
            left &= left - 1;
            if self.touches[slot].meets(touches) {
                after |= 1 << slot;
            }
        }
        after
    }

    /// Whether an instruction is one of registers alone; a `MARK` is where nobody asks for the digest.
    fn is_scalar(&self, instr: &Instr) -> bool {
        match instr {
            Instr::Halt(_) | Instr::Lw(_) | Instr::Sw(_) => false,
            Instr::Mark(_) => self.machine.digest.is_none(),
            _ => !moves_rows(instr),
        }
    }
}
