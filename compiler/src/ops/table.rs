//! The table of operators: one row each.

use super::{Binary, ConstantValue, Coordinates, Interpolation, Op, PadMode, Reduction, Unary};
use crate::attributes::Attributes;
use crate::graph::DType;

/// One row of the table of operators.
pub struct Operator {
    /// ONNX operator.
    pub name: &'static str,
    /// Fewest and most inputs.
    pub arity: (usize, usize),
    /// Attributes that are read; any other is an error.
    pub attributes: &'static [&'static str],
    /// What is supported of it, one sentence.
    pub supported: &'static str,
    /// Also (or only) in the domain `com.microsoft`.
    pub microsoft: bool,
    pub(crate) parse: fn(&Attributes) -> Result<Op, String>,
    /// Where the scales and zero points of a QLinear operator stand; `parse` gives the operator between them.
    pub(crate) quantized: Quantized,
}

/// Places of scales and zero points among inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantized {
    /// None.
    No,
    /// So many triples (value, scale, zero point), then perhaps an int32 bias, the result's pair, perhaps an int32 bias.
    Triples { count: usize, bias: Option<usize>, result: usize },
    /// The result's pair, then triples.
    ResultFirst,
}

/// First and last supported version of ONNX's default operator set.
pub const OPSETS: (i64, i64) = (13, 23);

/// Most inputs of a node.
const MANY: usize = 1 << 12;

const fn row(
    name: &'static str,
    arity: (usize, usize),
    attributes: &'static [&'static str],
    supported: &'static str,
    parse: fn(&Attributes) -> Result<Op, String>,
) -> Operator {
    Operator { name, arity, attributes, supported, microsoft: false, parse, quantized: Quantized::No }
}

const fn quantized(
    name: &'static str,
    arity: (usize, usize),
    attributes: &'static [&'static str],
    quantized: Quantized,
    parse: fn(&Attributes) -> Result<Op, String>,
) -> Operator {
    let supported = "As the operator between `DequantizeLinear` and `QuantizeLinear`; constant scales and zero points.";
    Operator { name, arity, attributes, supported, microsoft: true, parse, quantized }
}

const fn microsoft(row: Operator) -> Operator {
    Operator { microsoft: true, ..row }
}

const TABLE: &str = "A table of 256 entries, alone or with the elementwise nodes around it.";
const BOUND: &str = "A bound of the operation before it, or a table.";
const MOVED: &str = "Moves elements; any quantisation.";
const FOLDED: &str = "Where its value is known when compiling: shapes and indices.";
const FOUR: &str = "Tensors broadcast; a constant is folded into what it is added to or scales.";
const WINDOW: &[&str] = &["auto_pad", "dilations", "kernel_shape", "pads", "strides", "ceil_mode", "storage_order"];
const CONV: &[&str] = &["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"];
const PAIR: Quantized = Quantized::Triples { count: 2, bias: None, result: 6 };
const ONE: Quantized = Quantized::Triples { count: 1, bias: None, result: 3 };

fn conv(a: &Attributes) -> Result<Op, String> {
    Ok(Op::Conv { window: a.window()?, groups: a.groups()? })
}

fn gemm(a: &Attributes) -> Result<Op, String> {
    let (alpha, beta) = (a.float("alpha", 1.0)?, a.float("beta", 1.0)?);
    Ok(Op::Gemm { alpha, beta, transposed_a: a.flag("transA", false)?, transposed_b: a.flag("transB", false)? })
}

fn max_pool(a: &Attributes) -> Result<Op, String> {
    a.only_int("storage_order", 0)?;
    let window = a.window()?;
    if window.kernel.is_none() {
        return Err("kernel_shape is missing".into());
    }
    Ok(Op::MaxPool(window))
}

fn average_pool(a: &Attributes) -> Result<Op, String> {
    a.only_int("channels_last", 0)?;
    let window = a.window()?;
    if window.kernel.is_none() {
        return Err("kernel_shape is missing".into());
    }
    Ok(Op::AveragePool { window, count_padding: a.flag("count_include_pad", false)? })
}

fn reduce(a: &Attributes, kind: Reduction) -> Result<Op, String> {
    let none_is_none = a.flag("noop_with_empty_axes", false)?;
    Ok(Op::Reduce { kind, axes: a.ints("axes"), keep: a.flag("keepdims", true)?, none_is_none })
}

