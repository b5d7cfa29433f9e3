//! The reference executor as an engine: `isa::step` over memory, watched for stores and marks.

use std::convert::Infallible;
use std::ops::ControlFlow;

use isa::digest::Digest;
use isa::program::Program;
use isa::{Access, Instr, Leaf, Memory, Region, State, Status, Stepped, Subtree};

use crate::engine::{Engine, EngineError, MAX_MARKS, Mark, Outcome, Progress, Watch, check_input};

/// Micro-steps between two looks at `watch`.
const CHUNK_STEPS: u64 = 4096;

/// Runs programs by [`isa::step`]; slow, and right by definition.
#[derive(Debug, Clone, Copy, Default)]
pub struct StepEngine;

impl Engine for StepEngine {
    fn name(&self) -> &'static str {
        "step"
    }

    fn run(&mut self, program: &Program, input: &[Leaf], watch: Watch<'_>) -> Result<Outcome, EngineError> {
        check_input(program, input)?;
        let memory = Memory::new(&program.head(), &program.text, &program.constant, input);
        let mut state = Watched { memory, digest: Digest::default(), work: Region::default() };
        let mut marks = Vec::new();
        let mut steps = 0u64;
        loop {
            let Ok(stepped) = isa::step(&mut state);
            match stepped {
                Stepped::Ran { instr, .. } => {
                    steps += 1;
                    if let Instr::Mark(mark) = instr
                        && marks.len() < MAX_MARKS
                    {
                        marks.push(Mark { id: mark.imm, digest: state.digest.0, steps });
                    }
                }
                Stepped::Stopped(_) | Stepped::Idle => break,
            }
            if steps.is_multiple_of(CHUNK_STEPS)
                && let ControlFlow::Break(()) = watch(Progress { steps, cycles: 0 })
            {
                return Err(EngineError::Interrupted { steps });
            }
        }
        let regs = state.memory.regs();
        // `step` stops only with a status of its own.
        let status = Status::from_code(regs.status).unwrap_or(Status::Illegal);
        let output = state.memory.tree(Subtree::Output).clone();
        Ok(Outcome { status, steps: regs.steps, digest: state.digest.0, marks, output, work: state.work, perf: None })
    }
}

/// Memory, with an eye on what is written to DRAM and on work just before it is cleared.
struct Watched {
    memory: Memory,
    digest: Digest,
    work: Region,
}

impl Watched {
    fn observe(&mut self, at: Access, leaves: &[Leaf]) {
        if matches!(at.tree, Subtree::Work | Subtree::Output) {
            for (row, leaf) in (at.index..).zip(leaves) {
                // Regions have at most 2^32 rows.
                self.digest.row(at.tree, row as u32, leaf);
            }
        }
    }
}

impl State for Watched {
    type Error = Infallible;

    fn read(&mut self, at: Access, out: &mut [Leaf]) -> Result<(), Infallible> {
        self.memory.read(at, out)
    }

    fn update(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), Infallible> {
        self.observe(at, leaves);
        self.memory.update(at, leaves)
    }

    fn overwrite(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), Infallible> {
        self.observe(at, leaves);
        self.memory.overwrite(at, leaves)
    }

    fn clear(&mut self, tree: Subtree, depth: u8) -> Result<(), Infallible> {
        if tree == Subtree::Work {
            self.work = self.memory.tree(Subtree::Work).clone();
        }
        self.memory.clear(tree, depth)
    }
}
