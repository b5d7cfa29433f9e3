//! Sliding windows as nodes describe them.

/// Padding of a sliding window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Top, left, bottom, right.
    Explicit([usize; 4]),
    /// Output size = input size / stride, the odd pixel at the end.
    SameUpper,
    /// The same with the odd pixel at the beginning.
    SameLower,
}

/// A sliding window over height and width; one over a line has height 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Height, width; a convolution may leave it to the shape of its weights.
    pub kernel: Option<[usize; 2]>,
    /// Steps down and right.
    pub strides: [usize; 2],
    /// Padding.
    pub padding: Padding,
    /// Distances between taps.
    pub dilations: [usize; 2],
    /// A last window that begins inside may end beyond the padding.
    pub ceil: bool,
}
