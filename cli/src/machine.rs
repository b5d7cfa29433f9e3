//! Targets and engines by name.

use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use hdl::Params;
use isa::Leaf;
use isa::program::Program;
use proof_bridge::machine::Executor;
use sim::fast::Workers;
use sim::rtl::Cache;
use sim::{DramConfig, Engine, FastOptions, Outcome, RtlEngine, RtlOptions, RtlParams};

use crate::output::{cycles, go_on};

/// Which engine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    /// The fast executor.
    Fast,
    /// The reference executor, a micro-step at a time.
    Step,
    /// The Verilated accelerator.
    Rtl,
}

impl EngineName {
    pub(crate) fn name(self) -> &'static str {
        match self {
            EngineName::Fast => "fast",
            EngineName::Step => "step",
            EngineName::Rtl => "rtl",
        }
    }
}

/// Options of the fast executor on so many threads; all processors where none are named.
pub(crate) fn fast(threads: Option<usize>) -> Result<FastOptions> {
    if threads == Some(0) {
        bail!("--threads must be at least 1");
    }
    Ok(FastOptions { threads, ..FastOptions::default() })
}

/// An executor whose roots are known at every micro-step.
pub(crate) fn executor(engine: EngineName, threads: Option<usize>) -> Result<Executor> {
    Ok(match engine {
        EngineName::Step => Executor::Step,
        EngineName::Fast => Executor::Fast(Workers::new(&fast(threads)?)?),
        EngineName::Rtl => bail!("the RTL has no roots inside a run"),
    })
}

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
    /// Events to record at most.
    pub(crate) trace_events: Option<usize>,
}

/// The Verilated machine; built on first use, which takes a while.
pub(crate) fn rtl(params: &Params, simulation: &Simulation) -> Result<RtlEngine> {
    let port_bytes = u32::try_from(params.port_bytes)?;
    let mut dram = DramConfig { bytes_per_cycle: port_bytes, ..DramConfig::default() };
    if let Some(bytes) = simulation.dram_bytes_per_cycle {
        if bytes == 0 {
            bail!("--dram-bytes-per-cycle must be at least 1");
        }
        dram.bytes_per_cycle = bytes;
    }
    dram.latency_cycles = simulation.dram_latency.unwrap_or(dram.latency_cycles);
    let waves = simulation.waves.clone();
    let options = RtlOptions { dram, waves, trace_events: simulation.trace_events, ..RtlOptions::default() };
    let verilog = hdl::emit(params)?;
    if !Cache::standard().holds(&verilog, options.waves.is_some()) {
        eprintln!("building the simulator of this machine: once, half a minute or so");
    }
    Ok(RtlEngine::new(&verilog, sizes(params)?, options)?)
}

/// A run on it that shows how far it is, until Ctrl-C.
pub(crate) fn watched(engine: &mut RtlEngine, program: &Program, input: &[Leaf]) -> Result<Outcome> {
    let line = cycles();
    let outcome = engine.run(program, input, &mut |progress| {
        line.set_position(progress.cycles);
        go_on()
    });
    line.finish_and_clear();
    Ok(outcome?)
}

/// Compiles the Verilated machine anew for what it does most in this run; later simulations take that.
pub(crate) fn tune(params: &Params, program: &Program, input: &[Leaf]) -> Result<()> {
    let verilog = hdl::emit(params)?;
    if Cache::standard().tuned(&verilog)?.is_some() {
        return Ok(());
    }
    eprintln!("building the simulator of this machine twice, to count and to be quick: once, two minutes or so");
    let train = |rtl: &mut RtlEngine| rtl.run(program, input, &mut |_| go_on()).map(|_| ());
    Ok(RtlEngine::tune(&verilog, sizes(params)?, train)?)
}

/// What the simulator has to know of a machine.
fn sizes(params: &Params) -> Result<RtlParams> {
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Ok(RtlParams {
        array_rows: small(params.array_rows),
        array_cols: small(params.array_cols),
        spad_log2: u8::try_from(params.spad_log2)?,
        acc_log2: u8::try_from(params.acc_log2)?,
        port_bytes: small(params.port_bytes),
    })
}
