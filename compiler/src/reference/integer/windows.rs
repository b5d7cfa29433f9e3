//! Pooling, interpolation, and the largest element.

use ndarray::{ArrayD, Axis};

use super::machine::scaled;
use crate::int_ir::{AveragePool, IntWindow, LinearAxis};
use crate::reference::window;

pub(super) fn max_pool(x: &ArrayD<i32>, int: &IntWindow) -> ArrayD<i32> {
    window::pool(x, int, -128, |most, tap| tap.map_or(most, |tap| most.max(tap)))
}

pub(super) fn average_pool(x: &ArrayD<i32>, pool: &AveragePool) -> ArrayD<i32> {
    let pad = i32::from(pool.pad_value);
    let mut sums = window::pool(x, &pool.window, 0i32, |sum, tap| sum.wrapping_add(tap.unwrap_or(pad)));
    for (index, sum) in sums.indexed_iter_mut() {
        let count = pool.rows[index[2]] * pool.columns[index[3]];
        let (_, scale) = pool.scales.iter().find(|(n, _)| *n == count).expect("a factor for every count");
        let rounded = scaled(sum.wrapping_add(pool.bias), scale.multiplier, scale.shift);
        *sum = (rounded + i64::from(pool.zero_point)).clamp(pool.lo.into(), pool.hi.into()) as i32;
    }
    sums
}

/// One axis interpolated, raw sums.
pub(super) fn interpolate(x: &ArrayD<i32>, axis: &LinearAxis) -> ArrayD<i32> {
    let mut shape = x.shape().to_vec();
    shape[axis.axis] = axis.taps.len();
    let mut out = ArrayD::zeros(shape);
    for (mut lane, taps) in out.axis_iter_mut(Axis(axis.axis)).zip(&axis.taps) {
        for &(index, weight) in taps {
            lane.scaled_add(weight, &x.index_axis(Axis(axis.axis), index));
        }
    }
    out
}

/// The axis stays, with length 1.
pub(super) fn argmax(x: &ArrayD<i32>, axis: usize, last: bool) -> ArrayD<i32> {
    x.map_axis(Axis(axis), |lane| {
        let better = |a: i32, b: i32| if last { a >= b } else { a > b };
        let best = lane.iter().enumerate().fold(0, |best, (i, &v)| if better(v, lane[best]) { i } else { best });
        best as i32
    })
}
