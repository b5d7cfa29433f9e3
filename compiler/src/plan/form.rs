//! How a tensor lies in rows: one axis in the lanes, the others one pixel after another.

use isa::LANES;

/// A tensor in rows of 32 bytes: a pixel, which is an index of all axes but `lane`, is `groups` rows one after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// Sizes of the axes.
    pub(crate) shape: Vec<usize>,
    /// The axis that lies in the lanes; a scalar has none.
    pub(crate) lane: usize,
}

impl Form {
    /// Size of the axis in the lanes.
    pub(crate) fn channels(&self) -> usize {
        self.shape.get(self.lane).copied().unwrap_or(1)
    }

    /// Rows of a pixel.
    pub(crate) fn groups(&self) -> u64 {
        self.channels().div_ceil(LANES) as u64
    }

    /// Number of pixels.
    pub(crate) fn pixels(&self) -> u64 {
        let sizes = self.shape.iter().enumerate().filter(|&(axis, _)| axis != self.lane);
        sizes.map(|(_, &size)| size as u64).product()
    }

    /// Rows of the whole tensor.
    pub(crate) fn rows(&self) -> u64 {
        self.pixels() * self.groups()
    }

    /// Images, lines and columns: those of NCHW, or one line of pixels.
    pub(crate) fn image(&self) -> [usize; 3] {
        match (&self.shape[..], self.lane) {
            (&[n, _, h, w], 1) => [n, h, w],
            _ => [1, 1, self.pixels() as usize],
        }
    }

    /// Bytes from one index of an axis to the next.
    pub(crate) fn strides(&self) -> Vec<u64> {
        let mut strides = vec![1; self.shape.len()];
        let mut step = self.groups() * LANES as u64;
        for axis in (0..self.shape.len()).rev().filter(|&axis| axis != self.lane) {
            strides[axis] = step;
            step *= self.shape[axis] as u64;
        }
        strides
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_and_matrices() {
        let image = Form { shape: vec![1, 40, 3, 5], lane: 1 };
        assert_eq!((image.groups(), image.pixels(), image.rows(), image.image()), (2, 15, 30, [1, 3, 5]));
        assert_eq!(image.strides(), [15 * 64, 1, 5 * 64, 64]);
        let matrix = Form { shape: vec![2, 7, 33], lane: 2 };
        assert_eq!((matrix.rows(), matrix.image(), matrix.strides()), (28, [1, 1, 14], vec![7 * 64, 64, 1]));
        let scalar = Form { shape: vec![], lane: 0 };
        assert_eq!((scalar.rows(), scalar.image(), scalar.strides()), (1, [1, 1, 1], vec![]));
    }
}
