//! The kernels on every engine: their outputs against plain computations, their cycles against those committed.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod common;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use sim::kernels::{self, BYTES_PER_CYCLE, Kernel};
use sim::{Engine, FastEngine, FastOptions, StepEngine};

/// Percent of the roofline that every kernel reaches.
const LEAST: f64 = 95.0;

fn check(kernel: &Kernel, engine: &mut dyn Engine) {
    let outcome = engine.run_to_end(&kernel.program, &kernel.input).unwrap();
    assert_eq!(outcome.status, isa::Status::Halted, "{} on {}", kernel.name, engine.name());
    assert_eq!(kernel.fault(&outcome.output), None, "on {}", engine.name());
}

#[test]
fn outputs_are_those_of_a_plain_computation() {
    for kernel in kernels::all() {
        check(&kernel, &mut StepEngine);
        check(&kernel, &mut common::fast()[0]);
        // A kernel whose results all saturate would hide errors.
        let inside = kernel.expected.iter().filter(|byte| !matches!(byte, -128 | 127)).count();
        assert!(inside * 2 > kernel.expected.len(), "{}: {inside} of {} inside", kernel.name, kernel.expected.len());
    }
}

/// The whole outcome is compared too. `SYSTOLE_BLESS=1` writes the file anew.
#[test]
fn cycles_on_the_rtl_are_those_committed() {
    let Some(mut rtl) = common::rtl("p16") else { return };
    let mut fast = FastEngine::new(&FastOptions::default()).unwrap();
    let mut table = String::from("kernel             bytes/cycle  roofline    cycles  reached\n");
    for kernel in kernels::all() {
        for bytes_per_cycle in BYTES_PER_CYCLE {
            let m = kernel.measure(bytes_per_cycle, &mut rtl, &mut fast).unwrap();
            let reached = 100.0 * m.roofline;
            assert!(
                reached >= LEAST,
                "{} at {bytes_per_cycle} bytes a cycle: {reached:.1} %, {:?}",
                m.kernel,
                m.losses
            );
            writeln!(
                table,
                "{:18} {bytes_per_cycle:>11} {:>9} {:>9} {reached:>6.1} %",
                m.kernel, m.ideal_cycles, m.cycles
            )
            .unwrap();
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernels.txt");
    if std::env::var_os("SYSTOLE_BLESS").is_some() {
        fs::write(&path, &table).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(table, committed, "cycles have changed: SYSTOLE_BLESS=1 cargo test -p sim --test kernels");
}
