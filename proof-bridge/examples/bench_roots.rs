//! What roots and claims cost beside a run, on the fast executor: `bench_roots [FILE.sys …]`.
//!
//! Measures a convolutional network of 58 M MACs written by hand, and the given programs on random input. One line of
//! JSON each on stdout, times in seconds: the least of several runs; of a claim also the share that is not the run.

use std::{error::Error, fmt::Write as _, ops::ControlFlow, path::PathBuf, time::Instant};

use isa::{
    Leaf,
    asm::assemble,
    program::{Metadata, Program},
    random::Rng,
};
use proof_bridge::{
    Loaded, Trace,
    claim::region_root,
    dispute::{arity, points},
    hash::hash_pair,
    machine::Executor,
};
use serde_json::{Value, json};
use sim::fast::{FastMachine, Image};

/// Pairs hashed at a time to find the cost of one.
const PAIRS: u32 = 20_000;
/// Times that a run is measured.
const RUNS: usize = 40;

fn main() -> Result<(), Box<dyn Error>> {
    println!("{}", measure(&network()?, 2 * 14 * 14 * 9 * 128 * 128)?);
    for path in std::env::args_os().skip(1).map(PathBuf::from) {
        let program = Program::read(&std::fs::read(path)?)?;
        let macs = program.metadata.layers.iter().map(|layer| layer.macs).sum();
        println!("{}", measure(&program, macs)?);
    }
    Ok(())
}

fn measure(program: &Program, macs: u64) -> Result<Value, Box<dyn Error>> {
    let Executor::Fast(workers) = Executor::default() else { return Err("no threads".into()) };
    let input = random_input(program);
    let (load, loaded) = timed(|| Loaded::new(program));
    let loaded = loaded?;
    let image = Image::new(program);
    let (mut runs, mut claims) = (Vec::new(), Vec::new());
    // In turns, so that both see the same machine.
    for _ in 0..RUNS {
        let run = || FastMachine::new(image.clone(), &input[..], workers.clone()).run_until(u64::MAX);
        let (seconds, ended) = timed(run);
        ended?;
        runs.push(seconds);
        let (seconds, output) = timed(|| {
            let trace = loaded.run(&input, None, &mut |_| ControlFlow::Continue(()))?;
            Ok::<_, Box<dyn Error>>(trace.output())
        });
        output?;
        claims.push(seconds);
    }
    let (run, claim) = (least(runs), least(claims));
    let trace = loaded.run(&input, None, &mut |_| ControlFlow::Continue(()))?;
    let output = trace.output();
    let own = least((0..RUNS).map(|_| timed(|| region_root(program.profile.output, &output)).0).collect());
    let input_root = least((0..RUNS).map(|_| timed(|| region_root(program.profile.input, &input)).0).collect());
    let (end, steps) = (trace.outcome().status, trace.outcome().steps);
    let (rounds, lists, witness) = dispute(&trace);
    Ok(json!({
        "name": program.metadata.name, "macs": macs, "steps": steps, "status": end, "const_rows": program.constant.len(),
        "input_rows": input.len(), "output_rows": output.len(), "run_seconds": run, "claim_seconds": claim,
        "overhead": claim / run - 1.0, "output_root_seconds": own, "input_root_seconds": input_root,
        "load_seconds": load, "rounds": rounds, "list_seconds": lists, "witness_seconds": witness,
        "hash_pair_nanoseconds": hash_pair_nanoseconds(),
    }))
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let started = Instant::now();
    let value = work();
    (started.elapsed().as_secs_f64(), value)
}

fn least(values: Vec<f64>) -> f64 {
    values.into_iter().fold(f64::INFINITY, f64::min)
}

fn hash_pair_nanoseconds() -> f64 {
    let mut node = [0; 32];
    let mut some = || timed(|| (0..PAIRS).for_each(|_| node = hash_pair(&node, &[1; 32]))).0;
    let seconds = least((0..RUNS).map(|_| some()).collect());
    std::hint::black_box(node);
    seconds * 1e9 / f64::from(PAIRS)
}

/// Random rows as far as the program's tensors reach, or the whole region where it names none.
fn random_input(program: &Program) -> Vec<Leaf> {
    let region = 1u64 << program.profile.input;
    let reach = program.metadata.inputs.iter().map(|tensor| tensor.last_row() + 1).max().unwrap_or(region);
    let mut rng = Rng::new(1);
    (0..reach.min(region)).map(|_| rng.leaf()).collect()
}

/// Seconds of each list of roots of a dispute that closes in on the middle of the run, and of the witness.
fn dispute(trace: &Trace) -> (u32, Vec<f64>, f64) {
    let (mut lo, mut hi) = (0, trace.outcome().steps);
    let (rounds, k) = arity(hi);
    let mut lists = Vec::new();
    while hi - lo > 1 {
        let points = points(lo, hi, k);
        lists.push(timed(|| trace.roots_at(&points[1..])).0);
        let middle = (points.len() - 1) / 2;
        (lo, hi) = (points[middle], points[middle + 1]);
    }
    (rounds, lists, timed(|| trace.witness_at(lo)).0)
}

/// Two 3×3 convolutions of 128 channels on 14×14, on an image of 96 rows; one row comes out.
fn network() -> Result<Program, Box<dyn Error>> {
    const WEIGHTS: usize = 2048;
    const PARAMS: usize = WEIGHTS + 16 * 9 * 32;
    let mut source = String::from(".profile text=8 const=13 input=7 work=0 output=0 spad=13 acc=10 limit=1000000\n");
    let rows = 16 * 9 * 32;
    writeln!(source, ".const 0 random 7 {rows}")?;
    // Multiplier 2^22, shift 32.
    for block in 0..4 {
        writeln!(source, ".const {} i32 {}", rows + 8 * block + 4, format!("{} ", (32 << 24) | 1 << 22).repeat(32))?;
    }
    writeln!(source, "load n0={} d={WEIGHTS},1 m=0,1 region=const", rows + 32)?;
    writeln!(source, "load n0=96 d=80,1 m=0,1 region=input")?;
    for (from, to) in [(0, 1024), (1024, 0)] {
        for out in 0..4 {
            for (strip, y) in (0..4).flat_map(|strip| (0..3).map(move |y| (strip, y))) {
                let (d, a) = (196 * out, from + 256 * strip + 16 * y);
                let w = WEIGHTS + ((out * 4 + strip) * 9 + 3 * y) * 32;
                let acc = u8::from((strip, y) != (0, 0));
                writeln!(source, "matmul n0=14 n1=14 d={d},1,14 a={a},1,16 a_sk=1 w_base={w} w_sk=32 kt=3 acc={acc}")?;
            }
            let (d, a, b) = (to + 256 * out + 17, 196 * out, PARAMS + 8 * out);
            writeln!(source, "requant n0=14 n1=14 d={d},1,16 a={a},1,14 b={b}")?;
        }
    }
    writeln!(source, "store d=119 m=0 region=output\nhalt")?;
    let source = assemble(&source)?;
    let metadata = Metadata { name: "two convolutions".into(), ..Metadata::default() };
    Ok(Program { profile: source.profile, metadata, text: source.text, constant: source.constant })
}
