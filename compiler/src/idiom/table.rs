//! Functions of one byte as tables: GELU, SiLU, sigmoid, tanh and whatever else is a function of a quantised number.

use isa::{Instr, LANES, Leaf, Lut, Lut32, Operand, PARAM_ROWS, TILE_ROWS};

use super::data::Quant;
use super::lanes::Lanes;

/// A function of a quantised number as a table of bytes, each the nearest: half a step of error, and clamping.
#[must_use]
pub fn bytes(f: impl Fn(f64) -> f64, from: Quant, to: Quant) -> [Leaf; PARAM_ROWS] {
    let entry = |e: usize| to.nearest(f(from.real(input(e)))).cast_unsigned();
    std::array::from_fn(|row| std::array::from_fn(|byte| entry(row * LANES + byte)))
}

/// A function of a quantised number as a table of int32 in steps of `unit`, each the nearest, clamped.
#[must_use]
pub fn words(f: impl Fn(f64) -> f64, from: Quant, unit: f64) -> [Leaf; TILE_ROWS] {
    let entry = |e: usize| (f(from.real(input(e))) / unit).round_ties_even() as i32;
    std::array::from_fn(|row| std::array::from_fn(|byte| entry(row * LANES / 4 + byte / 4).to_be_bytes()[byte % 4]))
}

/// The input of entry `e`.
fn input(e: usize) -> i8 {
    (e as u8 ^ 0x80).cast_signed()
}

/// `d = table[a]`, rows of bytes.
#[must_use]
pub fn look_up(lanes: Lanes, d: Operand, a: Operand, table: u32) -> Instr {
    Lut { lp: lanes.lp, d, a, b: Operand::new(table, 0, 0), n: lanes.n }.into()
}

/// `d = table[a]`, bytes to row32s.
#[must_use]
pub fn look_up_words(lanes: Lanes, d: Operand, a: Operand, table: u32) -> Instr {
    Lut32 { lp: lanes.lp, d, a, b: Operand::new(table, 0, 0), n: lanes.n }.into()
}

/// 1 / (1 + e^−x).
#[must_use]
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// x · sigmoid(x).
#[must_use]
pub fn silu(x: f64) -> f64 {
    x * sigmoid(x)
}

/// x · Φ(x) = x/2 · (1 + erf(x/√2)).
#[must_use]
pub fn gelu(x: f64) -> f64 {
    0.5 * x * erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// 1 − erf(x), to about 1e-14: the Taylor series near 0, a continued fraction beyond (Abramowitz and Stegun 7.1.5, 7.1.14).
#[must_use]
pub fn erfc(x: f64) -> f64 {
    let scale = 2.0 / std::f64::consts::PI.sqrt();
    if x.abs() < 2.0 {
        let (mut term, mut sum) = (x, x);
        for n in 1..60 {
            let n = f64::from(n);
            term *= -x * x / n;
            sum += term / (2.0 * n + 1.0);
        }
        return 1.0 - scale * sum;
    }
    let z = x.abs();
    let fraction = (1..60).rev().fold(z, |rest, n| z + f64::from(n) / 2.0 / rest);
    let tail = (-z * z).exp() / fraction * scale / 2.0;
    if x > 0.0 { tail } else { 2.0 - tail }
}
