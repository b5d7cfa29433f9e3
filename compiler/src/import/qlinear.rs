//! QLinear operators: the operator between `DequantizeLinear` nodes and a `QuantizeLinear`, which is what they mean.

use ndarray::{ArrayD, Zip};

use crate::graph::{Constant, DType, Graph, Node};
use crate::ops::{Op, Quantized};

/// Adds the nodes. `node` has the operator itself and the inputs of the QLinear node.
pub(super) fn expand(graph: &mut Graph, places: Quantized, node: Node) -> Result<(), String> {
    let input = |i: usize| node.inputs.get(i).cloned().unwrap_or_default();
    let (triples, result, bias) = match places {
        Quantized::No => return Err("it is no QLinear operator".into()),
        Quantized::Triples { count, bias, result } => ((0..count).map(|i| 3 * i).collect(), result, bias),
        Quantized::ResultFirst => ((2..node.inputs.len()).step_by(3).collect::<Vec<_>>(), 0, None),
    };
    if triples.iter().any(|&i| input(i).is_empty() || input(i + 1).is_empty()) || input(result).is_empty() {
        return Err("a scale is missing".into());
    }
    // Per-channel weights lie along the outputs: axis 0 of a convolution's, the last of a matrix.
    let axis = |index: usize| match node.op {
        Op::Gemm { transposed_b: true, .. } | Op::Conv { .. } => 0,
        Op::MatMul if index == 0 => -2,
        _ => -1,
    };
    let mut inputs = Vec::new();
    for (index, &at) in triples.iter().enumerate() {
        let given = [input(at), input(at + 1), input(at + 2)];
        inputs.push(dequantize(graph, &node, given, (index, axis(index))));
    }
    if let Some(at) = bias.filter(|&at| node.has(at)) {
        let scale = bias_scale(graph, &input(1), &input(4))?;
        let name = format!("{}.bias_scale", node.output);
        graph.constants.insert(name.clone(), scale);
        inputs.push(dequantize(graph, &node, [input(at), name, String::new()], (2, 0)));
    }
    let real = format!("{}.real", node.output);
    let parameters = vec![real.clone(), input(result), input(result + 1)];
    graph.nodes.push(Node { output: real, inputs, ..node.clone() });
    let op = Op::QuantizeLinear { axis: 1, to: DType::U8 };
    graph.nodes.push(Node { op, inputs: parameters, ..node });
    Ok(())
}

fn dequantize(graph: &mut Graph, node: &Node, inputs: [String; 3], (index, axis): (usize, i64)) -> String {
    let output = format!("{}.real{index}", node.output);
    let op = Op::DequantizeLinear { axis };
    graph.nodes.push(Node { op, inputs: inputs.to_vec(), output: output.clone(), ..node.clone() });
    output
}

/// Scale of x times those of the weights.
fn bias_scale(graph: &Graph, x: &str, weights: &str) -> Result<Constant, String> {
    let find = |name: &str| match graph.constants.get(name) {
        Some(Constant::F32(a)) => Ok(a),
        _ => Err("its scales are not constant float32".to_string()),
    };
    let (x, weights) = (find(x)?, find(weights)?);
    let Some(&x) = x.first().filter(|_| x.len() == 1) else { return Err("its input has more than one scale".into()) };
    let mut product: ArrayD<f32> = weights.clone();
    Zip::from(&mut product).for_each(|w| *w *= x);
    Ok(Constant::F32(product))
}
