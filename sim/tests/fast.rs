//! The fast executor against `isa::step`: outcomes, all memory after every instruction and at stops inside one, what
//! it says has changed, snapshots. A seed names a program for ever.
//!
//! `SYSTOLE_SEEDS=1000..5000` runs others than the usual ones.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod common;

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use isa::asm::Source;
use isa::random::{Rng, case};
use isa::{
    Access, Dwmac, Halt, Instr, Leaf, Load, Loop, Matmul, Maxq, Memory, Operand, Profile, Region, Regs, Requant, State,
    Stepped, Store, Subtree, Wide,
};
use sim::fast::{Change, Image, Workers};
use sim::{Engine, FastEngine, FastMachine, StepEngine};

fn source(seed: u64) -> Source {
    case(seed, 10 + Rng::new(!seed).below(60) as usize).into()
}

/// The same program on the reference and on the fast executor.
struct Pair {
    reference: Memory,
    fast: FastMachine,
    /// What the fast one has said of its changes.
    told: Memory,
}

impl Pair {
    fn new(source: &Source, workers: &Arc<Workers>) -> Pair {
        let program = common::program(source);
        let reference = Memory::new(&program.head(), &program.text, &program.constant, &source.input);
        let fast = FastMachine::new(Image::new(&program), &source.input[..], workers.clone());
        Pair { told: reference.clone(), reference, fast }
    }

    /// One micro-step of the reference; whether it ends an instruction.
    fn step(&mut self) -> (bool, bool) {
        let Ok(stepped) = isa::step(&mut self.reference);
        match stepped {
            Stepped::Ran { last, .. } => (last, true),
            _ => (true, false),
        }
    }

    /// Brings the fast machine to where the reference is and compares everything.
    fn compare(&mut self, what: &str) {
        let steps = self.reference.regs().steps;
        self.fast.run_until(steps).unwrap();
        assert_eq!(self.fast.regs(), self.reference.regs(), "{what}");
        for tree in Subtree::ALL {
            self.fast.drain(tree, |change| match change {
                Change::Cleared => *self.told.tree_mut(tree) = Region::default(),
                Change::Leaves { index, leaves } => {
                    (index..).zip(leaves).for_each(|(index, leaf)| self.told.tree_mut(tree).set(index, *leaf));
                }
            });
            let want = self.reference.tree(tree);
            for (index, leaf) in want.nonzero() {
                assert_eq!(self.fast.leaf(tree, index), *leaf, "{what}: {}[{index}], step {steps}", tree.name());
            }
            assert!(self.told.tree(tree) == want, "{what}: changes of {} at step {steps}", tree.name());
        }
    }
}

fn workers() -> Vec<Arc<Workers>> {
    common::fast().iter().map(|engine| engine.workers().clone()).collect()
}

fn name(workers: &Workers) -> String {
    format!("{} on {} threads", workers.simd(), workers.threads())
}

#[test]
fn three_thousand_programs_end_alike() {
    let mut engines = common::fast();
    let seeds = common::seeds(0..3000);
    for seed in seeds {
        let ways = engines.len() as u64;
        // Each way of the executor gets its share; all of them some.
        let one = (seed % ways) as usize;
        let chosen: Range<usize> = if seed % 20 == 0 { 0..engines.len() } else { one..one + 1 };
        for engine in &mut engines[chosen] {
            check(engine, seed);
        }
    }
}

fn check(engine: &mut FastEngine, seed: u64) {
    let source = source(seed);
    let Some(text) = common::shrink::difference(engine, &source) else { return };
    let small = common::shrink::shrink(&source, &mut |smaller| common::shrink::difference(engine, smaller).is_some());
    let of_small = common::shrink::difference(engine, &small).unwrap_or_default();
    let way = name(engine.workers());
    panic!("{way}, seed {seed}: {text}\nshrunk: {of_small}\n{}", common::shrink::render(&small));
}

#[test]
fn all_memory_is_the_same_after_every_instruction() {
    for workers in workers() {
        for seed in 5000..5040 {
            let mut pair = Pair::new(&source(seed), &workers);
            let what = format!("{}, seed {seed}", name(&workers));
            loop {
                let (last, running) = pair.step();
                if last {
                    pair.compare(&what);
                }
                if !running {
                    break;
                }
            }
        }
    }
}

