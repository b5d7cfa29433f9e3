//! The meaning of a graph in reals: ONNX's definitions, operator by operator, nothing fused. Sums are taken in
//! float64, everything else in float32. It is also what computes constants.

mod elementwise;
mod movement;
mod normal;
mod products;
mod unrounded;
mod windows;

use std::collections::BTreeMap;

use ndarray::ArrayD;

pub use unrounded::evaluate_unrounded;
pub(crate) use windows::counts;

use crate::graph::{Constant, DType, Graph, Node, ValueType};
use crate::ops::{ConstantValue, Op};
use crate::shapes::movement::{axis, moves};
use crate::shapes::{reduced, resize};

/// Evaluates an ordered graph. Returns every value by name, constants included.
///
/// # Panics
/// A graph that [`crate::shapes::run`] has not accepted, or inputs of other shapes.
#[must_use]
pub fn evaluate(graph: &Graph, inputs: &BTreeMap<String, Constant>) -> BTreeMap<String, Constant> {
    let mut values = inputs.clone();
    for (name, constant) in &graph.constants {
        values.insert(name.clone(), constant.clone());
    }
    for node in &graph.nodes {
        let value = node_value(graph, node, &values);
        values.insert(node.output.clone(), value);
    }
    values
}

/// The value of one node, from those before it.
///
/// # Panics
/// As [`evaluate`].
#[must_use]
pub fn node_value(graph: &Graph, node: &Node, values: &BTreeMap<String, Constant>) -> Constant {
    let operands: Vec<Option<&Constant>> =
        node.inputs.iter().map(|name| if name.is_empty() { None } else { Some(&values[name]) }).collect();
    let value = apply(node, &operands, &graph.types[&node.output], &graph.constants);
    let value = value.unwrap_or_else(|e| panic!("{}: {e}", node.name));
    assert_eq!(value.shape(), graph.types[&node.output].shape, "shape of {}", node.name);
    value
}

/// The value of a node of these operands; `to` is its type, `constants` are those by name.
pub(crate) fn apply(
    node: &Node,
    operands: &[Option<&Constant>],
    to: &ValueType,
    constants: &BTreeMap<String, Constant>,
) -> Result<Constant, String> {
    let get = |i: usize| operands.get(i).copied().flatten();
    let given = get(0).ok_or("its first input is missing")?;
    if let Op::Cast(to) = node.op {
        return Ok(movement::cast(given, to));
    }
    if let Some(moves) = moves(node, given.shape(), constants)? {
        return Ok(movement::apply(given, &moves));
    }
    match &node.op {
        Op::Concat { axis: a } => {
            let axis = axis(*a, given.shape().len())?;
            return movement::concat(operands.iter().copied().flatten(), axis);
        }
        Op::Gather { axis: a } => {
            let indices = get(1).and_then(Constant::integers).ok_or("its indices are not integers")?;
            return movement::gather(given, axis(*a, given.shape().len())?, &indices);
        }
        Op::Binary(binary) if given.dtype() != DType::F32 && operands.len() == 2 => {
            return elementwise::integers(*binary, [given, get(1).unwrap_or(given)], to);
        }
        Op::ArgMax { last, .. } => {
            let axes = reduced(node, given.shape().len(), constants)?;
            return Ok(Constant::I64(windows::argmax(&given.reals(), axes[0], *last, &to.shape)));
        }
        Op::QuantizeLinear { axis, .. } => {
            return Ok(elementwise::quantize([given, get(1).unwrap_or(given)], get(2), *axis, to.dtype));
        }
        Op::DequantizeLinear { axis } => {
            return Ok(Constant::F32(elementwise::dequantize([given, get(1).unwrap_or(given)], get(2), *axis)));
        }
        _ => {}
    }
    let reals: Vec<Option<ArrayD<f32>>> = operands.iter().map(|o| o.map(Constant::reals)).collect();
    let out = real(node, &reals, to, constants)?;
    Ok(movement::cast(&Constant::F32(out), to.dtype))
}

