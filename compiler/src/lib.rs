//! The compiler: an ONNX model to a program of the machine.
//!
//! One pass a file, each a function from one form of the model to the next:
//!
//! | pass | from → to |
//! |---|---|
//! | [`import`] | ONNX bytes → [`graph`] |
//! | [`shapes`] | graph → graph in order, with types |
//! | [`quantize`] | graph → [`int_ir`] |
//! | [`fuse`] | integer IR → integer IR without sums |
//!
//! [`reference`] evaluates both forms; it is what the passes and programs are tested against.

mod attributes;
mod error;
pub mod fuse;
pub mod graph;
pub mod import;
pub mod int_ir;
pub mod ops;
pub mod quantize;
pub mod reference;
mod requant;
pub mod shapes;
mod weights;
mod wire;

pub use error::{CompileError, Result};
pub use ops::{OPERATORS, Operator, operators_markdown};
