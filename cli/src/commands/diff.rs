//! `systole diff`.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use isa::program::Program;
use isa::{Leaf, Subtree};
use proof_bridge::fault::Fault;
use proof_bridge::{Loaded, Trace};
use serde_json::json;
use sim::{Engine, FastEngine, Mark, Outcome, StepEngine};

use super::{one_request, program};
use crate::inspect::bisect::{Difference, Parting, first_difference, parting, region_differences};
use crate::inspect::layers::Layers;
use crate::machine::{self, EngineName, Simulation};
use crate::output::{Output, go_on, thousands};

/// Find the first micro-step, row and lane in which two runs differ: of two engines, two programs, two inputs, or a faulty
/// machine; or the first line in which two recorded traces differ. Fails where they differ.
#[derive(Args)]
pub(crate) struct Diff {
    /// A program, or a trace written by `run --trace`.
    a: PathBuf,
    /// The other program or trace; the same program if left out.
    b: Option<PathBuf>,
    /// The input of both runs, as for `run`.
    #[arg(long)]
    input: Option<PathBuf>,
    /// Another input for the second run.
    #[arg(long, value_name = "INPUT")]
    input_b: Option<PathBuf>,
    /// Which request of a batch.
    #[arg(long, default_value_t = 0)]
    item: usize,
    /// The engines of the two runs. With `rtl`, which has no roots inside a run, the digests at marks and what is left at
    /// the end are compared.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "fast", num_args = 1..=2)]
    engines: Vec<EngineName>,
    /// The machine of an `rtl` engine: a name or a JSON file.
    #[arg(long, default_value = "p16")]
    target: String,
    /// Roots compared at a time; more find differences that heal sooner.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(2..=4096))]
    points: u64,
    /// Let the second machine add DELTA to a lane of the accumulator row that this micro-step writes.
    #[arg(long, value_name = "STEP[:LANE[:DELTA]]", value_parser = fault)]
    fault: Option<Fault>,
}

fn fault(text: &str) -> Result<Fault> {
    let mut parts = text.split(':');
    let step = parts.next().unwrap_or_default().parse()?;
    let lane = parts.next().map_or(Ok(0), str::parse)?;
    let delta = parts.next().map_or(Ok(1), str::parse)?;
    ensure!(lane < isa::LANES && parts.next().is_none(), "STEP[:LANE[:DELTA]], LANE at most 31");
    Ok(Fault { step, lane, delta })
}

/// One of the two runs.
struct Side {
    engine: EngineName,
    program: Program,
    input: Vec<Leaf>,
    fault: Option<Fault>,
}

impl Diff {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        if let Some(b) = &self.b
            && is_trace(&self.a)?
        {
            return traces(output, &self.a, b);
        }
        let [a, b] = self.sides()?;
        ensure!(
            self.b.is_some() || self.input_b.is_some() || self.fault.is_some() || a.engine != b.engine,
            "both runs are the same: give another program, --input-b, --engines A,B or --fault STEP"
        );
        if [a.engine, b.engine].contains(&EngineName::Rtl) {
            ensure!(self.fault.is_none(), "--fault needs engines with roots: step or fast");
            return self.by_marks(output, &a, &b);
        }
        by_roots(output, &a, &b, self.points)
    }

    fn sides(&self) -> Result<[Side; 2]> {
        let engines = [self.engines[0], *self.engines.last().context("--engines names none")?];
        let side = |engine, path: &Path, input: Option<&Path>, fault| -> Result<Side> {
            let program = program(path)?;
            let input = one_request(&program, input, self.item)?;
            Ok(Side { engine, program, input, fault })
        };
        let (input, input_b) = (self.input.as_deref(), self.input_b.as_deref().or(self.input.as_deref()));
        Ok([
            side(engines[0], &self.a, input, None)?,
            side(engines[1], self.b.as_deref().unwrap_or(&self.a), input_b, self.fault)?,
        ])
    }

    fn by_marks(&self, output: Output, a: &Side, b: &Side) -> Result<()> {
        output.say("the RTL has no roots inside a run: digests at marks, then what is left at the end, are compared");
        let run = |side: &Side| -> Result<Outcome> {
            let mut engine: Box<dyn Engine> = match side.engine {
                EngineName::Rtl => Box::new(machine::rtl(&machine::target(&self.target)?, &Simulation::default())?),
                EngineName::Step => Box::new(StepEngine),
                EngineName::Fast => Box::new(FastEngine::new(&machine::fast(None)?)?),
            };
            Ok(engine.run(&side.program, &side.input, &mut |_| go_on())?)
        };
        let (mine, theirs) = (run(a)?, run(b)?);
        let Some(summary) = mine.difference(&theirs) else {
            output.say(format_args!("no difference: {} marks and {} steps", mine.marks.len(), thousands(mine.steps)));
            return output.object(&json!({ "equal": true, "marks": mine.marks.len(), "steps": mine.steps }));
        };
        let layers = Layers::of(&a.program);
        let layer = first_mark(&mine.marks, &theirs.marks).map(|mark| layers.name(mark));
        if let Some(layer) = &layer {
            output.say(format_args!("first difference in the layer that ends at {layer}"));
        }
        let mut lanes = region_differences(Subtree::Output, &mine.output, &theirs.output);
        lanes.extend(region_differences(Subtree::Work, &mine.work, &theirs.work));
        say_lanes(output, &lanes);
        output.object(&json!({ "equal": false, "layer": layer, "summary": summary, "lanes": lanes }))?;
        bail!("the runs differ: {summary}")
    }
}