fn cast(a: &Attributes) -> Result<Op, String> {
    match a.int("to", 0)? {
        1 => Ok(Op::Cast(DType::F32)),
        2 => Ok(Op::Cast(DType::U8)),
        3 => Ok(Op::Cast(DType::I8)),
        6 => Ok(Op::Cast(DType::I32)),
        7 => Ok(Op::Cast(DType::I64)),
        to => Err(format!("to = {to}; float32, int8, uint8, int32 and int64 are supported")),
    }
}

fn constant_of_shape(a: &Attributes) -> Result<Op, String> {
    let Some(tensor) = a.tensor("value") else { return Ok(Op::ConstantOfShape(ConstantValue::F32(0.0))) };
    match crate::import::constant(tensor)? {
        crate::graph::Constant::F32(v) => v.first().map(|&v| Op::ConstantOfShape(ConstantValue::F32(v))),
        crate::graph::Constant::I64(v) => v.first().map(|&v| Op::ConstantOfShape(ConstantValue::I64(v))),
        _ => None,
    }
    .ok_or_else(|| "its value is not one float32 or int64".into())
}

fn resize(a: &Attributes) -> Result<Op, String> {
    for (name, allowed) in [("antialias", 0), ("exclude_outside", 0)] {
        a.only_int(name, allowed)?;
    }
    a.word("keep_aspect_ratio_policy", (), &[("stretch", ())])?;
    let coordinates = a.word(
        "coordinate_transformation_mode",
        Coordinates::HalfPixel,
        &[
            ("half_pixel", Coordinates::HalfPixel),
            ("pytorch_half_pixel", Coordinates::PytorchHalfPixel),
            ("half_pixel_symmetric", Coordinates::HalfPixelSymmetric),
            ("asymmetric", Coordinates::Asymmetric),
            ("align_corners", Coordinates::AlignCorners),
        ],
    )?;
    let linear = a.word("mode", false, &[("nearest", false), ("linear", true)])?;
    let nearest = a.word(
        "nearest_mode",
        Interpolation::RoundPreferFloor,
        &[
            ("round_prefer_floor", Interpolation::RoundPreferFloor),
            ("round_prefer_ceil", Interpolation::RoundPreferCeil),
            ("floor", Interpolation::Floor),
            ("ceil", Interpolation::Ceil),
        ],
    )?;
    let interpolation = if linear { Interpolation::Linear } else { nearest };
    Ok(Op::Resize { coordinates, interpolation, axes: a.ints("axes") })
}

fn quantize(a: &Attributes) -> Result<Op, String> {
    a.only_int("block_size", 0)?;
    a.only_int("precision", 0)?;
    a.only_int("saturate", 1)?;
    let to = match a.int("output_dtype", 0)? {
        0 | 2 => DType::U8,
        3 => DType::I8,
        other => return Err(format!("output_dtype = {other}; int8 and uint8 are supported")),
    };
    Ok(Op::QuantizeLinear { axis: a.int("axis", 1)?, to })
}

fn dequantize(a: &Attributes) -> Result<Op, String> {
    a.only_int("block_size", 0)?;
    if !matches!(a.int("output_dtype", 0)?, 0 | 1) {
        return Err("output_dtype is not float32".into());
    }
    Ok(Op::DequantizeLinear { axis: a.int("axis", 1)? })
}

fn pad(a: &Attributes) -> Result<Op, String> {
    let modes = [
        ("constant", PadMode::Constant),
        ("edge", PadMode::Edge),
        ("reflect", PadMode::Reflect),
        ("wrap", PadMode::Wrap),
    ];
    Ok(Op::Pad(a.word("mode", PadMode::Constant, &modes)?))
}

