//! The roots of one run at any of its steps.
//!
//! The run itself hashes nothing and keeps nothing but how it ended: that, and the root of its output, is all that an
//! undisputed claim needs. The first question for a root runs once more, and leaves snapshots where it was asked, which
//! share their unchanged pages and inner nodes; the next one starts from the snapshot before it, and hashes what has changed.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use isa::{Instr, Leaf, Profile, Region, Status, Stepped, Subtree, step};

use crate::{
    claim::{Model, Outcome, region_root},
    fault::{Fault, Faulty},
    hash::root_of,
    machine::{Machine, Progress, Reference, RunError, is_running},
    state::StateTree,
    tree::Tree,
    witness::record,
};

/// Most snapshots kept; beyond it every other one is dropped.
const SNAPSHOTS: usize = 256;
/// Most bytes of pages that the snapshots do not share, likewise.
const SNAPSHOT_BYTES: usize = 1 << 30;

/// Rows from row 0 that are hashed side by side, whether they are zero or not.
const DENSE_ROWS: u64 = 1 << 16;

/// A finished run.
pub struct Trace {
    model: Model,
    outcome: Outcome,
    output: Region,
    walk: Mutex<Walk>,
}

impl Trace {
    /// Runs the reference executor from an initial state to its end.
    pub fn run(initial: StateTree) -> Trace {
        match Trace::run_with(initial, None, &mut |_| ControlFlow::Continue(())) {
            Ok(trace) => trace,
            Err(error) => unreachable!("the reference runs to its end, but {error}"),
        }
    }

    /// As [`Trace::run`], with a fault of the machine if any; `progress` hears of the micro-steps done
    /// now and then, and may break off.
    ///
    /// # Errors
    /// Broken off.
    pub fn run_with(initial: StateTree, fault: Option<Fault>, progress: Progress<'_>) -> Result<Trace, RunError> {
        let mut initial = initial;
        let model = initial.model();
        let machine = Box::new(Reference::new(initial.clone()));
        Trace::of_machine(machine, model, Arc::new(initial), None, fault, progress)
    }

    /// Runs `machine`, which stands at `initial`, to its end; `initial` may lack the rows of the input, given apart then.
    ///
    /// # Errors
    /// Broken off; the executor cannot go on.
    pub(crate) fn of_machine(
        machine: Box<dyn Machine>,
        model: Model,
        initial: Arc<StateTree>,
        input: Option<Vec<Leaf>>,
        fault: Option<Fault>,
        progress: Progress<'_>,
    ) -> Result<Trace, RunError> {
        let state = Arc::clone(&initial);
        let kept = BTreeMap::from([(0, Kept { state: initial, bytes: 0 })]);
        let mut walk = Walk { machine, fault, input, done: 0, state, kept, kept_bytes: 0 };
        walk.advance(u64::MAX, progress)?;
        let output = walk.machine.output();
        Ok(Trace { model, outcome: walk.outcome(&model.profile), output, walk: Mutex::new(walk) })
    }

    /// The model that ran.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Root of the input it ran on.
    pub fn input_root(&self) -> Leaf {
        self.walk().input_root()
    }

    /// How it ended.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// The final rows of the output region up to the last that is not zero.
    pub fn output(&self) -> Vec<Leaf> {
        self.output.rows(rows_used(&self.output))
    }

    /// The state after `at` micro-steps; past its end a run rests in its last state.
    pub fn state_at(&self, at: u64) -> StateTree {
        let mut walk = self.walk();
        walk.input_root();
        walk.go_to(at.min(self.outcome.steps));
        StateTree::clone(&walk.state)
    }

    /// The roots after each of `steps` micro-steps; ascending is cheapest.
    pub fn roots_at(&self, steps: &[u64]) -> Vec<Leaf> {
        self.sub_roots_at(steps).iter().map(|roots| root_of(roots)).collect()
    }

    /// The roots of the eight sub-trees after each of `steps` micro-steps.
    pub fn sub_roots_at(&self, steps: &[u64]) -> Vec<[Leaf; 8]> {
        let mut walk = self.walk();
        let roots = |&at: &u64| walk.roots_at(at.min(self.outcome.steps));
        steps.iter().map(roots).collect()
    }

    /// The root before micro-step `at`, and the witness of that step of an honest machine.
    pub fn witness_at(&self, at: u64) -> (Leaf, Vec<u8>) {
        let mut state = self.state_at(at);
        (state.root(), record(&mut state))
    }

    /// The first micro-step from `from` on that multiplies, and how many of its lanes count.
    pub fn next_product(&self, from: u64) -> Option<(u64, usize)> {
        let (mut done, mut state) = (from, self.state_at(from));
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
        let mut walk = self.walk();
        walk.go_to(fault.step.min(self.outcome.steps));
        let own = walk.fault.replace(*fault);
        walk.run_on(u64::MAX);
        let outcome = walk.outcome(&self.model.profile);
        walk.fault = own;
        walk.rewind(0);
        outcome
    }

