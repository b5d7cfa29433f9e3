//! `MATMUL`: passes one after another. No other unit can deny it a bank, so a pass is known as it begins.

use std::collections::VecDeque;

use hdl::Params;
use isa::Instr;

use crate::board::Board;
use crate::op::{MATRIX, Op};

/// From a row's entry to its read of acc, and to its write, which may retire the instruction.
const TO_READ: u64 = 5;
const TO_WRITE: u64 = 7;

/// A sub-tile's rows on their way: row r enters in cycle `from + r`, later by `stall` from `stall_at` on.
#[derive(Clone, Copy, Debug)]
struct Pass {
    from: u64,
    end: u64,
    stall_at: u64,
    stall: u64,
    n0: u32,
    a: [i64; 3],
    d: [i64; 3],
    /// Banks of spad and of acc that it may touch, lowest and highest.
    spad: [usize; 2],
    acc: [usize; 2],
    zero: bool,
    last: bool,
    retired: bool,
}

impl Pass {
    fn row_at(&self, cycle: u64) -> Option<u64> {
        if cycle < self.from || cycle > self.end {
            None
        } else if cycle < self.stall_at {
            Some(cycle - self.from)
        } else if cycle < self.stall_at + self.stall {
            None
        } else {
            Some(cycle - self.from - self.stall)
        }
    }

    fn address(&self, [start, s0, s1]: [i64; 3], row: u64) -> i64 {
        let (i1, i0) = (row / u64::from(self.n0), row % u64::from(self.n0));
        start + i0 as i64 * s0 + i1 as i64 * s1
    }
}

/// The instruction whose passes are to begin.
#[derive(Clone, Copy, Debug)]
struct Held {
    op: Op,
    k: u32,
    transposed: bool,
    accumulate: bool,
    tile: u32,
    k_base: u32,
    n_base: u32,
    /// All weights of the next pass are read in this cycle.
    loaded_at: u64,
}

/// The matrix unit.
#[derive(Debug)]
pub(crate) struct Matrix {
    rows: u32,
    columns: u32,
    spad_shift: u32,
    spad_mask: usize,
    acc_shift: u32,
    acc_mask: usize,
    held: Option<Held>,
    passes: VecDeque<Pass>,
    /// Cycles in which the loader reads live rows of weights, and their bank.
    reads_from: u64,
    reads_to: u64,
    weights_bank: usize,
}

impl Matrix {
    pub(crate) fn new(params: &Params) -> Matrix {
        Matrix {
            rows: params.array_rows as u32,
            columns: params.array_cols as u32,
            spad_shift: params.spad_log2 as u32 - params.spad_banks.ilog2(),
            spad_mask: params.spad_banks - 1,
            acc_shift: params.acc_log2 as u32 - params.acc_banks.ilog2(),
            acc_mask: params.acc_banks - 1,
            held: None,
            passes: VecDeque::new(),
            reads_from: 1,
            reads_to: 0,
            weights_bank: 0,
        }
    }

    pub(crate) fn reads_spad(&self, bank: usize, now: u64) -> bool {
        if bank == self.weights_bank && (self.reads_from..=self.reads_to).contains(&now) {
            return true;
        }
        self.passes.iter().any(|pass| {
            (pass.spad[0]..=pass.spad[1]).contains(&bank)
                && pass.row_at(now).is_some_and(|row| {
                    pass.spad[0] == pass.spad[1] || self.spad_bank(pass.address(pass.a, row)) == bank
                })
        })
    }

    pub(crate) fn reads_acc(&self, bank: usize, now: u64) -> bool {
        self.passes.iter().any(|pass| !pass.zero && self.in_acc(pass, bank, now.wrapping_sub(TO_READ)))
    }

    pub(crate) fn writes_acc(&self, bank: usize, now: u64) -> bool {
        self.passes.iter().any(|pass| self.in_acc(pass, bank, now.wrapping_sub(TO_WRITE)))
    }

    fn in_acc(&self, pass: &Pass, bank: usize, cycle: u64) -> bool {
        (pass.acc[0]..=pass.acc[1]).contains(&bank)
            && pass
                .row_at(cycle)
                .is_some_and(|row| pass.acc[0] == pass.acc[1] || self.acc_bank(pass.address(pass.d, row)) == bank)
    }

    fn spad_bank(&self, row: i64) -> usize {
        (row >> self.spad_shift) as usize & self.spad_mask
    }

    fn acc_bank(&self, row: i64) -> usize {
        (row >> self.acc_shift) as usize & self.acc_mask
    }

