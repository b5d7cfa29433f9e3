//! Quantisation: a Q/DQ graph to the integer IR.
//!
//! `DequantizeLinear → operator → QuantizeLinear` becomes one integer operation. The pass follows every float value of
//! the graph and knows what stands behind it: an input, dequantised integers, weights, or sums of products that wait
//! for the `QuantizeLinear` that gives their scale. A float value that anything else reads is an error that says so.

use std::collections::BTreeMap;

use ndarray::Axis;

use crate::error::{CompileError, Result, printable};
use crate::graph::{Constant, DType, Graph, Node};
use crate::int_ir::{IntGraph, IntKind, IntOp, IntTensor, IntWindow, Port, Quantization, Requant, TensorId};
use crate::ops::{Op, Window};
use crate::requant::{Reach, multiplier};
use crate::shapes::pads;
use crate::weights::{Weights, weights};

/// Bounds of an activation, in reals.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bounds {
    lo: f32,
    hi: f32,
}

const UNBOUNDED: Bounds = Bounds { lo: f32::NEG_INFINITY, hi: f32::INFINITY };

impl Bounds {
    fn clamp(self, lo: f32, hi: f32) -> Bounds {
        Bounds { lo: self.lo.clamp(lo, hi), hi: self.hi.clamp(lo, hi) }
    }
}

/// Most weights of a model, each use counted.
const MAX_WEIGHTS: usize = 1 << 28;

/// Sums of products that wait for their output scale.
struct Sums {
    tensor: TensorId,
    /// Real value of 1, per channel.
    scales: Vec<f64>,
    /// In units of `scales`, per channel; the folded zero point is not in it.
    bias: Vec<i64>,
    /// Per channel.
    reach: Vec<Reach>,
    input_zero_point: i8,
}

/// What stands behind a value of the graph.
enum Source<'a> {
    /// A float input of the graph.
    Input,
    /// Integers themselves.
    Integers(TensorId),
    /// Dequantised integers within bounds.
    Reals(TensorId, Bounds),
    /// Sums within bounds.
    Sums(Sums, Bounds),
    /// A dequantised constant.
    Weights(Weights<'a>),
    /// Sums that have been read: what reads them takes them.
    Taken,
}

struct Pass<'a> {
    graph: &'a Graph,
    out: IntGraph,
    sources: BTreeMap<&'a str, Source<'a>>,
    /// Weights and scales read so far.
    weights: usize,
}

/// Runs the pass.
///
/// # Errors
/// A node outside the patterns above, float models, scales that are not positive and finite, weights with zero points,
/// sums that could overflow 32 bits.
pub fn run(graph: &Graph) -> Result<IntGraph> {
    if !graph.nodes.iter().any(|n| matches!(n.op, Op::QuantizeLinear { .. } | Op::DequantizeLinear { .. })) {
        return Err(CompileError::model(
            "it has no QuantizeLinear node: a float model; quantise it to int8 Q/DQ first, for instance with ONNX Runtime",
        ));
    }
    let mut pass = Pass { graph, out: IntGraph::default(), sources: BTreeMap::new(), weights: 0 };
    for (name, _) in &graph.inputs {
        pass.sources.insert(name, Source::Input);
    }
    for node in &graph.nodes {
        let source = pass.node(node).map_err(|reason| CompileError::node(&node.name, node.op.name(), reason))?;
        pass.sources.insert(&node.output, source);
    }
    pass.outputs()?;
    Ok(pass.out)
}

impl<'a> Pass<'a> {
    fn outputs(&mut self) -> Result<()> {
        for name in &self.graph.outputs {
            let (tensor, dtype) = match self.sources.get(name.as_str()) {
                Some(Source::Integers(t)) => (*t, self.quantization(*t).dtype),
                Some(Source::Reals(t, bounds)) if *bounds == UNBOUNDED => (*t, DType::F32),
                _ => {
                    let name = printable(name);
                    return Err(CompileError::model(format!(
                        "the output `{name}` is not quantised: it must come from a QuantizeLinear"
                    )));
                }
            };
            self.out.outputs.push(Port { name: name.clone(), dtype, tensor });
        }
        Ok(())
    }

    fn quantization(&self, id: TensorId) -> Quantization {
        // Only sums have none, and they are never behind `Integers` or `Reals`.
        self.out.tensor(id).quantization.unwrap_or(Quantization { scale: 1.0, zero_point: 0, dtype: DType::I8 })
    }