#[test]
fn all_memory_is_the_same_wherever_it_stops() {
    for workers in workers() {
        for seed in 6000..6060 {
            let mut pair = Pair::new(&source(seed), &workers);
            let mut random = Rng::new(seed);
            let what = format!("{}, seed {seed}", name(&workers));
            while pair.step().1 {
                if random.one_in(9) {
                    pair.compare(&what);
                }
            }
            pair.compare(&what);
        }
    }
}

#[test]
fn a_snapshot_brings_every_leaf_back() {
    let workers = workers().pop().unwrap();
    for seed in 7000..7100 {
        let source = source(seed);
        let program = common::program(&source);
        let steps = StepEngine.run_to_end(&program, &source.input).unwrap().steps;
        let mut random = Rng::new(seed);
        let mut machine = FastMachine::new(Image::new(&program), &source.input[..], workers.clone());
        machine.track_digest();
        let mut snapshots = Vec::new();
        for _ in 0..12 {
            let goal = random.below(steps + 1);
            if goal < machine.regs().steps || random.one_in(3) {
                let snapshot = &snapshots.get(random.below(snapshots.len() as u64) as usize);
                match snapshot {
                    Some(snapshot) => machine.restore(snapshot),
                    None => machine.reset(&source.input[..]),
                }
            }
            if machine.regs().steps <= goal {
                machine.run_until(goal).unwrap();
            }
            if random.one_in(2) {
                snapshots.push(machine.snapshot());
            }
            if random.one_in(4) {
                machine = machine.clone();
            }
            let mut reference = Memory::new(&program.head(), &program.text, &program.constant, &source.input);
            for _ in 0..machine.regs().steps {
                let Ok(_) = isa::step(&mut reference);
            }
            assert_eq!(machine.regs(), reference.regs(), "seed {seed}");
            for tree in Subtree::ALL {
                for index in 0..512 {
                    assert_eq!(machine.leaf(tree, index), reference.tree(tree).get(index), "seed {seed}: {tree:?}");
                }
            }
        }
        machine.run_until(u64::MAX).unwrap();
        let outcome = StepEngine.run_to_end(&program, &source.input).unwrap();
        assert_eq!(machine.digest(), outcome.digest, "seed {seed}");
        assert!(machine.work_before_stop() == outcome.work && machine.output() == outcome.output, "seed {seed}");
    }
}

#[test]
fn a_micro_step_from_outside_is_one_of_its_own() {
    let workers = workers().pop().unwrap();
    for seed in 8000..8040 {
        let mut pair = Pair::new(&source(seed), &workers);
        let mut random = Rng::new(seed);
        while pair.step().1 {
            if random.one_in(5) {
                let goal = pair.reference.regs().steps - 1;
                pair.fast.run_until(goal).unwrap();
                isa::step(&mut pair.fast).unwrap();
                // A fault: a changed leaf in both.
                let (row, leaf): (u64, Leaf) = (random.below(128), random.leaf());
                for at in [Access::leaf(Subtree::Onchip, row), Access::leaf(Subtree::Work, row)] {
                    pair.reference.update(at, &[leaf]).unwrap();
                    pair.fast.update(at, &[leaf]).unwrap();
                }
                pair.compare(&format!("seed {seed}"));
            }
        }
        pair.compare(&format!("seed {seed}"));
    }
}

/// A program that loads random rows everywhere, runs some instructions of large shapes, and stores all of spad and acc.
fn large(seed: u64) -> Source {
    let mut rng = Rng::new(seed);
    let profile = Profile { limit: 1 << 40, text: 6, constant: 13, input: 3, work: 4, output: 14, spad: 13, acc: 11 };
    let lp = |n0: u64, n1: u64| Loop::new(n0 as u16, n1 as u16);
    let load = |space| Load {
        lp: lp(if space { 2000 } else { 8192 }, 1),
        d: Operand::new(0, 1, 0),
        m: Wide::new(0, if space { 4 } else { 1 }, 0),
        region: Subtree::Const as u8,
        space,
    };
    let mut text: Vec<Instr> = vec![load(false).into(), load(true).into()];
    while text.len() < 8 {
        let instr = large_instr(&mut rng, lp);
        if isa::admit(&instr, &Regs::default(), &profile).is_ok() {
            text.push(instr);
        }
    }
    for space in [false, true] {
        let unit: u64 = if space { 4 } else { 1 };
        text.push(
            Store {
                lp: lp(if space { 2048 } else { 8192 }, 1),
                d: Operand::new(0, 1, 0),
                m: Wide::new(if space { 8192 } else { 0 }, unit as i32, 0),
                region: Subtree::Output as u8,
                space,
            }
            .into(),
        );
    }
    text.push(Halt {}.into());
    let mut constant: Vec<Leaf> = (0..8192).map(|_| rng.leaf()).collect();
    if rng.one_in(2) {
        // Weights that multiply as bytes: half as large.
        constant.iter_mut().flatten().for_each(|byte| *byte = (byte.cast_signed() / 2).cast_unsigned());
    }
    let text = text.iter().map(Instr::encode).collect();
    Source { profile, text, constant, input: Vec::new(), expectations: Vec::new() }
}

