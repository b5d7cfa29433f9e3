//! Which axis of a tensor its readers want in the lanes.

use crate::int_ir::{IntGraph, IntKind};

/// By tensor; the first reader that wants one decides. Backwards, since what does not care passes on what its own readers
/// want.
pub(super) fn wanted(graph: &IntGraph) -> Vec<Option<usize>> {
    let mut wanted: Vec<Option<usize>> = vec![None; graph.tensors.len()];
    for op in graph.ops.iter().rev() {
        let out = wanted[op.output.0];
        for (position, &input) in op.inputs.iter().enumerate() {
            let shape = &graph.tensor(input).shape;
            let last = shape.len().checked_sub(1);
            let want = match &op.kind {
                IntKind::Conv { .. } | IntKind::MaxPool(_) | IntKind::AveragePool(_) | IntKind::Dilate { .. } => {
                    Some(1)
                }
                IntKind::Dense { .. } | IntKind::Softmax { .. } | IntKind::Norm(_) => last,
                IntKind::MatMul { .. } if position == 0 => last,
                IntKind::ArgMax { axis, .. } => Some(*axis),
                IntKind::Transpose { perm } => out.map(|axis| perm[axis]),
                IntKind::Add(_) | IntKind::Mul { .. } if graph.tensor(op.output).shape != *shape => None,
                IntKind::MatMul { .. } | IntKind::Reshape | IntKind::Mean { .. } | IntKind::Lookup { .. } => None,
                _ => out,
            };
            if let Some(want) = want {
                wanted[input.0] = Some(want);
            }
        }
    }
    wanted
}
