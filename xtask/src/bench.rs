//! `cargo xtask bench`: measurements on this machine, as tables and as JSON in the target folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{networks, process, repo, setup};

/// One table: its name, and how its lines of JSON are made.
struct Bench {
    name: &'static str,
    run: fn(&Args, &Path) -> Result<Vec<Value>>,
}

const BENCHES: &[Bench] = &[
    Bench { name: "executor", run: executor },
    Bench { name: "networks", run: whole },
    Bench { name: "kernels", run: kernels },
    Bench { name: "speed", run: speed },
    Bench { name: "roots", run: roots },
    Bench { name: "gas", run: gas },
];

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these tables: executor, networks, kernels, speed, roots, gas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Pairs of runs of the executor and of ONNX Runtime
    #[arg(long, default_value_t = 40)]
    pairs: usize,
    /// Numbers of threads
    #[arg(long, default_value = "1,2")]
    threads: String,
    /// Networks for the table `networks`, as ONNX files that compile without calibration; if none is named, ResNet-50,
    /// MobileNetV2 and a layer of BERT of random weights, and the digits
    #[arg(long = "network", value_name = "MODEL.onnx")]
    networks: Vec<PathBuf>,
}

/// Measures the fast executor against ONNX Runtime, the cycles of kernels in RTL, how quickly it is simulated, what roots cost beside a run, and shows
/// the gas of micro-steps.
///
/// # Errors
/// A program could not be built or failed; results differ between the two runtimes.
pub(crate) fn run(args: &Args) -> Result<()> {
    if let Some(unknown) = args.only.iter().find(|name| !BENCHES.iter().any(|bench| bench.name == *name)) {
        bail!("no table `{unknown}`; there are: {}", BENCHES.iter().map(|b| b.name).collect::<Vec<_>>().join(", "));
    }
    let folder = repo::target()?.join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for bench in BENCHES {
        if !args.only.is_empty() && !args.only.iter().any(|name| name == bench.name) {
            continue;
        }
        let lines = (bench.run)(args, &folder)?;
        let path = folder.join(format!("{}.json", bench.name));
        fs::write(&path, format!("{:#}\n", json!(lines)))
            .with_context(|| format!("cannot write {}", path.display()))?;
        eprintln!("written: {}", path.display());
    }
    Ok(())
}

fn example<'a>(package: &str, name: &str, args: impl IntoIterator<Item = &'a str>) -> Result<Vec<Value>> {
    let mut command = process::cargo();
    command.args(["run", "--quiet", "--package", package, "--example", name, "--"]).args(args);
    parse(&process::capture_aside(&mut command)?)
}

fn parse(lines: &str) -> Result<Vec<Value>> {
    lines.lines().map(|line| serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))).collect()
}

fn executor(args: &Args, _folder: &Path) -> Result<Vec<Value>> {
    let python = setup::python("bench")?.display().to_string();
    let pairs = args.pairs.to_string();
    let words = ["--python", &python, "--pairs", &pairs, "--threads", &args.threads];
    let lines = example("sim", "against_ort", words)?;
    println!("the fast executor against ONNX Runtime, medians of {pairs} pairs");
    println!("operator weights threads simd       ratio      ms  ORT ms GMAC/s differing");
    for line in &lines {
        println!(
            "{:8} {:7} {:>7} {:8} {:>7.2} {:>7.3} {:>7.3} {:>6.1} {:>9}",
            text(&line["op"]),
            text(&line["weights"]),
            line["threads"],
            text(&line["simd"]),
            number(&line["ratio"]),
            1e3 * number(&line["seconds"]),
            1e3 * number(&line["ort_seconds"]),
            number(&line["gmac_per_second"]),
            line["differing"]
        );
    }
    Ok(lines)
}

