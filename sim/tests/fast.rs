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
use isa::{Access, Halt, Instr, Leaf, Loop, Memory, Operand, Profile, Region, State, Stepped, Subtree};
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
