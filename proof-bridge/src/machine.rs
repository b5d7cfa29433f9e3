//! What a trace needs of an executor: to go to a micro-step, and to lay down in leaves what it has changed.

use std::{
    ops::ControlFlow,
    sync::{Arc, LazyLock},
};

use isa::{Access, Region, Regs, State, Status, Stepped, Subtree, step};
use sim::fast::{Change, FastError, FastMachine, FastOptions, Workers};

use crate::{
    state::{StateError, StateTree},
    tree::Tree,
};

/// The sub-trees that a run writes.
pub const WRITTEN: [Subtree; 4] = [Subtree::Regs, Subtree::Onchip, Subtree::Work, Subtree::Output];

/// Micro-steps between calls of the progress callback, about.
const PROGRESS: u64 = 1 << 16;

/// Why there is no trace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Program and input do not fit.
    #[error(transparent)]
    State(#[from] StateError),
    /// The progress callback broke the run off.
    #[error("interrupted at micro-step {0}")]
    Interrupted(u64),
    /// The fast executor cannot go on.
    #[error(transparent)]
    Fast(#[from] FastError),
}

/// Hears now and then of the micro-steps done; `Break` interrupts.
pub type Progress<'a> = &'a mut dyn FnMut(u64) -> ControlFlow<()>;

/// An executor with a program and an input, somewhere in its run.
pub trait Machine: Send {
    /// Goes from the state `from`, which it has laid down last or was restored to, to `to`, of the same program and input.
    fn restore(&mut self, from: &StateTree, to: &StateTree);

    /// Goes on until `until` micro-steps since reset are done or the machine has stopped.
    ///
    /// # Errors
    /// Broken off; the executor cannot go on.
    fn run_to(&mut self, until: u64, progress: Progress<'_>) -> Result<(), RunError>;

    /// The registers.
    fn regs(&self) -> Regs;

    /// The rows of `output`.
    fn output(&self) -> Region;

    /// Writes to `state`, which is as this machine was when it last laid down or was restored, what has changed since.
    fn lay_down(&mut self, state: &mut StateTree);
}

/// Which executor runs.
#[derive(Clone, Debug)]
pub enum Executor {
    /// `isa::step`.
    Step,
    /// `sim::fast`, on these threads.
    Fast(Arc<Workers>),
}

impl Default for Executor {
    /// The fast one on all processors; its threads are started once.
    fn default() -> Executor {
        static WORKERS: LazyLock<Option<Arc<Workers>>> = LazyLock::new(|| {
            let alone = FastOptions { threads: Some(1), ..FastOptions::default() };
            Workers::new(&FastOptions::default()).or_else(|_| Workers::new(&alone)).ok()
        });
        WORKERS.clone().map_or(Executor::Step, Executor::Fast)
    }
}

/// Whether registers are those of a machine that still runs.
pub fn is_running(regs: &Regs) -> bool {
    regs.status == Status::Running.code()
}

/// The reference executor as a [`Machine`]: `isa::step` over trees of its own.
pub struct Reference {
    state: StateTree,
}

impl Reference {
    /// A machine in this state.
    pub fn new(state: StateTree) -> Reference {
        Reference { state }
    }
}

impl Machine for Reference {
    fn restore(&mut self, _from: &StateTree, to: &StateTree) {
        self.state.take_written(to);
    }

    fn run_to(&mut self, until: u64, progress: Progress<'_>) -> Result<(), RunError> {
        let Regs { steps, .. } = self.state.regs();
        for done in steps..until {
            if done.is_multiple_of(PROGRESS) && progress(done).is_break() {
                return Err(RunError::Interrupted(done));
            }
            match step(&mut self.state) {
                Ok(Stepped::Ran { .. }) => {}
                Ok(Stepped::Stopped(_) | Stepped::Idle) => break,
            }
        }
        Ok(())
    }

    fn regs(&self) -> Regs {
        self.state.regs()
    }

    fn output(&self) -> Region {
        let tree = self.state.tree(Subtree::Output);
        let mut region = Region::default();
        tree.unlike(&Tree::new(tree.depth()), |first, leaves| {
            (first..).zip(leaves).for_each(|(row, leaf)| region.set(row, *leaf));
        });
        region
    }

    fn lay_down(&mut self, state: &mut StateTree) {
        // Hashed here, the two share the inner nodes too.
        self.state.roots();
        state.take_written(&self.state);
    }
}

impl Machine for FastMachine {
    fn restore(&mut self, from: &StateTree, to: &StateTree) {
        for tree in WRITTEN {
            let write = |index, leaves: &[isa::Leaf]| {
                let written = self.overwrite(Access { tree, index, height: 0 }, leaves);
                assert!(written.is_ok(), "a state of this run does not fit its machine");
            };
            to.tree(tree).unlike(from.tree(tree), write);
        }
        // Both stand at `to` now.
        WRITTEN.into_iter().for_each(|tree| self.drain(tree, |_| {}));
    }

    fn run_to(&mut self, until: u64, progress: Progress<'_>) -> Result<(), RunError> {
        while self.is_running() && FastMachine::regs(self).steps < until {
            let done = FastMachine::regs(self).steps;
            if progress(done).is_break() {
                return Err(RunError::Interrupted(done));
            }
            self.run_some(until, PROGRESS)?;
        }
        Ok(())
    }

    fn regs(&self) -> Regs {
        FastMachine::regs(self)
    }

    fn output(&self) -> Region {
        FastMachine::output(self)
    }

    fn lay_down(&mut self, state: &mut StateTree) {
        for subtree in WRITTEN {
            let tree = state.tree_mut(subtree);
            self.drain(subtree, |change| match change {
                Change::Cleared => tree.clear(),
                Change::Leaves { index, leaves } => tree.write(index, leaves),
            });
        }
    }
}
