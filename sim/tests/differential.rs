//! Constrained-random programs on the RTL against the reference: status, steps, the digest at each mark and at the
//! end, all of work and output (to which the programs store all of spad and acc). One machine runs them back to back,
//! with a memory of random rate, latency and back-pressure at random places. A seed names a program for ever.
//!
//! `SYSTOLE_SEEDS=1000..5000` runs others than the usual ones.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod common;

use std::ops::Range;

use common::programs::plain;
use isa::asm::{Source, assemble};
use isa::program::Program;
use isa::{Fill, Instr, Leaf};
use sim::{Engine, EngineError, Outcome, StepEngine, Watch};

fn check(machine: &str, seeds: Range<u64>) {
    let Some(mut engine) = common::rtl(machine) else { return };
    for seed in common::seeds(seeds) {
        common::memory::set(&mut engine, seed);
        common::shrink::demand_equal(machine, &mut engine, seed, &plain(seed));
    }
}

#[test]
fn five_hundred_programs_on_the_rtl_p8() {
    check("p8", 0..500);
}

#[test]
fn two_hundred_programs_on_the_rtl_p16() {
    check("p16", 500..700);
}

#[test]
fn sixty_programs_on_the_serial_rtl() {
    check("up5k", 700..760);
}

#[test]
fn the_programs_end_in_many_ways() {
    let mut ends = std::collections::BTreeMap::new();
    for seed in 0..500 {
        let source = plain(seed);
        let outcome = StepEngine.run_to_end(&common::program(&source), &source.input).unwrap();
        *ends.entry(outcome.status).or_insert(0) += 1;
    }
    assert!(ends[&isa::Status::Halted] >= 250, "{ends:?}");
    assert!(ends.len() >= 6, "{ends:?}");
}

/// The reference with one fault: FILL writes another value.
struct Broken;

impl Engine for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn run(&mut self, program: &Program, input: &[Leaf], watch: Watch<'_>) -> Result<Outcome, EngineError> {
        let mut program = program.clone();
        for leaf in &mut program.text {
            if let Ok(Instr::Fill(fill)) = Instr::decode(leaf) {
                *leaf = Instr::from(Fill { imm: fill.imm ^ 1, ..fill }).encode();
            }
        }
        StepEngine.run(&program, input, watch)
    }
}

#[test]
fn a_failing_program_is_shrunk_and_printed() {
    let fails = |source: &Source| common::shrink::difference(&mut Broken, source).is_some();
    let failing = (0..100).map(plain).find(fails).unwrap();
    let small = common::shrink::shrink(&failing, &mut { fails });
    assert!(small.text.len() <= 3, "{}", common::shrink::render(&small));
    let again = assemble(&common::shrink::render(&small)).unwrap();
    assert_eq!((again.profile, &again.text), (small.profile, &small.text));
    assert!(fails(&again));
}
