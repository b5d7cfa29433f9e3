//! Tensors on the host's side: quantisation and placement of the values of a request, and back.
//!
//! This is the only floating point of the crate: `q = clamp(rne(x / scale) + zero_point)`, as ONNX `QuantizeLinear`,
//! and `x = (q - zero_point) · scale`, as `DequantizeLinear`, in f32.

use serde::{Deserialize, Serialize};

use crate::word::{LANES, Leaf, ZERO};

/// Most elements of a tensor that a program may name.
const MAX_ELEMENTS: u64 = 1 << 28;

/// Element type in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// IEEE single; quantised here.
    Float32,
    /// Signed byte, as is.
    Int8,
    /// Unsigned byte; the machine sees it less 128.
    Uint8,
    /// Signed word, as is.
    Int32,
}

/// What the machine holds for one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    /// One byte.
    I8,
    /// Four bytes, big-endian.
    I32,
}

impl Element {
    const fn bytes(self) -> u64 {
        match self {
            Element::I8 => 1,
            Element::I32 => 4,
        }
    }
}

/// Where the elements lie: element `(i₀, i₁, …)` at byte `32·row + Σ iₙ·stridesₙ` of the region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// First row of the region.
    pub row: u32,
    /// Bytes from one index to the next, a number for each dimension.
    pub strides: Vec<u32>,
    /// What is stored.
    pub element: Element,
}

/// An input or output of the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tensor {
    /// Name in the model.
    pub name: String,
    /// Element type in the model.
    pub dtype: DType,
    /// Shape in the model, row-major.
    pub shape: Vec<u32>,
    /// Real value of one step of the stored integer; 1 if the model's own dtype is an integer.
    pub scale: f32,
    /// Stored integer that means 0.
    pub zero_point: i32,
    /// Where it lies.
    pub layout: Layout,
}

/// Values of a tensor, row-major, in the model's dtype.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// float32.
    Float32(Vec<f32>),
    /// int8.
    Int8(Vec<i8>),
    /// uint8.
    Uint8(Vec<u8>),
    /// int32.
    Int32(Vec<i32>),
}

impl Data {
    /// Element type.
    #[must_use]
    pub const fn dtype(&self) -> DType {
        match self {
            Data::Float32(_) => DType::Float32,
            Data::Int8(_) => DType::Int8,
            Data::Uint8(_) => DType::Uint8,
            Data::Int32(_) => DType::Int32,
        }
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Data::Float32(v) => v.len(),
            Data::Int8(v) => v.len(),
            Data::Uint8(v) => v.len(),
            Data::Int32(v) => v.len(),
        }
    }

    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why values do not fit a tensor, or a tensor its program.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TensorError {
    /// Not as many as the model has.
    #[error("the model has {want} input tensors, {have} were given")]
    Number {
        /// Inputs of the model.
        want: usize,
        /// Given.
        have: usize,
    },
    /// Another element type.
    #[error("tensor `{name}` is {want:?}, the values given are {have:?}")]
    DType {
        /// Tensor.
        name: String,
        /// In the model.
        want: DType,
        /// Given.
        have: DType,
    },
    /// Another number of elements.
    #[error("tensor `{name}` has shape {shape:?}, {have} values were given")]
    Shape {
        /// Tensor.
        name: String,
        /// In the model.
        shape: Vec<u32>,
        /// Elements given.
        have: usize,
    },
    /// A NaN cannot be quantised.
    #[error("tensor `{name}`: element {index} is not a number")]
    NotANumber {
        /// Tensor.
        name: String,
        /// Row-major index.
        index: usize,
    },
    /// The description is inconsistent.
    #[error("tensor `{name}`: {why}")]
    Description {
        /// Tensor.
        name: String,
        /// What is wrong.
        why: String,
    },
}

impl Tensor {
    /// Number of elements; shapes were bounded when the program was read.
    #[must_use]
    pub fn elements(&self) -> u64 {
        self.shape.iter().map(|&d| u64::from(d)).product()
    }

    /// Checks the description against a region of 2^`log2` rows.
    ///
    /// # Errors
    /// Shapes that overflow, layouts that leave the region, scales that are no scale.
    pub fn check(&self, log2: u8) -> Result<(), TensorError> {
        let fail = |why: String| Err(TensorError::Description { name: self.name.clone(), why });
        let elements = self.shape.iter().try_fold(1u64, |n, &d| n.checked_mul(d.into()).filter(|&n| n <= MAX_ELEMENTS));
        if elements.is_none_or(|n| n == 0) {
            return fail(format!("shape {:?} has no, or more than {MAX_ELEMENTS}, elements", self.shape));
        }
        if self.layout.strides.len() != self.shape.len() {
            return fail(format!("{} strides for {} dimensions", self.layout.strides.len(), self.shape.len()));
        }
        if !(self.scale.is_finite() && self.scale > 0.0) {
            return fail(format!("scale {} is not a positive number", self.scale));
        }
        let width = self.layout.element.bytes();
        if width == 4 && self.layout.strides.iter().any(|s| s % 4 != 0) {
            return fail("strides of 4-byte elements must be multiples of 4".to_string());
        }
        let last_row = self.last_row();
        if last_row >> log2 != 0 {
            return fail(format!("its last byte is in row {last_row}, its region has 2^{log2} rows"));
        }
        Ok(())
    }

