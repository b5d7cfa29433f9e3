//! Batch norms: into the weights of the convolution or product that makes their input, else a factor and a summand a channel.

use ndarray::{Array1, ArrayD, Axis};

use super::{constant, makers, uses};
use crate::graph::{Constant, Graph, Node};
use crate::ops::{Binary, Op};

/// Runs the pass.
pub(super) fn run(graph: &mut Graph) {
    let uses = uses(graph);
    let mut index = 0;
    while index < graph.nodes.len() {
        if let Some((factor, summand)) = affine(graph, index) {
            let input = graph.nodes[index].inputs[0].clone();
            let maker = makers(&graph.nodes).get(&input).copied().filter(|_| uses.get(&input) == Some(&1));
            if !maker.is_some_and(|maker| fold(graph, (maker, index), &factor, &summand)) {
                apart(graph, index, factor, summand);
                index += 1;
            }
        }
        index += 1;
    }
}

/// Factor and summand of each channel.
fn affine(graph: &Graph, index: usize) -> Option<(Vec<f64>, Vec<f64>)> {
    let node = &graph.nodes[index];
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

/// Into the constant weights of node `maker`, whose place it takes.
fn fold(graph: &mut Graph, (maker, index): (usize, usize), factor: &[f64], summand: &[f64]) -> bool {
    let node = graph.nodes[maker].clone();
    let axis = match &node.op {
        Op::Conv { .. } | Op::Gemm { transposed_b: true, beta: 1.0, .. } => 0,
        Op::Gemm { transposed_b: false, beta: 1.0, .. } => 1,
        _ => return false,
    };
    let Some(Constant::F32(weights)) = graph.constants.get(&node.inputs[1]) else { return false };
    let old: Option<ArrayD<f32>> = match node.inputs.get(2).filter(|n| !n.is_empty()) {
        None => Some(ArrayD::zeros(vec![factor.len()])),
        Some(name) => match graph.constants.get(name) {
            Some(Constant::F32(b)) if b.len() == factor.len() => Some(b.clone()),
            _ => None,
        },
    };
    let Some(old) = old.filter(|_| weights.shape()[axis] == factor.len()) else { return false };
    let mut weights = weights.clone();
    for (mut lane, f) in weights.axis_iter_mut(Axis(axis)).zip(factor) {
        lane.mapv_inplace(|w| (f64::from(w) * f) as f32);
    }
    let bias: Vec<f32> =
        old.iter().zip(factor.iter().zip(summand)).map(|(&b, (f, s))| (f64::from(b) * f + s) as f32).collect();
    let output = graph.nodes[index].output.clone();
    let inputs = vec![
        node.inputs[0].clone(),
        constant(graph, &format!("{output}.weights"), Constant::F32(weights)),
        constant(graph, &format!("{output}.bias"), Constant::F32(Array1::from(bias).into_dyn())),
    ];
    graph.nodes[maker] = Node { inputs, output, ..node };
    graph.nodes.remove(index);
    true
}

/// As a product and a sum.
fn apart(graph: &mut Graph, index: usize, factor: Vec<f64>, summand: Vec<f64>) {
    let node = graph.nodes[index].clone();
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
    let second = Node { op: Op::Binary(Binary::Add), inputs: vec![between, summand], ..node };
    graph.nodes.splice(index..=index, [first, second]);
}
