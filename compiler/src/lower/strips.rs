//! How a window passes over an image: the parts of the output that are made at a time.

use super::packed::Packing;
use super::transfer::Part;
use super::{Emit, Fault, Lower};
use crate::int_ir::IntWindow;
use crate::plan::ValueId;

/// A window over images.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    pub(super) images: u64,
    pub(super) input: [u64; 2],
    pub(super) output: [u64; 2],
    pub(super) window: IntWindow,
}

impl Geometry {
    /// Every pixel by itself.
    pub(super) fn pixels([images, height, width]: [usize; 3]) -> Geometry {
        let size = [height as u64, width as u64];
        let window = IntWindow { kernel: [1, 1], strides: [1, 1], pads: [0; 4], dilations: [1, 1] };
        Geometry { images: images as u64, input: size, output: size, window }
    }

    pub(crate) fn new([images, height, width]: [usize; 3], window: &IntWindow) -> Geometry {
        let output = window.output([height, width]).map(|n| n as u64);
        Geometry { images: images as u64, input: [height as u64, width as u64], output, window: *window }
    }

    /// Images, lines and columns of the output.
    pub(super) fn size(&self) -> [u64; 3] {
        [self.images, self.output[0], self.output[1]]
    }

    fn axis(&self, axis: usize) -> (u64, u64, u64) {
        let w = &self.window;
        (w.kernel[axis] as u64, w.strides[axis] as u64, w.dilations[axis] as u64)
    }

    /// Lines (axis 0) or columns (axis 1) of input under so many of output.
    pub(super) fn under(&self, axis: usize, count: u64) -> u64 {
        let (kernel, stride, dilation) = self.axis(axis);
        (count - 1) * stride + (kernel - 1) * dilation + 1
    }

    /// The input under a part of the output.
    pub(super) fn source(&self, part: &Part) -> Part {
        let first = |at: i64, axis: usize| at * self.window.strides[axis] as i64 - self.window.pads[axis] as i64;
        Part {
            image: part.image,
            y: first(part.y, 0),
            lines: self.under(0, part.lines),
            x: first(part.x, 1),
            columns: self.under(1, part.columns),
        }
    }

    /// How far windows reach outside: top, left, bottom, right.
    pub(crate) fn reach(&self) -> [u64; 4] {
        let end = |axis: usize| {
            let last = self.under(axis, self.output[axis]) as i64 - self.window.pads[axis] as i64;
            (last - self.input[axis] as i64).max(0).cast_unsigned()
        };
        [self.window.pads[0] as u64, self.window.pads[1] as u64, end(0), end(1)]
    }

    /// Lines and columns of a strip: as many as `fits` allows, and at most so many pixels; all strips about as large.
    pub(super) fn strip(&self, pixels: u64, fits: impl Fn(u64, u64) -> bool) -> Option<(u64, u64)> {
        let [height, width] = self.output;
        let even = |size: u64, most: u64| size.div_ceil(size.div_ceil(most.max(1)));
        let most = (pixels / width).min(height);
        if let Some(lines) = (1..=most).rev().find(|&lines| fits(lines, width)) {
            return Some((even(height, lines), width));
        }
        let columns = (1..=pixels.min(width)).rev().find(|&columns| fits(1, columns))?;
        Some((1, even(width, columns)))
    }

    /// The parts of the output, in order.
    pub(super) fn parts(&self, (lines, columns): (u64, u64)) -> Vec<Part> {
        let [height, width] = self.output;
        let mut parts = Vec::new();
        for image in 0..self.images {
            for y in (0..height).step_by(lines as usize) {
                for x in (0..width).step_by(columns as usize) {
                    parts.push(Part {
                        image,
                        y: y.cast_signed(),
                        lines: lines.min(height - y),
                        x: x.cast_signed(),
                        columns: columns.min(width - x),
                    });
                }
            }
        }
        parts
    }
}

/// What a pixel of a strip costs in buffers: rows of input a pixel, 0 where it lies on chip; rows of output and of other
/// operands a pixel of output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffers {
    pub(super) input: u64,
    pub(super) output: u64,
    /// Buffers that are as large as the output, besides.
    pub(super) others: u64,
    /// Rows of input for a strip of lines and columns are what this says, where it is given.
    pub(super) packed: Option<Packing>,
    /// Rows that there must be for other things.
    pub(super) fixed: u64,
}

impl Buffers {
    /// Rows of the input of a strip.
    pub(super) fn rows(&self, geometry: &Geometry, (lines, columns): (u64, u64)) -> u64 {
        match &self.packed {
            Some(packing) => packing.rows(geometry, (lines, columns)),
            None => geometry.under(0, lines) * geometry.under(1, columns) * self.input,
        }
    }
}

impl Lower<'_> {
    /// Rows of a pixel of the input in its buffer: none, if it can be read where it lies.
    pub(super) fn buffered_input(&self, id: ValueId, geometry: &Geometry, fill: i8) -> u64 {
        if self.local.contains_key(&id) || self.is_near(id, geometry.reach(), fill) {
            0
        } else {
            self.plan.form(id).groups()
        }
    }

    /// Rows of a pixel of a product's result in its buffer.
    pub(super) fn made_rows(&self, id: ValueId) -> u64 {
        if self.map(id).is_some() { 0 } else { self.plan.form(id).groups() }
    }

    /// Rows of a pixel of an output, or operand, in its buffer.
    pub(super) fn buffered(&self, id: ValueId) -> u64 {
        if self.map(id).is_some() || self.local.contains_key(&id) { 0 } else { self.plan.form(id).groups() }
    }

    /// Lines and columns of strips, cut as is chosen, whose buffers, twice each where there is more than one strip, fit what is left.
    pub(super) fn strip(&self, geometry: &Geometry, pixels: u64, buffers: &Buffers) -> Emit<((u64, u64), u64)> {
        let rules = self.strips(geometry, pixels, buffers)?;
        if self.tiling.smaller == 0 {
            return Ok(rules);
        }
        self.strips(geometry, self.tiling.most(rules.0.0 * rules.0.1), buffers)
    }

    /// The same, as large as they fit.
    pub(super) fn strips(&self, geometry: &Geometry, pixels: u64, buffers: &Buffers) -> Emit<((u64, u64), u64)> {
        let needed = || {
            let rows = buffers.rows(geometry, (1, 1)) + buffers.output + buffers.others;
            Fault::Rows("spad", self.free.start + rows + buffers.fixed, self.free.end)
        };
        strip_in(self.left(), geometry, pixels, buffers).ok_or_else(needed)
    }
}

/// The same, in so many rows; whether there are two of each buffer.
pub(super) fn strip_in(left: u64, geometry: &Geometry, pixels: u64, buffers: &Buffers) -> Option<((u64, u64), u64)> {
    let pixels = pixels.max(1);
    let rows = |lines: u64, columns: u64| {
        buffers.rows(geometry, (lines, columns)) + lines * columns * (buffers.output + buffers.others)
    };
    let all = geometry.output[0] * geometry.output[1];
    for slots in [2, 1] {
        let needed = |lines: u64, columns: u64| {
            let slots = if lines * columns == all && geometry.images == 1 { 1 } else { slots };
            rows(lines, columns) * slots + buffers.fixed
        };
        if let Some(strip) = geometry.strip(pixels, |lines, columns| needed(lines, columns) <= left) {
            let slots = if strip.0 * strip.1 == all && geometry.images == 1 { 1 } else { slots };
            return Some((strip, slots));
        }
    }
    None
}
