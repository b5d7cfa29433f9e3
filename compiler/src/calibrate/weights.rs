//! Constant weights to int8, a symmetric scale for each output channel.

use std::collections::BTreeMap;

use ndarray::{Array1, ArrayD, Axis};

use super::type_of;
use crate::error::Result;
use crate::graph::{Constant, DType, Graph, Node, ValueType};
use crate::int_ir::Quantization;
use crate::ops::Op;

/// The weights of a node: the index among its inputs and the axis of its output channels; `None` for one scale for all.
fn places(node: &Node, rank: usize) -> Option<(usize, Option<usize>)> {
    match &node.op {
        Op::Conv { .. } => Some((1, Some(0))),
        Op::ConvTranspose { groups: 1, .. } => Some((1, Some(1))),
        Op::ConvTranspose { .. } => Some((1, None)),
        Op::Gemm { transposed_b, .. } => Some((1, Some(usize::from(!transposed_b)))),
        Op::MatMul if rank == 2 => Some((1, Some(1))),
        Op::MatMul => Some((1, None)),
        Op::Gather { .. } => Some((0, None)),
        _ => None,
    }
}

/// Gives each node weights of its own, so that each may have scales of its own.
pub(super) fn spread(graph: &mut Graph) -> Result<()> {
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for index in 0..graph.nodes.len() {
        let node = &graph.nodes[index];
        let rank = node.inputs.get(1).and_then(|n| type_of(graph, n)).map_or(0, |t| t.shape.len());
        let Some((at, _)) = places(node, rank) else { continue };
        let name = node.inputs[at].clone();
        let Some(Constant::F32(values)) = graph.constants.get(&name).cloned() else { continue };
        let times = taken.entry(name.clone()).or_insert(0);
        *times += 1;
        if *times == 1 {
            continue;
        }
        let own = format!("{name}.{times}");
        let of = ValueType { dtype: DType::F32, shape: values.shape().to_vec() };
        graph.types.insert(own.clone(), of);
        graph.constants.insert(own.clone(), Constant::F32(values));
        graph.nodes[index].inputs[at] = own;
    }
    Ok(())
}

/// Replaces constant float weights by dequantised int8. `ranges`: the activations' quantisations.
pub(super) fn quantize(graph: &mut Graph, ranges: &BTreeMap<String, Quantization>) -> Result<()> {
    let mut nodes = Vec::with_capacity(graph.nodes.len());
    for mut node in std::mem::take(&mut graph.nodes) {
        let rank = node.inputs.get(1).and_then(|n| type_of(graph, n)).map_or(0, |t| t.shape.len());
        let found = places(&node, rank).and_then(|(at, axis)| match graph.constants.get(&node.inputs[at]) {
            Some(Constant::F32(values)) => Some((at, axis, values.clone())),
            _ => None,
        });
        if let Some((at, axis, values)) = found {
            if values.iter().any(|v| !v.is_finite()) {
                return Err(node.error("its weights are not finite"));
            }
            let bias = match node.inputs.get(2).and_then(|n| graph.constants.get(n)) {
                Some(Constant::F32(b)) => Some(b.iter().copied().collect::<Vec<f32>>()),
                _ => None,
            };
            let input = ranges.get(&node.inputs[0]).map(|q| q.scale);
            let name = node.inputs[at].clone();
            let dequantized = dequantized(graph, &name, &values, axis, (bias, input));
            node.inputs[at].clone_from(&dequantized.output);
            nodes.push(dequantized);
        }
        nodes.push(node);
    }
    graph.nodes = nodes;
    Ok(())
}

/// The node that dequantises them; `context`: the bias, and the scale of the input.
fn dequantized(
    graph: &mut Graph,
    name: &str,
    values: &ArrayD<f32>,
    axis: Option<usize>,
    (bias, input): (Option<Vec<f32>>, Option<f32>),
) -> Node {
    let largest = |v: ndarray::ArrayViewD<f32>| v.iter().fold(0f32, |most, v| most.max(v.abs()));
    let mut scales: Vec<f32> = match axis {
        Some(axis) => values.axis_iter(Axis(axis)).map(|lane| largest(lane) / 127.0).collect(),
        None => vec![largest(values.view()) / 127.0],
    };
    for (channel, scale) in scales.iter_mut().enumerate() {
        // A bias of so many units must fit 32 bits.
        let bias = bias.as_ref().map_or(0.0, |b| b.get(channel).copied().unwrap_or(0.0).abs());
        let least = input.map_or(0.0, |input| bias / input / (1 << 29) as f32);
        *scale = scale.max(least);
        if !scale.is_normal() {
            *scale = 1.0 / 127.0;
        }
    }
    let mut scaled = values.clone();
    match axis {
        Some(axis) => {
            for (mut lane, &scale) in scaled.axis_iter_mut(Axis(axis)).zip(&scales) {
                lane.mapv_inplace(|v| v / scale);
            }
        }
        None => scaled.mapv_inplace(|v| v / scales[0]),
    }
    let integers = scaled.mapv(|v| v.round_ties_even().clamp(-127.0, 127.0) as i8);
    let (weights, scale) = (format!("{name}.int8"), format!("{name}.scale"));
    graph.constants.insert(weights.clone(), Constant::I8(integers));
    let scales = Array1::from(scales).into_dyn();
    let scales = if axis.is_some() { scales } else { scales.into_shape_with_order(vec![]).unwrap_or_default() };
    graph.constants.insert(scale.clone(), Constant::F32(scales));
    Node {
        name: format!("{name}.DequantizeLinear"),
        op: Op::DequantizeLinear { axis: axis.unwrap_or(0) as i64 },
        inputs: vec![weights, scale],
        output: format!("{name}.dequantized"),
        attributes: String::new(),
    }
}
