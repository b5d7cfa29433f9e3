//! Shapes and clean-up: drops what the outputs do not need, removes `Identity`, orders the nodes, and finds every
//! value's type.

use std::collections::{BTreeMap, BTreeSet};

use crate::attributes::MAX_WINDOW;
use crate::error::{CompileError, Result, printable};
use crate::graph::{Constant, DType, Graph, Node, ValueType};
use crate::import::{MAX_RANK, elements};
use crate::ops::{Op, Padding, Window};

/// Runs the pass. Afterwards nodes stand in an order of execution and [`Graph::types`] knows every value.
///
/// # Errors
/// Cycles, inputs that nothing defines, shapes that do not fit the operators or are too large.
pub fn run(mut graph: Graph) -> Result<Graph> {
    remove_identities(&mut graph)?;
    order(&mut graph)?;
    let mut types: BTreeMap<String, ValueType> = graph.inputs.iter().cloned().collect();
    for (name, value) in &graph.constants {
        types.insert(name.clone(), ValueType { dtype: value.dtype(), shape: value.shape().to_vec() });
    }
    for node in &graph.nodes {
        let result = infer(node, &types, &graph.constants).and_then(|t| elements(&t.shape).map(|_| t));
        let value = result.map_err(|reason| CompileError::node(&node.name, node.op.name(), reason))?;
        types.insert(node.output.clone(), value);
    }
    graph.types = types;
    Ok(graph)
}

/// Renames the readers of an `Identity` to read its input.
fn remove_identities(graph: &mut Graph) -> Result<()> {
    let identity = |node: &Node| node.op == Op::Identity;
    let mut renames: BTreeMap<String, String> =
        graph.nodes.iter().filter(|n| identity(n)).map(|n| (n.output.clone(), n.inputs[0].clone())).collect();
    graph.nodes.retain(|n| !identity(n));
    let names = graph.nodes.iter_mut().flat_map(|n| &mut n.inputs).chain(&mut graph.outputs);
    for name in names {
        let mut path = Vec::new();
        let mut end = name.clone();
        while let Some(next) = renames.get(&end) {
            if path.len() > renames.len() {
                return Err(CompileError::model(format!("a cycle of Identity nodes through `{}`", printable(name))));
            }
            path.push(std::mem::replace(&mut end, next.clone()));
        }
        // The whole path now leads to its end, so that chains are walked once.
        for step in path {
            renames.insert(step, end.clone());
        }
        *name = end;
    }
    Ok(())
}

/// Puts the nodes that the outputs need into an order of execution, stable with respect to the file's.
fn order(graph: &mut Graph) -> Result<()> {
    let producer: BTreeMap<&str, usize> = graph.nodes.iter().enumerate().map(|(i, n)| (n.output.as_str(), i)).collect();
    let given: BTreeSet<&str> =
        graph.constants.keys().chain(graph.inputs.iter().map(|(name, _)| name)).map(String::as_str).collect();
    for output in &graph.outputs {
        if !producer.contains_key(output.as_str()) && !given.contains(output.as_str()) {
            return Err(CompileError::model(format!("nothing defines the output `{}`", printable(output))));
        }
    }
    let mut order = Vec::new();
    let mut state = vec![Mark::New; graph.nodes.len()];
    let mut stack: Vec<usize> = graph.outputs.iter().rev().filter_map(|o| producer.get(o.as_str()).copied()).collect();
    while let Some(&index) = stack.last() {
        let node = &graph.nodes[index];
        if state[index] != Mark::New {
            if state[index] == Mark::Open {
                state[index] = Mark::Done;
                order.push(index);
            }
            stack.pop();
            continue;
        }
        state[index] = Mark::Open;
        for input in node.inputs.iter().rev().filter(|name| !name.is_empty()) {
            match producer.get(input.as_str()) {
                Some(&before) if state[before] == Mark::Open => {
                    return Err(CompileError::node(&node.name, node.op.name(), "it is part of a cycle"));
                }
                Some(&before) => stack.push(before),
                None if given.contains(input.as_str()) => {}
                None => {
                    let reason = format!("nothing defines its input `{}`", printable(input));
                    return Err(CompileError::node(&node.name, node.op.name(), reason));
                }
            }
        }
    }
    let mut nodes: Vec<Option<Node>> = std::mem::take(&mut graph.nodes).into_iter().map(Some).collect();
    graph.nodes = order.into_iter().filter_map(|i| nodes[i].take()).collect();
    let used: BTreeSet<&String> = graph.nodes.iter().flat_map(|n| &n.inputs).chain(&graph.outputs).collect();
    graph.constants.retain(|name, _| used.contains(name));
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Open,
    Done,
}

type Types = BTreeMap<String, ValueType>;

