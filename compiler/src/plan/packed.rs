//! Inputs whose pixels lie close together in DRAM: images of few channels that one convolution reads.

use std::collections::BTreeMap;

use isa::LANES;

use super::form::Form;
use crate::int_ir::{IntGraph, IntKind, IntOp, TensorId};

/// An input that the host writes packed: lines begin with a row, pixels are as many bytes as there are channels.
pub(super) struct Packed {
    /// The tensor that the convolution reads: the input, or its transpose.
    pub(super) tensor: TensorId,
    /// NCHW.
    pub(super) form: Form,
    /// Bytes from one index of the input to the next, by its own axes.
    pub(super) strides: Vec<u64>,
}

/// Which inputs may lie so.
pub(super) fn inputs(graph: &IntGraph) -> BTreeMap<TensorId, Packed> {
    graph.inputs.iter().filter_map(|port| Some((port.tensor, packed(graph, port.tensor)?))).collect()
}

/// The only operation that reads a tensor.
fn reader(graph: &IntGraph, id: TensorId) -> Option<&IntOp> {
    let mut readers = graph.ops.iter().filter(|op| op.inputs.contains(&id));
    let only = readers.next().filter(|_| graph.outputs.iter().all(|port| port.tensor != id))?;
    readers.next().is_none().then_some(only)
}

fn packed(graph: &IntGraph, input: TensorId) -> Option<Packed> {
    let first = reader(graph, input)?;
    let own = &graph.tensor(input).shape;
    let (tensor, conv) = match &first.kind {
        IntKind::Transpose { .. } | IntKind::Reshape => (first.output, reader(graph, first.output)?),
        _ => (input, first),
    };
    let shape = &graph.tensor(tensor).shape;
    let IntKind::Conv { groups: 1, window, .. } = &conv.kind else { return None };
    if shape.len() != 4 || !crate::lower::packs(shape[1], shape[3], window) {
        return None;
    }
    let line = crate::lower::line_rows(shape[1], shape[3]) * LANES as u64;
    let image = [shape[2] as u64 * line, 1, line, shape[1] as u64];
    let mut strides = vec![0; own.len()];
    match &first.kind {
        IntKind::Transpose { perm } => perm.iter().zip(image).for_each(|(&axis, stride)| strides[axis] = stride),
        IntKind::Reshape => {
            // The same axes but for those of one index.
            let long = |shape: &[usize]| (0..shape.len()).filter(|&axis| shape[axis] > 1).collect::<Vec<_>>();
            let (from, to) = (long(own), long(shape));
            if from.len() != to.len() || from.iter().zip(&to).any(|(&a, &b)| own[a] != shape[b]) {
                return None;
            }
            from.iter().zip(&to).for_each(|(&axis, &other)| strides[axis] = image[other]);
        }
        _ => strides = image.to_vec(),
    }
    Some(Packed { tensor, form: Form { shape: shape.clone(), lane: 1 }, strides })
}
