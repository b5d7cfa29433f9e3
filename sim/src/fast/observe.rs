//! The machine as others see it: leaves, what changed, snapshots; and as `isa::step` sees it.

use isa::{Access, Leaf, ROW32_LEAVES, Region, Regs, State, Subtree, ZERO, row32, row32_leaves};

use super::digest::Crc;
use super::dram::{self, Pages};
use super::machine::{FastError, FastMachine};
use super::space::{Blocks, Lanes, Row};
use super::words;
use crate::engine::Mark;

/// What a drain reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// Every leaf of the tree became zero; what follows was written since.
    Cleared,
    /// Leaves from `index` on have these values now.
    Leaves {
        /// The first.
        index: u64,
        /// Their values.
        leaves: &'a [Leaf],
    },
}

/// A state of a machine, to come back to. It shares with others what is the same.
#[derive(Clone)]
pub struct Snapshot {
    pub(super) regs: Regs,
    spad: Blocks<Row>,
    acc: Blocks<Lanes>,
    work: Pages,
    output: Pages,
    digest: Option<Crc>,
    marks: Vec<Mark>,
}

impl Snapshot {
    /// Micro-steps done.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.regs.steps
    }
}

/// A row of spad as a leaf.
pub(super) fn leaf_of(row: &Row) -> Leaf {
    row.map(i8::cast_unsigned)
}

/// The rows of a region given from row 0, zero beyond; copies from `row` on.
pub(super) fn read_rows(rows: &[Leaf], row: u64, out: &mut [Leaf]) {
    let from = rows.get(usize::try_from(row).unwrap_or(usize::MAX)..).unwrap_or_default();
    let given = from.len().min(out.len());
    out[..given].copy_from_slice(&from[..given]);
    out[given..].fill(ZERO);
}

impl FastMachine {
    /// Leaf `index` of a tree; zero where the tree has none.
    #[must_use]
    pub fn leaf(&self, tree: Subtree, index: u64) -> Leaf {
        let mut leaf = [ZERO];
        self.read_leaves(tree, index, &mut leaf);
        leaf[0]
    }

    /// Leaves of a tree from `index` on; zeros where the tree has none.
    pub fn read_leaves(&self, tree: Subtree, index: u64, out: &mut [Leaf]) {
        match tree {
            Subtree::Head => read_rows(&self.image.head, index, out),
            Subtree::Text => read_rows(&self.image.text, index, out),
            Subtree::Const => read_rows(&self.image.constant, index, out),
            Subtree::Input => read_rows(&self.input, index, out),
            Subtree::Regs => read_rows(&self.regs.to_leaves(), index, out),
            Subtree::Onchip => self.read_onchip(index, out),
            Subtree::Work => self.work.read(index, out),
            Subtree::Output => self.output.read(index, out),
        }
    }

    fn read_onchip(&self, index: u64, out: &mut [Leaf]) {
        let acc = self.image.profile.acc_leaf(0);
        for (index, leaf) in (index..).zip(out) {
            *leaf = if index < acc {
                match self.spad.origins().owed(index as usize) {
                    Some(from) => self.image.constant.get(from as usize).copied().unwrap_or(ZERO),
                    None => self.spad.rows().get(index as usize).map_or(ZERO, leaf_of),
                }
            } else {
                let (row, part) = ((index - acc) / 4, (index - acc) % 4);
                self.acc.rows().get(row as usize).map_or(ZERO, |lanes| row32_leaves(lanes)[part as usize])
            };
        }
    }

