//! What stands behind values, and the two quantisers.

use ndarray::ArrayD;

use super::curve::Curve;
use super::pending::Pending;
use super::weights::{Weights, weights};
use super::{MAX_WEIGHTS, Pass, Source, not_quantized};
use crate::error::printable;
use crate::graph::{Constant, DType, Node};
use crate::int_ir::{IntKind, Quantization, TensorId};

impl<'a> Pass<'a> {
    /// What stands behind a value; a pending operation is taken away.
    pub(super) fn source(&mut self, name: &str) -> Result<Source, String> {
        match self.sources.get_mut(name) {
            Some(Source::Taken) => {
                Err(format!("its input `{}` is read by another node, too, before it is quantised", printable(name)))
            }
            Some(pending @ Source::Pending(_)) => Ok(std::mem::replace(pending, Source::Taken)),
            Some(other) => Ok(other.clone()),
            None => Err(format!("its input `{}` is a constant that is not dequantised", printable(name))),
        }
    }

    /// The integers and quantisation of an activation that an operator reads as it is.
    pub(super) fn activation(&mut self, node: &Node, name: &str) -> Result<(TensorId, Quantization), String> {
        let (id, q) = match self.source(name)? {
            Source::Reals(id, q, Curve::Identity) => return Ok((id, q)),
            Source::Reals(id, q, Curve::Bounds(lo, hi)) => {
                let kind = IntKind::Clamp { lo: q.quantize(lo), hi: q.quantize(hi) };
                (self.same_shape(node, kind, id, q), q)
            }
            Source::Reals(id, q, curve) => {
                let to = super::asymmetric(curve.range(&q));
                (self.same_shape(node, IntKind::Lut(curve.quantized(&q, &to)), id, to), to)
            }
            Source::Pending(pending) => match pending.natural() {
                Some(q) => (self.finish(node, *pending, q)?, q),
                None => return Err(not_quantized(name)),
            },
            Source::Weights(w) => self.constant(node, &w)?,
            _ => return Err(not_quantized(name)),
        };
        if let Some(source) = self.sources.get_mut(name) {
            *source = Source::Reals(id, q, Curve::Identity);
        }
        Ok((id, q))
    }

    /// An activation, or a constant as a tensor of its own.
    pub(super) fn operand(&mut self, node: &Node, name: &str) -> Result<(TensorId, Quantization), String> {
        match self.graph.constants.get(name) {
            Some(Constant::F32(a)) => self.real_constant(node, a),
            _ => self.activation(node, name),
        }
    }

    /// An operation that gives as many elements in the same shape.
    pub(super) fn same_shape(&mut self, node: &Node, kind: IntKind, id: TensorId, q: Quantization) -> TensorId {
        let shape = self.out.tensor(id).shape.clone();
        self.emit(&intermediate(node), kind, vec![id], shape, Some(q))
    }

    /// The tensor in another quantisation.
    pub(super) fn rescaled(&mut self, node: &Node, id: TensorId, from: Quantization, to: Quantization) -> TensorId {
        if same(from, to) {
            return id;
        }
        self.same_shape(node, IntKind::Lut(Curve::Identity.quantized(&from, &to)), id, to)
    }

    fn constant(&mut self, node: &Node, w: &Weights) -> Result<(TensorId, Quantization), String> {
        let (&[scale], values) = (&w.scales[..], w.eight_bit()?) else {
            return Err("a constant with a scale a channel is no operand of it".into());
        };
        if values.iter().any(|v| i8::try_from(*v).is_err()) {
            return self.real_constant(node, &w.reals());
        }
        let q = Quantization { scale, zero_point: 0, dtype: DType::I8 };
        let (shape, values) = (values.shape().to_vec(), values.mapv(|v| v as i8));
        Ok((self.emit(&intermediate(node), IntKind::Constant(values), vec![], shape, Some(q)), q))
    }

