//! Dequantised constants: integers with per-tensor or per-channel scales.

use std::rc::Rc;

use ndarray::{ArrayD, Axis};

use crate::graph::Constant;
use crate::shapes::movement::{Move, Moves, axis as counted};

/// A constant behind a `DequantizeLinear`, its zero point taken off.
#[derive(Clone, Debug)]
pub(super) struct Weights {
    /// 8-bit integers less their zero points, −255..=255; or a bias of 32 bits.
    pub(super) values: Rc<ArrayD<i32>>,
    /// One, or one for each index of `axis`.
    pub(super) scales: Vec<f32>,
    pub(super) axis: usize,
    /// Whether they are 8-bit.
    bytes: bool,
}

/// Reads the constant, scale and zero point of a `DequantizeLinear`.
///
/// # Errors
/// Scales that are not positive and finite or whose number does not fit, zero points of biases.
pub(super) fn weights(
    integers: &Constant,
    scale: Option<&Constant>,
    zero_point: Option<Option<&Constant>>,
    axis: i64,
) -> Result<Weights, String> {
    let Some(Constant::F32(scales)) = scale else { return Err("its scale is not a constant float32".into()) };
    let bytes = match integers {
        Constant::U8(_) | Constant::I8(_) => true,
        Constant::I32(_) => false,
        other => return Err(format!("it dequantises {}, not int8, uint8 or int32", other.dtype().name())),
    };
    if let Some(&bad) = scales.iter().find(|s| !(s.is_normal() && **s > 0.0)) {
        return Err(format!("its scale is {bad}; it must be positive and finite"));
    }
    let shape = integers.shape();
    let axis = if scales.len() == 1 { 0 } else { counted(axis, shape.len())? };
    if scales.len() != 1 && shape[axis] != scales.len() {
        return Err(format!("{} scales do not fit axis {axis} of {shape:?}", scales.len()));
    }
    let mut values = integers.integers().ok_or("it is not an integer")?.mapv(|v| v as i32);
    if let Some(zero_point) = zero_point {
        let zero_point = zero_point.filter(|z| z.len() == scales.len() && z.dtype() == integers.dtype());
        let zeros = zero_point.and_then(Constant::integers);
        let zeros: Vec<i32> = zeros
            .ok_or("its zero point is not a constant of its type for each scale")?
            .iter()
            .map(|&z| z as i32)
            .collect();
        if !bytes && zeros.iter().any(|&z| z != 0) {
            return Err("a bias with a zero point".into());
        }
        match &zeros[..] {
            [zero] => values.mapv_inplace(|v| v.wrapping_sub(*zero)),
            zeros => {
                for (mut lane, zero) in values.axis_iter_mut(Axis(axis)).zip(zeros) {
                    lane.mapv_inplace(|v| v.wrapping_sub(*zero));
                }
            }
        }
    }
    Ok(Weights { values: Rc::new(values), scales: scales.iter().copied().collect(), axis, bytes })
}

impl Weights {
    /// Number of elements.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The integers, which must be 8-bit.
    pub(super) fn eight_bit(&self) -> Result<&ArrayD<i32>, String> {
        if self.bytes { Ok(&self.values) } else { Err("its weights are int32; they must be int8 or uint8".into()) }
    }

    /// Scale of each of `count` channels, which lie along `axis`.
    pub(super) fn channel_scales(&self, axis: usize, count: usize) -> Result<Vec<f32>, String> {
        match self.scales[..] {
            [one] => Ok(vec![one; count]),
            _ if self.axis == axis => Ok(self.scales.clone()),
            _ => Err(format!(
                "its weights have scales along axis {}, not along the output channels (axis {axis})",
                self.axis
            )),
        }
    }

    /// The reals.
    pub(super) fn reals(&self) -> ArrayD<f32> {
        let mut out = self.values.mapv(|v| v as f32);
        match self.scales[..] {
            [one] => out.mapv_inplace(|v| v * one),
            _ => {
                for (mut lane, &scale) in out.axis_iter_mut(Axis(self.axis)).zip(&self.scales) {
                    lane.mapv_inplace(|v| v * scale);
                }
            }
        }
        out
    }

    /// Moved; per-channel scales move along where that is possible.
    pub(super) fn moved(&self, moves: &Moves) -> Result<Weights, String> {
        let per_channel = self.scales.len() > 1;
        let (mut values, mut axis) = ((*self.values).clone(), self.axis);
        for step in &moves.steps {
            values = match step {
                Move::Select { axis: along, .. } if per_channel && *along == axis => {
                    return Err("weights with a scale a channel, of which some are selected".into());
                }
                Move::Select { axis, indices } => values.select(Axis(*axis), indices),
                Move::Transpose(perm) => {
                    axis = perm.iter().position(|&p| p == axis).unwrap_or(axis);
                    values.permuted_axes(perm.clone()).as_standard_layout().into_owned()
                }
                Move::Reshape(_) if per_channel => return Err("weights with a scale a channel, expanded".into()),
                Move::Reshape(shape) => {
                    let values = values.as_standard_layout().into_owned();
                    values.into_shape_with_order(&shape[..]).map_err(|e| e.to_string())?
                }
                Move::Pad { .. } => return Err("weights that are padded".into()),
            };
        }
        if values.shape() != moves.shape && per_channel {
            // The channels must still be one axis: as many elements before it and after it.
            let (count, before) = (values.shape()[axis], values.shape()[..axis].iter().product::<usize>());
            let fits = |&a: &usize| moves.shape[a] == count && moves.shape[..a].iter().product::<usize>() == before;
            axis =
                (0..moves.shape.len()).find(fits).ok_or("weights with a scale a channel, reshaped across channels")?;
        }
        let values = values.as_standard_layout().into_owned().into_shape_with_order(&moves.shape[..]);
        Ok(Weights {
            values: Rc::new(values.map_err(|e| e.to_string())?),
            scales: self.scales.clone(),
            axis,
            bytes: self.bytes,
        })
    }
}
