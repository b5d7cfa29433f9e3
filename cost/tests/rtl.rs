//! Predictions against the RTL's cycles: of the kernels, as they are committed, of the assembled programs, of random ones
//! and of whole networks.
//!
//! `SYSTOLE_BLESS=1` writes the table of predictions anew.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use cost::{CostError, Estimate, MemoryTiming, estimate, estimate_within};
use hdl::Params;
use isa::Status;
use isa::asm::assemble;
use isa::program::{Metadata, Program};
use isa::random::{Case, Shape, case, hazard};
use sim::rtl::Cache;
use sim::{Engine, RtlEngine, RtlOptions, RtlParams, kernels};

/// Percent that a prediction of a network or a kernel may be off.
const MOST: f64 = 5.0;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn predict(program: &Program, machine: &str, bytes_per_cycle: u32) -> Result<Estimate, CostError> {
    let timing = MemoryTiming { bytes_per_cycle, ..MemoryTiming::default() };
    estimate(program, &Params::target(machine).unwrap(), &timing)
}

/// The RTL of a machine whose Verilog is committed, or `None` with a note where it cannot be built.
fn rtl(machine: &str) -> Option<RtlEngine> {
    if let Err(error) = Cache::standard().toolchain(false) {
        assert!(env::var_os("SYSTOLE_REQUIRE_RTL").is_none(), "SYSTOLE_REQUIRE_RTL is set, but {error}");
        eprintln!("skipped: {error}");
        return None;
    }
    let verilog = fs::read_to_string(root().join(format!("hdl/verilog/systole_{machine}.v"))).unwrap();
    let params = Params::target(machine).unwrap();
    let sizes = RtlParams {
        array_rows: params.array_rows as u32,
        array_cols: params.array_cols as u32,
        spad_log2: params.spad_log2 as u8,
        acc_log2: params.acc_log2 as u8,
        port_bytes: params.port_bytes as u32,
    };
    Some(RtlEngine::new(&verilog, sizes, RtlOptions::default()).unwrap())
}

/// Percent by which the prediction is above what was measured.
fn error_percent(predicted: u64, measured: u64) -> f64 {
    100.0 * (predicted as f64 / measured as f64 - 1.0)
}

fn check_table(file: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file);
    if env::var_os("SYSTOLE_BLESS").is_some() {
        fs::write(&path, table).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(table, committed, "predictions have changed: SYSTOLE_BLESS=1 cargo test -p cost");
}

fn line(table: &mut String, name: &str, predicted: u64, measured: u64) {
    let error = error_percent(predicted, measured);
    assert!(error.abs() <= MOST, "{name}: {predicted} predicted, {measured} measured, {error:+.1} %");
    // No sign of a zero.
    let error = format!("{error:+.2}").replace("-0.00", "+0.00");
    writeln!(table, "{name:28} {predicted:>9} {measured:>9} {error:>6} %").unwrap();
}

const HEADING: &str = "program                      predicted       RTL   error\n";

#[test]
fn kernels_are_predicted() {
    let committed = fs::read_to_string(root().join("sim/tests/kernels.txt")).unwrap();
    let mut table = String::from(HEADING);
    for kernel in kernels::all() {
        for rate in kernels::BYTES_PER_CYCLE {
            let of_kernel = |line: &&str| {
                let rest = line.strip_prefix(kernel.name).unwrap_or_default();
                rest.split_whitespace().next() == Some(rate.to_string().as_str())
            };
            let found = committed.lines().find(of_kernel).unwrap();
            let measured = found.split_whitespace().rev().nth(2).unwrap().parse().unwrap();
            let predicted = predict(&kernel.program, "p16", rate).unwrap();
            assert!(predicted.macs >= kernel.macs, "{}", kernel.name);
            line(&mut table, &format!("{}, {rate} B/cycle", kernel.name), predicted.cycles, measured);
        }
    }
    check_table("kernels.txt", &table);
}

#[test]
fn a_serial_machine_has_no_model() {
    let kernel = kernels::all().swap_remove(0);
    assert_eq!(predict(&kernel.program, "up5k", 0), Err(CostError::Serial));
}