fn large_instr(rng: &mut Rng, lp: fn(u64, u64) -> Loop) -> Instr {
    let mut operand = |base: u64, strides: [u64; 2]| {
        let mut stride = |bound: u64| rng.below(2 * bound + 1) as i16 - bound as i16;
        let (s0, s1) = (stride(strides[0]), stride(strides[1]));
        Operand { base: rng.below(base) as u32, s0, s1, ..Operand::default() }
    };
    let (d, near, far) = (operand(2048, [3, 300]), operand(8192, [3, 150]), operand(8192, [90, 300]));
    let lanes = |rng: &mut Rng| if rng.one_in(2) { 32 } else { 1 + rng.below(32) as u8 };
    let (n0, n1) = if rng.one_in(3) { (1 + rng.below(700), 1) } else { (1 + rng.below(60), 1 + rng.below(12)) };
    let (lp, n, acc) = (lp(n0, n1), lanes(rng), rng.one_in(2));
    let kt = if rng.one_in(4) { 60 + rng.below(20) } else { 1 + rng.below(12) } as u16;
    let (a_sk, w_sk) = (rng.below(9) as i16 - 3, 32 * (rng.below(5) as i16 - 2));
    let a = if rng.one_in(2) { near } else { far };
    match rng.below(8) {
        0 => {
            Requant { lp, d: near, a: d, b: Operand::new(8 * rng.below(1000) as u32, 0, 0), n, zp: 3, lo: -90, hi: 100 }
                .into()
        }
        1 => Dwmac {
            lp,
            d,
            a,
            w_base: rng.below(8192) as u32,
            w_sk: w_sk / 16,
            a_sk,
            n,
            kt: kt % 10 + 1,
            acc,
            ..Dwmac::default()
        }
        .into(),
        2 => Maxq { lp, d: near, a: far, a_sk, kt: kt % 10 + 1, acc }.into(),
        _ => Matmul {
            lp,
            d,
            a,
            w_base: 32 * rng.below(256) as u32,
            w_sk,
            a_sk,
            n,
            k: lanes(rng),
            kt,
            acc,
            tr: rng.one_in(4),
            ..Matmul::default()
        }
        .into(),
    }
}

#[test]
fn large_shapes_end_alike() {
    let mut engines = common::fast();
    for seed in 0..40 {
        let source = large(seed);
        let program = common::program(&source);
        let expected = StepEngine.run_to_end(&program, &source.input).unwrap();
        assert_eq!(expected.status, isa::Status::Halted);
        for engine in &mut engines {
            let outcome = engine.run_to_end(&program, &source.input).unwrap();
            let what = format!("seed {seed}, {}", name(engine.workers()));
            assert_eq!(expected.difference(&outcome), None, "{what}:\n{}", listing(&source));
        }
    }
}

/// Many instructions of small shapes that touch the same rows of a small chip and of work again and again, with marks
/// and scalars between them; perhaps with a trap at the end, or in the middle.
fn crowded(seed: u64) -> Source {
    let mut rng = Rng::new(seed);
    let profile = Profile { limit: 1 << 30, text: 9, constant: 9, input: 3, work: 9, output: 9, spad: 9, acc: 6 };
    let load = |space: bool| Load {
        lp: Loop::new(if space { 64 } else { 512 }, 1),
        d: Operand::new(0, 1, 0),
        m: Wide::new(0, if space { 4 } else { 1 }, 0),
        region: Subtree::Const as u8,
        space,
    };
    let mut text: Vec<Instr> = vec![load(false).into(), load(true).into()];
    let traps = rng.one_in(4);
    while text.len() < 300 {
        let instr = crowded_instr(&mut rng);
        if isa::admit(&instr, &Regs::default(), &profile).is_ok() || (traps && rng.one_in(2000)) {
            text.push(instr);
        }
    }
    for space in [false, true] {
        let region = Subtree::Output as u8;
        text.push(
            Store { m: Wide::new(if space { 256 } else { 0 }, load(space).m.s0, 0), region, ..store(load(space)) }
                .into(),
        );
    }
    text.push(Halt {}.into());
    let text = text.iter().map(Instr::encode).collect();
    Source { profile, text, constant: (0..512).map(|_| rng.leaf()).collect(), ..Source::default() }
}

