//! The compiler: an ONNX model to a program of the machine.
//!
//! [`compile`] is the whole way. One pass a file, each a function from one form of the model to the next:
//!
//! | pass | from → to |
//! |---|---|
//! | [`import`] | ONNX bytes → [`graph`] |
//! | [`shapes`] | graph → graph in order, with types |
//! | [`simplify`] | graph → the same of fewer nodes |
//! | [`calibrate`] | float graph → Q/DQ graph, where inputs are given for it |
//! | [`quantize`] | Q/DQ graph → [`int_ir`] |
//! | [`fuse`] | integer IR → the same of fewer operations |
//! | `plan` | integer IR → values in rows, and the tasks that make them |
//! | `memory` | where each value lies: on chip, in DRAM |
//! | `lower` | tasks → instructions and constants, strip by strip |
//! | `schedule` | instructions → the same in an order that lets units work at once |
//! | `select` | runs the last four passes in several ways, and takes the program that is predicted to take least |
//!
//! [`mod@reference`] evaluates both forms of a model; it is what passes and programs are tested against.

mod attributes;
pub mod calibrate;
mod error;
pub mod fuse;
pub mod graph;
pub mod idiom;
pub mod import;
pub mod int_ir;
mod lower;
mod memory;
pub mod ops;
pub mod outline;
mod plan;
mod predict;
pub mod quality;
pub mod quantize;
pub mod reference;
mod report;
mod requant;
mod schedule;
mod select;
pub mod shapes;
pub mod simplify;
mod text;
mod wire;

use isa::program::Program;

pub use calibrate::Calibration;
pub use error::{CompileError, Result};
pub use ops::{OPERATORS, Operator, operators_markdown};
pub use predict::{Prediction, Predictor};
pub use report::{LayerReport, Report};

/// What the machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetLimits {
    /// log₂ rows of spad.
    pub spad_log2: u8,
    /// log₂ row32s of acc.
    pub acc_log2: u8,
}

impl Default for TargetLimits {
    /// 256 KiB of spad, 128 KiB of acc.
    fn default() -> TargetLimits {
        TargetLimits { spad_log2: 13, acc_log2: 10 }
    }
}

/// How to compile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Name of the program in its metadata.
    pub name: String,
    /// Sizes of the target.
    pub target: TargetLimits,
    /// Most micro-steps of a run; exactly what the program takes if not given.
    pub step_limit: Option<u64>,
    /// Inputs to quantise float values by; without, the model must be quantised.
    pub calibration: Option<Calibration>,
    /// What programs take on the target; without, rules choose how layers are cut.
    pub predictor: Option<Predictor>,
}

/// A program and what there is to say about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// The program.
    pub program: Program,
    /// Layers and sizes.
    pub report: Report,
}

/// Compiles an ONNX model. The same bytes and options give the same program.
///
/// # Errors
/// Whatever is no supported model, with the node's name, its operator and the reason; a model that does not fit.
pub fn compile(onnx: &[u8], options: &Options) -> Result<Compiled> {
    compile_integers(&integers(onnx, options.calibration.as_ref())?, options)
}

/// The second half of [`compile`]: a graph of integer operations to a program.
///
/// # Errors
/// What no lowering has, with the operation's name and the reason; a model that does not fit.
pub fn compile_integers(integer: &int_ir::IntGraph, options: &Options) -> Result<Compiled> {
    let most = isa::MAX_ONCHIP_LOG2;
    if options.target.spad_log2 > most || options.target.acc_log2 > most {
        return Err(CompileError::model(format!("the target's spad or acc has more than 2^{most} rows")));
    }
    select::run(integer, options)
}

/// The first half of [`compile`]: the model's meaning in integers.
///
/// # Errors
/// As [`compile`], but for what does not fit.
pub fn integer_graph(onnx: &[u8]) -> Result<int_ir::IntGraph> {
    integers(onnx, None)
}

/// As [`integer_graph`]; float values are quantised by their ranges on the given inputs.
///
/// # Errors
/// As [`integer_graph`]; inputs that do not fit the model.
pub fn calibrated_graph(onnx: &[u8], calibration: &Calibration) -> Result<int_ir::IntGraph> {
    integers(onnx, Some(calibration))
}

fn integers(onnx: &[u8], calibration: Option<&Calibration>) -> Result<int_ir::IntGraph> {
    let graph = simplify::run(shapes::run(import::run(onnx)?)?)?;
    let graph = match calibration {
        Some(calibration) => calibrate::run(graph, calibration)?,
        None => graph,
    };
    let integer = fuse::run(quantize::run(&graph)?);
    debug_assert_eq!(int_ir::check(&integer), Ok(()));
    Ok(integer)
}
