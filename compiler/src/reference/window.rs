//! Convolution over NCHW arrays, for both evaluators.

use ndarray::{ArrayD, Axis};

use crate::int_ir::IntWindow;

/// Σ weights · input over windows, accumulated by `add(sum, weight, value)`; `weights` is out × in/groups × height × width,
/// row-major.
pub(crate) fn conv<T: Copy, S: Copy + Default>(
    x: &ArrayD<T>,
    (weights, outputs, groups): (&[S], usize, usize),
    window: &IntWindow,
    pad: T,
    add: impl Fn(S, S, T) -> S,
) -> ArrayD<S> {
    let (batch, channels, height, width) = (x.shape()[0], x.shape()[1], x.shape()[2], x.shape()[3]);
    let [kh, kw] = window.kernel;
    let per_group = channels / groups;
    let [oh, ow] = window.output([height, width]);
    let [sy, sx] = window.strides;
    let [dy, dx] = window.dilations;
    let mut sums = vec![S::default(); batch * outputs * oh * ow];
    for n in 0..batch {
        let (padded, ph, pw) = padded(x, n, window, pad);
        for o in 0..outputs {
            let out = &mut sums[(n * outputs + o) * oh * ow..][..oh * ow];
            let first = o / (outputs / groups) * per_group;
            for tap in 0..per_group * kh * kw {
                let (c, ky, kx) = (tap / (kh * kw), tap / kw % kh, tap % kw);
                let weight = weights[o * per_group * kh * kw + tap];
                for (y, line) in out.chunks_mut(ow).enumerate() {
                    let from = ((first + c) * ph + y * sy + ky * dy) * pw + kx * dx;
                    let row = &padded[from..][..(ow - 1) * sx + 1];
                    if sx == 1 {
                        for (sum, &a) in line.iter_mut().zip(row) {
                            *sum = add(*sum, weight, a);
                        }
                        continue;
                    }
                    for (sum, &a) in line.iter_mut().zip(row.iter().step_by(sx)) {
                        *sum = add(*sum, weight, a);
                    }
                }
            }
        }
    }
    ArrayD::from_shape_vec(vec![batch, outputs, oh, ow], sums).expect("as many sums as pixels")
}

/// Image `n` with its padding, row-major, its height, and the length of a line.
fn padded<T: Copy>(x: &ArrayD<T>, n: usize, window: &IntWindow, pad: T) -> (Vec<T>, usize, usize) {
    let (channels, height, width) = (x.shape()[1], x.shape()[2], x.shape()[3]);
    let [top, left, bottom, right] = window.pads;
    let (ph, pw) = (height + top + bottom, width + left + right);
    let mut out = vec![pad; channels * ph * pw];
    let image = x.index_axis(Axis(0), n);
    let image = image.as_standard_layout();
    for (index, line) in image.as_slice().unwrap_or_default().chunks(width).enumerate() {
        let (c, y) = (index / height, index % height);
        out[(c * ph + y + top) * pw + left..][..width].copy_from_slice(line);
    }
    (out, ph, pw)
}

/// Folds the taps of the window at each output of each plane, NCHW: `tap(index of plane and output, tap or `None` in padding)`.
pub(crate) fn pool<T: Copy, S: Clone + Default>(
    x: &ArrayD<T>,
    window: &IntWindow,
    start: S,
    fold: impl Fn(S, Option<T>) -> S,
) -> ArrayD<S> {
    let (height, width) = (x.shape()[2], x.shape()[3]);
    let [oh, ow] = window.output([height, width]);
    let at = |out: usize, tap: usize, axis: usize| {
        (out * window.strides[axis] + tap * window.dilations[axis]).checked_sub(window.pads[axis])
    };
    let x = x.as_standard_layout();
    let planes = x.as_slice().unwrap_or_default();
    let mut out = Vec::with_capacity(x.shape()[0] * x.shape()[1] * oh * ow);
    for plane in planes.chunks(height * width) {
        for y in 0..oh {
            for x in 0..ow {
                let mut value = start.clone();
                for ky in 0..window.kernel[0] {
                    for kx in 0..window.kernel[1] {
                        let tap = match (at(y, ky, 0), at(x, kx, 1)) {
                            (Some(y), Some(x)) if y < height && x < width => Some(plane[y * width + x]),
                            _ => None,
                        };
                        value = fold(value, tap);
                    }
                }
                out.push(value);
            }
        }
    }
    ArrayD::from_shape_vec(vec![x.shape()[0], x.shape()[1], oh, ow], out).expect("as many results as pixels")
}
