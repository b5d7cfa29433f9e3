//! The report of a compilation: a page with its layers, its memories and its graphs, the pictures as files, and the
//! figures as JSON.

mod graph;
mod memory;
mod page;
mod svg;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use compiler::outline::Outline;
use compiler::quality::TensorError;
use compiler::{Calibration, Compiled};
use serde::Serialize;

use crate::estimate::{Forecast, Setting};

/// Products beyond which the reference evaluators take more than minutes.
const MOST_MACS: u64 = 1 << 36;
/// Cycles and rows of the pictures.
const COLUMNS: usize = 400;
const BANDS: usize = 96;

/// How far a layer's result is from its reals.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Error {
    pub(crate) step: f32,
    pub(crate) rms_steps: f64,
    pub(crate) largest_steps: f64,
    /// `None` where there is no error at all.
    pub(crate) signal_to_noise_db: Option<f64>,
}

impl Error {
    fn of(error: &TensorError) -> Error {
        Error {
            step: error.step,
            rms_steps: error.rms_steps,
            largest_steps: error.largest_steps,
            signal_to_noise_db: Some(error.signal_to_noise_db).filter(|db| db.is_finite()),
        }
    }
}

/// What a layer has besides its cost.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct LayerFacts {
    pub(crate) tensor: Option<String>,
    pub(crate) fused: Vec<&'static str>,
    pub(crate) const_bytes: u64,
    /// Rows of spad that its result takes, if it stays on chip.
    pub(crate) on_chip_rows: Option<u64>,
    pub(crate) dram_region: Option<&'static str>,
    pub(crate) error: Option<Error>,
}

/// Everything that the page shows and the JSON holds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    #[serde(flatten)]
    pub(crate) forecast: Forecast,
    /// Beside the forecast's layers.
    pub(crate) facts: Vec<LayerFacts>,
    /// What the errors are measured against.
    pub(crate) compared: String,
    pub(crate) nodes_before: usize,
    pub(crate) tasks_after: usize,
}

/// Writes the report into a folder; the files' names.
pub(crate) fn write(
    folder: &Path,
    onnx: &[u8],
    compiled: &Compiled,
    setting: &Setting,
    calibration: Option<&Calibration>,
) -> Result<Vec<&'static str>> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let cost = cost::estimate(&compiled.program, &setting.params, &setting.timing)?;
    let map = cost::memory_map(&compiled.program, &setting.params, &setting.timing, &cost, (COLUMNS, BANDS))?;
    let forecast = Forecast::of(&compiled.program, setting, cost);
    let (errors, compared) = errors(onnx, calibration, forecast.model_macs)?;
    let before = compiler::outline::nodes(onnx)?;
    let outline = &compiled.report.outline;
    let report = Report {
        facts: facts(&forecast, compiled, &errors),
        forecast,
        compared,
        nodes_before: before.nodes.len(),
        tasks_after: outline.tasks.len(),
    };
    let pictures = page::Pictures {
        memory: memory::draw(&map, &report.forecast),
        before: graph::before(&before),
        after: graph::after(outline),
    };
    let files = [
        ("index.html", page::page(&report, &pictures)),
        ("report.json", serde_json::to_string_pretty(&report)?),
        ("memory.svg", svg::file(&pictures.memory)),
        ("graph_before.svg", svg::file(&pictures.before)),
        ("graph_after.svg", svg::file(&pictures.after)),
    ];
    for (name, text) in &files {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(files.map(|(name, _)| name).to_vec())
}

/// Errors by tensor, and against what they are.
fn errors(
    onnx: &[u8],
    calibration: Option<&Calibration>,
    macs: u64,
) -> Result<(BTreeMap<String, TensorError>, String)> {
    if macs > MOST_MACS {
        return Ok((
            BTreeMap::new(),
            "not measured: the reference evaluator is too slow for a network of this size".into(),
        ));
    }
    let compared = if calibration.is_some() {
        "the float model, on the first sample that it was calibrated on"
    } else {
        "the same model without the rounding of activations, on random inputs"
    };
    Ok((compiler::quality::errors(onnx, calibration)?, compared.into()))
}

/// The facts of each layer: tasks make layers in their order, between those that bring inputs in and outputs out.
fn facts(forecast: &Forecast, compiled: &Compiled, errors: &BTreeMap<String, TensorError>) -> Vec<LayerFacts> {
    let Outline { values, tasks, .. } = &compiled.report.outline;
    let mut next = tasks.iter().peekable();
    let const_bytes = |mark: Option<u32>| {
        let layer = mark.and_then(|mark| compiled.report.layers.get(mark as usize));
        layer.map_or(0, |layer| layer.const_rows * isa::LANES as u64)
    };
    let layers = forecast.layers.iter().map(|layer| {
        let const_bytes = const_bytes(layer.cost.mark);
        let Some(task) = next.next_if(|task| task.name == layer.name && task.op == layer.op) else {
            return LayerFacts { const_bytes, ..LayerFacts::default() };
        };
        let value = &values[task.output];
        LayerFacts {
            fused: task.fused.clone(),
            const_bytes,
            on_chip_rows: value.spad.map(|(_, rows)| rows),
            dram_region: value.dram.map(|(region, _)| region),
            error: value.tensor.as_ref().and_then(|tensor| errors.get(tensor)).map(Error::of),
            tensor: value.tensor.clone(),
        }
    });
    layers.collect()
}
