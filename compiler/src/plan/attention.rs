//! Attention: products of two values, softmax of their rows and the products of these with a third value become one task,
//! whose scores never leave the chip.

use super::{Plan, Task, ValueId, Work};
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
    pub(crate) sizes: AttentionSizes,
    /// Rows of a strip.
    pub(crate) strip: u64,
    /// Rows of a bank of spad.
    pub(crate) bank: u64,
}

/// Runs the pass: the tasks whose strips fit the target.
pub(crate) fn run(plan: &mut Plan, target: &TargetLimits) {
    let makers = Makers::new(plan);
    let mut gone = vec![false; plan.tasks.len()];
    for index in 0..plan.tasks.len() {
        if let Some((first, second, task)) = found(plan, &makers, index, target) {
            plan.tasks[index] = task;
            (gone[first], gone[second]) = (true, true);
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
struct Makers(Vec<(Option<usize>, usize)>);

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
    fn only(&self, plan: &Plan, id: ValueId) -> Option<usize> {
        let (task, uses) = self.0[id.0];
        task.filter(|_| uses == 1 && plan.root(id) == id)
    }
}

fn found<'a>(
    plan: &Plan<'a>,
    makers: &Makers,
    index: usize,
    target: &TargetLimits,
) -> Option<(usize, usize, Task<'a>)> {
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
    };
    let strip = attention_strip(&sizes, target)?;
    let (name, output) = (plan.tasks[first].name, last.output);
    let work = Work::Attention(Attention { scores, scale: *scale, to: *to, values, sizes, strip, bank: bank(target) });
    Some((first, second, Task { name, op: "Attention", work, inputs: vec![q, k, v], epilogue: vec![], output }))
}
