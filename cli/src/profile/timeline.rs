//! The timeline of the page: every instruction and every change of activity where they are few enough; else, of
//! activity, shares of equal stretches of time.

use std::collections::BTreeMap;

use serde::Serialize;
use sim::rtl::{Trace, UNITS};

use super::chrome::Names;
use super::spans::{PARTS, Piece, pieces};

/// Instructions in a page at most, and pieces of activity: about 1 MB each.
pub(crate) const MOST_PIECES: usize = 30_000;
/// Stretches of a timeline of shares.
const BINS: u64 = 3000;
/// Codes of a part.
const CODES: usize = 7;

/// What the page draws.
#[derive(Debug, Serialize)]
pub(crate) struct Timeline {
    /// By unit: pc, issued, taken less issued, begin, length, one after another, in order of time. Nothing where they are
    /// too many.
    instructions: Option<Vec<Vec<u64>>>,
    /// Instruction and layer of each pc that occurs.
    texts: BTreeMap<u32, (String, String)>,
    activity: Activity,
    /// All of both.
    pieces: usize,
}

/// What the parts do.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Activity {
    /// Every piece, by part: code, begin, length.
    Pieces { parts: Vec<Vec<u64>> },
    /// Cycles by stretch.
    Bins {
        /// Length of a stretch.
        bin_cycles: u64,
        /// By part and stretch: thousandths of each code but 0.
        parts: Vec<Vec<[u16; CODES - 1]>>,
    },
}

/// The timeline of a trace that ends at cycle `end`.
pub(crate) fn timeline(trace: &Trace, end: u64, most: usize, names: &impl Names) -> Timeline {
    let (mut instructions, mut activity) = (0, 0);
    visit(trace, end, |piece| match piece {
        Piece::Instruction { .. } => instructions += 1,
        Piece::Activity { .. } => activity += 1,
        Piece::Queue { .. } => {}
    });
    let mut texts = BTreeMap::new();
    Timeline {
        instructions: (instructions <= most).then(|| every_instruction(trace, end, names, &mut texts)),
        texts,
        activity: if activity <= most { every(trace, end) } else { shares(trace, end) },
        pieces: instructions + activity,
    }
}

fn visit(trace: &Trace, end: u64, mut see: impl FnMut(Piece)) {
    let Ok(()) = pieces(trace, end, &mut |piece| {
        see(piece);
        Ok::<_, std::convert::Infallible>(())
    });
}

fn every_instruction(
    trace: &Trace,
    end: u64,
    names: &impl Names,
    texts: &mut BTreeMap<u32, (String, String)>,
) -> Vec<Vec<u64>> {
    let mut instructions = vec![Vec::new(); UNITS.len()];
    visit(trace, end, |piece| {
        let Piece::Instruction { unit, pc, issued, taken, begin, end } = piece else { return };
        instructions[usize::from(unit)].extend([pc.into(), issued, taken - issued, begin, end - begin]);
        texts.entry(pc).or_insert_with(|| (names.instruction(pc), names.layer(pc)));
    });
    instructions
}

fn every(trace: &Trace, end: u64) -> Activity {
    let mut parts = vec![Vec::new(); PARTS];
    visit(trace, end, |piece| {
        let Piece::Activity { part, code, begin, end } = piece else { return };
        parts[usize::from(part)].extend([code.into(), begin, end - begin]);
    });
    Activity::Pieces { parts }
}

fn shares(trace: &Trace, end: u64) -> Activity {
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
    let parts = cycles.into_iter().map(|part| part.into_iter().map(share).collect()).collect();
    Activity::Bins { bin_cycles, parts }
}
