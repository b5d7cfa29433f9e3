//! What only moves elements.

use ndarray::Axis;

use super::curve::Curve;
use super::{Pass, Source, not_quantized};
use crate::graph::Node;
use crate::int_ir::{IntKind, Quantization, TensorId};
use crate::shapes::movement::{Move, Moves};

/// The operations of movements, with the shape after each. `pad` is what frames hold.
pub(super) fn kinds(from: &[usize], moves: &Moves, pad: i8) -> Vec<(IntKind, Vec<usize>)> {
    let (mut out, mut shape) = (Vec::new(), from.to_vec());
    for step in &moves.steps {
        shape = step.shape(&shape);
        let kind = match step.clone() {
            Move::Select { axis, indices } => match indices.first() {
                Some(&start) if indices.iter().enumerate().all(|(i, &at)| at == start + i) => {
                    IntKind::Slice { axis, start }
                }
                _ => IntKind::Select { axis, indices },
            },
            Move::Reshape(_) => IntKind::Reshape,
            Move::Transpose(perm) => IntKind::Transpose { perm },
            Move::Pad { before, .. } => IntKind::Pad { before, value: pad },
        };
        out.push((kind, shape.clone()));
    }
    if shape != moves.shape {
        out.push((IntKind::Reshape, moves.shape.clone()));
    }
    out
}

impl Pass<'_> {
    pub(super) fn moved(&mut self, node: &Node, moves: &Moves) -> Result<Source, String> {
        let input = node.inputs[0].as_str();
        let from = self.shape(input);
        let pads = moves.steps.iter().any(|s| matches!(s, Move::Pad { .. }));
        match self.source(input)? {
            Source::Weights(w) => Ok(Source::Weights(w.moved(moves)?)),
            Source::Raw(id) => {
                if pads {
                    return Err("the input of the graph is padded before it is quantised".into());
                }
                let q = self.quantization(id);
                let known = !self.unknown.contains_key(&id);
                let mut at = id;
                for (kind, shape) in kinds(&from, moves, 0) {
                    let next = self.emit(node, kind, vec![at], shape, Some(q));
                    if !known {
                        self.unknown.insert(next, Some(at));
                    }
                    at = next;
                }
                Ok(Source::Raw(at))
            }
            Source::Indices(id) if !pads => Ok(Source::Indices(self.run(node, id, kinds(&from, moves, 0), None))),
            Source::Integers(id) => {
                let q = self.quantization(id);
                let pad = (moves.pad - q.offset() as f32).clamp(-128.0, 127.0) as i8;
                Ok(Source::Integers(self.run(node, id, kinds(&from, moves, pad), Some(q))))
            }
            Source::Reals(id, q, curve) => {
                let (id, q, curve) = if pads && curve != Curve::Identity {
                    let (id, q) = self.activation(node, input)?;
                    (id, q, Curve::Identity)
                } else {
                    (id, q, curve)
                };
                let own = Some(self.quantization(id));
                Ok(Source::Reals(self.run(node, id, kinds(&from, moves, q.quantize(moves.pad)), own), q, curve))
            }
            Source::Pending(mut pending) if !pads => {
                pending.moves.extend(kinds(&from, moves, 0));
                Ok(Source::Pending(pending))
            }
            Source::Pending(_) | Source::Indices(_) | Source::Taken => Err(not_quantized(input)),
        }
    }

    /// Emits movements one after another.
    pub(super) fn run(
        &mut self,
        node: &Node,
        from: TensorId,
        kinds: Vec<(IntKind, Vec<usize>)>,
        q: Option<Quantization>,
    ) -> TensorId {
        kinds.into_iter().fold(from, |id, (kind, shape)| self.emit(node, kind, vec![id], shape, q))
    }

    /// The tensor in another shape.
    pub(super) fn reshaped(&mut self, node: &Node, id: TensorId, shape: &[usize]) -> TensorId {
        if self.out.tensor(id).shape == shape {
            return id;
        }
        let q = self.out.tensor(id).quantization;
        self.emit(&super::sources::intermediate(node), IntKind::Reshape, vec![id], shape.to_vec(), q)
    }

    /// Each channel of a group so many times over, by groups: what weights in several parts read.
    pub(super) fn repeated(
        &mut self,
        node: &Node,
        id: TensorId,
        (axis, groups, parts): (Axis, usize, usize),
    ) -> TensorId {
        if parts == 1 {
            return id;
        }
        let tensor = self.out.tensor(id).clone();
        let channels = tensor.shape[axis.0];
        let inner = channels / groups;
        let index = |i: usize| i / (inner * parts) * inner + i % inner;
        let indices = (0..channels * parts).map(index).collect();
        let mut shape = tensor.shape;
        shape[axis.0] *= parts;
        let kind = IntKind::Select { axis: axis.0, indices };
        self.emit(&super::sources::intermediate(node), kind, vec![id], shape, tensor.quantization)
    }
}
