//! Movements of whole rows next to products of two values: a product finds its operands' rows where they lie, and puts
//! those of its result where they are wanted.

use isa::LANES;

use super::form::Form;
use super::movement::{Axis, Block};
use super::{Plan, Task, ValueId, Work};
use crate::int_ir::IntKind;

const ROW: u64 = LANES as u64;

/// Runs the pass.
pub(super) fn run(plan: &mut Plan) {
    let mut pass = Pass::new(plan);
    let moves = |task: &Task| matches!(task.work, Work::Move { .. });
    for index in 0..plan.tasks.len() {
        if moves(&plan.tasks[index]) && (pass.before(plan, index) || pass.after(plan, index)) {
            pass.gone[index] = true;
        }
    }
    let mut gone = pass.gone.into_iter();
    plan.tasks.retain(|_| !gone.next().unwrap_or(false));
}

fn is_product(task: &Task) -> bool {
    matches!(task.work, Work::Op(op) if matches!(op.kind, IntKind::MatMul { .. }))
}

/// The movement of a task that moves one value's rows, and the two values, if no one reads or wrote them by other strides.
fn movement<'a>(plan: &'a Plan, task: &'a Task) -> Option<(&'a Block, ValueId, ValueId)> {
    let Work::Move { blocks, fill: None } = &task.work else { return None };
    let ([block], &[from]) = (&blocks[..], &task.inputs[..]) else { return None };
    let (a, root, to) = (plan.value(from), plan.value(plan.root(from)), task.output);
    let plain = a.strides.is_none() && root.packed.is_none() && !root.words && plan.root(to) == to;
    plain.then_some((block, from, to))
}

struct Pass {
    /// How many tasks and outputs read a root.
    uses: Vec<usize>,
    /// How many products read a value by itself.
    products: Vec<usize>,
    /// Which roots a product made.
    made: Vec<bool>,
    /// The tasks that are not needed any more.
    gone: Vec<bool>,
}

impl Pass {
    fn new(plan: &Plan) -> Pass {
        let count = plan.values.len();
        let (mut uses, mut products, mut made) = (vec![0; count], vec![0; count], vec![false; count]);
        for task in &plan.tasks {
            task.reads().for_each(|id| uses[plan.root(id).0] += 1);
            if is_product(task) {
                task.inputs.iter().for_each(|id| products[id.0] += 1);
                made[task.output.0] = true;
            }
        }
        plan.outputs.iter().for_each(|&id| uses[plan.root(id).0] += 1);
        Pass { uses, products, made, gone: vec![false; plan.tasks.len()] }
    }

    /// Where only products read what was moved, they read what there was before.
    fn before(&mut self, plan: &mut Plan, index: usize) -> bool {
        let Some((block, from, to)) = movement(plan, &plan.tasks[index]) else { return false };
        let read = self.products[to.0];
        if read == 0 || read != self.uses[to.0] {
            return false;
        }
        let Some(strides) = strides(block, plan.form(to), |axis| (axis.to, axis.from)) else { return false };
        let root = plan.root(from);
        let value = &mut plan.values[to.0];
        (value.root, value.strides) = (root, Some(strides));
        self.uses[root.0] += read - 1;
        true
    }

    /// Where a product made what is moved, and nothing else reads it, it puts its rows where they go.
    fn after(&mut self, plan: &mut Plan, index: usize) -> bool {
        let Some((block, from, to)) = movement(plan, &plan.tasks[index]) else { return false };
        let root = plan.root(from);
        if !self.made[root.0] || self.uses[root.0] != 1 || plan.form(root).rows() != plan.form(to).rows() {
            return false;
        }
        let Some(strides) = strides(block, plan.form(root), |axis| (axis.from, axis.to)) else { return false };
        let value = &mut plan.values[root.0];
        (value.root, value.strides) = (to, Some(strides));
        true
    }
}

/// Rows from one index to the next of each axis of a form whose bytes are on one side of a box, on its other side; if the box
/// moves whole rows.
fn strides(block: &Block, form: &Form, side: impl Fn(&Axis) -> (u64, u64)) -> Option<Vec<u64>> {
    let elements: u64 = form.shape.iter().map(|&size| size as u64).product();
    let moved: u64 = block.axes.iter().map(|axis| axis.size).product();
    if block.from != 0 || block.to != 0 || moved != elements {
        return None;
    }
    let other = |(axis, stride): (usize, u64)| {
        let size = form.shape[axis] as u64;
        if size == 1 {
            return Some(0);
        }
        // The axis of the box that this one is a part of.
        let within = block.axes.iter().find_map(|axis| {
            let (own, other) = side(axis);
            let part = own > 0 && stride % own == 0 && stride * size <= own * axis.size;
            part.then(|| stride / own * other)
        })?;
        let lane = axis == form.lane;
        (if lane { within == 1 } else { within.is_multiple_of(ROW) }).then_some(within / ROW)
    };
    form.strides().into_iter().enumerate().map(other).collect()
}
