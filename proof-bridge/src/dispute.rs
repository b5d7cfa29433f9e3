//! The player: the next move of a dispute, for either side, from its own trace.
//!
//! The rules are those of `IDisputes`: a list of roots cuts [lo, hi) into segments, the side to move names
//! the first segment whose start it accepts and whose end it rejects, and answers with a list over that segment
//! that ends elsewhere; a segment of one micro-step is settled by witness.

use alloy::primitives::{B256, Bytes, keccak256};
use isa::Leaf;

use crate::{
    abi::IDisputes::{Game, Pick},
    trace::Trace,
    witness::replay,
};

/// log₂ of the most segments that a list has.
const ARITY_LOG2: u32 = 6;

/// A list of roots as posted: what the next move answers.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Posted {
    /// The state of the dispute.
    pub game: Game,
    /// Root at `game.lo`, which both sides accept.
    pub start: B256,
    /// Roots at the list's other points.
    pub roots: Vec<B256>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Post a list over the picked segment.
    Reply {
        /// The segment.
        pick: Pick,
        /// Midpoints and another end.
        roots: Vec<B256>,
    },
    /// Show that the picked micro-step ends elsewhere.
    Prove {
        /// The segment, of one micro-step.
        pick: Pick,
        /// Its witness.
        witness: Bytes,
    },
    /// The list is right by this side's own trace, or the step is: there is no winning move.
    Concede,
}

/// Rounds R and segments a list k for a claim of `steps` micro-steps: the least even R with 64^R ≥ N, then
/// k = ⌈N^(1/R)⌉. Even, so that the last list is as a rule the claimant's, and a false claim ends by a witness.
pub fn arity(steps: u64) -> (u32, u64) {
    let bits = u64::BITS - steps.saturating_sub(1).leading_zeros();
    let rounds = bits.div_ceil(ARITY_LOG2).max(1).next_multiple_of(2);
    let reaches = |k: u64| (0..rounds).try_fold(1u128, |power, _| power.checked_mul(k.into()));
    let (mut low, mut high) = (1, 1 << ARITY_LOG2);
    while low < high {
        let middle = (low + high) / 2;
        if reaches(middle).is_none_or(|power| power >= steps.into()) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    (rounds, low)
}

/// The points of a list over [lo, hi): both ends and the midpoints of min(k, hi − lo) segments.
/// Empty where `hi` ≤ `lo`.
pub fn points(lo: u64, hi: u64, k: u64) -> Vec<u64> {
    let Some(length) = hi.checked_sub(lo).filter(|&length| length > 0) else { return Vec::new() };
    let segments = k.min(length);
    let point = |j: u64| lo + (u128::from(length) * u128::from(j) / u128::from(segments)) as u64;
    (0..=segments).map(point).collect()
}

fn words(roots: &[Leaf]) -> Vec<B256> {
    roots.iter().map(B256::from).collect()
}

/// The roots of a list over [lo, hi) by this trace, its start left out.
fn list(trace: &Trace, lo: u64, hi: u64, k: u64) -> Vec<B256> {
    let points = points(lo, hi, k);
    words(&trace.roots_at(points.get(1..).unwrap_or_default()))
}

/// The list that opens a dispute of a claim of `steps` micro-steps.
pub fn opening(trace: &Trace, steps: u64) -> Vec<B256> {
    list(trace, 0, steps, arity(steps).1)
}

/// The best move by `trace` for the side whose turn it is.
pub fn reply(trace: &Trace, posted: &Posted) -> Move {
    let game = &posted.game;
    let points = points(game.lo, game.hi, game.k.into());
    if points.len() != posted.roots.len() + 1 || points.is_empty() {
        return Move::Concede;
    }
    let own = words(&trace.roots_at(&points[1..]));
    let Some(segment) = own.iter().zip(&posted.roots).position(|(own, posted)| own != posted) else {
        return Move::Concede;
    };
    let pick = pick(posted, segment);
    let (lo, hi) = (points[segment], points[segment + 1]);
    if hi - lo > 1 {
        return Move::Reply { pick, roots: list(trace, lo, hi, game.k.into()) };
    }
    let (before, witness) = trace.witness_at(lo);
    let after = replay(&before, &witness);
    if pick.start.0 != before || after.is_err() || after == Ok(pick.end.0) {
        return Move::Concede;
    }
    Move::Prove { pick, witness: witness.into() }
}

/// Picks segment `segment` of the list.
fn pick(posted: &Posted, segment: usize) -> Pick {
    let starts = std::iter::once(&posted.start).chain(&posted.roots);
    let leaves: Vec<B256> = starts.zip(&posted.roots).map(|(start, end)| join(start, end)).collect();
    let start = if segment == 0 { posted.start } else { posted.roots[segment - 1] };
    Pick { segment: segment as u32, start, end: posted.roots[segment], proof: siblings(leaves, segment) }
}

fn join(left: &B256, right: &B256) -> B256 {
    keccak256([left.0, right.0].as_flattened())
}

/// Siblings of leaf `index` in the keccak256 tree over the leaves, padded with zero words, bottom first.
fn siblings(mut level: Vec<B256>, mut index: usize) -> Vec<B256> {
    let mut siblings = Vec::new();
    level.resize(level.len().next_power_of_two(), B256::ZERO);
    while level.len() > 1 {
        siblings.push(level[index ^ 1]);
        level = level.chunks_exact(2).map(|pair| join(&pair[0], &pair[1])).collect();
        index >>= 1;
    }
    siblings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arity_is_least() {
        for (steps, expected) in [
            (1, (2, 1)),
            (2, (2, 2)),
            (64, (2, 8)),
            (65, (2, 9)),
            (4096, (2, 64)),
            (4097, (4, 9)),
            (10_000_000, (4, 57)),
            (1 << 31, (6, 36)),
            (u64::MAX, (12, 41)),
        ] {
            assert_eq!(arity(steps), expected, "{steps}");
        }
    }

    #[test]
    fn points_cover_the_segment() {
        assert_eq!(points(10, 13, 64), [10, 11, 12, 13]);
        assert_eq!(points(0, 10, 3), [0, 3, 6, 10]);
        assert_eq!(points(0, u64::MAX, 2), [0, u64::MAX / 2, u64::MAX]);
        assert!(points(5, 5, 3).is_empty());
    }

    #[test]
    fn siblings_climb_to_the_padded_root() {
        let leaves: Vec<B256> = (1..=5).map(B256::repeat_byte).collect();
        let proof = siblings(leaves.clone(), 4);
        let pairs = join(&join(&leaves[0], &leaves[1]), &join(&leaves[2], &leaves[3]));
        let empty = join(&B256::ZERO, &B256::ZERO);
        assert_eq!(proof, [B256::ZERO, empty, pairs]);
        assert!(siblings(leaves[..1].to_vec(), 0).is_empty());
    }
}
