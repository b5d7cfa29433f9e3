//! Import: ONNX bytes to the graph IR.
//!
//! `rten-onnx` parses, after `wire` has admitted the bytes. Everything the rest of the compiler relies on is
//! checked here: operators and attributes are known, data is inside the file and as long as its shape says, names are
//! defined once.

mod node;
mod qlinear;
mod tensor;

use std::collections::BTreeSet;

use rten_onnx::onnx::{GraphProto, ModelProto, ValueInfoProto};

use crate::error::{CompileError, Result, printable};
use crate::graph::{Graph, ValueType};
use crate::ops::OPSETS;
use tensor::dtype;

pub(crate) use tensor::constant;

/// Most dimensions of a tensor.
pub(crate) const MAX_RANK: usize = 8;
/// Most nodes of a graph: passes may be quadratic in it.
const MAX_NODES: usize = 1 << 15;
/// Most elements of a value.
pub(crate) const MAX_ELEMENTS: usize = 1 << 31;

/// Reads an ONNX model.
///
/// # Errors
/// Bytes that are no ONNX model, operator sets, operators or attributes that are not supported, external data,
/// names defined twice, constants whose data does not fit their shape.
pub fn run(bytes: &[u8]) -> Result<Graph> {
    crate::wire::check(bytes).map_err(CompileError::NotOnnx)?;
    let model = ModelProto::parse_buf(bytes).map_err(|e| CompileError::NotOnnx(printable(&e.to_string())))?;
    let Some(proto) = model.graph.as_ref() else { return Err(CompileError::NotOnnx("there is no graph in it".into())) };
    opset(&model)?;
    graph(proto)
}

fn opset(model: &ModelProto) -> Result<()> {
    let default = |domain: Option<&str>| matches!(domain, None | Some("" | "ai.onnx"));
    let version = model.opset_import.iter().find(|o| default(o.domain.as_deref())).and_then(|o| o.version);
    let (first, last) = OPSETS;
    match version {
        Some(v) if (first..=last).contains(&v) => Ok(()),
        Some(v) => Err(CompileError::model(format!("operator set {v}; supported are {first} to {last}"))),
        None => Err(CompileError::NotOnnx("it names no operator set".into())),
    }
}

fn graph(proto: &GraphProto) -> Result<Graph> {
    let mut graph = Graph::default();
    for tensor in &proto.initializer {
        let name = tensor.name.clone().unwrap_or_default();
        let value =
            constant(tensor).map_err(|e| CompileError::model(format!("initializer `{}`: {e}", printable(&name))))?;
        if graph.constants.insert(name.clone(), value).is_some() {
            return Err(twice(&name));
        }
    }
    for info in &proto.input {
        let name = info.name.clone().unwrap_or_default();
        if graph.constants.contains_key(&name) {
            continue; // Before IR version 4 initializers were listed as inputs too.
        }
        let value = declared(info).map_err(|e| CompileError::model(format!("input `{}`: {e}", printable(&name))))?;
        graph.inputs.push((name, value));
    }
    if proto.node.len() > MAX_NODES {
        return Err(CompileError::model(format!("{} nodes; at most {MAX_NODES} are supported", proto.node.len())));
    }
    let read: BTreeSet<&str> = proto.node.iter().flat_map(|n| &n.input).map(String::as_str).collect();
    let read = read.into_iter().chain(proto.output.iter().filter_map(|info| info.name.as_deref())).collect();
    for (index, proto) in proto.node.iter().enumerate() {
        node::import(&mut graph, proto, index, &read)?;
    }
    graph.outputs = proto.output.iter().map(|info| info.name.clone().unwrap_or_default()).collect();
    if graph.outputs.is_empty() {
        return Err(CompileError::model("the graph has no output"));
    }
    names_are_unique(&graph)?;
    Ok(graph)
}

fn twice(name: &str) -> CompileError {
    CompileError::model(format!("value `{}` is defined twice", printable(name)))
}

fn names_are_unique(graph: &Graph) -> Result<()> {
    let mut seen: BTreeSet<&str> = graph.constants.keys().map(String::as_str).collect();
    let inputs = graph.inputs.iter().map(|(name, _)| name);
    for name in inputs.chain(graph.nodes.iter().map(|n| &n.output)) {
        if name.is_empty() {
            return Err(CompileError::model("a value without a name"));
        }
        if !seen.insert(name) {
            return Err(twice(name));
        }
    }
    Ok(())
}

/// Type of a graph input. A symbolic first dimension is the batch, which is 1 here.
fn declared(info: &ValueInfoProto) -> Result<ValueType, String> {
    let tensor = info.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()).ok_or("it is not a tensor")?;
    let dims = &tensor.shape.as_ref().ok_or("it has no shape")?.dim;
    if dims.len() > MAX_RANK {
        return Err(format!("{} dimensions; at most {MAX_RANK} are supported", dims.len()));
    }
    let shape = dims.iter().enumerate().map(|(axis, dim)| match dim.dim_value {
        Some(value) if value >= 1 => usize::try_from(value).map_err(|e| e.to_string()),
        Some(value) => Err(format!("dimension {axis} is {value}")),
        None if axis == 0 => Ok(1),
        None => Err(format!("dimension {axis} is not fixed; only the batch may be symbolic")),
    });
    let shape = shape.collect::<Result<Vec<usize>, String>>()?;
    elements(&shape)?;
    Ok(ValueType { dtype: dtype(tensor.elem_type)?, shape })
}

/// Number of elements of a shape, within [`MAX_ELEMENTS`].
pub(crate) fn elements(shape: &[usize]) -> Result<usize, String> {
    let product = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= MAX_ELEMENTS);
    product.ok_or_else(|| format!("shape {shape:?} has more than {MAX_ELEMENTS} elements"))
}