/// The first mark whose digest differs, or that only one side has.
fn first_mark(a: &[Mark], b: &[Mark]) -> Option<u32> {
    let same = |(a, b): &(&Mark, &Mark)| (a.id, a.digest) == (b.id, b.digest);
    let agreed = a.iter().zip(b).take_while(same).count();
    a.get(agreed).or(b.get(agreed)).map(|mark| mark.id)
}

fn by_roots(output: Output, a: &Side, b: &Side, points: u64) -> Result<()> {
    let sizes = |side: &Side| isa::Profile { limit: 0, ..side.program.profile };
    let written = |side: &Side| {
        let p = sizes(side);
        [p.spad, p.acc, p.work, p.output]
    };
    ensure!(
        written(a) == written(b),
        "the programs' spad, acc, work and output have sizes 2^{:?} and 2^{:?}: their roots cannot be compared",
        written(a),
        written(b)
    );
    let trace = |side: &Side| -> Result<Trace> {
        let loaded = Loaded::on(&side.program, machine::executor(side.engine, None)?)?;
        Ok(loaded.run(&side.input, side.fault, &mut |_| go_on())?)
    };
    let (mine, theirs) = (trace(a)?, trace(b)?);
    let steps = [mine.outcome().steps, theirs.outcome().steps];
    let Some(step) = first_difference(&mine, &theirs, points) else {
        output.say(format_args!("no difference at {points} points of {} steps", thousands(steps[0])));
        return output.object(&json!({ "equal": true, "steps": steps, "points": points }));
    };
    let found = parting([&a.program, &b.program], [&mine, &theirs], step);
    say_parting(output, &found, steps);
    let status = [mine.outcome().status, theirs.outcome().status];
    output.object(&json!({ "equal": false, "steps": steps, "status": status, "first": found }))?;
    bail!("the runs differ from micro-step {step} on")
}

fn say_parting(output: Output, found: &Parting, steps: [u64; 2]) {
    output.say(format_args!(
        "first difference in micro-step {} (of {} and {})",
        thousands(found.step),
        thousands(steps[0]),
        thousands(steps[1])
    ));
    output.say(format_args!("  pc {}, row {}: {}", found.pc, found.row, found.instruction));
    if let Some(other) = &found.instruction_b {
        output.say(format_args!("  in the second program: {other}"));
    }
    if let Some(layer) = &found.layer {
        output.say(format_args!("  layer {layer}"));
    }
    say_lanes(output, &found.lanes);
    output.say(format_args!("  {} leaves differ after it", found.leaves));
}

fn say_lanes(output: Output, lanes: &[Difference]) {
    for Difference { space, row, lane, a, b } in lanes {
        let row = row.map_or(String::new(), |row| format!("[{row}]"));
        let lane = lane.map_or(String::new(), |lane| format!(" lane {lane}"));
        output.say(format_args!("  {space}{row}{lane}: {a} against {b}"));
    }
}

/// Whether a file is a recorded trace.
fn is_trace(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    std::io::Read::read_to_end(&mut std::io::Read::take(file, TRACE.len() as u64), &mut start)?;
    Ok(start == TRACE)
}

/// How a recorded trace begins.
const TRACE: &[u8] = b"# systole trace";

/// The lines of a recorded trace that say what happened.
fn lines(path: &Path) -> Result<impl Iterator<Item = std::io::Result<String>>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let said = |line: &std::io::Result<String>| line.as_ref().map_or(true, |line| !line.starts_with('#'));
    Ok(BufReader::new(file).lines().filter(said))
}

fn traces(output: Output, a: &Path, b: &Path) -> Result<()> {
    ensure!(is_trace(b)?, "{} is a trace, {} is not", a.display(), b.display());
    let (mut mine, mut theirs) = (lines(a)?, lines(b)?);
    let mut count = 0u64;
    loop {
        let (one, other) = (mine.next().transpose()?, theirs.next().transpose()?);
        if one == other {
            if one.is_none() {
                output.say(format_args!("no difference in {} lines", thousands(count)));
                return output.object(&json!({ "equal": true, "lines": count }));
            }
            count += 1;
            continue;
        }
        for line in [&one, &other] {
            output.say(line.as_deref().unwrap_or("(ends)"));
        }
        output.object(&json!({ "equal": false, "line": count, "a": one, "b": other }))?;
        bail!("the traces differ from their line {count} on")
    }
}
