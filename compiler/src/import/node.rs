//! One node of the file to nodes of the graph.

use std::collections::BTreeSet;

use ndarray::{ArrayD, arr0};
use rten_onnx::onnx::NodeProto;

use super::{qlinear, tensor::constant, twice};
use crate::attributes::Attributes;
use crate::error::{CompileError, Result, printable};
use crate::graph::{Constant, Graph, Node};
use crate::ops::{Op, Operator, Quantized, operator};

/// Adds a node, or the constant that it is. `read`: every value that something reads.
pub(super) fn import(graph: &mut Graph, proto: &NodeProto, index: usize, read: &BTreeSet<&str>) -> Result<()> {
    let op_type = proto.op_type.as_deref().unwrap_or_default();
    let name = match proto.name.as_deref() {
        None | Some("") => format!("{}#{index}", printable(op_type)),
        Some(name) => name.to_string(),
    };
    let error = |reason: String| CompileError::node(&name, op_type, reason);
    let row = row(proto, op_type).map_err(error)?;
    let attributes = Attributes::new(&proto.attribute, row.attributes).map_err(error)?;
    let described = attributes.describe();
    let error = |reason: String| match described.as_str() {
        "" => error(reason),
        described => CompileError::node(&name, &format!("{op_type}: {described}"), reason),
    };
    let (low, high) = row.arity;
    if !(low..=high).contains(&proto.input.len()) {
        return Err(error(format!("{} inputs; it takes {low} to {high}", proto.input.len())));
    }
    if op_type == "Constant" {
        let output = single_output(proto, read).map_err(error)?;
        let value = constant_node(&attributes).map_err(error)?;
        return match graph.constants.insert(output.clone(), value) {
            Some(_) => Err(twice(&output)),
            None => Ok(()),
        };
    }
    let op = (row.parse)(&attributes).map_err(error)?;
    let node = |op, inputs, output| Node { name: name.clone(), op, inputs, output, attributes: described.clone() };
    if let Op::Split { axis, .. } = op {
        let parts = proto.output.len();
        if parts == 0 || attributes.int("num_outputs", parts as i64).map_err(error)? != parts as i64 {
            return Err(error(format!("{parts} outputs, which is not num_outputs")));
        }
        for (index, output) in proto.output.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            graph.nodes.push(node(Op::Split { axis, index, parts }, proto.input.clone(), output.clone()));
        }
        return Ok(());
    }
    let output = single_output(proto, read).map_err(error)?;
    let missing = |i: usize| proto.input.get(i).is_none_or(String::is_empty);
    if row.quantized == Quantized::No {
        if (0..low).any(missing) && !matches!(op, Op::Resize { .. }) {
            return Err(error(format!("one of its first {low} inputs is missing")));
        }
        graph.nodes.push(node(op, proto.input.clone(), output));
        return Ok(());
    }
    qlinear::expand(graph, row.quantized, node(op, proto.input.clone(), output)).map_err(error)
}

fn row(proto: &NodeProto, op_type: &str) -> Result<&'static Operator, String> {
    let row = operator(op_type);
    match (proto.domain.as_deref(), row) {
        (None | Some("" | "ai.onnx"), Some(row)) => Ok(row),
        (None | Some("" | "ai.onnx"), None) => {
            Err("this operator is not supported; docs/operators.md lists those that are".into())
        }
        (Some("com.microsoft"), Some(row)) if row.microsoft => Ok(row),
        (Some(domain), _) => Err(format!("operators of domain `{}` are not supported", printable(domain))),
    }
}

/// The first output; others are allowed if nothing reads them.
fn single_output(proto: &NodeProto, read: &BTreeSet<&str>) -> Result<String, String> {
    match proto.output.split_first() {
        Some((first, rest)) if !first.is_empty() => match rest.iter().find(|name| read.contains(name.as_str())) {
            Some(other) if !other.is_empty() => {
                Err(format!("only its first output is supported, but `{}` is read, too", printable(other)))
            }
            _ => Ok(first.clone()),
        },
        _ => Err("it has no output".into()),
    }
}

fn constant_node(attributes: &Attributes) -> Result<Constant, String> {
    if let Some(tensor) = attributes.tensor("value") {
        return constant(tensor);
    }
    if let Some(values) = attributes.ints("value_ints") {
        return Ok(Constant::I64(ArrayD::from_shape_vec(vec![values.len()], values).map_err(|e| e.to_string())?));
    }
    if let Some(values) = attributes.floats("value_floats") {
        return Ok(Constant::F32(ArrayD::from_shape_vec(vec![values.len()], values).map_err(|e| e.to_string())?));
    }
    if let Some(value) = attributes.optional_int("value_int")? {
        return Ok(Constant::I64(arr0(value).into_dyn()));
    }
    match attributes.optional_float("value_float")? {
        Some(value) => Ok(Constant::F32(arr0(value).into_dyn())),
        None => Err("attribute `value` is missing".into()),
    }
}
