//! Softmax and norms of rows: the idioms' sequences, number by number.

use ndarray::{ArrayD, Axis};

use super::machine::{scaled, vclz, vmulr, vshr};
use crate::idiom::data::{Quant, multiplier};
use crate::idiom::norm::{self, Norm};
use crate::idiom::reciprocal::{LINE, ROOT_LINE, Rounds};
use crate::idiom::softmax::{FRACTION, Softmax, Tail};

/// Clamps to i8 after the zero point.
fn byte(value: i64, zero: i8) -> i32 {
    (value + i64::from(zero)).clamp(-128, 127) as i32
}

/// 1/x = y / 2^(61 + g).
fn reciprocal(x: i32, rounds: Rounds) -> (i32, i32) {
    let g = -vclz(x);
    let m = vshr(x, g, 1);
    let mut y = LINE.0 - vmulr(m, LINE.1.cast_signed(), 20);
    for _ in 0..rounds.count() {
        y = vmulr(y, (1 << 30) - vmulr(m, y, 31), 29);
    }
    (y, g)
}

/// 1/√x = y / 2^(45 + g).
fn inverse_root(x: i32, rounds: Rounds) -> (i32, i32) {
    let g = vmulr(vclz(x), -32_767, 16);
    let m = vshr(x, g + g, 1);
    let mut y = ROOT_LINE.0 - vmulr(m, ROOT_LINE.1.cast_signed(), 20);
    for _ in 0..rounds.count() {
        let t = vmulr(vmulr(y, m, 31), y, 29);
        y = vmulr(y, (3 << 29) - t, 30);
    }
    (y, g)
}

/// [`Softmax::emit_bytes`] along the last axis.
pub(super) fn softmax(x: &ArrayD<i32>, scale: f64, to: Quant) -> ArrayD<i32> {
    let columns = x.shape().last().copied().unwrap_or(1);
    let idiom = Softmax { scale, rows: 1, segments: columns.div_ceil(isa::LANES) as u16, tail: Tail::Lanes(32), to };
    let bits = idiom.bits();
    // Entry d is for a score d steps below the largest.
    let unit = 2f64.powi(-i32::from(bits));
    let exponentials: Vec<i32> =
        (0..256).map(|d| ((-f64::from(d) * scale).exp() / unit).round_ties_even() as i32).collect();
    let (m, s) = multiplier(2f64.powi(-i32::from(FRACTION)) / to.scale);
    let mut out = x.clone();
    for mut row in out.lanes_mut(Axis(x.ndim() - 1)) {
        let largest = row.iter().copied().fold(-128, i32::max);
        row.mapv_inplace(|x| exponentials[(largest - x) as usize]);
        let (y, g) = reciprocal(row.sum(), Rounds::Two);
        let y = vshr(y, g, 31 - bits);
        row.mapv_inplace(|e| byte(scaled(vmulr(e, y, 30 + bits - FRACTION), m, s as u8), to.zero));
    }
    out
}

/// [`Norm::emit`] along the last axis.
pub(super) fn norm(x: &ArrayD<i32>, norm: &Norm) -> ArrayD<i32> {
    let gammas = norm.gamma_integers();
    let mut out = x.clone();
    for mut row in out.lanes_mut(Axis(x.ndim() - 1)) {
        let sum = row.sum();
        let squares = row.iter().fold(0i32, |s, &x| s.wrapping_add(x * x));
        let (root, mean) = root_and_mean(norm, sum, squares);
        for (feature, x) in row.iter_mut().enumerate() {
            let centred = vmulr(root, *x, norm::GUARD).wrapping_sub(mean);
            let value = vmulr(centred, gammas[feature], norm.gamma_shift()).wrapping_add(norm.bias(feature));
            *x = byte(scaled(value, 1, norm::FRACTION), norm.to.zero);
        }
    }
    out
}

/// 1/√variance with [`norm::ROOT_BITS`], and the mean times it as far as a product with bytes is shifted.
fn root_and_mean(norm: &Norm, sum: i32, squares: i32) -> (i32, i32) {
    let (n, drop) = (norm.gamma.len() as i32, norm.drop_bits());
    let (variance, small) = if norm.centred {
        let exact = squares.wrapping_mul(n).wrapping_sub(sum.wrapping_mul(sum));
        if drop > 0 {
            let exact = exact.wrapping_add(norm.epsilon_integer(0)).max(1 << drop);
            let shift = drop as u8;
            let rounded = vmulr(squares, n, shift).wrapping_sub(vmulr(sum, sum, shift));
            let rounded = rounded.wrapping_add(norm.epsilon_integer(-drop));
            let small = (1i32 << (30 - drop)).wrapping_sub(rounded) > 0;
            (if small { exact } else { rounded }, small)
        } else {
            (exact.wrapping_mul(1 << -drop).wrapping_add(norm.epsilon_integer(-drop)).max(1), false)
        }
    } else {
        (squares.wrapping_mul(1 << -drop).wrapping_add(norm.epsilon_integer(-drop)).max(1), false)
    };
    let (root, g) = inverse_root(variance, Rounds::Three);
    let root = vshr(root, if small { g - drop / 2 } else { g }, 45 - norm::ROOT_BITS);
    if !norm.centred {
        return (root, 0);
    }
    let bits = 30 + norm.gamma.len().ilog2() as u8;
    let reciprocal = (2f64.powi(bits.into()) / f64::from(n)).round_ties_even() as i32;
    let mean = vmulr(sum, reciprocal, bits - norm::MEAN_BITS);
    (root, vmulr(mean, root, norm::MEAN_BITS + norm::GUARD))
}
