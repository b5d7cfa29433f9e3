//! Batch norms: into the weights of the convolution or product that makes their input, else a factor and a summand a channel.

use std::collections::BTreeMap;

use ndarray::{Array1, ArrayD, Axis};

use super::{constant, uses};
use crate::graph::{Constant, Graph, Node};
use crate::ops::{Binary, Op};

/// Runs the pass.
pub(super) fn run(graph: &mut Graph) {
    let uses = uses(graph);
    let mut makers: BTreeMap<String, usize> = BTreeMap::new();
    let mut out: Vec<Node> = Vec::with_capacity(graph.nodes.len());
    for node in std::mem::take(&mut graph.nodes) {
        let output = node.output.clone();
        let Some((factor, summand)) = affine(graph, &node) else {
            makers.insert(output, out.len());
            out.push(node);
            continue;
        };
        let alone = uses.get(&node.inputs[0]) == Some(&1);
        let maker = makers.get(&node.inputs[0]).copied().filter(|_| alone);
        match maker.and_then(|at| Some((at, folded(graph, &out[at], &output, (&factor, &summand))?))) {
            Some((at, folded)) => {
                makers.insert(output, at);
                out[at] = folded;
            }
            None => {
                let pair = apart(graph, &node, factor, summand);
                out.extend(pair);
                makers.insert(output, out.len() - 1);
            }
        }
    }
    graph.nodes = out;
}

/// Factor and summand of each channel.
fn affine(graph: &Graph, node: &Node) -> Option<(Vec<f64>, Vec<f64>)> {
    let Op::BatchNormalization { epsilon } = node.op else { return None };
    let get = |i: usize| match graph.constants.get(&node.inputs[i]) {
        Some(Constant::F32(a)) => Some(a.iter().copied().map(f64::from).collect::<Vec<_>>()),
        _ => None,
    };
    let (scale, bias, mean, variance) = (get(1)?, get(2)?, get(3)?, get(4)?);
    let channels = graph.types.get(&node.inputs[0])?.shape.get(1).copied()?;
    if [&scale, &bias, &mean, &variance].iter().any(|p| p.len() != channels) {
        return None;
    }
    let factor: Vec<f64> = scale.iter().zip(&variance).map(|(s, v)| s / (v + f64::from(epsilon)).sqrt()).collect();
    let summand = (0..channels).map(|c| bias[c] - mean[c] * factor[c]).collect();
    Some((factor, summand))
}

/// The node with both in its constant weights and bias.
fn folded(graph: &mut Graph, node: &Node, output: &str, (factor, summand): (&[f64], &[f64])) -> Option<Node> {
    let axis = match &node.op {
        Op::Conv { .. } | Op::Gemm { transposed_b: true, beta: 1.0, .. } => 0,
        Op::Gemm { transposed_b: false, beta: 1.0, .. } => 1,
        _ => return None,
    };
    let Some(Constant::F32(weights)) = graph.constants.get(&node.inputs[1]) else { return None };
    let old: Option<ArrayD<f32>> = match node.inputs.get(2).filter(|n| !n.is_empty()) {
        None => Some(ArrayD::zeros(vec![factor.len()])),
        Some(name) => match graph.constants.get(name) {
            Some(Constant::F32(b)) if b.len() == factor.len() => Some(b.clone()),
            _ => None,
        },
    };
    let old = old.filter(|_| weights.shape()[axis] == factor.len())?;
    let mut weights = weights.clone();
    for (mut lane, f) in weights.axis_iter_mut(Axis(axis)).zip(factor) {
        lane.mapv_inplace(|w| (f64::from(w) * f) as f32);
    }
    let bias: Vec<f32> =
        old.iter().zip(factor.iter().zip(summand)).map(|(&b, (f, s))| (f64::from(b) * f + s) as f32).collect();
    let inputs = vec![
        node.inputs[0].clone(),
        constant(graph, &format!("{output}.weights"), Constant::F32(weights)),
        constant(graph, &format!("{output}.bias"), Constant::F32(Array1::from(bias).into_dyn())),
    ];
    Some(Node { inputs, output: output.into(), ..node.clone() })
}

/// As a product and a sum.
fn apart(graph: &mut Graph, node: &Node, factor: Vec<f64>, summand: Vec<f64>) -> [Node; 2] {
    let rank = graph.types.get(&node.inputs[0]).map_or(2, |t| t.shape.len());
    let mut shape = vec![1; rank.saturating_sub(1)];
    shape[0] = factor.len();
    let mut add = |name: &str, values: Vec<f64>| {
        let values = values.into_iter().map(|v| v as f32).collect();
        let array = ArrayD::from_shape_vec(shape.clone(), values).unwrap_or_else(|_| ArrayD::zeros(shape.clone()));
        constant(graph, &format!("{}.{name}", node.output), Constant::F32(array))
    };
    let (factor, summand) = (add("factor", factor), add("summand", summand));
    let between = format!("{}.scaled", node.output);
    let product = Op::Binary(Binary::Mul);
    let first =
        Node { op: product, inputs: vec![node.inputs[0].clone(), factor], output: between.clone(), ..node.clone() };
    let second = Node { op: Op::Binary(Binary::Add), inputs: vec![between, summand], ..node.clone() };
    [first, second]
}
