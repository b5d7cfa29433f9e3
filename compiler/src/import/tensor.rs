//! Tensors of the file.

use ndarray::ArrayD;
use rten_onnx::onnx::{DataLocation, DataType, TensorProto};

use super::{MAX_RANK, elements};
use crate::graph::{Constant, DType};

pub(super) fn dtype(data_type: Option<DataType>) -> Result<DType, String> {
    match data_type {
        Some(DataType::FLOAT) => Ok(DType::F32),
        Some(DataType::INT8) => Ok(DType::I8),
        Some(DataType::UINT8) => Ok(DType::U8),
        Some(DataType::INT32) => Ok(DType::I32),
        Some(DataType::INT64) => Ok(DType::I64),
        Some(other) => Err(format!("element type {other} is not supported")),
        None => Err("it has no element type".into()),
    }
}

/// The elements of a tensor that is in the file, as many as its shape says.
pub(crate) fn constant(tensor: &TensorProto) -> Result<Constant, String> {
    if tensor.data_location.is_some_and(|l| l != DataLocation::DEFAULT) || !tensor.external_data.is_empty() {
        return Err("its data is in another file; save the model with the data inside".into());
    }
    if tensor.dims.len() > MAX_RANK {
        return Err(format!("{} dimensions; at most {MAX_RANK} are supported", tensor.dims.len()));
    }
    let shape = tensor.dims.iter().map(|&d| usize::try_from(d).map_err(|_| format!("dimension {d}")));
    let shape = shape.collect::<Result<Vec<usize>, String>>()?;
    let count = elements(&shape)?;
    let raw = tensor.raw_data.as_ref().map(|cell| cell.borrow());
    let raw = raw.as_deref().map(Vec::as_slice);
    fn array<T>(shape: &[usize], count: usize, data: Vec<T>) -> Result<ArrayD<T>, String> {
        let len = data.len();
        if len != count {
            return Err(format!("shape {shape:?} needs {count} elements, the file has {len}"));
        }
        ArrayD::from_shape_vec(shape, data).map_err(|e| e.to_string())
    }
    fn little<const N: usize, T>(raw: &[u8], from: fn([u8; N]) -> T) -> Result<Vec<T>, String> {
        let (chunks, rest) = raw.as_chunks::<N>();
        if !rest.is_empty() {
            return Err(format!("{} bytes are not a whole number of elements", raw.len()));
        }
        Ok(chunks.iter().map(|&c| from(c)).collect())
    }
    fn narrow<T: TryFrom<i32>>(data: &[i32]) -> Result<Vec<T>, String> {
        data.iter().map(|&v| T::try_from(v).map_err(|_| format!("element {v} is out of range"))).collect()
    }
    Ok(match (dtype(tensor.data_type)?, raw) {
        (DType::F32, Some(raw)) => Constant::F32(array(&shape, count, little(raw, f32::from_le_bytes)?)?),
        (DType::F32, None) => Constant::F32(array(&shape, count, tensor.float_data.clone())?),
        (DType::I8, Some(raw)) => Constant::I8(array(&shape, count, little(raw, i8::from_le_bytes)?)?),
        (DType::I8, None) => Constant::I8(array(&shape, count, narrow(&tensor.int32_data)?)?),
        (DType::U8, Some(raw)) => Constant::U8(array(&shape, count, raw.to_vec())?),
        (DType::U8, None) => Constant::U8(array(&shape, count, narrow(&tensor.int32_data)?)?),
        (DType::I32, Some(raw)) => Constant::I32(array(&shape, count, little(raw, i32::from_le_bytes)?)?),
        (DType::I32, None) => Constant::I32(array(&shape, count, tensor.int32_data.clone())?),
        (DType::I64, Some(raw)) => Constant::I64(array(&shape, count, little(raw, i64::from_le_bytes)?)?),
        (DType::I64, None) => Constant::I64(array(&shape, count, tensor.int64_data.clone())?),
    })
}
