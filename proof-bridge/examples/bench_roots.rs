//! What roots cost beside the run of a program: `bench_roots PROGRAM.sys`. One JSON object on stdout, times in seconds.
//!
//! The input is random rows as far as the program's tensors reach, or its whole input region where it names none.

use std::{ops::ControlFlow, time::Instant};

use isa::{Leaf, program::Program, random::Rng};
use proof_bridge::{Loaded, Trace, claim::region_root, hash::hash_pair};
use serde_json::json;

/// Pairs hashed to find the cost of one.
const PAIRS: u32 = 1_000_000;
/// Segments of the lists asked for, and how many lists: about those of a dispute.
const SEGMENTS: u64 = 64;
const LISTS: usize = 4;
/// Times that the run is measured; the least counts.
const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: bench_roots PROGRAM.sys")?;
    let program = Program::read(&std::fs::read(path)?)?;
    let (load_seconds, loaded) = timed(|| Loaded::new(&program));
    let loaded = loaded?;
    let input = random_input(&program);
    let (input_root_seconds, _) = timed(|| region_root(program.profile.input, &input));
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(timed(|| loaded.run(&input, None, &mut |_| ControlFlow::Continue(()))));
    }
    let Some((run_seconds, trace)) = runs.into_iter().min_by(|one, other| one.0.total_cmp(&other.0)) else {
        return Ok(());
    };
    let trace = trace?;
    let output = trace.output();
    let (output_root_seconds, _) = timed(|| region_root(program.profile.output, &output));
    let lists = lists(&trace);
    let mut node = [0; 32];
    let (seconds, ()) = timed(|| (0..PAIRS).for_each(|_| node = hash_pair(&node, &[1; 32])));
    let macs: u64 = program.metadata.layers.iter().map(|layer| layer.macs).sum();
    println!(
        "{}",
        json!({
            "name": program.metadata.name, "macs": macs, "steps": trace.outcome().steps, "status": trace.outcome().status,
            "const_rows": program.constant.len(), "input_rows": input.len(), "output_rows": output.len(),
            "run_seconds": run_seconds, "load_seconds": load_seconds, "input_root_seconds": input_root_seconds,
            "output_root_seconds": output_root_seconds, "list_seconds": lists,
            "hash_pair_nanoseconds": seconds * 1e9 / f64::from(PAIRS), "last": node[0],
        })
    );
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let started = Instant::now();
    let value = work();
    (started.elapsed().as_secs_f64(), value)
}

fn random_input(program: &Program) -> Vec<Leaf> {
    let region = 1u64 << program.profile.input;
    let reach = program.metadata.inputs.iter().map(|tensor| tensor.last_row() + 1).max().unwrap_or(region);
    let mut rng = Rng::new(1);
    (0..reach.min(region)).map(|_| rng.leaf()).collect()
}

/// Seconds of each list of a dispute that closes in on a step in the middle of the run.
fn lists(trace: &Trace) -> Vec<f64> {
    let (mut lo, mut hi) = (0, trace.outcome().steps);
    let mut seconds = Vec::new();
    for _ in 0..LISTS {
        let width = ((hi - lo) / SEGMENTS).max(1);
        let points: Vec<u64> = (1..=SEGMENTS).map(|j| (lo + j * width).min(hi)).collect();
        seconds.push(timed(|| trace.roots_at(&points)).0);
        (lo, hi) = (points[SEGMENTS as usize / 2], points[SEGMENTS as usize / 2 + 1]);
    }
    seconds
}
