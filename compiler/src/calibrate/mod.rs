//! Calibration: a float graph to a Q/DQ graph, by what its values are on given inputs.
//!
//! Weights get a symmetric scale for each output channel. Activations get one asymmetric scale each, from their range on the
//! samples. A value that only the next node's bias or bound reads is not quantised: it stays in the sums.

mod observe;
mod range;
mod samples;
mod weights;

use std::collections::{BTreeMap, BTreeSet};

use ndarray::arr0;

use crate::error::{CompileError, Result, printable};
use crate::graph::{Constant, DType, Graph, Node, ValueType};
use crate::int_ir::Quantization;
use crate::ops::{Binary, Op, Unary};
use crate::shapes;
use crate::shapes::movement::moves;

pub use samples::samples;

/// How the range of a value is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Method {
    /// All that was seen.
    #[default]
    MinMax,
    /// Without so many percent of the largest magnitudes.
    Percentile(f64),
    /// Where the mean square of the rounding and clipping errors is least.
    MeanSquare,
}

/// One set of inputs, by name.
pub type Sample = BTreeMap<String, Constant>;

/// Inputs to calibrate on, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    /// One or more.
    pub samples: Vec<Sample>,
    /// How ranges are chosen.
    pub method: Method,
}

/// Runs the pass on a graph that [`crate::simplify::run`] has been through. What is quantised already stays as it is.
///
/// # Errors
/// Samples that do not fit the inputs; values that are not finite on them.
pub fn run(mut graph: Graph, calibration: &Calibration) -> Result<Graph> {
    check(&graph, calibration)?;
    weights::spread(&mut graph)?;
    let points = points(&graph);
    let ranges = observe::ranges(&graph, calibration, &points)?;
    weights::quantize(&mut graph, &ranges)?;
    insert(&mut graph, &ranges);
    shapes::run(graph)
}

fn check(graph: &Graph, calibration: &Calibration) -> Result<()> {
    if calibration.samples.is_empty() {
        return Err(CompileError::model("there are no inputs to calibrate on"));
    }
    for sample in &calibration.samples {
        for (name, value) in &graph.inputs {
            let shown = printable(name);
            let Some(given) = sample.get(name) else {
                return Err(CompileError::model(format!("the inputs to calibrate on have no `{shown}`")));
            };
            if given.dtype() != value.dtype || given.shape() != value.shape {
                return Err(CompileError::model(format!(
                    "the inputs to calibrate on have `{shown}` as {} {:?}; the model's is {} {:?}",
                    given.dtype().name(),
                    given.shape(),
                    value.dtype.name(),
                    value.shape
                )));
            }
        }
    }
    Ok(())
}

/// What is to be known of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Any real.
    Any,
    /// 0 to the largest.
    Positive,
    /// As far below 0 as above.
    Symmetric,
}

/// The float values that get quantisers.
fn points(graph: &Graph) -> BTreeMap<String, Kind> {
    let mut readers: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
    for node in &graph.nodes {
        for input in &node.inputs {
            readers.entry(input).or_default().push(node);
        }
    }
    let outputs: BTreeSet<&str> = graph.outputs.iter().map(String::as_str).collect();
    let float = |name: &str| graph.types.get(name).is_some_and(|t| t.dtype == DType::F32);
    let mut quantized: BTreeSet<String> = BTreeSet::new();
    let mut points = BTreeMap::new();
    for (name, _) in graph.inputs.iter().filter(|(name, _)| float(name)) {
        let own =
            readers.get(name.as_str()).is_some_and(|r| r.iter().any(|n| !matches!(n.op, Op::QuantizeLinear { .. })));
        if own || outputs.contains(name.as_str()) {
            points.insert(name.clone(), Kind::Any);
        }
        quantized.insert(name.clone());
    }
    for node in graph.nodes.iter().filter(|n| float(&n.output)) {
        let name = node.output.as_str();
        let moved = is_moved(graph, node) && quantized.contains(&node.inputs[0]);
        // A quantised value bounded by 0 keeps its scale; other bounds are no whole number of its steps.
        let bounded = node.op == Op::Unary(Unary::Relu);
        let bounded = bounded && quantized.contains(&node.inputs[0]);
        let given = matches!(node.op, Op::DequantizeLinear { .. }) || moved || bounded;
        let readers = readers.get(name).map_or(&[][..], Vec::as_slice);
        let quantizer = |n: &&Node| matches!(n.op, Op::QuantizeLinear { .. });
        let absorbed =
            !outputs.contains(name) && matches!(readers, [one] if quantizer(one) || absorbs(graph, one, name, node));
        if given {
            quantized.insert(name.into());
        } else if !absorbed {
            quantized.insert(name.into());
            let kind = match node.op {
                Op::Softmax { .. } => Kind::Positive,
                _ => Kind::Any,
            };
            points.insert(name.into(), kind);
        }
    }
    for node in graph.nodes.iter().filter(|n| matches!(n.op, Op::RmsNormalization { .. })) {
        if let Some(kind) = points.get_mut(&node.inputs[0]) {
            *kind = Kind::Symmetric;
        }
    }
    points
}

