//! Pointwise convolutions follow the product that they alone read strip by strip, where the weights of all of them fit on chip and what
//! is between does not: it is neither stored nor brought in again.

use isa::{LANES, TILE_ROWS};

use super::separable::Conv;
use super::{Apart, Plan, Task, ValueId, Work};
use crate::TargetLimits;

/// Runs the pass.
pub(super) fn run(plan: &mut Plan, target: &TargetLimits, apart: &Apart) {
    let uses = super::fuse::uses(plan);
    let rows = 1u64 << target.spad_log2;
    let mut tasks: Vec<Task> = Vec::with_capacity(plan.tasks.len());
    let mut before = std::mem::take(&mut plan.tasks).into_iter().peekable();
    while let Some(task) = before.next() {
        let mut chain = vec![task];
        let mut weights = weights(&chain[0]);
        while let Some(next) = before.peek().filter(|next| !apart.contains(&next.output))
            && let Some(more) = weights.filter(|_| follows(plan, &uses, &chain, next, rows)).and(self::weights(next))
            && weights.is_some_and(|weights| weights + more <= rows * 3 / 8)
        {
            weights = weights.map(|weights| weights + more);
            chain.extend(before.next());
        }
        match (chain.pop(), &chain[..]) {
            (Some(task), []) => tasks.push(task),
            (Some(last), _) => {
                chain.push(last);
                tasks.push(joined(plan, chain));
            }
            (None, _) => {}
        }
    }
    plan.tasks = tasks;
}

/// Rows of the weights of a convolution of all channels.
fn weights(task: &Task) -> Option<u64> {
    let Work::Op(op) = task.work else { return None };
    let conv = Conv::of(op).filter(|conv| conv.groups == 1)?;
    let (outputs, channels, kh, kw) = conv.weights.dim();
    Some((outputs.div_ceil(LANES) * channels.div_ceil(LANES) * kh * kw * TILE_ROWS) as u64)
}

/// Whether a task can follow: a pointwise convolution over the pixels of the one before, which it reads.
fn follows(plan: &Plan, uses: &[usize], chain: &[Task], task: &Task, rows: u64) -> bool {
    let Work::Op(op) = task.work else { return false };
    let Some(conv) = Conv::of(op).filter(|conv| conv.window.kernel == [1, 1] && conv.window.pads == [0; 4]) else {
        return false;
    };
    let [first, .., last] = [&chain[0], &chain[chain.len() - 1]];
    let (own, image) = (plan.form(task.output).image(), plan.form(last.output).image());
    let packed = [first, task].iter().any(|task| plan.value(task.inputs[0]).packed.is_some());
    let made = |id: ValueId| chain.iter().position(|task| task.output == plan.root(id));
    // What is read is that of the task just before, under its own name.
    let near = task.reads().all(|id| made(id).is_none_or(|index| index + 1 == chain.len() && plan.root(id) == id));
    let strides = made(task.inputs[0]).is_none() || conv.window.strides == [1, 1];
    let reads = task.reads().filter(|&id| id == last.output).count();
    let alone = reads > 0 && reads == uses[last.output.0];
    !packed && own == image && near && strides && alone && plan.form(last.output).rows() > rows / 2
}

/// The chain, which reads what its tasks do not make.
fn joined<'a>(plan: &Plan, tasks: Vec<Task<'a>>) -> Task<'a> {
    let made: Vec<ValueId> = tasks.iter().map(|task| task.output).collect();
    let mut inputs: Vec<ValueId> = Vec::new();
    for id in tasks.iter().flat_map(Task::reads) {
        if !made.contains(&plan.root(id)) && !inputs.contains(&id) {
            inputs.push(id);
        }
    }
    let last = tasks[tasks.len() - 1].clone();
    Task { work: Work::Chain(tasks), inputs, epilogue: vec![], ..last }
}
