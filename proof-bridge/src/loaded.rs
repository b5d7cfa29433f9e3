//! A program with its trees, hashed once for all its runs.

use std::{fmt, sync::Arc};

use isa::{Leaf, Subtree, program::Program};
use sim::fast::{FastMachine, Image};

use crate::{
    claim::Model,
    fault::Fault,
    machine::{Executor, Machine, Progress, Reference, RunError},
    state::{StateError, StateTree},
    trace::Trace,
    tree::Tree,
};

/// A program that is ready to run and to be claimed about.
#[derive(Clone)]
pub struct Loaded {
    model: Model,
    /// The initial state on no input.
    blank: Arc<StateTree>,
    executor: Executor,
    image: Arc<Image>,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").field("model", &self.model).finish_non_exhaustive()
    }
}

impl Loaded {
    /// Hashes `head`, `text` and `const` of a program, to run on the default executor.
    ///
    /// # Errors
    /// A region is longer than the profile says.
    pub fn new(program: &Program) -> Result<Loaded, StateError> {
        Loaded::on(program, Executor::default())
    }

    /// As [`Loaded::new`], to run on this executor.
    ///
    /// # Errors
    /// A region is longer than the profile says.
    pub fn on(program: &Program, executor: Executor) -> Result<Loaded, StateError> {
        let mut blank = StateTree::of_program(program, &[])?;
        let model = blank.model();
        Ok(Loaded { model, blank: Arc::new(blank), executor, image: Image::new(program) })
    }

    /// What the registry holds of the program.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The initial state on `input`, the rows of the input region from row 0; of it nothing is hashed yet.
    ///
    /// # Errors
    /// More rows than the region has.
    pub fn state(&self, input: &[Leaf]) -> Result<StateTree, StateError> {
        self.check(input)?;
        let mut state = StateTree::clone(&self.blank);
        *state.tree_mut(Subtree::Input) = Tree::from_leaves(self.model.profile.input, input);
        Ok(state)
    }

    fn check(&self, input: &[Leaf]) -> Result<(), StateError> {
        let (region, rows, depth) = (Subtree::Input, input.len(), self.model.profile.input);
        if rows as u64 > 1 << depth { Err(StateError::TooLong { region, rows, depth }) } else { Ok(()) }
    }

    /// Runs it on `input`, with a fault if any; `progress` hears of the micro-steps done now and then.
    ///
    /// # Errors
    /// More rows than the input region has; broken off; the executor cannot go on.
    pub fn run(&self, input: &[Leaf], fault: Option<Fault>, progress: Progress<'_>) -> Result<Trace, RunError> {
        self.check(input)?;
        let machine: Box<dyn Machine> = match &self.executor {
            Executor::Step => Box::new(Reference::new(self.state(input)?)),
            Executor::Fast(workers) => Box::new(FastMachine::new(Arc::clone(&self.image), input, Arc::clone(workers))),
        };
        Trace::of_machine(machine, self.model, Arc::clone(&self.blank), Some(input.to_vec()), fault, progress)
    }
}
