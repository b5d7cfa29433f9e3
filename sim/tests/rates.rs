//! Rows between memory and the machine: cycles a row with the memory as it is by default, which must not grow.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod common;

use isa::program::{Metadata, Program};
use isa::{Fill, Gather, Halt, Instr, Leaf, Load, Loop, Operand, Profile, Store, Wide};
use sim::{Engine, RtlEngine};

const WORK: u8 = 6;

/// Cycles of a program of one instruction (and one that sets up its indices).
fn cycles(engine: &mut RtlEngine, instruction: Instr) -> u64 {
    let lp = Loop::new(1 << 8, 1);
    let d = Operand::new(4096, 1, 0);
    let text: [Instr; 3] = [Fill { lp, d, imm: 0x10, space: false }.into(), instruction, Halt {}.into()];
    let profile = Profile { limit: 1 << 20, text: 2, constant: 0, input: 0, work: 16, output: 0, spad: 13, acc: 9 };
    let text: Vec<Leaf> = text.iter().map(Instr::encode).collect();
    let program = Program { profile, metadata: Metadata::default(), text, constant: Vec::new() };
    let outcome = engine.run_to_end(&program, &[]).unwrap();
    assert_eq!(outcome.status, isa::Status::Halted);
    outcome.perf.unwrap().counters.cycles
}

/// Cycles that each row more costs where there are many.
fn a_row(engine: &mut RtlEngine, make: &dyn Fn(u16) -> Instr) -> f64 {
    let [few, many] = [128, 384].map(|rows| cycles(engine, make(rows)) as f64);
    (many - few) / 256.0
}

#[test]
fn rows_move_at_the_rate_of_the_port() {
    // Beats of 16 bytes: two cycles a row, eight a row32.
    let Some(mut engine) = common::rtl("p16") else { return };
    let near = Operand::new(0, 1, 0);
    let load = |lp, d, m, space| Load { lp, d, m, region: WORK, space };
    let store = |lp, d, m, space| Store { lp, d, m, region: WORK, space };
    let eights = Operand::new(0, 1, 8);
    #[allow(clippy::type_complexity, reason = "a table of functions")]
    let cases: [(&str, f64, &dyn Fn(u16) -> Instr); 11] = [
        ("LOAD", 2.0, &|n| load(Loop::new(n, 1), near, Wide::new(0, 1, 0), false).into()),
        ("LOAD of runs of eight", 2.0, &|n| load(Loop::new(8, n / 8), eights, Wide::new(0, 1, 60), false).into()),
        ("LOAD backwards", 2.4, &|n| load(Loop::new(n, 1), near, Wide::new(500, -1, 0), false).into()),
        ("LOAD of single rows", 2.4, &|n| load(Loop::new(n, 1), near, Wide::new(0, 7, 0), false).into()),
        ("LOAD of row32s", 8.0, &|n| load(Loop::new(n, 1), near, Wide::new(0, 4, 0), true).into()),
        ("LOAD of single row32s", 8.0, &|n| load(Loop::new(n, 1), near, Wide::new(0, 12, 0), true).into()),
        ("STORE", 2.0, &|n| store(Loop::new(n, 1), near, Wide::new(0, 1, 0), false).into()),
        ("STORE of runs of eight", 2.0, &|n| store(Loop::new(8, n / 8), eights, Wide::new(0, 1, 60), false).into()),
        ("STORE of single rows", 2.4, &|n| store(Loop::new(n, 1), near, Wide::new(0, 7, 0), false).into()),
        ("STORE of row32s", 8.0, &|n| store(Loop::new(n, 1), near, Wide::new(0, 4, 0), true).into()),
        ("GATHER", 2.4, &|n| {
            let (lp, m) = (Loop::new(n, 1), Wide::new(0, 1, 0));
            Gather { lp, d: near, m, region: WORK, index: 4096, limit: 1000, limit_reg: 0 }.into()
        }),
    ];
    for (name, most, make) in cases {
        let have = a_row(&mut engine, make);
        eprintln!("{name}: {have:.2} cycles a row");
        assert!(have <= most * 1.02, "{name}: {have} cycles a row, at most {most} are due");
    }
}