fn store(Load { lp, d, m, region, space }: Load) -> Store {
    Store { lp, d, m, region, space }
}

fn crowded_instr(rng: &mut Rng) -> Instr {
    let (n0, n1) = if rng.one_in(3) { (1 + rng.below(40), 1) } else { (1 + rng.below(10), 1 + rng.below(4)) };
    let lp = Loop::new(n0 as u16, n1 as u16);
    let mut operand = |rows: u64| {
        let (s0, s1) = (rng.below(6) as i16 - 1, rng.below(20) as i16 - 3);
        Operand { base: rng.below(rows) as u32, s0, s1, ..Operand::default() }
    };
    let (to, from, other, d, a) = (operand(512), operand(512), operand(512), operand(64), operand(64));
    let m = Wide::new(rng.below(512) as u32, rng.below(5) as i32 - 1, rng.below(20) as i32);
    let (n, acc, space) = (if rng.one_in(2) { 32 } else { 1 + rng.below(32) as u8 }, rng.one_in(2), rng.one_in(3));
    let (kt, a_sk) = (1 + rng.below(4) as u16, rng.below(4) as i16);
    let b = Operand::new(8 * rng.below(64) as u32, 0, 0);
    let near = if space { d } else { to };
    match rng.below(16) {
        0 => isa::Li { rd: 1 + rng.below(4) as u8, imm: rng.below(64) as u32 }.into(),
        1 => isa::Mark { imm: rng.below(9) as u32 }.into(),
        2 | 3 => {
            let region = if rng.one_in(2) { Subtree::Work } else { Subtree::Const } as u8;
            Load { lp, d: near, m, region, space }.into()
        }
        4 | 5 => Store { lp, d: near, m, region: Subtree::Work as u8, space }.into(),
        6 => isa::Move { lp, d: to, m: Wide { base: m.base * 32 + 7, ..m }, n: n.min(25), offset: 7 }.into(),
        7 => isa::Fill { lp, d: near, imm: rng.below(256) as u32, space }.into(),
        8 | 9 => Requant { lp, d: to, a: d, b, n, zp: -3, lo: -100, hi: 99 }.into(),
        10 => Dwmac { lp, d, a: from, w_base: other.base, w_sk: 1, a_sk, n, kt, acc, ..Dwmac::default() }.into(),
        11 => Maxq { lp, d: to, a: from, a_sk, kt, acc }.into(),
        12 => isa::Addq { lp, d: to, a: if acc { to } else { from }, b: other, n, p_base: b.base, p_reg: 0 }.into(),
        13 => isa::Vadd { lp, d, a: if acc { d } else { a }, b: a, n, form: rng.below(4) as u8 }.into(),
        14 => isa::Sw { imm: m.base, region: Subtree::Work as u8, ..isa::Sw::default() }.into(),
        _ => Matmul {
            lp,
            d,
            a: from,
            w_base: 32 * rng.below(16) as u32,
            w_sk: 32,
            a_sk,
            n,
            k: 1 + rng.below(32) as u8,
            kt,
            acc,
            tr: space,
            ..Matmul::default()
        }
        .into(),
    }
}

#[test]
fn instructions_under_way_keep_their_order() {
    let mut engines = common::fast();
    let options = sim::FastOptions { threads: Some(2), ..sim::FastOptions::default() };
    engines.push(FastEngine::new(&options).unwrap());
    let mut trapped = 0;
    for seed in common::seeds(0..400) {
        let source = crowded(seed);
        let program = common::program(&source);
        let expected = StepEngine.run_to_end(&program, &source.input).unwrap();
        trapped += u32::from(expected.status != isa::Status::Halted);
        for engine in &mut engines {
            let outcome = engine.run_to_end(&program, &source.input).unwrap();
            let what = format!("seed {seed}, {}", name(engine.workers()));
            assert_eq!(expected.difference(&outcome), None, "{what}:\n{}", listing(&source));
        }
    }
    assert!(trapped > 0 || std::env::var_os("SYSTOLE_SEEDS").is_some());
}

