//! The values of each tensor of the integer IR, and a task for each operation that makes one.

use std::collections::BTreeMap;

use isa::{LANES, ZERO};
use ndarray::ArrayD;

use super::form::Form;
use super::movement::Block;
use super::{Plan, Task, Value, ValueId, Work, lanes, movement, packed};
use crate::error::{CompileError, Result};
use crate::int_ir::{IntGraph, IntKind, IntOp, TensorId};

/// Plans operation by operation; what can be joined is joined later.
///
/// # Errors
/// Operations of ranks that cannot be lowered.
pub(super) fn run(graph: &IntGraph) -> Result<Plan<'_>> {
    let mut pass = Pass {
        graph,
        wanted: lanes::wanted(graph),
        plan: Plan { graph, values: vec![], tasks: vec![], inputs: vec![], outputs: vec![], tensors: BTreeMap::new() },
        of: BTreeMap::new(),
        constants: BTreeMap::new(),
        source: BTreeMap::new(),
    };
    let mut packed = packed::inputs(graph);
    for port in &graph.inputs {
        let tensor = graph.tensor(port.tensor);
        let words = tensor.quantization.is_none();
        let (id, read) = match packed.remove(&port.tensor) {
            Some(input) => {
                let id = pass.add(input.form, words);
                pass.plan.values[id.0].packed = Some(input.strides);
                (id, input.tensor)
            }
            None => {
                let form = Form { shape: tensor.shape.clone(), lane: pass.lane(port.tensor) };
                (pass.add(form, words), port.tensor)
            }
        };
        pass.of.insert((read, pass.plan.form(id).lane), id);
        pass.plan.inputs.push(id);
    }
    let live = live(graph);
    for (op, _) in graph.ops.iter().zip(live).filter(|(_, live)| *live) {
        pass.op(op).map_err(|reason| CompileError::node(&op.name, op.op, reason))?;
    }
    pass.outputs()?;
    let mut plan = pass.plan;
    plan.tensors = pass.of.iter().map(|(&(tensor, _), &value)| (value, tensor)).collect();
    Ok(plan)
}

/// Which operations an output needs.
fn live(graph: &IntGraph) -> Vec<bool> {
    let mut needed = vec![false; graph.tensors.len()];
    graph.outputs.iter().for_each(|port| needed[port.tensor.0] = true);
    let mut live: Vec<bool> = graph
        .ops
        .iter()
        .rev()
        .map(|op| {
            let live = needed[op.output.0];
            op.inputs.iter().for_each(|id| needed[id.0] |= live);
            live
        })
        .collect();
    live.reverse();
    live
}

struct Pass<'a> {
    graph: &'a IntGraph,
    /// The axis that the readers of a tensor want in the lanes.
    wanted: Vec<Option<usize>>,
    plan: Plan<'a>,
    /// The values of a tensor, by their lane.
    of: BTreeMap<(TensorId, usize), ValueId>,
    constants: BTreeMap<TensorId, &'a ArrayD<i8>>,
    /// What a reshape reads.
    source: BTreeMap<TensorId, TensorId>,
}

impl<'a> Pass<'a> {
    fn add(&mut self, form: Form, words: bool) -> ValueId {
        let root = ValueId(self.plan.values.len());
        self.plan.values.push(Value { form, words, packed: None, strides: None, root, constant: None });
        root
    }