fn whole(args: &Args, folder: &Path) -> Result<Vec<Value>> {
    let python = setup::python("bench")?.display().to_string();
    let pairs = args.pairs.to_string();
    let mut words = vec!["--python".to_owned(), python, "--pairs".to_owned(), pairs.clone()];
    words.extend(["--threads".to_owned(), args.threads.clone()]);
    let models = if args.networks.is_empty() { networks::files()? } else { args.networks.clone() };
    for (index, model) in models.iter().enumerate() {
        let program = folder.join(format!("network{index}.sys"));
        networks::compile(model, &program)?;
        let files = [model, &program].map(|path| path.display().to_string());
        words.extend(["--network", "--program"].iter().zip(files).flat_map(|(flag, file)| [(*flag).to_owned(), file]));
    }
    let lines = example("sim", "against_ort", words.iter().map(String::as_str))?;
    println!("whole networks on the fast executor against ONNX Runtime, medians of {pairs} pairs");
    println!("network                        threads simd       ratio       ms   ORT ms  largest difference, steps");
    for line in &lines {
        println!(
            "{:30} {:>7} {:8} {:>7.2} {:>8.3} {:>8.3}  {}{}",
            text(&line["network"]),
            line["threads"],
            text(&line["simd"]),
            number(&line["ratio"]),
            1e3 * number(&line["seconds"]),
            1e3 * number(&line["ort_seconds"]),
            line["largest_difference"],
            if line["same_largest"] == true { "" } else { ", another largest" }
        );
    }
    Ok(lines)
}

/// An example of `sim` that drives the RTL.
fn on_rtl(name: &str, arguments: &[&str]) -> Result<Vec<Value>> {
    let tools = setup::run()?;
    let mut command = process::cargo();
    command.args(["run", "--quiet", "--package", "sim", "--example", name, "--"]).args(arguments);
    parse(&process::capture_aside(tools.tell(&mut command))?)
}

/// Cycles, not seconds: the same on every machine.
fn kernels(_args: &Args, _folder: &Path) -> Result<Vec<Value>> {
    let lines = on_rtl("kernels", &[])?;
    println!("kernels scheduled by hand, in the RTL of p16, against the roofline of the problem; cycles lost by cause");
    println!("kernel           shape                        MMACs B/cycle bound      roofline   cycles reached  lost");
    for line in &lines {
        let losses = line["losses"].as_array().into_iter().flatten().take(5);
        let losses: Vec<String> = losses.map(|loss| format!("{} {}", text(&loss[0]), loss[1])).collect();
        println!(
            "{:16} {:26} {:>7.2} {:>7} {:9} {:>9} {:>8} {:>5.1} %  {}",
            text(&line["kernel"]),
            text(&line["shape"]),
            1e-6 * number(&line["macs"]),
            line["bytes_per_cycle"],
            text(&line["bound"]),
            line["ideal_cycles"],
            line["cycles"],
            100.0 * number(&line["roofline"]),
            losses.join(", ")
        );
    }
    Ok(lines)
}

fn speed(_args: &Args, _folder: &Path) -> Result<Vec<Value>> {
    let lines = on_rtl("speed", &["--tune", "--runs", "5"])?;
    println!("the RTL of p16 in Verilator, one thread, the memory at 16 B/cycle; best of 5");
    println!("kernel           build   cycles  seconds  M cycles/s");
    for line in &lines {
        println!(
            "{:16} {:5} {:>8} {:>8.3} {:>11.2}",
            text(&line["kernel"]),
            text(&line["build"]),
            line["cycles"],
            number(&line["seconds"]),
            1e-6 * number(&line["cycles_per_second"])
        );
    }
    Ok(lines)
}

fn roots(_args: &Args, folder: &Path) -> Result<Vec<Value>> {
    let program = folder.join("digits.sys");
    networks::compile(&repo::root().join("models/digits/digits.onnx"), &program)?;
    let lines = example("proof-bridge", "bench_roots", [program.to_string_lossy().as_ref()])?;
    println!("claims and roots beside a run of the fast executor, on all threads");
    println!("program              MMACs     steps  run ms claim ms overhead  input root µs  lists of roots ms");
    for line in &lines {
        let lists = line["list_seconds"].as_array().into_iter().flatten();
        let lists: Vec<String> = lists.map(|seconds| format!("{:.2}", 1e3 * number(seconds))).collect();
        println!(
            "{:18} {:>7.1} {:>9} {:>7.3} {:>8.3} {:>6.1} % {:>14.1}  {}",
            text(&line["name"]),
            1e-6 * number(&line["macs"]),
            line["steps"],
            1e3 * number(&line["run_seconds"]),
            1e3 * number(&line["claim_seconds"]),
            100.0 * number(&line["overhead"]),
            1e6 * number(&line["input_root_seconds"]),
            lists.join(" ")
        );
    }
    Ok(lines)
}

/// The committed table, which a test compares with what it measures.
fn gas(_args: &Args, _folder: &Path) -> Result<Vec<Value>> {
    let path = repo::root().join("proof-bridge/tests/gas.txt");
    let table = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    println!("gas and bytes of one micro-step in the EVM (proof-bridge/tests/gas.txt)\n{table}");
    Ok(table.lines().map(Value::from).collect())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}
