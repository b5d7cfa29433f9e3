//! The machine: whole instructions by kernels, the rest of one by rows, and its state at any micro-step.

use std::ops::ControlFlow;
use std::sync::Arc;

use isa::program::Program;
use isa::{Instr, Leaf, Profile, Regs, Status, Stepped, Subtree};

use super::digest::Crc;
use super::dram::{Dram, Pages};
use super::known::{Known, Memory};
use super::matmul::PackedWeights;
use super::origins::Copied;
use super::simd::Simd;
use super::space::{Lanes, Row, Space};
use super::workers::Workers;
use crate::engine::{MAX_MARKS, Mark};

/// A run begins on one thread, until it has done the work of so many parts.
const ALONE: u64 = 25;
/// An instruction of so many times the budget of a run is interrupted.
const LONG: u64 = 16;

/// Why the fast executor cannot go on. A trap is a status, not an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FastError {
    /// The program wrote more than it may.
    #[error("the program wrote more than {limit_bytes} bytes of {}", region.name())]
    Memory {
        /// The region.
        region: Subtree,
        /// Bytes that it may.
        limit_bytes: u64,
    },
    /// An access from outside that names leaves no machine has.
    #[error("no leaf {index} in {}", tree.name())]
    NoLeaf {
        /// The tree.
        tree: Subtree,
        /// The leaf.
        index: u64,
    },
    /// The system gives no threads.
    #[error("cannot start threads: {0}")]
    Threads(String),
    /// This processor has not these instructions.
    #[error("this processor has no {0}")]
    Simd(Simd),
}

/// An instruction of `text`.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) instr: Instr,
    /// Whether it has rows, so that a kernel is worth it; the others are one micro-step of the reference.
    pub(super) moves: bool,
    /// All bits for each register that it may read.
    reads: [u32; 16],
}

impl Decoded {
    pub(super) fn new(leaf: &Leaf) -> Option<Decoded> {
        let instr = Instr::decode(leaf).ok()?;
        let named = isa::registers(&instr);
        let reads = std::array::from_fn(|at| if named >> at & 1 == 1 { u32::MAX } else { 0 });
        Some(Decoded { instr, moves: isa::spec(instr.opcode()).group != isa::Group::Control, reads })
    }

    /// The registers that it reads, zeros for others.
    pub(super) fn read_by(&self, regs: &Regs) -> [u32; 16] {
        std::array::from_fn(|at| regs.x[at] & self.reads[at])
    }
}

/// What never changes in a run: sizes, instructions, constants. Made once, shared by the machines that run it.
#[derive(Debug)]
pub struct Image {
    pub(super) profile: Profile,
    pub(super) head: [Leaf; 4],
    pub(super) text: Vec<Leaf>,
    instrs: Vec<Option<Decoded>>,
    pub(super) constant: Vec<Leaf>,
    pub(super) packed: PackedWeights,
}

impl Image {
    /// Of a program.
    #[must_use]
    pub fn new(program: &Program) -> Arc<Image> {
        Image::from_parts(program.head(), program.text.clone(), program.constant.clone())
    }

    /// Of a head, and of rows of `text` and `const` from row 0. A head without a valid profile makes a machine that
    /// stops at once, as `isa::step` says.
    #[must_use]
    pub fn from_parts(head: [Leaf; 4], text: Vec<Leaf>, constant: Vec<Leaf>) -> Arc<Image> {
        let profile = Profile::from_leaf(&head[1]).unwrap_or_default();
        let instrs = text.iter().map(Decoded::new).collect();
        Arc::new(Image { profile, head, text, instrs, constant, packed: PackedWeights::default() })
    }
}

impl Image {
    /// The instruction at a place in `text`, if the word there is one.
    pub(super) fn decoded(&self, pc: u32) -> Option<&Decoded> {
        self.instrs.get(pc as usize)?.as_ref()
    }
}

