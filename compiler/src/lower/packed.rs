//! Convolutions of images with few channels: pixels lie close together in DRAM, and the taps of some lines of a window are
//! brought together in one row, so that the lanes are used.

use isa::{LANES, Move, TILE_ROWS, ZERO};
use ndarray::Array4;

use super::strips::Geometry;
use super::transfer::{Part, View};
use super::weights::Group;
use super::{Emit, Lower};
use crate::int_ir::IntWindow;
use crate::plan::ValueId;
use crate::text::{loops, operand, wide};

/// Rows of the array that most machines have: what fewer lanes than these cost, as many do.
const ARRAY: u64 = 16;

/// How the taps of a window lie in rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packing {
    /// Bytes of a pixel, and of the taps of one line.
    channels: u64,
    taps: u64,
    /// Lines of the window in a row.
    pub(super) lines: u64,
    /// What padding reads.
    pad: i8,
    /// Rows of a line of the image.
    line: u64,
}

/// Whether the taps of a window over an image of so many channels and columns can be brought together in rows.
pub(crate) fn packs(channels: usize, width: usize, window: &IntWindow) -> bool {
    let [_, kernel] = window.kernel;
    let reach = (window.output([usize::MAX / 4, width])[1] - 1) * window.strides[1] + kernel;
    let right = reach.saturating_sub(width + window.pads[1]);
    let near = |pixels: usize| pixels * channels <= LANES;
    kernel > 1 && window.dilations == [1, 1] && near(kernel) && near(window.pads[1]) && near(right)
}

/// Rows of a line of pixels that lie close together.
pub(crate) fn line_rows(channels: usize, width: usize) -> u64 {
    (channels * width).div_ceil(LANES) as u64
}

impl Packing {
    pub(super) fn new(weights: &Array4<i8>, geometry: &Geometry, pad: i8) -> Packing {
        let (outputs, channels, kh, kw) = weights.dim();
        let (taps, passes) = ((channels * kw) as u64, (outputs as u64).div_ceil(ARRAY));
        let cost = |lines: &u64| {
            let products = (kh as u64).div_ceil(*lines) * (lines * taps).div_ceil(ARRAY) * passes;
            (products.max(lines * geometry.window.strides[0] as u64), *lines)
        };
        let most = (LANES as u64 / taps).min(kh as u64);
        let lines = (1..=most).min_by_key(cost).unwrap_or(1);
        let line = line_rows(channels, geometry.input[1] as usize);
        Packing { channels: channels as u64, taps, lines, pad, line }
    }

    /// Lanes of a row that count, and of the last row of a window of so many lines.
    pub(super) fn lanes(&self, kernel: usize) -> [u64; 2] {
        let last = (kernel as u64 - 1) % self.lines + 1;
        [self.lines, last].map(|lines| lines * self.taps)
    }

    /// The window over rows of taps.
    pub(super) fn geometry(&self, geometry: &Geometry) -> Geometry {
        let window = geometry.window;
        let window = IntWindow {
            kernel: [window.kernel[0].div_ceil(self.lines as usize), 1],
            strides: [window.strides[0], 1],
            pads: [0; 4],
            dilations: [self.lines as usize, 1],
        };
        Geometry { window, ..*geometry }
    }

    /// Rows of the buffer for a strip.
    pub(super) fn rows(&self, geometry: &Geometry, (lines, columns): (u64, u64)) -> u64 {
        let packed = self.geometry(geometry).under(0, lines) * columns;
        packed + 1 + geometry.under(0, lines) * self.pitch()
    }

    /// Rows that a line of input takes in the buffer, with padding at both ends.
    fn pitch(&self) -> u64 {
        self.line + 2
    }

