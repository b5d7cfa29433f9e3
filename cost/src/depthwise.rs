//! `DWMAC`: asked for, shifted, multiplied, added and written, a stage a cycle.

use hdl::Params;
use isa::Instr;

use crate::banks::Banks;
use crate::board::Board;
use crate::matrix::Matrix;
use crate::op::{DEPTHWISE, Op, Walk};

/// Taps of a pass.
const TAPS: u32 = 3;

#[derive(Clone, Copy, Debug)]
struct Asker {
    op: Op,
    replaces: bool,
    equal: bool,
    double: bool,
    first_pass: bool,
    weighing: bool,
    taps_left: u32,
    weight: i64,
    pass_base: i64,
    next_base: i64,
    tap: u32,
    at: i64,
    /// Offsets of the pixel, and its row of acc.
    pixel: Walk,
    d: Walk,
}

impl Asker {
    fn address(&self) -> i64 {
        if self.weighing { self.weight } else { self.at }
    }
}

/// A row on its way; a pixel if it is whole.
#[derive(Clone, Copy, Debug)]
struct Entry {
    whole: bool,
    place: i64,
    zero: bool,
    last: bool,
}

/// The depthwise unit.
#[derive(Debug)]
pub(crate) struct Depthwise {
    beats: u64,
    asker: Option<Box<Asker>>,
    shift: Option<Entry>,
    multiply: Option<Entry>,
    beat: u64,
    add: Option<Entry>,
    write: Option<Entry>,
}

impl Depthwise {
    pub(crate) fn new(params: &Params) -> Depthwise {
        Depthwise {
            beats: (isa::LANES / params.depthwise_lanes) as u64,
            asker: None,
            shift: None,
            multiply: None,
            beat: 0,
            add: None,
            write: None,
        }
    }

    /// One cycle; when it has something to do again.
    pub(crate) fn tick(&mut self, now: u64, board: &mut Board, banks: &mut Banks, matrix: &Matrix) -> u64 {
        let stop_back = self.write.is_some_and(|pixel| !banks.write_acc(pixel.place, now, matrix));
        let last_beat = self.beat + 1 == self.beats;
        let turns = self.multiply.is_some() && !stop_back && !last_beat;
        let goes = self.multiply.is_some_and(|pixel| {
            let blocked = [self.add, self.write].iter().flatten().any(|before| before.place == pixel.place);
            let base = pixel.zero || (last_beat && !blocked && banks.read_acc(pixel.place, now, matrix));
            !stop_back && last_beat && base
        });
        let stop_front = self.multiply.is_some() && !goes;

        if !stop_back {
            if self.write.is_some_and(|pixel| pixel.last) {
                board.retire(DEPTHWISE, now);
            }
            self.write = self.add;
            self.add = if goes { self.multiply } else { None };
        }
        if turns {
            self.beat += 1;
        } else if goes {
            self.beat = 0;
        }
        if stop_front {
            // It asks all the same, and keeps others out of the bank.
            if let Some(asker) = &self.asker {
                banks.read_spad(asker.address(), now, matrix);
            }
            return now + 1;
        }
        self.multiply = self.shift.filter(|entry| entry.whole);
        self.shift = None;
        match self.asker.take() {
            Some(asker) => {
                if banks.read_spad(asker.address(), now, matrix) {
                    self.step(asker, now, board);
                } else {
                    self.asker = Some(asker);
                }
            }
            None => self.take(now, board),
        }
        let busy = [self.shift, self.multiply, self.add, self.write].iter().any(Option::is_some);
        if busy || self.asker.is_some() { now + 1 } else { u64::MAX }
    }

    /// One row has been read.
    fn step(&mut self, mut it: Box<Asker>, now: u64, board: &mut Board) {
        let Some((a, w)) = it.op.reaches[1].zip(it.op.reaches[2]) else { return };
        let last_tap = it.taps_left.min(TAPS) - 1;
        let whole = it.tap == last_tap;
        let ends = it.d.last() && it.taps_left <= TAPS;
        self.shift = Some(Entry {
            whole: whole && !it.weighing,
            place: it.d.at(),
            zero: it.first_pass && it.replaces,
            last: ends,
        });
        it.tap += 1;
        it.at += a.sk;
        if it.weighing {
            it.weight += w.sk;
            it.next_base += a.sk;
            if whole {
                it.weighing = false;
                it.tap = 0;
                it.at = it.pass_base;
                (it.pixel, it.d) = (it.op.walk(1), it.op.walk(0));
            }
        } else if whole {
            let joined = it.equal || (it.double && last_tap != 0);
            it.tap = if it.equal { last_tap } else { last_tap.saturating_sub(1) };
            let (last, new_line) = (it.d.last(), it.d.last_inner());
            it.pixel.step();
            it.d.step();
            if new_line || !joined {
                it.tap = 0;
                it.at = it.pass_base + it.pixel.at() - a.start;
            }
            if last {
                if ends {
                    self.take(now, board);
                    return;
                }
                it.weighing = true;
                it.tap = 0;
                it.first_pass = false;
                it.taps_left -= TAPS;
                it.pass_base = it.next_base;
            }
        }
        self.asker = Some(it);
    }

    fn take(&mut self, now: u64, board: &mut Board) {
        let Some(op) = board.take(DEPTHWISE, now) else { return };
        let (Instr::Dwmac(i), Some(a), Some(w)) = (op.instr, op.reaches[1], op.reaches[2]) else { return };
        self.asker = Some(Box::new(Asker {
            op,
            replaces: !i.acc,
            equal: a.s0 == a.sk,
            double: a.s0 == 2 * a.sk,
            first_pass: true,
            weighing: true,
            taps_left: op.kt,
            weight: w.start,
            pass_base: a.start,
            next_base: a.start,
            tap: 0,
            at: a.start,
            pixel: op.walk(1),
            d: op.walk(0),
        }));
    }
}
