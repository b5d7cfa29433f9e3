//! Dequantised constants: integers with per-tensor or per-channel scales.

use ndarray::ArrayD;

use crate::graph::Constant;

/// A constant behind a `DequantizeLinear`; nothing is copied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weights<'a> {
    integers: &'a Constant,
    /// One, or one for each index of `axis`.
    scales: &'a ArrayD<f32>,
    axis: usize,
}

/// Reads the constant, scale and zero point of a `DequantizeLinear`.
///
/// # Errors
/// Scales that are not positive and finite or whose number does not fit, zero points other than 0 (128 for u8).
pub(crate) fn weights<'a>(
    integers: &'a Constant,
    scale: Option<&'a Constant>,
    zero_point: Option<Option<&Constant>>,
    axis: i64,
) -> Result<Weights<'a>, String> {
    let Some(Constant::F32(scales)) = scale else { return Err("its scale is not a constant float32".into()) };
    let offset = match integers {
        Constant::U8(_) => 128,
        Constant::I8(_) | Constant::I32(_) => 0,
        other => return Err(format!("it dequantises {}, not int8, uint8 or int32", other.dtype().name())),
    };
    if let Some(&bad) = scales.iter().find(|s| !(s.is_normal() && **s > 0.0)) {
        return Err(format!("its scale is {bad}; it must be positive and finite"));
    }
    match zero_point {
        None if offset == 0 => {}
        None => return Err("uint8 weights must have zero point 128".into()),
        Some(zero_point) => {
            let zero_point = zero_point.filter(|z| z.shape().iter().product::<usize>() == scales.len());
            let values = zero_point
                .and_then(Constant::integers)
                .ok_or("its zero point is not a constant integer for each scale")?;
            if let Some(bad) = values.iter().find(|&&z| z != offset) {
                return Err(format!("the weights' zero point is {bad}; it must be {offset}"));
            }
        }
    }
    let shape = integers.shape();
    let rank = shape.len() as i64;
    let axis = if axis < 0 { axis.saturating_add(rank) } else { axis };
    if scales.len() != 1 && !((0..rank).contains(&axis) && shape[axis as usize] == scales.len()) {
        return Err(format!("{} scales do not fit axis {axis} of {shape:?}", scales.len()));
    }
    Ok(Weights { integers, scales, axis: usize::try_from(axis).unwrap_or(0) })
}

impl Weights<'_> {
    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        self.integers.shape().iter().product()
    }

    /// The integers, which must be 8-bit; u8 becomes i8 by −128.
    pub(crate) fn int8(&self) -> Result<ArrayD<i8>, String> {
        match self.integers {
            Constant::I8(a) => Ok(a.clone()),
            Constant::U8(a) => Ok(a.mapv(|v| (v ^ 0x80).cast_signed())),
            other => Err(format!("its weights are {}; they must be int8 or uint8", other.dtype().name())),
        }
    }

    /// The first scale.
    fn scale(&self) -> f32 {
        self.scales.first().copied().unwrap_or(f32::NAN)
    }

    /// Scale of each of `count` channels, which lie along `axis`.
    pub(crate) fn channel_scales(&self, axis: usize, count: usize) -> Result<Vec<f32>, String> {
        match self.scales.len() {
            1 => Ok(vec![self.scale(); count]),
            _ if self.axis == axis => Ok(self.scales.iter().copied().collect()),
            _ => Err(format!(
                "its weights have scales along axis {}, not along the output channels (axis {axis})",
                self.axis
            )),
        }
    }

    /// As a bias: (integer, scale) of each element; per-channel scales must have one element each.
    pub(crate) fn bias(&self) -> Result<Vec<(f64, f64)>, String> {
        if self.scales.len() != 1 && self.scales.len() != self.len() {
            return Err("its bias has neither one scale nor one for each element".into());
        }
        let offset = if matches!(self.integers, Constant::U8(_)) { 128 } else { 0 };
        let integers = self.integers.integers().ok_or("its bias is not an integer constant")?;
        let one = self.scale();
        let scales = self.scales.iter().copied().chain(std::iter::repeat(one));
        Ok(integers.iter().zip(scales).map(|(&v, s)| ((v - offset) as f64, f64::from(s))).collect())
    }
}
