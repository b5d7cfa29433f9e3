//! The Verilator driver against a toy machine: every port width, rates and stalls, faults that it must notice.

#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

use isa::program::{Layer, Metadata, Program};
use isa::{Halt, Instr, Leaf, Load, Loop, Mark, Operand, Profile, Store, Wide};
use sim::rtl::Toolchain;
use sim::{DramConfig, Engine, RtlEngine, RtlError, RtlOptions, RtlParams, StepEngine};

const TOY: &str = include_str!("toy/toy.v");

/// The toy with its port of `width` bytes.
fn toy(width: u32) -> String {
    let hash: String = isa::ISA_HASH.iter().map(|byte| format!("{byte:02x}")).collect();
    TOY.replace("hISA_HASH", &format!("h{hash}")).replace("W = 16", &format!("W = {width}"))
}

fn params(port_bytes: u32) -> RtlParams {
    RtlParams { array_rows: 8, array_cols: 8, spad_log2: 10, acc_log2: 4, port_bytes }
}

/// The one program that the toy knows.
fn program() -> Program {
    let lp = Loop::new(2, 1);
    let d = Operand::new(0, 1, 0);
    let text: [Instr; 4] = [
        Load { lp, d, m: Wide::new(0, 1, 0), region: 3, space: false }.into(),
        Store { lp, d, m: Wide::new(5, 1, 0), region: 7, space: false }.into(),
        Mark { imm: 7 }.into(),
        Halt {}.into(),
    ];
    let profile = Profile { limit: 100, text: 2, constant: 0, input: 2, work: 3, output: 3, spad: 5, acc: 0 };
    let layers = vec![Layer { mark: 7, name: "copy".into(), ..Layer::default() }];
    let metadata = Metadata { layers, ..Metadata::default() };
    Program { profile, metadata, text: text.iter().map(Instr::encode).collect(), constant: Vec::new() }
}

fn input() -> Vec<Leaf> {
    (0..2u8).map(|row| std::array::from_fn(|byte| row * 100 + byte as u8)).collect()
}

/// The toy's engine, or `None` with a note where there is no Verilator.
fn engine(verilog: &str, width: u32) -> Option<RtlEngine> {
    if let Err(error) = Toolchain::find(None) {
        eprintln!("skipped: {error}");
        return None;
    }
    let options = RtlOptions { hang_cycles: 1000, ..RtlOptions::default() };
    Some(RtlEngine::new(verilog, params(width), options).unwrap())
}

#[test]
fn the_toy_equals_the_reference_at_every_width_rate_and_stall() {
    let expected = StepEngine.run_to_end(&program(), &input()).unwrap();
    for width in [1, 16, 32] {
        let Some(mut engine) = engine(&toy(width), width) else { return };
        let mut dram = DramConfig::default();
        for seed in 0..20 {
            let outcome = engine.run_to_end(&program(), &input()).unwrap();
            assert_eq!(expected.difference(&outcome), None);
            let perf = outcome.perf.unwrap();
            assert_eq!((perf.layers.len(), perf.layers[0].name.as_str()), (1, "copy"));
            dram = DramConfig {
                bytes_per_cycle: 5,
                latency_cycles: seed % 7,
                stall_permille: 300,
                jitter_cycles: 9,
                seed: seed.into(),
            };
            engine.set_dram(dram);
            engine.set_base_row(seed * 0x100_0001);
        }
        assert_eq!(dram.seed, 19);
    }
}

#[test]
fn rate_and_latency_cost_what_they_say() {
    let Some(mut engine) = engine(&toy(16), 16) else { return };
    let mut cycles = |bytes_per_cycle, latency_cycles| {
        engine.set_dram(DramConfig { bytes_per_cycle, latency_cycles, ..DramConfig::default() });
        engine.run_to_end(&program(), &input()).unwrap().perf.unwrap().counters.cycles
    };
    let fast = cycles(16, 0);
    assert_eq!(cycles(16, 10), fast + 20, "one read and one write request");
    let longer = cycles(4, 0) - fast;
    assert!((20..=24).contains(&longer), "eight beats, each four cycles long: {longer}");
}

#[test]
fn faults_of_the_rtl_are_named() {
    let Some(mut engine) = engine(&toy(16), 16) else { return };
    let mut fails = |fault: u64, expected: &str| {
        let mut program = program();
        program.profile.limit = fault;
        let message = engine.run_to_end(&program, &input()).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    fails(201, "write of physical row");
    fails(201, "in no region");
    fails(202, "write to const row 0x0");
    fails(203, "hangs");
    fails(204, "digest");
    fails(205, "outstanding");
    fails(206, "status 77");
}

#[test]
fn a_run_can_be_interrupted_and_the_next_one_is_whole() {
    let Some(mut engine) = engine(&toy(16), 16) else { return };
    let slow = DramConfig { latency_cycles: 200_000, ..DramConfig::default() };
    engine.set_dram(slow);
    let hung = engine.run_to_end(&program(), &input()).unwrap_err();
    assert!(hung.to_string().contains("hangs"), "{hung}");
    engine.set_dram(DramConfig { bytes_per_cycle: 16, ..DramConfig::default() });
    let expected = StepEngine.run_to_end(&program(), &input()).unwrap();
    assert_eq!(expected.difference(&engine.run_to_end(&program(), &input()).unwrap()), None);
}

#[test]
fn another_machine_is_refused() {
    if Toolchain::find(None).is_err() {
        return;
    }
    let refused = |verilog: &str, width| RtlEngine::new(verilog, params(width), RtlOptions::default()).err().unwrap();
    assert!(matches!(refused(&toy(16), 8), RtlError::PortBytes { found: 16, expected: 8 }));
    let message = refused("module systole(); syntax error", 16).to_string();
    assert!(message.contains("syntax error"), "{message}");
    let other = TOY.replace("hISA_HASH", "h77");
    assert!(matches!(refused(&other, 16), RtlError::IsaHash));
    let declared = TOY
        .replace("reg [2:0] state", "reg [7:0] lost [0:3];\ninitial $readmemh(\"absent.hex\", lost);\nreg [2:0] state");
    let message = refused(&declared.replace("hISA_HASH", "h1"), 16).to_string();
    assert!(message.contains("readmem"), "{message}");
}
