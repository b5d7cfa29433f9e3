//! Where two runs part: by bisection over roots, then by leaves.

use isa::program::Program;
use isa::{Access, Leaf, Regs, Space, Subtree};
use proof_bridge::machine::WRITTEN;
use proof_bridge::{StateTree, Trace};
use serde::Serialize;

use super::layers::Layers;
use super::place::{row_of, rows, space_name};

/// Most lanes that a report names.
pub(crate) const MOST_LANES: usize = 64;
/// Leaves compared lane by lane.
const MOST_LEAVES: usize = 1 << 12;

/// One number that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    /// `acc`, `spad`, `work`, `output`, or a register.
    pub(crate) space: String,
    pub(crate) row: Option<u64>,
    pub(crate) lane: Option<usize>,
    pub(crate) a: i64,
    pub(crate) b: i64,
}

/// The first micro-step after which two runs differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Parting {
    /// Its number, from 0: both agree before it.
    pub(crate) step: u64,
    pub(crate) pc: u32,
    /// Row inside the instruction.
    pub(crate) row: u64,
    pub(crate) instruction: String,
    /// The other side's, where it is another one.
    pub(crate) instruction_b: Option<String>,
    pub(crate) layer: Option<String>,
    /// The first lanes that differ.
    pub(crate) lanes: Vec<Difference>,
    /// Leaves that differ, counted up to a bound.
    pub(crate) leaves: usize,
}

/// The least micro-step, as far as `points` evenly spaced roots and bisection between them tell, after which what the two
/// runs have written differs. A difference that heals between two points is not seen.
pub(crate) fn first_difference(a: &Trace, b: &Trace, points: u64) -> Option<u64> {
    let (mut lo, mut hi) = (0, a.outcome().steps.max(b.outcome().steps));
    while lo < hi {
        let length = hi - lo;
        let segments = points.min(length);
        let point = |j: u64| lo + (u128::from(length) * u128::from(j) / u128::from(segments)) as u64;
        let steps: Vec<u64> = (1..=segments).map(point).collect();
        let (mine, theirs) = (written_at(a, &steps), written_at(b, &steps));
        let first = mine.iter().zip(&theirs).position(|(mine, theirs)| mine != theirs)?;
        hi = steps[first];
        lo = if first == 0 { lo } else { steps[first - 1] };
        if hi - lo == 1 {
            return Some(lo);
        }
    }
    None
}

/// Roots of the sub-trees that a run writes.
fn written_at(trace: &Trace, steps: &[u64]) -> Vec<[Leaf; 4]> {
    trace.sub_roots_at(steps).iter().map(|roots| WRITTEN.map(|tree| roots[tree as usize])).collect()
}

/// What differs after micro-step `step`.
pub(crate) fn parting(programs: [&Program; 2], traces: [&Trace; 2], step: u64) -> Parting {
    let regs = traces[0].state_at(step).regs();
    let text = |program: &Program| {
        program.text.get(regs.pc as usize).map_or("outside the text".to_string(), isa::asm::disassemble)
    };
    let (instruction, other) = (text(programs[0]), text(programs[1]));
    let layers = Layers::of(programs[0]);
    let (lanes, leaves) = differences(&traces[0].state_at(step + 1), &traces[1].state_at(step + 1));
    Parting {
        step,
        pc: regs.pc,
        row: regs.row,
        instruction_b: (instruction != other).then_some(other),
        instruction,
        layer: layers.mark(regs.pc).map(|mark| layers.name(mark)),
        lanes,
        leaves,
    }
}

fn differences(a: &StateTree, b: &StateTree) -> (Vec<Difference>, usize) {
    let mut lanes = registers(&a.regs(), &b.regs());
    let mut count = 0;
    for tree in [Subtree::Onchip, Subtree::Work, Subtree::Output] {
        let leaves = a.tree(tree).differences(b.tree(tree), MOST_LEAVES);
        count += leaves.len();
        let mut accesses: Vec<Access> = leaves.iter().map(|&leaf| access(tree, leaf, a)).collect();
        accesses.dedup();
        for at in accesses {
            if lanes.len() < MOST_LANES {
                lanes.extend(lanes_at(at, a, b));
            }
        }
    }
    lanes.truncate(MOST_LANES);
    (lanes, count)
}

/// The row or row32 that holds a leaf.
fn access(tree: Subtree, leaf: u64, state: &StateTree) -> Access {
    match row_of(tree, leaf, state.profile()) {
        (Space::Acc, _) => Access { tree, index: leaf & !3, height: 2 },
        _ => Access::leaf(tree, leaf),
    }
}

fn lanes_at(at: Access, a: &StateTree, b: &StateTree) -> Vec<Difference> {
    let read = |state: &StateTree| {
        let mut leaves = vec![[0; 32]; at.leaves()];
        state.tree(at.tree).read(at.index, &mut leaves);
        rows(at, &leaves, state.profile())
    };
    let mut out = Vec::new();
    for (mine, theirs) in read(a).iter().zip(&read(b)) {
        for (lane, (&a, &b)) in mine.lanes.iter().zip(&theirs.lanes).enumerate() {
            if a != b {
                out.push(Difference { space: mine.space.into(), row: Some(mine.index), lane: Some(lane), a, b });
            }
        }
    }
    out
}

fn registers(a: &Regs, b: &Regs) -> Vec<Difference> {
    let control = |regs: &Regs| [u64::from(regs.pc), regs.status.into(), regs.row, regs.steps];
    let names = ["pc", "status", "row", "steps"].map(String::from).into_iter().chain((0..16).map(|i| format!("x{i}")));
    let values = |regs: &Regs| control(regs).into_iter().chain(regs.x.map(u64::from)).collect::<Vec<_>>();
    let pairs = values(a).into_iter().zip(values(b));
    let different = names.zip(pairs).filter(|(_, (a, b))| a != b);
    different
        .map(|(space, (a, b))| Difference { space, row: None, lane: None, a: a.cast_signed(), b: b.cast_signed() })
        .collect()
}

/// The bytes in which two regions differ, the first [`MOST_LANES`].
pub(crate) fn region_differences(tree: Subtree, a: &isa::Region, b: &isa::Region) -> Vec<Difference> {
    let mut rows: Vec<u64> = a.nonzero().chain(b.nonzero()).map(|(row, _)| row).collect();
    rows.sort_unstable();
    rows.dedup();
    let lanes = rows.into_iter().flat_map(|row| {
        let (mine, theirs) = (a.get(row), b.get(row));
        (0..mine.len()).filter(move |&lane| mine[lane] != theirs[lane]).map(move |lane| Difference {
            space: space_name(Space::Dram(tree)).to_string(),
            row: Some(row),
            lane: Some(lane),
            a: mine[lane].cast_signed().into(),
            b: theirs[lane].cast_signed().into(),
        })
    });
    lanes.take(MOST_LANES).collect()
}
