//! The fast executor against ONNX Runtime, operator by operator or by whole networks, in pairs that alternate on the same cores.
//!
//! ```text
//! cargo run -p sim --example against_ort -- --python .tools/python/bin/python [--server xtask/bench/ort.py] \
//!     [--threads 1,2] [--pairs 40] [--only matmul] [--network MODEL.onnx --program PROGRAM.sys]…
//! ```
//!
//! With `--network`, whole networks instead of operators, each with the program compiled from it.
//!
//! A side of a pair is the fastest of a tenth of a second of runs. Prints one line of JSON for each operator, kind of
//! weights and number of threads: the medians over pairs of both sides and of their ratio (above 1: this is faster).
//! Both requantise to int8; results are compared first. With `reduced` weights no kernel saturates and all results must
//! be equal; with `full` ones those of ONNX Runtime may be wrong.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use isa::Leaf;
use isa::program::{DType, Data, Program};
use serde_json::{Value, json};
use sim::FastOptions;
use sim::fast::{FastMachine, Image, Workers};
use sim::workload::{FULL, REDUCED, Results, Workload, convolution, product};

type Failure = Box<dyn std::error::Error>;

/// Time of each side of a pair.
const SIDE_SECONDS: f64 = 0.1;
/// Between sides, so that threads that spin have gone to sleep.
const PAUSE: Duration = Duration::from_millis(5);

struct Arguments {
    python: String,
    server: PathBuf,
    threads: Vec<usize>,
    pairs: usize,
    only: Option<String>,
    networks: Vec<PathBuf>,
    programs: Vec<PathBuf>,
}

impl Arguments {
    fn parse() -> Result<Arguments, Failure> {
        let mut out = Arguments {
            python: "python3".into(),
            server: Path::new(env!("CARGO_MANIFEST_DIR")).join("../xtask/bench/ort.py"),
            threads: vec![1, 2],
            pairs: 40,
            only: None,
            networks: Vec::new(),
            programs: Vec::new(),
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("{word} takes a value"))?;
            match word.as_str() {
                "--python" => out.python = value,
                "--server" => out.server = value.into(),
                "--threads" => out.threads = value.split(',').map(str::parse).collect::<Result<_, _>>()?,
                "--pairs" => out.pairs = value.parse::<usize>()?.max(1),
                "--only" => out.only = Some(value),
                "--network" => out.networks.push(value.into()),
                "--program" => out.programs.push(value.into()),
                _ => return Err(format!("unknown option {word}").into()),
            }
        }
        if out.networks.len() != out.programs.len() {
            return Err("each --network wants a --program".into());
        }
        Ok(out)
    }
}

/// ONNX Runtime in a process of its own.
struct Server {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Server {
    fn start(arguments: &Arguments) -> Result<Server, Failure> {
        let mut process = Command::new(&arguments.python)
            .arg(&arguments.server)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", arguments.python))?;
        let (requests, answers) = (process.stdin.take(), process.stdout.take());
        let (Some(requests), Some(answers)) = (requests, answers) else { return Err("no pipes".into()) };
        Ok(Server { process, requests, answers: BufReader::new(answers) })
    }

    fn ask(&mut self, request: &Value) -> Result<Value, Failure> {
        writeln!(self.requests, "{request}")?;
        self.requests.flush()?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err("ONNX Runtime's process ended; see above".into());
        }
        Ok(serde_json::from_str(&line)?)
    }

