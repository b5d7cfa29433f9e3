//! What every engine does: run a program on an input, and say everything that can be compared.

use std::ops::ControlFlow;

use isa::program::Program;
use isa::{Leaf, Region, Status};

use crate::board::BoardError;
use crate::fast::FastError;
use crate::perf::Perf;
use crate::rtl::RtlError;

/// So many marks are kept, and no more: a hostile program may mark for ever.
pub const MAX_MARKS: usize = 1 << 20;

/// An implementation of the machine.
pub trait Engine {
    /// A short name: `step`, `fast`, `rtl`, `board`.
    fn name(&self) -> &'static str;

    /// Runs `program` from reset on `input` (rows of the input region; those beyond are zero) until it halts or traps.
    /// `watch` is called now and then and can end the run.
    ///
    /// # Errors
    /// The program or input does not fit this engine, the engine broke, or `watch` ended the run. A trap is a status.
    fn run(&mut self, program: &Program, input: &[Leaf], watch: Watch<'_>) -> Result<Outcome, EngineError>;

    /// Runs without being watched.
    ///
    /// # Errors
    /// As [`Engine::run`].
    fn run_to_end(&mut self, program: &Program, input: &[Leaf]) -> Result<Outcome, EngineError> {
        self.run(program, input, &mut |_| ControlFlow::Continue(()))
    }
}

/// Called now and then with how far a run is; `Break` interrupts it.
pub type Watch<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// How far a run is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Micro-steps done.
    pub steps: u64,
    /// Cycles done, for engines that have such.
    pub cycles: u64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// `HALT` or which trap.
    pub status: Status,
    /// Micro-steps since reset.
    pub steps: u64,
    /// CRC-64 over the DRAM writes in store order.
    pub digest: u64,
    /// The `MARK`s that retired, in order; at most [`MAX_MARKS`].
    pub marks: Vec<Mark>,
    /// The output region; all zero after a trap.
    pub output: Region,
    /// The work region as it was just before `HALT` or the trap cleared it.
    pub work: Region,
    /// Cycle counts, for engines that have such.
    pub perf: Option<Perf>,
}

impl Outcome {
    /// The first architectural difference, in words; `None` where both are the same result.
    #[must_use]
    pub fn difference(&self, other: &Outcome) -> Option<String> {
        if self.status != other.status {
            return Some(format!("status {} against {}", self.status, other.status));
        }
        if self.steps != other.steps {
            return Some(format!("steps {} against {}", self.steps, other.steps));
        }
        if let Some(text) = difference_of_marks(&self.marks, &other.marks) {
            return Some(text);
        }
        let regions = [("output", &self.output, &other.output), ("work", &self.work, &other.work)];
        for (name, mine, theirs) in regions {
            if let Some(row) = first_difference(mine, theirs) {
                return Some(format!("{name}[{row}] {} against {}", hex(&mine.get(row)), hex(&theirs.get(row))));
            }
        }
        (self.digest != other.digest).then(|| format!("digest {:016x} against {:016x}", self.digest, other.digest))
    }
}

fn difference_of_marks(mine: &[Mark], theirs: &[Mark]) -> Option<String> {
    let pairs = mine.iter().zip(theirs).enumerate();
    for (at, (left, right)) in pairs {
        if (left.id, left.digest) != (right.id, right.digest) {
            let show = |mark: &Mark| format!("{} (digest {:016x})", mark.id, mark.digest);
            return Some(format!("mark {at}: {} against {}", show(left), show(right)));
        }
    }
    (mine.len() != theirs.len()).then(|| format!("{} marks against {}", mine.len(), theirs.len()))
}

/// A `MARK` that retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Mark {
    /// Its number.
    pub id: u32,
    /// The write digest of all that was stored before it.
    pub digest: u64,
    /// `steps` when it retired; a machine that runs ahead may show more than the reference does.
    pub steps: u64,
}

/// The lowest row in which two regions differ.
fn first_difference(mine: &Region, theirs: &Region) -> Option<u64> {
    let lone =
        |one: &Region, other: &Region| one.nonzero().find(|(row, leaf)| other.get(*row) != **leaf).map(|(row, _)| row);
    lone(mine, theirs).into_iter().chain(lone(theirs, mine)).min()
}

fn hex(leaf: &Leaf) -> String {
    leaf.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Why an engine has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// More input than the program's input region.
    #[error("the input has {rows} rows, the program's input region {limit}")]
    InputTooLong {
        /// Rows given.
        rows: usize,
        /// Rows of the region.
        limit: u64,
    },
    /// `watch` ended the run.
    #[error("interrupted after {steps} steps")]
    Interrupted {
        /// How far it was.
        steps: u64,
    },
    /// The fast executor cannot go on.
    #[error(transparent)]
    Fast(#[from] FastError),
    /// The RTL cannot be built or run, or misbehaved.
    #[error(transparent)]
    Rtl(#[from] RtlError),
    /// The board cannot be reached, or misbehaved.
    #[error(transparent)]
    Board(#[from] BoardError),
}

/// That the input fits the program.
pub(crate) fn check_input(program: &Program, input: &[Leaf]) -> Result<(), EngineError> {
    let limit = 1u64 << program.profile.input.min(isa::MAX_DRAM_LOG2);
    if input.len() as u64 > limit {
        return Err(EngineError::InputTooLong { rows: input.len(), limit });
    }
    Ok(())
}

impl From<crate::rtl::CacheError> for EngineError {
    fn from(error: crate::rtl::CacheError) -> EngineError {
        RtlError::from(error).into()
    }
}
