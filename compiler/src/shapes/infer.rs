//! The type of what a node makes.

use std::collections::BTreeMap;

use super::movement::{axis, distinct, integers, moves};
use super::{resize, windows};
use crate::graph::{Constant, DType, Node, ValueType};
use crate::ops::{Op, Window};

pub(crate) type Types = BTreeMap<String, ValueType>;

/// Type of the output, from those of the inputs.
pub(super) fn infer(node: &Node, types: &Types, constants: &BTreeMap<String, Constant>) -> Result<ValueType, String> {
    let input = |i: usize| -> Result<&ValueType, String> {
        let name = node.inputs.get(i).filter(|n| !n.is_empty()).ok_or(format!("input {i} is missing"))?;
        types.get(name).ok_or(format!("the type of input {i} is not known"))
    };
    let x = input(0)?;
    let same = |shape: Vec<usize>| Ok(ValueType { dtype: x.dtype, shape });
    if let Op::Cast(to) = node.op {
        return Ok(ValueType { dtype: to, shape: x.shape.clone() });
    }
    if let Some(moves) = moves(node, &x.shape, constants)? {
        return same(moves.shape);
    }
    if needs_float(&node.op) && x.dtype != DType::F32 {
        return Err(format!("its input is {}, not float32", x.dtype.name()));
    }
    match &node.op {
        Op::QuantizeLinear { to, .. } => {
            let dtype = if node.has(2) { input(2)?.dtype } else { *to };
            Ok(ValueType { dtype, shape: x.shape.clone() })
        }
        Op::DequantizeLinear { .. } => Ok(ValueType { dtype: DType::F32, shape: x.shape.clone() }),
        Op::BatchNormalization { .. } | Op::Clip | Op::Curve(_) | Op::Unary(_) => same(x.shape.clone()),
        Op::LayerNormalization { axis: a, .. } | Op::RmsNormalization { axis: a, .. } | Op::Softmax { axis: a } => {
            axis(*a, x.shape.len())?;
            same(x.shape.clone())
        }
        Op::Binary(_) if node.inputs.len() == 1 => same(x.shape.clone()),
        Op::Binary(binary) if x.dtype != DType::F32 && (x.dtype != input(1)?.dtype || !x.dtype.is_index()) => {
            let (a, b) = (x.dtype.name(), input(1)?.dtype.name());
            Err(format!("{} of {a} and {b}; float32, and int32 and int64 of shapes are supported", binary.name()))
        }
        Op::Binary(_) => same(broadcast(&x.shape, &input(1)?.shape)?),
        Op::PRelu => {
            let shape = broadcast(&x.shape, &input(1)?.shape)?;
            if shape == x.shape { same(shape) } else { Err("its slope has more dimensions than its input".into()) }
        }
        Op::Reduce { keep, .. } | Op::ArgMax { keep, .. } => {
            let axes = reduced(node, x.shape.len(), constants)?;
            let kept = |a: &usize| *keep || !axes.contains(a);
            let size = |a: usize| if axes.contains(&a) { 1 } else { x.shape[a] };
            let shape = (0..x.shape.len()).filter(kept).map(size).collect();
            let dtype = if matches!(node.op, Op::ArgMax { .. }) { DType::I64 } else { x.dtype };
            Ok(ValueType { dtype, shape })
        }
        Op::Shape { start, end } => {
            Ok(ValueType { dtype: DType::I64, shape: vec![shape_range(&x.shape, *start, *end).len()] })
        }
        Op::ConstantOfShape(_) | Op::Range => Err("its inputs are not constant".into()),
        _ => windowed(node, &input, constants),
    }
}

