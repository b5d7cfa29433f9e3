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

/// What the weights of one output channel can sum to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Σ w.
    pub(crate) weights: i64,
    /// Least Σ w·a for any i8 inputs a.
    pub(crate) least: i64,
    /// Greatest Σ w·a.
    pub(crate) greatest: i64,
}

impl Reach {
    /// Of these weights; a tensor has at most 2³¹, so nothing overflows.
    pub(crate) fn of<'w>(weights: impl Iterator<Item = &'w i8>) -> Reach {
        weights.fold(Reach::default(), |reach, &w| {
            let (a, b) = (i64::from(w) * -128, i64::from(w) * 127);
            Reach {
                weights: reach.weights + i64::from(w),
                least: reach.least + a.min(b),
                greatest: reach.greatest + a.max(b),
            }
        })
    }
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
        let expected = Reach { weights: 1, least: -128 - 127 - 128, greatest: 127 + 128 + 127 };
        assert_eq!(Reach::of([1, -1, 1].iter()), expected);
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
