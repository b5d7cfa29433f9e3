//! Real scale factors to the machine's 24-bit multiplier and shift, and the exclusion of overflow.

/// `(m, s)` with m < 2²⁴, s ≤ 63 and m·2⁻ˢ nearest to `real`; `None` if `real` is not positive, not finite, or too
/// large (2²⁴ and more).
#[must_use]
pub(crate) fn multiplier(real: f64) -> Option<(u32, u8)> {
    if !(real.is_finite() && real > 0.0) {
        return None;
    }
    // real = f · 2^e with f in [1/2, 1): 24 bits of f, unless that needs a shift beyond 63.
    let mut e = real.log2().floor() as i32 + 1;
    loop {
        let shift = (24 - e).min(63);
        if shift < 0 {
            return None;
        }
        let m = (real * 2f64.powi(shift)).round_ties_even();
        if m < 16_777_216.0 {
            return Some((m as u32, shift as u8));
        }
        e += 1;
    }
}

/// Least and greatest value of Σ w·a + bias for any i8 inputs a, exactly.
pub(crate) fn sum_range(weights: impl Iterator<Item = i8>, bias: i128) -> (i128, i128) {
    weights.fold((bias, bias), |(lo, hi), w| {
        let (a, b) = (i128::from(w) * -128, i128::from(w) * 127);
        (lo + a.min(b), hi + a.max(b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn edges() {
        assert_eq!(multiplier(1.0), Some((1 << 23, 23)));
        assert_eq!(multiplier(0.5), Some((1 << 23, 24)));
        assert_eq!(multiplier(16_777_215.0), Some((16_777_215, 0)));
        assert_eq!(multiplier(16_777_216.0), None);
        assert_eq!(multiplier(1.0 - f64::EPSILON), Some((1 << 23, 23)), "rounding up carries into the exponent");
        assert_eq!(multiplier(2f64.powi(-70)), Some((0, 63)));
        assert_eq!(multiplier(f64::NAN), None);
        assert_eq!(multiplier(0.0), None);
        assert_eq!(multiplier(f64::INFINITY), None);
    }

    #[test]
    fn ranges() {
        assert_eq!(sum_range([1, -1].into_iter(), 5), (5 - 128 - 127, 5 + 127 + 128));
    }

    proptest! {
        #[test]
        fn twenty_four_bits(real in 1e-9f64..1e6) {
            let (m, s) = multiplier(real).unwrap();
            let back = f64::from(m) * 2f64.powi(-i32::from(s));
            prop_assert!(((back - real) / real).abs() <= 2f64.powi(-24));
        }
    }
}
