//! What quantisation costs: each tensor of the integer graph against the same tensor in reals.
//!
//! A float model is compared with itself; a model that came quantised with itself without the rounding of its
//! activations ([`float::evaluate_unrounded`]). Errors add up from layer to layer, as they do in a run.

use std::collections::BTreeMap;

use ndarray::ArrayD;

use crate::calibrate::{Calibration, Sample};
use crate::error::{CompileError, Result};
use crate::graph::{Constant, DType, Graph};
use crate::int_ir::{IntGraph, Port, Quantization};
use crate::reference::{float, integer};
use crate::{calibrate, fuse, import, quantize, shapes, simplify};

/// How far a tensor is from its reals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TensorError {
    /// What one step of its integers stands for.
    pub step: f32,
    /// Root of the mean squared error, in steps.
    pub rms_steps: f64,
    /// Largest error, in steps.
    pub largest_steps: f64,
    /// Power of the reals over that of the errors, in decibels; infinite where there is no error.
    pub signal_to_noise_db: f64,
}

/// The errors of all tensors that both have, by name; on the first sample, or else on random inputs over the range of each.
///
/// # Errors
/// As [`crate::compile`].
pub fn errors(onnx: &[u8], calibration: Option<&Calibration>) -> Result<BTreeMap<String, TensorError>> {
    let graph = simplify::run(shapes::run(import::run(onnx)?)?)?;
    let quantized = match calibration {
        Some(calibration) => calibrate::run(graph.clone(), calibration)?,
        None => graph.clone(),
    };
    let integers = fuse::run(quantize::run(&quantized)?);
    let sample = match calibration.and_then(|calibration| calibration.samples.first()) {
        Some(sample) => sample.clone(),
        None => random(&integers)?,
    };
    let inputs: Option<Vec<ArrayD<i32>>> =
        integers.inputs.iter().map(|port| Some(integers_of(&integers, port, sample.get(&port.name)?))).collect();
    let inputs = inputs.ok_or_else(|| CompileError::model("the sample lacks an input"))?;
    // Each takes seconds for billions of products.
    let (machine, reals) = std::thread::scope(|scope| {
        let reals = scope.spawn(|| match calibration {
            Some(_) => float::evaluate(&graph, &sample),
            None => float::evaluate_unrounded(&quantized, &sample),
        });
        (integer::evaluate(&integers, &inputs), reals.join())
    });
    let reals = reals.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let mut errors = BTreeMap::new();
    for (tensor, values) in integers.tensors.iter().zip(&machine) {
        let Some((q, real)) = tensor.quantization.zip(real(&reals, &graph, &tensor.name)) else { continue };
        if real.len() == values.len() {
            errors.insert(tensor.name.clone(), compare(q, values, &real.reals()));
        }
    }
    Ok(errors)
}

/// The real value of a tensor: calibration puts `.quantized` behind the names of a float model.
fn real<'a>(reals: &'a BTreeMap<String, Constant>, graph: &Graph, name: &str) -> Option<&'a Constant> {
    let own = name.strip_suffix(".quantized").map(|name| name.strip_suffix(".calibrated").unwrap_or(name));
    let known = |name: &&str| reals.contains_key(*name) || graph.types.contains_key(*name);
    let name = own.filter(known).unwrap_or(name);
    reals.get(name).filter(|real| real.dtype() == DType::F32)
}

fn compare(q: Quantization, values: &ArrayD<i32>, reals: &ArrayD<f32>) -> TensorError {
    let step = f64::from(q.scale);
    let (mut noise, mut signal, mut largest) = (0.0, 0.0, 0.0f64);
    for (&value, &real) in values.iter().zip(reals.iter()) {
        let real = f64::from(real);
        let error = f64::from(value - i32::from(q.zero_point_i8())) * step - real;
        noise += error * error;
        signal += real * real;
        largest = largest.max(error.abs());
    }
    let rms = (noise / values.len().max(1) as f64).sqrt();
    TensorError {
        step: q.scale,
        rms_steps: rms / step,
        largest_steps: largest / step,
        signal_to_noise_db: if noise == 0.0 { f64::INFINITY } else { 10.0 * (signal / noise).log10() },
    }
}

/// An input as the machine has it.
fn integers_of(graph: &IntGraph, port: &Port, value: &Constant) -> ArrayD<i32> {
    let tensor = graph.tensor(port.tensor);
    match (value, tensor.quantization) {
        (Constant::F32(reals), Some(q)) => reals.mapv(|real| q.quantize(real).into()),
        (Constant::I8(values), _) => values.mapv(i32::from),
        (Constant::U8(values), _) => values.mapv(|value| i32::from(value) - 128),
        (other, _) => other.integers().map_or_else(|| ArrayD::zeros(tensor.shape.clone()), |v| v.mapv(|v| v as i32)),
    }
}

/// A sample whose elements are spread about the middle of each input's range; indices are 0.
fn random(graph: &IntGraph) -> Result<Sample> {
    let mut state = 1u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as i32 - 128
    };
    let mut sample = Sample::new();
    for port in &graph.inputs {
        let tensor = graph.tensor(port.tensor);
        let count = tensor.shape.iter().product();
        let mut values: Vec<i8> = Vec::with_capacity(count);
        values.resize_with(count, || ((uniform() + uniform() + uniform() + uniform()) / 3).clamp(-128, 127) as i8);
        let value = match (port.dtype, tensor.quantization) {
            (DType::I8, _) => Constant::i8s(&tensor.shape, values),
            (DType::U8, _) => Constant::u8s(&tensor.shape, values.iter().map(|v| v.cast_unsigned() ^ 128).collect()),
            (DType::F32, Some(q)) => Constant::f32s(&tensor.shape, values.iter().map(|&v| q.dequantize(v)).collect()),
            (DType::I32, _) => Constant::i32s(&tensor.shape, vec![0; count]),
            _ => Constant::i64s(&tensor.shape, vec![0; count]),
        };
        let value = value.ok_or_else(|| CompileError::model("an input of another shape"))?;
        sample.insert(port.name.clone(), value);
    }
    Ok(sample)
}
