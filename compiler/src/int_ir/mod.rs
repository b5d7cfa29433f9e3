//! The integer IR: what the machine will compute, exactly, in logical (ONNX) shapes.
//!
//! Tensors hold i8, or i32 where they are indices. A model's u8 becomes i8 by −128. The zero points of activations are
//! folded into biases, so a convolution is plain: Σ w·a, with padding that reads the zero point. Each operation of
//! [`IntKind`] states its meaning in integers; [`crate::reference::integer`] evaluates it.

mod check;
mod kind;
mod parameters;

pub use check::check;
pub use kind::IntKind;
pub use parameters::{Addition, AveragePool, IntWindow, LinearAxis, PRelu, Quantization, Requant, Scale};

use crate::graph::DType;

/// Index into [`IntGraph::tensors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TensorId(pub usize);

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub struct IntTensor {
    /// ONNX name.
    pub name: String,
    /// ONNX shape, NCHW where it is an image.
    pub shape: Vec<usize>,
    /// For i8; `None` for i32 indices.
    pub quantization: Option<Quantization>,
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
    pub inputs: Vec<TensorId>,
    /// What it writes.
    pub output: TensorId,
}

impl IntOp {
    /// The first operand.
    ///
    /// # Panics
    /// For [`IntKind::Constant`], which reads nothing.
    #[must_use]
    pub fn input(&self) -> TensorId {
        self.inputs[0]
    }
}

/// A graph input or output.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// ONNX name.
    pub name: String,
    /// Element type that the caller sees: the tensor's own, float32, or int32 or int64 for indices.
    pub dtype: DType,
    /// The tensor.
    pub tensor: TensorId,
}

/// A graph of integer operations in an order of execution. A tensor is an input of the graph, or the output of one
/// operation before those that read it.
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
        for id in self.ops.iter().flat_map(|op| op.inputs.iter().copied()).chain(self.outputs.iter().map(|p| p.tensor))
        {
            uses[id.0] += 1;
        }
        uses
    }
}