/// Tiles of constants that are loaded, overwritten in part and loaded again, between products of them.
fn changing_weights(seed: u64) -> Source {
    let mut rng = Rng::new(seed);
    let region = |rng: &mut Rng| if rng.one_in(4) { Subtree::Input } else { Subtree::Const } as u8;
    let mut text = Vec::new();
    for _ in 0..100 {
        let [at, rows, from] = [96, 64, 200].map(|most| rng.below(most) as u32);
        let to = Operand::new(at, if rng.one_in(8) { 2 } else { 1 }, 0);
        let instr: Instr = match rng.below(6) {
            0 | 1 => {
                let m = Wide::new(from, if rng.one_in(8) { 3 } else { 1 }, 0);
                Load { lp: Loop::new(1 + rows as u16, 1), d: to, m, region: region(&mut rng), space: false }.into()
            }
            2 => {
                let lp = Loop::new(1 + rng.below(3) as u16, 1);
                isa::Fill { lp, d: to, imm: rng.below(256) as u32, space: false }.into()
            }
            _ => Matmul {
                lp: Loop::new(1 + rng.below(8) as u16, 1),
                d: Operand::new(rng.below(8) as u32, 1, 0),
                a: Operand::new(224 + rng.below(16) as u32, 1, 0),
                w_base: 32 * rng.below(4) as u32,
                w_sk: 32,
                kt: 1 + rng.below(2) as u16,
                n: 32,
                k: if rng.one_in(4) { 9 } else { 32 },
                acc: rng.one_in(3),
                tr: rng.one_in(4),
                ..Matmul::default()
            }
            .into(),
        };
        text.push(instr);
    }
    let lp = Loop::new(16, 1);
    let [d, m] = [Operand::new(0, 1, 0), Operand::new(224, 1, 0)];
    let input = Load { lp, d: m, m: Wide::new(0, 1, 0), region: Subtree::Input as u8, space: false };
    let output = Store { lp, d, m: Wide::new(0, 4, 0), region: Subtree::Output as u8, space: true };
    text.insert(0, input.into());
    text.extend([Instr::from(output), Halt {}.into()]);
    let profile = Profile { limit: 1 << 20, text: 7, constant: 9, input: 9, work: 0, output: 6, spad: 8, acc: 4 };
    Source {
        profile,
        text: text.iter().map(Instr::encode).collect(),
        constant: (0..512).map(|_| rng.leaf()).collect(),
        input: (0..512).map(|_| rng.leaf()).collect(),
        ..Source::default()
    }
}

#[test]
fn weights_that_change_are_never_those_of_before() {
    for seed in 0..300 {
        let source = changing_weights(seed);
        let program = common::program(&source);
        let expected = StepEngine.run_to_end(&program, &source.input).unwrap();
        assert_eq!(expected.status, isa::Status::Halted, "seed {seed}: {}", listing(&source));
        let image = Image::new(&program);
        for workers in &workers() {
            let mut machine = FastMachine::new(image.clone(), &source.input[..], workers.clone());
            for run in 0..2 {
                machine.run_until(u64::MAX).unwrap();
                assert!(machine.output() == expected.output, "seed {seed}, {}, run {run}", name(workers));
                machine.reset(&source.input[..]);
            }
        }
    }
}

fn listing(source: &Source) -> String {
    source.text.iter().map(|leaf| isa::asm::disassemble(leaf) + "\n").collect()
}

#[test]
fn an_endless_instruction_can_be_interrupted() {
    let lp = Loop::new(u16::MAX, u16::MAX);
    let fill = isa::Fill { lp, d: Operand::default(), imm: 1, space: false };
    let program = isa::program::Program {
        profile: Profile { limit: u64::MAX, text: 1, spad: 4, ..Profile::default() },
        metadata: isa::program::Metadata::default(),
        text: [fill.into(), Halt {}.into()].iter().map(Instr::encode).collect(),
        constant: Vec::new(),
    };
    let mut looks = 0;
    let stopped = common::fast()[0].run(&program, &[], &mut |_| {
        looks += 1;
        if looks == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let Err(sim::EngineError::Interrupted { steps }) = stopped else { panic!("{stopped:?}") };
    assert!(steps < u64::from(u16::MAX) * u64::from(u16::MAX), "{steps}");
}

#[test]
fn machines_share_threads() {
    let options = sim::FastOptions { threads: Some(3), grain_cycles: 1, ..sim::FastOptions::default() };
    let engine = FastEngine::new(&options).unwrap();
    std::thread::scope(|scope| {
        for part in 0..4 {
            let mut engine = engine.clone();
            scope.spawn(move || (0..50).for_each(|seed| check(&mut engine, 9000 + part * 50 + seed)));
        }
    });
}
