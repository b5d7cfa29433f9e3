//! Several threads: instructions are issued ahead of those that are being done.
//!
//! All that an instruction does but for rows of memory is done when it is issued, in the order of the program: traps,
//! registers, what the machine knows of written rows. So the state is that of `isa::step` whenever nothing is under way,
//! which is so before any instruction that is not issued ahead, and when a run comes back.

use isa::Instr;

use super::exec::{Job, Work};
use super::known::Known;
use super::machine::{Decoded, FastError, FastMachine, Image};
use super::touch::{Several, Touches};
use super::window::{Closing, Pending, SLOTS, Window};

/// Parts of an instruction, for each thread.
const PARTS: u64 = 2;

/// Most instructions that are issued at once while there is other work: telling others takes longer than many of them do.
const BATCH: usize = 8;

/// Where a run stands that issues ahead.
struct Ahead<'a> {
    machine: &'a mut FastMachine,
    image: &'a Image,
    window: &'a Window,
    /// Put into the window, and not yet issued.
    pending: Vec<Pending>,
    touches: Several<SLOTS>,
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
            let (pending, touches) = (Vec::with_capacity(BATCH), Several::new());
            Ahead { machine, image: &image, window: &window, pending, touches, store: 0, next: 0 }.run(most, pause)
        })
    }
}

impl Drop for Ahead<'_> {
    /// What has been put into the window is done, however the run ends: the machine's state says so.
    fn drop(&mut self) {
        self.window.issue(&mut self.pending);
    }
}

impl Ahead<'_> {
    fn run(&mut self, most: u64, pause: u64) -> Result<(), FastError> {
        while self.machine.goes_on(most, pause) {
            let decoded = self.image.decoded(self.machine.regs.pc);
            // These read and write registers alone.
            if decoded.is_some_and(|decoded| self.is_scalar(decoded)) {
                self.machine.step()?;
            } else if let Some((instr, known)) = decoded.and_then(|decoded| self.whole(decoded, most)) {
                self.issue(instr, &known)?;
            } else {
                self.finish(u64::MAX);
                self.machine.advance(self.image, most)?;
            }
        }
        Ok(())
    }

    /// Waits for what is under way in these slots.
    fn finish(&mut self, slots: u64) {
        if self.under_way() & slots != 0 {
            self.window.issue(&mut self.pending);
            self.window.wait(self.machine.workers.simd, slots);
        }
    }

    /// The slots in use.
    fn under_way(&self) -> u64 {
        self.pending.iter().fold(self.window.busy(), |slots, pending| slots | 1 << pending.slot)
    }

    /// An instruction that may begin, and ends before `most`; none that threads cannot do.
    fn whole<'b>(&mut self, decoded: &'b Decoded, most: u64) -> Option<(&'b Instr, Known)> {
        let Decoded { instr, moves, .. } = decoded;
        let FastMachine { regs, known, .. } = &mut *self.machine;
        if !moves || matches!(instr, Instr::Argmax(_)) || regs.row != 0 {
            return None;
        }
        let known = known.admitted(self.image, decoded, regs)?;
        (regs.steps + known.micro_steps <= most).then_some((instr, known))
    }

    /// Issues an admitted instruction from its first row.
    fn issue(&mut self, instr: &Instr, known: &Known) -> Result<(), FastError> {
        let c = &known.counts;
        let rows = u64::from(c.n0) * u64::from(c.n1);
        if let Instr::Store(i) = instr {
            let job = Job { rows: 0..rows, n0: c.n0.into(), kt: 1, n: c.n as usize, regs: self.machine.regs };
            if !self.machine.has_target(i, &job) {
                // Others read and write the table of pages.
                self.finish(u64::MAX);
            }
        }
        let work = self.machine.prepare(instr, known, 0..rows)?;
        while let Some(copied) = self.machine.copies.pop() {
            let copy = self.machine.copy(copied);
            self.put(copy, Touches::of_copy(copied));
        }
        if let Some(work) = work {
            let touches = if work.is_packed() { known.touches.without_weights() } else { known.touches };
            self.put(work, touches);
        }
        self.machine.moved(known.micro_steps, known.micro_steps);
        Ok(())
    }

    /// Puts work into the window.
    fn put(&mut self, work: Work, touches: Touches) {
        let slot = self.next;
        self.finish(1 << slot);
        // The instructions under way that must be done before.
        let after = self.touches.meet(self.under_way(), &touches) | if work.digest.is_some() { self.store } else { 0 };
        let workers = &self.machine.workers;
        let parts = if work.divides() {
            let rows = work.job.rows.end;
            let worth = rows.saturating_mul(work.row_cycles()) / workers.grain_cycles;
            worth.min(PARTS * workers.threads() as u64).min(rows.div_ceil(work.unit())).max(1)
        } else {
            1
        };
        if work.digest.is_some() {
            self.store = 1 << slot;
        }
        self.touches.set(slot, touches);
        self.window.put(slot, work);
        self.pending.push(Pending { slot, parts: parts as u32, after });
        if self.pending.len() == BATCH || self.window.is_idle() {
            self.window.issue(&mut self.pending);
        }
        self.next = (slot + 1) % SLOTS;
    }

    /// Whether an instruction is one of registers alone; a `MARK` is where nobody asks for the digest.
    fn is_scalar(&self, Decoded { instr, moves, .. }: &Decoded) -> bool {
        match instr {
            Instr::Halt(_) | Instr::Lw(_) | Instr::Sw(_) => false,
            Instr::Mark(_) => self.machine.digest.is_none(),
            _ => !moves,
        }
    }
}
