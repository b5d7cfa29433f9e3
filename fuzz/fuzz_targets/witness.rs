//! Any bytes as a witness: an error or a root, never a panic. The first byte chooses between two readings: as they are,
//! with the state root that their first 256 bytes fold to; or as changes to the witness of a real micro-step, which
//! then prove nothing.
#![no_main]

use std::sync::LazyLock;

use isa::{ISA_HASH, Leaf, random::case};
use proof_bridge::{hash::root_of, state::StateTree, witness};

static STEPS: LazyLock<Vec<(Leaf, Vec<u8>)>> = LazyLock::new(|| {
    let case = case(1, 60);
    let head = [ISA_HASH, case.profile.to_leaf(), [0; 32], [0; 32]];
    let mut state = StateTree::new(&head, &case.text, &case.constant, &case.input).unwrap();
    let mut steps = Vec::new();
    while state.regs().status == 0 && steps.len() < 4096 {
        let root = state.root();
        steps.push((root, witness::record(&mut state)));
    }
    steps
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    if choice == 0 {
        if let Some((roots, _)) = bytes.as_chunks().0.split_first_chunk::<8>() {
            let _ = witness::replay(&root_of(roots), bytes);
        }
        return;
    }
    let (root, good) = &STEPS[usize::from(choice) * 61 % STEPS.len()];
    let mut altered = good.clone();
    for change in bytes.chunks_exact(3) {
        let at = usize::from(u16::from_be_bytes([change[0], change[1]])) % altered.len();
        altered[at] ^= change[2];
    }
    let proved = witness::replay(root, &altered);
    assert_eq!(proved.is_ok(), altered == *good);
});
