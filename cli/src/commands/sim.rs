//! `systole sim`.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;
use proof_bridge::Loaded;
use serde::Serialize;
use sim::Perf;
use sim::rtl::DEFAULT_EVENTS;

use super::profile::write_trace;
use super::{one_request, program};
use crate::answer::{Answer, Ended, describe};
use crate::machine::{self, Simulation};
use crate::output::{Output, thousands};

/// Run a program on the Verilated accelerator and count cycles.
#[derive(Args)]
pub(crate) struct Sim {
    /// The program.
    program: PathBuf,
    /// Its input, as for `run`.
    #[arg(long)]
    input: Option<PathBuf>,
    /// Which request of a batch.
    #[arg(long, default_value_t = 0)]
    item: usize,
    /// The machine: a name or a JSON file.
    #[arg(long, default_value = "p16")]
    target: String,
    /// What the memory delivers; the width of the port if left out.
    #[arg(long, value_name = "N")]
    dram_bytes_per_cycle: Option<u32>,
    /// Cycles from a request to its first beat.
    #[arg(long, value_name = "N")]
    dram_latency: Option<u32>,
    /// Write waves (FST); slow.
    #[arg(long, value_name = "F.fst")]
    waves: Option<PathBuf>,
    /// Write what each unit did and when, for Perfetto or Chrome.
    #[arg(long, value_name = "F.json")]
    trace: Option<PathBuf>,
    /// First compile the simulator for what it does in this run (1.3 times as quick; needs Clang): kept for later runs.
    #[arg(long)]
    tune: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    answer: &'a Answer,
    target: &'a str,
    seconds: f64,
    cycles_per_second: f64,
    #[serde(flatten)]
    perf: &'a Perf,
}

impl Sim {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        let program = program(&self.program)?;
        let params = machine::target(&self.target)?;
        let request = one_request(&program, self.input.as_deref(), self.item)?;
        let simulation = Simulation {
            dram_bytes_per_cycle: self.dram_bytes_per_cycle,
            dram_latency: self.dram_latency,
            waves: self.waves.clone(),
            trace_events: self.trace.is_some().then_some(DEFAULT_EVENTS),
        };
        if self.tune {
            machine::tune(&params, &program, &request)?;
        }
        let mut engine = machine::rtl(&params, &simulation)?;
        let started = Instant::now();
        let outcome = machine::watched(&mut engine, &program, &request)?;
        let seconds = started.elapsed().as_secs_f64();
        let ended = Ended { status: outcome.status, steps: outcome.steps, output: &outcome.output };
        let answer = describe(&program, Loaded::new(&program)?.model(), &request, &ended)?;
        let Some(perf) = &outcome.perf else { return Ok(()) };
        if let (Some(path), Some(trace)) = (&self.trace, engine.take_trace()) {
            write_trace(path, &program, &trace, perf)?;
        }
        print(output, &answer, perf);
        let cycles_per_second = perf.counters.cycles as f64 / seconds;
        output.say(format_args!("simulation   {:.2} M cycles/s", cycles_per_second / 1e6));
        output.object(&Report { answer: &answer, target: &self.target, seconds, cycles_per_second, perf })?;
        ensure!(answer.status == isa::Status::Halted, "the run trapped: {}", answer.status);
        Ok(())
    }
}

/// Cycles, MACs and utilisation, in all and by layer. Layers overlap: their cycles sum up to more, their shares do not.
pub(crate) fn print(output: Output, answer: &Answer, perf: &Perf) {
    let c = &perf.counters;
    output.say(format_args!("status       {}", answer.status));
    output.say(format_args!("steps        {}", thousands(answer.steps)));
    output.say(format_args!("final root   {}", answer.final_root));
    output.say(format_args!("cycles       {}", thousands(c.cycles)));
    output.say(format_args!("MACs         {}", thousands(c.macs)));
    output.say(format_args!(
        "utilisation  {:.1} % of {}×{} MACs",
        100.0 * perf.mac_utilisation,
        perf.array_rows,
        perf.array_cols
    ));
    output.say(format_args!(
        "memory       {} bytes read, {} written",
        thousands(c.bytes_read),
        thousands(c.bytes_written)
    ));
    if perf.layers.is_empty() {
        return;
    }
    let units = sim::rtl::UNITS.map(|unit| format!("{unit:>10}")).concat();
    output.say(format_args!("mark {:24} {:>9}  share{units}  MAC use", "layer, cycles of work", "cycles"));
    for layer in &perf.layers {
        let c = &layer.counters;
        output.say(format_args!(
            "{:>4} {:24.24} {:>9} {:>4.1} %{}  {:>5.1} %",
            layer.mark,
            format!("{} {}", layer.op, layer.name),
            thousands(c.cycles),
            100.0 * layer.own_cycles as f64 / perf.counters.cycles.max(1) as f64,
            c.work().map(|cycles| format!("{:>10}", thousands(cycles))).concat(),
            100.0 * layer.mac_utilisation
        ));
    }
}
