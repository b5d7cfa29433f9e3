//! Import: ONNX bytes to the graph IR.
//!
//! `rten-onnx` parses, after `wire` has admitted the bytes. Everything the rest of the compiler relies on is
//! checked here: operators and attributes are known, data is inside the file and as long as its shape says, names are
//! defined once.

use std::collections::BTreeSet;

use ndarray::ArrayD;
use rten_onnx::onnx::{DataLocation, DataType, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};

use crate::attributes::Attributes;
use crate::error::{CompileError, Result, printable};
use crate::graph::{Constant, DType, Graph, Node, ValueType};
use crate::ops::{OPSETS, operator};

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
    for (index, proto) in proto.node.iter().enumerate() {
        node(&mut graph, proto, index)?;
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

fn node(graph: &mut Graph, proto: &NodeProto, index: usize) -> Result<()> {
    let op_type = proto.op_type.as_deref().unwrap_or_default();
    let name = match proto.name.as_deref() {
        None | Some("") => format!("{}#{index}", printable(op_type)),
        Some(name) => name.to_string(),
    };
    let error = |reason: String| CompileError::node(&name, op_type, reason);
    if let Some(domain) = proto.domain.as_deref().filter(|d| !matches!(*d, "" | "ai.onnx")) {
        return Err(error(format!("operators of domain `{}` are not supported", printable(domain))));
    }
    let Some(row) = operator(op_type) else {
        return Err(error("this operator is not supported; docs/operators.md lists those that are".into()));
    };
    let attributes = Attributes::new(&proto.attribute, row.attributes).map_err(error)?;
    let (low, high) = row.arity;
    if !(low..=high).contains(&proto.input.len()) || proto.input.iter().take(low).any(String::is_empty) {
        return Err(error(format!("{} inputs; it takes {low} to {high}", proto.input.len())));
    }
    let output = match proto.output.split_first() {
        Some((first, rest)) if !first.is_empty() && rest.iter().all(String::is_empty) => first.clone(),
        _ => return Err(error("only its first output is supported".into())),
    };
    if op_type == "Constant" {
        let tensor = attributes.tensor("value").ok_or_else(|| error("attribute `value` is missing".into()))?;
        if graph.constants.insert(output.clone(), constant(tensor).map_err(error)?).is_some() {
            return Err(twice(&output));
        }
        return Ok(());
    }
    let op = (row.parse)(&attributes).map_err(error)?;
    graph.nodes.push(Node { name, op, inputs: proto.input.clone(), output });
    Ok(())
}

fn dtype(data_type: Option<DataType>) -> Result<DType, String> {
    match data_type {
        Some(DataType::FLOAT) => Ok(DType::F32),
        Some(DataType::INT8) => Ok(DType::I8),
        Some(DataType::UINT8) => Ok(DType::U8),
        Some(DataType::INT32) => Ok(DType::I32),
        Some(DataType::INT64) => Ok(DType::I64),
        Some(other) => Err(format!("element type {other} is not supported")),
        None => Err("it has no element type".into()),
    }
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

fn constant(tensor: &TensorProto) -> Result<Constant, String> {
    if tensor.data_location.is_some_and(|l| l != DataLocation::DEFAULT) || !tensor.external_data.is_empty() {
        return Err("its data is in another file; save the model with the data inside".into());
    }
    if tensor.dims.len() > MAX_RANK {
        return Err(format!("{} dimensions; at most {MAX_RANK} are supported", tensor.dims.len()));
    }
    let shape = tensor.dims.iter().map(|&d| usize::try_from(d).map_err(|_| format!("dimension {d}")));
    let shape = shape.collect::<Result<Vec<usize>, String>>()?;
    let count = elements(&shape)?;
    let raw = tensor.raw_data.as_ref().map(|cell| cell.borrow());
    let raw = raw.as_deref().map(Vec::as_slice);
    fn array<T>(shape: &[usize], count: usize, data: Vec<T>) -> Result<ArrayD<T>, String> {
        let len = data.len();
        if len != count {
            return Err(format!("shape {shape:?} needs {count} elements, the file has {len}"));
        }
        ArrayD::from_shape_vec(shape, data).map_err(|e| e.to_string())
    }
    fn little<const N: usize, T>(raw: &[u8], from: fn([u8; N]) -> T) -> Result<Vec<T>, String> {
        let (chunks, rest) = raw.as_chunks::<N>();
        if !rest.is_empty() {
            return Err(format!("{} bytes are not a whole number of elements", raw.len()));
        }
        Ok(chunks.iter().map(|&c| from(c)).collect())
    }
    fn narrow<T: TryFrom<i32>>(data: &[i32]) -> Result<Vec<T>, String> {
        data.iter().map(|&v| T::try_from(v).map_err(|_| format!("element {v} is out of range"))).collect()
    }
    Ok(match (dtype(tensor.data_type)?, raw) {
        (DType::F32, Some(raw)) => Constant::F32(array(&shape, count, little(raw, f32::from_le_bytes)?)?),
        (DType::F32, None) => Constant::F32(array(&shape, count, tensor.float_data.clone())?),
        (DType::I8, Some(raw)) => Constant::I8(array(&shape, count, little(raw, i8::from_le_bytes)?)?),
        (DType::I8, None) => Constant::I8(array(&shape, count, narrow(&tensor.int32_data)?)?),
        (DType::U8, Some(raw)) => Constant::U8(array(&shape, count, raw.to_vec())?),
        (DType::U8, None) => Constant::U8(array(&shape, count, narrow(&tensor.int32_data)?)?),
        (DType::I32, Some(raw)) => Constant::I32(array(&shape, count, little(raw, i32::from_le_bytes)?)?),
        (DType::I32, None) => Constant::I32(array(&shape, count, tensor.int32_data.clone())?),
        (DType::I64, Some(raw)) => Constant::I64(array(&shape, count, little(raw, i64::from_le_bytes)?)?),
        (DType::I64, None) => Constant::I64(array(&shape, count, tensor.int64_data.clone())?),
    })
}
