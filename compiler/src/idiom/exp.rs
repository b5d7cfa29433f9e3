//! e^x of fixed-point numbers that are not positive.
//!
//! e^(scale·x) = 2^−(i + f) with i whole and −½ ≤ f < ½: one product gives i, rounded, and the same product modulo 2³²
//! gives f with 32 fraction bits. 2^−f is a power of a short polynomial, and 2^−i a rounding shift by lanes.

use std::f64::consts::LOG2_E;

use isa::Operand;

use super::code::Code;
use super::lanes::{Lanes, Second};

/// 2^(−f/4) for −½ ≤ f < ½, interpolated in Chebyshev's nodes, times 2³⁰; its fourth power errs by 1.26e-6 of itself.
const QUARTER: [i32; 4] = [1_073_741_509, -186_065_269, 16_131_416, -931_554];
/// 2^(−f/2) likewise by a quadratic: times 2¹⁹, the last times 2²³; its square errs by 4.95e-4 of itself.
const HALF: [u32; 3] = [1 << 19, 182_387, 504_738];
/// Just above ½·2⁻²³, so that halves round up, as the wrapped product does.
const ROUND_UP: i32 = (1 << 30) + 1;

/// e^(scale·x) · 2^bits for x ≤ 0, to about 2^−19.6 of itself and half a unit: 11 instructions a row, 12 where the scale is small.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exp {
    /// Real value of one step of x: 2^−31 ≤ scale < 2⁷.
    pub scale: f64,
    /// Fraction bits of the result, at most 30.
    pub bits: u8,
}

impl Exp {
    /// Writes `d = exp(x)`. `f` and `u` are scratch of the same shape; x may be f.
    pub fn emit(self, code: &mut Code, lanes: Lanes, x: Operand, d: Operand, [f, u]: [Operand; 2]) {
        split(code, lanes, (self.scale, 26), x, [d, f]);
        let [c0, c1, c2, c3] = QUARTER.map(|c| code.value(c));
        code.push(lanes.vmulr(u, f, c3, 32));
        code.push(lanes.vadd(u, u, c2));
        for c in [c1, c0] {
            code.push(lanes.vmulr(u, u, Second::Row32(f), 32));
            code.push(lanes.vadd(u, u, c));
        }
        for _ in 0..2 {
            code.push(lanes.vmulr(u, u, Second::Row32(u), 30));
        }
        code.push(lanes.vshr(d, u, Second::Row32(d), 30 - self.bits));
    }

    /// As [`Exp::emit`], to 2^−10.9 of itself, in 8 instructions (9): enough for results of 8 bits, and exact for x = 0.
    pub fn emit_short(self, code: &mut Code, lanes: Lanes, x: Operand, d: Operand, [f, u]: [Operand; 2]) {
        split(code, lanes, (self.scale, 16), x, [d, f]);
        let [c0, c1, c2] = HALF.map(Second::immediate);
        code.push(lanes.vmulr(u, f, c2, 36));
        code.push(lanes.vsub(u, u, c1));
        code.push(lanes.vmulr(u, u, Second::Row32(f), 32));
        code.push(lanes.vadd(u, u, c0));
        code.push(lanes.vmulr(u, u, Second::Row32(u), 38 - self.bits));
        code.push(lanes.vshr(d, u, Second::Row32(d), 0));
    }
}

/// Splits y = −scale·log₂e·x into `i`, rounded with halves up, and `f = y − i` with 32 fraction bits.
/// The constant has at least `precision` bits, by an instruction more where the product alone would not give them.
fn split(code: &mut Code, lanes: Lanes, (scale, precision): (f64, i32), x: Operand, [i, f]: [Operand; 2]) {
    let factor = scale * LOG2_E;
    if factor * 2f64.powi(32 - precision) >= 1.0 {
        // y = x·c / 2^bits exactly, with c odd: no halves within 2^(bits − 1) of zero, beyond it all results are 0.
        let mut bits = 32;
        while factor * 2f64.powi(bits) >= 2f64.powi(31) - 1.0 {
            bits -= 1;
        }
        let c = -((factor * 2f64.powi(bits)) as i32 | 1);
        let (whole, fraction) = (code.value(c), code.value(c << (32 - bits)));
        code.push(lanes.vmulr(i, x, whole, bits as u8));
        code.push(lanes.vmul(f, x, fraction));
        return;
    }
    let mut shift = 0;
    while factor * 2f64.powi(24 + shift) < 2f64.powi(30) {
        shift += 1;
    }
    let c = code.value(-((factor * 2f64.powi(24 + shift)).round() as i32));
    code.push(lanes.vmulr(f, x, c, shift as u8));
    let round_up = code.value(ROUND_UP);
    code.push(lanes.vmulr(i, f, round_up, 54));
    let fraction = code.value(1 << 8);
    code.push(lanes.vmul(f, f, fraction));
}
