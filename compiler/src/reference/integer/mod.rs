//! The meaning of the integer IR: every operation as its description says, bit by bit.

mod elementwise;
pub mod machine;
mod movement;
mod products;
mod rows;
mod windows;

use std::collections::BTreeMap;

use ndarray::{ArrayD, Axis};

use crate::int_ir::{IntGraph, IntKind, IntOp, Requant, TensorId};

/// Evaluates a graph: inputs and outputs as i8 (widened to i32) or indices, in the order of the graph's ports. Returns every
/// tensor of the graph, by id.
///
/// # Panics
/// Inputs whose shapes are not those of the graph.
#[must_use]
pub fn evaluate(graph: &IntGraph, inputs: &[ArrayD<i32>]) -> Vec<ArrayD<i32>> {
    evaluate_given(graph, inputs, &BTreeMap::new())
}

/// As [`evaluate`], but what reads a tensor of `given` reads this value instead of the computed one, which is still returned: so
/// each operation is held to another engine on that engine's own inputs.
///
/// # Panics
/// Values whose shapes are not those of the graph.
#[must_use]
pub fn evaluate_given(
    graph: &IntGraph,
    inputs: &[ArrayD<i32>],
    given: &BTreeMap<TensorId, ArrayD<i32>>,
) -> Vec<ArrayD<i32>> {
    let mut values = vec![ArrayD::zeros(vec![0]); graph.tensors.len()];
    for (port, input) in graph.inputs.iter().zip(inputs) {
        assert_eq!(input.shape(), graph.tensor(port.tensor).shape, "shape of input {}", port.name);
        values[port.tensor.0] = input.clone();
    }
    for op in &graph.ops {
        let operands: Vec<&ArrayD<i32>> = op.inputs.iter().map(|id| given.get(id).unwrap_or(&values[id.0])).collect();
        let shape = &graph.tensor(op.output).shape;
        let value = apply(op, &operands, shape);
        assert_eq!(value.shape(), shape, "shape of {}", op.name);
        values[op.output.0] = value;
    }
    values
}

/// The tensor behind an output port.
#[must_use]
pub fn output(graph: &IntGraph, values: &[ArrayD<i32>], port: usize) -> ArrayD<i32> {
    let TensorId(id) = graph.outputs[port].tensor;
    values[id].clone()
}

/// The result of one operation, of this shape.
pub(crate) fn apply(op: &IntOp, operands: &[&ArrayD<i32>], shape: &[usize]) -> ArrayD<i32> {
    if let IntKind::Constant(values) = &op.kind {
        return values.mapv(i32::from);
    }
    let x = operands[0];
    match &op.kind {
        IntKind::Constant(values) => values.mapv(i32::from),
        IntKind::Conv { weights, groups, window, pad_value, requant } => {
            let sums = products::conv(x, (weights, *groups), window, (*pad_value).into());
            requantize(&sums, requant, 1)
        }
        IntKind::Dense { weights, requant } => {
            let sums = products::dense(x, weights, shape);
            requantize(&sums, requant, shape.len() - 1)
        }
        IntKind::MatMul { zeros, requant } => {
            requantize(&products::matmul([x, operands[1]], *zeros, shape), requant, shape.len() - 1)
        }
        IntKind::Clamp { lo, hi } => x.mapv(|v| v.clamp(i32::from(*lo), i32::from(*hi))),
        IntKind::Lut(table) => x.mapv(|v| i32::from(table[(v + 128) as usize])),
        IntKind::Add(addition) => elementwise::add([x, operands[1]], addition, shape),
        IntKind::Mul { zeros, requant } => requantize(&elementwise::mul([x, operands[1]], *zeros, shape), requant, 0),
        IntKind::PRelu(prelu) => elementwise::prelu(x, prelu),
        IntKind::MaxPool(window) => windows::max_pool(x, window),
        IntKind::AveragePool(pool) => windows::average_pool(x, pool),
        IntKind::Mean { axes, requant } => {
            let sums = axes.iter().rev().fold(x.clone(), |sums, &axis| sums.sum_axis(Axis(axis)));
            movement::reshape(&requantize(&sums, requant, 0), shape)
        }
        IntKind::ArgMax { axis, last } => movement::reshape(&windows::argmax(x, *axis, *last), shape),
        IntKind::Softmax { scale, to } => rows::softmax(x, *scale, *to),
        IntKind::Norm(norm) => rows::norm(x, norm),
        IntKind::Lookup { table } => movement::lookup(x, table, shape),
        IntKind::ResizeLinear { axes, requant } => {
            let sums = axes.iter().fold(x.clone(), |sums, axis| windows::interpolate(&sums, axis));
            requantize(&sums, requant, 0)
        }
        IntKind::Reshape => movement::reshape(x, shape),
        IntKind::Transpose { perm } => x.clone().permuted_axes(perm.clone()).as_standard_layout().into_owned(),
        IntKind::Concat { axis } => movement::concat(operands, *axis, shape),
        IntKind::Slice { axis, start } => {
            let indices: Vec<usize> = (*start..start + shape[*axis]).collect();
            x.select(Axis(*axis), &indices)
        }
        IntKind::Select { axis, indices } => x.select(Axis(*axis), indices),
        IntKind::Pad { before, value } => movement::pad(x, before, (*value).into(), shape),
        IntKind::Dilate { strides, value } => movement::dilate(x, *strides, (*value).into(), shape),
    }
}

/// Applies a requantisation along the channels of an axis; with one channel to all elements.
fn requantize(sums: &ArrayD<i32>, requant: &Requant, axis: usize) -> ArrayD<i32> {
    let mut out = sums.clone();
    let one = |channel: usize, sum: i32| {
        let biased = sum.wrapping_add(requant.bias[channel]);
        let rounded = machine::scaled(biased, requant.multiplier[channel], requant.shift[channel]);
        (rounded + i64::from(requant.zero_point)).clamp(requant.lo.into(), requant.hi.into()) as i32
    };
    if requant.channels() == 1 {
        out.mapv_inplace(|sum| one(0, sum));
        return out;
    }
    for (channel, mut lane) in out.axis_iter_mut(Axis(axis)).enumerate() {
        lane.mapv_inplace(|sum| one(channel, sum));
    }
    out
}
