//! Depthwise convolutions between pointwise ones become one task: what is between them is made and read group by group of
//! channels, and never has a place of its own.

use super::{Apart, Plan, Task, ValueId, Work};
use crate::TargetLimits;
use crate::int_ir::{IntKind, IntOp, IntWindow, Requant};
use crate::lower::Tiles;
use ndarray::Array4;

/// A depthwise convolution, the pointwise one that reads it, and the pointwise one that it reads, if there is one.
#[derive(Clone, Debug)]
pub(crate) struct Separable<'a> {
    pub(crate) expand: Option<&'a IntOp>,
    pub(crate) depthwise: &'a IntOp,
    pub(crate) project: &'a IntOp,
}

/// The parameters of a convolution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conv<'a> {
    pub(crate) weights: &'a Array4<i8>,
    pub(crate) groups: usize,
    pub(crate) window: &'a IntWindow,
    pub(crate) pad: i8,
    pub(crate) requant: &'a Requant,
}

impl<'a> Conv<'a> {
    /// Those of an operation, if it is a convolution.
    pub(crate) fn of(op: &'a IntOp) -> Option<Conv<'a>> {
        match &op.kind {
            IntKind::Conv { weights, groups, window, pad_value, requant } => {
                Some(Conv { weights, groups: *groups, window, pad: *pad_value, requant })
            }
            _ => None,
        }
    }

    fn is_pointwise(&self) -> bool {
        let window = self.window;
        self.groups == 1 && window.kernel == [1, 1] && window.strides == [1, 1] && window.pads == [0; 4]
    }

    fn is_depthwise(&self) -> bool {
        let (outputs, channels, ..) = self.weights.dim();
        let window = self.window;
        let near = (0..4).all(|side| window.pads[side] < window.kernel[side % 2]);
        channels == 1 && self.groups == outputs && outputs > 1 && window.dilations == [1, 1] && near
    }
}

impl<'a> Separable<'a> {
    /// All its operations, in order.
    pub(crate) fn ops(&self) -> impl Iterator<Item = &'a IntOp> + use<'a> {
        self.expand.into_iter().chain([self.depthwise, self.project])
    }
}

/// Runs the pass.
pub(super) fn run(plan: &mut Plan, target: &TargetLimits, apart: &Apart) {
    let uses = super::fuse::uses(plan);
    let mut kept: Vec<Option<Task>> = Vec::with_capacity(plan.tasks.len());
    // Who makes a value, by root.
    let mut maker: Vec<Option<usize>> = vec![None; plan.values.len()];
    for task in std::mem::take(&mut plan.tasks) {
        let joined = joined(plan, &task, &kept, &maker, &uses).filter(|_| !apart.contains(&task.output));
        let task = match joined {
            Some((block, before)) if Tiles::new(plan, &block).is_some_and(|tiles| tiles.fit(target)) => {
                before.into_iter().for_each(|index| kept[index] = None);
                block
            }
            _ => task,
        };
        maker[task.output.0] = Some(kept.len());
        kept.push(Some(task));
    }
    plan.tasks = kept.into_iter().flatten().collect();
}

/// The task that a pointwise convolution becomes with those before it, and which these are.
fn joined<'a>(
    plan: &Plan<'a>,
    task: &Task<'a>,
    kept: &[Option<Task<'a>>],
    maker: &[Option<usize>],
    uses: &[usize],
) -> Option<(Task<'a>, Vec<usize>)> {
    let op = |task: &Task<'a>| if let Work::Op(op) = task.work { Some(op) } else { None };
    // The task that makes a value which nothing else reads.
    let only = |id: ValueId| {
        let index = maker[id.0].filter(|_| plan.root(id) == id && uses[id.0] == 1)?;
        let before = kept[index].as_ref().filter(|before| before.epilogue.is_empty())?;
        Some((index, op(before)?, before.inputs[0]))
    };
    let project = op(task).filter(|op| Conv::of(op).is_some_and(|conv| conv.is_pointwise()))?;
    let (index, depthwise, mut input) = only(task.inputs[0])?;
    Conv::of(depthwise).filter(Conv::is_depthwise)?;
    let (mut before, mut expand) = (vec![index], None);
    if let Some((index, op, from)) = only(input)
        && Conv::of(op).is_some_and(|conv| conv.is_pointwise())
    {
        (expand, input) = (Some(op), from);
        before.push(index);
    }
    if plan.value(input).packed.is_some() {
        return None;
    }
    let work = Work::Separable(Separable { expand, depthwise, project });
    Some((Task { work, inputs: vec![input], ..task.clone() }, before))
}
