//! The operators of the graph IR, and the table from which the importer and `docs/operators.md` derive.

mod function;
mod page;
mod table;
mod window;

pub use function::{Binary, Expression, Unary};
pub use page::operators_markdown;
pub(crate) use table::Quantized;
pub use table::{OPERATORS, OPSETS, Operator, operator};
pub use window::{Padding, Window};

use crate::graph::DType;

/// Which reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// The largest.
    Max,
    /// The mean.
    Mean,
    /// The sum.
    Sum,
}

/// How `Pad` fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PadMode {
    /// A value.
    Constant,
    /// The nearest element.
    Edge,
    /// Mirrored without repeating the edge.
    Reflect,
    /// From the other side.
    Wrap,
}

/// Where an output index of `Resize` lies in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coordinates {
    /// (i + ½)/scale − ½.
    HalfPixel,
    /// The same, 0 where the output has length 1.
    PytorchHalfPixel,
    /// The same, corrected for outputs that are not a whole number of inputs.
    HalfPixelSymmetric,
    /// i/scale.
    Asymmetric,
    /// Corners on corners.
    AlignCorners,
}

/// How `Resize` takes values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// Nearest, halves down.
    RoundPreferFloor,
    /// Nearest, halves up.
    RoundPreferCeil,
    /// The one before.
    Floor,
    /// The one after.
    Ceil,
    /// Between two.
    Linear,
}

/// An operator with its attributes.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Index of the largest element.
    ArgMax {
        /// The axis.
        axis: i64,
        /// The axis stays with length 1.
        keep: bool,
        /// Of equals the last.
        last: bool,
    },
    /// Average over windows.
    AveragePool {
        /// The window.
        window: Window,
        /// Padding counts.
        count_padding: bool,
    },
    /// γ·(x − mean)/√(variance + ε) + β by channel.
    BatchNormalization {
        /// ε.
        epsilon: f32,
    },
    /// A function of two tensors.
    Binary(Binary),
    /// Another element type.
    Cast(DType),
    /// Elementwise bounds, as inputs.
    Clip,
    /// All inputs one after another.
    Concat {
        /// The axis.
        axis: i64,
    },
    /// A tensor of one value.
    ConstantOfShape(ConstantValue),
    /// Convolution.
    Conv {
        /// The window.
        window: Window,
        /// Groups of channels.
        groups: usize,
    },
    /// Transposed convolution.
    ConvTranspose {
        /// The window.
        window: Window,
        /// Groups of channels.
        groups: usize,
        /// More lines and columns at the end.
        output_padding: [usize; 2],
    },
    /// What a group of elementwise nodes computes of one tensor.
    Curve(Expression),
    /// Integers to reals.
    DequantizeLinear {
        /// Axis of per-channel parameters.
        axis: i64,
    },
    /// Broadcasting to a shape.
    Expand,
    /// To two dimensions.
    Flatten {
        /// First axis of the second dimension.
        axis: i64,
    },
    /// Elements by index.
    Gather {
        /// The axis.
        axis: i64,
    },
    /// α·A·B + β·C.
    Gemm {
        /// α.
        alpha: f32,
        /// β.
        beta: f32,
        /// A is given transposed.
        transposed_a: bool,
        /// B is given transposed: weights as [out, in].
        transposed_b: bool,
    },
    /// Largest of each channel.
    GlobalMaxPool,
    /// Average of each channel.
    GlobalAveragePool,
    /// Nothing.
    Identity,
    /// (x − mean)/√(variance + ε)·γ + β over the last axes.
    LayerNormalization {
        /// First of them.
        axis: i64,
        /// ε.
        epsilon: f32,
    },
    /// Matrix product.
    MatMul,
    /// Maximum over windows.
    MaxPool(Window),
    /// A frame.
    Pad(PadMode),
    /// A slope by channel below 0.
    PRelu,
    /// Reals to integers.
    QuantizeLinear {
        /// Axis of per-channel parameters.
        axis: i64,
        /// The result's type where there is no zero point.
        to: DType,
    },
    /// Numbers from, to, by.
    Range,
    /// One number of many.
    Reduce {
        /// Which.
        kind: Reduction,
        /// The axes, if they are an attribute.
        axes: Option<Vec<i64>>,
        /// The axes stay with length 1.
        keep: bool,
        /// No axes means none, not all.
        none_is_none: bool,
    },
    /// Another shape, the same elements.
    Reshape {
        /// A 0 in the shape means 0, not "as before".
        allow_zero: bool,
    },
    /// Another size.
    Resize {
        /// Where outputs lie.
        coordinates: Coordinates,
        /// How values are taken.
        interpolation: Interpolation,
        /// The axes of sizes and scales, if not all.
        axes: Option<Vec<i64>>,
    },
    /// x/√(mean of squares + ε)·γ over the last axes.
    RmsNormalization {
        /// First of them.
        axis: i64,
        /// ε.
        epsilon: f32,
    },
    /// The shape as a tensor.
    Shape {
        /// First dimension.
        start: i64,
        /// The one after the last.
        end: Option<i64>,
    },
    /// A part, by tensors of starts, ends, axes, steps.
    Slice,
    /// eˣ over its sum.
    Softmax {
        /// The axis.
        axis: i64,
    },
    /// One of several parts.
    Split {
        /// The axis.
        axis: i64,
        /// Which part.
        index: usize,
        /// Of how many.
        parts: usize,
    },
    /// Without dimensions of 1.
    Squeeze,
    /// Repeated along axes.
    Tile,
    /// Axes in another order.
    Transpose {
        /// Reversed if not given.
        perm: Option<Vec<i64>>,
    },
    /// A function of each element.
    Unary(Unary),
    /// With more dimensions of 1.
    Unsqueeze,
}

