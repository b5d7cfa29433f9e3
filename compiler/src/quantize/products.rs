//! Convolutions and matrix products: integer sums that wait for their scale.

use ndarray::{Array2, Array4, ArrayD, Axis};

use super::pending::{Pending, Sums, Work, empty};
use super::{Pass, Source};
use crate::graph::Node;
use crate::int_ir::{IntKind, Quantization, TensorId};
use crate::ops::{Op, Window};
use crate::requant::Reach;
use crate::shapes::windows::{explicit, image, transposed};

/// Weights in int8 parts that sum to them, along an axis: `[.., parts · k, ..]`.
fn parts(weights: &ArrayD<i32>, axis: usize, inner: usize) -> (ArrayD<i8>, usize) {
    let mut left = weights.clone();
    let mut split = Vec::new();
    loop {
        let part = left.mapv(|v| v.clamp(-128, 127));
        left -= &part;
        split.push(part.mapv(|v| v as i8));
        if left.iter().all(|&v| v == 0) {
            break;
        }
    }
    let count = split.len();
    if count == 1 {
        return (split.swap_remove(0), 1);
    }
    // Within each group of `inner` the parts follow each other, as the repeated channels do.
    let groups = weights.shape()[axis] / inner;
    let mut shape = weights.shape().to_vec();
    shape[axis] *= count;
    let mut out = ArrayD::zeros(shape);
    for (at, mut lane) in out.axis_iter_mut(Axis(axis)).enumerate() {
        let (group, part, i) = (at / (inner * count), at / inner % count, at % inner);
        debug_assert!(group < groups);
        lane.assign(&split[part].index_axis(Axis(axis), group * inner + i));
    }
    (out, count)
}

