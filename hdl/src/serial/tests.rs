//! The microprogram on the engine's model against the reference: the committed programs, and random ones.

use std::path::Path;

use isa::asm::{Source, assemble};
use isa::program::{Metadata, Program};
use isa::random::{Rng, Shape, case, hazard};
use isa::{Leaf, Region, Status, Subtree};
use sim::{Engine, Mark, Outcome, StepEngine};

use super::code::program;
use super::model::{Host, Model};

const REGIONS: [Subtree; 5] = [Subtree::Text, Subtree::Const, Subtree::Input, Subtree::Work, Subtree::Output];

/// The five regions, one after another.
struct Dram {
    regions: [Region; 5],
    bases: [u32; 5],
    marks: Vec<Mark>,
}

impl Dram {
    fn find(&mut self, row: u32) -> (&mut Region, u64) {
        let at = (0..5).rev().find(|&at| self.bases[at] <= row).unwrap();
        (&mut self.regions[at], (row - self.bases[at]).into())
    }
}

impl Host for Dram {
    fn read(&mut self, row: u32) -> Leaf {
        let (region, row) = self.find(row);
        region.get(row)
    }

    fn write(&mut self, row: u32, leaf: Leaf) {
        let (region, row) = self.find(row);
        region.set(row, leaf);
    }

    fn mark(&mut self, id: u32, digest: u64) {
        self.marks.push(Mark { id, digest, steps: 0 });
    }
}

fn run(model: &mut Model, source: &Source) -> (Outcome, u64) {
    let profile = source.profile;
    let mut next = 0x1234;
    let bases = REGIONS.map(|tree| {
        let base = next;
        next += (1u32 << profile.depth(tree).min(26)) + 1;
        base
    });
    let rows = |rows: &[Leaf]| Region::from_rows(rows);
    let regions =
        [rows(&source.text), rows(&source.constant), rows(&source.input), Region::default(), Region::default()];
    let mut dram = Dram { regions, bases, marks: Vec::new() };
    let end = model.run(&profile.to_leaf(), bases, &mut dram, 2_000_000_000).expect("an end");
    let status = Status::from_code(end.status).unwrap();
    let [.., work, output] = dram.regions;
    let output = if status == Status::Halted { output } else { Region::default() };
    let outcome = Outcome { status, steps: end.steps, digest: end.digest, marks: dram.marks, output, work, perf: None };
    (outcome, end.cycles)
}

fn check(model: &mut Model, name: &str, source: &Source) -> u64 {
    let metadata = Metadata::default();
    let (text, constant) = (source.text.clone(), source.constant.clone());
    let program = Program { profile: source.profile, metadata, text, constant };
    let expected = StepEngine.run_to_end(&program, &source.input).unwrap();
    let (outcome, cycles) = run(model, source);
    if let Some(difference) = expected.difference(&outcome) {
        panic!("{name}: {difference}\n{}", listing(source));
    }
    cycles
}

fn listing(source: &Source) -> String {
    source.text.iter().map(|leaf| format!("{}\n", isa::asm::disassemble(leaf))).collect()
}

fn model() -> Model {
    Model::new(program(), 11, 9)
}

#[test]
fn the_committed_programs_equal_the_reference() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/programs");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut model = model();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "tasm")) {
        let source = assemble(&std::fs::read_to_string(path).unwrap()).unwrap();
        if source.profile.spad <= 11 && source.profile.acc <= 9 {
            check(&mut model, &path.display().to_string(), &source);
        }
    }
}