    fn walk(&self) -> MutexGuard<'_, Walk> {
        // A walk that panicked has left its machine and state wherever they were; both know where that is.
        self.walk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A state on the way.
struct Kept {
    state: Arc<StateTree>,
    /// What it does not share with the one before, when that was last looked at.
    bytes: usize,
}

/// A machine somewhere in the run, its state in leaves, and states that it passed.
struct Walk {
    machine: Box<dyn Machine>,
    fault: Option<Fault>,
    /// The rows of the input, while the trees lack them.
    input: Option<Vec<Leaf>>,
    /// Micro-steps since reset that the machine has done.
    done: u64,
    /// The machine's state when it was last laid down.
    state: Arc<StateTree>,
    /// By micro-steps done; always the initial state.
    kept: BTreeMap<u64, Kept>,
    /// Sum of their `bytes`.
    kept_bytes: usize,
}

impl Walk {
    /// Root of the input, laid down and hashed once for all states.
    fn input_root(&mut self) -> Leaf {
        let given = self.input.take();
        if given.is_some() || self.state.tree(Subtree::Input).changed_pages() > 0 {
            let tree = Arc::make_mut(&mut self.state).tree_mut(Subtree::Input);
            if let Some(input) = given {
                *tree = Tree::from_leaves(tree.depth(), &input);
            }
            tree.flush();
            if let Some(start) = self.kept.get_mut(&0) {
                Arc::make_mut(&mut start.state).tree_mut(Subtree::Input).clone_from(tree);
            }
        }
        Arc::make_mut(&mut self.state).tree_mut(Subtree::Input).root()
    }

    /// How the machine stands.
    fn outcome(&self, profile: &Profile) -> Outcome {
        let (regs, output) = (self.machine.regs(), self.machine.output());
        let status = Status::from_code(regs.status).unwrap_or(Status::Halted);
        let rows = rows_used(&output);
        let output_root = if rows <= DENSE_ROWS {
            region_root(profile.output, &output.rows(rows))
        } else {
            let mut tree = Tree::new(profile.output);
            output.nonzero().for_each(|(row, leaf)| tree.write(row, std::slice::from_ref(leaf)));
            tree.root()
        };
        Outcome { output_root, status, steps: regs.steps }
    }

    fn roots_at(&mut self, at: u64) -> [Leaf; 8] {
        self.input_root();
        self.go_to(at);
        let roots = Arc::make_mut(&mut self.state).roots();
        self.keep(at);
        roots
    }

    /// Keeps the state here, and drops every other one while they are too many or too large.
    fn keep(&mut self, at: u64) {
        if self.kept.contains_key(&at) {
            return;
        }
        let before = self.kept.range(..at).next_back();
        let bytes = before.map_or(0, |(_, before)| self.state.unshared_bytes(&before.state));
        self.kept_bytes += bytes;
        self.kept.insert(at, Kept { state: Arc::clone(&self.state), bytes });
        while self.kept.len() > 2 && (self.kept.len() > SNAPSHOTS || self.kept_bytes > SNAPSHOT_BYTES) {
            self.thin();
        }
    }

    fn thin(&mut self) {
        let mut index = 0;
        self.kept.retain(|_, _| {
            index += 1;
            index % 2 == 1
        });
        self.kept_bytes = 0;
        let mut before: Option<&StateTree> = None;
        for Kept { state, bytes } in self.kept.values_mut() {
            *bytes = before.map_or(0, |before| state.unshared_bytes(before));
            self.kept_bytes += *bytes;
            before = Some(state);
        }
    }

    /// Stands after `at` micro-steps, at most those of the run.
    fn go_to(&mut self, at: u64) {
        let nearest = self.kept.range(..=at).next_back().map_or(0, |(&step, _)| step);
        if self.done > at || self.done < nearest {
            self.rewind(nearest);
        }
        self.run_on(at);
        self.lay_down();
    }

    fn lay_down(&mut self) {
        self.machine.lay_down(Arc::make_mut(&mut self.state));
    }

    /// Goes back or ahead to a kept state.
    fn rewind(&mut self, step: u64) {
        self.lay_down();
        let Some(kept) = self.kept.get(&step) else { return };
        self.machine.restore(&self.state, &kept.state);
        self.state = Arc::clone(&kept.state);
        self.done = step;
    }

    fn run_on(&mut self, until: u64) {
        match self.advance(until, &mut |_| ControlFlow::Continue(())) {
            Ok(()) => {}
            Err(error) => unreachable!("the run went to its end before, but now {error}"),
        }
    }

    /// Runs until `until` micro-steps are done or the machine stops.
    fn advance(&mut self, until: u64, progress: Progress<'_>) -> Result<(), RunError> {
        if let Some(fault) = self.fault
            && (self.done..until).contains(&fault.step)
        {
            self.machine.run_to(fault.step, progress)?;
            if is_running(&self.machine.regs()) {
                self.input_root();
                self.lay_down();
                let right = Arc::clone(&self.state);
                let Ok(_) = step(&mut Faulty::new(Arc::make_mut(&mut self.state), &fault));
                self.machine.restore(&right, &self.state);
            }
        }
        self.machine.run_to(until, progress)?;
        self.done = self.machine.regs().steps;
        Ok(())
    }
}

/// One past the last row that is not zero.
fn rows_used(region: &Region) -> u64 {
    region.nonzero().last().map_or(0, |(row, _)| row + 1)
}
