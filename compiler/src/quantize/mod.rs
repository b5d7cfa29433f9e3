//! Quantisation: a Q/DQ graph to the integer IR.
//!
//! `DequantizeLinear → operator → QuantizeLinear` becomes one integer operation. The pass follows every float value of
//! the graph and knows what stands behind it: dequantised integers with a function applied, weights, or an operation
//! that waits for the `QuantizeLinear` that gives its scale. A float value that anything else reads is an error that says so.

mod curve;
mod elementwise;
mod movement;
mod pending;
mod products;
mod rows;
mod sources;
mod weights;
mod windows;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{CompileError, Result, printable};
use crate::graph::{DType, Graph, Node};
use crate::int_ir::{IntGraph, IntTensor, Port, Quantization, TensorId};
use crate::ops::{Op, Reduction};
use curve::Curve;
use pending::Pending;
use weights::Weights;

/// Most weights of a model, each use counted.
const MAX_WEIGHTS: usize = 1 << 28;

/// What stands behind a value of the graph.
#[derive(Clone, Debug)]
enum Source {
    /// A graph input, perhaps moved, whose quantisation is not known yet.
    Raw(TensorId),
    /// int32 or int64 indices.
    Indices(TensorId),
    /// Integers themselves.
    Integers(TensorId),
    /// Dequantised integers, as this quantisation reads them, with a function applied.
    Reals(TensorId, Quantization, Curve),
    /// An operation that waits for its scale.
    Pending(Box<Pending>),
    /// A dequantised constant.
    Weights(Weights),
    /// A pending operation that has been read: what reads it takes it.
    Taken,
}

struct Pass<'a> {
    graph: &'a Graph,
    out: IntGraph,
    sources: BTreeMap<&'a str, Source>,
    /// Tensors whose quantisation is not known yet, and what they were moved from.
    unknown: BTreeMap<TensorId, Option<TensorId>>,
    /// Weights and scales read so far.
    weights: usize,
}

/// The placeholder of a quantisation that is not known yet.
fn placeholder(dtype: DType) -> Quantization {
    Quantization { scale: 1.0, zero_point: 0, dtype: if dtype == DType::U8 { DType::U8 } else { DType::I8 } }
}

/// int8 over a range that holds 0.
pub(crate) fn asymmetric((lo, hi): (f32, f32)) -> Quantization {
    let (lo, hi) = (lo.min(0.0), hi.max(0.0));
    let scale = ((f64::from(hi) - f64::from(lo)) / 255.0) as f32;
    let scale = if scale.is_normal() { scale } else { 1.0 };
    let zero_point = (-128.0 - f64::from(lo) / f64::from(scale)).round_ties_even().clamp(-128.0, 127.0) as i32;
    Quantization { scale, zero_point, dtype: DType::I8 }
}

/// Whether a graph has quantisers: a model in Q/DQ form, at least in part.
#[must_use]
pub fn is_quantized(graph: &Graph) -> bool {
    graph.nodes.iter().any(|n| matches!(n.op, Op::QuantizeLinear { .. } | Op::DequantizeLinear { .. }))
}

/// Runs the pass.
///
/// # Errors
/// A node outside the patterns above, float models, scales that are not positive and finite, sums that could overflow 32 bits.
pub fn run(graph: &Graph) -> Result<IntGraph> {
    let float = |n: &Node| graph.types.get(&n.output).is_some_and(|t| t.dtype == DType::F32);
    if !is_quantized(graph) && graph.nodes.iter().any(float) {
        return Err(CompileError::model(
            "it has no QuantizeLinear node: a float model; give inputs to calibrate it on, or quantise it to int8 Q/DQ first",
        ));
    }
    let mut pass =
        Pass { graph, out: IntGraph::default(), sources: BTreeMap::new(), unknown: BTreeMap::new(), weights: 0 };
    pass.inputs();
    for node in &graph.nodes {
        let source = pass.node(node).map_err(|reason| node.error(reason))?;
        pass.sources.insert(&node.output, source);
    }
    pass.outputs()?;
    Ok(pass.out)
}

impl<'a> Pass<'a> {
    fn inputs(&mut self) {
        let graph = self.graph;
        let read: BTreeSet<&str> =
            graph.nodes.iter().flat_map(|n| &n.inputs).chain(&graph.outputs).map(String::as_str).collect();
        for (name, value) in graph.inputs.iter().filter(|(name, _)| read.contains(name.as_str())) {
            let indices = matches!(value.dtype, DType::I32 | DType::I64);
            let quantization = (!indices).then(|| placeholder(value.dtype));
            let id = self.out.add(IntTensor { name: name.clone(), shape: value.shape.clone(), quantization });
            self.out.inputs.push(Port { name: name.clone(), dtype: value.dtype, tensor: id });
            if !indices {
                self.unknown.insert(id, None);
            }
            self.sources.insert(name, if indices { Source::Indices(id) } else { Source::Raw(id) });
        }
    }

