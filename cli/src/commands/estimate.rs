//! `systole estimate`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use cost::MemoryTiming;
use isa::program::Program;

use super::compile::{self, Calibrate};
use crate::estimate::{Forecast, Setting};
use crate::machine;
use crate::output::Output;

/// Predict the cycles, bytes and memory of a model or program on a machine, without running it.
#[derive(Args)]
pub(crate) struct EstimateCommand {
    /// A model as for `compile`, or a program.
    file: PathBuf,
    /// The machine: a name or a JSON file.
    #[arg(long, default_value = "p16")]
    target: String,
    #[command(flatten)]
    calibrate: Calibrate,
    #[command(flatten)]
    memory: Memory,
}

/// The memory behind the port, and the clock.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// What the memory delivers; the width of the port if left out.
    #[arg(long, value_name = "N")]
    dram_bytes_per_cycle: Option<u32>,
    /// Cycles from a request to its first beat.
    #[arg(long, value_name = "N")]
    dram_latency: Option<u32>,
    /// The clock that times are told for.
    #[arg(long, value_name = "MHZ", default_value_t = 100)]
    mhz: u32,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory { dram_bytes_per_cycle: None, dram_latency: None, mhz: 100 }
    }
}

impl Memory {
    /// The setting of an estimate.
    pub(crate) fn setting(self, target: &str) -> Result<Setting> {
        let params = machine::target(target)?;
        anyhow::ensure!(self.dram_bytes_per_cycle != Some(0), "--dram-bytes-per-cycle must be at least 1");
        anyhow::ensure!(self.mhz != 0, "--mhz must be at least 1");
        let port = u32::try_from(params.port_bytes)?;
        let default = MemoryTiming::default();
        let timing = MemoryTiming {
            bytes_per_cycle: self.dram_bytes_per_cycle.map_or(port, |bytes| bytes.min(port)),
            latency_cycles: self.dram_latency.unwrap_or(default.latency_cycles),
            ..default
        };
        Ok(Setting { target: target.into(), params, timing, mhz: self.mhz })
    }
}

impl EstimateCommand {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        let shown = self.file.display();
        let bytes = std::fs::read(&self.file).with_context(|| format!("cannot read {shown}"))?;
        let setting = self.memory.setting(&self.target)?;
        let program = if bytes.starts_with(b"SYSTOLE\0") {
            Program::read(&bytes).with_context(|| shown.to_string())?
        } else {
            compile::compile_file(&self.file, &bytes, &setting, &self.calibrate, None)?.program
        };
        let forecast = Forecast::new(&program, &setting).with_context(|| format!("on {}", self.target))?;
        forecast.say(output);
        output.object(&forecast)
    }
}
