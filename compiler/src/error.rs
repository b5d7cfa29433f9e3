//! What can go wrong between an ONNX file and a program.

use thiserror::Error;

/// Why a model was not compiled. Every message is one line.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum CompileError {
    /// The bytes are no ONNX model at all.
    #[error("not an ONNX model: {0}")]
    NotOnnx(String),
    /// The model as a whole is malformed: cycles, missing values, external data, absurd shapes.
    #[error("malformed model: {0}")]
    Model(String),
    /// One node cannot be compiled.
    #[error("node `{node}` ({op}): {reason}")]
    Node {
        /// Name of the node, or its op and position where it has none.
        node: String,
        /// ONNX operator.
        op: String,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// The model needs more of a space than the target has.
    #[error("node `{node}` ({op}): needs {needed} rows of {space}, the target has {available}: {} too many", needed - available)]
    TooLarge {
        /// Node where the demand is highest.
        node: String,
        /// ONNX operator.
        op: String,
        /// `spad` (32-byte rows) or `acc` (rows of 32 i32).
        space: &'static str,
        /// Rows needed.
        needed: u64,
        /// Rows of the target.
        available: u64,
    },
    /// The program needs more micro-steps than the limit given.
    #[error("the program takes {needed} micro-steps, the limit is {limit}: {} too many", needed - limit)]
    StepLimit {
        /// Micro-steps of a run, `HALT` included.
        needed: u64,
        /// Limit asked for.
        limit: u64,
    },
}

/// Shorthand of this crate.
pub type Result<T, E = CompileError> = std::result::Result<T, E>;

/// A name out of a file, fit for a one-line message: escaped, and cut after 80 characters.
pub(crate) fn printable(name: &str) -> String {
    let mut out: String = name.chars().take(80).flat_map(char::escape_debug).collect();
    if name.chars().nth(80).is_some() {
        out.push('…');
    }
    out
}

impl CompileError {
    pub(crate) fn model(reason: impl Into<String>) -> CompileError {
        CompileError::Model(reason.into())
    }

    pub(crate) fn node(node: &str, op: &str, reason: impl Into<String>) -> CompileError {
        CompileError::Node { node: printable(node), op: printable(op), reason: reason.into() }
    }
}
