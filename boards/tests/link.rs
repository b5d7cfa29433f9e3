//! Boards in Verilator, the line bit by bit: programs through the link are what the reference says, whatever the line does.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

use std::fs;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::Path;

use hdl::{Datapath, Params, emit, emit_shell};
use isa::asm::{Source, assemble};
use isa::program::{Metadata, Program};
use isa::random::Rng;
use link::encode;
use sim::board::SimulatedBoard;
use sim::rtl::Cache;
use sim::{BoardEngine, Engine, EngineError, StepEngine};

const CYCLES_PER_BIT: u32 = 4;
/// Cycles of silence after which the host asks again.
const PATIENCE: u64 = 3_000;

/// The machine of an iCEBreaker, and a small parallel one with the beats of `p8`.
fn machines() -> [(&'static str, Params); 2] {
    let small = Params {
        datapath: Datapath::Parallel,
        array_rows: 4,
        array_cols: 4,
        spad_log2: 9,
        acc_log2: 7,
        port_bytes: 8,
        vector_lanes: 1,
        depthwise_lanes: 4,
        spad_banks: 1,
        acc_banks: 1,
        in_flight: 2,
        queue_depth: 2,
    };
    [("up5k", Params::target("up5k").unwrap()), ("small", small)]
}

fn board(params: &Params) -> Option<SimulatedBoard> {
    if let Err(error) = Cache::standard().toolchain(false) {
        assert!(std::env::var_os("SYSTOLE_REQUIRE_RTL").is_none(), "SYSTOLE_REQUIRE_RTL is set, but {error}");
        eprintln!("skipped: {error}");
        return None;
    }
    let verilog = format!("{}\n{}", emit(params).unwrap(), emit_shell(params, CYCLES_PER_BIT.into()).unwrap());
    Some(SimulatedBoard::new(&verilog, CYCLES_PER_BIT, PATIENCE).unwrap())
}

fn program(source: &Source) -> Program {
    Program {
        profile: source.profile,
        metadata: Metadata::default(),
        text: source.text.clone(),
        constant: source.constant.clone(),
    }
}

/// Programs of `tests/programs` that fit the machine, some of each kind.
fn sources(params: &Params, every: usize) -> Vec<(String, Source)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/programs");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "tasm"));
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, assemble(&fs::read_to_string(path).unwrap()).unwrap())
    };
    let fits = |source: &Source| {
        usize::from(source.profile.spad) <= params.spad_log2 && usize::from(source.profile.acc) <= params.acc_log2
    };
    paths.iter().map(read).filter(|(_, source)| fits(source)).step_by(every).collect()
}

fn demand_equal<L: Read + Write>(engine: &mut BoardEngine<L>, name: &str, source: &Source) {
    let program = program(source);
    let expected = StepEngine.run_to_end(&program, &source.input).unwrap();
    let outcome = engine.run_to_end(&program, &source.input).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(expected.difference(&outcome), None, "{name}");
}

#[test]
fn programs_through_the_link_equal_the_reference() {
    let whole = ("p8", Params::target("p8").unwrap());
    for (machine, params) in machines().into_iter().chain([whole]) {
        let Some(board) = board(&params) else { return };
        let mut engine = BoardEngine::new(board).unwrap();
        assert_eq!(usize::from(engine.identity().port_bytes), params.port_bytes);
        let sources = sources(&params, 6);
        assert!(sources.len() > 10, "only {} programs", sources.len());
        for (name, source) in &sources {
            demand_equal(&mut engine, &format!("{machine}, {name}"), source);
        }
    }
}

/// A line that loses, doubles and changes bytes.
struct Noisy<L> {
    line: L,
    rng: Rng,
    /// Of how many bytes one is spoilt.
    every: u64,
}

impl<L> Noisy<L> {
    fn spoil(&mut self, byte: u8) -> Vec<u8> {
        if !self.rng.one_in(self.every) {
            return vec![byte];
        }
        match self.rng.below(3) {
            0 => vec![],
            1 => vec![byte, byte],
            _ => vec![byte ^ 1 << self.rng.below(8)],
        }
    }
}

impl<L: Read> Read for Noisy<L> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut one = [0];
        if self.line.read(&mut one)? == 0 {
            return Ok(0);
        }
        let spoilt = self.spoil(one[0]);
        bytes[..spoilt.len()].copy_from_slice(&spoilt);
        Ok(spoilt.len())
    }
}

impl<L: Write> Write for Noisy<L> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let spoilt: Vec<u8> = bytes.iter().flat_map(|&byte| self.spoil(byte)).collect();
        self.line.write_all(&spoilt)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.line.flush()
    }
}

#[test]
fn a_noisy_line_changes_nothing() {
    for (machine, params) in machines() {
        let Some(board) = board(&params) else { return };
        let mut engine = BoardEngine::new(Noisy { line: board, rng: Rng::new(1), every: 150 }).unwrap();
        for (name, source) in sources(&params, 40) {
            demand_equal(&mut engine, &format!("{machine}, {name}"), &source);
        }
    }
}

/// A run with something in every frame: rows read and written, marks.
fn example() -> Source {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/programs/mark_digest.tasm");
    assemble(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_board_that_was_left_alone_runs_the_next_program() {
    for (machine, params) in machines() {
        let Some(mut board) = board(&params) else { return };
        let source = example();
        for after in 0..12 {
            // The host goes away after some looks at the run, and another comes.
            let mut engine = BoardEngine::new(&mut board).unwrap();
            let mut looks = 0;
            let mut watch = |_| {
                looks += 1;
                if looks > after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let ended = engine.run(&program(&source), &source.input, &mut watch);
            assert!(matches!(ended, Ok(_) | Err(EngineError::Interrupted { .. })), "{machine}: {ended:?}");
            drop(engine);
            let mut engine = BoardEngine::new(&mut board).unwrap();
            demand_equal(&mut engine, &format!("{machine}, after {after}"), &source);
        }
    }
}

/// What no host sends: noise, halves of frames, frames of every kind and number.
fn hostile(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..60 {
        let (kind, number) = (rng.below(64) as u8, rng.below(4) as u8);
        let frame = encode(kind, number, &rng.leaf()[..[0, 32, 32, 31][rng.below(4) as usize]]);
        match rng.below(4) {
            0 => bytes.extend(rng.leaf()),
            1 => bytes.extend(&frame[..rng.below(frame.len() as u64) as usize]),
            2 => bytes.extend(encode([0x01, 0x12, 0x14, 0x30, 0x31, 0x33][rng.below(6) as usize], number, &[])),
            _ => bytes.extend(frame),
        }
    }
    bytes
}

#[test]
fn nothing_that_comes_makes_a_board_deaf() {
    for (machine, params) in machines() {
        let Some(mut board) = board(&params) else { return };
        let (mut rng, source) = (Rng::new(7), example());
        for round in 0..12 {
            board.write_all(&hostile(&mut rng)).unwrap();
            // Some of it starts runs; they are begun with rows that nobody meant.
            let mut answers = [0; 64];
            while board.read(&mut answers).unwrap() != 0 {}
            let mut engine = BoardEngine::new(&mut board).unwrap();
            demand_equal(&mut engine, &format!("{machine}, round {round}"), &source);
        }
    }
}
