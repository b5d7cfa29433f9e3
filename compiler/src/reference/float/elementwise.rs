//! Element by element, and the two quantisers.

use ndarray::{ArrayD, IxDyn};

use crate::graph::{Constant, DType, ValueType};
use crate::ops::Binary;

/// With numpy's broadcasting.
pub(super) fn zip(a: &ArrayD<f32>, b: &ArrayD<f32>, shape: &[usize], f: impl Fn(f32, f32) -> f32) -> ArrayD<f32> {
    let (a, b) = (a.broadcast(shape).expect("it broadcasts"), b.broadcast(shape).expect("it broadcasts"));
    ndarray::Zip::from(&a).and(&b).map_collect(|&a, &b| f(a, b))
}

/// Shapes and indices.
pub(super) fn integers(binary: Binary, operands: [&Constant; 2], to: &ValueType) -> Result<Constant, String> {
    let [Some(a), Some(b)] = operands.map(Constant::integers) else { return Err("its inputs differ in type".into()) };
    let (a, b) =
        (a.broadcast(&to.shape[..]).expect("it broadcasts"), b.broadcast(&to.shape[..]).expect("it broadcasts"));
    let values: Option<Vec<i64>> = a.iter().zip(&b).map(|(&a, &b)| binary.apply_integers(a, b)).collect();
    let values = values.ok_or("its integers overflow")?;
    let out = ArrayD::from_shape_vec(&to.shape[..], values).map_err(|e| e.to_string())?;
    match to.dtype {
        DType::I64 => Ok(Constant::I64(out)),
        DType::I32 => Ok(Constant::I32(out.mapv(|v| v as i32))),
        other => Err(format!("integers of type {}", other.name())),
    }
}

/// Per-tensor or per-axis parameters, broadcast to the shape of `x`.
fn spread(parameter: Option<&Constant>, x: &[usize], axis: i64, default: f32) -> ArrayD<f32> {
    let Some(p) = parameter.map(Constant::reals) else { return ArrayD::from_elem(x, default) };
    if p.len() == 1 {
        return ArrayD::from_elem(x, p.first().copied().unwrap_or(default));
    }
    if p.ndim() > 1 && p.broadcast(x).is_some() {
        return p.broadcast(x).expect("it broadcasts").to_owned();
    }
    let axis = axis.rem_euclid(x.len() as i64) as usize;
    ArrayD::from_shape_fn(x, |index: IxDyn| p[[index[axis]]])
}

pub(super) fn quantize([x, scale]: [&Constant; 2], zero: Option<&Constant>, axis: i64, to: DType) -> Constant {
    let scale = spread(Some(scale), x.shape(), axis, 1.0);
    let zero = spread(zero, x.shape(), axis, 0.0);
    let q = (x.reals() / scale).mapv(f32::round_ties_even) + zero;
    match to {
        DType::I8 => Constant::I8(q.mapv(|v| v.clamp(-128.0, 127.0) as i8)),
        _ => Constant::U8(q.mapv(|v| v.clamp(0.0, 255.0) as u8)),
    }
}

pub(super) fn dequantize([x, scale]: [&Constant; 2], zero: Option<&Constant>, axis: i64) -> ArrayD<f32> {
    if let (Constant::I32(a), Some(s)) = (x, scale.reals().first().copied().filter(|_| scale.len() == 1)) {
        return a.mapv(|v| v as f32 * s);
    }
    (x.reals() - spread(zero, x.shape(), axis, 0.0)) * spread(Some(scale), x.shape(), axis, 1.0)
}
