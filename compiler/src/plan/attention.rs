//! Attention: products of two values, softmax of their rows and the products of these with a third value become one task,
//! whose scores never leave the chip.

use super::heads::{self, Projection};
use super::{Apart, Plan, Task, ValueId, Work};
use crate::TargetLimits;
use crate::idiom::data::Quant;
use crate::int_ir::{IntKind, IntOp, Requant};
use crate::lower::{AttentionSizes, attention_strip, bank};

/// One of its products: zero points, and how its sums become bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product<'a> {
    pub(crate) zeros: [i8; 2],
    pub(crate) requant: &'a Requant,
}

impl<'a> Product<'a> {
    fn of(op: &'a IntOp) -> Option<Product<'a>> {
        let IntKind::MatMul { zeros, requant } = &op.kind else { return None };
        Some(Product { zeros: *zeros, requant })
    }
}

/// What the task does.
#[derive(Clone, Debug)]
pub(crate) struct Attention<'a> {
    pub(crate) scores: Product<'a>,
    /// Real value of one step of a score, and how probabilities are written.
    pub(crate) scale: f64,
    pub(crate) to: Quant,
    pub(crate) values: Product<'a>,
    /// The projections that make queries, keys and values, where they are part of it; then the task reads their input.
    pub(crate) projections: Option<[Projection<'a>; 3]>,
    pub(crate) sizes: AttentionSizes,
    /// Rows of a strip.
    pub(crate) strip: u64,
    /// Rows of a bank of spad.
    pub(crate) bank: u64,
}

/// Runs the pass: the tasks whose strips fit the target.
pub(super) fn run(plan: &mut Plan, target: &TargetLimits, apart: &Apart) {
    let makers = Makers::new(plan);
    let mut gone = vec![false; plan.tasks.len()];
    for index in 0..plan.tasks.len() {
        if let Some((parts, task)) = found(plan, &makers, index, (target, apart)) {
            plan.tasks[index] = task;
            parts.iter().for_each(|&part| gone[part] = true);
        }
    }
    let mut gone = gone.into_iter();
    plan.tasks.retain(|_| !gone.next().unwrap_or(false));
}

fn op<'a>(task: &Task<'a>) -> Option<&'a IntOp> {
    match task.work {
        Work::Op(op) => Some(op),
        _ => None,
    }
}

/// Which task makes a value, and how often it is read.
pub(super) struct Makers(Vec<(Option<usize>, usize)>);

impl Makers {
    fn new(plan: &Plan) -> Makers {
        let mut makers = vec![(None, 0); plan.values.len()];
        for (index, task) in plan.tasks.iter().enumerate() {
            makers[task.output.0].0 = Some(index);
            task.reads().for_each(|id| makers[plan.root(id).0].1 += 1);
        }
        plan.outputs.iter().for_each(|&id| makers[plan.root(id).0].1 += 1);
        Makers(makers)
    }

    /// The task that makes a value which only one other reads, if the value is a root.
    pub(super) fn only(&self, plan: &Plan, id: ValueId) -> Option<usize> {
        let (task, uses) = self.0[id.0];
        task.filter(|_| uses == 1 && plan.root(id) == id)
    }
}

fn found<'a>(
    plan: &Plan<'a>,
    makers: &Makers,
    index: usize,
    (target, apart): (&TargetLimits, &Apart),
) -> Option<(Vec<usize>, Task<'a>)> {
    let last = &plan.tasks[index];
    let values = Product::of(op(last)?)?;
    let second = makers.only(plan, last.inputs[0])?;
    let IntKind::Softmax { scale, to } = &op(&plan.tasks[second])?.kind else { return None };
    let first = makers.only(plan, plan.tasks[second].inputs[0])?;
    let scores = Product::of(op(&plan.tasks[first])?)?;
    let [q, k, v] = [plan.tasks[first].inputs[0], plan.tasks[first].inputs[1], last.inputs[1]];
    let [q_form, out, score] = [q, last.output, plan.tasks[first].output].map(|id| plan.form(id));
    let rank = out.shape.len();
    // Each matrix of scores has one of values.
    if score.shape.len() != rank || score.shape[..rank - 2] != out.shape[..rank - 2] {
        return None;
    }
    let sizes = AttentionSizes {
        batches: out.shape[..rank - 2].iter().product(),
        rows: out.shape[rank - 2] as u64,
        features: q_form.channels() as u64,
        keys: score.shape[rank - 1] as u64,
        columns: out.shape[rank - 1] as u64,
        inputs: 0,
    };
    let (name, output) = (plan.tasks[first].name, last.output);
    let mut attention =
        Attention { scores, scale: *scale, to: *to, values, projections: None, sizes, strip: 0, bank: bank(target) };
    let (mut parts, mut inputs) = (vec![first, second], vec![q, k, v]);
    let made = heads::found(plan, makers, [q, k, v], &sizes).filter(|_| !apart.contains(&output));
    let made = made.and_then(|made| {
        let sizes = AttentionSizes { inputs: plan.form(made.input).channels() as u64, ..sizes };
        Some((attention_strip(&sizes, target)?, sizes, made))
    });
    if let Some((strip, sizes, made)) = made {
        parts.extend(made.tasks);
        inputs = vec![made.input];
        attention = Attention { projections: Some(made.weights), sizes, strip, ..attention };
    } else {
        attention.strip = attention_strip(&sizes, target)?;
    }
    let work = Work::Attention(Box::new(attention));
    Some((parts, Task { name, op: "Attention", work, inputs, epilogue: vec![], output }))
}