fn infer(node: &Node, types: &Types, constants: &BTreeMap<String, Constant>) -> Result<ValueType, String> {
    let input = |i: usize| -> Result<&ValueType, String> {
        let name = node.inputs.get(i).filter(|n| !n.is_empty()).ok_or(format!("input {i} is missing"))?;
        types.get(name).ok_or(format!("the type of input {i} is not known"))
    };
    let x = input(0)?;
    let float = |shape: Vec<usize>| Ok(ValueType { dtype: DType::F32, shape });
    if !matches!(node.op, Op::DequantizeLinear { .. } | Op::Reshape { .. } | Op::Flatten { .. } | Op::MaxPool(_)) {
        expect_float(x)?;
    }
    match node.op {
        Op::QuantizeLinear { .. } => {
            let dtype = if has_input(node, 2) { input(2)?.dtype } else { DType::U8 };
            Ok(ValueType { dtype, shape: x.shape.clone() })
        }
        Op::DequantizeLinear { .. } => float(x.shape.clone()),
        Op::Relu | Op::Clip | Op::Identity => Ok(x.clone()),
        Op::Add => float(broadcast(&x.shape, &input(1)?.shape)?),
        Op::Conv(window) => {
            let weights = &input(1)?.shape;
            let (&[n, c, h, w], &[out, per_group, kh, kw]) = (&x.shape[..], &weights[..]) else {
                return Err(format!("input {:?} and weights {weights:?} are not both four-dimensional", x.shape));
            };
            if per_group != c {
                return Err(format!("the weights have {per_group} input channels, the input has {c}"));
            }
            if window.kernel.is_some_and(|k| k != [kh, kw]) {
                return Err(format!("kernel_shape {:?} and weights {weights:?} disagree", window.kernel));
            }
            let [oh, ow] = window_output([h, w], [kh, kw], &window)?;
            float(vec![n, out, oh, ow])
        }
        Op::MaxPool(window) => {
            let &[n, c, h, w] = &x.shape[..] else {
                return Err(format!("input {:?} is not four-dimensional", x.shape));
            };
            let kernel = window.kernel.ok_or("kernel_shape is missing")?;
            let [oh, ow] = window_output([h, w], kernel, &window)?;
            Ok(ValueType { dtype: x.dtype, shape: vec![n, c, oh, ow] })
        }
        Op::Gemm { transposed_weights } => float(product(&x.shape, &input(1)?.shape, transposed_weights)?),
        Op::MatMul => float(product(&x.shape, &input(1)?.shape, false)?),
        Op::Flatten { axis } => {
            let rank = x.shape.len() as i64;
            let axis = if axis < 0 { axis.saturating_add(rank) } else { axis };
            if !(0..=rank).contains(&axis) {
                return Err(format!("axis {axis} of a tensor of {rank} dimensions"));
            }
            let (a, b) = x.shape.split_at(axis as usize);
            Ok(ValueType { dtype: x.dtype, shape: vec![a.iter().product(), b.iter().product()] })
        }
        Op::Reshape { allow_zero } => {
            let Some(Constant::I64(shape)) = constants.get(&node.inputs[1]) else {
                return Err("its shape is not a constant of int64".into());
            };
            if shape.len() > MAX_RANK {
                return Err(format!("{} dimensions; at most {MAX_RANK} are supported", shape.len()));
            }
            let wanted: Vec<i64> = shape.iter().copied().collect();
            Ok(ValueType { dtype: x.dtype, shape: reshape(&x.shape, &wanted, allow_zero)? })
        }
    }
}

/// Shape of the product of two matrices, the second perhaps transposed.
fn product(x: &[usize], w: &[usize], transposed: bool) -> Result<Vec<usize>, String> {
    let (&[m, k], &[a, b]) = (x, w) else {
        return Err(format!("{x:?} times {w:?}: only matrices are supported"));
    };
    let (rows, n) = if transposed { (b, a) } else { (a, b) };
    if rows == k { Ok(vec![m, n]) } else { Err(format!("{x:?} and {w:?} do not fit")) }
}

fn has_input(node: &Node, index: usize) -> bool {
    node.inputs.get(index).is_some_and(|name| !name.is_empty())
}

fn expect_float(x: &ValueType) -> Result<(), String> {
    match x.dtype {
        DType::F32 => Ok(()),
        other => Err(format!("its input is {}, not float32", other.name())),
    }
}

/// numpy's broadcasting of two shapes.
fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
    let rank = a.len().max(b.len());
    let at = |s: &[usize], i: usize| (i + s.len()).checked_sub(rank).map_or(1, |i| s[i]);
    (0..rank)
        .map(|i| match (at(a, i), at(b, i)) {
            (x, y) if x == y || y == 1 => Ok(x),
            (1, y) => Ok(y),
            _ => Err(format!("{a:?} and {b:?} do not broadcast")),
        })
        .collect()
}

