//! What lies in the rows of spad, acc and work while a program runs, as a picture of bands of rows by columns of cycles.

use isa::{Instr, Reach, Role, Space, Subtree};
use serde::Serialize;

use crate::op::{Op, VECTOR};

/// What a band may hold, by the number in [`MapSpace::cells`] less one.
pub const CONTENTS: [&str; 5] =
    ["weights, parameters and tables", "inputs and values brought in", "values moved on chip", "results", "sums"];
const CONSTANTS: u8 = 1;
const BROUGHT: u8 = 2;
const MOVED: u8 = 3;
const RESULTS: u8 = 4;
const SUMS: u8 = 5;

/// One memory over the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MapSpace {
    /// `spad`, `acc` or `work`.
    pub name: &'static str,
    /// Its rows.
    pub rows: u64,
    /// Bands of equally many rows.
    pub bands: usize,
    /// By band, then by column: 0 where nothing lies that will still be read, else one of [`CONTENTS`], from 1 on.
    pub cells: Vec<u8>,
}

/// The picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemoryMap {
    /// Of the run.
    pub cycles: u64,
    /// Columns of equally many cycles.
    pub columns: usize,
    /// spad, acc and work.
    pub spaces: Vec<MapSpace>,
}

/// A row between its write and its last read.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    content: u8,
    written_at: u64,
    read_at: u64,
}

/// Draws while a program runs.
#[derive(Debug)]
pub(crate) struct Tracer {
    map: MemoryMap,
    rows: [Vec<Row>; 3],
}

impl Tracer {
    /// For a run of so many cycles; rows of spad, acc and work.
    pub(crate) fn new(cycles: u64, columns: usize, bands: usize, rows: [u64; 3]) -> Tracer {
        let space = |name, rows: u64| {
            let bands = bands.min(rows as usize).max(1);
            MapSpace { name, rows, bands, cells: vec![0; bands * columns] }
        };
        let spaces = vec![space("spad", rows[0]), space("acc", rows[1]), space("work", rows[2])];
        let map = MemoryMap { cycles, columns, spaces };
        Tracer { map, rows: rows.map(|rows| vec![Row::default(); rows as usize]) }
    }

    /// A unit begins an instruction: what it writes is new.
    pub(crate) fn takes(&mut self, op: &Op, now: u64) {
        for reach in op.reaches.iter().flatten().filter(|reach| !is_source(reach)) {
            let Some(space) = index(reach.space) else { continue };
            let content = content(op, reach.space);
            each(op, reach, |row| {
                let Some(held) = self.rows[space].get_mut(row) else { return };
                // What is added to goes on.
                if held.content == content && content == SUMS {
                    return;
                }
                let before = std::mem::replace(held, Row { content, written_at: now, read_at: 0 });
                self.map.draw(space, row, before);
            });
        }
    }

    /// A unit has done an instruction.
    pub(crate) fn retires(&mut self, op: &Op, now: u64) {
        for reach in op.reaches.iter().flatten().filter(|reach| is_source(reach)) {
            let Some(space) = index(reach.space) else { continue };
            each(op, reach, |row| {
                if let Some(held) = self.rows[space].get_mut(row) {
                    held.read_at = now;
                    // Sums that are read are done with.
                    if held.content == SUMS && op.unit == VECTOR {
                        let before = std::mem::take(held);
                        self.map.draw(space, row, before);
                    }
                }
            });
        }
    }

    pub(crate) fn finish(mut self) -> MemoryMap {
        for (space, rows) in self.rows.iter().enumerate() {
            rows.iter().enumerate().for_each(|(row, held)| self.map.draw(space, row, *held));
        }
        self.map
    }
}

impl MemoryMap {
    fn draw(&mut self, space: usize, row: usize, held: Row) {
        if held.content == 0 || held.read_at < held.written_at {
            return;
        }
        let (columns, cycles) = (self.columns, self.cycles.max(1));
        let column = |cycle: u64| ((cycle * columns as u64 / cycles) as usize).min(columns - 1);
        let space = &mut self.spaces[space];
        let band = row * space.bands / space.rows.max(1) as usize;
        let line = &mut space.cells[band * columns..][..columns];
        line[column(held.written_at)..=column(held.read_at)].fill(held.content);
    }
}

fn is_source(reach: &Reach) -> bool {
    matches!(reach.role, Role::Source | Role::InPlaceSource)
}

fn index(space: Space) -> Option<usize> {
    match space {
        Space::Spad => Some(0),
        Space::Acc => Some(1),
        Space::Dram(Subtree::Work) => Some(2),
        Space::Dram(_) => None,
    }
}

fn content(op: &Op, space: Space) -> u8 {
    let of_const = |region: u8| Subtree::from_code(region) == Some(Subtree::Const);
    match op.instr {
        Instr::Load(i) if of_const(i.region) => CONSTANTS,
        Instr::Load(_) | Instr::Gather(_) => BROUGHT,
        Instr::Move(_) | Instr::Fill(_) => MOVED,
        _ if space == Space::Acc => SUMS,
        _ => RESULTS,
    }
}

/// The rows of an operand: each of its hull, or, if they are fewer, those that it names.
fn each(op: &Op, reach: &Reach, mut visit: impl FnMut(usize)) {
    let named = op.rows() * u64::from(op.kt) * u64::from(reach.align);
    let hull = (reach.rows.hi - reach.rows.lo + 1).cast_unsigned();
    if named >= hull || matches!(op.instr, Instr::Move(_) if is_source(reach)) {
        (reach.rows.lo..=reach.rows.hi).for_each(|row| visit(row as usize));
        return;
    }
    for (i1, i0) in (0..i64::from(op.n1)).flat_map(|i1| (0..i64::from(op.n0)).map(move |i0| (i1, i0))) {
        for t in 0..i64::from(op.kt) {
            let row = reach.start + i0 * reach.s0 + i1 * reach.s1 + t * reach.sk;
            (row..row + i64::from(reach.align)).for_each(|row| visit(row as usize));
        }
    }
}
