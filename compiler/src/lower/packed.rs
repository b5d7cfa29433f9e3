//! Convolutions of images with few channels: pixels lie close together in DRAM, and the taps of a window are brought together in
//! rows without gaps, so that the lanes are used.

use isa::{LANES, Move, TILE_ROWS, ZERO};
use ndarray::Array4;

use super::strips::Geometry;
use super::transfer::{Part, View};
use super::weights::Group;
use super::{Emit, Lower};
use crate::int_ir::IntWindow;
use crate::plan::ValueId;
use crate::text::{loops, operand, wide};

/// How the taps of a window lie in rows: line after line without gaps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packing {
    /// Bytes of a pixel, and of the taps of one line.
    channels: u64,
    taps: u64,
    /// Lines of the window.
    lines: u64,
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
        let (_, channels, kh, kw) = weights.dim();
        let line = line_rows(channels, geometry.input[1] as usize);
        Packing { channels: channels as u64, taps: (channels * kw) as u64, lines: kh as u64, pad, line }
    }

    /// Rows of the taps of a pixel.
    fn tiles(&self) -> u64 {
        (self.lines * self.taps).div_ceil(LANES as u64)
    }

    /// Lanes of a row that count, and of the last row of a pixel.
    pub(super) fn lanes(&self) -> [u64; 2] {
        let all = self.lines * self.taps;
        [all.min(LANES as u64), all - (self.tiles() - 1) * LANES as u64]
    }

    /// The window over rows of taps.
    pub(super) fn geometry(&self, geometry: &Geometry) -> Geometry {
        Geometry::pixels(geometry.size().map(|n| n as usize))
    }

    /// Rows of the buffer for a strip.
    pub(super) fn rows(&self, geometry: &Geometry, (lines, columns): (u64, u64)) -> u64 {
        lines * columns * self.tiles() + 1 + geometry.under(0, lines) * self.pitch()
    }

    /// Rows that a line of input takes in the buffer, with padding at both ends.
    fn pitch(&self) -> u64 {
        self.line + 2
    }

    /// Tiles for rows of taps.
    pub(super) fn weights(&self, weights: &Array4<i8>) -> Vec<Group> {
        let (outputs, channels, _, kw) = weights.dim();
        let group = |from: usize| {
            let mut rows = vec![ZERO; self.tiles() as usize * TILE_ROWS];
            for output in from..(from + LANES).min(outputs) {
                for ((c, ky, kx), &weight) in weights.index_axis(ndarray::Axis(0), output).indexed_iter() {
                    rows[(ky * kw + kx) * channels + c][output - from] = weight.cast_unsigned();
                }
            }
            Group { rows, first: 0, tiles: self.tiles() }
        };
        (0..outputs).step_by(LANES).map(group).collect()
    }

    /// The pieces of a pixel's taps that lie in one line and in one row: line, first byte in it, row, first lane, bytes.
    fn pieces(&self) -> Vec<[u64; 5]> {
        let row = LANES as u64;
        let mut pieces = Vec::new();
        for line in 0..self.lines {
            let mut first = 0;
            while first < self.taps {
                let at = line * self.taps + first;
                let bytes = (self.taps - first).min(row - at % row);
                pieces.push([line, first, at / row, at % row, bytes]);
                first += bytes;
            }
        }
        pieces
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
        let (tiles, pixels) = (packing.tiles(), part.lines * part.columns);
        let (pitch, bytes) = (packing.pitch(), LANES as u64);
        let (spare, raw) = (buffer + pixels * tiles, buffer + pixels * tiles + 1);
        self.fill((spare, 0), 1, 1, packing.pad)?;
        self.image_lines(id, packing, &source, raw)?;
        let view = View { at: buffer, line: part.columns * tiles, pixel: tiles };
        let first = (raw + 1) * bytes;
        let start = first.checked_add_signed(source.x * packing.channels.cast_signed()).ok_or("internal: padding")?;
        let [down, right] = geometry.window.strides.map(|stride| stride as u64);
        let (right, down) = (right * packing.channels, down * pitch * bytes);
        for [line, byte, row, lane, count] in packing.pieces() {
            self.text.push(Move {
                lp: loops(part.columns, part.lines)?,
                d: operand(buffer + row, tiles, if part.lines > 1 { view.line } else { 0 })?,
                m: wide(start + line * pitch * bytes + byte, right, if part.lines > 1 { down } else { 0 })?,
                n: count as u8,
                offset: lane as u8,
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
