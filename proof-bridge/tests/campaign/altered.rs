//! Witnesses that are not what a step's record says: none may prove anything.

use isa::{Leaf, TABLE, random::Rng};
use proof_bridge::witness::record;

use super::case::case;
use crate::Twins;

/// Altered witnesses to try: `SYSTOLE_TWIN_ALTERED`, or enough for every change.
pub(crate) fn wanted() -> usize {
    std::env::var("SYSTOLE_TWIN_ALTERED").map_or(4_000, |count| count.parse().unwrap())
}

/// Ways to alter a witness.
pub(crate) const WAYS: [&str; 8] = [
    "a bit flipped",
    "bits flipped",
    "cut",
    "padded",
    "words exchanged",
    "a word missing",
    "a word repeated",
    "of another state",
];

/// The witness of a random state, altered. None if the way leads to the same bytes.
fn alter(rng: &mut Rng, way: usize, witness: &[u8], other: &[u8]) -> Option<Vec<u8>> {
    let mut altered = witness.to_vec();
    let words = witness.len() / 32;
    let mut below = |bound: usize| rng.below(bound as u64) as usize;
    match way {
        0 => altered[below(witness.len())] ^= 1 << below(8),
        1 => {
            let at = below(witness.len());
            for byte in &mut altered[at..(at + 1 + below(40)).min(witness.len())] {
                *byte ^= below(256) as u8;
            }
        }
        2 => altered.truncate([below(witness.len()), 32 * below(words), witness.len() - 1][below(3)]),
        3 => {
            let (count, byte) = ([1, 31, 32, 33, 64, 1024][below(6)], [0, 0, 0xff][below(3)]);
            altered.resize(witness.len() + count, byte);
        }
        4 => {
            let (leaves, _) = altered.as_chunks_mut::<32>();
            leaves.swap(below(words), below(words));
        }
        5 => {
            let at = 32 * below(words);
            altered.drain(at..at + 32);
        }
        6 => {
            let at = 32 * below(words);
            altered.splice(at..at, witness[at..at + 32].to_vec());
        }
        _ => altered = other.to_vec(),
    }
    (altered != witness).then_some(altered)
}

/// Alters witnesses of every opcode in every way until `count` were refused on both sides.
pub(crate) fn refuse(count: usize) -> [usize; WAYS.len()] {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let shares: Vec<_> = std::thread::scope(|scope| {
        let work = |thread: usize| move || refuse_some(thread as u64, count.div_ceil(threads));
        let handles: Vec<_> = (0..threads).map(|thread| scope.spawn(work(thread))).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    std::array::from_fn(|way| shares.iter().map(|share| share[way]).sum())
}

fn refuse_some(thread: u64, count: usize) -> [usize; WAYS.len()] {
    let mut twins = Twins::new();
    let mut rng = Rng::new(thread ^ 0xa17e_4ed0);
    let mut refused = [0; WAYS.len()];
    let mut other: (Leaf, Vec<u8>) = ([0; 32], vec![1; 256]);
    for seed in (thread << 40).. {
        for spec in TABLE {
            let (mut state, _) = case(spec, seed, &mut None);
            let pre_root = state.root();
            let witness = record(&mut state);
            for _ in 0..8 {
                let way = rng.below(WAYS.len() as u64) as usize;
                // Two cases of one block may be of one state.
                if way == 7 && other.0 == pre_root {
                    continue;
                }
                if let Some(altered) = alter(&mut rng, way, &witness, &other.1) {
                    twins.refuse(&pre_root, &altered);
                    refused[way] += 1;
                }
            }
            other = (pre_root, witness);
            if refused.iter().sum::<usize>() >= count {
                return refused;
            }
        }
    }
    refused
}
