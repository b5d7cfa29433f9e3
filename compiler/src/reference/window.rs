//! Sliding windows over NCHW arrays, for both evaluators.

use ndarray::{Array4, ArrayView4};

use crate::int_ir::IntWindow;

/// Output height and width.
fn output(input: [usize; 2], window: &IntWindow) -> [usize; 2] {
    std::array::from_fn(|axis| {
        let padded = input[axis] + window.pads[axis] + window.pads[axis + 2];
        (padded - (window.kernel[axis] - 1) * window.dilations[axis] - 1) / window.strides[axis] + 1
    })
}

/// Calls `tap(channel, ky, kx, value)` for every tap of the window at output (y, x) of image `n`; padding reads `pad`.
fn taps<T: Copy>(
    input: &ArrayView4<T>,
    window: &IntWindow,
    pad: T,
    [n, y, x]: [usize; 3],
    mut tap: impl FnMut(usize, usize, usize, T),
) {
    let (_, channels, height, width) = input.dim();
    for channel in 0..channels {
        for ky in 0..window.kernel[0] {
            for kx in 0..window.kernel[1] {
                let row = (y * window.strides[0] + ky * window.dilations[0]).checked_sub(window.pads[0]);
                let col = (x * window.strides[1] + kx * window.dilations[1]).checked_sub(window.pads[1]);
                let value = match (row, col) {
                    (Some(row), Some(col)) if row < height && col < width => input[[n, channel, row, col]],
                    _ => pad,
                };
                tap(channel, ky, kx, value);
            }
        }
    }
}

/// Σ weights · input, accumulated by `add(sum, weight, value)` from `zero`.
pub(crate) fn conv<T: Copy, W: Copy, S: Copy>(
    input: &ArrayView4<T>,
    weights: &Array4<W>,
    window: &IntWindow,
    (pad, zero): (T, S),
    add: impl Fn(S, W, T) -> S,
) -> Array4<S> {
    let (batch, _, height, width) = input.dim();
    let [oh, ow] = output([height, width], window);
    Array4::from_shape_fn((batch, weights.dim().0, oh, ow), |(n, o, y, x)| {
        let mut sum = zero;
        taps(input, window, pad, [n, y, x], |c, ky, kx, value| sum = add(sum, weights[[o, c, ky, kx]], value));
        sum
    })
}

/// Maximum over windows.
pub(crate) fn max_pool<T: Copy + PartialOrd>(input: &ArrayView4<T>, window: &IntWindow, least: T) -> Array4<T> {
    let (batch, channels, height, width) = input.dim();
    let [oh, ow] = output([height, width], window);
    Array4::from_shape_fn((batch, channels, oh, ow), |(n, c, y, x)| {
        let mut max = least;
        taps(input, window, least, [n, y, x], |channel, _, _, value| {
            if channel == c && value > max {
                max = value;
            }
        });
        max
    })
}
