//! How activations lie in spad.

use isa::LANES;

/// A map of rows: one pixel after another, each in `tiles` rows of 32 channels, lines one after another, with a ring of
/// padding around the image. A vector is a map of one pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Map {
    /// First spad row, that of the ring's first corner.
    pub(crate) base: u64,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    /// Top, left, bottom, right, in pixels.
    pub(crate) pads: [usize; 4],
    /// What the ring holds.
    pub(crate) fill: i8,
}

impl Map {
    /// Rows of a pixel.
    pub(crate) fn tiles(&self) -> u64 {
        self.channels.div_ceil(LANES) as u64
    }

    /// Rows from one line to the next.
    pub(crate) fn pitch(&self) -> u64 {
        (self.width + self.pads[1] + self.pads[3]) as u64 * self.tiles()
    }

    /// Rows of the whole map.
    pub(crate) fn rows(&self) -> u64 {
        (self.height + self.pads[0] + self.pads[2]) as u64 * self.pitch()
    }

    /// First row of the pixel `up` above and `left` of the image's first one.
    pub(crate) fn above(&self, up: usize, left: usize) -> u64 {
        self.base + (self.pads[0] - up) as u64 * self.pitch() + (self.pads[1] - left) as u64 * self.tiles()
    }

    /// First row of the first pixel of line `y`.
    pub(crate) fn line(&self, y: usize) -> u64 {
        self.above(0, 0) + y as u64 * self.pitch()
    }

    /// Whether pixels lie without gaps.
    pub(crate) fn is_dense(&self) -> bool {
        self.pads[1] + self.pads[3] == 0
    }
}

/// An image of few channels packed into lines of bytes, with padding around it; each line begins on a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lines {
    /// First spad row.
    pub(crate) base: u64,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    /// Top, left, bottom, right, in pixels.
    pub(crate) pads: [usize; 4],
    /// What the padding holds.
    pub(crate) fill: i8,
}

impl Lines {
    /// Rows from one line to the next.
    pub(crate) fn pitch(&self) -> u64 {
        let bytes = (self.width + self.pads[1] + self.pads[3]) * self.channels;
        bytes.div_ceil(LANES) as u64
    }

    /// Rows of the whole image.
    pub(crate) fn rows(&self) -> u64 {
        (self.height + self.pads[0] + self.pads[2]) as u64 * self.pitch()
    }

    /// Rows of a line without padding: how it lies in DRAM.
    pub(crate) fn bare_pitch(&self) -> u64 {
        (self.width * self.channels).div_ceil(LANES) as u64
    }

    /// Whether lines hold padding at their ends, so that they cannot be loaded as they are.
    pub(crate) fn is_shifted(&self) -> bool {
        self.pads[1] + self.pads[3] > 0
    }
}

/// Where a tensor lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// Rows.
    Map(Map),
    /// Packed lines.
    Lines(Lines),
}

impl Storage {
    pub(crate) fn base_mut(&mut self) -> &mut u64 {
        match self {
            Storage::Map(map) => &mut map.base,
            Storage::Lines(lines) => &mut lines.base,
        }
    }
}
