//! Softmax in pieces: eˣ, perhaps of x less its largest, over its sum along one axis. And products with a computed summand.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::arr0;

use super::{constant, makers};
use crate::graph::{Constant, Graph, Node};
use crate::ops::{Binary, Op, Reduction, Unary};
use crate::shapes::reduced;

/// Runs the pass.
pub(super) fn run(graph: &mut Graph) {
    let makers = makers(&graph.nodes);
    for index in 0..graph.nodes.len() {
        if let Some((input, axis)) = softmax(graph, &makers, index) {
            let node = &mut graph.nodes[index];
            node.op = Op::Softmax { axis };
            node.inputs = vec![input];
            node.attributes = format!("axis = {axis}, from its pieces");
        }
    }
    let dequantized =
        |node: &Node| matches!(node.op, Op::DequantizeLinear { .. }) && graph.constants.contains_key(&node.inputs[0]);
    let dequantized: BTreeSet<String> =
        graph.nodes.iter().filter(|n| dequantized(n)).map(|n| n.output.clone()).collect();
    for node in std::mem::take(&mut graph.nodes) {
        let nodes = split_gemm(graph, node, &dequantized);
        graph.nodes.extend(nodes);
    }
}

/// The input and axis of a softmax that ends in this node.
fn softmax(graph: &Graph, makers: &BTreeMap<String, usize>, index: usize) -> Option<(String, i64)> {
    let maker = |name: &str| makers.get(name).map(|&i| &graph.nodes[i]);
    let over = |name: &str, wanted: Reduction| {
        let node = maker(name)?;
        let Op::Reduce { kind, keep: true, .. } = node.op else { return None };
        let rank = graph.types.get(&node.inputs[0])?.shape.len();
        match reduced(node, rank, &graph.constants).ok()?[..] {
            [axis] if kind == wanted => Some((node.inputs[0].as_str(), axis)),
            _ => None,
        }
    };
    let node = &graph.nodes[index];
    let (Op::Binary(Binary::Div), [e, sum]) = (&node.op, &node.inputs[..]) else { return None };
    let (of, axis) = over(sum, Reduction::Sum)?;
    let exp = maker(e).filter(|n| of == e && n.op == Op::Unary(Unary::Exp))?;
    let inside = exp.inputs[0].as_str();
    let shifted = maker(inside).filter(|n| n.op == Op::Binary(Binary::Sub)).and_then(|n| {
        let (of, along) = over(&n.inputs[1], Reduction::Max)?;
        (of == n.inputs[0] && along == axis).then_some(n.inputs[0].as_str())
    });
    Some((shifted.unwrap_or(inside).to_string(), axis as i64))
}

/// A `Gemm` whose summand is no constant row: the product, then the sum.
fn split_gemm(graph: &mut Graph, node: Node, dequantized: &BTreeSet<String>) -> Vec<Node> {
    let Op::Gemm { alpha, beta, transposed_a, transposed_b } = node.op else { return vec![node] };
    let Some(name) = node.inputs.get(2).filter(|n| !n.is_empty()).cloned() else { return vec![node] };
    let columns = graph.types.get(&node.output).and_then(|t| t.shape.last().copied()).unwrap_or(1);
    let shape = graph.types.get(&name).map(|t| t.shape.clone()).unwrap_or_default();
    let size: usize = shape.iter().product();
    let row = size == 1 || (shape.last() == Some(&columns) && size == columns);
    if row && (graph.constants.contains_key(&name) || dequantized.contains(&name)) {
        return vec![node];
    }
    let (product, mut summand) = (format!("{}.product", node.output), name);
    let op = Op::Gemm { alpha, beta: 1.0, transposed_a, transposed_b };
    let mut nodes = vec![Node { op, inputs: node.inputs[..2].to_vec(), output: product.clone(), ..node.clone() }];
    if beta != 1.0 {
        let factor = constant(graph, &format!("{}.beta", node.output), Constant::F32(arr0(beta).into_dyn()));
        let scaled = format!("{}.summand", node.output);
        let op = Op::Binary(Binary::Mul);
        nodes.push(Node { op, inputs: vec![summand, factor], output: scaled.clone(), ..node.clone() });
        summand = scaled;
    }
    nodes.push(Node { op: Op::Binary(Binary::Add), inputs: vec![product, summand], ..node });
    nodes
}