    fn shape(&self, name: &str) -> Vec<usize> {
        self.graph.types.get(name).map(|t| t.shape.clone()).unwrap_or_default()
    }

    /// What stands behind a value; sums are taken away.
    fn source(&mut self, name: &str) -> Result<Source<'a>, String> {
        match self.sources.get_mut(name) {
            Some(Source::Input) => Ok(Source::Input),
            Some(Source::Integers(id)) => Ok(Source::Integers(*id)),
            Some(Source::Reals(id, bounds)) => Ok(Source::Reals(*id, *bounds)),
            Some(Source::Weights(weights)) => Ok(Source::Weights(*weights)),
            Some(Source::Taken) => {
                Err(format!("its input `{}` is read by another node, too, before it is quantised", printable(name)))
            }
            Some(sums @ Source::Sums(..)) => Ok(std::mem::replace(sums, Source::Taken)),
            None => Err(format!("its input `{}` is a constant that is not dequantised", printable(name))),
        }
    }

    fn op(&mut self, node: &Node, kind: IntKind, input: TensorId, quantization: Option<Quantization>) -> TensorId {
        let tensor = IntTensor { name: node.output.clone(), shape: self.shape(&node.output), quantization };
        let output = self.out.add(tensor);
        self.out.ops.push(IntOp { name: node.name.clone(), op: node.op.name(), kind, input, output });
        output
    }

    fn node(&mut self, node: &'a Node) -> Result<Source<'a>, String> {
        let input = node.inputs[0].as_str();
        match node.op {
            Op::QuantizeLinear { .. } => self.quantize(node),
            Op::DequantizeLinear { axis } => self.dequantize(node, axis),
            Op::Conv(window) => self.conv(node, &window),
            Op::Gemm { transposed_weights } => self.dense(node, transposed_weights),
            Op::MatMul => self.dense(node, false),
            Op::Add => self.add(node),
            Op::Relu => self.bound(input, 0.0, f32::INFINITY),
            Op::Clip => {
                let lo = self.clip_bound(node, 1)?.unwrap_or(f32::NEG_INFINITY);
                let hi = self.clip_bound(node, 2)?.unwrap_or(f32::INFINITY);
                if lo > hi || lo.is_nan() || hi.is_nan() {
                    return Err(format!("bounds {lo} to {hi}"));
                }
                self.bound(input, lo, hi)
            }
            Op::MaxPool(window) => {
                let shape = self.shape(input);
                let (&[_, _, h, w], Some(kernel)) = (&shape[..], window.kernel) else {
                    return Err("its input is not four-dimensional".into());
                };
                let window = int_window([h, w], kernel, &window);
                let padded = (0..4).any(|i| window.pads[i] > (kernel[i % 2] - 1) * window.dilations[i % 2]);
                if padded {
                    return Err("padding wider than the kernel".into());
                }
                self.in_place(node, IntKind::MaxPool(window))
            }
            Op::Flatten { .. } | Op::Reshape { .. } => self.in_place(node, IntKind::Reshape),
            Op::Identity => self.source(input),
        }
    }

    /// An operation that maps integers to integers of the same scale.
    fn in_place(&mut self, node: &Node, kind: IntKind) -> Result<Source<'a>, String> {
        let (id, real) = match self.source(&node.inputs[0])? {
            Source::Integers(id) => (id, false),
            Source::Reals(id, bounds) if bounds == UNBOUNDED => (id, true),
            _ => return Err(not_quantized(&node.inputs[0])),
        };
        let quantization = self.quantization(id);
        let out = self.op(node, kind, id, Some(quantization));
        Ok(if real { Source::Reals(out, UNBOUNDED) } else { Source::Integers(out) })
    }

    fn bound(&mut self, input: &str, lo: f32, hi: f32) -> Result<Source<'a>, String> {
        match self.source(input)? {
            Source::Reals(id, bounds) => Ok(Source::Reals(id, bounds.clamp(lo, hi))),
            Source::Sums(sums, bounds) => Ok(Source::Sums(sums, bounds.clamp(lo, hi))),
            _ => Err(not_quantized(input)),
        }
    }

    fn clip_bound(&self, node: &Node, index: usize) -> Result<Option<f32>, String> {
        match node.inputs.get(index).filter(|n| !n.is_empty()) {
            None => Ok(None),
            Some(name) => match self.graph.constants.get(name) {
                Some(Constant::F32(a)) if a.len() == 1 => Ok(a.first().copied()),
                _ => Err(format!("its bound `{}` is not a constant float", printable(name))),
            },
        }
    }

    /// Scale and zero point of a per-tensor `QuantizeLinear` or `DequantizeLinear`.
    fn parameters(&self, node: &Node, dtype: Option<DType>) -> Result<Quantization, String> {
        let scale = match self.graph.constants.get(&node.inputs[1]) {
            Some(Constant::F32(a)) if a.len() == 1 => a.first().copied().unwrap_or(f32::NAN),
            Some(Constant::F32(_)) => return Err("activations must have one scale for the whole tensor".into()),
            _ => return Err("its scale is not a constant float32".into()),
        };
        if !(scale.is_normal() && scale > 0.0) {
            return Err(format!("its scale is {scale}; it must be positive and finite"));
        }
        let (zero_point, dtype) = match node.inputs.get(2).filter(|n| !n.is_empty()) {
            None => (0, dtype.unwrap_or(DType::U8)),
            Some(name) => match self.graph.constants.get(name) {
                Some(Constant::I8(a)) if a.len() == 1 => (a.iter().copied().map(i32::from).sum(), DType::I8),
                Some(Constant::U8(a)) if a.len() == 1 => (a.iter().copied().map(i32::from).sum(), DType::U8),
                _ => return Err("its zero point is not one constant int8 or uint8".into()),
            },
        };
        Ok(Quantization { scale, zero_point, dtype })
    }

    fn quantize(&mut self, node: &Node) -> Result<Source<'a>, String> {
        let q = self.parameters(node, None)?;
        let input = node.inputs[0].as_str();
        match self.source(input)? {
            Source::Input => self.input(input, q, DType::F32).map(Source::Integers),
            Source::Sums(sums, bounds) => {
                let requant = requant(&sums, q)?;
                let id = self.op(node, IntKind::Requantize(requant), sums.tensor, Some(q));
                Ok(Source::Integers(self.clamp(node, id, bounds)))
            }
            Source::Reals(id, bounds) if self.quantization(id) == q => {
                Ok(Source::Integers(self.clamp(node, id, bounds)))
            }
            Source::Reals(..) => {
                Err("its input is quantised with another scale; rescaling is not supported yet".into())
            }
            Source::Integers(_) | Source::Weights(_) | Source::Taken => Err(not_quantized(input)),
        }
    }

    fn clamp(&mut self, node: &Node, id: TensorId, bounds: Bounds) -> TensorId {
        if bounds == UNBOUNDED {
            return id;
        }
        let q = self.quantization(id);
        let kind = IntKind::Clamp { lo: q.quantize(bounds.lo), hi: q.quantize(bounds.hi) };
        self.op(node, kind, id, Some(q))
    }

    /// The tensor of a graph input; each input is quantised in one way only.
    fn input(&mut self, name: &str, q: Quantization, dtype: DType) -> Result<TensorId, String> {
        if let Some(port) = self.out.inputs.iter().find(|p| p.name == name) {
            return if self.quantization(port.tensor) == q {
                Ok(port.tensor)
            } else {
                Err(format!("the input `{}` is quantised in two ways", printable(name)))
            };
        }
        let tensor = self.out.add(IntTensor { name: name.into(), shape: self.shape(name), quantization: Some(q) });
        self.out.inputs.push(Port { name: name.into(), dtype, tensor });
        Ok(tensor)
    }

    fn dequantize(&mut self, node: &Node, axis: i64) -> Result<Source<'a>, String> {
        let input = node.inputs[0].as_str();
        if let Some(constant) = self.graph.constants.get(input) {
            let scale = self.graph.constants.get(&node.inputs[1]);
            let zero_point = node.inputs.get(2).filter(|n| !n.is_empty()).map(|n| self.graph.constants.get(n));
            self.weights += scale.map_or(0, |s| s.shape().iter().product());
            if self.weights > MAX_WEIGHTS {
                return Err(format!("the model has more than {MAX_WEIGHTS} weights and scales"));
            }
            return weights(constant, scale, zero_point, axis).map(Source::Weights);
        }
        let declared = self.graph.types.get(input).map(|t| t.dtype);
        let q = self.parameters(node, declared)?;
        match self.source(input)? {
            Source::Input if declared == Some(q.dtype) => {
                self.input(input, q, q.dtype).map(|id| Source::Reals(id, UNBOUNDED))
            }
            Source::Integers(id) if self.quantization(id) == q => Ok(Source::Reals(id, UNBOUNDED)),
            Source::Integers(_) => {
                Err("its scale or zero point differ from those of the QuantizeLinear before it".into())
            }
            _ => Err(format!("its input `{}` is not int8 or uint8", printable(input))),
        }
    }

    /// The integers and quantisation of an activation that an operator reads.
    fn activation(&mut self, name: &str) -> Result<(TensorId, Quantization), String> {
        match self.source(name)? {
            Source::Reals(id, bounds) if bounds == UNBOUNDED => Ok((id, self.quantization(id))),
            _ => Err(not_quantized(name)),
        }
    }

    fn weights(&mut self, name: &str) -> Result<Weights<'a>, String> {
        match self.sources.get(name) {
            Some(Source::Weights(w)) => {
                self.weights += w.len();
                if self.weights > MAX_WEIGHTS {
                    return Err(format!("the model has more than {MAX_WEIGHTS} weights"));
                }
                Ok(*w)
            }
            _ => Err(format!("its weights `{}` are not a dequantised constant", printable(name))),
        }
    }

    fn conv(&mut self, node: &Node, window: &Window) -> Result<Source<'a>, String> {
        let (id, q) = self.activation(&node.inputs[0])?;
        let (weights, scales) = {
            let w = self.weights(&node.inputs[1])?;
            let array = w.int8()?.into_dimensionality().map_err(|_| "its weights are not four-dimensional")?;
            let array: ndarray::Array4<i8> = array;
            let scales = w.channel_scales(0, array.dim().0)?;
            (array, scales)
        };
        let (_, _, kh, kw) = weights.dim();
        if weights.is_empty() {
            return Err("it has no weights".into());
        }
        let shape = self.shape(&node.inputs[0]);
        let window = int_window([shape[2], shape[3]], [kh, kw], window);
        let reach = weights.axis_iter(Axis(0)).map(|channel| Reach::of(channel.iter())).collect();
        let pad_value = q.zero_point_i8();
        let kind = IntKind::Conv { weights, window, pad_value, requant: None };
        self.sums(node, kind, id, (q, scales, reach))
    }

    fn dense(&mut self, node: &Node, transposed: bool) -> Result<Source<'a>, String> {
        let (id, q) = self.activation(&node.inputs[0])?;
        let (weights, scales) = {
            let w = self.weights(&node.inputs[1])?;
            let array: ndarray::Array2<i8> =
                w.int8()?.into_dimensionality().map_err(|_| "its weights are not a matrix")?;
            let axis = usize::from(!transposed);
            let scales = w.channel_scales(axis, array.shape()[axis])?;
            (if transposed { array.reversed_axes() } else { array }, scales)
        };
        if weights.is_empty() {
            return Err("it has no weights".into());
        }
        let reach = weights.axis_iter(Axis(1)).map(|channel| Reach::of(channel.iter())).collect();
        self.sums(node, IntKind::Dense { weights, requant: None }, id, (q, scales, reach))
    }

    /// Emits a matrix operation and describes its sums; `operands`: the input's quantisation, the weights' scales and
    /// the reach of each output channel.
    fn sums(
        &mut self,
        node: &Node,
        kind: IntKind,
        input: TensorId,
        (q, scales, reach): (Quantization, Vec<f32>, Vec<Reach>),
    ) -> Result<Source<'a>, String> {
        let tensor = self.op(node, kind, input, None);
        let sums = Sums {
            tensor,
            scales: scales.iter().map(|&s| f64::from(q.scale) * f64::from(s)).collect(),
            bias: vec![0; reach.len()],
            reach,
            input_zero_point: q.zero_point_i8(),
        };
        let sums = match node.inputs.get(2).filter(|n| !n.is_empty()) {
            Some(bias) => self.biased(sums, bias)?,
            None => sums,
        };
        Ok(Source::Sums(sums, UNBOUNDED))
    }

    /// Adds a bias: dequantised int32 or int8, or float32; one element, or one a channel.
    fn biased(&self, mut sums: Sums, name: &str) -> Result<Sums, String> {
        let count = sums.bias.len();
        let shape = self.shape(name);
        let out = self.out.tensor(sums.tensor).shape.len();
        // The channel is the last axis of a matrix and the third from the end of an image; a Conv's own bias is flat.
        let from_end = shape.len().checked_sub(if out == 4 && shape.len() > 1 { 3 } else { 1 });
        let elements: usize = shape.iter().product();
        if elements != 1 && (elements != count || from_end.and_then(|axis| shape.get(axis)) != Some(&count)) {
            return Err(format!(
                "its bias `{}` has shape {shape:?}; expected one element for each of {count} channels",
                printable(name)
            ));
        }
        let reals: Vec<(f64, f64)> = match (self.sources.get(name), self.graph.constants.get(name)) {
            (Some(Source::Weights(w)), _) => w.bias()?,
            (None, Some(Constant::F32(a))) => a.iter().map(|&v| (f64::from(v), 1.0)).collect(),
            _ => return Err(format!("its bias `{}` is not a constant", printable(name))),
        };
        for (channel, (bias, scale)) in sums.bias.iter_mut().zip(&sums.scales).enumerate() {
            let (value, unit) = reals[if elements == 1 { 0 } else { channel }];
            // A quantiser's bias scale is the float32 product of the scales: the same but for rounding.
            let ratio = unit / scale;
            let exact = if (ratio - 1.0).abs() < 1e-5 { value } else { value * ratio };
            if exact.is_nan() || exact.abs() > f64::from(i32::MAX) {
                return Err(format!("the bias of channel {channel} is {exact:e} units; it must fit 32 bits"));
            }
            *bias += exact.round_ties_even() as i64;
        }
        Ok(sums)
    }

    fn add(&mut self, node: &Node) -> Result<Source<'a>, String> {
        let is_constant = |name: &String| {
            self.graph.constants.contains_key(name)
                || matches!(self.sources.get(name.as_str()), Some(Source::Weights(_)))
        };
        let (value, bias) = match (is_constant(&node.inputs[0]), is_constant(&node.inputs[1])) {
            (false, true) => (&node.inputs[0], &node.inputs[1]),
            (true, false) => (&node.inputs[1], &node.inputs[0]),
            _ => return Err("only a constant can be added: a bias".into()),
        };
        match self.source(value)? {
            Source::Sums(sums, bounds) if bounds == UNBOUNDED => {
                if self.shape(value) != self.shape(&node.output) {
                    return Err("the constant has more dimensions than what it is added to".into());
                }
                self.biased(sums, bias).map(|sums| Source::Sums(sums, UNBOUNDED))
            }
            _ => Err("a constant can be added only directly after Conv, Gemm or MatMul".into()),
        }
    }
}