/// Whether the result has the elements of the first input.
fn is_moved(graph: &Graph, node: &Node) -> bool {
    let shape = |name: &String| graph.types.get(name).map(|t| t.shape.clone()).unwrap_or_default();
    match node.op {
        Op::MaxPool(_) | Op::GlobalMaxPool => true,
        Op::Cast(_) | Op::QuantizeLinear { .. } => false,
        _ => node.inputs.first().is_some_and(|x| matches!(moves(node, &shape(x), &graph.constants), Ok(Some(_)))),
    }
}

/// Whether `reader` can take `name`, which `maker` makes, without a scale of its own.
fn absorbs(graph: &Graph, reader: &Node, name: &str, maker: &Node) -> bool {
    if maker_is_table(maker) {
        return matches!(reader.op, Op::Unary(_) | Op::Curve(_));
    }
    let constant = |other: &String| match graph.constants.get(other) {
        Some(Constant::F32(a)) => Some(a.clone()),
        _ => None,
    };
    match (&reader.op, &reader.inputs[..]) {
        (Op::Unary(unary), _) => unary.bounds().is_some(),
        (Op::Binary(binary), [a, b]) => {
            let sums = matches!(
                maker.op,
                Op::Conv { .. } | Op::ConvTranspose { .. } | Op::Gemm { .. } | Op::MatMul | Op::Binary(Binary::Mul)
            );
            let Some(value) = (if a == name { constant(b) } else { constant(a) }) else { return false };
            let same = graph.types.get(&reader.output).map(|t| &t.shape) == graph.types.get(name).map(|t| &t.shape);
            let rank = graph.types.get(name).map_or(0, |t| t.shape.len());
            // A bias a channel: the last axis of a product, axis 1 of an image.
            let image = matches!(maker.op, Op::Conv { .. } | Op::ConvTranspose { .. });
            let along = rank.checked_sub(if image { rank - 1 } else { 1 });
            let lead = rank.saturating_sub(value.ndim());
            let by_channel = (0..value.ndim()).all(|i| value.shape()[i] == 1 || Some(i + lead) == along);
            let positive = value.iter().all(|&v| v > 0.0);
            let image_of_four = !image || rank == 4;
            match binary {
                _ if !sums || !same || !image_of_four => false,
                Binary::Add => by_channel && (value.len() == 1 || !matches!(maker.op, Op::Binary(_))),
                Binary::Sub => a == name && by_channel && !matches!(maker.op, Op::Binary(_)),
                Binary::Mul => value.len() == 1 && positive,
                Binary::Div => a == name && value.len() == 1 && positive,
                _ => false,
            }
        }
        _ => false,
    }
}

/// Whether a node's result is a table of its input, to which more can be added.
fn maker_is_table(maker: &Node) -> bool {
    match &maker.op {
        Op::Unary(unary) => unary.bounds().is_none(),
        Op::Curve(_) => true,
        _ => false,
    }
}

/// Puts `QuantizeLinear` and `DequantizeLinear` behind values. The dequantised value takes the name, so that readers and outputs
/// stay as they are; readers of an input are renamed.
fn insert(graph: &mut Graph, ranges: &BTreeMap<String, Quantization>) {
    let inputs: BTreeSet<String> = graph.inputs.iter().map(|(name, _)| name.clone()).collect();
    let mut nodes = Vec::with_capacity(graph.nodes.len() + 2 * ranges.len());
    let pairs = |constants: &mut BTreeMap<String, Constant>, from: &str, to: &str, q: &Quantization| {
        let (scale, zero) = (format!("{to}.scale"), format!("{to}.zero_point"));
        constants.insert(scale.clone(), Constant::F32(arr0(q.scale).into_dyn()));
        constants.insert(zero.clone(), Constant::I8(arr0(q.zero_point_i8()).into_dyn()));
        let quantized = format!("{to}.quantized");
        let node = |op, input: &str, output: &str, kind: &str| Node {
            name: format!("{to}.{kind}"),
            op,
            inputs: vec![input.into(), scale.clone(), zero.clone()],
            output: output.into(),
            attributes: String::new(),
        };
        let to_integers = Op::QuantizeLinear { axis: 1, to: DType::I8 };
        [
            node(to_integers, from, &quantized, "QuantizeLinear"),
            node(Op::DequantizeLinear { axis: 1 }, &quantized, to, "DequantizeLinear"),
        ]
    };
    let renamed = |name: &String| format!("{name}.calibrated");
    for (name, q) in ranges.iter().filter(|(name, _)| inputs.contains(*name)) {
        nodes.extend(pairs(&mut graph.constants, name, &renamed(name), q));
    }
    for mut node in std::mem::take(&mut graph.nodes) {
        if !matches!(node.op, Op::QuantizeLinear { .. }) {
            for input in &mut node.inputs {
                if inputs.contains(input) && ranges.contains_key(input) {
                    *input = renamed(input);
                }
            }
        }
        match ranges.get(&node.output) {
            None => nodes.push(node),
            Some(q) => {
                let (name, real) = (node.output.clone(), format!("{}.real", node.output));
                nodes.push(Node { output: real.clone(), ..node });
                nodes.extend(pairs(&mut graph.constants, &real, &name, q));
            }
        }
    }
    for output in &mut graph.outputs {
        if inputs.contains(output) && ranges.contains_key(output) {
            *output = renamed(output);
        }
    }
    graph.nodes = nodes;
    graph.types.clear();
}

/// The type of a value, if it is known.
fn type_of<'a>(graph: &'a Graph, name: &str) -> Option<&'a ValueType> {
    graph.types.get(name)
}
