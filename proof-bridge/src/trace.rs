//! The roots of one run at any of its steps.
//!
//! One run leaves evenly spaced snapshots behind, which share their unchanged pages. A later question
//! starts from the snapshot before it, so the next move of a dispute costs a fraction of a run.

use std::ops::ControlFlow;

use isa::{Instr, Leaf, Status, Stepped, Subtree, step};

use crate::{
    claim::{Model, Outcome},
    fault::{Fault, Faulty},
    state::StateTree,
    witness::record,
};

/// Most snapshots kept; beyond it every other one is dropped.
const SNAPSHOTS: usize = 128;
/// Micro-steps between snapshots at first.
const SPACING: u64 = 256;
/// Micro-steps between calls of the progress callback.
const PROGRESS: u64 = 1 << 16;

/// The progress callback broke a run off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted at micro-step {0}")]
pub struct Interrupted(pub u64);

/// A finished run.
#[derive(Clone)]
pub struct Trace {
    model: Model,
    input_root: Leaf,
    outcome: Outcome,
    fault: Option<Fault>,
    spacing: u64,
    /// States at multiples of `spacing`, hashed, the first at step 0.
    snapshots: Vec<StateTree>,
    last: StateTree,
}

impl Trace {
    /// Runs a machine from its initial state to its end.
    pub fn run(initial: StateTree) -> Trace {
        match Trace::run_with(initial, None, &mut |_| ControlFlow::Continue(())) {
            Ok(trace) => trace,
            Err(Interrupted(_)) => unreachable!("the callback never breaks off"),
        }
    }

    /// As [`Trace::run`], with a fault of the machine if any; `progress` hears of the micro-steps done
    /// now and then, and may break off.
    ///
    /// # Errors
    /// Broken off.
    pub fn run_with(
        initial: StateTree,
        fault: Option<Fault>,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Trace, Interrupted> {
        let mut state = initial;
        let model = state.model();
        let input_root = state.tree_mut(Subtree::Input).root();
        let mut spacing = SPACING;
        let mut snapshots = Vec::new();
        let mut done = 0;
        loop {
            if done % spacing == 0 {
                state.roots();
                snapshots.push(state.clone());
                if snapshots.len() == SNAPSHOTS {
                    let mut index = 0;
                    snapshots.retain(|_| {
                        index += 1;
                        index % 2 == 1
                    });
                    spacing *= 2;
                }
            }
            if done % PROGRESS == 0 && progress(done).is_break() {
                return Err(Interrupted(done));
            }
            if !advance(&mut state, fault.as_ref(), done) {
                break;
            }
            done += 1;
        }
        let outcome = outcome_of(&mut state);
        state.roots();
        Ok(Trace { model, input_root, outcome, fault, spacing, snapshots, last: state })
    }

    /// The model that ran.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Root of the input it ran on.
    pub fn input_root(&self) -> &Leaf {
        &self.input_root
    }

    /// How it ended.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// The final state.
    pub fn last(&self) -> &StateTree {
        &self.last
    }

    /// The rows of the output region from row 0, `rows` of them.
    pub fn output(&self, rows: usize) -> Vec<Leaf> {
        let mut out = vec![[0; 32]; rows];
        self.last.tree(Subtree::Output).read(0, &mut out);
        out
    }

    /// The state after `at` micro-steps; past its end a run rests in its last state.
    pub fn state_at(&self, at: u64) -> StateTree {
        self.forward(None, at).1
    }

    /// The roots after each of `steps` micro-steps, which must ascend.
    pub fn roots_at(&self, steps: &[u64]) -> Vec<Leaf> {
        let mut current = None;
        let mut roots = Vec::with_capacity(steps.len());
        for &at in steps {
            let (done, mut state) = self.forward(current.take(), at);
            roots.push(state.root());
            current = Some((done, state));
        }
        roots
    }

    /// The root before micro-step `at`, and the witness of that step of an honest machine.
    pub fn witness_at(&self, at: u64) -> (Leaf, Vec<u8>) {
        let mut state = self.state_at(at);
        (state.root(), record(&mut state))
    }

    /// The first micro-step from `from` on that multiplies, and how many of its lanes count.
    pub fn next_product(&self, from: u64) -> Option<(u64, usize)> {
        let (mut done, mut state) = self.forward(None, from);
        loop {
            match step(&mut state) {
                Ok(Stepped::Ran { instr: Instr::Matmul(matmul), .. }) => return Some((done, matmul.n.into())),
                Ok(Stepped::Ran { .. }) => done += 1,
                Ok(_) => return None,
            }
        }
    }

    /// How this run would have ended with a fault.
    pub fn outcome_with(&self, fault: &Fault) -> Outcome {
        let (mut done, mut state) = self.forward(None, fault.step);
        while advance(&mut state, Some(fault), done) {
            done += 1;
        }
        outcome_of(&mut state)
    }

    /// Brings `current` (steps done, state) to step `at`, or starts from a snapshot where that is nearer.
    fn forward(&self, current: Option<(u64, StateTree)>, at: u64) -> (u64, StateTree) {
        if at >= self.outcome.steps {
            return (self.outcome.steps, self.last.clone());
        }
        let index = (at / self.spacing).min(self.snapshots.len() as u64 - 1);
        let from = index * self.spacing;
        let (mut done, mut state) = match current {
            Some((done, state)) if (from..=at).contains(&done) => (done, state),
            _ => (from, self.snapshots[index as usize].clone()),
        };
        while done < at {
            advance(&mut state, self.fault.as_ref(), done);
            done += 1;
        }
        (done, state)
    }
}

fn outcome_of(state: &mut StateTree) -> Outcome {
    let regs = state.regs();
    let status = Status::from_code(regs.status).unwrap_or(Status::Halted);
    Outcome { output_root: state.tree_mut(Subtree::Output).root(), status, steps: regs.steps }
}

/// Takes micro-step `number`; whether the machine is still running after it.
fn advance(state: &mut StateTree, fault: Option<&Fault>, number: u64) -> bool {
    let stepped = match fault {
        Some(fault) if fault.step == number => step(&mut Faulty::new(state, fault)),
        _ => step(state),
    };
    matches!(stepped, Ok(Stepped::Ran { .. }))
}