    /// Seconds of the fastest of some runs.
    fn time(&mut self, count: usize) -> Result<f64, Failure> {
        let answer = self.ask(&json!({ "run": count }))?;
        let seconds = answer["seconds"].as_array().ok_or("no seconds")?;
        Ok(seconds.iter().filter_map(Value::as_f64).fold(f64::INFINITY, f64::min))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends with its input; if not, by this. What becomes of it then matters to no one.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// As ONNX Runtime does it: each thread of the pool on a processor of its own.
fn options(threads: usize) -> FastOptions {
    FastOptions { threads: Some(threads), pinned: true, ..FastOptions::default() }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Seconds of the fastest of some runs, from reset to `HALT`.
fn time(machine: &mut FastMachine, input: &Arc<[Leaf]>, count: usize) -> Result<f64, Failure> {
    let mut best = f64::INFINITY;
    for _ in 0..count {
        let start = Instant::now();
        machine.reset(input.clone());
        machine.run_until(u64::MAX)?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}

fn results(machine: &FastMachine, workload: &Workload) -> Vec<u8> {
    let mut rows = vec![isa::ZERO; workload.results / isa::LANES];
    machine.read_leaves(isa::Subtree::Output, 0, &mut rows);
    rows.into_flattened()
}

struct Case<'a> {
    workload: &'a Workload,
    weights: &'static str,
    threads: usize,
    pairs: usize,
}

fn compare(server: &mut Server, folder: &Path, case: &Case<'_>) -> Result<Value, Failure> {
    let Case { workload, threads, .. } = *case;
    let bytes = |values: &[i8]| values.iter().map(|value| value.cast_unsigned()).collect::<Vec<u8>>();
    fs::write(folder.join("activations"), bytes(&workload.activations))?;
    fs::write(folder.join("weights"), bytes(&workload.weights))?;
    let request = json!({ "op": workload.name, "threads": threads, "folder": folder, "shift": workload.shift });
    let versions = server.ask(&request)?;
    let workers = Workers::new(&options(threads))?;
    let input: Arc<[Leaf]> = workload.input.clone().into();
    let mut machine = FastMachine::new(Image::new(&workload.program), &workload.input, workers.clone());
    let path = folder.join("results");
    let sides = sides(server, &mut machine, &input, case.pairs)?;
    server.ask(&json!({ "results": path }))?;
    let mine = results(&machine, workload);
    let differing = fs::read(path)?.iter().zip(&mine).filter(|(theirs, ours)| theirs != ours).count();
    Ok(json!({
        "op": workload.name, "weights": case.weights, "threads": threads, "simd": workers.simd().name(),
        "pairs": case.pairs, "ratio": sides.ratio, "seconds": sides.ours, "ort_seconds": sides.theirs,
        "gmac_per_second": workload.macs as f64 / sides.ours / 1e9,
        "results": workload.results, "differing": differing, "versions": versions,
    }))
}

/// Medians over pairs.
struct Sides {
    theirs: f64,
    ours: f64,
    ratio: f64,
}

fn sides(server: &mut Server, machine: &mut FastMachine, input: &Arc<[Leaf]>, pairs: usize) -> Result<Sides, Failure> {
    // Warm, and count the runs that a side of a pair has time for.
    let theirs = server.time(10)?;
    let ours = time(machine, input, 10)?;
    let counts = [theirs, ours].map(|seconds| ((SIDE_SECONDS / seconds) as usize).clamp(3, 200));
    let mut measured = Vec::new();
    for _ in 0..pairs {
        sleep(PAUSE);
        let theirs = server.time(counts[0])?;
        sleep(PAUSE);
        measured.push((theirs, time(machine, input, counts[1])?));
    }
    let of = |pick: fn(&(f64, f64)) -> f64| median(measured.iter().map(pick).collect());
    Ok(Sides { theirs: of(|pair| pair.0), ours: of(|pair| pair.1), ratio: of(|pair| pair.0 / pair.1) })
}

/// A model's values from the server's files.
fn values(dtype: DType, bytes: &[u8]) -> Data {
    match dtype {
        DType::Float32 => Data::Float32(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
        DType::Int8 => Data::Int8(bytes.iter().map(|b| b.cast_signed()).collect()),
        DType::Uint8 => Data::Uint8(bytes.to_vec()),
        DType::Int32 => Data::Int32(bytes.as_chunks().0.iter().map(|b| i32::from_le_bytes(*b)).collect()),
    }
}

fn floats(data: &Data) -> Vec<f64> {
    match data {
        Data::Float32(v) => v.iter().map(|&x| x.into()).collect(),
        Data::Int8(v) => v.iter().map(|&x| x.into()).collect(),
        Data::Uint8(v) => v.iter().map(|&x| x.into()).collect(),
        Data::Int32(v) => v.iter().map(|&x| x.into()).collect(),
    }
}

fn largest(values: &[f64]) -> usize {
    (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b]).then(b.cmp(&a))).unwrap_or(0)
}

/// A whole network on random inputs, which the server makes. Outputs are compared: how far they differ at most, in the
/// steps of the program's output, and whether the largest is the same.
fn network(
    server: &mut Server,
    folder: &Path,
    files: (&Path, &Path),
    threads: usize,
    pairs: usize,
) -> Result<Value, Failure> {
    let program = Program::read(&fs::read(files.1)?)?;
    // Files of many folders have one name.
    let path = files.0.canonicalize()?.with_extension("");
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let name = parts[parts.len().saturating_sub(2)..].join("/");
    let versions = server.ask(&json!({ "network": files.0.canonicalize()?, "threads": threads, "folder": folder }))?;
    let inputs: Vec<Data> = (program.metadata.inputs.iter().enumerate())
        .map(|(at, tensor)| Ok(values(tensor.dtype, &fs::read(folder.join(format!("input{at}")))?)))
        .collect::<Result<_, Failure>>()?;
    let input: Arc<[Leaf]> = program.encode_inputs(&inputs)?.into();
    let workers = Workers::new(&options(threads))?;
    let mut machine = FastMachine::new(Image::new(&program), &input, workers.clone());
    let sides = sides(server, &mut machine, &input, pairs)?;
    server.ask(&json!({ "outputs": folder }))?;
    let ours = program.decode_outputs(|row| machine.leaf(isa::Subtree::Output, row));
    let (mut steps, mut same) = (0.0f64, true);
    for (at, (tensor, ours)) in program.metadata.outputs.iter().zip(&ours).enumerate() {
        let theirs = floats(&values(tensor.dtype, &fs::read(folder.join(format!("output{at}")))?));
        let ours = floats(ours);
        let off = theirs.iter().zip(&ours).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        steps = steps.max(off / f64::from(tensor.scale));
        same &= largest(&theirs) == largest(&ours);
    }
    Ok(json!({
        "network": name, "threads": threads,
        "simd": workers.simd().name(), "pairs": pairs, "ratio": sides.ratio, "seconds": sides.ours,
        "ort_seconds": sides.theirs, "largest_difference": steps.round(), "same_largest": same, "versions": versions,
    }))
}

fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse()?;
    let folder = std::env::temp_dir().join(format!("systole-against-ort-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let mut server = Server::start(&arguments)?;
    let mut wrong = false;
    for files in arguments.networks.iter().zip(&arguments.programs) {
        for &threads in &arguments.threads {
            let files = (files.0.as_path(), files.1.as_path());
            println!("{}", network(&mut server, &folder, files, threads, arguments.pairs)?);
        }
    }
    if !arguments.networks.is_empty() {
        return Ok(fs::remove_dir_all(&folder)?);
    }
    for (weights, bound) in [("reduced", REDUCED), ("full", FULL)] {
        for workload in [product(Results::Int8, bound), convolution(Results::Int8, bound)] {
            if arguments.only.as_deref().is_some_and(|only| only != workload.name) {
                continue;
            }
            for &threads in &arguments.threads {
                let case = Case { workload: &workload, weights, threads, pairs: arguments.pairs };
                let line = compare(&mut server, &folder, &case)?;
                wrong |= weights == "reduced" && line["differing"] != 0;
                println!("{line}");
            }
        }
    }
    fs::remove_dir_all(&folder)?;
    if wrong { Err("results differ where no kernel saturates".into()) } else { Ok(()) }
}
