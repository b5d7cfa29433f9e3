//! Where an operand lies: anywhere in a room, or in some relation to an operand of an earlier instruction.

use super::{ARENA_LOG2, CONST_LOG2, Hazards, Role, Room, Space, Special, writes};
use crate::operands::{Counts, Hull, Reach};
use crate::state::Subtree;
use crate::{Operand, Wide};

/// An operand to be placed.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) space: Space,
    pub(super) role: Role,
    /// Alignment of start and strides, and rows that each address names.
    pub(super) unit: i64,
    pub(super) counts: Counts,
    /// Whether it has a stride of the taps.
    pub(super) taps: bool,
}

/// Addresses `start + i0·s0 + i1·s1 + t·sk`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    pub(super) start: i64,
    pub(super) s0: i64,
    pub(super) s1: i64,
    pub(super) sk: i64,
}

impl Walk {
    pub(super) fn hull(&self, wanted: &Wanted) -> Hull {
        let mut hull = Hull { lo: self.start, hi: self.start + wanted.unit - 1 };
        let counts = [wanted.counts.n0, wanted.counts.n1, wanted.counts.kt];
        for (count, stride) in counts.into_iter().zip([self.s0, self.s1, self.sk]) {
            let reach = (i64::from(count) - 1) * stride;
            hull.lo += reach.min(0);
            hull.hi += reach.max(0);
        }
        hull
    }
}

impl Hazards {
    pub(super) fn place(&mut self, wanted: &Wanted) -> Walk {
        for _ in 0..12 {
            let walk = if self.rng.below(1000) < self.style.related {
                self.beside(wanted).unwrap_or_else(|| self.anywhere(wanted))
            } else {
                self.anywhere(wanted)
            };
            if self.room_of(wanted, walk.hull(wanted)).is_some() {
                return walk;
            }
        }
        // One row walks to nowhere in any room.
        let room = self.room(wanted.space);
        Walk { start: (room.from + wanted.unit - 1) & -wanted.unit, s0: 0, s1: 0, sk: 0 }
    }

    fn rooms(&self, space: Space) -> &[Room] {
        match space {
            Space::Spad => &self.spad,
            Space::Acc => &self.acc,
            Space::Dram(Subtree::Const) => &[Room { from: 0, rows: 1 << CONST_LOG2 }],
            Space::Dram(Subtree::Input) => &[Room { from: 0, rows: 16 }],
            Space::Dram(_) => &[Room { from: 0, rows: 1 << ARENA_LOG2 }],
        }
    }

    fn room(&mut self, space: Space) -> Room {
        let at = self.rng.below(self.rooms(space).len() as u64) as usize;
        self.rooms(space)[at]
    }

    fn room_of(&self, wanted: &Wanted, hull: Hull) -> Option<Room> {
        let inside = |room: &&Room| hull.lo >= room.from && hull.hi < room.from + room.rows;
        self.rooms(wanted.space).iter().find(inside).copied()
    }

    fn stride(&mut self, unit: i64) -> i64 {
        unit * [1, 1, 1, 1, -1, -1, 2, 2, -2, 3, 0, 5][self.rng.below(12) as usize]
    }

    /// Strides of its own; those of one in two rows follow each other.
    fn strides(&mut self, wanted: &Wanted) -> Walk {
        let s0 = self.stride(wanted.unit);
        let n0 = i64::from(wanted.counts.n0);
        let s1 = match self.rng.below(4) {
            0 => self.rng.signed(9) * wanted.unit,
            1 => -s0 * n0,
            _ => s0 * n0,
        };
        let sk = if wanted.taps { self.stride(wanted.unit) } else { 0 };
        Walk { start: 0, s0, s1, sk }
    }

    fn anywhere(&mut self, wanted: &Wanted) -> Walk {
        let walk = self.strides(wanted);
        let (room, hull) = (self.room(wanted.space), walk.hull(wanted));
        let free = (room.rows - (hull.hi - hull.lo)).max(1).cast_unsigned();
        let mut start = room.from - hull.lo + self.rng.below(free).cast_signed();
        if self.rng.one_in(8) {
            // The first or the last row of the room.
            start = if self.rng.one_in(2) { room.from - hull.lo } else { room.from + room.rows - 1 - hull.hi };
        }
        Walk { start: start & -wanted.unit, ..walk }
    }