    /// The row of its region that holds its last byte.
    #[must_use]
    pub fn last_row(&self) -> u64 {
        let dimensions = self.shape.iter().zip(&self.layout.strides);
        let reach: u64 = dimensions.map(|(&d, &s)| u64::from(d.saturating_sub(1)) * u64::from(s)).sum();
        u64::from(self.layout.row) + (reach + self.layout.element.bytes() - 1) / LANES as u64
    }

    /// Bytes of the elements in row-major order of the model's shape.
    fn addresses(&self) -> impl Iterator<Item = u64> + '_ {
        let start = u64::from(self.layout.row) * LANES as u64;
        (0..self.elements()).map(move |mut index| {
            let mut at = start;
            for (&size, &stride) in self.shape.iter().zip(&self.layout.strides).rev() {
                at += index % u64::from(size) * u64::from(stride);
                index /= u64::from(size);
            }
            at
        })
    }

    /// Writes the values into the rows of a region, which grows as needed.
    ///
    /// # Errors
    /// Wrong dtype, wrong number of elements, a NaN.
    pub fn encode(&self, values: &Data, rows: &mut Vec<Leaf>) -> Result<(), TensorError> {
        if values.dtype() != self.dtype {
            return Err(TensorError::DType { name: self.name.clone(), want: self.dtype, have: values.dtype() });
        }
        if values.len() as u64 != self.elements() {
            return Err(TensorError::Shape { name: self.name.clone(), shape: self.shape.clone(), have: values.len() });
        }
        let stored: Vec<i32> = match values {
            Data::Float32(v) => {
                if let Some(index) = v.iter().position(|x| x.is_nan()) {
                    return Err(TensorError::NotANumber { name: self.name.clone(), index });
                }
                v.iter().map(|&x| self.quantise(x)).collect()
            }
            Data::Int8(v) => v.iter().map(|&x| x.into()).collect(),
            Data::Uint8(v) => v.iter().map(|&x| i32::from(x) - 128).collect(),
            Data::Int32(v) => v.clone(),
        };
        for (at, value) in self.addresses().zip(stored) {
            let (row, byte) = ((at / LANES as u64) as usize, (at % LANES as u64) as usize);
            if rows.len() <= row {
                rows.resize(row + 1, ZERO);
            }
            match self.layout.element {
                Element::I8 => rows[row][byte] = (value as i8).cast_unsigned(),
                Element::I32 => rows[row][byte..byte + 4].copy_from_slice(&value.to_be_bytes()),
            }
        }
        Ok(())
    }

    /// The values in the leaves that `leaf(row)` gives.
    pub fn decode(&self, leaf: impl Fn(u64) -> Leaf) -> Data {
        let stored = self.addresses().map(|at| {
            let (row, byte) = (leaf(at / LANES as u64), (at % LANES as u64) as usize);
            match self.layout.element {
                Element::I8 => i32::from(row[byte].cast_signed()),
                Element::I32 => i32::from_be_bytes([row[byte], row[byte + 1], row[byte + 2], row[byte + 3]]),
            }
        });
        match self.dtype {
            DType::Float32 => Data::Float32(stored.map(|q| self.dequantise(q)).collect()),
            DType::Int8 => Data::Int8(stored.map(|q| q as i8).collect()),
            DType::Uint8 => Data::Uint8(stored.map(|q| (q + 128) as u8).collect()),
            DType::Int32 => Data::Int32(stored.collect()),
        }
    }

    /// `clamp(rne(x / scale) + zero_point)` into the stored element.
    #[must_use]
    pub fn quantise(&self, x: f32) -> i32 {
        let (lo, hi) = match self.layout.element {
            Element::I8 => (i64::from(i8::MIN), i64::from(i8::MAX)),
            Element::I32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        };
        // `as` saturates; the clamp bounds the sum.
        let q = (x / self.scale).round_ties_even() as i64;
        q.saturating_add(self.zero_point.into()).clamp(lo, hi) as i32
    }

    /// `(q - zero_point) · scale`.
    #[must_use]
    pub fn dequantise(&self, q: i32) -> f32 {
        (i64::from(q) - i64::from(self.zero_point)) as f32 * self.scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(strides: Vec<u32>, element: Element) -> Tensor {
        Tensor {
            name: "x".into(),
            dtype: DType::Float32,
            shape: vec![1, 3, 40],
            scale: 0.5,
            zero_point: 1,
            layout: Layout { row: 1, strides, element },
        }
    }

    #[test]
    fn values_come_back() {
        for (strides, element) in [(vec![0, 64, 1], Element::I8), (vec![480, 160, 4], Element::I32)] {
            let tensor = tensor(strides, element);
            assert_eq!(tensor.check(5), Ok(()));
            let values = Data::Float32((0..120).map(|i| (i - 60) as f32 / 2.0).collect());
            let mut rows = vec![];
            tensor.encode(&values, &mut rows).unwrap();
            assert_eq!(tensor.decode(|row| rows[row as usize]), values);
        }
    }

    #[test]
    fn quantises_half_to_even_and_saturates() {
        let tensor = tensor(vec![0, 64, 1], Element::I8);
        for (x, q) in [(0.25, 1), (0.75, 3), (-0.25, 1), (1e9, 127), (f32::NEG_INFINITY, -128)] {
            assert_eq!(tensor.quantise(x), q, "{x}");
        }
    }
}
