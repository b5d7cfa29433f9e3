//! Sizes of sliding windows over images [n, c, h, w] and lines [n, c, w], which are images of height 1.

use crate::attributes::MAX_WINDOW;
use crate::int_ir::IntWindow;
use crate::ops::{Padding, Window};

/// Batch, channels, height, width.
pub(crate) fn image(x: &[usize]) -> Result<[usize; 4], String> {
    match *x {
        [n, c, h, w] => Ok([n, c, h, w]),
        [n, c, w] => Ok([n, c, 1, w]),
        _ => Err(format!("input {x:?} is no image [n, c, h, w] nor line [n, c, w]")),
    }
}

/// A shape of four dimensions as the input had them.
pub(crate) fn as_given(x: &[usize], image: [usize; 4]) -> Vec<usize> {
    if x.len() == 3 { vec![image[0], image[1], image[3]] } else { image.to_vec() }
}

/// The window with explicit padding over an input of this size; with `ceil`, padded so that the last window fits.
pub(crate) fn explicit(input: [usize; 2], kernel: [usize; 2], window: &Window) -> Result<IntWindow, String> {
    if input.contains(&0) || kernel.contains(&0) {
        return Err(format!("input {input:?} under kernel {kernel:?} is empty"));
    }
    let reach = |axis: usize| (kernel[axis] - 1).saturating_mul(window.dilations[axis]).saturating_add(1);
    let total = |axis: usize| {
        let out = input[axis].div_ceil(window.strides[axis]);
        ((out - 1) * window.strides[axis]).saturating_add(reach(axis)).saturating_sub(input[axis])
    };
    let mut pads = match window.padding {
        Padding::Explicit(pads) => pads,
        Padding::SameUpper => [total(0) / 2, total(1) / 2, total(0).div_ceil(2), total(1).div_ceil(2)],
        Padding::SameLower => [total(0).div_ceil(2), total(1).div_ceil(2), total(0) / 2, total(1) / 2],
    };
    if let Some(bad) = pads.iter().find(|&&p| p as i64 > MAX_WINDOW) {
        return Err(format!("padding of {bad}; at most {MAX_WINDOW} is supported"));
    }
    for axis in 0..2 {
        let padded = input[axis] + pads[axis] + pads[axis + 2];
        if reach(axis) > padded {
            return Err(format!("kernel {kernel:?} is larger than the padded input {input:?}"));
        }
        let rest = (padded - reach(axis)) % window.strides[axis];
        // One window more, if it begins inside the input or the padding before it.
        let begins = (padded - reach(axis)) / window.strides[axis] * window.strides[axis] + window.strides[axis];
        if window.ceil && rest > 0 && begins < input[axis] + pads[axis] {
            pads[axis + 2] += window.strides[axis] - rest;
        }
    }
    Ok(IntWindow { kernel, strides: window.strides, pads, dilations: window.dilations })
}

/// A transposed convolution as a convolution over pixels set `strides` apart: the window over them, which has stride 1.
pub(crate) fn transposed(
    input: [usize; 2],
    kernel: [usize; 2],
    window: &Window,
    output_padding: [usize; 2],
) -> Result<(IntWindow, [usize; 2]), String> {
    // Output size = input size · stride: the rest is cut off, the odd pixel at the end or at the beginning.
    let total = |axis: usize| {
        let reach = (kernel[axis] - 1).saturating_mul(window.dilations[axis]) + 1 + output_padding[axis];
        (input[axis].saturating_sub(1) * window.strides[axis] + reach)
            .saturating_sub(input[axis] * window.strides[axis])
    };
    let pads = match window.padding {
        Padding::Explicit(pads) => pads,
        Padding::SameUpper => [total(0) / 2, total(1) / 2, total(0).div_ceil(2), total(1).div_ceil(2)],
        Padding::SameLower => [total(0).div_ceil(2), total(1).div_ceil(2), total(0) / 2, total(1) / 2],
    };
    let mut out = [0; 4];
    for side in 0..4 {
        let axis = side % 2;
        let reach = (kernel[axis] - 1).saturating_mul(window.dilations[axis]);
        let more = if side >= 2 { output_padding[axis] } else { 0 };
        out[side] = (reach + more).checked_sub(pads[side]).ok_or("pads wider than the kernel")?;
        if out[side] as i64 > MAX_WINDOW {
            return Err(format!("a kernel that reaches over {}; at most {MAX_WINDOW} is supported", out[side]));
        }
    }
    let int = IntWindow { kernel, strides: [1, 1], pads: out, dilations: window.dilations };
    Ok((int, window.strides))
}