/// An instruction about to begin.
#[derive(Debug, Clone, Copy)]
pub struct Issue<'a> {
    /// Its place in `text`.
    pub pc: u32,
    /// Micro-steps done before it.
    pub steps: u64,
    /// Micro-steps that it takes.
    pub micro_steps: u64,
    /// The instruction.
    pub instr: &'a Instr,
}

/// A hook: hears of each instruction before it begins; `Break` stops the run there.
pub type Hook<'a> = &'a mut (dyn FnMut(&Issue<'_>) -> ControlFlow<()> + Send);

/// A machine whose state after every micro-step is that of `isa::step`.
#[derive(Clone)]
pub struct FastMachine {
    pub(super) image: Arc<Image>,
    pub(super) input: Arc<[Leaf]>,
    pub(super) regs: Regs,
    pub(super) spad: Space<Row>,
    pub(super) acc: Space<Lanes>,
    pub(super) work: Dram,
    pub(super) output: Dram,
    pub(super) digest: Option<Crc>,
    pub(super) marks: Vec<Mark>,
    /// Trees cleared since they were last drained: onchip, work, output.
    pub(super) cleared: [bool; 3],
    pub(super) before_stop: Pages,
    pub(super) workers: Arc<Workers>,
    pub(super) known: Memory,
    /// Copies to make before the next instruction.
    pub(super) copies: Vec<Copied>,
    /// About how many cycles this run has taken on one thread.
    pub(super) work_cycles: u64,
}

impl FastMachine {
    /// The initial state on an input, the rows of the input region from row 0.
    #[must_use]
    pub fn new(image: Arc<Image>, input: &[Leaf], workers: Arc<Workers>) -> FastMachine {
        let Profile { spad, acc, .. } = image.profile;
        FastMachine {
            input: input.into(),
            regs: Regs::default(),
            spad: Space::with_origins(spad),
            acc: Space::new(acc),
            work: Dram::new(Subtree::Work, workers.memory_bytes),
            output: Dram::new(Subtree::Output, workers.memory_bytes),
            digest: None,
            marks: Vec::new(),
            cleared: [false; 3],
            before_stop: Pages::new(),
            known: Memory::new(image.instrs.len()),
            copies: Vec::new(),
            work_cycles: 0,
            image,
            workers,
        }
    }

    /// Back to the initial state, on another input; memory is kept for use.
    pub fn reset(&mut self, input: impl Into<Arc<[Leaf]>>) {
        self.input = input.into();
        self.regs = Regs::default();
        self.known.lose();
        self.digest = self.digest.map(|_| Crc::default());
        self.marks.clear();
        for tree in [Subtree::Onchip, Subtree::Work, Subtree::Output] {
            self.clear_tree(tree);
        }
        self.before_stop.clear();
    }

    /// Keeps the write digest and the marks from here on.
    pub fn track_digest(&mut self) {
        self.digest.get_or_insert_default();
    }

    /// The write digest; 0 where it is not kept.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest.map_or(0, Crc::value)
    }

    /// The `MARK`s so far, where the digest is kept.
    #[must_use]
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The registers.
    #[must_use]
    pub fn regs(&self) -> Regs {
        self.regs
    }

    /// Sizes.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.image.profile
    }

    /// Runs until `steps` are done in all, or the machine has stopped.
    ///
    /// # Errors
    /// [`FastError::Memory`].
    pub fn run_until(&mut self, steps: u64) -> Result<(), FastError> {
        self.run_some(steps, u64::MAX)
    }

    /// As [`FastMachine::run_until`], but comes back earlier, before an instruction, once `budget` steps are done; inside
    /// one only if that takes many times the budget.
    ///
    /// # Errors
    /// [`FastError::Memory`].
    pub fn run_some(&mut self, steps: u64, budget: u64) -> Result<(), FastError> {
        let pause = self.regs.steps.saturating_add(budget);
        let most = steps.min(self.regs.steps.saturating_add(budget.saturating_mul(LONG)));
        let image = self.image.clone();
        // Helpers are worth waking only for more than this.
        let alone = if self.workers.threads() > 1 { self.workers.grain_cycles.saturating_mul(ALONE) } else { u64::MAX };
        self.work_cycles = 0;
        while self.goes_on(most, pause) {
            if self.work_cycles >= alone {
                return self.run_ahead(most, pause);
            }
            self.advance(&image, most)?;
        }
        Ok(())
    }

    /// Whether a run to `most` micro-steps, or to the first instruction from `pause` on, is not at its end.
    pub(super) fn goes_on(&self, most: u64, pause: u64) -> bool {
        self.is_running() && self.regs.steps < most && (self.regs.steps < pause || self.regs.row != 0)
    }

    /// As [`FastMachine::run_until`]; `hook` hears of each instruction.
    ///
    /// # Errors
    /// [`FastError::Memory`].
    pub fn run_hooked(&mut self, steps: u64, hook: Hook<'_>) -> Result<(), FastError> {
        let image = self.image.clone();
        while self.is_running() && self.regs.steps < steps {
            if self.regs.row == 0
                && let Some(Decoded { instr, .. }) = image.decoded(self.regs.pc)
            {
                let (pc, steps) = (self.regs.pc, self.regs.steps);
                let micro_steps = isa::micro_steps(instr, &self.regs);
                if hook(&Issue { pc, steps, micro_steps, instr }).is_break() {
                    break;
                }
            }
            self.advance(&image, steps)?;
        }
        Ok(())
    }

    /// Whether it has not stopped.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.regs.status == Status::Running.code()
    }

    /// One instruction, or what of it comes before `steps`.
    pub(super) fn advance(&mut self, image: &Image, steps: u64) -> Result<(), FastError> {
        let Some(decoded) = image.decoded(self.regs.pc).filter(|decoded| decoded.moves) else { return self.step() };
        let instr = &decoded.instr;
        let Some(known) = self.admitted(image, decoded) else { return self.step() };
        let total = known.micro_steps;
        let mut row = self.regs.row;
        let kt = u64::from(known.counts.kt);
        let end = total.min(row.saturating_add(steps - self.regs.steps));
        while row < end && !row.is_multiple_of(kt) {
            self.step()?;
            row += 1;
        }
        let whole = end / kt * kt;
        if row < whole {
            self.execute(instr, &known, row / kt..whole / kt)?;
            self.moved(total, whole - row);
            row = whole;
        }
        while row < end {
            self.step()?;
            row += 1;
        }
        Ok(())
    }

    /// What is known of an instruction that may begin, or go on.
    fn admitted(&mut self, image: &Image, decoded: &Decoded) -> Option<Known> {
        let (row, instr) = (self.regs.row, &decoded.instr);
        if row == 0 {
            return self.known.admitted(image, decoded, &self.regs);
        }
        // A state from outside may stand in an instruction that was never admitted.
        let issue = Regs { row: 0, steps: self.regs.steps.wrapping_sub(row), ..self.regs };
        isa::admit(instr, &issue, &image.profile).ok()?;
        Some(Known::of(instr, &issue)).filter(|known| row < known.micro_steps)
    }

    /// Counts micro-steps done by a kernel.
    pub(super) fn moved(&mut self, total: u64, count: u64) {
        self.regs.steps += count;
        self.regs.row += count;
        if self.regs.row >= total {
            self.regs.row = 0;
            self.regs.pc = self.regs.pc.wrapping_add(1);
        }
    }

    /// One micro-step by the reference.
    pub(super) fn step(&mut self) -> Result<(), FastError> {
        let scalar = self.image.decoded(self.regs.pc).filter(|decoded| !decoded.moves);
        if let Some(regs) =
            scalar.and_then(|Decoded { instr, .. }| isa::step_scalar(instr, &self.regs, &self.image.profile))
        {
            self.regs = regs;
            return Ok(());
        }
        if let Stepped::Ran { instr: Instr::Mark(mark), .. } = isa::step(self)?
            && let Some(digest) = self.digest
            && self.marks.len() < MAX_MARKS
        {
            self.marks.push(Mark { id: mark.imm, digest: digest.value(), steps: self.regs.steps });
        }
        Ok(())
    }
}