fn not_quantized(name: &str) -> String {
    format!(
        "its input `{}` is not quantised: a QuantizeLinear and DequantizeLinear must stand before it",
        printable(name)
    )
}

fn int_window(input: [usize; 2], kernel: [usize; 2], window: &Window) -> IntWindow {
    IntWindow { kernel, strides: window.strides, pads: pads(input, kernel, window), dilations: window.dilations }
}

/// The requantisation of sums to a scale; the input's zero point is folded into the bias.
fn requant(sums: &Sums, q: Quantization) -> Result<Requant, String> {
    let channels = sums.bias.len();
    let mut out = Requant {
        bias: Vec::with_capacity(channels),
        multiplier: Vec::with_capacity(channels),
        shift: Vec::with_capacity(channels),
        zero_point: q.zero_point_i8(),
        lo: i8::MIN,
        hi: i8::MAX,
    };
    for channel in 0..channels {
        // |bias| < 2^33 and sums < 2^46: nothing overflows here.
        let reach = sums.reach[channel];
        let bias = sums.bias[channel] - i64::from(sums.input_zero_point) * reach.weights;
        let (lo, hi) = (reach.least + bias, reach.greatest + bias);
        if lo < i64::from(i32::MIN) || hi > i64::from(i32::MAX) {
            return Err(format!("the sums of channel {channel} can reach {lo} to {hi}, beyond 32 bits"));
        }
        let real = sums.scales[channel] / f64::from(q.scale);
        let (m, s) = multiplier(real).ok_or_else(|| {
            format!("channel {channel} is scaled by {real:e}; the machine multiplies by less than 2^24")
        })?;
        // The sum fits 32 bits; the bias alone may wrap, as the machine's addition does.
        out.bias.push(bias as i32);
        out.multiplier.push(m);
        out.shift.push(s);
    }
    Ok(out)
}
