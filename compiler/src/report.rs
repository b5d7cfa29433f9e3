//! What the compiler says about a program.

use crate::outline::Outline;

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerReport {
    /// Name of the ONNX node, or of the input that the layer loads.
    pub name: String,
    /// ONNX operator, or `Input`.
    pub op: &'static str,
    /// Shape of its output.
    pub shape: Vec<u32>,
    /// Multiply-accumulates of the model.
    pub macs: u64,
    /// Micro-steps, its `MARK` included.
    pub micro_steps: u64,
    /// Rows of weights and parameters.
    pub const_rows: u64,
}

/// A compilation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// In the order of execution.
    pub layers: Vec<LayerReport>,
    /// Of a run, `HALT` included.
    pub micro_steps: u64,
    /// Rows of text.
    pub instructions: u64,
    /// Most rows of spad in use at a time.
    pub spad_rows: u64,
    /// Rows of const.
    pub const_rows: u64,
    /// Rows of input.
    pub input_rows: u64,
    /// Rows of output.
    pub output_rows: u64,
    /// Tasks and values.
    pub outline: Outline,
}
