//! Convolutions and matrix products, summed in float64.

use ndarray::{ArrayD, Axis, Ix2};

use crate::ops::Window;
use crate::reference::window;
use crate::shapes::windows::{as_given, explicit, image, transposed};

fn four(x: &ArrayD<f32>) -> Result<ArrayD<f64>, String> {
    let shape = image(x.shape())?;
    x.mapv(f64::from).as_standard_layout().into_owned().into_shape_with_order(shape.to_vec()).map_err(|e| e.to_string())
}

fn finish(mut sums: ArrayD<f64>, bias: Option<&ArrayD<f32>>, given: &[usize]) -> Result<ArrayD<f32>, String> {
    if let Some(bias) = bias {
        for (mut channel, &b) in sums.axis_iter_mut(Axis(1)).zip(bias) {
            channel += f64::from(b);
        }
    }
    let shape = as_given(given, image(sums.shape())?);
    sums.mapv(|v| v as f32).into_shape_with_order(shape).map_err(|e| e.to_string())
}

pub(super) fn conv(
    [x, w]: [&ArrayD<f32>; 2],
    bias: Option<&ArrayD<f32>>,
    (given, groups): (&Window, usize),
) -> Result<ArrayD<f32>, String> {
    let [outputs, _, kh, kw] = image(w.shape())?;
    let [_, _, height, width] = image(x.shape())?;
    let int = explicit([height, width], [kh, kw], given)?;
    let weights: Vec<f64> = w.iter().copied().map(f64::from).collect();
    let sums = window::conv(&four(x)?, (&weights, outputs, groups), &int, 0.0, |s: f64, w, a| s + w * a);
    finish(sums, bias, x.shape())
}

/// Pixels apart, and the kernel turned round.
pub(super) fn conv_transpose(
    [x, w]: [&ArrayD<f32>; 2],
    bias: Option<&ArrayD<f32>>,
    (given, groups, output_padding): (&Window, usize, [usize; 2]),
) -> Result<ArrayD<f32>, String> {
    let [inputs, per_group, kh, kw] = image(w.shape())?;
    let [n, c, height, width] = image(x.shape())?;
    let (int, apart) = transposed([height, width], [kh, kw], given, output_padding)?;
    let x4 = four(x)?;
    let mut spread = ArrayD::<f64>::zeros(vec![n, c, (height - 1) * apart[0] + 1, (width - 1) * apart[1] + 1]);
    for (at, &v) in x4.indexed_iter() {
        spread[[at[0], at[1], at[2] * apart[0], at[3] * apart[1]]] = v;
    }
    let inner = inputs / groups;
    let mut weights = vec![0f64; w.len()];
    for (at, &v) in four(w)?.indexed_iter() {
        let (group, i, o) = (at[0] / inner, at[0] % inner, at[1]);
        let out = group * per_group + o;
        weights[((out * inner + i) * kh + kh - 1 - at[2]) * kw + kw - 1 - at[3]] = v;
    }
    let sums = window::conv(&spread, (&weights, per_group * groups, groups), &int, 0.0, |s: f64, w, a| s + w * a);
    finish(sums, bias, x.shape())
}

/// numpy's product of matrices of these shapes, to this shape.
pub(super) fn matmul(a: &ArrayD<f32>, b: &ArrayD<f32>, shape: &[usize]) -> ArrayD<f64> {
    let rank = shape.len();
    let batch = |x: &ArrayD<f32>| {
        let to = [&shape[..rank - 2], &x.shape()[x.ndim() - 2..]].concat();
        x.broadcast(to).expect("it broadcasts").mapv(f64::from)
    };
    let (a, b) = (batch(a), batch(b));
    let (m, k, n) = (shape[rank - 2], a.shape()[rank - 1], shape[rank - 1]);
    let (a, b) = (a.as_standard_layout(), b.as_standard_layout());
    let (a, b) = (a.as_slice().unwrap_or_default(), b.as_slice().unwrap_or_default());
    let mut out = Vec::with_capacity(shape.iter().product());
    for (x, y) in a.chunks(m * k).zip(b.chunks(k * n)) {
        let matrix = |rows, columns, v: &[f64]| {
            ndarray::Array::from_shape_vec((rows, columns), v.to_vec()).expect("as many elements")
        };
        let product = matrix(m, k, x).dot(&matrix(k, n, y)).into_dimensionality::<Ix2>().expect("a matrix");
        out.extend(product.iter().copied());
    }
    ArrayD::from_shape_vec(shape, out).expect("as many elements")
}