    /// An earlier operand in this space, mostly one with which this one makes a hazard.
    fn earlier(&mut self, wanted: &Wanted) -> Option<Reach> {
        let write = matches!(wanted.role, Role::Destination | Role::OrderedDestination);
        let any = self.rng.one_in(6);
        let all = self.past.iter().rev().flatten();
        let fits = |reach: &&Reach| reach.space == wanted.space && (any || write || writes(reach));
        let found: alloc::vec::Vec<Reach> = all.filter(fits).copied().collect();
        // The latest ones most.
        let reach = self.rng.below(found.len() as u64);
        found.get(self.rng.below(reach + 1) as usize).copied()
    }

    fn beside(&mut self, wanted: &Wanted) -> Option<Walk> {
        let other = self.earlier(wanted)?;
        let unit = wanted.unit;
        let own = self.strides(wanted);
        let hull = own.hull(wanted);
        let same = Walk { start: other.start, s0: other.s0, s1: other.s1, sk: if wanted.taps { other.sk } else { 0 } };
        let last = |walk: &Walk| {
            let counts = [wanted.counts.n0, wanted.counts.n1];
            counts
                .into_iter()
                .zip([walk.s0, walk.s1])
                .map(|(count, stride)| (i64::from(count) - 1) * stride)
                .sum::<i64>()
        };
        let mut walk = match self.rng.below(12) {
            0..3 => same,
            // The same rows from the other end.
            3 => Walk { start: other.start + last(&same), s0: -same.s0, s1: -same.s1, sk: same.sk },
            // A row on: what one writes the other reads a row later or earlier.
            4 => Walk { start: other.start + self.rng.signed(2) * unit, ..same },
            // Hulls that touch in one row, or miss each other by one.
            5 => Walk { start: other.rows.hi - hull.lo, ..own },
            6 => Walk { start: other.rows.lo - hull.hi, ..own },
            7 => Walk { start: other.rows.hi + 1 - hull.lo, ..own },
            8 => Walk { start: other.rows.lo - 1 - hull.hi, ..own },
            // Between the rows of the other one.
            9 if other.s0.abs() > 1 => Walk { start: other.start + 1, ..same },
            _ => {
                let rows = (other.rows.hi - other.rows.lo + 1).cast_unsigned();
                Walk { start: other.rows.lo + self.rng.below(rows).cast_signed() - hull.lo, ..own }
            }
        };
        if unit > 1 {
            walk.start &= -unit;
            (walk.s0, walk.s1, walk.sk) = (walk.s0 & -unit, walk.s1 & -unit, walk.sk & -unit);
        }
        Some(walk)
    }

    /// Splits a start into base and register; some operands go by a register that holds a part of it.
    pub(super) fn split(&mut self, start: i64) -> (u32, u8) {
        let reg = 1 + self.rng.below(14) as u8;
        let value = i64::from(self.regs().x[usize::from(reg)]);
        if self.rng.one_in(2) && value <= start { ((start - value) as u32, reg) } else { (start as u32, 0) }
    }

    pub(super) fn near(&mut self, wanted: &Wanted) -> (Operand, i16) {
        let walk = self.place(wanted);
        let (base, reg) = self.split(walk.start);
        (Operand { base, reg, s0: walk.s0 as i16, s1: walk.s1 as i16 }, walk.sk as i16)
    }

    pub(super) fn far(&mut self, wanted: &Wanted) -> Wide {
        let walk = self.place(wanted);
        let (base, reg) = self.split(walk.start);
        Wide { base, reg, s0: walk.s0 as i32, s1: walk.s1 as i32 }
    }

    /// A row where such parameters are, if there are any and a random one would not do.
    pub(super) fn known(&mut self, special: Special) -> Option<u32> {
        let rows: alloc::vec::Vec<u32> =
            self.special.iter().filter(|(kind, _)| *kind == special).map(|(_, row)| *row).collect();
        if self.rng.one_in(4) { None } else { rows.get(self.rng.below(rows.len() as u64) as usize).copied() }
    }
}
