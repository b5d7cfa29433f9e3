//! Cycles of a program, from outside: the compiler compares what it could write, and does not know what machines take.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use isa::program::Program;

/// Cycles that an instruction more must save.
const INSTRUCTION: u64 = 8;
/// Of so many cycles one may be lost where nothing better is looked for.
const TIGHT: u64 = 50;

/// What a program takes on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prediction {
    /// Cycles of a run.
    pub cycles: u64,
    /// Cycles that one unit is at work, other than the memory port: no order of the same work takes less.
    pub busy: u64,
}

impl Prediction {
    /// Cycles, and a few for each instruction of a text: one more must save as many.
    pub(crate) fn cost(self, instructions: usize) -> u64 {
        self.cycles + INSTRUCTION * instructions as u64
    }

    /// Whether there is hardly anything to save.
    pub(crate) fn is_tight(self) -> bool {
        self.loses_less_than(TIGHT)
    }

    /// Whether the busiest unit waits in less than one of so many cycles.
    pub(crate) fn loses_less_than(self, part: u64) -> bool {
        self.cycles.saturating_sub(self.busy) < self.cycles / part
    }
}

/// Predicts what a program takes on the machine that it is compiled for; nothing, where that cannot be told.
#[derive(Clone)]
pub struct Predictor(Arc<Predict>);

type Predict = dyn Fn(&Program, u64) -> Option<Prediction> + Send + Sync;

impl Predictor {
    /// From a function whose result depends on the program alone, and on the cycles above which it may be nothing.
    pub fn new(predict: impl Fn(&Program, u64) -> Option<Prediction> + Send + Sync + 'static) -> Predictor {
        Predictor(Arc::new(predict))
    }

    /// What a program takes.
    pub(crate) fn of(&self, program: &Program) -> Option<Prediction> {
        (self.0)(program, u64::MAX)
    }

    /// The same, unless it costs more than this.
    pub(crate) fn within(&self, program: &Program, cost: u64) -> Option<Prediction> {
        let instructions = INSTRUCTION * program.text.len() as u64;
        (self.0)(program, cost.checked_sub(instructions)?)
    }
}

/// The results of a function for several items, found on all processors.
pub(crate) fn all<T: Sync, R: Send + Clone>(items: &[T], cost: impl Fn(&T) -> Option<R> + Sync) -> Vec<Option<R>> {
    let threads = threads().min(items.len());
    if threads < 2 {
        return items.iter().map(cost).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        let take = || next.fetch_add(1, Ordering::Relaxed);
        while let (index, Some(item)) = at(items, take()) {
            done.push((index, cost(item)));
        }
        done
    };
    let mut costs = vec![None; items.len()];
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for (index, found) in threads.into_iter().filter_map(|thread| thread.join().ok()).flatten() {
            costs[index] = found;
        }
    });
    costs
}

/// Processors.
pub(crate) fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn at<T>(items: &[T], index: usize) -> (usize, Option<&T>) {
    (index, items.get(index))
}

impl fmt::Debug for Predictor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Predictor")
    }
}

impl PartialEq for Predictor {
    fn eq(&self, other: &Predictor) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
