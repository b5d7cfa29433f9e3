//! Softmax in pieces: eˣ, perhaps of x less its largest, over its sum along one axis. And products with a computed summand.

use ndarray::arr0;

use super::{constant, makers};
use crate::graph::{Constant, Graph, Node};
use crate::ops::{Binary, Op, Reduction, Unary};
use crate::shapes::reduced;

/// Runs the pass.
pub(super) fn run(graph: &mut Graph) {
    for index in 0..graph.nodes.len() {
        if let Some((input, axis)) = softmax(graph, index) {
            let node = &mut graph.nodes[index];
            node.op = Op::Softmax { axis };
            node.inputs = vec![input];
            node.attributes = format!("axis = {axis}, from its pieces");
        }
    }
    let mut index = 0;
    while index < graph.nodes.len() {
        index += if split_gemm(graph, index) { 2 } else { 1 };
    }
}

/// The input and axis of a softmax that ends in this node.
fn softmax(graph: &Graph, index: usize) -> Option<(String, i64)> {
    let makers = makers(&graph.nodes);
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
fn split_gemm(graph: &mut Graph, index: usize) -> bool {
    let node = graph.nodes[index].clone();
    let Op::Gemm { alpha, beta, transposed_a, transposed_b } = node.op else { return false };
    let Some(name) = node.inputs.get(2).filter(|n| !n.is_empty()).cloned() else { return false };
    let columns = graph.types.get(&node.output).and_then(|t| t.shape.last().copied()).unwrap_or(1);
    let size = graph.types.get(&name).map_or(0, |t| t.shape.iter().product::<usize>());
    let row = size == 1 || graph.types.get(&name).is_some_and(|t| t.shape.last() == Some(&columns) && size == columns);
    let made = makers(&graph.nodes).contains_key(&name) || graph.inputs.iter().any(|(input, _)| *input == name);
    let dequantized = makers(&graph.nodes).get(&name).is_some_and(|&i| {
        matches!(graph.nodes[i].op, Op::DequantizeLinear { .. })
            && graph.constants.contains_key(&graph.nodes[i].inputs[0])
    });
    if row && (!made || dequantized) {
        return false;
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
    graph.nodes.splice(index..=index, nodes);
    true
}
