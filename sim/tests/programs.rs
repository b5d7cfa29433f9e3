//! Every file of `tests/programs/` on every engine: its own expectations, and the reference's whole outcome.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod common;

use std::fs;

use isa::asm::{Source, assemble};
use sim::{DramConfig, Engine, StepEngine};

/// Name and source of each file, by name.
fn sources() -> Vec<(String, Source)> {
    let folder = common::root().join("tests/programs");
    let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "tasm")).collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let source = assemble(&fs::read_to_string(path).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, source)
    };
    paths.iter().map(read).collect()
}

/// What is wrong when `engine` runs this source.
fn faults(engine: &mut dyn Engine, source: &Source) -> Vec<String> {
    let program = common::program(source);
    let expected = StepEngine.run_to_end(&program, &source.input).unwrap();
    match engine.run_to_end(&program, &source.input) {
        Ok(outcome) => {
            let mut wrong = common::expect::check(&source.expectations, &outcome);
            wrong.extend(expected.difference(&outcome).map(|text| format!("reference against it: {text}")));
            wrong
        }
        Err(error) => vec![error.to_string()],
    }
}

fn check_all(engine: &mut dyn Engine) {
    check_each(engine, &sources());
}

fn check_each(engine: &mut dyn Engine, sources: &[(String, Source)]) {
    let mut report = String::new();
    for (name, source) in sources {
        for fault in faults(engine, source) {
            report.push_str(&format!("{name}: {fault}\n"));
        }
    }
    assert!(report.is_empty(), "{} on these programs:\n{report}", engine.name());
    assert!(sources.len() > 50, "only {} programs", sources.len());
}

#[test]
fn on_the_reference() {
    check_all(&mut StepEngine);
}

#[test]
fn on_the_fast_executor() {
    for mut engine in common::fast() {
        check_all(&mut engine);
    }
}

#[test]
fn on_the_rtl_p8() {
    let Some(mut engine) = common::rtl("p8") else { return };
    check_all(&mut engine);
    engine.set_dram(DramConfig {
        bytes_per_cycle: 3,
        latency_cycles: 5,
        outstanding: 3,
        stall_permille: 200,
        jitter_cycles: 9,
        seed: 1,
    });
    engine.set_base_row(0x1234_5678);
    check_all(&mut engine);
}

#[test]
fn on_the_rtl_p16() {
    let Some(mut engine) = common::rtl("p16") else { return };
    check_all(&mut engine);
}

/// Those that fit the serial machine.
fn small_sources() -> Vec<(String, Source)> {
    let (_, params) = *common::MACHINES.iter().find(|(name, _)| *name == "up5k").unwrap();
    let fits = |source: &Source| source.profile.spad <= params.spad_log2 && source.profile.acc <= params.acc_log2;
    sources().into_iter().filter(|(_, source)| fits(source)).collect()
}

#[test]
fn on_the_serial_rtl() {
    let Some(mut engine) = common::rtl("up5k") else { return };
    common::memory::set(&mut engine, 3);
    check_each(&mut engine, &small_sources());
}

#[test]
fn machines_count_the_same_products() {
    let (Some(mut parallel), Some(mut serial)) = (common::rtl("p8"), common::rtl("up5k")) else { return };
    for (name, source) in small_sources() {
        let program = common::program(&source);
        let [left, right] = [&mut parallel, &mut serial].map(|engine| {
            let counters = engine.run_to_end(&program, &source.input).unwrap().perf.unwrap().counters;
            (counters.macs, counters.bytes_written)
        });
        assert_eq!(left, right, "{name}: products, bytes written");
    }
}

#[test]
fn clock_gating_changes_nothing() {
    let Some(mut engine) = common::rtl("p8") else { return };
    for (seed, (name, source)) in (0..).zip(sources()) {
        let program = common::program(&source);
        common::memory::set(&mut engine, seed);
        let [gated, always] = [true, false].map(|on| {
            engine.set_clock_gating(on);
            engine.run_to_end(&program, &source.input).unwrap()
        });
        assert_eq!(gated.difference(&always), None, "{name}");
        assert_eq!(gated.perf, always.perf, "{name}: cycles and counters");
    }
}