/// The digits of this repository, and networks beside it where they are.
fn networks(machine: &str) -> Vec<(String, Program)> {
    let beside = env::var("SYSTOLE_MODELS").map_or_else(|_| root().join("../shared/models"), PathBuf::from);
    let mut files = vec![("digits", root().join("models/digits/digits.onnx"))];
    files.extend(["resnet8", "dscnn", "autoencoder"].map(|name| (name, beside.join(name).join("int8_qdq.onnx"))));
    let params = Params::target(machine).unwrap();
    let target = compiler::TargetLimits { spad_log2: params.spad_log2 as u8, acc_log2: params.acc_log2 as u8 };
    let predictor = compiler::Predictor::new(move |program, most_cycles| {
        let estimate = estimate_within(program, &params, &MemoryTiming::default(), most_cycles).ok()?;
        Some(compiler::Prediction { cycles: estimate.cycles, busy: estimate.busy_cycles() })
    });
    let rules = compiler::Options { target, ..compiler::Options::default() };
    let options = compiler::Options { predictor: Some(predictor), ..rules.clone() };
    let mut programs = Vec::new();
    for (name, path) in files {
        match fs::read(&path) {
            Ok(onnx) => {
                let [rules, chosen] = [&rules, &options].map(|o| compiler::compile(&onnx, o).unwrap().program);
                let [by_rules, by_choice] = [&rules, &chosen].map(|p| predict(p, machine, 0).unwrap().cycles);
                assert!(by_choice <= by_rules, "{name} on {machine}: {by_choice} chosen, {by_rules} by rules");
                programs.push((format!("{name} on {machine}"), chosen));
            }
            Err(_) => eprintln!("skipped: {} is absent", path.display()),
        }
    }
    programs
}

fn check_networks(machine: &str) {
    let Some(mut engine) = rtl(machine) else { return };
    for (name, program) in networks(machine) {
        let predicted = predict(&program, machine, 0).unwrap();
        // No cycle depends on the input.
        let outcome = engine.run_to_end(&program, &[]).unwrap();
        let perf = outcome.perf.unwrap();
        line(&mut String::new(), &name, predicted.cycles, perf.counters.cycles);
        let moved = (predicted.macs, predicted.bytes_read, predicted.bytes_written, predicted.micro_steps);
        assert_eq!(moved, (perf.counters.macs, perf.counters.bytes_read, perf.counters.bytes_written, outcome.steps));
        assert_eq!(predicted.layers.len(), perf.layers.len());
        for (layer, measured) in predicted.layers.iter().zip(&perf.layers) {
            let off = layer.own_cycles.abs_diff(measured.own_cycles);
            assert!(off <= 10 + measured.own_cycles / 20, "{name}, layer {}: {layer:?}, {measured:?}", measured.name);
        }
    }
}

#[test]
fn networks_are_predicted_on_p16() {
    check_networks("p16");
}

#[test]
fn networks_are_predicted_on_p8() {
    check_networks("p8");
}

/// The assembled programs, and random ones that aim at conflicts of rows and banks.
fn programs(shape: fn(u64) -> Shape) -> Vec<(String, Program, Vec<isa::Leaf>)> {
    let bare = |profile, text, constant| Program { profile, metadata: Metadata::default(), text, constant };
    let random = |name: String, case: Case| (name, bare(case.profile, case.text, case.constant), case.input);
    let mut all = Vec::new();
    for entry in fs::read_dir(root().join("tests/programs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "tasm") {
            let source = assemble(&fs::read_to_string(&path).unwrap()).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            all.push((name, bare(source.profile, source.text, source.constant), source.input));
        }
    }
    all.extend((0..100).map(|seed| random(format!("random {seed}"), case(seed, 40))));
    all.extend((0..100).map(|seed| random(format!("hazards {seed}"), hazard(seed, shape(seed)))));
    all
}

/// Short programs are off by the cycles of a few instructions at most.
const FEW: u64 = 12;

fn check_programs(machine: &str, shape: fn(u64) -> Shape) {
    let Some(mut engine) = rtl(machine) else { return };
    let (mut compared, mut exact, mut wrong) = (0, 0, Vec::new());
    for (name, program, input) in programs(shape) {
        // Those that trap, and those whose path depends on data.
        let Ok(predicted) = predict(&program, machine, 0) else { continue };
        let outcome = engine.run_to_end(&program, &input).unwrap();
        assert_eq!((outcome.status, outcome.steps), (Status::Halted, predicted.micro_steps), "{name}");
        let measured = outcome.perf.unwrap().counters.cycles;
        let off = predicted.cycles.abs_diff(measured);
        compared += 1;
        exact += u32::from(off <= 1);
        if off > FEW + measured / 20 {
            wrong.push(format!("{name}: {} predicted, {measured} measured", predicted.cycles));
        }
    }
    println!("{exact} of {compared} to the cycle");
    assert!(wrong.is_empty(), "{} of {compared}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 100 && exact * 2 > compared, "{exact} of {compared} to the cycle");
}

#[test]
fn programs_are_predicted_on_p16() {
    check_programs("p16", |_| Shape { spad: 13, acc: 10 });
}

#[test]
fn programs_are_predicted_on_p8() {
    check_programs("p8", |seed| if seed % 4 == 0 { Shape { spad: 6, acc: 3 } } else { Shape { spad: 12, acc: 9 } });
}
