//! Convolutions and matrix products.

use ndarray::{Array2, Array4, ArrayD};

use super::elementwise::broadcast_offsets;
use crate::int_ir::IntWindow;
use crate::reference::window;

/// Σ weights · input over windows, NCHW: i32 sums, wrapping.
pub(super) fn conv(x: &ArrayD<i32>, (weights, groups): (&Array4<i8>, usize), int: &IntWindow, pad: i32) -> ArrayD<i32> {
    let outputs = weights.dim().0;
    let wide: Vec<i32> = weights.iter().copied().map(i32::from).collect();
    let add = |sum: i32, w: i32, a: i32| sum.wrapping_add(w.wrapping_mul(a));
    window::conv(x, (&wide, outputs, groups), int, pad, add)
}

/// Products with constant weights over the last axis.
pub(super) fn dense(x: &ArrayD<i32>, weights: &Array2<i8>, shape: &[usize]) -> ArrayD<i32> {
    let (k, n) = weights.dim();
    let x = x.as_standard_layout();
    let mut sums = vec![0i32; shape.iter().product()];
    for (row, out) in x.as_slice().unwrap_or_default().chunks(k).zip(sums.chunks_mut(n)) {
        for (&a, line) in row.iter().zip(weights.rows()) {
            for (sum, &w) in out.iter_mut().zip(line) {
                *sum = sum.wrapping_add(i32::from(w).wrapping_mul(a));
            }
        }
    }
    ArrayD::from_shape_vec(shape, sums).expect("as many sums as the shape says")
}

/// Batched products of two tensors less their zero points.
pub(super) fn matmul([a, b]: [&ArrayD<i32>; 2], zeros: [i8; 2], shape: &[usize]) -> ArrayD<i32> {
    let rank = shape.len();
    let (m, n, k) = (shape[rank - 2], shape[rank - 1], a.shape()[a.ndim() - 1]);
    let batch = &shape[..rank - 2];
    let count: usize = batch.iter().product();
    let matrices = |x: &ArrayD<i32>| broadcast_offsets(&x.shape()[..x.ndim() - 2], batch);
    let (first, second) = (matrices(a), matrices(b));
    let [a, b] = [a, b].map(|x| x.as_standard_layout().into_owned().into_raw_vec_and_offset().0);
    let mut sums = vec![0i32; count * m * n];
    for (index, out) in sums.chunks_mut(m * n).enumerate() {
        let (a, b) = (&a[first[index] * m * k..][..m * k], &b[second[index] * k * n..][..k * n]);
        for (row, line) in a.chunks(k).zip(out.chunks_mut(n)) {
            for (&x, others) in row.iter().zip(b.chunks(n)) {
                let x = x - i32::from(zeros[0]);
                for (sum, &y) in line.iter_mut().zip(others) {
                    *sum = sum.wrapping_add(x * (y - i32::from(zeros[1])));
                }
            }
        }
    }
    ArrayD::from_shape_vec(shape, sums).expect("as many sums as the shape says")
}
