//! The operators that can be imported: one row each, from which the parser and `docs/operators.md` derive.

use std::fmt::Write as _;

use crate::attributes::Attributes;

/// Padding of a sliding window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Top, left, bottom, right.
    Explicit([usize; 4]),
    /// Output size = input size / stride, the odd pixel at the end.
    SameUpper,
    /// The same with the odd pixel at the beginning.
    SameLower,
}

/// A two-dimensional sliding window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Height, width; a convolution may leave it to the shape of its weights.
    pub kernel: Option<[usize; 2]>,
    /// Steps down and right.
    pub strides: [usize; 2],
    /// Padding.
    pub padding: Padding,
    /// Distances between taps.
    pub dilations: [usize; 2],
}

/// An operator with its attributes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// Elementwise sum (a bias).
    Add,
    /// Elementwise clamp.
    Clip,
    /// Convolution.
    Conv(Window),
    /// Integers to reals.
    DequantizeLinear {
        /// Axis of per-channel parameters.
        axis: i64,
    },
    /// To two dimensions.
    Flatten {
        /// First axis of the second dimension.
        axis: i64,
    },
    /// Matrix product with bias.
    Gemm {
        /// The weights are given as [out, in].
        transposed_weights: bool,
    },
    /// Nothing.
    Identity,
    /// Matrix product.
    MatMul,
    /// Maximum over windows.
    MaxPool(Window),
    /// Reals to integers.
    QuantizeLinear {
        /// Axis of per-channel parameters.
        axis: i64,
    },
    /// max(x, 0).
    Relu,
    /// Another shape, the same elements.
    Reshape {
        /// A 0 in the shape means 0, not "as before".
        allow_zero: bool,
    },
}

impl Op {
    /// ONNX's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Op::Add => "Add",
            Op::Clip => "Clip",
            Op::Conv(_) => "Conv",
            Op::DequantizeLinear { .. } => "DequantizeLinear",
            Op::Flatten { .. } => "Flatten",
            Op::Gemm { .. } => "Gemm",
            Op::Identity => "Identity",
            Op::MatMul => "MatMul",
            Op::MaxPool(_) => "MaxPool",
            Op::QuantizeLinear { .. } => "QuantizeLinear",
            Op::Relu => "Relu",
            Op::Reshape { .. } => "Reshape",
        }
    }
}

/// One row of the table of operators.
pub struct Operator {
    /// ONNX operator of the default domain.
    pub name: &'static str,
    /// Fewest and most inputs.
    pub arity: (usize, usize),
    /// Attributes that are read; any other is an error.
    pub attributes: &'static [&'static str],
    /// What is supported of it, one sentence.
    pub supported: &'static str,
    pub(crate) parse: fn(&Attributes) -> Result<Op, String>,
}