    /// One cycle; when it has something to do again.
    pub(crate) fn tick(&mut self, now: u64, board: &mut Board) -> u64 {
        for at in 0..self.passes.len() {
            let pass = &mut self.passes[at];
            if pass.last && !pass.retired && now >= pass.end + TO_WRITE {
                pass.retired = true;
                board.retire(MATRIX, now);
            }
        }
        while self.passes.front().is_some_and(|pass| now > pass.end + TO_WRITE + 1) {
            self.passes.pop_front();
        }
        if self.held.is_none() {
            self.take(now, board);
        } else if self.begins_at().is_some_and(|at| at <= now) {
            self.begin(now, board);
        }
        let retires = self.passes.iter().filter(|pass| pass.last && !pass.retired).map(|pass| pass.end + TO_WRITE);
        retires.chain(self.begins_at()).min().unwrap_or(u64::MAX)
    }

    /// The next pass begins when its weights are read and the last row before it enters.
    fn begins_at(&self) -> Option<u64> {
        let streamed = self.passes.back().map_or(0, |pass| pass.end);
        self.held.map(|held| held.loaded_at.max(streamed))
    }

    fn take(&mut self, now: u64, board: &mut Board) {
        let Some(op) = board.take(MATRIX, now) else { return };
        let Instr::Matmul(i) = op.instr else { return };
        let (transposed, accumulate) = (i.tr, i.acc);
        self.held =
            Some(Held { op, k: i.k.into(), transposed, accumulate, tile: 0, k_base: 0, n_base: 0, loaded_at: 0 });
        self.load(now);
    }

    /// Reads the weights of the next pass from the next cycle on; rows that want the same bank wait.
    fn load(&mut self, now: u64) {
        let Some(held) = &mut self.held else { return };
        let Some(weights) = held.op.reaches[2] else { return };
        let (cycles, live) = if held.transposed {
            (self.columns, held.op.n.saturating_sub(held.n_base).min(self.columns))
        } else {
            (self.rows, held.k.saturating_sub(held.k_base).min(self.rows))
        };
        held.loaded_at = now + u64::from(cycles);
        (self.reads_from, self.reads_to) = (now + 1, now + u64::from(live));
        let tile = weights.start + i64::from(held.tile) * weights.sk;
        self.weights_bank = self.spad_bank(tile);
        self.collide();
    }

    fn collide(&mut self) {
        let (from, to, bank) = (self.reads_from, self.reads_to, self.weights_bank);
        let Some(pass) = self.passes.back().copied() else { return };
        if !(pass.spad[0]..=pass.spad[1]).contains(&bank) {
            return;
        }
        let meets =
            |cycle: &u64| pass.row_at(*cycle).is_some_and(|row| self.spad_bank(pass.address(pass.a, row)) == bank);
        if let Some(at) = (from..=to.min(pass.end)).find(meets)
            && let Some(pass) = self.passes.back_mut()
        {
            (pass.stall_at, pass.stall) = (at, to + 1 - at);
            pass.end += pass.stall;
        }
    }

    fn begin(&mut self, now: u64, board: &mut Board) {
        let Some(mut held) = self.held.take() else { return };
        let Some(pass) = self.pass(&held, now) else { return };
        self.passes.push_back(pass);
        held.n_base += self.columns;
        if held.n_base >= held.op.n {
            held.n_base = 0;
            held.k_base += self.rows;
            if held.k_base >= held.k {
                held.k_base = 0;
                held.tile += 1;
            }
        }
        if pass.last {
            self.take(now, board);
        } else {
            self.held = Some(held);
            self.load(now);
        }
    }

    fn pass(&self, held: &Held, now: u64) -> Option<Pass> {
        let (d, a) = (held.op.reaches[0]?, held.op.reaches[1]?);
        let rows = held.op.rows();
        let a_start = a.start + i64::from(held.tile) * a.sk;
        let last =
            held.tile + 1 == held.op.kt && held.k_base + self.rows >= held.k && held.n_base + self.columns >= held.op.n;
        let reach = |start: i64, s0: i64, s1: i64| {
            let (x, y) = ((i64::from(held.op.n0) - 1) * s0, (i64::from(held.op.n1) - 1) * s1);
            [start + x.min(0) + y.min(0), start + x.max(0) + y.max(0)]
        };
        Some(Pass {
            from: now + 1,
            end: now + rows,
            stall_at: u64::MAX / 2,
            stall: 0,
            n0: held.op.n0,
            a: [a_start, a.s0, a.s1],
            d: [d.start, d.s0, d.s1],
            spad: reach(a_start, a.s0, a.s1).map(|row| self.spad_bank(row)),
            acc: reach(d.start, d.s0, d.s1).map(|row| self.acc_bank(row)),
            zero: held.tile == 0 && held.k_base == 0 && held.n_base == 0 && !held.accumulate,
            last,
            retired: false,
        })
    }
}
