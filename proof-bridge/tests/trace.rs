//! The roots of a run, and where a claim says it begins and ends.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::ops::ControlFlow;

use common::{Dice, random};
use isa::{Leaf, program::Program};
use proof_bridge::{Loaded, fault::Fault, machine::Executor, state::StateTree, trace::Trace};

/// The run on every executor.
fn traces(program: &Program, input: &[Leaf], fault: Option<Fault>) -> [Trace; 2] {
    [Executor::Step, Executor::default()].map(|executor| {
        let loaded = Loaded::on(program, executor).unwrap();
        loaded.run(input, fault, &mut |_| ControlFlow::Continue(())).unwrap()
    })
}

#[test]
fn roots_at_any_steps_are_those_of_the_run() {
    for seed in 0..12 {
        let (program, input) = random(seed, 80);
        let mut state = StateTree::of_program(&program, &input).unwrap();
        let mut roots = vec![state.root()];
        while state.regs().status == 0 {
            isa::step(&mut state).unwrap();
            roots.push(state.root());
        }
        let [step, fast] = traces(&program, &input, None);
        assert!(matches!(Executor::default(), Executor::Fast(_)));
        for trace in [&step, &fast] {
            assert_eq!(trace.outcome().steps as usize, roots.len() - 1);
            let mut dice = Dice(seed);
            for round in 0..20 {
                let mut steps: Vec<u64> = (0..8).map(|_| dice.below(roots.len() + 5) as u64).collect();
                if round % 2 == 0 {
                    steps.sort_unstable();
                }
                let expected: Vec<_> = steps.iter().map(|&at| roots[(at as usize).min(roots.len() - 1)]).collect();
                assert_eq!(trace.roots_at(&steps), expected, "seed {seed}");
            }
        }
        let at = roots.len() as u64 / 3;
        assert_eq!(step.witness_at(at), fast.witness_at(at));
    }
}

#[test]
fn a_claim_folds_to_the_roots_of_its_run() {
    for seed in 0..40 {
        let (program, input) = random(seed, 50);
        let trace = Trace::run(StateTree::of_program(&program, &input).unwrap());
        let model = trace.model();
        let ends = trace.roots_at(&[0, trace.outcome().steps]);
        assert_eq!(model.initial_root(&trace.input_root()), ends[0]);
        assert_eq!(model.final_root(&trace.input_root(), trace.outcome()), ends[1], "seed {seed}");
        assert_eq!(trace.state_at(u64::MAX).regs().status, trace.outcome().status.code());
        if trace.outcome().status.code() != 1 {
            assert_eq!(trace.output().len(), 0);
        }
    }
}

#[test]
fn a_fault_changes_the_run_from_its_step_on() {
    let mut found = 0;
    for seed in 0..20 {
        let (program, input) = random(seed, 60);
        let [honest, other] = traces(&program, &input, None);
        let Some(fault) = Fault::that_matters(&honest, honest.outcome().steps / 2) else { continue };
        found += 1;
        assert_eq!(Fault::that_matters(&other, other.outcome().steps / 2), Some(fault));
        let [faulty, fast] = traces(&program, &input, Some(fault));
        assert_ne!(faulty.outcome(), honest.outcome());
        let around = [fault.step, fault.step + 1];
        let (good, bad) = (honest.roots_at(&around), faulty.roots_at(&around));
        assert_eq!(fast.outcome(), faulty.outcome());
        assert_eq!(fast.roots_at(&around), bad);
        assert_eq!(good[0], bad[0]);
        assert_ne!(good[1], bad[1]);
    }
    assert!(found > 3, "{found}");
}