    fn shape(&self, id: TensorId) -> &'a [usize] {
        &self.graph.tensor(id).shape
    }

    fn last(&self, id: TensorId) -> usize {
        self.shape(id).len().saturating_sub(1)
    }

    /// The axis of a tensor that lies in the lanes if nothing else decides.
    fn lane(&self, id: TensorId) -> usize {
        self.wanted[id.0].unwrap_or(if self.shape(id).len() == 4 { 1 } else { self.last(id) })
    }

    /// The value of a tensor that was made first.
    fn primary(&self, id: TensorId) -> Option<ValueId> {
        self.of.iter().filter(|((tensor, _), _)| *tensor == id).map(|(_, &value)| value).min()
    }

    /// The lane of the value of a tensor that was made first.
    fn primary_lane(&self, id: TensorId) -> usize {
        self.primary(id).map_or_else(|| self.lane(id), |value| self.plan.form(value).lane)
    }

    /// A tensor with this axis in the lanes.
    fn operand(&mut self, op: &'a IntOp, id: TensorId, lane: usize) -> ValueId {
        if let Some(&value) = self.of.get(&(id, lane)) {
            return value;
        }
        let form = Form { shape: self.shape(id).to_vec(), lane };
        if let Some(&values) = self.constants.get(&id) {
            let value = self.constant(&form, values);
            self.of.insert((id, lane), value);
            return value;
        }
        let Some(from) = self.primary(id) else { return self.add(form, false) };
        if self.plan.value(from).words {
            return from;
        }
        let input = self.plan.form(from).clone();
        let whole = vec![0; form.shape.len()];
        let block = movement::part(0, (&input, &whole), (&form, &whole), &form.shape);
        let value = self.moved(op, vec![block], None, &[from], form);
        self.of.insert((id, lane), value);
        value
    }

    /// A value of the model.
    fn constant(&mut self, form: &Form, values: &ArrayD<i8>) -> ValueId {
        let mut rows = vec![ZERO; form.rows() as usize];
        let strides = form.strides();
        for (index, value) in values.indexed_iter() {
            let at: usize = (0..strides.len()).map(|axis| index[axis] * strides[axis] as usize).sum();
            rows[at / LANES][at % LANES] = value.cast_unsigned();
        }
        let id = self.add(form.clone(), false);
        self.plan.values[id.0].constant = Some(rows);
        id
    }

    /// The result of a movement: an alias where nothing moves.
    fn moved(
        &mut self,
        op: &'a IntOp,
        blocks: Vec<Block>,
        fill: Option<i8>,
        inputs: &[ValueId],
        form: Form,
    ) -> ValueId {
        let rows = form.rows();
        let id = self.add(form, false);
        let stays = fill.is_none() && blocks.iter().all(|block| block.source == 0 && block.stays());
        if let &[from] = inputs
            && stays
            && self.plan.form(from).rows() == rows
        {
            let source = self.plan.value(from).clone();
            self.plan.values[id.0].root = source.root;
            self.plan.values[id.0].constant = source.constant;
            return id;
        }
        self.task(op, Work::Move { blocks, fill }, inputs.to_vec(), id);
        id
    }

    fn task(&mut self, op: &'a IntOp, work: Work<'a>, inputs: Vec<ValueId>, output: ValueId) {
        self.plan.tasks.push(Task { name: &op.name, op: op.op, work, inputs, epilogue: vec![], output });
    }

    /// Records what an operation makes.
    fn made(&mut self, op: &IntOp, value: ValueId) {
        let lane = self.plan.form(value).lane;
        self.of.insert((op.output, lane), value);
    }

    /// A task of the operation itself, whose result has this lane.
    fn compute(&mut self, op: &'a IntOp, inputs: Vec<ValueId>, lane: usize) {
        let value = self.add(Form { shape: self.shape(op.output).to_vec(), lane }, false);
        self.task(op, Work::Op(op), inputs, value);
        self.made(op, value);
    }

    fn op(&mut self, op: &'a IntOp) -> Result<(), String> {
        let out = op.output;
        if self.primary(out).is_some() {
            // The host gives the transpose of an input.
            return Ok(());
        }
        match &op.kind {
            IntKind::Constant(values) => {
                self.constants.insert(out, values);
                let lane = self.lane(out);
                self.operand(op, out, lane);
            }
            IntKind::Conv { .. } | IntKind::MaxPool(_) | IntKind::AveragePool(_) => {
                if self.shape(out).len() != 4 {
                    return Err("it is not two-dimensional".into());
                }
                let x = self.operand(op, op.input(), 1);
                self.compute(op, vec![x], 1);
            }
            IntKind::Dense { .. } => self.dense(op),
            IntKind::Softmax { .. } | IntKind::Norm(_) => {
                let lane = self.last(op.input());
                let x = self.operand(op, op.input(), lane);
                self.compute(op, vec![x], lane);
            }
            IntKind::MatMul { .. } => self.matmul(op),
            IntKind::ResizeLinear { axes, .. } => {
                let resized = |axis: &usize| axes.iter().any(|a| a.axis == *axis);
                let lane = Some(self.primary_lane(op.input())).filter(|axis| !resized(axis));
                let lane = lane.or_else(|| (0..self.shape(out).len()).rfind(|axis| !resized(axis)));
                let Some(lane) = lane else {
                    self.element_by_element(op);
                    return Ok(());
                };
                let x = self.operand(op, op.input(), lane);
                self.compute(op, vec![x], lane);
            }
            IntKind::Clamp { .. } | IntKind::Lut(_) | IntKind::PRelu(_) => {
                let lane = match &op.kind {
                    IntKind::PRelu(prelu) if prelu.negative.len() > 1 => prelu.axis,
                    _ => self.primary_lane(op.input()),
                };
                let x = self.operand(op, op.input(), lane);
                self.compute(op, vec![x], lane);
            }
            IntKind::Add(_) | IntKind::Mul { .. } => self.pair(op),
            IntKind::Mean { axes, .. } => self.mean(op, axes),
            IntKind::ArgMax { axis, .. } => {
                let x = self.operand(op, op.input(), *axis);
                let value = self.add(Form { shape: self.shape(out).to_vec(), lane: self.last(out) }, true);
                self.task(op, Work::Op(op), vec![x], value);
                self.made(op, value);
            }
            IntKind::Lookup { .. } => {
                let x = self.operand(op, op.input(), self.last(op.input()));
                self.compute(op, vec![x], self.last(out));
            }
            _ => self.movement(op),
        }
        Ok(())
    }

    /// Reads what its input was reshaped from, if it is a single row of one image: the weights move instead.
    fn dense(&mut self, op: &'a IntOp) {
        let (mut from, elements) = (op.input(), self.shape(op.input()).iter().product::<usize>());
        if self.shape(from).last() == Some(&elements) {
            while let Some(&source) = self.source.get(&from) {
                from = source;
            }
        }
        if self.primary(from).is_some_and(|value| self.plan.form(value).image()[0] > 1) {
            from = op.input();
        }
        let lane = if from == op.input() { self.last(from) } else { self.primary_lane(from) };
        let x = self.operand(op, from, lane);
        self.compute(op, vec![x], self.last(op.output));
    }

    /// The second matrix may have either of its axes in the lanes.
    fn matmul(&mut self, op: &'a IntOp) {
        let [a, b] = [op.inputs[0], op.inputs[1]];
        let x = self.operand(op, a, self.last(a));
        let (last, lane) = (self.last(b), self.primary_lane(b));
        let y = self.operand(op, b, if lane + 1 == last { lane } else { last });
        self.compute(op, vec![x, y], self.last(op.output));
    }

    /// Two operands of one form: what is smaller is repeated first.
    fn pair(&mut self, op: &'a IntOp) {
        let shape = self.shape(op.output);
        let whole = op.inputs.iter().copied().find(|&id| self.shape(id) == shape);
        let lane = whole.map_or_else(|| self.lane(op.output), |id| self.primary_lane(id));
        let form = Form { shape: shape.to_vec(), lane };
        let inputs = op.inputs.iter().map(|&id| {
            if self.shape(id) == shape {
                return self.operand(op, id, lane);
            }
            let from = match self.primary(id) {
                Some(from) => from,
                None => self.operand(op, id, self.lane(id)),
            };
            if let Some(values) = self.constants.get(&id).and_then(|values| values.broadcast(shape)) {
                return self.constant(&form, &values.to_owned());
            }
            let block = movement::broadcast(0, self.plan.form(from), &form);
            self.moved(op, vec![block], None, &[from], form.clone())
        });
        let inputs = inputs.collect();
        self.compute(op, inputs, lane);
    }

    /// Each element is a pixel of its own: for what works along all axes.
    fn element_by_element(&mut self, op: &'a IntOp) {
        let x = self.operand(op, op.input(), self.primary_lane(op.input()));
        let by_element = |shape: &[usize]| Form { shape: [shape, &[1]].concat(), lane: shape.len() };
        let (from, to) = (by_element(self.shape(op.input())), by_element(self.shape(op.output)));
        let blocks = movement::reshape(self.plan.form(x), &from);
        let x = self.moved(op, blocks, None, &[x], from);
        let made = self.add(to.clone(), false);
        self.task(op, Work::Op(op), vec![x], made);
        let form = Form { shape: self.shape(op.output).to_vec(), lane: self.lane(op.output) };
        let value = self.moved(op, movement::reshape(&to, &form), None, &[made], form);
        self.made(op, value);
    }

    /// The sum keeps its axes, with length 1; then it gets its shape.
    fn mean(&mut self, op: &'a IntOp, axes: &[usize]) {
        let lane = self.primary_lane(op.input());
        let x = self.operand(op, op.input(), lane);
        let mut shape = self.shape(op.input()).to_vec();
        axes.iter().for_each(|&axis| shape[axis] = 1);
        let sums = self.add(Form { shape, lane }, false);
        self.task(op, Work::Op(op), vec![x], sums);
        let form = Form { shape: self.shape(op.output).to_vec(), lane: self.lane(op.output) };
        let blocks = movement::reshape(self.plan.form(sums), &form);
        let value = self.moved(op, blocks, None, &[sums], form);
        self.made(op, value);
    }

    fn movement(&mut self, op: &'a IntOp) {
        let (input, out) = (op.input(), op.output);
        if self.graph.tensor(input).quantization.is_none() {
            return self.words(op);
        }
        let from = self.primary_lane(input);
        let lane = match &op.kind {
            IntKind::Transpose { perm } => perm.iter().position(|&p| p == from).unwrap_or(0),
            IntKind::Reshape => self.kept(input, out).unwrap_or_else(|| self.lane(out)),
            _ => from,
        };
        let lane = self.wanted[out.0].unwrap_or(lane);
        if op.kind == IntKind::Reshape {
            self.source.insert(out, input);
        }
        let inputs: Vec<ValueId> = op.inputs.iter().map(|&id| self.operand(op, id, self.primary_lane(id))).collect();
        let form = Form { shape: self.shape(out).to_vec(), lane };
        let (blocks, fill) = blocks(op, &inputs.iter().map(|&id| self.plan.form(id)).collect::<Vec<_>>(), &form);
        let value = self.moved(op, blocks, fill, &inputs, form);
        self.made(op, value);
    }

    /// The axis of a reshaped tensor that may lie in the lanes so that no byte moves.
    fn kept(&self, input: TensorId, out: TensorId) -> Option<usize> {
        let from = self.plan.form(self.primary(input)?);
        let form = |lane| Form { shape: self.shape(out).to_vec(), lane };
        let stays = |lane: &usize| movement::reshape(from, &form(*lane)).iter().all(|block| block.stays());
        (0..self.shape(out).len()).rfind(|lane| form(*lane).rows() == from.rows() && stays(lane))
    }

    /// Words have no lanes: only their shape changes.
    fn words(&mut self, op: &'a IntOp) {
        let lane = self.last(op.output);
        let from = self.operand(op, op.input(), 0);
        let id = self.add(Form { shape: self.shape(op.output).to_vec(), lane }, true);
        self.plan.values[id.0].root = self.plan.root(from);
        self.made(op, id);
    }

    /// Gives each output port a root of its own.
    fn outputs(&mut self) -> Result<()> {
        let mut taken: Vec<ValueId> = self.plan.inputs.clone();
        for port in &self.graph.outputs {
            let id = self.primary(port.tensor);
            let id = id.ok_or_else(|| CompileError::node(&port.name, "Output", "nothing makes it"))?;
            let value = self.plan.value(id).clone();
            let id = if taken.contains(&value.root) || value.constant.is_some() {
                let copy = self.add(value.form.clone(), value.words);
                let work = Work::Move { blocks: vec![movement::rows(value.rows())], fill: None };
                let task =
                    Task { name: &port.name, op: "Output", work, inputs: vec![id], epilogue: vec![], output: copy };
                self.plan.tasks.push(task);
                copy
            } else {
                id
            };
            taken.push(self.plan.root(id));
            self.plan.outputs.push(id);
        }
        Ok(())
    }
}

