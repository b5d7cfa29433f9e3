//! Every micro-step of random programs can be replayed from its witness alone, and from no other.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Dice, initial};
use isa::Stepped;
use proof_bridge::{
    state::StateTree,
    witness::{WitnessError, record, replay},
};

fn each_step(seed: u64, size: usize, mut check: impl FnMut(&mut StateTree, &mut StateTree, &[u8])) {
    let mut state = initial(seed, size);
    loop {
        let mut before = state.clone();
        let witness = record(&mut state);
        check(&mut before, &mut state, &witness);
        if state.regs().status != 0 {
            break;
        }
    }
}

#[test]
fn replaying_gives_the_root_after_the_step() {
    let mut steps = 0;
    for seed in 0..12 {
        each_step(seed, 60, |before, after, witness| {
            assert_eq!(replay(&before.root(), witness), Ok(after.root()));
            let mut plain = before.clone();
            assert!(!matches!(isa::step(&mut plain), Ok(Stepped::Idle)));
            assert_eq!(plain.root(), after.root());
            steps += 1;
        });
    }
    println!("{steps} micro-steps");
}

#[test]
fn a_halted_machine_stays_where_it_is() {
    let mut state = initial(1, 10);
    while state.regs().status == 0 {
        isa::step(&mut state).unwrap();
    }
    let root = state.root();
    let witness = record(&mut state);
    assert_eq!(replay(&root, &witness), Ok(root));
    assert_eq!(state.root(), root);
}

#[test]
fn altered_witnesses_prove_nothing() {
    let mut dice = Dice(7);
    each_step(3, 40, |before, _, witness| {
        let root = before.root();
        for _ in 0..4 {
            let mut altered = witness.to_vec();
            altered[dice.below(witness.len())] ^= 1 << dice.below(8);
            assert!(replay(&root, &altered).is_err());
        }
        let cut = dice.below(witness.len());
        assert!(replay(&root, &witness[..cut]).is_err());
        assert!(replay(&root, &witness[32..]).is_err());
        for extra in [1, 31, 32, 64] {
            let padded = [witness, &vec![0; extra]].concat();
            assert_eq!(replay(&root, &padded), Err(WitnessError::Trailing { extra }));
        }
        assert_eq!(replay(&[0; 32], witness), Err(WitnessError::WrongState));
    });
    assert_eq!(replay(&[0; 32], &[]), Err(WitnessError::Short { bytes: 0 }));
}
