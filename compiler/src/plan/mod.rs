//! The plan: which values there are, how each lies in rows, and the tasks that make them, in order.
//!
//! A tensor of the integer IR becomes one value or more: one for each axis that its readers want in the lanes. What only
//! gives bytes another name is no task: the value is an alias of its source.

pub(crate) mod attention;
mod chain;
pub(crate) mod form;
mod fuse;
pub(crate) mod heads;
mod lanes;
pub(crate) mod movement;
mod packed;
pub(crate) mod separable;
mod tensors;
mod views;

use std::collections::{BTreeMap, BTreeSet};

use isa::{LANES, Leaf};

use crate::TargetLimits;
use crate::error::Result;
use crate::int_ir::{Addition, IntGraph, IntOp, TensorId};
use attention::Attention;
use form::Form;
use movement::Block;
use separable::Separable;

/// Index into [`Plan::values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ValueId(pub(crate) usize);

/// A tensor in one form.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) form: Form,
    /// Whether its elements are words, one after another in row-major order, instead.
    pub(crate) words: bool,
    /// Of an input whose pixels lie close together: bytes from one index to the next, by the input's own axes.
    pub(crate) packed: Option<Vec<u64>>,
    /// Rows from one index of each axis to the next, where its root holds them otherwise than the form says: only products of
    /// two values read or write such a value.
    pub(crate) strides: Option<Vec<u64>>,
    /// The value whose bytes these are: itself, unless it is an alias.
    pub(crate) root: ValueId,
    /// Its rows, if the model holds them.
    pub(crate) constant: Option<Vec<Leaf>>,
}

impl Value {
    /// Rows that it takes.
    pub(crate) fn rows(&self) -> u64 {
        if self.packed.is_some() {
            return (self.form.shape[0] * self.form.shape[2]) as u64 * self.line_rows();
        }
        if self.words {
            let count: usize = self.form.shape.iter().product();
            return (count * 4).div_ceil(LANES) as u64;
        }
        self.form.rows()
    }

    /// Rows of a line of a packed value.
    pub(crate) fn line_rows(&self) -> u64 {
        crate::lower::line_rows(self.form.shape[1], self.form.shape[3])
    }
}

/// What a task does.
#[derive(Clone, Debug)]
pub(crate) enum Work<'a> {
    /// An operation of the integer IR other than a movement.
    Op(&'a IntOp),
    /// Convolutions that are made together.
    Separable(Separable<'a>),
    /// Products over the same pixels, each of which reads the strips of the one before: as input or as what it is added to.
    Chain(Vec<Task<'a>>),
    /// Bytes that move; what is not written holds `fill`.
    Move { blocks: Vec<Block>, fill: Option<i8> },
    /// Products of two values, softmax of their rows, and the products of these with a third value.
    Attention(Box<Attention<'a>>),
}

/// What is done to the results of a product before they are stored.
#[derive(Clone, Debug)]
pub(crate) enum Epilogue<'a> {
    /// A sum with another value of the same form; whether that is the first summand.
    Add { other: ValueId, addition: Addition, first: bool },
    /// A table.
    Lut(&'a [i8; 256]),
}

/// Something that makes a value.
#[derive(Clone, Debug)]
pub(crate) struct Task<'a> {
    /// Name and operator of the ONNX node that it is part of.
    pub(crate) name: &'a str,
    pub(crate) op: &'static str,
    pub(crate) work: Work<'a>,
    pub(crate) inputs: Vec<ValueId>,
    pub(crate) epilogue: Vec<Epilogue<'a>>,
    pub(crate) output: ValueId,
}

impl Task<'_> {
    /// The nodes that it comes from.
    pub(crate) fn title(&self) -> String {
        match &self.work {
            Work::Chain(tasks) => tasks.iter().map(Task::title).collect::<Vec<_>>().join(" + "),
            Work::Separable(block) => block.ops().map(|op| op.name.as_str()).collect::<Vec<_>>().join(" + "),
            _ => self.name.into(),
        }
    }

    /// All values that it reads.
    pub(crate) fn reads(&self) -> impl Iterator<Item = ValueId> + '_ {
        let others = self.epilogue.iter().filter_map(|e| match e {
            Epilogue::Add { other, .. } => Some(*other),
            Epilogue::Lut(_) => None,
        });
        self.inputs.iter().copied().chain(others)
    }
}

/// The result of the pass.
pub(crate) struct Plan<'a> {
    pub(crate) graph: &'a IntGraph,
    pub(crate) values: Vec<Value>,
    pub(crate) tasks: Vec<Task<'a>>,
    /// By port.
    pub(crate) inputs: Vec<ValueId>,
    /// By port; no two have one root, and none is an input or a constant.
    pub(crate) outputs: Vec<ValueId>,
    /// The tensors that values are forms of.
    pub(crate) tensors: BTreeMap<ValueId, TensorId>,
}

impl Plan<'_> {
    pub(crate) fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    pub(crate) fn form(&self, id: ValueId) -> &Form {
        &self.values[id.0].form
    }

    pub(crate) fn root(&self, id: ValueId) -> ValueId {
        self.values[id.0].root
    }

    /// The rows of the model that are those of every pixel of a value.
    pub(crate) fn repeated(&self, id: ValueId) -> Option<&[Leaf]> {
        let rows = self.value(id).constant.as_ref()?;
        let mut pixels = rows.chunks(self.form(id).groups() as usize);
        let first = pixels.next()?;
        pixels.all(|pixel| pixel == first).then_some(first)
    }
}

/// Runs the pass. Tasks that make one of `apart` are not made together with those before them.
///
/// # Errors
/// Operations of ranks that cannot be lowered.
pub(crate) fn run<'a>(graph: &'a IntGraph, target: &TargetLimits, apart: &Apart) -> Result<Plan<'a>> {
    let mut plan = tensors::run(graph)?;
    prune(&mut plan);
    fuse::run(&mut plan);
    views::run(&mut plan);
    separable::run(&mut plan, target, apart);
    chain::run(&mut plan, target, apart);
    attention::run(&mut plan, target, apart);
    Ok(plan)
}

/// Values whose tasks could be made together with those before them, and are not to be.
pub(crate) type Apart = BTreeSet<ValueId>;

impl Plan<'_> {
    /// What could stand in [`Apart`]: a value for each task that is made together with another.
    pub(crate) fn joints(&self) -> Vec<ValueId> {
        let of = |task: &Task| match &task.work {
            Work::Separable(_) => vec![task.output],
            Work::Attention(attention) if attention.projections.is_some() => vec![task.output],
            Work::Chain(tasks) => tasks[1..].iter().map(|task| task.output).collect(),
            _ => vec![],
        };
        self.tasks.iter().flat_map(of).collect()
    }
}

/// Takes off the tasks whose values nothing reads.
fn prune(plan: &mut Plan) {
    let mut needed = vec![false; plan.values.len()];
    plan.outputs.iter().for_each(|id| needed[plan.values[id.0].root.0] = true);
    let mut kept = Vec::new();
    for task in std::mem::take(&mut plan.tasks).into_iter().rev() {
        if needed[task.output.0] {
            task.reads().for_each(|id| needed[plan.values[id.0].root.0] = true);
            kept.push(task);
        }
    }
    kept.reverse();
    plan.tasks = kept;
}
