//! The Verilator driver against a toy machine: every port width, rates and stalls, faults that it must notice.

#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod common;

use std::ops::ControlFlow;

use isa::program::{Layer, Metadata, Program};
use isa::{Beq, Halt, Instr, Leaf, Load, Loop, Mark, Operand, Profile, Store, Wide};
use sim::rtl::{Cache, EventKind, FRONT_CODES, Trace, UNIT_CODES, UNITS};
use sim::{DramConfig, Engine, EngineError, RtlEngine, RtlError, RtlOptions, RtlParams, StepEngine};

const TOY: &str = include_str!("toy/toy.v");

/// The toy with its port of `width` bytes.
fn toy(width: u32) -> String {
    let hash: String = isa::ISA_HASH.iter().map(|byte| format!("{byte:02x}")).collect();
    whole(&TOY.replace("hISA_HASH", &format!("h{hash}")).replace("W = 16", &format!("W = {width}")))
}

/// The toy with its counters: those of part *p* are 100·*p* + 1, 100·*p* + 2 and so on; code 0 has none.
fn whole(toy: &str) -> String {
    let unit = |(part, name): (usize, &&'static str)| (part, *name, UNIT_CODES);
    let parts = UNITS.iter().enumerate().map(unit).chain([(UNITS.len(), "front", FRONT_CODES)]);
    let (mut ports, mut values) = (String::new(), String::new());
    for (part, name, codes) in parts {
        for (code, of) in codes.iter().enumerate().skip(1) {
            ports.push_str(&format!("output wire [63:0] count_{name}_{of},\n    "));
            values.push_str(&format!("    assign count_{name}_{of} = {};\n", 100 * part + code));
        }
    }
    toy.replace("    COUNTERS\n", &format!("    {}\n", ports.trim_end()))
        .replace("endmodule", &format!("{values}endmodule"))
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
    common::can_build().then_some(())?;
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
                outstanding: 1 + seed % 3,
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
fn counters_and_marks_are_those_of_the_ports() {
    let Some(mut engine) = engine(&toy(16), 16) else { return };
    let outcome = engine.run_to_end(&program(), &input()).unwrap();
    let counters = outcome.perf.unwrap().counters;
    assert_eq!((counters.macs, counters.bytes_read, counters.bytes_written), (1, 2, 3));
    let rest = |part: u64| counters.cycles.wrapping_sub((1..7).map(|code| 100 * part + code).sum());
    let row = |part| std::array::from_fn(|code| if code == 0 { rest(part) } else { 100 * part + code as u64 });
    assert_eq!(counters.units, [0, 1, 2, 3, 4, 5].map(row));
    assert_eq!(counters.front, row(6));
    assert_eq!(outcome.marks[0].steps, 5);
}

/// A run of the toy with so much room for events.
fn trace(most: usize) -> Option<Trace> {
    common::can_build().then_some(())?;
    let options = RtlOptions { trace_events: Some(most), ..RtlOptions::default() };
    let mut engine = RtlEngine::new(&toy(16), params(16), options).unwrap();
    assert_eq!(engine.take_trace(), None);
    engine.run_to_end(&program(), &input()).unwrap();
    let trace = engine.take_trace();
    engine.run_to_end(&program(), &input()).unwrap();
    assert_eq!(engine.take_trace(), trace, "a second run begins anew");
    trace
}

#[test]
fn events_are_recorded_in_order_of_time() {
    let Some(whole) = trace(1000) else { return };
    let kinds: Vec<_> = whole.events.iter().map(|event| event.kind).collect();
    let expected = [
        EventKind::Issued { unit: 0, pc: 0 },
        EventKind::Taken { unit: 0 },
        EventKind::Activity { unit: 0, code: 4 },
        EventKind::Activity { unit: 6, code: 1 },
        EventKind::Retired { unit: 0 },
        EventKind::Issued { unit: 1, pc: 1 },
        EventKind::Taken { unit: 1 },
        EventKind::Activity { unit: 0, code: 0 },
        EventKind::Activity { unit: 1, code: 1 },
        EventKind::Issued { unit: 1, pc: 2 },
        EventKind::Taken { unit: 1 },
        EventKind::Retired { unit: 1 },
        EventKind::Retired { unit: 1 },
        EventKind::Activity { unit: 1, code: 0 },
        EventKind::Activity { unit: 6, code: 0 },
    ];
    assert_eq!(kinds, expected);
    assert!(whole.events.is_sorted_by_key(|event| event.cycle) && whole.cut_at_cycle.is_none());
    assert_eq!(whole.events[0].cycle, 0);
    let cut = trace(4).unwrap();
    assert_eq!(cut.events, whole.events[..4]);
    assert_eq!(cut.cut_at_cycle, Some(whole.events[4].cycle));
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
    fails(207, "outstanding");
    engine.set_dram(DramConfig { stall_permille: 900, ..DramConfig::default() });
    let mut program = program();
    program.profile.limit = 208;
    let message = engine.run_to_end(&program, &input()).unwrap_err().to_string();
    assert!(message.contains("read request withdrawn or changed"), "{message}");
}

#[test]
fn after_a_run_that_did_not_end_the_next_one_is_whole() {
    let Some(mut engine) = engine(&toy(16), 16) else { return };
    let expected = StepEngine.run_to_end(&program(), &input()).unwrap();
    let never = DramConfig { latency_cycles: u32::MAX, ..DramConfig::default() };
    engine.set_dram(never);
    let hung = engine.run_to_end(&program(), &input()).unwrap_err();
    assert!(hung.to_string().contains("hangs"), "{hung}");
    engine.set_dram(DramConfig::default());
    assert_eq!(expected.difference(&engine.run_to_end(&program(), &input()).unwrap()), None);

    let patient = RtlOptions { dram: never, ..RtlOptions::default() };
    let mut engine = RtlEngine::new(&toy(16), params(16), patient).unwrap();
    let mut looks = 0;
    let mut stop_at_third = |_| {
        looks += 1;
        if looks == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let stopped = engine.run(&program(), &input(), &mut stop_at_third).unwrap_err();
    assert!(matches!(stopped, EngineError::Interrupted { steps: 0 }), "{stopped}");
    engine.set_dram(DramConfig::default());
    assert_eq!(expected.difference(&engine.run_to_end(&program(), &input()).unwrap()), None);
}

#[test]
fn the_reference_can_be_interrupted() {
    let mut endless = program();
    endless.profile.limit = u64::MAX;
    endless.text[0] = Instr::from(Beq { ra: 0, rb: 0, imm: 0 }).encode();
    let stopped = StepEngine.run(&endless, &[], &mut |now| {
        if now.steps > 10_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(stopped, Err(EngineError::Interrupted { steps: 12_288 })), "{stopped:?}");
}

#[test]
fn too_much_input_is_refused() {
    let refused = StepEngine.run_to_end(&program(), &[isa::ZERO; 5]).unwrap_err().to_string();
    assert_eq!(refused, "the input has 5 rows, the program's input region 4");
}

#[test]
fn another_machine_is_refused() {
    if !common::can_build() {
        return;
    }
    let refused = |verilog: &str, width| RtlEngine::new(verilog, params(width), RtlOptions::default()).err().unwrap();
    assert!(matches!(refused(&toy(16), 8), RtlError::PortBytes { found: 16, expected: 8 }));
    let message = refused("module systole(); syntax error", 16).to_string();
    assert!(message.contains("syntax error"), "{message}");
    let other = whole(TOY).replace("hISA_HASH", "h77");
    assert!(matches!(refused(&other, 16), RtlError::IsaHash));
    let declared = whole(TOY)
        .replace("reg [3:0] state", "reg [7:0] lost [0:3];\ninitial $readmemh(\"absent.hex\", lost);\nreg [3:0] state");
    let message = refused(&declared.replace("hISA_HASH", "h1"), 16).to_string();
    assert!(message.contains("readmem"), "{message}");
}

/// Waves are a second build; the headers that it needs may be absent.
#[test]
fn waves_are_written_on_request() {
    if let Err(error) = Cache::standard().toolchain(true) {
        eprintln!("skipped: {error}");
        return;
    }
    let path = std::env::temp_dir().join(format!("systole-{}.fst", std::process::id()));
    let options = RtlOptions { waves: Some(path.clone()), ..RtlOptions::default() };
    let mut engine = RtlEngine::new(&toy(16), params(16), options).unwrap();
    let outcome = engine.run_to_end(&program(), &input()).unwrap();
    let expected = StepEngine.run_to_end(&program(), &input()).unwrap();
    assert_eq!(expected.difference(&outcome), None);
    drop(engine);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(bytes.len() > 300, "an FST of {} bytes", bytes.len());
}

#[test]
fn a_tuned_machine_ends_alike() {
    let cache = Cache::standard();
    if let Err(error) = cache.toolchain(false).and_then(|tools| tools.profile_merger()) {
        eprintln!("skipped: {error}");
        return;
    }
    // Port of 8 bytes: no other test's machine.
    let verilog = toy(8);
    let train = |rtl: &mut RtlEngine| rtl.run_to_end(&program(), &input()).map(|_| ());
    RtlEngine::tune(&verilog, params(8), train).unwrap();
    assert!(cache.tuned(&verilog).unwrap().is_some());
    let outcome = engine(&verilog, 8).unwrap().run_to_end(&program(), &input()).unwrap();
    assert_eq!(StepEngine.run_to_end(&program(), &input()).unwrap().difference(&outcome), None);
}
