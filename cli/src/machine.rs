//! Targets and engines by name.

use std::path::Path;

use anyhow::{Context, Result, bail};
use hdl::Params;
use sim::{DramConfig, RtlEngine, RtlOptions, RtlParams};

/// A named parameter set, or one from a JSON file.
pub(crate) fn target(name: &str) -> Result<Params> {
    let params = if Path::new(name).is_file() {
        let text = std::fs::read_to_string(name).with_context(|| format!("cannot read {name}"))?;
        serde_json::from_str(&text).with_context(|| format!("{name} is no parameter set"))?
    } else {
        Params::target(name)?
    };
    params.validate()?;
    Ok(params)
}

/// How the RTL is simulated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Simulation {
    /// `None`: the width of the port.
    pub(crate) dram_bytes_per_cycle: Option<u32>,
    /// Cycles from request to first beat.
    pub(crate) dram_latency: Option<u32>,
    /// FST file.
    pub(crate) waves: Option<std::path::PathBuf>,
}

/// The Verilated machine; built on first use, which takes a while.
pub(crate) fn rtl(params: &Params, simulation: &Simulation) -> Result<RtlEngine> {
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let port_bytes = small(params.port_bytes);
    let mut dram = DramConfig { bytes_per_cycle: port_bytes, ..DramConfig::default() };
    if let Some(bytes) = simulation.dram_bytes_per_cycle {
        if bytes == 0 {
            bail!("--dram-bytes-per-cycle must be at least 1");
        }
        dram.bytes_per_cycle = bytes;
    }
    dram.latency_cycles = simulation.dram_latency.unwrap_or(dram.latency_cycles);
    let rtl = RtlParams {
        array_rows: small(params.array_rows),
        array_cols: small(params.array_cols),
        spad_log2: u8::try_from(params.spad_log2)?,
        acc_log2: u8::try_from(params.acc_log2)?,
        port_bytes,
    };
    let options = RtlOptions { dram, waves: simulation.waves.clone(), ..RtlOptions::default() };
    Ok(RtlEngine::new(&hdl::emit(params)?, rtl, options)?)
}
