//! A program with its trees, hashed once for all its runs.

use isa::{Leaf, Subtree, program::Program};

use crate::{
    claim::Model,
    fault::Fault,
    machine::{Interrupted, Progress},
    state::{StateError, StateTree},
    trace::Trace,
    tree::Tree,
};

/// Why there is no trace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Program and input do not fit.
    #[error(transparent)]
    State(#[from] StateError),
    /// The progress callback broke the run off.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// A program that is ready to run and to be claimed about.
#[derive(Clone)]
pub struct Loaded {
    model: Model,
    /// The initial state on no input.
    blank: StateTree,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").field("model", &self.model).finish_non_exhaustive()
    }
}

impl Loaded {
    /// Hashes `head`, `text` and `const` of a program.
    ///
    /// # Errors
    /// A region is longer than the profile says.
    pub fn new(program: &Program) -> Result<Loaded, StateError> {
        let mut blank = StateTree::of_program(program, &[])?;
        Ok(Loaded { model: blank.model(), blank })
    }

    /// What the registry holds of the program.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The initial state on `input`, the rows of the input region from row 0; nothing of it is hashed yet.
    ///
    /// # Errors
    /// More rows than the region has.
    pub fn state(&self, input: &[Leaf]) -> Result<StateTree, StateError> {
        let (region, depth) = (Subtree::Input, self.model.profile.input);
        if input.len() as u64 > 1 << depth {
            return Err(StateError::TooLong { region, rows: input.len(), depth });
        }
        let mut state = self.blank.clone();
        *state.tree_mut(region) = Tree::from_leaves(depth, input);
        Ok(state)
    }

    /// Runs it on `input`, with a fault if any; `progress` hears of the micro-steps done now and then.
    ///
    /// # Errors
    /// More rows than the input region has; broken off.
    pub fn run(&self, input: &[Leaf], fault: Option<Fault>, progress: Progress<'_>) -> Result<Trace, RunError> {
        Ok(Trace::run_with(self.state(input)?, fault, progress)?)
    }
}
