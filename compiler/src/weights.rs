//! Dequantised constants: integers with per-tensor or per-channel scales.

use ndarray::ArrayD;

use crate::graph::Constant;

/// A constant behind a `DequantizeLinear`.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    integers: ArrayD<i64>,
    /// One, or one for each index of `axis`.
    scales: Vec<f32>,
    axis: usize,
}

/// Reads the constant, scale and zero point of a `DequantizeLinear`; u8 becomes i8 by −128.
///
/// # Errors
/// Scales that are not positive and finite or whose number does not fit, zero points other than 0 (128 for u8).
pub(crate) fn weights(
    constant: &Constant,
    scale: Option<&Constant>,
    zero_point: Option<Option<&Constant>>,
    axis: i64,
) -> Result<Weights, String> {
    let Some(Constant::F32(scales)) = scale else { return Err("its scale is not a constant float32".into()) };
    let offset = if matches!(constant, Constant::U8(_)) { 128 } else { 0 };
    let integers = match constant {
        Constant::I8(_) | Constant::U8(_) | Constant::I32(_) => constant.integers(),
        _ => None,
    };
    let integers =
        integers.ok_or_else(|| format!("it dequantises {}, not int8, uint8 or int32", constant.dtype().name()))?;
    if let Some(&bad) = scales.iter().find(|s| !(s.is_normal() && **s > 0.0)) {
        return Err(format!("its scale is {bad}; it must be positive and finite"));
    }
    match zero_point {
        None if offset == 0 => {}
        None => return Err("uint8 weights must have zero point 128".into()),
        Some(zero_point) => {
            let values = zero_point.and_then(Constant::integers).ok_or("its zero point is not a constant integer")?;
            if let Some(bad) = values.iter().find(|&&z| z != offset) {
                return Err(format!("the weights' zero point is {bad}; it must be {offset}"));
            }
        }
    }
    let rank = integers.ndim() as i64;
    let axis = if axis < 0 { axis.saturating_add(rank) } else { axis };
    if scales.len() != 1 {
        let fits = (0..rank).contains(&axis) && integers.shape()[axis as usize] == scales.len();
        if !fits {
            let shape = integers.shape();
            return Err(format!("{} scales do not fit axis {axis} of {shape:?}", scales.len()));
        }
    }
    let axis = usize::try_from(axis).unwrap_or(0);
    Ok(Weights { integers: integers - offset, scales: scales.iter().copied().collect(), axis })
}

impl Weights {
    /// The integers, which must be 8-bit.
    pub(crate) fn int8(&self) -> Result<ArrayD<i8>, String> {
        if let Some(bad) = self.integers.iter().find(|v| i8::try_from(**v).is_err()) {
            return Err(format!("a weight is {bad}; weights must be int8"));
        }
        Ok(self.integers.mapv(|v| v as i8))
    }

    /// Scale of each of `count` channels, which lie along `axis`.
    pub(crate) fn channel_scales(&self, axis: usize, count: usize) -> Result<Vec<f32>, String> {
        match self.scales[..] {
            [scale] => Ok(vec![scale; count]),
            _ if self.axis == axis => Ok(self.scales.clone()),
            _ => Err(format!(
                "its weights have scales along axis {}, not along the output channels (axis {axis})",
                self.axis
            )),
        }
    }

    /// As a bias: (integer, scale) of each element; per-channel scales must have one element each.
    pub(crate) fn bias(&self) -> Result<Vec<(f64, f64)>, String> {
        let scale = |i: usize| f64::from(self.scales[if self.scales.len() == 1 { 0 } else { i }]);
        if self.scales.len() != 1 && self.scales.len() != self.integers.len() {
            return Err("its bias has neither one scale nor one for each element".into());
        }
        Ok(self.integers.iter().enumerate().map(|(i, &v)| (v as f64, scale(i))).collect())
    }
}