/// The operators of reals.
fn real(
    node: &Node,
    operands: &[Option<ArrayD<f32>>],
    to: &ValueType,
    constants: &BTreeMap<String, Constant>,
) -> Result<ArrayD<f32>, String> {
    let get = |i: usize| operands.get(i).and_then(Option::as_ref);
    let need = |i: usize| get(i).ok_or(format!("its input {i} is missing"));
    let x = need(0)?;
    let last_axes = |a: i64| axis(a, x.ndim());
    Ok(match &node.op {
        Op::Unary(unary) => x.mapv(|v| unary.apply(v)),
        Op::Curve(expression) => x.mapv(|v| expression.apply(v)),
        Op::Binary(binary) => match get(1) {
            Some(other) => elementwise::zip(x, other, &to.shape, |a, b| binary.apply(a, b)),
            None => x.clone(),
        },
        Op::PRelu => elementwise::zip(x, need(1)?, &to.shape, |a, slope| if a < 0.0 { a * slope } else { a }),
        Op::Conv { window, groups } => products::conv([x, need(1)?], get(2), (window, *groups))?,
        Op::ConvTranspose { window, groups, output_padding } => {
            products::conv_transpose([x, need(1)?], get(2), (window, *groups, *output_padding))?
        }
        Op::Gemm { alpha, beta, transposed_a, transposed_b } => {
            let turn = |m: &ArrayD<f32>, t: bool| if t { m.t().as_standard_layout().into_owned() } else { m.clone() };
            let (a, b) = (turn(x, *transposed_a), turn(need(1)?, *transposed_b));
            let product = products::matmul(&a, &b, &to.shape).mapv(|v| v * f64::from(*alpha));
            let sums = match get(2) {
                Some(bias) => product + bias.mapv(|v| f64::from(v) * f64::from(*beta)),
                None => product,
            };
            sums.mapv(|v| v as f32)
        }
        Op::MatMul => products::matmul(x, need(1)?, &to.shape).mapv(|v| v as f32),
        Op::MaxPool(window) => windows::max_pool(x, window)?,
        Op::AveragePool { window, count_padding } => windows::average_pool(x, window, *count_padding)?,
        Op::GlobalAveragePool => windows::reduce(x, &[2, 3][..x.ndim() - 2], crate::ops::Reduction::Mean, &to.shape),
        Op::GlobalMaxPool => windows::reduce(x, &[2, 3][..x.ndim() - 2], crate::ops::Reduction::Max, &to.shape),
        Op::Reduce { kind, .. } => windows::reduce(x, &reduced(node, x.ndim(), constants)?, *kind, &to.shape),
        Op::Resize { .. } => windows::interpolate(x, &resize::linear(node, x.shape(), constants)?),
        Op::Softmax { axis } => normal::softmax(x, last_axes(*axis)?),
        Op::LayerNormalization { axis, epsilon } => {
            normal::norm(x, (last_axes(*axis)?, *epsilon, true), need(1)?, get(2))
        }
        Op::RmsNormalization { axis, epsilon } => normal::norm(x, (last_axes(*axis)?, *epsilon, false), need(1)?, None),
        Op::BatchNormalization { epsilon } => normal::batch_norm(x, [need(1)?, need(2)?, need(3)?, need(4)?], *epsilon),
        other => return Err(format!("{} has no value here", other.name())),
    })
}

/// The value of `ConstantOfShape` and `Range`.
pub(crate) fn generate(op: &Op, inputs: &[Option<&Constant>]) -> Result<Constant, String> {
    const MOST: usize = 1 << 22;
    let given = |i: usize| inputs.get(i).copied().flatten().ok_or(format!("its input {i} is missing"));
    match op {
        Op::ConstantOfShape(value) => {
            let dims = given(0)?.integers().ok_or("its shape is not of integers")?;
            let shape = dims.iter().map(|&d| usize::try_from(d).map_err(|_| format!("dimension {d}")));
            let shape = shape.collect::<Result<Vec<_>, _>>()?;
            if shape.len() > crate::import::MAX_RANK || crate::import::elements(&shape)? > MOST {
                return Err(format!("a constant of shape {shape:?}"));
            }
            Ok(match value {
                ConstantValue::F32(v) => Constant::F32(ArrayD::from_elem(shape, *v)),
                ConstantValue::I64(v) => Constant::I64(ArrayD::from_elem(shape, *v)),
            })
        }
        _ => {
            let one = |i: usize| {
                let value = given(i)?.integers().filter(|a| a.len() == 1);
                value.and_then(|a| a.first().copied()).ok_or(format!("its input {i} is not one integer"))
            };
            let (start, limit, by) = (one(0)?, one(1)?, one(2)?);
            if by == 0 {
                return Err("a step of 0".into());
            }
            let count = (i128::from(limit) - i128::from(start)).div_euclid(i128::from(by));
            let exact = (i128::from(limit) - i128::from(start)).rem_euclid(i128::from(by)) == 0;
            let count = usize::try_from(count + i128::from(!exact)).unwrap_or(0);
            if count > MOST {
                return Err(format!("{count} numbers; at most {MOST}"));
            }
            let values: Vec<i64> = (0..count as i64).map(|i| start + i * by).collect();
            Ok(Constant::I64(ndarray::Array1::from(values).into_dyn()))
        }
    }
}