/// Every operator that can be imported, by name.
pub const OPERATORS: &[Operator] = &[
    row("Abs", (1, 1), &[], TABLE, |_| Ok(Op::Unary(Unary::Abs))),
    row("Add", (2, 2), &[], FOUR, |_| Ok(Op::Binary(Binary::Add))),
    row(
        "ArgMax",
        (1, 1),
        &["axis", "keepdims", "select_last_index"],
        "One axis; int64 indices at an output of the graph.",
        |a| {
            Ok(Op::ArgMax {
                axis: a.int("axis", 0)?,
                keep: a.flag("keepdims", true)?,
                last: a.flag("select_last_index", false)?,
            })
        },
    ),
    row(
        "AveragePool",
        (1, 1),
        &["auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads", "strides"],
        "Images and lines; any window, padding counted or not.",
        average_pool,
    ),
    row(
        "BatchNormalization",
        (5, 5),
        &["epsilon", "momentum", "training_mode"],
        "Constant parameters; folded into the convolution or product before it, or a depthwise scale.",
        |a| {
            a.only_int("training_mode", 0)?;
            Ok(Op::BatchNormalization { epsilon: a.float("epsilon", 1e-5)? })
        },
    ),
    row("Cast", (1, 1), &["saturate", "to"], "Float to float, and integers whose value is known when compiling.", cast),
    row("Celu", (1, 1), &["alpha"], TABLE, |a| Ok(Op::Unary(Unary::Celu(a.float("alpha", 1.0)?)))),
    row("Clip", (1, 3), &[], BOUND, |_| Ok(Op::Clip)),
    row("Concat", (1, MANY), &["axis"], "Any axis; inputs are brought to the result's quantisation.", |a| {
        Ok(Op::Concat { axis: a.optional_int("axis")?.ok_or("axis is missing")? })
    }),
    row(
        "Constant",
        (0, 0),
        &["value", "value_float", "value_floats", "value_int", "value_ints"],
        "A tensor, a number, a list of numbers.",
        |_| Err("a constant is folded at import".into()),
    ),
    row("ConstantOfShape", (1, 1), &["value"], FOLDED, constant_of_shape),
    row(
        "Conv",
        (2, 3),
        CONV,
        "Images and lines; any kernel, stride, padding, dilation, group; constant weights, int8 or uint8, any zero point.",
        conv,
    ),
    row(
        "ConvTranspose",
        (2, 3),
        &["auto_pad", "dilations", "group", "kernel_shape", "output_padding", "pads", "strides"],
        "Images; explicit padding; constant weights. A convolution over pixels set apart.",
        |a| Ok(Op::ConvTranspose { window: a.window()?, groups: a.groups()?, output_padding: a.output_padding()? }),
    ),
    microsoft(row(
        "DequantizeLinear",
        (2, 3),
        &["axis", "block_size", "output_dtype"],
        "int8 and uint8 activations per tensor; weights per tensor or per channel; int32 biases.",
        dequantize,
    )),
    row("Div", (2, 2), &[], "By a constant, or of constants.", |_| Ok(Op::Binary(Binary::Div))),
    row("Dropout", (1, 3), &["ratio", "seed"], "Removed.", |_| Ok(Op::Identity)),
    row("Elu", (1, 1), &["alpha"], TABLE, |a| Ok(Op::Unary(Unary::Elu(a.float("alpha", 1.0)?)))),
    row("Erf", (1, 1), &[], TABLE, |_| Ok(Op::Unary(Unary::Erf))),
    row("Exp", (1, 1), &[], TABLE, |_| Ok(Op::Unary(Unary::Exp))),
    row("Expand", (2, 2), &[], MOVED, |_| Ok(Op::Expand)),
    row("Flatten", (1, 1), &["axis"], MOVED, |a| Ok(Op::Flatten { axis: a.int("axis", 1)? })),
    row(
        "Gather",
        (2, 2),
        &["axis"],
        "Constant indices; or rows of a constant table by an integer input of the graph.",
        |a| Ok(Op::Gather { axis: a.int("axis", 0)? }),
    ),
    microsoft(row("Gelu", (1, 1), &["approximate"], TABLE, |a| {
        Ok(Op::Unary(Unary::Gelu(a.word("approximate", false, &[("none", false), ("tanh", true)])?)))
    })),
    row(
        "Gemm",
        (2, 3),
        &["alpha", "beta", "transA", "transB"],
        "Constant or computed second matrix; constant bias; a constant first matrix is not supported.",
        gemm,
    ),
    row("GlobalAveragePool", (1, 1), &[], "Images and lines.", |_| Ok(Op::GlobalAveragePool)),
    row("GlobalMaxPool", (1, 1), &[], "Images and lines.", |_| Ok(Op::GlobalMaxPool)),
    row("HardSigmoid", (1, 1), &["alpha", "beta"], TABLE, |a| {
        Ok(Op::Unary(Unary::HardSigmoid(a.float("alpha", 0.2)?, a.float("beta", 0.5)?)))
    }),
    row("HardSwish", (1, 1), &[], TABLE, |_| Ok(Op::Unary(Unary::HardSwish))),
    row("Identity", (1, 1), &[], "Removed.", |_| Ok(Op::Identity)),
    row(
        "LayerNormalization",
        (2, 3),
        &["axis", "epsilon", "stash_type"],
        "Over the last axes, at most 16384 features; constant scale and bias.",
        |a| Ok(Op::LayerNormalization { axis: a.int("axis", -1)?, epsilon: a.float("epsilon", 1e-5)? }),
    ),
    row("LeakyRelu", (1, 1), &["alpha"], TABLE, |a| Ok(Op::Unary(Unary::LeakyRelu(a.float("alpha", 0.01)?)))),
    row("Log", (1, 1), &[], TABLE, |_| Ok(Op::Unary(Unary::Log))),
    row("MatMul", (2, 2), &[], "Any batch; the second matrix constant or computed.", |_| Ok(Op::MatMul)),
    row("Max", (1, 2), &[], "With a constant: a table.", |_| Ok(Op::Binary(Binary::Max))),
    row("MaxPool", (1, 1), WINDOW, "Images and lines; any window.", max_pool),
    row("Min", (1, 2), &[], "With a constant: a table.", |_| Ok(Op::Binary(Binary::Min))),
    row("Mish", (1, 1), &[], TABLE, |_| Ok(Op::Unary(Unary::Mish))),
    row("Mul", (2, 2), &[], FOUR, |_| Ok(Op::Binary(Binary::Mul))),
    row("Neg", (1, 1), &[], TABLE, |_| Ok(Op::Unary(Unary::Neg))),
    row("PRelu", (2, 2), &[], "A constant slope for all, or by channel.", |_| Ok(Op::PRelu)),
    row("Pad", (2, 4), &["mode"], "Constant pads; constant, edge, reflect and wrap.", pad),
    row("Pow", (2, 2), &[], "A constant power: a table.", |_| Ok(Op::Binary(Binary::Pow))),
    quantized(
        "QGemm",
        (9, 9),
        &["alpha", "transA", "transB"],
        Quantized::Triples { count: 2, bias: Some(6), result: 7 },
        gemm,
    ),
    quantized("QLinearAdd", (8, 8), &[], PAIR, |_| Ok(Op::Binary(Binary::Add))),
    quantized(
        "QLinearAveragePool",
        (4, 5),
        &["auto_pad", "ceil_mode", "channels_last", "count_include_pad", "kernel_shape", "pads", "strides"],
        ONE,
        average_pool,
    ),
    quantized("QLinearConcat", (5, MANY), &["axis"], Quantized::ResultFirst, |a| {
        Ok(Op::Concat { axis: a.optional_int("axis")?.ok_or("axis is missing")? })
    }),
    quantized("QLinearConv", (8, 9), CONV, Quantized::Triples { count: 2, bias: Some(8), result: 6 }, conv),
    quantized("QLinearGlobalAveragePool", (5, 5), &["channels_last"], ONE, |a| {
        a.only_int("channels_last", 0)?;
        Ok(Op::GlobalAveragePool)
    }),
    quantized("QLinearLeakyRelu", (4, 5), &["alpha"], ONE, |a| {
        Ok(Op::Unary(Unary::LeakyRelu(a.float("alpha", 0.01)?)))
    }),
    quantized("QLinearMatMul", (8, 8), &[], PAIR, |_| Ok(Op::MatMul)),
    quantized("QLinearMul", (8, 8), &[], PAIR, |_| Ok(Op::Binary(Binary::Mul))),
    quantized("QLinearSigmoid", (4, 5), &[], ONE, |_| Ok(Op::Unary(Unary::Sigmoid))),
    quantized("QLinearSoftmax", (5, 5), &["axis", "opset"], ONE, |a| Ok(Op::Softmax { axis: a.int("axis", -1)? })),
    microsoft(row(
        "QuantizeLinear",
        (2, 3),
        &["axis", "block_size", "output_dtype", "precision", "saturate"],
        "To int8 or uint8, per tensor, any zero point; of constants also per channel.",
        quantize,
    )),
    row(
        "RMSNormalization",
        (2, 2),
        &["axis", "epsilon", "stash_type"],
        "Over the last axes, at most 16384 features; constant scale.",
        |a| Ok(Op::RmsNormalization { axis: a.int("axis", -1)?, epsilon: a.float("epsilon", 1e-5)? }),
    ),
    row("Range", (3, 3), &[], FOLDED, |_| Ok(Op::Range)),
    row("Reciprocal", (1, 1), &[], TABLE, |_| Ok(Op::Unary(Unary::Reciprocal))),
    row("ReduceMax", (1, 2), &["axes", "keepdims", "noop_with_empty_axes"], "Any constant axes.", |a| {
        reduce(a, Reduction::Max)
    }),
    row("ReduceMean", (1, 2), &["axes", "keepdims", "noop_with_empty_axes"], "Any constant axes.", |a| {
        reduce(a, Reduction::Mean)
    }),
    row("ReduceSum", (1, 2), &["axes", "keepdims", "noop_with_empty_axes"], "Any constant axes.", |a| {
        reduce(a, Reduction::Sum)
    }),
    row("Relu", (1, 1), &[], BOUND, |_| Ok(Op::Unary(Unary::Relu))),
    row("Reshape", (2, 2), &["allowzero"], MOVED, |a| Ok(Op::Reshape { allow_zero: a.flag("allowzero", false)? })),
    row(
        "Resize",
        (1, 4),
        &[
            "antialias",
            "axes",
            "coordinate_transformation_mode",
            "cubic_coeff_a",
            "exclude_outside",
            "extrapolation_value",
            "keep_aspect_ratio_policy",
            "mode",
            "nearest_mode",
        ],
        "Nearest and linear; constant scales or sizes; weights of 6 bits.",
        resize,
    ),
    row("Selu", (1, 1), &["alpha", "gamma"], TABLE, |a| {
        Ok(Op::Unary(Unary::Selu(a.float("alpha", 1.673_263_2)?, a.float("gamma", 1.050_701)?)))
    }),
    row("Shape", (1, 1), &["end", "start"], FOLDED, |a| {
        Ok(Op::Shape { start: a.int("start", 0)?, end: a.optional_int("end")? })
    }),
    row("Sigmoid", (1, 1), &[], TABLE, |_| Ok(Op::Unary(Unary::Sigmoid))),
    row("Sign", (1, 1), &[], TABLE, |_| Ok(Op::Unary(Unary::Sign))),
    row("Slice", (3, 5), &[], "Constant starts, ends, axes, steps; also backwards.", |_| Ok(Op::Slice)),
    row("Softmax", (1, 1), &["axis"], "Any axis.", |a| Ok(Op::Softmax { axis: a.int("axis", -1)? })),
    row("Softplus", (1, 1), &[], TABLE, |_| Ok(Op::Unary(Unary::Softplus))),
    row("Softsign", (1, 1), &[], TABLE, |_| Ok(Op::Unary(Unary::Softsign))),
    row("Split", (1, 2), &["axis", "num_outputs"], MOVED, |a| {
        Ok(Op::Split { axis: a.int("axis", 0)?, index: 0, parts: 1 })
    }),
    row("Sqrt", (1, 1), &[], TABLE, |_| Ok(Op::Unary(Unary::Sqrt))),
    row("Squeeze", (1, 2), &[], MOVED, |_| Ok(Op::Squeeze)),
    row("Sub", (2, 2), &[], FOUR, |_| Ok(Op::Binary(Binary::Sub))),
    row("Swish", (1, 1), &["alpha"], TABLE, |a| Ok(Op::Unary(Unary::Swish(a.float("alpha", 1.0)?)))),
    row("Tanh", (1, 1), &[], TABLE, |_| Ok(Op::Unary(Unary::Tanh))),
    row("ThresholdedRelu", (1, 1), &["alpha"], TABLE, |a| {
        Ok(Op::Unary(Unary::ThresholdedRelu(a.float("alpha", 1.0)?)))
    }),
    row("Tile", (2, 2), &[], MOVED, |_| Ok(Op::Tile)),
    row("Transpose", (1, 1), &["perm"], MOVED, |a| Ok(Op::Transpose { perm: a.ints("perm") })),
    row("Unsqueeze", (2, 2), &[], MOVED, |_| Ok(Op::Unsqueeze)),
];

/// The row of an operator.
#[must_use]
pub fn operator(name: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|o| o.name == name)
}