    /// A float constant, quantised here over its own range.
    pub(super) fn real_constant(&mut self, node: &Node, a: &ArrayD<f32>) -> Result<(TensorId, Quantization), String> {
        if a.iter().any(|v| !v.is_finite()) {
            return Err("a constant operand is not finite".into());
        }
        let range = a.iter().fold((0f32, 0f32), |(lo, hi), &v| (lo.min(v), hi.max(v)));
        let q = super::asymmetric(range);
        let values = a.mapv(|v| q.quantize(v));
        self.count_weights(a.len())?;
        let shape = a.shape().to_vec();
        Ok((self.emit(&intermediate(node), IntKind::Constant(values), vec![], shape, Some(q)), q))
    }

    pub(super) fn count_weights(&mut self, count: usize) -> Result<(), String> {
        self.weights = self.weights.saturating_add(count);
        if self.weights > MAX_WEIGHTS {
            return Err(format!("the model has more than {MAX_WEIGHTS} weights and scales"));
        }
        Ok(())
    }

    /// A dequantised constant.
    pub(super) fn weights(&mut self, name: &str) -> Result<Weights, String> {
        match self.sources.get(name) {
            Some(Source::Weights(w)) => {
                let w = w.clone();
                self.count_weights(w.len())?;
                Ok(w)
            }
            _ => Err(format!("its weights `{}` are not a dequantised constant", printable(name))),
        }
    }

    /// The reals of a constant: float32, or dequantised.
    pub(super) fn reals(&mut self, name: &str) -> Option<ArrayD<f32>> {
        match (self.graph.constants.get(name), self.sources.get(name)) {
            (Some(Constant::F32(a)), _) => Some(a.clone()),
            (_, Some(Source::Weights(w))) => Some(w.reals()),
            _ => None,
        }
    }

    pub(super) fn bound(&mut self, input: &str, lo: f32, hi: f32) -> Result<Source, String> {
        match self.source(input)? {
            Source::Reals(id, q, curve) => Ok(Source::Reals(id, q, curve.bounded(lo, hi))),
            Source::Pending(mut pending) => {
                pending.bound(lo, hi);
                Ok(Source::Pending(pending))
            }
            _ => Err(not_quantized(input)),
        }
    }

    pub(super) fn function(&mut self, input: &str, f: impl Fn(f32) -> f32) -> Result<Source, String> {
        match self.source(input)? {
            Source::Reals(id, q, curve) => Ok(Source::Reals(id, q, curve.then(&q, f))),
            Source::Pending(pending) => match pending.natural() {
                Some(q) => {
                    let maker = Node::nameless(input);
                    let id = self.finish(&maker, *pending, q)?;
                    Ok(Source::Reals(id, q, Curve::Identity.then(&q, f)))
                }
                None => Err(not_quantized(input)),
            },
            _ => Err(not_quantized(input)),
        }
    }

    /// Scale and zero point of a per-tensor `QuantizeLinear` or `DequantizeLinear`.
    fn parameters(&self, node: &Node, dtype: DType) -> Result<Quantization, String> {
        let scale = match self.graph.constants.get(&node.inputs[1]) {
            Some(Constant::F32(a)) if a.len() == 1 => a.first().copied().unwrap_or(f32::NAN),
            Some(Constant::F32(_)) => return Err("activations must have one scale for the whole tensor".into()),
            _ => return Err("its scale is not a constant float32".into()),
        };
        if !(scale.is_normal() && scale > 0.0) {
            return Err(format!("its scale is {scale}; it must be positive and finite"));
        }
        let (zero_point, dtype) = match node.inputs.get(2).filter(|n| !n.is_empty()) {
            None => (0, dtype),
            Some(name) => match self.graph.constants.get(name) {
                Some(Constant::I8(a)) if a.len() == 1 => (a.iter().copied().map(i32::from).sum(), DType::I8),
                Some(Constant::U8(a)) if a.len() == 1 => (a.iter().copied().map(i32::from).sum(), DType::U8),
                _ => return Err("its zero point is not one constant int8 or uint8".into()),
            },
        };
        Ok(Quantization { scale, zero_point, dtype })
    }

