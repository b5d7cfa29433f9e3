//! The projections before attention, where nothing else reads them: queries, keys and values of one head after another are made
//! from one input, and none of them leaves the chip.

use isa::LANES;
use ndarray::Array2;

use super::attention::Makers;
use super::{Epilogue, Plan, ValueId, Work};
use crate::int_ir::{Addition, IntKind, Requant};
use crate::lower::AttentionSizes;

/// A product with constant weights, and the sum with a pixel of the model that may follow it.
#[derive(Clone, Debug)]
pub(crate) struct Projection<'a> {
    pub(crate) weights: &'a Array2<i8>,
    pub(crate) requant: &'a Requant,
    pub(crate) summand: Option<Summand>,
}

/// What is added to each pixel, and whether it is the first operand.
#[derive(Clone, Debug)]
pub(crate) struct Summand {
    pub(crate) value: ValueId,
    pub(crate) addition: Addition,
    pub(crate) first: bool,
}

/// The tasks of the projections of queries, keys and values, and the value that all of them read.
pub(super) struct Projections<'a> {
    pub(super) tasks: [usize; 3],
    pub(super) weights: [Projection<'a>; 3],
    pub(super) input: ValueId,
}

/// The projections of attention, if each head's are whole groups of channels.
pub(super) fn found<'a>(
    plan: &Plan<'a>,
    makers: &Makers,
    operands: [ValueId; 3],
    sizes: &AttentionSizes,
) -> Option<Projections<'a>> {
    let [q, k, v] = operands.map(|id| projection(plan, makers, id, sizes));
    let (q, k, v) = (q?, k?, v?);
    let rows_hold_keys = |id: ValueId| plan.form(id).lane + 1 == plan.form(id).shape.len();
    let forms = rows_hold_keys(operands[0]) && !rows_hold_keys(operands[1]) && rows_hold_keys(operands[2]);
    let same = q.2 == k.2 && q.2 == v.2 && sizes.rows == sizes.keys;
    (forms && same).then_some(Projections { tasks: [q.0, k.0, v.0], weights: [q.1, k.1, v.1], input: q.2 })
}

/// The task that makes one operand, its weights and what it reads.
fn projection<'a>(
    plan: &Plan<'a>,
    makers: &Makers,
    id: ValueId,
    sizes: &AttentionSizes,
) -> Option<(usize, Projection<'a>, ValueId)> {
    let (form, root) = (plan.form(id), plan.root(id));
    let index = makers.only(plan, root)?;
    let task = &plan.tasks[index];
    let Work::Op(op) = task.work else { return None };
    let IntKind::Dense { weights, requant } = &op.kind else { return None };
    let (x, made) = (plan.form(task.inputs[0]), plan.form(root));
    let by_pixel = x.channels() == weights.nrows() && x.lane + 1 == x.shape.len() && made.pixels() == sizes.keys;
    if !by_pixel {
        return None;
    }
    let summand = match task.epilogue[..] {
        [] => None,
        [Epilogue::Add { other, addition, first }] if plan.repeated(other).is_some() => {
            Some(Summand { value: other, addition, first })
        }
        _ => return None,
    };
    let own = || form.strides().iter().map(|stride| stride / LANES as u64).collect();
    let strides: Vec<u64> = plan.value(id).strides.clone().unwrap_or_else(own);
    let rank = form.shape.len();
    let token = if form.lane + 1 == rank { rank - 2 } else { rank - 1 };
    let (groups, batches) = (form.groups(), sizes.batches as u64);
    let mut heads = (0..rank - 2).filter(|&axis| form.shape[axis] > 1);
    let head = heads.next();
    let apart = head.is_none_or(|axis| strides[axis] == groups && form.shape[axis] == sizes.batches);
    let whole = form.channels().is_multiple_of(LANES) && groups * batches == made.groups();
    let rows = strides[token] == made.groups() && form.shape[token] as u64 == sizes.keys;
    (apart && whole && rows && heads.next().is_none()).then_some((
        index,
        Projection { weights, requant, summand },
        task.inputs[0],
    ))
}
