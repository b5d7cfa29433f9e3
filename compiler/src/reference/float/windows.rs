//! Pooling, reductions, interpolation.

use ndarray::{ArrayD, Axis};

use crate::ops::{Reduction, Window};
use crate::reference::window;
use crate::shapes::resize::Taps;
use crate::shapes::windows::{as_given, explicit, image};

fn pooled<S: Clone + Default>(
    x: &ArrayD<f32>,
    given: &Window,
    start: S,
    fold: impl Fn(S, Option<f32>) -> S,
) -> Result<ArrayD<S>, String> {
    let four = image(x.shape())?;
    let int = explicit([four[2], four[3]], given.kernel.ok_or("no kernel")?, given)?;
    let x4 = x.as_standard_layout().into_owned().into_shape_with_order(four.to_vec()).map_err(|e| e.to_string())?;
    let out = window::pool(&x4, &int, start, fold);
    let shape = as_given(x.shape(), image(out.shape())?);
    out.into_shape_with_order(shape).map_err(|e| e.to_string())
}

pub(super) fn max_pool(x: &ArrayD<f32>, given: &Window) -> Result<ArrayD<f32>, String> {
    pooled(x, given, f32::NEG_INFINITY, |most, tap| tap.map_or(most, |tap| most.max(tap)))
}

pub(super) fn average_pool(x: &ArrayD<f32>, given: &Window, count_padding: bool) -> Result<ArrayD<f32>, String> {
    let four = image(x.shape())?;
    let counts = counts([four[2], four[3]], given, count_padding)?;
    let sums = pooled(x, given, 0f64, |sum, tap| sum + tap.map_or(0.0, f64::from))?;
    let flat = image(sums.shape())?;
    let mut sums4 = sums.clone().into_shape_with_order(flat.to_vec()).map_err(|e| e.to_string())?;
    for (at, sum) in sums4.indexed_iter_mut() {
        *sum /= (counts[0][at[2]] * counts[1][at[3]]) as f64;
    }
    sums4.mapv(|v| v as f32).into_shape_with_order(sums.shape()).map_err(|e| e.to_string())
}

/// Lines and columns of the window that count in an average, by line and column of the output: those inside the input, or inside
/// the padding that the node asks for.
pub(crate) fn counts(input: [usize; 2], given: &Window, padding: bool) -> Result<[Vec<usize>; 2], String> {
    let kernel = given.kernel.ok_or("no kernel")?;
    let int = explicit(input, kernel, given)?;
    let asked = explicit(input, kernel, &Window { ceil: false, ..*given })?;
    let output = int.output(input);
    Ok([0, 1].map(|axis| {
        let (first, last) = if padding {
            (0, int.pads[axis] + input[axis] + asked.pads[axis + 2])
        } else {
            (int.pads[axis], int.pads[axis] + input[axis])
        };
        let count = |o: usize| {
            let at = |tap: usize| o * int.strides[axis] + tap * int.dilations[axis];
            (0..int.kernel[axis]).filter(|&tap| (first..last).contains(&at(tap))).count()
        };
        (0..output[axis]).map(count).collect()
    }))
}

pub(super) fn reduce(x: &ArrayD<f32>, axes: &[usize], kind: Reduction, shape: &[usize]) -> ArrayD<f32> {
    let count: usize = axes.iter().map(|&a| x.shape()[a]).product();
    let mut out = x.mapv(f64::from);
    for &axis in axes.iter().rev() {
        out = match kind {
            Reduction::Max => out.map_axis(Axis(axis), |lane| lane.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
            Reduction::Mean | Reduction::Sum => out.sum_axis(Axis(axis)),
        };
    }
    let by = if kind == Reduction::Mean { count as f64 } else { 1.0 };
    let out = out.mapv(|v| (v / by) as f32);
    out.as_standard_layout().into_owned().into_shape_with_order(shape).expect("as many elements")
}

pub(super) fn argmax(x: &ArrayD<f32>, axis: usize, last: bool, shape: &[usize]) -> ArrayD<i64> {
    let out = x.map_axis(Axis(axis), |lane| {
        let better = |a: f32, b: f32| if last { a >= b } else { a > b };
        lane.iter().enumerate().fold(0, |best, (i, &v)| if better(v, lane[best]) { i } else { best }) as i64
    });
    out.as_standard_layout().into_owned().into_shape_with_order(shape).expect("as many elements")
}

pub(super) fn interpolate(x: &ArrayD<f32>, axes: &[Taps]) -> ArrayD<f32> {
    let mut out = x.mapv(f64::from);
    for axis in axes {
        let mut shape = out.shape().to_vec();
        shape[axis.axis] = axis.taps.len();
        let mut next = ArrayD::zeros(shape);
        for (mut lane, taps) in next.axis_iter_mut(Axis(axis.axis)).zip(&axis.taps) {
            for &(index, weight) in taps {
                lane.scaled_add(weight, &out.index_axis(Axis(axis.axis), index));
            }
        }
        out = next;
    }
    out.mapv(|v| v as f32)
}