    /// Calls `f` with what changed in a tree since this was last asked of it. `Regs` always gives its four leaves, what
    /// never changes gives nothing; after [`FastMachine::restore`] whole blocks count as changed.
    pub fn drain(&mut self, tree: Subtree, mut f: impl FnMut(Change<'_>)) {
        if let Some(flag) = cleared_index(tree)
            && std::mem::take(&mut self.cleared[flag])
        {
            f(Change::Cleared);
        }
        match tree {
            Subtree::Regs => f(Change::Leaves { index: 0, leaves: &self.regs.to_leaves() }),
            Subtree::Onchip => self.drain_onchip(f),
            Subtree::Work => self.work.drain(|index, leaves| f(Change::Leaves { index, leaves })),
            Subtree::Output => self.output.drain(|index, leaves| f(Change::Leaves { index, leaves })),
            Subtree::Head | Subtree::Text | Subtree::Const | Subtree::Input => {}
        }
    }

    fn drain_onchip(&mut self, mut f: impl FnMut(Change<'_>)) {
        const ROWS: usize = 64;
        let mut leaves = [ZERO; ROWS * ROW32_LEAVES];
        self.pay_all();
        self.spad.drain(|first, rows| {
            for (index, rows) in (first as u64..).step_by(ROWS).zip(rows.chunks(ROWS)) {
                leaves.iter_mut().zip(rows).for_each(|(leaf, row)| *leaf = leaf_of(row));
                f(Change::Leaves { index, leaves: &leaves[..rows.len()] });
            }
        });
        let (profile, simd) = (self.image.profile, self.workers.simd);
        self.acc.drain(|first, rows| {
            for (row, rows) in (first as u64..).step_by(ROWS).zip(rows.chunks(ROWS)) {
                let leaves = &mut leaves[..rows.len() * ROW32_LEAVES];
                words::from_lanes(simd, rows, leaves);
                f(Change::Leaves { index: profile.acc_leaf(row), leaves });
            }
        });
    }

    /// This state, to come back to. Costs a copy of the blocks written on chip since the last, and shares of the rest.
    pub fn snapshot(&mut self) -> Snapshot {
        self.pay_all();
        Snapshot {
            regs: self.regs,
            spad: self.spad.snapshot(),
            acc: self.acc.snapshot(),
            work: self.work.snapshot(),
            output: self.output.snapshot(),
            digest: self.digest,
            marks: self.marks.clone(),
        }
    }

    /// Goes back, or on, to a snapshot of a machine with the same image and input.
    pub fn restore(&mut self, snapshot: &Snapshot) {
        self.pay_all();
        self.regs = snapshot.regs;
        self.known.lose();
        self.spad.restore(&snapshot.spad);
        self.acc.restore(&snapshot.acc);
        self.work.restore(&snapshot.work);
        self.output.restore(&snapshot.output);
        self.digest = snapshot.digest;
        self.marks.clone_from(&snapshot.marks);
        self.before_stop.clear();
    }

    /// The work region as it was before `HALT` or a trap cleared it, or as it is in a machine that runs.
    #[must_use]
    pub fn work_before_stop(&self) -> Region {
        if self.is_running() { self.work.to_region() } else { dram::region(&self.before_stop) }
    }

    /// The output region.
    #[must_use]
    pub fn output(&self) -> Region {
        self.output.to_region()
    }

    /// Makes a tree zero.
    pub(super) fn clear_tree(&mut self, tree: Subtree) {
        if let Some(flag) = cleared_index(tree) {
            self.cleared[flag] = true;
        }
        match tree {
            Subtree::Onchip => {
                self.spad.clear();
                self.acc.clear();
            }
            Subtree::Work => self.before_stop = self.work.clear(),
            Subtree::Output => drop(self.output.clear()),
            _ => {}
        }
    }

    fn write(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), FastError> {
        let missing = FastError::NoLeaf { tree: at.tree, index: at.index };
        match at.tree {
            Subtree::Regs => {
                let mut all = self.regs.to_leaves();
                let from = all.get_mut(at.index as usize..).and_then(|rest| rest.get_mut(..leaves.len()));
                from.ok_or(missing)?.copy_from_slice(leaves);
                self.regs = Regs::from_leaves(&all);
                Ok(())
            }
            Subtree::Onchip => {
                for (index, leaf) in (at.index..).zip(leaves) {
                    self.write_onchip(index, leaf)?;
                }
                Ok(())
            }
            Subtree::Work => self.work.write(at.index, leaves, self.digest.as_mut()),
            Subtree::Output => self.output.write(at.index, leaves, self.digest.as_mut()),
            _ => Err(missing),
        }
    }

    fn write_onchip(&mut self, index: u64, leaf: &Leaf) -> Result<(), FastError> {
        let missing = FastError::NoLeaf { tree: Subtree::Onchip, index };
        let acc = self.image.profile.acc_leaf(0);
        if index < acc {
            if index >= self.spad.len() as u64 {
                return Err(missing);
            }
            self.spad.set(index as usize, leaf.map(u8::cast_signed));
            return Ok(());
        }
        let (row, part) = ((index - acc) / 4, (index - acc) % 4);
        let Some(lanes) = self.acc.rows().get(row as usize) else { return Err(missing) };
        let mut leaves = row32_leaves(lanes);
        leaves[part as usize] = *leaf;
        self.acc.set(row as usize, row32(&leaves));
        Ok(())
    }
}

fn cleared_index(tree: Subtree) -> Option<usize> {
    [Subtree::Onchip, Subtree::Work, Subtree::Output].iter().position(|&other| other == tree)
}

impl State for FastMachine {
    type Error = FastError;

    fn read(&mut self, at: Access, out: &mut [Leaf]) -> Result<(), FastError> {
        self.read_leaves(at.tree, at.index, out);
        Ok(())
    }

    fn update(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), FastError> {
        self.write(at, leaves)
    }

    fn overwrite(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), FastError> {
        self.write(at, leaves)
    }

    fn clear(&mut self, tree: Subtree, _depth: u8) -> Result<(), FastError> {
        self.clear_tree(tree);
        Ok(())
    }
}
