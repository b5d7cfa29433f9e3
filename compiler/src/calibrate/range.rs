//! From what was seen to a scale and zero point.

use super::{Kind, Method};
use crate::graph::DType;
use crate::int_ir::Quantization;
use crate::quantize::asymmetric;

/// Bins of a histogram.
const BINS: usize = 2048;

/// Numbers of values between the least and the greatest, 0 included.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    lo: f32,
    hi: f32,
    counts: Vec<u64>,
}

impl Histogram {
    pub(super) fn new((lo, hi): (f32, f32)) -> Histogram {
        Histogram { lo: lo.min(0.0), hi: hi.max(0.0), counts: vec![0; BINS] }
    }

    fn width(&self) -> f64 {
        ((f64::from(self.hi) - f64::from(self.lo)) / BINS as f64).max(f64::MIN_POSITIVE)
    }

    pub(super) fn add(&mut self, value: f32) {
        let bin = ((f64::from(value) - f64::from(self.lo)) / self.width()) as usize;
        self.counts[bin.min(BINS - 1)] += 1;
    }

    pub(super) fn joined(mut self, other: Histogram) -> Histogram {
        self.counts.iter_mut().zip(other.counts).for_each(|(a, b)| *a += b);
        self
    }

    fn centre(&self, bin: usize) -> f64 {
        f64::from(self.lo) + (bin as f64 + 0.5) * self.width()
    }

    /// The range that a method chooses.
    pub(super) fn range(&self, method: Method) -> (f32, f32) {
        match method {
            Method::MinMax => (self.lo, self.hi),
            Method::Percentile(percent) => self.percentile(percent),
            Method::MeanSquare => self.least_error(),
        }
    }

    /// Without `percent` of the values at each end.
    fn percentile(&self, percent: f64) -> (f32, f32) {
        let total: u64 = self.counts.iter().sum();
        let most = total as f64 * (percent / 100.0).clamp(0.0, 1.0) / 2.0;
        let skipped = |bins: &mut dyn Iterator<Item = usize>| {
            let (mut sum, mut last) = (0.0, 0);
            for bin in bins {
                last = bin;
                sum += self.counts[bin] as f64;
                if sum > most {
                    break;
                }
            }
            last as f64
        };
        let (first, last) = (skipped(&mut (0..BINS)), skipped(&mut (0..BINS).rev()));
        let lo = f64::from(self.lo) + first * self.width();
        let hi = f64::from(self.lo) + (last + 1.0) * self.width();
        ((lo as f32).min(0.0), (hi as f32).max(0.0))
    }

    /// The range, shrunk at each end, whose quantisation errs least.
    fn least_error(&self) -> (f32, f32) {
        const STEPS: usize = 40;
        let shrink = |end: f32, step: usize| end * (1.0 - step as f32 / STEPS as f32 * 0.8);
        let mut best = (f64::INFINITY, (self.lo, self.hi));
        for low in 0..if self.lo < 0.0 { STEPS } else { 1 } {
            for high in 0..if self.hi > 0.0 { STEPS } else { 1 } {
                let range = (shrink(self.lo, low), shrink(self.hi, high));
                let error = self.error(range, best.0);
                if error < best.0 {
                    best = (error, range);
                }
            }
        }
        best.1
    }

    /// The sum of squared errors, or more than `enough`.
    fn error(&self, range: (f32, f32), enough: f64) -> f64 {
        let (lo, hi) = (f64::from(range.0), f64::from(range.1));
        let step = (hi - lo) / 255.0;
        let mut sum = 0.0;
        for (bin, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let value = self.centre(bin);
            let clipped = value.clamp(lo, hi) - value;
            sum += count as f64 * (clipped * clipped + step * step / 12.0);
            if sum > enough {
                break;
            }
        }
        sum
    }
}

/// The quantisation of a range.
pub(super) fn quantization((lo, hi): (f32, f32), kind: Kind) -> Quantization {
    match kind {
        Kind::Any => asymmetric((lo, hi)),
        Kind::Positive => asymmetric((0.0, hi)),
        Kind::Symmetric => {
            let scale = lo.abs().max(hi.abs()) / 127.0;
            let scale = if scale.is_normal() { scale } else { 1.0 };
            Quantization { scale, zero_point: 0, dtype: DType::I8 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: &[f32]) -> Histogram {
        let range = values.iter().fold((0f32, 0f32), |(lo, hi), &v| (lo.min(v), hi.max(v)));
        let mut h = Histogram::new(range);
        values.iter().for_each(|&v| h.add(v));
        h
    }

    #[test]
    fn outliers_are_left_out() {
        let mut values: Vec<f32> = (0..10_000).map(|i| (i as f32 / 5000.0) - 1.0).collect();
        values.push(30.0);
        let h = histogram(&values);
        assert_eq!(h.range(Method::MinMax), (-1.0, 30.0));
        let (lo, hi) = h.range(Method::Percentile(0.1));
        assert!((-1.0..=-0.9).contains(&lo) && (0.9..1.2).contains(&hi), "{lo} {hi}");
        let (_, hi) = h.range(Method::MeanSquare);
        assert!(hi < 30.0, "{hi}");
    }

    #[test]
    fn zero_is_exact() {
        for range in [(0.1, 6.0), (-3.0, -1.0), (-0.7, 1.9), (0.0, 0.0)] {
            let q = quantization(range, Kind::Any);
            assert_eq!(q.dequantize(q.quantize(0.0)), 0.0);
            assert!(q.scale > 0.0);
        }
    }
}
