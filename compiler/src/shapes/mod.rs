//! Shapes and clean-up: drops what the outputs do not need, removes nodes that do nothing, orders the rest, computes what is
//! known already, and finds every value's type.

mod infer;
pub(crate) mod movement;
mod order;
pub(crate) mod resize;
pub(crate) mod windows;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::graph::{Constant, Graph, Node, ValueType};
use crate::import::elements;
use crate::ops::{Op, Unary};
use crate::reference::float;

pub(crate) use infer::{broadcast, reduced, shape_range};
pub(crate) use order::{order, remove_identities};

/// Largest value that is computed here, and most elements of all of them together.
const MAX_FOLDED: usize = 1 << 22;
const MAX_FOLDED_TOTAL: usize = 1 << 26;

/// Runs the pass. Afterwards nodes stand in an order of execution and [`Graph::types`] knows every value.
///
/// # Errors
/// Cycles, inputs that nothing defines, shapes that do not fit the operators or are too large.
pub fn run(mut graph: Graph) -> Result<Graph> {
    remove_identities(&mut graph, |n| n.op == Op::Identity)?;
    order(&mut graph)?;
    let mut types: BTreeMap<String, ValueType> = graph.inputs.iter().cloned().collect();
    for (name, value) in &graph.constants {
        types.insert(name.clone(), ValueType { dtype: value.dtype(), shape: value.shape().to_vec() });
    }
    let mut folded = 0;
    for mut node in std::mem::take(&mut graph.nodes) {
        let (value, known) = resolve(&mut node, &types, &graph.constants, &mut folded).map_err(|e| node.error(e))?;
        types.insert(node.output.clone(), value);
        match known {
            Some(constant) => drop(graph.constants.insert(node.output.clone(), constant)),
            None => graph.nodes.push(node),
        }
    }
    graph.types = types;
    let types = &graph.types;
    let same = |node: &Node| match node.op {
        Op::Cast(to) => node.inputs.first().and_then(|name| types.get(name)).is_some_and(|x| x.dtype == to),
        _ => false,
    };
    let same: BTreeSet<String> = graph.nodes.iter().filter(|n| same(n)).map(|n| n.output.clone()).collect();
    remove_identities(&mut graph, |n| same.contains(&n.output))?;
    order(&mut graph)?;
    Ok(graph)
}

/// A node's type, and its value if that is known. `Clip` gets its bounds.
fn resolve(
    node: &mut Node,
    types: &BTreeMap<String, ValueType>,
    constants: &BTreeMap<String, Constant>,
    folded: &mut usize,
) -> Result<(ValueType, Option<Constant>), String> {
    if node.op == Op::Clip {
        *node = bounded(node, constants)?;
    }
    if let Op::Shape { start, end } = node.op {
        let x = types.get(&node.inputs[0]).ok_or("the type of its input is not known")?;
        let value = Constant::I64(ndarray::Array1::from(shape_range(&x.shape, start, end)).into_dyn());
        return Ok((ValueType { dtype: value.dtype(), shape: value.shape().to_vec() }, Some(value)));
    }
    let inputs = known(node, constants);
    if let (Op::ConstantOfShape(_) | Op::Range, Some(inputs)) = (&node.op, &inputs) {
        let value = float::generate(&node.op, inputs)?;
        return Ok((ValueType { dtype: value.dtype(), shape: value.shape().to_vec() }, Some(value)));
    }
    let value = infer::infer(node, types, constants)?;
    let size = elements(&value.shape)?;
    // Shapes and indices may be empty on their way.
    if size == 0 && !value.dtype.is_index() {
        return Err(format!("its result {:?} has no elements", value.shape));
    }
    let Some(inputs) = inputs.filter(|inputs| foldable(&node.op, inputs, size)) else { return Ok((value, None)) };
    *folded += size;
    if *folded > MAX_FOLDED_TOTAL || size == 0 {
        return Ok((value, None));
    }
    let constant = float::apply(node, &inputs, &value, constants)?;
    Ok((value, Some(constant)))
}

/// The inputs, if all that are given are constant.
fn known<'a>(node: &Node, constants: &'a BTreeMap<String, Constant>) -> Option<Vec<Option<&'a Constant>>> {
    node.inputs.iter().map(|name| if name.is_empty() { Some(None) } else { constants.get(name).map(Some) }).collect()
}

/// Whether a node of constants is computed here. Dequantised weights stay what they are.
fn foldable(op: &Op, inputs: &[Option<&Constant>], size: usize) -> bool {
    let cheap = match op {
        Op::DequantizeLinear { .. } | Op::Conv { .. } | Op::ConvTranspose { .. } => false,
        Op::MaxPool(_) | Op::AveragePool { .. } => false,
        Op::MatMul | Op::Gemm { .. } => {
            let inner = inputs.first().copied().flatten().and_then(|a| a.shape().last().copied()).unwrap_or(1);
            size.saturating_mul(inner) <= MAX_FOLDED
        }
        _ => true,
    };
    cheap && size <= MAX_FOLDED && inputs.iter().flatten().all(|c| c.len() <= MAX_FOLDED)
}

