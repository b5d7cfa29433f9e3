//! The sum of two tensors of different scales, with one rounding.

use isa::{Addq, Instr, LANES, Leaf, Operand, ZERO};

use super::data::Quant;
use super::lanes::Lanes;

/// Bits of the larger multiplier.
const BITS: i32 = 30;

/// The parameter row of `ADDQ` for `to(a + b)`, clamped to `lo..=hi`: the larger factor has 30 bits. `None` if a factor
/// (scale over the result's) is not positive, or 2³⁰ and more, or the larger is below 2^−33.
#[must_use]
pub fn parameters(a: Quant, b: Quant, to: Quant, (lo, hi): (i8, i8)) -> Option<Leaf> {
    let factors = [a.scale / to.scale, b.scale / to.scale];
    let largest = factors[0].max(factors[1]);
    let shift = BITS - (largest.log2().floor() as i32 + 1);
    if !factors.iter().all(|f| f.is_finite() && *f > 0.0) || !(0..=63).contains(&shift) {
        return None;
    }
    let mut row = ZERO;
    for (bytes, factor) in row.as_chunks_mut::<4>().0.iter_mut().zip(factors) {
        *bytes = ((factor * 2f64.powi(shift)).round_ties_even() as i32).to_be_bytes();
    }
    let bytes = [a.zero, b.zero, shift as i8, to.zero, lo, hi];
    row[8..14].copy_from_slice(&bytes.map(i8::cast_unsigned));
    debug_assert_eq!(row.len(), LANES);
    Some(row)
}

/// `d = a + b` by the parameter row `p` in spad; d may be a or b.
#[must_use]
pub fn add(lanes: Lanes, d: Operand, a: Operand, b: Operand, p: u32) -> Instr {
    Addq { lp: lanes.lp, d, a, b, n: lanes.n, p_base: p, p_reg: 0 }.into()
}
