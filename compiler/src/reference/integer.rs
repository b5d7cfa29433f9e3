//! The meaning of the integer IR.

use ndarray::{Array2, ArrayD, ArrayViewD, Axis, Ix2, Ix4};

use super::window::{conv, max_pool};
use crate::int_ir::{IntGraph, IntKind, IntOp, Requant, TensorId};

/// Evaluates a graph: inputs and outputs as i8 (widened to i32), in the order of the graph's ports. Returns every
/// tensor of the graph, by id.
///
/// # Panics
/// Inputs whose shapes are not those of the graph.
#[must_use]
pub fn evaluate(graph: &IntGraph, inputs: &[ArrayD<i32>]) -> Vec<ArrayD<i32>> {
    let mut values = vec![ArrayD::zeros(vec![0]); graph.tensors.len()];
    for (port, input) in graph.inputs.iter().zip(inputs) {
        assert_eq!(input.shape(), graph.tensor(port.tensor).shape, "shape of input {}", port.name);
        values[port.tensor.0] = input.clone();
    }
    for op in &graph.ops {
        let value = apply(graph, op, values[op.input.0].view());
        assert_eq!(value.shape(), graph.tensor(op.output).shape, "shape of {}", op.name);
        values[op.output.0] = value;
    }
    values
}

/// The tensor behind an output port.
#[must_use]
pub fn output(graph: &IntGraph, values: &[ArrayD<i32>], port: usize) -> ArrayD<i32> {
    let TensorId(id) = graph.outputs[port].tensor;
    values[id].clone()
}

fn apply(graph: &IntGraph, op: &IntOp, x: ArrayViewD<i32>) -> ArrayD<i32> {
    match &op.kind {
        IntKind::Conv { weights, window, pad_value, requant } => {
            let x = x.into_dimensionality::<Ix4>().expect("four dimensions");
            let add = |sum: i32, w: i8, a: i32| sum.wrapping_add(i32::from(w).wrapping_mul(a));
            let sums = conv(&x, weights, window, (i32::from(*pad_value), 0), add).into_dyn();
            requant.as_ref().map_or(sums.clone(), |r| requantize(&sums, r))
        }
        IntKind::Dense { weights, requant } => {
            let x = x.into_dimensionality::<Ix2>().expect("a matrix");
            let sums = product(&x.to_owned(), weights).into_dyn();
            requant.as_ref().map_or(sums.clone(), |r| requantize(&sums, r))
        }
        IntKind::Requantize(requant) => requantize(&x.to_owned(), requant),
        IntKind::Clamp { lo, hi } => x.mapv(|v| v.clamp(i32::from(*lo), i32::from(*hi))),
        IntKind::MaxPool(window) => {
            let x = x.into_dimensionality::<Ix4>().expect("four dimensions");
            max_pool(&x, window, -128).into_dyn()
        }
        IntKind::Reshape => {
            let shape = graph.tensor(op.output).shape.clone();
            x.to_owned().into_shape_with_order(shape).expect("as many elements")
        }
    }
}

fn product(x: &Array2<i32>, weights: &Array2<i8>) -> Array2<i32> {
    Array2::from_shape_fn((x.nrows(), weights.ncols()), |(m, n)| {
        let terms = x.row(m).into_iter().zip(weights.column(n)).map(|(&a, &w)| i32::from(w).wrapping_mul(a));
        terms.fold(0i32, i32::wrapping_add)
    })
}

/// x / 2^shift, rounded to nearest, ties to even.
fn round_shift(x: i64, shift: u8) -> i64 {
    if shift == 0 {
        return x;
    }
    let (floor, half) = (x >> shift, 1i64 << (shift - 1));
    let rest = x - (floor << shift);
    floor + i64::from(rest > half || (rest == half && floor & 1 == 1))
}

/// Applies a requantisation along the channels: axis 1.
fn requantize(sums: &ArrayD<i32>, requant: &Requant) -> ArrayD<i32> {
    let mut out = sums.clone();
    for (channel, mut lane) in out.axis_iter_mut(Axis(1)).enumerate() {
        lane.mapv_inplace(|sum| {
            let product = i64::from(sum.wrapping_add(requant.bias[channel])) * i64::from(requant.multiplier[channel]);
            let value = round_shift(product, requant.shift[channel]) + i64::from(requant.zero_point);
            value.clamp(i64::from(requant.lo), i64::from(requant.hi)) as i32
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rounds_as_the_machine(x in any::<i64>(), shift in 0u8..63) {
            let x = x >> 8;
            prop_assert_eq!(round_shift(x, shift), isa::rne(x, u32::from(shift)));
        }
    }
}