/// A `Clip` with its bounds inside.
fn bounded(node: &Node, constants: &BTreeMap<String, Constant>) -> Result<Node, String> {
    let bound = |index: usize, default: f32| match node.inputs.get(index).filter(|n| !n.is_empty()) {
        None => Ok(default),
        Some(name) => match constants.get(name) {
            Some(Constant::F32(a)) if a.len() == 1 => Ok(a.first().copied().unwrap_or(default)),
            _ => Err(format!("its bound `{}` is not a constant float", crate::error::printable(name))),
        },
    };
    let (lo, hi) = (bound(1, f32::NEG_INFINITY)?, bound(2, f32::INFINITY)?);
    if lo.is_nan() || hi.is_nan() {
        return Err(format!("bounds {lo} to {hi}"));
    }
    let attributes = format!("min = {lo}, max = {hi}");
    Ok(Node { op: Op::Unary(Unary::Clip(lo, hi)), inputs: vec![node.inputs[0].clone()], attributes, ..node.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{DType, Node};
    use crate::ops::{Padding, Unary, Window};

    fn node(op: Op, inputs: &[&str], output: &str) -> Node {
        Node {
            name: format!("make {output}"),
            op,
            inputs: inputs.iter().map(ToString::to_string).collect(),
            output: output.into(),
            attributes: String::new(),
        }
    }

    fn graph(nodes: Vec<Node>, shape: &[usize]) -> Graph {
        Graph {
            inputs: vec![("x".into(), ValueType { dtype: DType::F32, shape: shape.to_vec() })],
            outputs: vec!["y".into()],
            nodes,
            ..Graph::default()
        }
    }

    fn window(kernel: [usize; 2], strides: [usize; 2], padding: Padding) -> Window {
        Window { kernel: Some(kernel), strides, padding, dilations: [1, 1], ceil: false }
    }

    #[test]
    fn orders_and_drops() {
        let nodes = vec![
            node(Op::Unary(Unary::Relu), &["a"], "i"),
            node(Op::Identity, &["i"], "y"),
            node(Op::Unary(Unary::Relu), &["x"], "unused"),
            node(Op::Unary(Unary::Relu), &["x"], "a"),
        ];
        let done = run(graph(nodes, &[1, 3])).unwrap();
        assert_eq!(done.nodes.iter().map(|n| n.output.as_str()).collect::<Vec<_>>(), ["a", "i"]);
        assert_eq!(done.outputs, ["i"]);
    }

    #[test]
    fn cycles_are_named() {
        let error = run(graph(vec![node(Op::Unary(Unary::Relu), &["y"], "y")], &[1])).unwrap_err();
        assert_eq!(error.to_string(), "node `make y` (Relu): it is part of a cycle");
        let loops = vec![node(Op::Identity, &["b"], "y"), node(Op::Identity, &["y"], "b")];
        assert!(run(graph(loops, &[1])).is_err());
        let missing = run(graph(vec![node(Op::Unary(Unary::Relu), &["z"], "y")], &[1])).unwrap_err();
        assert!(missing.to_string().contains("nothing defines its input `z`"));
    }

    #[test]
    fn windows() {
        let shape = |input: &[usize], w: Window| {
            run(graph(vec![node(Op::MaxPool(w), &["x"], "y")], input)).map(|g| g.types["y"].shape.clone())
        };
        assert_eq!(shape(&[1, 4, 7, 9], window([2, 2], [2, 2], Padding::Explicit([0; 4]))).unwrap(), [1, 4, 3, 4]);
        assert_eq!(shape(&[1, 4, 7, 9], window([3, 3], [2, 2], Padding::SameUpper)).unwrap(), [1, 4, 4, 5]);
        assert_eq!(shape(&[1, 4, 7, 9], window([3, 3], [1, 1], Padding::Explicit([1; 4]))).unwrap(), [1, 4, 7, 9]);
        assert!(shape(&[1, 4, 2, 2], window([3, 3], [1, 1], Padding::Explicit([0; 4]))).is_err());
        assert_eq!(shape(&[1, 4, 9], window([1, 2], [1, 2], Padding::Explicit([0; 4]))).unwrap(), [1, 4, 4], "a line");
        let ceil = Window { ceil: true, ..window([2, 2], [2, 2], Padding::Explicit([0; 4])) };
        assert_eq!(shape(&[1, 4, 7, 9], ceil).unwrap(), [1, 4, 4, 5]);
        assert!(shape(&[2, 2], window([1, 1], [1, 1], Padding::Explicit([0; 4]))).is_err());
    }
}
