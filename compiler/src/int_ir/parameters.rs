//! The parameters of integer operations.

use crate::graph::DType;

/// How the integers of a tensor stand for reals: real = scale · (q − zero_point), in the model's own type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantization {
    /// Positive, finite.
    pub scale: f32,
    /// In the model's type.
    pub zero_point: i32,
    /// `I8` or `U8`.
    pub dtype: DType,
}

impl Quantization {
    /// What is subtracted from the model's integers to get i8.
    #[must_use]
    pub fn offset(&self) -> i32 {
        if self.dtype == DType::U8 { 128 } else { 0 }
    }

    /// The zero point as i8.
    #[must_use]
    pub fn zero_point_i8(&self) -> i8 {
        (self.zero_point - self.offset()).clamp(-128, 127) as i8
    }

    /// The i8 of a real: rounded half to even, saturated.
    #[must_use]
    pub fn quantize(&self, real: f32) -> i8 {
        let q = (real / self.scale).round_ties_even() as f64 + f64::from(self.zero_point_i8());
        q.clamp(-128.0, 127.0) as i8
    }

    /// The real of an i8.
    #[must_use]
    pub fn dequantize(&self, q: i8) -> f32 {
        (i32::from(q) - i32::from(self.zero_point_i8())) as f32 * self.scale
    }
}

/// A sliding window with explicit padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntWindow {
    /// Height, width.
    pub kernel: [usize; 2],
    /// Steps down and right.
    pub strides: [usize; 2],
    /// Top, left, bottom, right.
    pub pads: [usize; 4],
    /// Distances between taps.
    pub dilations: [usize; 2],
}

impl IntWindow {
    /// Height and width of what the window makes of an input of this size.
    #[must_use]
    pub fn output(&self, input: [usize; 2]) -> [usize; 2] {
        std::array::from_fn(|axis| {
            let padded = input[axis] + self.pads[axis] + self.pads[axis + 2];
            (padded - (self.kernel[axis] - 1) * self.dilations[axis] - 1) / self.strides[axis] + 1
        })
    }
}

/// A positive factor m·2⁻ˢ: m < 2²⁴, s ≤ 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// 24 bits.
    pub multiplier: u32,
    /// 0..=63.
    pub shift: u8,
}

/// i32 sums to i8: `clamp(rne(((acc + bias) mod 2³²) · multiplier, shift) + zero_point, lo, hi)`, the instruction
/// `REQUANT`. rne rounds to nearest, ties to even, in 64 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requant {
    /// One a channel, or one for all.
    pub bias: Vec<i32>,
    /// 24 bits; as many as biases.
    pub multiplier: Vec<u32>,
    /// 0..=63; as many as biases.
    pub shift: Vec<u8>,
    /// Of the result.
    pub zero_point: i8,
    /// Least result.
    pub lo: i8,
    /// Greatest result.
    pub hi: i8,
}

impl Requant {
    /// Number of channels; 1 where all have the same parameters.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.bias.len()
    }
}

/// The sum of two i8: `clamp(rne((a − za)·ma + (b − zb)·mb, shift) + zero_point, lo, hi)`, the instruction `ADDQ`: nothing
/// overflows its 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addition {
    /// za, zb.
    pub zeros: [i8; 2],
    /// ma, mb: signed, |m| ≤ 2³⁰; negative for a difference.
    pub multipliers: [i32; 2],
    /// 0..=63.
    pub shift: u8,
    /// Of the result.
    pub zero_point: i8,
    /// Least result.
    pub lo: i8,
    /// Greatest result.
    pub hi: i8,
}

/// A piecewise linear function with a slope a channel for negative numbers. With d = x − zero, x's zero point:
/// `clamp(r + zero_point, lo, hi)`, where r = rne(d·m, s) by `positive` if d ≥ 0, and otherwise
/// r = ∓rne(|d|·m, s) by the channel's `negative`: minus for a positive slope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PRelu {
    /// Zero point of the input.
    pub zero: i8,
    /// For d ≥ 0.
    pub positive: Scale,
    /// Along which `negative` lies.
    pub axis: usize,
    /// One a channel or one for all: the factor, and whether the slope is negative.
    pub negative: Vec<(Scale, bool)>,
    /// Of the result.
    pub zero_point: i8,
    /// Least result.
    pub lo: i8,
    /// Greatest result.
    pub hi: i8,
}

/// Averages over windows, NCHW: with S = Σ taps (padding reads `pad_value`, the input's zero point) and
/// n = `rows[y] · columns[x]`, the number of pixels that count at output (y, x):
/// `clamp(rne((S + bias) · m, s) + zero_point, lo, hi)` by the `scales` entry of n.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AveragePool {
    /// The window.
    pub window: IntWindow,
    /// What padding reads: the input's zero point.
    pub pad_value: i8,
    /// −(kernel height · width) · input's zero point.
    pub bias: i32,
    /// Lines of the window that count, for each line of the output.
    pub rows: Vec<usize>,
    /// Columns of the window that count, for each column of the output.
    pub columns: Vec<usize>,
    /// Counts and their factors; one entry where all windows are whole.
    pub scales: Vec<(usize, Scale)>,
    /// Of the result.
    pub zero_point: i8,
    /// Least result.
    pub lo: i8,
    /// Greatest result.
    pub hi: i8,
}

/// Linear interpolation along one axis: output element i is `Σ_j weights[j] · input[indices[j]]` by `taps[i]`; the
/// weights of a tap pair are not negative and sum to 2⁶.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinearAxis {
    /// The axis.
    pub axis: usize,
    /// For each index of the output: two indices of the input with their weights.
    pub taps: Vec<[(usize, i32); 2]>,
}

impl LinearAxis {
    /// Fraction bits of the weights.
    pub const FRACTION: u32 = 6;
}
