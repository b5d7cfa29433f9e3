//! `systole profile`, and the trace of `systole sim`.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use isa::program::Program;
use serde::Serialize;
use sim::Perf;
use sim::rtl::{DEFAULT_EVENTS, Trace};

use super::{one_request, program};
use crate::machine::{self, Simulation};
use crate::output::{Output, thousands};
use crate::profile::page::page;
use crate::profile::{Profile, ProgramNames, Setting, chrome};

/// Show where the cycles of a run went, as a page for a browser.
#[derive(Args)]
pub(crate) struct ProfileCommand {
    /// The program.
    program: PathBuf,
    /// Its input, as for `run`.
    #[arg(long)]
    input: Option<PathBuf>,
    /// Which request of a batch.
    #[arg(long, default_value_t = 0)]
    item: usize,
    /// The page to write; it needs no other file.
    #[arg(long, value_name = "F.html")]
    html: Option<PathBuf>,
    /// The trace to write, as by `sim`.
    #[arg(long, value_name = "F.json")]
    trace: Option<PathBuf>,
    /// The machine: a name or a JSON file.
    #[arg(long, default_value = "p16")]
    target: String,
    /// What the memory delivers; the width of the port if left out.
    #[arg(long, value_name = "N")]
    dram_bytes_per_cycle: Option<u32>,
    /// Cycles from a request to its first beat.
    #[arg(long, value_name = "N")]
    dram_latency: Option<u32>,
    /// Events to record at most; what comes later is only counted.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_EVENTS)]
    events: usize,
}

#[derive(Serialize)]
struct Report<'a> {
    status: isa::Status,
    html: Option<&'a Path>,
    trace: Option<&'a Path>,
    events: usize,
    #[serde(flatten)]
    profile: &'a Profile,
}

impl ProfileCommand {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        let program = program(&self.program)?;
        let params = machine::target(&self.target)?;
        let request = one_request(&program, self.input.as_deref(), self.item)?;
        let simulation = Simulation {
            dram_bytes_per_cycle: self.dram_bytes_per_cycle,
            dram_latency: self.dram_latency,
            trace_events: Some(self.events),
            ..Simulation::default()
        };
        let mut engine = machine::rtl(&params, &simulation)?;
        let outcome = machine::watched(&mut engine, &program, &request)?;
        let trace = engine.take_trace().context("the simulator recorded nothing")?;
        let perf = outcome.perf.as_ref().context("the simulator counted nothing")?;
        let shown = self.program.file_name().unwrap_or_default().to_string_lossy();
        let port = u32::try_from(params.port_bytes)?;
        let bytes_per_cycle = self.dram_bytes_per_cycle.map_or(port, |bytes| bytes.min(port));
        let profile = Profile::new(Setting { program: &shown, target: &self.target, bytes_per_cycle }, perf);
        let names = ProgramNames::of(&program);
        if let Some(path) = &self.html {
            let text = page(&profile, &trace, &names)?;
            std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        if let Some(path) = &self.trace {
            write_trace(path, &program, &trace, perf)?;
        }
        say(output, &profile, &trace);
        for path in [&self.html, &self.trace].into_iter().flatten() {
            output.say(format_args!("written: {}", path.display()));
        }
        output.object(&Report {
            status: outcome.status,
            html: self.html.as_deref(),
            trace: self.trace.as_deref(),
            events: trace.events.len(),
            profile: &profile,
        })?;
        ensure!(outcome.status == isa::Status::Halted, "the run trapped: {}", outcome.status);
        Ok(())
    }
}

/// Writes a run's events for Perfetto.
pub(crate) fn write_trace(path: &Path, program: &Program, trace: &Trace, perf: &Perf) -> Result<()> {
    let context = || format!("cannot write {}", path.display());
    let mut file = BufWriter::new(std::fs::File::create(path).with_context(context)?);
    let names = ProgramNames::of(program);
    chrome::write(&mut file, trace, perf.counters.cycles, &names, &perf.layers).with_context(context)?;
    std::io::Write::flush(&mut file).with_context(context)
}

/// The page's figures for a terminal: the run, and what each part did, in percent of the cycles.
fn say(output: Output, profile: &Profile, trace: &Trace) {
    let total = &profile.total;
    output.say(format_args!("cycles       {}", thousands(total.cycles)));
    output.say(format_args!("MACs         {} ({:.1} %)", thousands(total.macs), 100.0 * profile.mac_utilisation));
    output.say(format_args!(
        "memory       {} bytes read, {} written",
        thousands(total.bytes_read),
        thousands(total.bytes_written)
    ));
    for (name, counts) in profile.part_names.iter().zip(&total.parts) {
        let codes = if *name == "front end" { &profile.front_codes } else { &profile.unit_codes };
        let share = |count: u64| 100.0 * count as f64 / total.cycles.max(1) as f64;
        let shares = codes.iter().zip(counts).skip(1).filter(|(_, count)| **count > 0);
        let shares: Vec<_> = shares.map(|(code, count)| format!("{code} {:.1} %", share(*count))).collect();
        output.say(format_args!("{name:12} {}", shares.join(", ")));
    }
    if let Some(cycle) = trace.cut_at_cycle {
        output.say(format_args!("note: events were recorded up to cycle {} only (--events)", thousands(cycle)));
    }
}