    pub(super) fn quantize(&mut self, node: &Node, to: DType) -> Result<Source, String> {
        let q = self.parameters(node, to)?;
        let input = node.inputs[0].as_str();
        match self.source(input)? {
            Source::Raw(id) => self.learn(id, q).map(|()| Source::Integers(id)),
            Source::Pending(pending) => self.finish(node, *pending, q).map(Source::Integers),
            Source::Reals(id, from, curve) => Ok(Source::Integers(self.applied(node, (id, from), &curve, q))),
            Source::Weights(w) => {
                let (id, from) = self.constant(node, &w)?;
                Ok(Source::Integers(self.rescaled(node, id, from, q)))
            }
            Source::Integers(_) | Source::Indices(_) | Source::Taken => Err(not_quantized(input)),
        }
    }

    /// Reals with a function applied, in this quantisation.
    fn applied(
        &mut self,
        node: &Node,
        (id, from): (TensorId, Quantization),
        curve: &Curve,
        to: Quantization,
    ) -> TensorId {
        let own = self.quantization(id);
        let kind = match curve {
            Curve::Identity if same(own, to) && same(from, to) => return id,
            Curve::Bounds(lo, hi) if same(from, to) => IntKind::Clamp { lo: to.quantize(*lo), hi: to.quantize(*hi) },
            curve => IntKind::Lut(curve.quantized(&from, &to)),
        };
        let shape = self.out.tensor(id).shape.clone();
        self.emit(node, kind, vec![id], shape, Some(to))
    }

    pub(super) fn dequantize(&mut self, node: &Node, axis: i64) -> Result<Source, String> {
        let input = node.inputs[0].as_str();
        if let Some(constant) = self.graph.constants.get(input) {
            let scale = self.graph.constants.get(&node.inputs[1]);
            let zero_point = node.inputs.get(2).filter(|n| !n.is_empty()).map(|n| self.graph.constants.get(n));
            self.count_weights(constant.len().saturating_add(scale.map_or(0, Constant::len)))?;
            return weights(constant, scale, zero_point, axis).map(Source::Weights);
        }
        let declared = self.graph.types.get(input).map_or(DType::U8, |t| t.dtype);
        let q = self.parameters(node, declared)?;
        if declared != q.dtype {
            return Err(format!(
                "its zero point is {}, its input `{}` {}",
                q.dtype.name(),
                printable(input),
                declared.name()
            ));
        }
        match self.source(input)? {
            Source::Raw(id) => self.learn(id, q).map(|()| Source::Reals(id, q, Curve::Identity)),
            // What it means is what this node says, whoever made it.
            Source::Integers(id) => Ok(Source::Reals(id, q, Curve::Identity)),
            _ => Err(format!("its input `{}` is not int8 or uint8", printable(input))),
        }
    }

    /// Gives a graph input, and what it was moved from, its quantisation; each input is quantised in one way only.
    fn learn(&mut self, id: TensorId, q: Quantization) -> Result<(), String> {
        let Some(from) = self.unknown.remove(&id) else {
            return if self.quantization(id) == q {
                Ok(())
            } else {
                Err(format!("the input `{}` is quantised in two ways", printable(&self.out.tensor(id).name)))
            };
        };
        self.out.tensors[id.0].quantization = Some(q);
        from.map_or(Ok(()), |from| self.learn(from, q))
    }

    /// A pending operation of this node.
    pub(super) fn pending(pending: Pending) -> Source {
        Source::Pending(Box::new(pending))
    }
}

/// Whether the same integers mean the same in both, once u8 is i8 by −128.
pub(super) fn same(a: Quantization, b: Quantization) -> bool {
    a.scale == b.scale && a.zero_point_i8() == b.zero_point_i8()
}

/// The node as the maker of a tensor that the model does not have.
pub(super) fn intermediate(node: &Node) -> Node {
    Node { output: format!("{}.{}", node.output, "operand"), ..node.clone() }
}