/// What `ConstantOfShape` holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ConstantValue {
    /// float32
    F32(f32),
    /// int64
    I64(i64),
}

impl Op {
    /// ONNX's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Op::ArgMax { .. } => "ArgMax",
            Op::AveragePool { .. } => "AveragePool",
            Op::BatchNormalization { .. } => "BatchNormalization",
            Op::Binary(binary) => binary.name(),
            Op::Cast(_) => "Cast",
            Op::Clip => "Clip",
            Op::Concat { .. } => "Concat",
            Op::ConstantOfShape(_) => "ConstantOfShape",
            Op::Conv { .. } => "Conv",
            Op::ConvTranspose { .. } => "ConvTranspose",
            Op::Curve(_) => "elementwise nodes",
            Op::DequantizeLinear { .. } => "DequantizeLinear",
            Op::Expand => "Expand",
            Op::Flatten { .. } => "Flatten",
            Op::Gather { .. } => "Gather",
            Op::Gemm { .. } => "Gemm",
            Op::GlobalMaxPool => "GlobalMaxPool",
            Op::GlobalAveragePool => "GlobalAveragePool",
            Op::Identity => "Identity",
            Op::LayerNormalization { .. } => "LayerNormalization",
            Op::MatMul => "MatMul",
            Op::MaxPool(_) => "MaxPool",
            Op::Pad(_) => "Pad",
            Op::PRelu => "PRelu",
            Op::QuantizeLinear { .. } => "QuantizeLinear",
            Op::Range => "Range",
            Op::Reduce { kind: Reduction::Max, .. } => "ReduceMax",
            Op::Reduce { kind: Reduction::Mean, .. } => "ReduceMean",
            Op::Reduce { kind: Reduction::Sum, .. } => "ReduceSum",
            Op::Reshape { .. } => "Reshape",
            Op::Resize { .. } => "Resize",
            Op::RmsNormalization { .. } => "RMSNormalization",
            Op::Shape { .. } => "Shape",
            Op::Slice => "Slice",
            Op::Softmax { .. } => "Softmax",
            Op::Split { .. } => "Split",
            Op::Squeeze => "Squeeze",
            Op::Tile => "Tile",
            Op::Transpose { .. } => "Transpose",
            Op::Unary(unary) => unary.name(),
            Op::Unsqueeze => "Unsqueeze",
        }
    }
}