fn reshape(from: &[usize], wanted: &[i64], allow_zero: bool) -> Result<Vec<usize>, String> {
    let error = || format!("{from:?} cannot become {wanted:?}");
    let mut shape = Vec::with_capacity(wanted.len());
    let mut free = None;
    for (i, &size) in wanted.iter().enumerate() {
        shape.push(match size {
            -1 if free.is_none() => {
                free = Some(i);
                1
            }
            0 if !allow_zero => *from.get(i).ok_or_else(error)?,
            size => usize::try_from(size).map_err(|_| error())?,
        });
    }
    let (total, known) = (elements(from)?, elements(&shape)?);
    if let Some(i) = free {
        shape[i] = total.checked_div(known).ok_or_else(error)?;
    }
    if elements(&shape)? == total { Ok(shape) } else { Err(error()) }
}

/// Pads (top, left, bottom, right) of a window over an input of this size.
pub(crate) fn pads(input: [usize; 2], kernel: [usize; 2], window: &Window) -> [usize; 4] {
    let total = |axis: usize| {
        let out = input[axis].div_ceil(window.strides[axis]);
        let reach = (out - 1) * window.strides[axis] + (kernel[axis] - 1) * window.dilations[axis] + 1;
        reach.saturating_sub(input[axis])
    };
    match window.padding {
        Padding::Explicit(pads) => pads,
        Padding::SameUpper => [total(0) / 2, total(1) / 2, total(0).div_ceil(2), total(1).div_ceil(2)],
        Padding::SameLower => [total(0).div_ceil(2), total(1).div_ceil(2), total(0) / 2, total(1) / 2],
    }
}

/// Output height and width of a window.
fn window_output(input: [usize; 2], kernel: [usize; 2], window: &Window) -> Result<[usize; 2], String> {
    if input.contains(&0) || kernel.contains(&0) {
        return Err(format!("input {input:?} under kernel {kernel:?} is empty"));
    }
    let pads = pads(input, kernel, window);
    if let Some(bad) = pads.iter().find(|&&p| p as i64 > MAX_WINDOW) {
        return Err(format!("padding of {bad}; at most {MAX_WINDOW} is supported"));
    }
    let mut out = [0; 2];
    for axis in 0..2 {
        let padded = input[axis] + pads[axis] + pads[axis + 2];
        let reach = (kernel[axis] - 1)
            .checked_mul(window.dilations[axis])
            .and_then(|r| r.checked_add(1))
            .filter(|&r| r <= padded)
            .ok_or_else(|| format!("kernel {kernel:?} is larger than the padded input {input:?}"))?;
        out[axis] = (padded - reach) / window.strides[axis] + 1;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(op: Op, inputs: &[&str], output: &str) -> Node {
        Node {
            name: format!("make {output}"),
            op,
            inputs: inputs.iter().map(ToString::to_string).collect(),
            output: output.into(),
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
        Window { kernel: Some(kernel), strides, padding, dilations: [1, 1] }
    }

    #[test]
    fn orders_and_drops() {
        let nodes = vec![
            node(Op::Relu, &["a"], "i"),
            node(Op::Identity, &["i"], "y"),
            node(Op::Relu, &["x"], "unused"),
            node(Op::Relu, &["x"], "a"),
        ];
        let done = run(graph(nodes, &[1, 3])).unwrap();
        assert_eq!(done.nodes.iter().map(|n| n.output.as_str()).collect::<Vec<_>>(), ["a", "i"]);
        assert_eq!(done.outputs, ["i"]);
    }

    #[test]
    fn cycles_are_named() {
        let error = run(graph(vec![node(Op::Relu, &["y"], "y")], &[1])).unwrap_err();
        assert_eq!(error.to_string(), "node `make y` (Relu): it is part of a cycle");
        let loops = vec![node(Op::Identity, &["b"], "y"), node(Op::Identity, &["y"], "b")];
        assert!(run(graph(loops, &[1])).is_err());
        let missing = run(graph(vec![node(Op::Relu, &["z"], "y")], &[1])).unwrap_err();
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
        assert!(shape(&[4, 2, 2], window([1, 1], [1, 1], Padding::Explicit([0; 4]))).is_err());
    }

    #[test]
    fn reshapes() {
        assert_eq!(reshape(&[1, 4, 6], &[0, -1], false).unwrap(), [1, 24]);
        assert_eq!(reshape(&[2, 3], &[3, 2], true).unwrap(), [3, 2]);
        assert!(reshape(&[2, 3], &[-1, -1], false).is_err());
        assert!(reshape(&[2, 3], &[i64::MAX, i64::MAX], false).is_err());
        assert!(reshape(&[2, 3], &[4], false).is_err());
    }
}