impl Pass<'_> {
    pub(super) fn conv(&mut self, node: &Node, window: &Window, groups: usize) -> Result<Source, String> {
        let (id, q) = self.activation(node, &node.inputs[0])?;
        let w = self.weights(&node.inputs[1])?;
        let given = self.shape(&node.inputs[0]);
        let [n, c, height, width] = image(&given)?;
        let kernel = image(w.eight_bit()?.shape())?;
        let four = w.eight_bit()?.as_standard_layout().into_owned();
        let four = four.into_shape_with_order(kernel.to_vec()).map_err(|e| e.to_string())?;
        let scales = w.channel_scales(0, kernel[0])?;
        if four.is_empty() {
            return Err("it has no weights".into());
        }
        let int = explicit([height, width], [kernel[2], kernel[3]], window)?;
        let id = self.reshaped(node, id, &[n, c, height, width]);
        let (split, count) = parts(&four, 1, kernel[1]);
        let id = self.repeated(node, id, (Axis(1), groups, count));
        let weights: Array4<i8> = split.into_dimensionality().map_err(|e| e.to_string())?;
        let reach = weights.axis_iter(Axis(0)).map(|channel| Reach::of(channel.iter())).collect();
        let kind = IntKind::Conv { weights, groups, window: int, pad_value: q.zero_point_i8(), requant: empty() };
        let [oh, ow] = int.output([height, width]);
        self.weighted(node, (kind, id, vec![n, kernel[0], oh, ow]), (q, scales, reach))
    }

    /// As a convolution over pixels set apart.
    pub(super) fn conv_transpose(
        &mut self,
        node: &Node,
        window: &Window,
        groups: usize,
        output_padding: [usize; 2],
    ) -> Result<Source, String> {
        let (id, q) = self.activation(node, &node.inputs[0])?;
        let w = self.weights(&node.inputs[1])?;
        let [n, c, height, width] = image(&self.shape(&node.inputs[0]))?;
        let kernel = image(w.eight_bit()?.shape())?;
        let given = w.eight_bit()?.as_standard_layout().into_owned();
        let given = given.into_shape_with_order(kernel.to_vec()).map_err(|e| e.to_string())?;
        let given: Array4<i32> = given.into_dimensionality().map_err(|e| e.to_string())?;
        let (inputs, per_group, kh, kw) = given.dim();
        let (int, apart) = transposed([height, width], [kh, kw], window, output_padding)?;
        let id = self.reshaped(node, id, &[n, c, height, width]);
        let (inner, outputs) = (inputs / groups, per_group * groups);
        if w.scales.len() > 1 && (w.axis != 1 || groups > 1) {
            return Err("weights with a scale a channel along another axis than the outputs".into());
        }
        let scales = if w.scales.len() == 1 { vec![w.scales[0]; outputs] } else { w.scales.clone() };
        let turned = ArrayD::from_shape_fn(vec![outputs, inner, kh, kw], |at| {
            given[[at[0] / per_group * inner + at[1], at[0] % per_group, kh - 1 - at[2], kw - 1 - at[3]]]
        });
        let spread = [(height - 1) * apart[0] + 1, (width - 1) * apart[1] + 1];
        let dilate = IntKind::Dilate { strides: apart, value: q.zero_point_i8() };
        let shape = vec![n, c, spread[0], spread[1]];
        let own = self.out.tensor(id).quantization;
        let id = self.emit(&super::sources::intermediate(node), dilate, vec![id], shape, own);
        let (split, count) = parts(&turned, 1, inner);
        let id = self.repeated(node, id, (Axis(1), groups, count));
        let weights: Array4<i8> = split.into_dimensionality().map_err(|e| e.to_string())?;
        let reach = weights.axis_iter(Axis(0)).map(|channel| Reach::of(channel.iter())).collect();
        let kind = IntKind::Conv { weights, groups, window: int, pad_value: q.zero_point_i8(), requant: empty() };
        let [oh, ow] = int.output(spread);
        self.weighted(node, (kind, id, vec![n, outputs, oh, ow]), (q, scales, reach))
    }

    pub(super) fn gemm(&mut self, node: &Node) -> Result<Source, String> {
        let &Op::Gemm { alpha, beta, transposed_a, transposed_b } = &node.op else {
            return Err("it is no Gemm".into());
        };
        if alpha <= 0.0 {
            return Err(format!("alpha = {alpha}; it must be positive"));
        }
        let (mut id, q) = self.activation(node, &node.inputs[0])?;
        if transposed_a {
            id = self.turned(node, id);
        }
        let mut pending = match self.sources.get(node.inputs[1].as_str()) {
            Some(Source::Weights(_)) => self.dense(node, (id, q), transposed_b)?,
            _ => {
                let (mut b, qb) = self.operand(node, &node.inputs[1])?;
                if transposed_b {
                    b = self.turned(node, b);
                }
                self.dynamic(node, [(id, q), (b, qb)])?
            }
        };
        if let Work::Sums(sums) = &mut pending.work {
            sums.scales.iter_mut().for_each(|s| *s *= f64::from(alpha));
        }
        if node.has(2) && beta != 0.0 {
            self.biased(&mut pending, &node.inputs[2], f64::from(beta))?;
        }
        Ok(Pass::pending(pending))
    }

    fn turned(&mut self, node: &Node, id: TensorId) -> TensorId {
        let tensor = self.out.tensor(id).clone();
        let shape = tensor.shape.iter().rev().copied().collect();
        let kind = IntKind::Transpose { perm: vec![1, 0] };
        self.emit(&super::sources::intermediate(node), kind, vec![id], shape, tensor.quantization)
    }

    pub(super) fn matmul(&mut self, node: &Node) -> Result<Source, String> {
        let (id, q) = self.operand(node, &node.inputs[0])?;
        let matrix = self.shape(&node.inputs[1]).len() == 2;
        let pending = match self.sources.get(node.inputs[1].as_str()) {
            Some(Source::Weights(_)) if matrix => self.dense(node, (id, q), false)?,
            _ => {
                let b = self.operand(node, &node.inputs[1])?;
                self.dynamic(node, [(id, q), b])?
            }
        };
        Ok(Pass::pending(pending))
    }

    fn dense(&mut self, node: &Node, (id, q): (TensorId, Quantization), turned: bool) -> Result<Pending, String> {
        let w = self.weights(&node.inputs[1])?;
        let matrix: Array2<i32> =
            w.eight_bit()?.clone().into_dimensionality().map_err(|_| "its weights are not a matrix")?;
        let axis = usize::from(!turned);
        let scales = w.channel_scales(axis, matrix.shape()[axis])?;
        let matrix = if turned { matrix.reversed_axes() } else { matrix };
        if matrix.is_empty() {
            return Err("it has no weights".into());
        }
        let (split, count) = parts(&matrix.as_standard_layout().into_owned().into_dyn(), 0, matrix.nrows());
        let last = self.out.tensor(id).shape.len() - 1;
        let id = self.repeated(node, id, (Axis(last), 1, count));
        let weights: Array2<i8> = split.into_dimensionality().map_err(|e| e.to_string())?;
        let reach = weights.axis_iter(Axis(1)).map(|channel| Reach::of(channel.iter())).collect();
        let mut shape = self.out.tensor(id).shape.clone();
        shape[last] = weights.ncols();
        let kind = IntKind::Dense { weights, requant: empty() };
        let channels = scales.len();
        Ok(Pending::new(node, Work::Sums(sums(kind, (q, scales, reach), (last, channels))), vec![id], shape))
    }

    /// The product of two computed tensors.
    fn dynamic(&mut self, node: &Node, [(a, qa), (b, qb)]: [(TensorId, Quantization); 2]) -> Result<Pending, String> {
        let shape = self.shape(&node.output);
        let k = self.out.tensor(a).shape.last().copied().unwrap_or(1) as i64;
        let zeros = [qa, qb].map(|q| q.zero_point_i8());
        let work = Sums {
            kind: IntKind::MatMul { zeros, requant: empty() },
            scales: vec![f64::from(qa.scale) * f64::from(qb.scale)],
            bias: vec![0],
            reach: vec![(-k * 255 * 255, k * 255 * 255)],
            axis: shape.len() - 1,
            channels: shape.last().copied(),
        };
        Ok(Pending::new(node, Work::Sums(work), vec![a, b], shape))
    }

    /// A convolution with its bias; `made`: the operation, its input, its shape in four dimensions.
    fn weighted(
        &mut self,
        node: &Node,
        (kind, id, shape): (IntKind, TensorId, Vec<usize>),
        (q, scales, reach): (Quantization, Vec<f32>, Vec<Reach>),
    ) -> Result<Source, String> {
        let channels = scales.len();
        let mut pending =
            Pending::new(node, Work::Sums(sums(kind, (q, scales, reach), (1, channels))), vec![id], shape.clone());
        if node.has(2) {
            self.biased(&mut pending, &node.inputs[2], 1.0)?;
        }
        let wanted = self.shape(&node.output);
        if wanted != shape {
            pending.moves.push((IntKind::Reshape, wanted));
        }
        Ok(Pass::pending(pending))
    }
}

/// `operands`: the input's quantisation, the weights' scales and the reach of each output channel.
fn sums(
    kind: IntKind,
    (q, scales, reach): (Quantization, Vec<f32>, Vec<Reach>),
    (axis, channels): (usize, usize),
) -> Sums {
    let zero = i64::from(q.zero_point_i8());
    Sums {
        kind,
        scales: scales.iter().map(|&s| f64::from(q.scale) * f64::from(s)).collect(),
        bias: reach.iter().map(|r| -zero * r.weights).collect(),
        reach: reach.iter().map(|r| (r.least, r.greatest)).collect(),
        axis,
        channels: Some(channels),
    }
}
