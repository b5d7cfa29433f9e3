//! Element by element, with numpy's broadcasting.

use ndarray::{ArrayD, Axis};

use super::machine::{rne, scaled};
use crate::int_ir::{Addition, PRelu};

/// For each index of `shape` in row-major order, the offset of its element in a row-major array of shape `from`, which broadcasts
/// to it.
pub(super) fn broadcast_offsets(from: &[usize], shape: &[usize]) -> Vec<usize> {
    let mut offsets = vec![0];
    let lead = shape.len() - from.len();
    for (axis, &size) in shape.iter().enumerate() {
        let own = axis.checked_sub(lead).map_or(1, |axis| from[axis]);
        offsets = offsets
            .iter()
            .flat_map(|&offset| (0..size).map(move |i| if own == 1 { offset } else { offset * own + i }))
            .collect();
    }
    offsets
}

fn zip([a, b]: [&ArrayD<i32>; 2], shape: &[usize], f: impl Fn(i32, i32) -> i32) -> ArrayD<i32> {
    let flat = |x: &ArrayD<i32>| x.as_standard_layout().into_owned().into_raw_vec_and_offset().0;
    let (first, second) = (flat(a), flat(b));
    let pairs = broadcast_offsets(a.shape(), shape).into_iter().zip(broadcast_offsets(b.shape(), shape));
    let values = pairs.map(|(i, j)| f(first[i], second[j])).collect();
    ArrayD::from_shape_vec(shape, values).expect("as many elements as the shape says")
}

pub(super) fn add(operands: [&ArrayD<i32>; 2], p: &Addition, shape: &[usize]) -> ArrayD<i32> {
    zip(operands, shape, |a, b| {
        let [a, b] = [(a, 0), (b, 1)].map(|(x, i)| i64::from(x - i32::from(p.zeros[i])) * i64::from(p.multipliers[i]));
        let value = rne(a + b, p.shift.into()) + i64::from(p.zero_point);
        value.clamp(p.lo.into(), p.hi.into()) as i32
    })
}

pub(super) fn mul(operands: [&ArrayD<i32>; 2], zeros: [i8; 2], shape: &[usize]) -> ArrayD<i32> {
    zip(operands, shape, |a, b| (a - i32::from(zeros[0])) * (b - i32::from(zeros[1])))
}

pub(super) fn prelu(x: &ArrayD<i32>, p: &PRelu) -> ArrayD<i32> {
    let mut out = x.clone();
    for (channel, mut lane) in out.axis_iter_mut(Axis(p.axis)).enumerate() {
        let (negative, flipped) = p.negative[if p.negative.len() == 1 { 0 } else { channel }];
        lane.mapv_inplace(|x| {
            let d = x - i32::from(p.zero);
            let value = if d >= 0 {
                scaled(d, p.positive.multiplier, p.positive.shift)
            } else {
                let size = scaled(-d, negative.multiplier, negative.shift);
                if flipped { size } else { -size }
            };
            (value + i64::from(p.zero_point)).clamp(p.lo.into(), p.hi.into()) as i32
        });
    }
    out
}
