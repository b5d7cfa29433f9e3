//! Which rows an instruction touches, to tell whether the order of two of them matters.

use isa::{Instr, Reach, Regs, Role, Space};

use super::bits::bits;
use super::origins::Copied;

/// Rows that an instruction touches. Those of different spaces are far apart.
#[derive(Clone, Copy, Debug)]
struct Touch {
    lo: i64,
    hi: i64,
    start: i64,
    /// All rows are this apart from `start`, or some multiple of it.
    step: i64,
}

/// Spaces are so far apart: more than any has rows.
const SPACE: i64 = 1 << 40;
/// No rows.
const NOTHING: Touch = Touch { lo: i64::MAX, hi: i64::MIN, start: 0, step: 0 };

impl Touch {
    fn of(instr: &Instr, reach: &Reach) -> Touch {
        // Strides of a run of bytes are bytes, and those of a table count entries.
        let rows = !matches!(instr, Instr::Move(_) | Instr::Gather(_)) || reach.role != Role::Source;
        let step = if rows && reach.align == 1 { gcd(reach.s0, gcd(reach.s1, reach.sk)) } else { 1 };
        let space = SPACE
            * match reach.space {
                Space::Spad => 0,
                Space::Acc => 1,
                Space::Dram(region) => 2 + region as i64,
            };
        Touch { lo: space + reach.rows.lo, hi: space + reach.rows.hi, start: space + reach.start, step }
    }

    fn near(&self, other: &Touch) -> bool {
        (self.lo <= other.hi) & (other.lo <= self.hi)
    }

    /// Whether they may have a row in common.
    fn meets(&self, other: &Touch) -> bool {
        self.near(other)
            && match gcd(self.step, other.step) {
                0 => self.start == other.start,
                step => (self.start - other.start) % step == 0,
            }
    }
}

/// What an instruction writes, and what it reads besides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touches {
    write: Touch,
    reads: [Touch; 3],
}

const UNTOUCHED: Touches = Touches { write: NOTHING, reads: [NOTHING; 3] };

impl Touches {
    /// Of an instruction.
    pub(super) fn of(instr: &Instr, regs: &Regs) -> Touches {
        let (mut touches, mut reads) = (UNTOUCHED, 0);
        for reach in isa::operands(instr, regs).iter().flatten() {
            let touch = Touch::of(instr, reach);
            if matches!(reach.role, Role::Destination | Role::OrderedDestination) {
                touches.write = touch;
            } else {
                touches.reads[reads] = touch;
                reads += 1;
            }
        }
        touches
    }

    /// Of a copy of constants.
    pub(super) fn of_copy(copied: Copied) -> Touches {
        let lo = i64::from(copied.row);
        Touches { write: Touch { lo, hi: lo + i64::from(copied.count) - 1, start: lo, step: 1 }, ..UNTOUCHED }
    }

    /// Those of a `MATMUL` that does not read its weights, which follow its rows.
    pub(super) fn without_weights(mut self) -> Touches {
        self.reads[1] = NOTHING;
        self
    }

    /// The first and the last row of spad of each thing that it reads, and of what it writes but in part.
    pub(super) fn reads_of_spad(&self, instr: &Instr) -> impl Iterator<Item = (i64, i64)> {
        let in_part = matches!(instr, Instr::Move(_) | Instr::Maxq(_));
        let written = in_part.then_some(self.write);
        let all = self.reads.into_iter().chain(written);
        all.filter(|touch| touch.hi >= 0 && touch.lo < SPACE).map(|touch| (touch.lo, touch.hi))
    }

    /// Whether the order of both may matter.
    fn meets(&self, other: &Touches) -> bool {
        self.write.meets(&other.write)
            || other.reads.iter().any(|read| self.write.meets(read))
            || self.reads.iter().any(|read| other.write.meets(read))
    }

    /// What is written, and all that is read.
    fn all(&self) -> [&Touch; 4] {
        let [a, b, c] = &self.reads;
        [&self.write, a, b, c]
    }
}

/// What several instructions touch.
pub(super) struct Several<const N: usize> {
    touches: [Touches; N],
    /// Of each thing that they touch, as in [`Touches::all`], the first and the last row.
    lo: [[i64; N]; 4],
    hi: [[i64; N]; 4],
}

impl<const N: usize> Several<N> {
    pub(super) fn new() -> Several<N> {
        Several { touches: [UNTOUCHED; N], lo: [[NOTHING.lo; N]; 4], hi: [[NOTHING.hi; N]; 4] }
    }

    pub(super) fn set(&mut self, at: usize, touches: Touches) {
        for (which, touch) in touches.all().into_iter().enumerate() {
            (self.lo[which][at], self.hi[which][at]) = (touch.lo, touch.hi);
        }
        self.touches[at] = touches;
    }

    /// Those of `among`, as bits, whose order with one that touches these may matter.
    pub(super) fn meet(&self, among: u64, touches: &Touches) -> u64 {
        // All at once, for most are far from each other.
        let mut near = [false; N];
        for (which, touch) in touches.all().into_iter().enumerate() {
            // What is written meets all, what is read only what is written.
            let others = if which == 0 { 4 } else { 1 };
            for (lo, hi) in self.lo.iter().zip(&self.hi).take(others) {
                for at in 0..N {
                    near[at] |= (lo[at] <= touch.hi) & (touch.lo <= hi[at]);
                }
            }
        }
        let near = (0..N).fold(0, |bits, at| bits | u64::from(near[at]) << at);
        let meets = |at: &usize| self.touches[*at].meets(touches);
        bits(among & near).filter(meets).fold(0, |bits, at| bits | 1 << at)
    }
}

/// The greatest common divisor of what they are without sign; 0 of zeros.
fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
