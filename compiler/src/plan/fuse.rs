//! Sums and tables become part of the product whose result they read: no intermediate value is stored.

use super::{Epilogue, Plan, Task, ValueId, Work};
use crate::int_ir::IntKind;

/// Runs the pass.
pub(super) fn run(plan: &mut Plan) {
    let uses = uses(plan);
    let mut kept: Vec<Option<Task>> = Vec::with_capacity(plan.tasks.len());
    // Who makes a value, by root.
    let mut maker: Vec<Option<usize>> = vec![None; plan.values.len()];
    for task in std::mem::take(&mut plan.tasks) {
        let output = task.output;
        match absorb(plan, &task, &kept, &maker, &uses) {
            Some((product, epilogue)) => {
                if let Some(before) = &mut kept[product] {
                    before.epilogue.push(epilogue);
                    before.output = output;
                }
                maker[output.0] = Some(product);
            }
            None => {
                maker[output.0] = Some(kept.len());
                kept.push(Some(task));
            }
        }
    }
    plan.tasks = kept.into_iter().flatten().collect();
}

/// How often a root is read, as an output of the program included.
pub(super) fn uses(plan: &Plan) -> Vec<usize> {
    let mut uses = vec![0; plan.values.len()];
    let reads = plan.tasks.iter().flat_map(|task| task.reads().collect::<Vec<_>>());
    reads.chain(plan.outputs.iter().copied()).for_each(|id| uses[plan.root(id).0] += 1);
    uses
}

/// The task that this one can become a part of, and as what.
fn absorb<'a>(
    plan: &Plan<'a>,
    task: &Task<'a>,
    kept: &[Option<Task<'a>>],
    maker: &[Option<usize>],
    uses: &[usize],
) -> Option<(usize, Epilogue<'a>)> {
    let Work::Op(op) = &task.work else { return None };
    let product = |id: ValueId| {
        let index = maker[plan.root(id).0].filter(|_| plan.root(id) == id && uses[id.0] == 1)?;
        let before = kept[index].as_ref()?;
        let Work::Op(op) = &before.work else { return None };
        matches!(op.kind, IntKind::Conv { .. } | IntKind::Dense { .. }).then_some(index)
    };
    match &op.kind {
        IntKind::Lut(table) => Some((product(task.inputs[0])?, Epilogue::Lut(table))),
        IntKind::Add(addition) => {
            let [a, b] = [task.inputs[0], task.inputs[1]];
            let sum = |own: ValueId, other: ValueId, first: bool| {
                let index = product(own)?;
                // The other summand must be there when the product runs.
                let there = maker[plan.root(other).0].is_none_or(|other| other < index);
                (there && own != other).then_some((index, Epilogue::Add { other, addition: *addition, first }))
            };
            sum(b, a, true).or_else(|| sum(a, b, false))
        }
        _ => None,
    }
}
