//! `systole compile`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use compiler::calibrate::{Calibration, Method};
use compiler::graph::Constant;
use compiler::{Compiled, Options, Prediction, Predictor, TargetLimits};
use isa::program::{Data, Program};
use proof_bridge::Loaded;
use serde_json::json;

use super::estimate::Memory;
use super::hex;
use crate::estimate::Setting;
use crate::npz::{self, Values};
use crate::output::{Output, thousands};

/// Compile an ONNX model to a program.
#[derive(Args)]
pub(crate) struct Compile {
    /// The model: ONNX, quantised to int8 (Q/DQ), or float with inputs to calibrate on.
    model: PathBuf,
    /// The program.
    #[arg(short, long)]
    output: PathBuf,
    /// The machine it must fit, and takes few cycles of: a name or a JSON file.
    #[arg(long, default_value = "p16")]
    target: String,
    /// Most micro-steps of a run; by default the compiler's own bound for this model.
    #[arg(long)]
    step_limit: Option<u64>,
    #[command(flatten)]
    calibrate: Calibrate,
    /// Write a report into this folder: `index.html`, its pictures and `report.json`.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    #[command(flatten)]
    memory: Memory,
}

/// How float values are quantised.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Calibrate {
    /// Inputs to quantise float values by: arrays by name, one sample or many along the first axis.
    #[arg(long, value_name = "X.npz")]
    calibrate: Option<PathBuf>,
    /// How ranges are chosen: all that was seen, all but a hundredth of a percent, or the least mean squared error.
    #[arg(long, value_enum, default_value_t, requires = "calibrate")]
    calibrate_by: Ranges,
}

impl Calibrate {
    /// The samples, if there are any.
    pub(crate) fn read(&self, onnx: &[u8]) -> Result<Option<Calibration>> {
        let Some(path) = &self.calibrate else { return Ok(None) };
        calibration(onnx, path, self.calibrate_by).with_context(|| path.display().to_string()).map(Some)
    }
}

/// How the range of a value is chosen.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Ranges {
    #[default]
    Minmax,
    Percentile,
    Mse,
}

/// The samples of a file of arrays.
fn calibration(onnx: &[u8], path: &Path, by: Ranges) -> Result<Calibration> {
    let mut arrays = BTreeMap::new();
    for (name, array) in npz::read(path)? {
        let shape = array.shape.iter().map(|&d| usize::try_from(d)).collect::<Result<Vec<_>, _>>()?;
        let value = match array.values {
            Values::Data(Data::Float32(v)) => Constant::f32s(&shape, v),
            Values::Data(Data::Int8(v)) => Constant::i8s(&shape, v),
            Values::Data(Data::Uint8(v)) => Constant::u8s(&shape, v),
            Values::Data(Data::Int32(v)) => Constant::i32s(&shape, v),
            Values::Int64(v) => Constant::i64s(&shape, v),
        };
        arrays.insert(name.clone(), value.with_context(|| format!("array `{name}` does not fill its shape"))?);
    }
    let method = match by {
        Ranges::Minmax => Method::MinMax,
        Ranges::Percentile => Method::Percentile(0.01),
        Ranges::Mse => Method::MeanSquare,
    };
    Ok(Calibration { samples: compiler::calibrate::samples(onnx, &arrays)?, method })
}

impl Compile {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        let shown = self.model.display();
        let onnx = std::fs::read(&self.model).with_context(|| format!("cannot read {shown}"))?;
        let setting = self.memory.setting(&self.target)?;
        let started = Instant::now();
        let compiled = compile_file(&self.model, &onnx, &setting, &self.calibrate, self.step_limit)?;
        let seconds = started.elapsed().as_secs_f64();
        let bytes = compiled.program.write();
        std::fs::write(&self.output, &bytes).with_context(|| format!("cannot write {}", self.output.display()))?;
        if let Some(folder) = &self.report {
            let calibration = self.calibrate.read(&onnx)?;
            let macs: u64 = compiled.report.layers.iter().map(|layer| layer.macs).sum();
            output.say(format_args!("measuring the error of each layer over {} MACs", thousands(macs)));
            crate::report::write(folder, &onnx, &compiled, &setting, calibration.as_ref())?;
        }
        let root = hex(&model_root(&compiled.program)?);
        let report = &compiled.report;
        output.say("operator     output shape           MACs  micro-steps  name");
        for layer in &report.layers {
            let shape = layer.shape.iter().map(u32::to_string).collect::<Vec<_>>().join("×");
            let (macs, steps) = (thousands(layer.macs), thousands(layer.micro_steps));
            output.say(format_args!("{:12} {shape:>12} {macs:>14} {steps:>12}  {}", layer.op, layer.name));
        }
        let macs: u64 = report.layers.iter().map(|layer| layer.macs).sum();
        output.say(format_args!(
            "{}: {} bytes, {} instructions, {} MACs, model root {root}",
            self.output.display(),
            thousands(bytes.len() as u64),
            report.instructions,
            thousands(macs)
        ));
        if let Some(folder) = &self.report {
            output.say(format_args!("written: {}", folder.join("index.html").display()));
        }
        output.object(&json!({
            "program": self.output, "bytes": bytes.len(), "model_root": root, "seconds": seconds, "macs": macs,
            "instructions": report.instructions, "micro_steps": report.micro_steps, "const_rows": report.const_rows,
            "spad_rows": report.spad_rows,
        }))
    }
}

/// Compiles what was read of a file for a machine and its memory.
pub(crate) fn compile_file(
    file: &Path,
    onnx: &[u8],
    setting: &Setting,
    calibrate: &Calibrate,
    step_limit: Option<u64>,
) -> Result<Compiled> {
    let name = file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let calibration = calibrate.read(onnx)?;
    let options = Options { step_limit, calibration, ..options(&name, setting)? };
    compiler::compile(onnx, &options).with_context(|| file.display().to_string())
}

/// Compiles for a named machine, whose memory is as fast as its port.
pub(crate) fn compile(onnx: &[u8], name: &str, target: &str, step_limit: Option<u64>) -> Result<Compiled> {
    let setting = Memory::default().setting(target)?;
    Ok(compiler::compile(onnx, &Options { step_limit, ..options(name, &setting)? })?)
}

/// Layers are cut as the cost model says; for a serial machine, which has none, as rules do.
fn options(name: &str, setting: &Setting) -> Result<Options> {
    let (params, timing) = (setting.params, setting.timing);
    let predict = move |program: &Program, most_cycles: u64| {
        let estimate = cost::estimate_within(program, &params, &timing, most_cycles).ok()?;
        Some(Prediction { cycles: estimate.cycles, busy: estimate.busy_cycles() })
    };
    let limits = TargetLimits { spad_log2: u8::try_from(params.spad_log2)?, acc_log2: u8::try_from(params.acc_log2)? };
    let predictor = Some(Predictor::new(predict));
    Ok(Options { name: name.to_string(), target: limits, predictor, ..Options::default() })
}

/// What the registry will hold of a program.
pub(crate) fn model_root(program: &Program) -> Result<isa::Leaf> {
    Ok(Loaded::new(program)?.model().root())
}