/// Of windows, products and joins.
fn windowed<'a>(
    node: &Node,
    input: &dyn Fn(usize) -> Result<&'a ValueType, String>,
    constants: &BTreeMap<String, Constant>,
) -> Result<ValueType, String> {
    let x = input(0)?;
    let same = |shape: Vec<usize>| Ok(ValueType { dtype: x.dtype, shape });
    match &node.op {
        Op::Conv { window, groups } => conv(x, &input(1)?.shape, window, *groups),
        Op::ConvTranspose { window, groups, output_padding } => {
            conv_transpose(x, &input(1)?.shape, window, (*groups, *output_padding))
        }
        Op::MaxPool(window) | Op::AveragePool { window, .. } => {
            let [n, c, h, w] = windows::image(&x.shape)?;
            let int = windows::explicit([h, w], window.kernel.ok_or("kernel_shape is missing")?, window)?;
            let [oh, ow] = int.output([h, w]);
            same(of_windows(&x.shape, [n, c, oh, ow])?)
        }
        Op::GlobalAveragePool | Op::GlobalMaxPool => {
            let [n, c, ..] = windows::image(&x.shape)?;
            same(windows::as_given(&x.shape, [n, c, 1, 1]))
        }
        Op::Gemm { transposed_a, transposed_b, .. } => {
            let turned = |s: &[usize], t: bool| if t { s.iter().rev().copied().collect() } else { s.to_vec() };
            if x.shape.len() != 2 || input(1)?.shape.len() != 2 {
                return Err(format!("{:?} times {:?}: only matrices are allowed", x.shape, input(1)?.shape));
            }
            let shape = product(&turned(&x.shape, *transposed_a), &turned(&input(1)?.shape, *transposed_b))?;
            if node.has(2) && broadcast(&shape, &input(2)?.shape)? != shape {
                return Err(format!("a bias of shape {:?} for {shape:?}", input(2)?.shape));
            }
            same(shape)
        }
        Op::MatMul => same(product(&x.shape, &input(1)?.shape)?),
        Op::Concat { axis: a } => {
            let axis = axis(*a, x.shape.len())?;
            let mut shape = x.shape.clone();
            for i in 1..node.inputs.len() {
                let other = input(i)?;
                let fits = other.shape.len() == shape.len()
                    && (0..shape.len()).all(|a| a == axis || other.shape[a] == shape[a]);
                if !fits || other.dtype != x.dtype {
                    return Err(format!("{:?} and {:?} do not join along axis {axis}", x.shape, other.shape));
                }
                shape[axis] += other.shape[axis];
            }
            same(shape)
        }
        Op::Resize { .. } => {
            let mut shape = x.shape.clone();
            for taps in resize::linear(node, &x.shape, constants)? {
                shape[taps.axis] = taps.taps.len();
            }
            same(shape)
        }
        Op::Gather { axis: a } => {
            let (indices, axis) = (input(1)?, axis(*a, x.shape.len())?);
            same([&x.shape[..axis], &indices.shape, &x.shape[axis + 1..]].concat())
        }
        other => Err(format!("{} has no shape rule", other.name())),
    }
}

/// The dimensions that a `Shape` node gives.
pub(crate) fn shape_range(shape: &[usize], start: i64, end: Option<i64>) -> Vec<i64> {
    let rank = shape.len() as i64;
    let at = |v: i64| (if v < 0 { v.saturating_add(rank) } else { v }).clamp(0, rank) as usize;
    let (first, last) = (at(start), end.map_or(shape.len(), at));
    shape.get(first..last).unwrap_or_default().iter().map(|&d| d as i64).collect()
}

/// The axes that a reduction or `ArgMax` takes together, ascending.
pub(crate) fn reduced(node: &Node, rank: usize, constants: &BTreeMap<String, Constant>) -> Result<Vec<usize>, String> {
    let axes = match &node.op {
        Op::ArgMax { axis, .. } => Some(vec![*axis]),
        Op::Reduce { axes, .. } => axes.clone().or(integers(node, 1, constants)?),
        _ => None,
    };
    let none_is_none = matches!(node.op, Op::Reduce { none_is_none: true, .. });
    match axes.filter(|a| !a.is_empty()) {
        None if none_is_none => Ok(vec![]),
        None => Ok((0..rank).collect()),
        Some(axes) => {
            let mut out = distinct(&axes, rank)?;
            out.sort_unstable();
            Ok(out)
        }
    }
}