    /// Tiles for rows of taps.
    pub(super) fn weights(&self, weights: &Array4<i8>) -> Vec<Group> {
        let (outputs, channels, kh, kw) = weights.dim();
        let (lines, taps) = (self.lines as usize, self.taps as usize);
        let group = |from: usize| {
            let mut rows = vec![ZERO; kh.div_ceil(lines) * TILE_ROWS];
            for output in from..(from + LANES).min(outputs) {
                for ((c, ky, kx), &weight) in weights.index_axis(ndarray::Axis(0), output).indexed_iter() {
                    let lane = ky % lines * taps + kx * channels + c;
                    rows[ky / lines * TILE_ROWS + lane][output - from] = weight.cast_unsigned();
                }
            }
            debug_assert!(kw * channels == taps);
            Group { rows, first: 0, tiles: 1 }
        };
        (0..outputs).step_by(LANES).map(group).collect()
    }
}

impl Lower<'_> {
    /// The rows of taps under a part of the output. The buffer holds them, a row of padding, lines of the image.
    pub(super) fn pack(
        &mut self,
        id: ValueId,
        (packing, geometry): (&Packing, &Geometry),
        part: &Part,
        buffer: u64,
    ) -> Emit<View> {
        let source = geometry.source(part);
        let rows = packing.geometry(geometry).under(0, part.lines);
        let (pitch, bytes) = (packing.pitch(), LANES as u64);
        let (spare, raw) = (buffer + rows * part.columns, buffer + rows * part.columns + 1);
        self.fill((spare, 0), 1, 1, packing.pad)?;
        self.image_lines(id, packing, &source, raw)?;
        let view = View { at: buffer, line: part.columns, pixel: 1 };
        let first = (raw + 1) * bytes;
        let start = first.checked_add_signed(source.x * packing.channels.cast_signed()).ok_or("internal: padding")?;
        for line in 0..packing.lines {
            // The last lines of a window may be none: their weights are zero.
            let lines = rows.min(source.lines.saturating_sub(line));
            if lines == 0 {
                continue;
            }
            let step = geometry.window.strides[1] as u64 * packing.channels;
            self.text.push(Move {
                lp: loops(part.columns, lines)?,
                d: operand(buffer, 1, if lines > 1 { part.columns } else { 0 })?,
                m: wide(start + line * pitch * bytes, step, if lines > 1 { pitch * bytes } else { 0 })?,
                n: packing.taps as u8,
                offset: (line * packing.taps) as u8,
            })?;
        }
        Ok(view)
    }

    /// Lines of an image, some of which may lie outside, with padding before and after each.
    fn image_lines(&mut self, id: ValueId, packing: &Packing, source: &Part, raw: u64) -> Emit {
        let shape = &self.plan.form(id).shape;
        let (height, width) = (shape[2] as u64, shape[3] as u64);
        let (pitch, pad) = (packing.pitch(), packing.pad);
        let top = source.y.min(0).unsigned_abs().min(source.lines);
        let first = source.y.max(0).cast_unsigned();
        let inside = height.saturating_sub(first).min(source.lines - top);
        self.fill((raw, 0), top * pitch, 1, pad)?;
        let at = raw + top * pitch;
        let below = source.lines - top - inside;
        self.fill((at + inside * pitch, 0), below * pitch, 1, pad)?;
        if inside == 0 {
            return Ok(());
        }
        self.fill((at, pitch), 1, inside, pad)?;
        self.fill((at + pitch - 1, pitch), 1, inside, pad)?;
        let (region, row) = self.home(id).dram.ok_or("internal: a value without a place")?;
        let from = row + (source.image * height + first) * packing.line;
        self.load((region, from, packing.line), (at + 1, pitch), packing.line, inside)?;
        let used = width * packing.channels % LANES as u64;
        if used > 0 {
            // The last row of a line ends with padding, which lies before all lines.
            let last = at + packing.line;
            self.text.push(Move {
                lp: loops(1, inside)?,
                d: operand(last, 0, if inside > 1 { pitch } else { 0 })?,
                m: wide((raw - 1) * LANES as u64, 0, 0)?,
                n: (LANES as u64 - used) as u8,
                offset: used as u8,
            })?;
        }
        Ok(())
    }
}
