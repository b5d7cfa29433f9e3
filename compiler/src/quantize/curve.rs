//! Functions of dequantised tensors, before they are quantised again.

use crate::int_ir::Quantization;

/// What is applied to the reals of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Curve {
    /// Nothing.
    Identity,
    /// Bounds.
    Bounds(f32, f32),
    /// Anything: the result for each i8, from −128 on.
    Table(Box<[f32; 256]>),
}

/// The i8 of an entry.
fn byte(entry: usize) -> i8 {
    (entry as u8 ^ 0x80).cast_signed()
}

impl Curve {
    /// With bounds after it.
    pub(super) fn bounded(self, lo: f32, hi: f32) -> Curve {
        let clamp = |v: f32| v.max(lo).min(hi);
        match self {
            Curve::Identity => Curve::Bounds(lo.min(hi), hi),
            Curve::Bounds(a, b) => Curve::Bounds(clamp(a), clamp(b)),
            Curve::Table(mut table) => {
                table.iter_mut().for_each(|v| *v = clamp(*v));
                Curve::Table(table)
            }
        }
    }

    /// The results for all i8 of a tensor.
    pub(super) fn table(&self, q: &Quantization) -> Box<[f32; 256]> {
        Box::new(std::array::from_fn(|entry| match self {
            Curve::Identity => q.dequantize(byte(entry)),
            Curve::Bounds(lo, hi) => q.dequantize(byte(entry)).max(*lo).min(*hi),
            Curve::Table(table) => table[entry],
        }))
    }

    /// With a function after it.
    pub(super) fn then(&self, q: &Quantization, f: impl Fn(f32) -> f32) -> Curve {
        let mut table = self.table(q);
        table.iter_mut().for_each(|v| *v = f(*v));
        Curve::Table(table)
    }

    /// The table of integers when it is quantised.
    pub(super) fn quantized(&self, from: &Quantization, to: &Quantization) -> Box<[i8; 256]> {
        let reals = self.table(from);
        Box::new(std::array::from_fn(|entry| match reals[entry] {
            v if v.is_nan() => to.zero_point_i8(),
            v => to.quantize(v),
        }))
    }

    /// Least and greatest finite result.
    pub(super) fn range(&self, q: &Quantization) -> (f32, f32) {
        let finite = self.table(q).into_iter().filter(|v| v.is_finite());
        finite.fold((0.0, 0.0), |(lo, hi), v| (v.min(lo), v.max(hi)))
    }
}