/// Every operator that can be imported, by name.
pub const OPERATORS: &[Operator] = &[
    Operator {
        name: "Add",
        arity: (2, 2),
        attributes: &[],
        supported: "The bias after a `MatMul`, `Gemm` or `Conv`: a constant of one element a channel, or of one element.",
        parse: |_| Ok(Op::Add),
    },
    Operator {
        name: "Clip",
        arity: (1, 3),
        attributes: &[],
        supported: "Constant bounds; between `Conv`, `Gemm`, `MatMul`, `MaxPool` and their `QuantizeLinear`.",
        parse: |_| Ok(Op::Clip),
    },
    Operator {
        name: "Constant",
        arity: (0, 0),
        attributes: &["value"],
        supported: "`value`, a tensor.",
        parse: |_| Err("a constant is folded at import".into()),
    },
    Operator {
        name: "Conv",
        arity: (2, 3),
        attributes: &["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"],
        supported: "Two-dimensional, batch 1, group 1; any kernel, stride, padding, dilation; constant int8 weights with zero point 0.",
        parse: |a| match a.int("group", 1)? {
            1 => Ok(Op::Conv(a.window()?)),
            group => Err(format!("group = {group}; only 1 is supported")),
        },
    },
    Operator {
        name: "DequantizeLinear",
        arity: (2, 3),
        attributes: &["axis", "block_size", "output_dtype"],
        supported: "int8 and uint8 activations per tensor; int8 weights and int32 biases per tensor or per channel.",
        parse: |a| {
            a.only_int("block_size", 0)?;
            a.only_int("output_dtype", 0)?;
            Ok(Op::DequantizeLinear { axis: a.int("axis", 1)? })
        },
    },
    Operator {
        name: "Flatten",
        arity: (1, 1),
        attributes: &["axis"],
        supported: "Any axis; what reads it must be a `Gemm`, a `MatMul` or another reshape.",
        parse: |a| Ok(Op::Flatten { axis: a.int("axis", 1)? }),
    },
    Operator {
        name: "Gemm",
        arity: (2, 3),
        attributes: &["alpha", "beta", "transA", "transB"],
        supported: "One row (batch 1); constant int8 weights with zero point 0; `alpha` = `beta` = 1, `transA` = 0.",
        parse: |a| {
            a.only_float("alpha", 1.0)?;
            a.only_float("beta", 1.0)?;
            a.only_int("transA", 0)?;
            Ok(Op::Gemm { transposed_weights: a.int("transB", 0)? != 0 })
        },
    },
    Operator { name: "Identity", arity: (1, 1), attributes: &[], supported: "Removed.", parse: |_| Ok(Op::Identity) },
    Operator {
        name: "MatMul",
        arity: (2, 2),
        attributes: &[],
        supported: "One row (batch 1) times constant int8 weights with zero point 0.",
        parse: |_| Ok(Op::MatMul),
    },
    Operator {
        name: "MaxPool",
        arity: (1, 1),
        attributes: &["auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides"],
        supported: "Two-dimensional, batch 1, `ceil_mode` = 0; any kernel, stride, padding, dilation.",
        parse: |a| {
            a.only_int("ceil_mode", 0)?;
            a.only_int("storage_order", 0)?;
            let window = a.window()?;
            if window.kernel.is_none() {
                return Err("kernel_shape is missing".into());
            }
            Ok(Op::MaxPool(window))
        },
    },
    Operator {
        name: "QuantizeLinear",
        arity: (2, 3),
        attributes: &["axis", "block_size", "output_dtype", "precision", "saturate"],
        supported: "To int8 or uint8, per tensor, any zero point.",
        parse: |a| {
            a.only_int("block_size", 0)?;
            a.only_int("precision", 0)?;
            a.only_int("saturate", 1)?;
            match a.int("output_dtype", 0)? {
                0 => Ok(Op::QuantizeLinear { axis: a.int("axis", 1)? }),
                other => Err(format!("output_dtype = {other}; give a zero point of the wanted type instead")),
            }
        },
    },
    Operator {
        name: "Relu",
        arity: (1, 1),
        attributes: &[],
        supported: "Between `Conv`, `Gemm`, `MatMul`, `MaxPool` and their `QuantizeLinear`; becomes a bound of the requantisation.",
        parse: |_| Ok(Op::Relu),
    },
    Operator {
        name: "Reshape",
        arity: (2, 2),
        attributes: &["allowzero"],
        supported: "Constant shape; what reads it must be a `Gemm`, a `MatMul` or another reshape.",
        parse: |a| Ok(Op::Reshape { allow_zero: a.int("allowzero", 0)? != 0 }),
    },
];

/// The row of an operator.
#[must_use]
pub fn operator(name: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|o| o.name == name)
}

/// First and last supported version of ONNX's default operator set.
pub const OPSETS: (i64, i64) = (13, 22);

/// The text of `docs/operators.md`.
#[must_use]
pub fn operators_markdown() -> String {
    let mut out = String::from(
        "<!-- Generated by `cargo xtask codegen` from compiler/src/ops.rs; do not edit. -->\n# Supported operators\n\n",
    );
    let _ = writeln!(
        out,
        "ONNX operator sets {} to {}, default domain, int8 models in Q/DQ form (`QuantizeLinear` / `DequantizeLinear` around every \
         operator, as ONNX Runtime's static quantiser writes them). Anything else is an error that names the node.\n",
        OPSETS.0, OPSETS.1
    );
    out.push_str("| operator | supported | attributes read |\n|---|---|---|\n");
    for op in OPERATORS {
        let attributes = op.attributes.iter().map(|a| format!("`{a}`")).collect::<Vec<_>>().join(", ");
        let _ = writeln!(out, "| {} | {} | {attributes} |", op.name, op.supported);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operators.md");
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(page, operators_markdown(), "docs/operators.md is stale: run `cargo xtask codegen`");
    }

    #[test]
    fn rows_are_sorted_and_unique() {
        assert!(OPERATORS.windows(2).all(|w| w[0].name < w[1].name));
    }
}
