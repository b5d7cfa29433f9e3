//! The meaning of a Q/DQ graph in reals: ONNX's definitions, operator by operator, nothing fused. Sums are taken in
//! float64, everything else in float32.

use std::collections::BTreeMap;

use ndarray::{ArrayD, Axis, Ix2, Ix4, IxDyn};

use super::window::{conv, max_pool};
use crate::graph::{Constant, DType, Graph, Node};
use crate::int_ir::IntWindow;
use crate::ops::{Op, Window};
use crate::shapes::pads;

/// Evaluates an ordered graph. All values are float32 arrays; integers are held as such. Returns every value by name.
///
/// # Panics
/// A graph that [`crate::shapes::run`] has not accepted, or inputs of other shapes.
#[must_use]
pub fn evaluate(graph: &Graph, inputs: &BTreeMap<String, ArrayD<f32>>) -> BTreeMap<String, ArrayD<f32>> {
    let mut values = inputs.clone();
    for (name, constant) in &graph.constants {
        let value = match constant {
            Constant::F32(a) => a.clone(),
            other => other.integers().expect("an integer tensor").mapv(|v| v as f32),
        };
        values.insert(name.clone(), value);
    }
    for node in &graph.nodes {
        let value = apply(graph, node, &values);
        assert_eq!(value.shape(), graph.types[&node.output].shape, "shape of {}", node.name);
        values.insert(node.output.clone(), value);
    }
    values
}

fn apply(graph: &Graph, node: &Node, values: &BTreeMap<String, ArrayD<f32>>) -> ArrayD<f32> {
    let get = |i: usize| node.inputs.get(i).filter(|n| !n.is_empty()).map(|n| &values[n]);
    let x = get(0).expect("an input");
    match node.op {
        Op::QuantizeLinear { axis } => {
            let (lo, hi) = match graph.types[&node.output].dtype {
                DType::I8 => (-128.0, 127.0),
                _ => (0.0, 255.0),
            };
            let (scale, zero) = (spread(get(1), x, axis, 1.0), spread(get(2), x, axis, 0.0));
            ((x / &scale).mapv(f32::round_ties_even) + zero).mapv(|v| v.clamp(lo, hi))
        }
        Op::DequantizeLinear { axis } => (x - &spread(get(2), x, axis, 0.0)) * spread(get(1), x, axis, 1.0),
        Op::Relu => x.mapv(|v| v.max(0.0)),
        Op::Clip => {
            let bound = |i: usize, default: f32| get(i).and_then(|b| b.first().copied()).unwrap_or(default);
            x.mapv(|v| v.clamp(bound(1, f32::NEG_INFINITY), bound(2, f32::INFINITY)))
        }
        Op::Add => x + get(1).expect("a second input"),
        Op::Identity => x.clone(),
        Op::Conv(window) => {
            let w = get(1).expect("weights").clone().into_dimensionality::<Ix4>().expect("four dimensions");
            let window = explicit(x, [w.dim().2, w.dim().3], &window);
            let x = x.view().into_dimensionality::<Ix4>().expect("four dimensions");
            let mut sums = conv(&x, &w, &window, (0.0, 0.0), |s: f64, w: f32, a: f32| s + f64::from(w) * f64::from(a));
            if let Some(bias) = get(2) {
                for (mut channel, &b) in sums.axis_iter_mut(Axis(1)).zip(bias) {
                    channel += f64::from(b);
                }
            }
            sums.mapv(|v| v as f32).into_dyn()
        }
        Op::MaxPool(window) => {
            let window = explicit(x, window.kernel.expect("a kernel"), &window);
            let x = x.view().into_dimensionality::<Ix4>().expect("four dimensions");
            max_pool(&x, &window, f32::NEG_INFINITY).into_dyn()
        }
        Op::Gemm { transposed_weights } => matmul(x, get(1).expect("weights"), transposed_weights, get(2)),
        Op::MatMul => matmul(x, get(1).expect("weights"), false, None),
        Op::Flatten { .. } | Op::Reshape { .. } => {
            let shape = graph.types[&node.output].shape.clone();
            x.clone().into_shape_with_order(shape).expect("as many elements")
        }
    }
}

/// Per-tensor or per-axis parameters, broadcast to the shape of `x`.
fn spread(parameter: Option<&ArrayD<f32>>, x: &ArrayD<f32>, axis: i64, default: f32) -> ArrayD<f32> {
    let Some(p) = parameter else { return ArrayD::from_elem(x.raw_dim(), default) };
    if p.len() == 1 {
        return ArrayD::from_elem(x.raw_dim(), p.first().copied().unwrap_or(default));
    }
    let axis = axis.rem_euclid(x.ndim() as i64) as usize;
    ArrayD::from_shape_fn(x.raw_dim(), |index: IxDyn| p[[index[axis]]])
}

fn explicit(x: &ArrayD<f32>, kernel: [usize; 2], window: &Window) -> IntWindow {
    let pads = pads([x.shape()[2], x.shape()[3]], kernel, window);
    IntWindow { kernel, strides: window.strides, pads, dilations: window.dilations }
}

fn matmul(x: &ArrayD<f32>, w: &ArrayD<f32>, transposed: bool, bias: Option<&ArrayD<f32>>) -> ArrayD<f32> {
    let wide = |a: &ArrayD<f32>| a.mapv(f64::from).into_dimensionality::<Ix2>().expect("a matrix");
    let w = if transposed { wide(w).reversed_axes() } else { wide(w) };
    let mut out = wide(x).dot(&w).into_dyn();
    if let Some(bias) = bias {
        out = out + bias.mapv(f64::from);
    }
    out.mapv(|v| v as f32)
}
