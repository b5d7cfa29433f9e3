//! The integer IR: what the machine will compute, exactly, in logical (ONNX) shapes.
//!
//! Tensors hold i8, or i32 where they are sums of products. A model's u8 becomes i8 by −128. The zero points of
//! activations are folded into biases, so a convolution is plain: Σ w·a, with padding that reads the zero point.

use ndarray::{Array2, Array4};

use crate::graph::DType;

/// How the integers of a tensor stand for reals: real = scale · (q − zero_point), in the model's own type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantization {
    /// Positive, finite.
    pub scale: f32,
    /// In the model's type.
    pub zero_point: i32,
    /// `I8` or `U8`.
    pub dtype: DType,
}

impl Quantization {
    /// What is subtracted from the model's integers to get i8.
    #[must_use]
    pub fn offset(&self) -> i32 {
        if self.dtype == DType::U8 { 128 } else { 0 }
    }

    /// The zero point as i8.
    #[must_use]
    pub fn zero_point_i8(&self) -> i8 {
        (self.zero_point - self.offset()).clamp(-128, 127) as i8
    }

    /// The i8 of a real: rounded half to even, saturated.
    #[must_use]
    pub fn quantize(&self, real: f32) -> i8 {
        let q = (real / self.scale).round_ties_even() as f64 + f64::from(self.zero_point_i8());
        q.clamp(-128.0, 127.0) as i8
    }

    /// The real of an i8.
    #[must_use]
    pub fn dequantize(&self, q: i8) -> f32 {
        (i32::from(q) - i32::from(self.zero_point_i8())) as f32 * self.scale
    }
}

/// Index into [`IntGraph::tensors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TensorId(pub usize);

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub struct IntTensor {
    /// ONNX name.
    pub name: String,
    /// ONNX shape, NCHW where it has four dimensions.
    pub shape: Vec<usize>,
    /// For i8; `None` for i32 sums.
    pub quantization: Option<Quantization>,
}

/// A sliding window with explicit padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntWindow {
    /// Height, width.
    pub kernel: [usize; 2],
    /// Steps down and right.
    pub strides: [usize; 2],
    /// Top, left, bottom, right.
    pub pads: [usize; 4],
    /// Distances between taps.
    pub dilations: [usize; 2],
}

/// i32 sums to i8: clamp(rne((acc + bias) · multiplier, shift) + zero_point, lo, hi), per channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requant {
    /// One a channel.
    pub bias: Vec<i32>,
    /// 24 bits, one a channel.
    pub multiplier: Vec<u32>,
    /// 0..=63, one a channel.
    pub shift: Vec<u8>,
    /// Of the result.
    pub zero_point: i8,
    /// Least result.
    pub lo: i8,
    /// Greatest result.
    pub hi: i8,
}

/// An operation.
#[derive(Clone, Debug, PartialEq)]
pub enum IntKind {
    /// Σ weights · input; NCHW.
    Conv {
        /// Out, in, height, width.
        weights: Array4<i8>,
        /// Window.
        window: IntWindow,
        /// What padding reads: the input's zero point.
        pad_value: i8,
        /// `None`: the result is i32.
        requant: Option<Requant>,
    },
    /// input · weights, of matrices.
    Dense {
        /// In, out.
        weights: Array2<i8>,
        /// `None`: the result is i32.
        requant: Option<Requant>,
    },
    /// i32 to i8.
    Requantize(Requant),
    /// Elementwise bounds.
    Clamp {
        /// Least.
        lo: i8,
        /// Greatest.
        hi: i8,
    },
    /// Maximum over windows; padding reads −128. NCHW.
    MaxPool(IntWindow),
    /// The same elements in row-major order, another shape.
    Reshape,
}

/// An operation with its operands.
#[derive(Clone, Debug, PartialEq)]
pub struct IntOp {
    /// Name of the ONNX node.
    pub name: String,
    /// ONNX operator.
    pub op: &'static str,
    /// What it does.
    pub kind: IntKind,
    /// What it reads.
    pub input: TensorId,
    /// What it writes.
    pub output: TensorId,
}

/// A graph input or output.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// ONNX name.
    pub name: String,
    /// Element type that the caller sees: the tensor's own, or float32.
    pub dtype: DType,
    /// The tensor.
    pub tensor: TensorId,
}

/// A graph of integer operations in an order of execution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntGraph {
    /// Values.
    pub tensors: Vec<IntTensor>,
    /// Operations.
    pub ops: Vec<IntOp>,
    /// What the caller gives.
    pub inputs: Vec<Port>,
    /// What the caller gets.
    pub outputs: Vec<Port>,
}

impl IntGraph {
    /// The tensor of this id.
    #[must_use]
    pub fn tensor(&self, id: TensorId) -> &IntTensor {
        &self.tensors[id.0]
    }

    /// Adds a tensor.
    pub fn add(&mut self, tensor: IntTensor) -> TensorId {
        self.tensors.push(tensor);
        TensorId(self.tensors.len() - 1)
    }

    /// How often each tensor is read, as an output of the graph included.
    #[must_use]
    pub fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.tensors.len()];
        for id in self.ops.iter().map(|op| op.input).chain(self.outputs.iter().map(|p| p.tensor)) {
            uses[id.0] += 1;
        }
        uses
    }
}
