//! The timeline of the page: every piece of time where they are few enough, else shares of equal stretches of time.

use std::collections::BTreeMap;

use serde::Serialize;
use sim::rtl::{Trace, UNITS};

use super::chrome::Names;
use super::spans::{PARTS, Piece, pieces};

/// Pieces in a page at most: about 2 MB.
pub(crate) const MOST_PIECES: usize = 60_000;
/// Stretches of a timeline of shares.
const BINS: u64 = 1500;
/// Codes of a part.
const CODES: usize = 7;

/// What the page draws.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Timeline {
    /// Every piece.
    Pieces {
        /// By unit: pc, issued, taken less issued, begin, length, one after another, in order of time.
        instructions: Vec<Vec<u64>>,
        /// By part: code, begin, length.
        activity: Vec<Vec<u64>>,
        /// Instruction and layer of each pc that occurs.
        texts: BTreeMap<u32, (String, String)>,
    },
    /// Cycles by stretch.
    Bins {
        /// Length of a stretch.
        bin_cycles: u64,
        /// By part and stretch: thousandths of each code but 0.
        shares: Vec<Vec<[u16; CODES - 1]>>,
        /// Pieces that were too many.
        pieces: usize,
    },
}

/// The timeline of a trace that ends at cycle `end`.
pub(crate) fn timeline(trace: &Trace, end: u64, most: usize, names: &impl Names) -> Timeline {
    let mut count = 0;
    visit(trace, end, |piece| count += usize::from(!matches!(piece, Piece::Queue { .. })));
    if count <= most { every(trace, end, names) } else { shares(trace, end, count) }
}

fn visit(trace: &Trace, end: u64, mut see: impl FnMut(Piece)) {
    let Ok(()) = pieces(trace, end, &mut |piece| {
        see(piece);
        Ok::<_, std::convert::Infallible>(())
    });
}

fn every(trace: &Trace, end: u64, names: &impl Names) -> Timeline {
    let mut instructions = vec![Vec::new(); UNITS.len()];
    let mut activity = vec![Vec::new(); PARTS];
    let mut texts = BTreeMap::new();
    visit(trace, end, |piece| match piece {
        Piece::Instruction { unit, pc, issued, taken, begin, end } => {
            instructions[usize::from(unit)].extend([pc.into(), issued, taken - issued, begin, end - begin]);
            texts.entry(pc).or_insert_with(|| (names.instruction(pc), names.layer(pc)));
        }
        Piece::Activity { part, code, begin, end } => {
            activity[usize::from(part)].extend([code.into(), begin, end - begin]);
        }
        Piece::Queue { .. } => {}
    });
    Timeline::Pieces { instructions, activity, texts }
}

fn shares(trace: &Trace, end: u64, pieces: usize) -> Timeline {
    let bin_cycles = end.div_ceil(BINS).max(1);
    let bins = end.div_ceil(bin_cycles);
    let mut cycles = vec![vec![[0u64; CODES]; usize::try_from(bins).unwrap_or(0)]; PARTS];
    visit(trace, end, |piece| {
        let Piece::Activity { part, code, mut begin, end } = piece else { return };
        while begin < end {
            let stop = end.min((begin / bin_cycles + 1) * bin_cycles);
            let place = &mut cycles[usize::from(part)][(begin / bin_cycles) as usize];
            place[usize::from(code)] += stop - begin;
            begin = stop;
        }
    });
    let share = |bin: [u64; CODES]| std::array::from_fn(|code| (bin[code + 1] * 1000 / bin_cycles) as u16);
    let shares = cycles.into_iter().map(|part| part.into_iter().map(share).collect()).collect();
    Timeline::Bins { bin_cycles, shares, pieces }
}
