//! Programs whose neighbouring instructions share rows in every way, on the RTL against the reference: status, steps,
//! digests, work and output, to which they store all on-chip rows that they may have changed. One machine runs them
//! back to back, also behind runs that trapped with its memories full. A seed names a program for ever.
//!
//! `SYSTOLE_SEEDS=1000..5000` runs others than the usual ones.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod common;

use std::ops::Range;

use common::coverage::{Coverage, HAZARDS, LIES};
use isa::asm::Source;
use isa::random::Rng;
use isa::{Beq, Fill, Halt, Instr, Li, Load, Loop, Matmul, Operand, Profile, Status, Store, Wide};
use sim::Engine;

fn source(seed: u64, machine: &str) -> Source {
    let (_, params) = common::MACHINES.iter().find(|(name, _)| *name == machine).unwrap();
    common::programs::hazards(seed, params.spad_log2, params.acc_log2)
}

fn check(machine: &str, seeds: Range<u64>) {
    let Some(mut engine) = common::rtl(machine) else { return };
    for seed in common::seeds(seeds) {
        common::memory::set(&mut engine, seed);
        common::shrink::demand_equal(machine, &mut engine, seed, &source(seed, machine));
    }
}

#[test]
fn hazards_on_the_rtl_p8() {
    check("p8", 0..1000);
}

#[test]
fn hazards_on_the_rtl_p16() {
    check("p16", 1000..1400);
}

/// Leaves no zero in any register or row of a machine's memories, and ends by HALT, by the limit, or by a trap, each
/// behind instructions that take long.
fn garbage(seed: u64, spad: u8, acc: u8) -> Source {
    let mut rng = Rng::new(seed ^ 0x6761_7262_6167_6500);
    let all = |log2: u8| Loop::new(1 << log2, 1);
    let fill = |lp, imm, space| Fill { lp, d: Operand::new(0, 1, 0), imm, space };
    let mut text: Vec<Instr> = (1..16).map(|rd| Li { rd, imm: rng.bits() as u32 | 1 }.into()).collect();
    text.push(fill(all(spad), 0x5a, false).into());
    text.push(fill(all(acc), 0xa5a5_a5a5, true).into());
    let m = Wide::new(0, 1, 0);
    let near = Operand::new(0, 1, 0);
    for _ in 0..3 {
        text.push(Load { lp: all(5), d: near, m, region: 6, space: false }.into());
        text.push(Store { lp: all(4), d: near, m, region: 6, space: false }.into());
        let (d, a) = (Operand::new(0, 1, 0), Operand::new(1, 1, 0));
        text.push(Matmul { lp: all(3), d, a, w_base: 32, n: 32, k: 32, kt: 1, acc: true, ..Matmul::default() }.into());
    }
    let kind = rng.below(3);
    text.push(if kind == 0 { Halt {}.into() } else { Beq { ra: 0, rb: 0, imm: u32::MAX }.into() });
    let steps = 15 + (1 << spad) + (1 << acc) + 3 * (32 + 16 + 8);
    let limit = if kind == 2 { steps - rng.below(60) } else { u64::MAX };
    let profile = Profile { limit, text: 5, constant: 0, input: 0, work: 5, output: 0, spad, acc };
    let text = text.iter().map(Instr::encode).collect();
    Source { profile, text, ..Source::default() }
}

#[test]
fn a_machine_full_of_garbage_begins_anew() {
    begins_anew("p8", 2000..2100);
}

#[test]
fn a_serial_machine_full_of_garbage_begins_anew() {
    begins_anew("up5k", 2100..2108);
}

fn begins_anew(machine: &str, seeds: Range<u64>) {
    let Some(mut engine) = common::rtl(machine) else { return };
    let (_, params) = *common::MACHINES.iter().find(|(name, _)| *name == machine).unwrap();
    for seed in common::seeds(seeds) {
        let before = garbage(seed, params.spad_log2, params.acc_log2);
        common::memory::set(&mut engine, seed);
        common::shrink::demand_equal(machine, &mut engine, seed, &before);
        // Lies where the last program lay.
        let source = source(seed, machine);
        let Some(text) = common::shrink::difference(&mut engine, &source) else { continue };
        let mut fresh = common::rtl(machine).unwrap();
        common::memory::set(&mut fresh, seed);
        let of_fresh = common::shrink::difference(&mut fresh, &source);
        panic!("seed {seed}: {text}; on a fresh machine: {of_fresh:?}\n{}", common::shrink::render(&source));
    }
}

/// What the usual seeds of this file reach.
#[test]
fn the_programs_reach_the_hazards() {
    let mut coverage = Coverage::default();
    (0..1000).for_each(|seed| coverage.add(&source(seed, "p8")));
    (1000..1400).for_each(|seed| coverage.add(&source(seed, "p16")));
    println!("{}", coverage.report());
    for hazard in HAZARDS {
        let holes = coverage.holes(hazard);
        assert!(holes.len() <= 5, "pairs of opcodes that never shared a row, {hazard:?}: {holes:?}");
        for lie in LIES {
            let (possible, hit) = coverage.reached(hazard, lie);
            assert!(hit * 10 >= possible * 6, "{hazard:?}, {lie:?}: {hit} of {possible} pairs of opcodes");
        }
    }
    for (older, younger) in (0..6).flat_map(|older| (0..6).map(move |younger| (older, younger))) {
        for hazard in HAZARDS {
            let count = coverage.between_units(older, younger, hazard);
            assert!(count.is_none_or(|count| count >= 30), "{hazard:?}, unit {older} before {younger}: {count:?}");
        }
        assert!(older == younger || coverage.near(older, younger) >= 20, "unit {older} near {younger}");
    }
    for status in Status::ALL.into_iter().skip(1) {
        assert!((0..6).all(|unit| coverage.ended(status, unit) > 0), "{status} behind every unit");
    }
}

/// A generator whose programs overwrite or clamp what went wrong would find nothing.
#[test]
fn a_forgotten_hazard_shows() {
    let shown = common::forgetful::shown((0..400).map(|seed| source(seed, "p8")));
    println!("{shown:?}");
    // Two accumulations may change places for good.
    for (hazard, percent) in HAZARDS.into_iter().zip([55, 45, 25]) {
        let (tried, seen) = shown[&hazard];
        assert!(tried >= 300 && seen * 100 >= tried * percent, "{hazard:?}: {seen} of {tried} show");
    }
}

#[test]
fn hazards_on_the_fast_executor() {
    for mut engine in common::fast() {
        for seed in common::seeds(0..300) {
            let engine: &mut dyn Engine = &mut engine;
            common::shrink::demand_equal("fast", engine, seed, &source(seed, "p8"));
        }
    }
}
