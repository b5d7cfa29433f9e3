//! What a trace needs of an executor: to go to a micro-step, and to lay down in leaves what it has changed.

use std::ops::ControlFlow;

use isa::{Regs, Status, Stepped, Subtree, step};

use crate::state::StateTree;

/// The sub-trees that a run writes.
pub const WRITTEN: [Subtree; 4] = [Subtree::Regs, Subtree::Onchip, Subtree::Work, Subtree::Output];

/// Micro-steps between calls of the progress callback.
const PROGRESS: u64 = 1 << 16;

/// The progress callback broke a run off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted at micro-step {0}")]
pub struct Interrupted(pub u64);

/// Hears now and then of the micro-steps done; `Break` interrupts.
pub type Progress<'a> = &'a mut dyn FnMut(u64) -> ControlFlow<()>;

/// An executor with a program and an input, somewhere in its run.
pub trait Machine: Send {
    /// Goes on from `state`: takes over the sub-trees [`WRITTEN`]. The others must be those of its program and input.
    fn restore(&mut self, state: &StateTree);

    /// Goes on until `until` micro-steps since reset are done or the machine has stopped.
    ///
    /// # Errors
    /// Broken off.
    fn run_to(&mut self, until: u64, progress: Progress<'_>) -> Result<(), Interrupted>;

    /// The registers.
    fn regs(&self) -> Regs;

    /// Writes to `state`, which is as this machine was when it last laid down or was restored, what has changed since.
    fn lay_down(&mut self, state: &mut StateTree);
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
    fn restore(&mut self, state: &StateTree) {
        self.state.take_written(state);
    }

    fn run_to(&mut self, until: u64, progress: Progress<'_>) -> Result<(), Interrupted> {
        let Regs { steps, .. } = self.state.regs();
        for done in steps..until {
            if done.is_multiple_of(PROGRESS) && progress(done).is_break() {
                return Err(Interrupted(done));
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

    fn lay_down(&mut self, state: &mut StateTree) {
        // Hashed here, the two share the inner nodes too.
        self.state.roots();
        state.take_written(&self.state);
    }
}
