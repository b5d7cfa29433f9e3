//! The digits model: compiled, measured on 200 digits, run on the accelerator.

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use isa::Leaf;
use isa::program::Program;
use proof_bridge::Loaded;
use serde::Serialize;
use sim::{Engine, Perf, StepEngine};

use crate::answer::{Answer, Ended, compare, describe, on_fast};
use crate::commands::compile::{compile, model_root};
use crate::commands::hex;
use crate::machine::{self, Simulation};
use crate::npz;
use crate::output::go_on;
use crate::request::requests;

const MODEL: &[u8] = include_bytes!("../../../models/digits/digits.onnx");
const DIGITS: &[u8] = include_bytes!("../../../models/digits/digits_200.npz");

/// What came out of the compiler.
#[derive(Serialize)]
pub(super) struct Compiled {
    pub(super) program_bytes: u64,
    pub(super) instructions: u64,
    pub(super) macs: u64,
    pub(super) model_root: String,
    pub(super) seconds: f64,
}

/// How well the model reads digits.
#[derive(Serialize)]
pub(super) struct Accuracy {
    pub(super) digits: usize,
    pub(super) right: usize,
    pub(super) percent: f64,
    pub(super) same_class_as_onnx_runtime: usize,
    pub(super) largest_lsb_from_onnx_runtime: u32,
    pub(super) seconds: f64,
}

/// One digit on the accelerator.
#[derive(Serialize)]
pub(super) struct Simulated {
    pub(super) class: usize,
    pub(super) steps: u64,
    pub(super) digest: String,
    pub(super) final_root: String,
    pub(super) cycles_per_second: f64,
    #[serde(flatten)]
    pub(super) perf: Perf,
}

/// The model and its test data.
pub(super) struct Digits {
    pub(super) program: Program,
    pub(super) inputs: Vec<Vec<Leaf>>,
    pub(super) compiled: Compiled,
}

impl Digits {
    pub(super) fn compile(target: &str) -> Result<Digits> {
        let started = Instant::now();
        let result = compile(MODEL, "digits", target, None)?;
        let seconds = started.elapsed().as_secs_f64();
        let program = result.program;
        let compiled = Compiled {
            program_bytes: program.write().len() as u64,
            instructions: program.text.len() as u64,
            macs: program.metadata.layers.iter().map(|layer| layer.macs).sum(),
            model_root: hex(&model_root(&program)?),
            seconds,
        };
        let inputs = requests(&program, &npz::parse(DIGITS)?)?;
        ensure!(inputs.len() >= 2, "the demo needs two digits");
        Ok(Digits { program, inputs, compiled })
    }

    /// All digits on the fast executor.
    pub(super) fn classify(&self) -> Result<Accuracy> {
        let started = Instant::now();
        let answers = on_fast(&self.program, &self.inputs, None)?;
        let seconds = started.elapsed().as_secs_f64();
        let found = compare(&self.program, &answers, &npz::parse(DIGITS)?, Some("label"), Some("ort_logits"))?;
        let digits = answers.len();
        let right = found.labels.context("no labels")?;
        Ok(Accuracy {
            digits,
            right,
            percent: 100.0 * right as f64 / digits as f64,
            same_class_as_onnx_runtime: found.reference_classes.context("no reference")?,
            largest_lsb_from_onnx_runtime: found.reference_largest_lsb.context("no reference")?,
            seconds,
        })
    }

    /// The first digit on the accelerator and on the executor, which must agree in everything.
    pub(super) fn simulate(&self, target: &str) -> Result<Simulated> {
        let input = &self.inputs[0];
        let reference = StepEngine.run(&self.program, input, &mut |_| go_on())?;
        let mut engine = machine::rtl(&machine::target(target)?, &Simulation::default())?;
        let started = Instant::now();
        let outcome = engine.run(&self.program, input, &mut |_| go_on())?;
        let seconds = started.elapsed().as_secs_f64();
        if let Some(difference) = outcome.difference(&reference) {
            bail!("the accelerator differs from the executor: {difference}");
        }
        let ended = Ended { status: outcome.status, steps: outcome.steps, output: &outcome.output };
        let Answer { class, final_root, steps, .. } =
            describe(&self.program, Loaded::new(&self.program)?.model(), input, &ended)?;
        let perf = outcome.perf.context("the simulator counts no cycles")?;
        Ok(Simulated {
            class: class.context("the model has no output")?,
            steps,
            digest: format!("{:016x}", outcome.digest),
            final_root,
            cycles_per_second: perf.counters.cycles as f64 / seconds,
            perf,
        })
    }
}