#[test]
fn random_programs_equal_the_reference() {
    let mut model = model();
    let seeds = std::env::var("SYSTOLE_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(150);
    let mut cycles = 0;
    for seed in 0..seeds {
        let size = 10 + Rng::new(!seed).below(60) as usize;
        cycles += check(&mut model, &format!("plain {seed}"), &case(seed, size).into());
        let shape = if seed.is_multiple_of(4) { Shape { spad: 6, acc: 3 } } else { Shape { spad: 11, acc: 9 } };
        cycles += check(&mut model, &format!("hazard {seed}"), &hazard(seed, shape).into());
    }
    println!("{} words, {} cycles a program", model.runs.len(), cycles / (2 * seeds));
    let unused = model.runs.iter().filter(|runs| **runs == 0).count();
    println!("{unused} words never run");
}

/// Cycles of each row of an instruction, without waits for memory, and those of the instruction beside.
fn cost(model: &mut Model, instruction: &str) -> (u64, u64) {
    let run = |model: &mut Model, rows: u64, instruction: &str| {
        let text = format!(
            ".profile limit=1000000 text=4 const=8 input=8 work=8 output=8 spad=11 acc=9\n{}\nhalt\n",
            instruction.replace("ROWS", &rows.to_string())
        );
        check(model, instruction, &assemble(&text).unwrap())
    };
    let [none, few, many] = [
        run(model, 1, "li rd=x1 imm=0").saturating_sub(scalar_cycles()),
        run(model, 2, instruction),
        run(model, 6, instruction),
    ];
    let row = (many - few) / 4;
    (row, few - none - 2 * row)
}

/// Of `LI` between a fetch and the next.
fn scalar_cycles() -> u64 {
    let mut model = model();
    let mut cycles = |text: &str| {
        let text = format!(".profile limit=1000000 text=4 spad=11 acc=9\n{text}\nhalt\n");
        check(&mut model, "li", &assemble(&text).unwrap())
    };
    cycles("li rd=x1 imm=5\nli rd=x1 imm=5") - cycles("li rd=x1 imm=5")
}

#[test]
fn rows_cost_what_the_documentation_says() {
    let costs = [
        ("load n0=ROWS d=0,1 m=0,1 region=input", 54),
        ("store n0=ROWS d=0,1 m=0,1 region=output", 86),
        ("store n0=ROWS d=0,1 m=0,4 region=output space=1", 238),
        ("gather n0=ROWS d=64,1 m=0,1 region=input limit=4", 76),
        ("move n0=ROWS d=64,1 m=0,32 n=32", 234),
        ("fill n0=ROWS d=0,1 imm=1", 76),
        ("matmul n0=ROWS d=0,1 a=0,1 w_base=32 n=32 k=32", 908),
        ("matmul n0=ROWS d=0,1 a=0,1 w_base=32 n=32 k=32 acc=1", 1092),
        ("matmul n0=ROWS d=0,1 a=0,1 w_base=32 n=32 k=32 acc=1 tr=1", 1750),
        ("dwmac n0=ROWS d=0,1 a=0,1 w_base=64 n=32 acc=1", 540),
        ("vadd n0=ROWS d=0,1 a=64,1 b=128,1", 642),
        ("vmulr n0=ROWS d=0,1 a=64,1 b=128,1 shift=31", 2498),
        ("vshr n0=ROWS d=0,1 a=64,1 b=3 form=address", 2000),
        ("vclz n0=ROWS d=0,1 a=64,1", 1584),
        ("vsum n0=ROWS d=0,1 a=64,1", 492),
        ("lut32 n0=ROWS d=0,1 a=0,1 b=32", 496),
        ("requant n0=ROWS d=64,1 a=0,1 b=0", 3258),
        ("addq n0=ROWS d=64,1 a=0,1 b=32,1 p_base=128", 3918),
        ("maxq n0=ROWS d=64,1 a=0,1 acc=1", 502),
        ("lut n0=ROWS d=64,1 a=0,1 b=32", 366),
        ("trans n0=ROWS d=64,1 a=0", 238),
        ("argmax n0=ROWS rd=x1 rv=x2 a=0,1", 564),
    ];
    let mut model = model();
    for (instruction, expected) in costs {
        let (row, once) = cost(&mut model, instruction);
        println!("{row:>6} a row, {once:>5} once: {instruction}");
        assert_eq!(row, expected, "cycles a row of {instruction}");
        assert!(once <= 850, "{instruction}: {once} cycles beside its rows");
    }
    assert_eq!(scalar_cycles(), 132);
}
