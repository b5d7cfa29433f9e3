//! The roots of a run, and where a claim says it begins and ends.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Dice, random};
use isa::Subtree;
use proof_bridge::{fault::Fault, state::StateTree, trace::Trace};

#[test]
fn roots_at_any_steps_are_those_of_the_run() {
    for seed in 0..6 {
        let (program, input) = random(seed, 80);
        let mut state = StateTree::of_program(&program, &input).unwrap();
        let mut roots = vec![state.root()];
        while state.regs().status == 0 {
            isa::step(&mut state).unwrap();
            roots.push(state.root());
        }
        let trace = Trace::run(StateTree::of_program(&program, &input).unwrap());
        assert_eq!(trace.outcome().steps as usize, roots.len() - 1);
        let mut dice = Dice(seed);
        for _ in 0..20 {
            let mut steps: Vec<u64> = (0..8).map(|_| dice.below(roots.len() + 5) as u64).collect();
            steps.sort_unstable();
            let expected: Vec<_> = steps.iter().map(|&at| roots[(at as usize).min(roots.len() - 1)]).collect();
            assert_eq!(trace.roots_at(&steps), expected);
        }
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
        assert_eq!(trace.last().regs().status, trace.outcome().status.code());
        if trace.outcome().status.code() != 1 {
            assert_eq!(trace.last().tree(Subtree::Output).rows_used(), 0);
        }
    }
}

#[test]
fn a_fault_changes_the_run_from_its_step_on() {
    let mut found = 0;
    for seed in 0..20 {
        let (program, input) = random(seed, 60);
        let initial = StateTree::of_program(&program, &input).unwrap();
        let honest = Trace::run(initial.clone());
        let Some(fault) = Fault::that_matters(&honest, honest.outcome().steps / 2) else { continue };
        found += 1;
        let Ok(faulty) = Trace::run_with(initial, Some(fault), &mut |_| std::ops::ControlFlow::Continue(())) else {
            panic!("interrupted")
        };
        assert_ne!(faulty.outcome(), honest.outcome());
        let around = [fault.step, fault.step + 1];
        let (good, bad) = (honest.roots_at(&around), faulty.roots_at(&around));
        assert_eq!(good[0], bad[0]);
        assert_ne!(good[1], bad[1]);
    }
    assert!(found > 3, "{found}");
}
