//! Constants in the layouts that instructions read: parameter blocks, tables, tiles.

use isa::{LANES, Leaf, PARAM_ROWS, Row32, TILE_ROWS, ZERO, param_word, row32_leaves};

/// How integers stand for reals: `real = (q − zero) · scale`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quant {
    /// Real value of one step.
    pub scale: f64,
    /// The integer that means 0.
    pub zero: i8,
}

impl Quant {
    /// A quantisation without zero point.
    #[must_use]
    pub fn symmetric(scale: f64) -> Quant {
        Quant { scale, zero: 0 }
    }

    /// What an integer means.
    #[must_use]
    pub fn real(self, q: i8) -> f64 {
        f64::from(i16::from(q) - i16::from(self.zero)) * self.scale
    }

    /// The nearest integer, ties to even, clamped to int8; NaN becomes the zero point.
    #[must_use]
    pub fn nearest(self, real: f64) -> i8 {
        if real.is_nan() {
            return self.zero;
        }
        ((real / self.scale).round_ties_even() + f64::from(self.zero)).clamp(-128.0, 127.0) as i8
    }
}

/// A factor `0 ≤ factor < 2²⁴` as multiplier and shift of `REQUANT`, to 24 bits; what has none becomes 0.
#[must_use]
pub fn multiplier(factor: f64) -> (u32, u32) {
    crate::requant::multiplier(factor).map_or((0, 0), |(multiplier, shift)| (multiplier, shift.into()))
}

/// A parameter block of `REQUANT`, lane by lane: bias, multiplier, shift.
#[must_use]
pub fn param_block(lane: impl Fn(usize) -> (i32, u32, u32)) -> [Leaf; PARAM_ROWS] {
    let bias: Row32 = std::array::from_fn(|j| lane(j).0);
    let scale: Row32 = std::array::from_fn(|j| param_word(lane(j).1, lane(j).2));
    let mut rows = [ZERO; PARAM_ROWS];
    rows[..4].copy_from_slice(&row32_leaves(&bias));
    rows[4..].copy_from_slice(&row32_leaves(&scale));
    rows
}

/// A tile of which every weight is `value`.
#[must_use]
pub fn uniform_tile(value: i8) -> [Leaf; TILE_ROWS] {
    [[value.cast_unsigned(); LANES]; TILE_ROWS]
}

/// A row of bytes; the rest is 0.
#[must_use]
pub fn row(values: &[i8]) -> Leaf {
    std::array::from_fn(|i| values.get(i).map_or(0, |v| v.cast_unsigned()))
}

/// A row32 of integers as four rows; the rest is 0.
#[must_use]
pub fn row32(values: &[i32]) -> [Leaf; 4] {
    row32_leaves(&std::array::from_fn(|i| values.get(i).copied().unwrap_or(0)))
}
