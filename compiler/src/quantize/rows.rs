//! Softmax, norms, choices and joins.

use super::curve::Curve;
use super::pending::{Pending, Work};
use super::sources::same;
use super::{Pass, Source, not_quantized};
use crate::graph::{Constant, DType, Node};
use crate::idiom::data::Quant;
use crate::idiom::norm::Norm;
use crate::int_ir::{IntKind, Quantization, TensorId};
use crate::shapes::movement::axis as counted;

/// Most features of a norm, and most columns of a softmax.
const MAX_FEATURES: usize = 16_384;

impl Pass<'_> {
    pub(super) fn softmax(&mut self, node: &Node, axis: i64) -> Result<Source, String> {
        let shape = self.shape(&node.inputs[0]);
        let (axis, last) = (counted(axis, shape.len())?, shape.len() - 1);
        if shape[axis] > MAX_FEATURES {
            return Err(format!("over {} elements; at most {MAX_FEATURES} are supported", shape[axis]));
        }
        let (mut id, q) = self.activation(node, &node.inputs[0])?;
        let mut turned = shape.clone();
        turned.swap(axis, last);
        let mut perm: Vec<usize> = (0..shape.len()).collect();
        perm.swap(axis, last);
        let own = self.out.tensor(id).quantization;
        let intermediate = super::sources::intermediate(node);
        let transpose = IntKind::Transpose { perm };
        if axis != last {
            id = self.emit(&intermediate, transpose.clone(), vec![id], turned.clone(), own);
        }
        let mut pending = Pending::new(node, Work::Softmax { scale: q.scale.into() }, vec![id], turned);
        if axis != last {
            pending.moves.push((transpose, shape));
        }
        Ok(Pass::pending(pending))
    }

    pub(super) fn norm(&mut self, node: &Node, axis: i64, epsilon: f32, centred: bool) -> Result<Source, String> {
        let shape = self.shape(&node.inputs[0]);
        let axis = counted(axis, shape.len())?;
        let features: usize = shape[axis..].iter().product();
        if !(1..=MAX_FEATURES).contains(&features) {
            return Err(format!("over {features} features; 1 to {MAX_FEATURES} are supported"));
        }
        let parameter = |pass: &mut Self, index: usize| -> Result<Vec<f64>, String> {
            let value = pass.reals(&node.inputs[index]).ok_or(format!("its input {index} is not a constant"))?;
            let spread = value.broadcast(&shape[axis..]).ok_or(format!("its input {index} has another shape"))?;
            if spread.iter().any(|v| !v.is_finite()) {
                return Err(format!("its input {index} is not finite"));
            }
            Ok(spread.iter().copied().map(f64::from).collect())
        };
        let gamma = parameter(self, 1)?;
        let beta = if centred && node.has(2) { parameter(self, 2)? } else { vec![] };
        let (mut id, mut q) = self.activation(node, &node.inputs[0])?;
        if !centred && q.zero_point_i8() != 0 {
            // Squares need zero to be zero.
            let most = q.dequantize(i8::MAX).abs().max(q.dequantize(i8::MIN).abs());
            let to = Quantization { scale: most / 127.0, zero_point: 0, dtype: DType::I8 };
            id = self.rescaled(node, id, q, to);
            q = to;
        }
        let mut flat = shape[..axis].to_vec();
        flat.push(features);
        let id = self.reshaped(node, id, &flat);
        let (scale, epsilon) = (f64::from(q.scale), f64::from(epsilon));
        let norm = Norm { tokens: 1, centred, scale, epsilon, gamma, beta, to: Quant::symmetric(1.0) };
        if !norm.is_in_range() {
            return Err(format!(
                "its epsilon {epsilon} is far above the square of any value of its input, whose steps are {scale}"
            ));
        }
        let mut pending = Pending::new(node, Work::Norm(Box::new(norm)), vec![id], flat.clone());
        if flat != shape {
            pending.moves.push((IntKind::Reshape, shape));
        }
        Ok(Pass::pending(pending))
    }

    pub(super) fn argmax(&mut self, node: &Node, last: bool) -> Result<Source, String> {
        let input = node.inputs[0].as_str();
        let shape = self.shape(input);
        let axes = crate::shapes::reduced(node, shape.len(), &self.graph.constants)?;
        let id = match self.source(input)? {
            Source::Integers(id) => id,
            _ => self.activation(node, input)?.0,
        };
        let kind = IntKind::ArgMax { axis: axes[0], last };
        let out = self.emit(node, kind, vec![id], self.shape(&node.output), None);
        Ok(Source::Indices(out))
    }

    pub(super) fn concat(&mut self, node: &Node, axis: i64) -> Result<Source, String> {
        let shape = self.shape(&node.output);
        let axis = counted(axis, shape.len())?;
        let integers: Option<Vec<TensorId>> = node
            .inputs
            .iter()
            .map(|name| match self.sources.get(name.as_str()) {
                Some(Source::Integers(id)) => Some(*id),
                _ => None,
            })
            .collect();
        if let Some(ids) = integers {
            let q = self.quantization(ids[0]);
            if ids.iter().any(|&id| !same(self.quantization(id), q)) {
                return Err("integers of different scales".into());
            }
            return Ok(Source::Integers(self.emit(node, IntKind::Concat { axis }, ids, shape, Some(q))));
        }
        let (mut ids, mut parts) = (Vec::new(), Vec::new());
        for name in &node.inputs {
            let (id, q) = self.operand(node, name)?;
            ids.push(id);
            parts.push(q);
        }
        if parts.iter().all(|&q| same(q, parts[0])) {
            let q = parts[0];
            let id = self.emit(node, IntKind::Concat { axis }, ids, shape, Some(q));
            return Ok(Source::Reals(id, q, Curve::Identity));
        }
        Ok(Pass::pending(Pending::new(node, Work::Concat { axis, parts }, ids, shape)))
    }

    /// Rows of a constant table by computed index.
    pub(super) fn lookup(&mut self, node: &Node, axis: i64) -> Result<Source, String> {
        if axis != 0 {
            return Err(format!("axis {axis} by indices that are not constant; axis 0 is supported"));
        }
        let indices = match self.source(&node.inputs[1])? {
            Source::Indices(id) => id,
            _ => return Err(not_quantized(&node.inputs[1])),
        };
        let name = node.inputs[0].as_str();
        let (values, source) = match (self.graph.constants.get(name), self.sources.get(name)) {
            (Some(Constant::I8(a)), _) => (a.clone(), None),
            (Some(Constant::U8(a)), _) => (a.mapv(|v| (v ^ 0x80).cast_signed()), None),
            (Some(Constant::F32(a)), _) => {
                let range = a.iter().fold((0f32, 0f32), |(lo, hi), &v| (lo.min(v), hi.max(v)));
                let q = super::asymmetric(range);
                (a.mapv(|v| q.quantize(v)), Some(q))
            }
            (_, Some(Source::Weights(w))) => {
                let &[scale] = &w.scales[..] else { return Err("a table with a scale a channel".into()) };
                let q = Quantization { scale, zero_point: 0, dtype: DType::I8 };
                let reals = w.reals();
                let range = reals.iter().fold((0f32, 0f32), |(lo, hi), &v| (lo.min(v), hi.max(v)));
                let fits = w.eight_bit()?.iter().all(|v| i8::try_from(*v).is_ok());
                let q = if fits { q } else { super::asymmetric(range) };
                (reals.mapv(|v| q.quantize(v)), Some(q))
            }
            _ => return Err("its table is not a constant".into()),
        };
        if values.is_empty() {
            return Err("its table is empty".into());
        }
        self.count_weights(values.len())?;
        let rows = values.shape()[0];
        let columns = values.len() / rows;
        let table = values.as_standard_layout().into_owned().into_shape_with_order((rows, columns));
        let table = table.map_err(|e| e.to_string())?;
        let dtype = self.graph.types.get(&node.output).map_or(DType::I8, |t| t.dtype);
        let own = source.unwrap_or(super::placeholder(dtype));
        let mut shape = self.out.tensor(indices).shape.clone();
        shape.push(columns);
        let id = self.emit(node, IntKind::Lookup { table }, vec![indices], shape, Some(own));
        let wanted = self.shape(&node.output);
        let id = if self.out.tensor(id).shape == wanted {
            id
        } else {
            self.emit(node, IntKind::Reshape, vec![id], wanted, Some(own))
        };
        Ok(match source {
            Some(q) => Source::Reals(id, q, Curve::Identity),
            None => Source::Integers(id),
        })
    }
}
