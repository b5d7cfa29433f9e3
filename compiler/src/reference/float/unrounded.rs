//! A quantised graph without its rounding.

use std::collections::BTreeMap;

use super::{apply, node_value};
use crate::graph::{Constant, DType, Graph, Node, ValueType};
use crate::ops::Op;

/// As [`super::evaluate`], but the quantisers of activations round nothing: they only keep values in the range that they
/// can tell, which may stand for a bound of the model. What a quantised value is called has its real value.
///
/// # Panics
/// As [`super::evaluate`].
#[must_use]
pub fn evaluate_unrounded(graph: &Graph, inputs: &BTreeMap<String, Constant>) -> BTreeMap<String, Constant> {
    let mut values = inputs.clone();
    values.extend(graph.constants.iter().map(|(name, constant)| (name.clone(), constant.clone())));
    for node in &graph.nodes {
        let value = unrounded(graph, node, &values).unwrap_or_else(|| node_value(graph, node, &values));
        values.insert(node.output.clone(), value);
    }
    values
}

/// The value of a node that has to do with unrounded values.
fn unrounded(graph: &Graph, node: &Node, values: &BTreeMap<String, Constant>) -> Option<Constant> {
    let operand = |index: usize| node.inputs.get(index).and_then(|name| values.get(name));
    let x = operand(0)?;
    let of_reals = x.dtype() == DType::F32;
    match node.op {
        Op::QuantizeLinear { .. } if of_reals && !graph.constants.contains_key(&node.inputs[0]) => {
            let scale = operand(1)?.reals();
            let zero = operand(2).map_or(0.0, |zero| zero.reals().first().copied().unwrap_or(0.0));
            let (lo, hi) = if graph.types[&node.output].dtype == DType::U8 { (0.0, 255.0) } else { (-128.0, 127.0) };
            // Those of channels are left to round.
            let &scale = scale.first().filter(|_| scale.len() == 1)?;
            Some(Constant::F32(x.reals().mapv(|v| v.clamp((lo - zero) * scale, (hi - zero) * scale))))
        }
        Op::DequantizeLinear { .. } if of_reals => Some(x.clone()),
        _ if of_reals && matches!(graph.types[&node.output].dtype, DType::I8 | DType::U8) => {
            let operands: Vec<Option<&Constant>> = node.inputs.iter().map(|name| values.get(name)).collect();
            let to = ValueType { dtype: DType::F32, shape: graph.types[&node.output].shape.clone() };
            apply(node, &operands, &to, &graph.constants).ok()
        }
        _ => None,
    }
}