    fn outputs(&mut self) -> Result<()> {
        let graph = self.graph;
        for name in &graph.outputs {
            let port = self
                .output(name)
                .map_err(|reason| CompileError::model(format!("the output `{}` {reason}", printable(name))))?;
            self.out.outputs.push(port);
        }
        for port in &self.out.inputs {
            if self.unknown.contains_key(&port.tensor) && port.dtype == DType::F32 {
                let name = printable(&port.name);
                return Err(CompileError::model(format!("the input `{name}` is not quantised")));
            }
        }
        Ok(())
    }

    fn output(&mut self, name: &str) -> Result<Port, String> {
        let named = |dtype, tensor| Port { name: name.into(), dtype, tensor };
        let declared = self.graph.types.get(name).map_or(DType::F32, |t| t.dtype);
        match self.sources.get(name) {
            Some(Source::Integers(t)) => Ok(named(self.quantization(*t).dtype, *t)),
            Some(Source::Raw(t) | Source::Indices(t)) => Ok(named(declared, *t)),
            Some(Source::Reals(..) | Source::Pending(_)) => {
                // An output has no node of its own: what is emitted bears the name of the value.
                let maker = self.graph.nodes.iter().find(|n| n.output == name).cloned();
                let maker = maker.unwrap_or_else(|| Node::nameless(name));
                let (tensor, _) = self.activation(&maker, name).map_err(|_| {
                    "is not quantised: it must come from a QuantizeLinear, or be calibrated".to_string()
                })?;
                Ok(named(DType::F32, tensor))
            }
            _ => Err("is not quantised: it must come from a QuantizeLinear, or be calibrated".into()),
        }
    }

    fn quantization(&self, id: TensorId) -> Quantization {
        // Only indices have none, and they are never behind `Integers` or `Reals`.
        self.out.tensor(id).quantization.unwrap_or(placeholder(DType::I8))
    }

    fn shape(&self, name: &str) -> Vec<usize> {
        self.graph.types.get(name).map(|t| t.shape.clone()).unwrap_or_default()
    }

    fn node(&mut self, node: &'a Node) -> Result<Source, String> {
        let input = node.inputs[0].as_str();
        let moves = crate::shapes::movement::moves(node, &self.shape(input), &self.graph.constants)?;
        if let Some(moves) = moves.filter(|_| !matches!(node.op, Op::Cast(_))) {
            return self.moved(node, &moves);
        }
        match &node.op {
            Op::QuantizeLinear { to, .. } => self.quantize(node, *to),
            Op::DequantizeLinear { axis } => self.dequantize(node, *axis),
            Op::Unary(unary) => match unary.bounds() {
                Some((lo, hi)) => self.bound(input, lo, hi),
                None => self.function(input, |v| unary.apply(v)),
            },
            Op::Curve(expression) => self.function(input, |v| expression.apply(v)),
            Op::Binary(binary) => self.binary(node, *binary),
            Op::PRelu => self.prelu(node),
            Op::Conv { window, groups } => self.conv(node, window, *groups),
            Op::ConvTranspose { window, groups, output_padding } => {
                self.conv_transpose(node, window, *groups, *output_padding)
            }
            Op::Gemm { .. } => self.gemm(node),
            Op::MatMul => self.matmul(node),
            Op::MaxPool(window) => self.max_pool(node, window),
            Op::GlobalMaxPool => self.global_max_pool(node),
            Op::AveragePool { window, count_padding } => self.average_pool(node, window, *count_padding),
            Op::GlobalAveragePool => {
                let spatial = (2..self.shape(input).len()).collect();
                self.mean(node, spatial, true)
            }
            Op::Reduce { kind, .. } => {
                let axes = crate::shapes::reduced(node, self.shape(input).len(), &self.graph.constants)?;
                match kind {
                    Reduction::Mean => self.mean(node, axes, true),
                    Reduction::Sum => self.mean(node, axes, false),
                    Reduction::Max => self.reduce_max(node, &axes),
                }
            }
            Op::Resize { .. } => self.resize_linear(node),
            Op::Softmax { axis } => self.softmax(node, *axis),
            Op::LayerNormalization { axis, epsilon } => self.norm(node, *axis, *epsilon, true),
            Op::RmsNormalization { axis, epsilon } => self.norm(node, *axis, *epsilon, false),
            Op::ArgMax { last, .. } => self.argmax(node, *last),
            Op::Concat { axis } => self.concat(node, *axis),
            Op::Gather { axis } => self.lookup(node, *axis),
            Op::BatchNormalization { .. } => Err("its parameters are not constant".into()),
            Op::Cast(to) => Err(format!("from {} to {}", self.dtype(input), to.name())),
            other => Err(format!("{} is supported only where its value is known when compiling", other.name())),
        }
    }

    fn dtype(&self, name: &str) -> &'static str {
        self.graph.types.get(name).map_or("?", |t| t.dtype.name())
    }
}

fn not_quantized(name: &str) -> String {
    format!(
        "its input `{}` is not quantised: a QuantizeLinear and DequantizeLinear must stand before it, or the model be calibrated",
        printable(name)
    )
}