/// What a movement moves, and what the rest holds.
fn blocks(op: &IntOp, inputs: &[&Form], output: &Form) -> (Vec<Block>, Option<i8>) {
    let rank = output.shape.len();
    let whole = vec![0; rank];
    let at = |axis: usize, index: usize| {
        let mut start = whole.clone();
        start[axis] = index;
        start
    };
    let sized = |axis: usize, size: usize| {
        let mut sizes = output.shape.clone();
        sizes[axis] = size;
        sizes
    };
    match &op.kind {
        IntKind::Reshape => (movement::reshape(inputs[0], output), None),
        IntKind::Transpose { perm } => (vec![movement::transpose(inputs[0], output, perm)], None),
        IntKind::Slice { axis, start } => {
            (vec![movement::part(0, (inputs[0], &at(*axis, *start)), (output, &whole), &output.shape)], None)
        }
        IntKind::Concat { axis } => {
            let mut first = 0;
            let parts = inputs.iter().enumerate().map(|(source, &input)| {
                let to = at(*axis, first);
                first += input.shape[*axis];
                movement::part(source, (input, &whole), (output, &to), &input.shape)
            });
            (parts.collect(), None)
        }
        IntKind::Select { axis, indices } => {
            let parts = movement::runs(indices).into_iter().map(|(to, from, size)| {
                let sizes = sized(*axis, size);
                movement::part(0, (inputs[0], &at(*axis, from)), (output, &at(*axis, to)), &sizes)
            });
            (parts.collect(), None)
        }
        IntKind::Pad { before, value } => {
            (vec![movement::part(0, (inputs[0], &whole), (output, before), &inputs[0].shape)], Some(*value))
        }
        IntKind::Dilate { strides, value } => {
            let mut to = output.strides();
            to[2] *= strides[0] as u64;
            to[3] *= strides[1] as u64;
            (vec![movement::spread(inputs[0], &to)], Some(*value))
        }
        _ => (vec![], None),
    }
}