fn needs_float(op: &Op) -> bool {
    !matches!(
        op,
        Op::DequantizeLinear { .. }
            | Op::MaxPool(_)
            | Op::Binary(_)
            | Op::Concat { .. }
            | Op::Shape { .. }
            | Op::ConstantOfShape(_)
            | Op::Range
            | Op::Gather { .. }
            | Op::ArgMax { .. }
            | Op::Reduce { .. }
    )
}

/// The shape of what windows make; of a line only where they leave a line.
fn of_windows(x: &[usize], image: [usize; 4]) -> Result<Vec<usize>, String> {
    if x.len() == 3 && image[2] != 1 {
        return Err(format!("input {x:?} is a line: kernel, pads, strides and dilations have to be of one dimension"));
    }
    Ok(windows::as_given(x, image))
}

fn conv(x: &ValueType, weights: &[usize], window: &Window, groups: usize) -> Result<ValueType, String> {
    let [n, c, h, w] = windows::image(&x.shape)?;
    let [out, per_group, kh, kw] = windows::image(weights).map_err(|_| format!("weights {weights:?} do not fit"))?;
    if weights.len() != x.shape.len() {
        return Err(format!("input {:?} and weights {weights:?} differ in dimensions", x.shape));
    }
    if per_group.checked_mul(groups) != Some(c) || !out.is_multiple_of(groups) || out == 0 {
        return Err(format!(
            "{groups} groups, input {:?}, weights {weights:?}: {per_group} input channels of {c} in each group, {out} outputs",
            x.shape
        ));
    }
    if window.kernel.is_some_and(|k| k != [kh, kw]) {
        return Err(format!("kernel_shape {:?} and weights {weights:?} disagree", window.kernel));
    }
    let [oh, ow] = windows::explicit([h, w], [kh, kw], window)?.output([h, w]);
    Ok(ValueType { dtype: DType::F32, shape: of_windows(&x.shape, [n, out, oh, ow])? })
}

fn conv_transpose(
    x: &ValueType,
    weights: &[usize],
    window: &Window,
    (groups, output_padding): (usize, [usize; 2]),
) -> Result<ValueType, String> {
    let [n, c, h, w] = windows::image(&x.shape)?;
    let [inputs, per_group, kh, kw] = windows::image(weights).map_err(|_| format!("weights {weights:?} do not fit"))?;
    if weights.len() != x.shape.len() {
        return Err(format!("input {:?} and weights {weights:?} differ in dimensions", x.shape));
    }
    if inputs != c || !c.is_multiple_of(groups) || weights.contains(&0) || [h, w].contains(&0) {
        return Err(format!("{groups} groups, input {:?}, weights {weights:?} do not fit", x.shape));
    }
    let (int, apart) = windows::transposed([h, w], [kh, kw], window, output_padding)?;
    let spread = [(h - 1) * apart[0] + 1, (w - 1) * apart[1] + 1];
    let reaches = |axis: usize| (int.kernel[axis] - 1) * int.dilations[axis];
    if (0..2).any(|axis| reaches(axis) >= spread[axis] + int.pads[axis] + int.pads[axis + 2]) {
        return Err("its pads leave nothing".into());
    }
    let [oh, ow] = int.output(spread);
    Ok(ValueType { dtype: DType::F32, shape: of_windows(&x.shape, [n, per_group * groups, oh, ow])? })
}

/// numpy's matrix product.
fn product(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
    let (&[ref first @ .., m, k], &[ref second @ .., rows, n]) = (a, b) else {
        return Err(format!("{a:?} times {b:?}: vectors are not supported"));
    };
    if rows != k {
        return Err(format!("{a:?} and {b:?} do not fit"));
    }
    let mut shape = broadcast(first, second)?;
    shape.extend([m, n]);
    Ok(shape)
}

/// numpy's broadcasting of two shapes.
pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
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
