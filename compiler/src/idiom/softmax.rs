//! Softmax of rows of scores, int32 or bytes, to bytes.

use isa::{Fill, LANES, Leaf, Loop, Maxq, Move, Operand, PARAM_ROWS, TILE_ROWS, Wide, ZERO};

use super::code::Code;
use super::data::{Quant, multiplier, param_block};
use super::exp::Exp;
use super::lanes::{Lanes, Second};
use super::reciprocal::{Rounds, reciprocal};
use super::{residual, table};

/// What stands for minus infinity: far below every score, and a score less it still fits 32 bits.
pub const NEVER: i32 = -(1 << 30);

/// A matrix of row32s, or of rows: the segments of 32 columns of each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// First row32.
    pub base: u32,
    /// From one row to the next.
    pub row: i16,
    /// From one segment of a row to the next.
    pub segment: i16,
}

impl Grid {
    /// All of it: rows in the inner loop, segments in the outer.
    #[must_use]
    pub fn all(self) -> Operand {
        Operand::new(self.base, self.row, self.segment)
    }

    /// One segment of each row.
    #[must_use]
    pub fn segment(self, index: u16) -> Operand {
        let at = i64::from(self.base) + i64::from(self.segment) * i64::from(index);
        Operand::new(at as u32, self.row, 0)
    }
}

/// How many lanes of the last segment count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// So many.
    Lanes(u8),
    /// As many as a register says, 1..=32.
    Register(u8),
}

/// Where a softmax finds and puts things; all but `output` and `block` is acc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoftmaxPlaces {
    /// The scores; overwritten.
    pub scores: Grid,
    /// Scratch of the same shape, twice.
    pub scratch: [Grid; 2],
    /// Six row32s a row, apart by `rows`.
    pub totals: u32,
    /// Rows of spad.
    pub output: Grid,
    /// The parameter block of [`Softmax::block`] in spad.
    pub block: u32,
}

/// p_j = e^(scale·x_j) / Σ e^(scale·x), row by row, quantised as `to` says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Softmax {
    /// Real value of one step of a score.
    pub scale: f64,
    /// Rows.
    pub rows: u16,
    /// Row32s of each row.
    pub segments: u16,
    /// Lanes of the last segment that count.
    pub tail: Tail,
    /// How probabilities are written.
    pub to: Quant,
}

/// Fraction bits of a probability before it is quantised.
pub(crate) const FRACTION: u8 = 24;

impl Softmax {
    /// Bits of an exponential: the sum of all of them stays below 2³¹.
    pub(crate) fn bits(&self) -> u8 {
        30 - (u32::from(self.segments) * LANES as u32).next_power_of_two().ilog2() as u8
    }

    /// The parameter block that quantises.
    #[must_use]
    pub fn block(&self) -> [Leaf; PARAM_ROWS] {
        let (m, s) = multiplier(2f64.powi(-i32::from(FRACTION)) / self.to.scale);
        param_block(|_| (0, m, s))
    }

    /// Writes it: 13 micro-steps for each row32, 12 more for each row, and 3 where the tail is masked.
    pub fn emit(&self, code: &mut Code, at: &SoftmaxPlaces) {
        let all = Lanes::grid(self.rows, self.segments);
        let total = |index: u32| Operand::new(at.totals + index * u32::from(self.rows), 1, 0);
        let [max, sum, y, g, m, t] = std::array::from_fn(|index| total(index as u32));
        self.exponentials(code, at.scores, at.scratch, max);
        let f = at.scratch[0].all();
        self.divide(code, at.scores, f, [sum, y, g, m, t]);
        code.push(all.requant(at.output.all(), f, Operand::new(at.block, 0, 0), self.to.zero));
    }

    /// Scores to e^(score − the row's largest) with [`Softmax::bits`] bits, in place; 0 in lanes that do not count.
    pub(super) fn exponentials(&self, code: &mut Code, scores: Grid, scratch: [Grid; 2], max: Operand) {
        let all = Lanes::grid(self.rows, self.segments);
        self.largest(code, scores, max);
        let [f, u] = scratch.map(Grid::all);
        code.push(all.vsub(f, scores.all(), Second::Row32(max)));
        Exp { scale: self.scale, bits: self.bits() }.emit_short(code, all, f, scores.all(), [f, u]);
        let last = scores.segment(self.segments - 1);
        if let Some(tail) = self.masked() {
            code.push(tail.vadd(last, last, Second::immediate(0)));
        }
    }

    /// Exponentials over their row's sum, to `d` with [`FRACTION`] bits.
    fn divide(&self, code: &mut Code, e: Grid, d: Operand, [sum, y, g, m, t]: [Operand; 5]) {
        let (rows, all) = (Lanes::rows(self.rows), Lanes::grid(self.rows, self.segments));
        let mut so_far = e.segment(self.segments - 1);
        for segment in 0..self.segments - 1 {
            code.push(rows.vadd(sum, so_far, Second::Row32(e.segment(segment))));
            so_far = sum;
        }
        code.push(rows.vsum(sum, so_far));
        // The reciprocal with as many bits for every row.
        reciprocal(code, rows, sum, [y, g], [m, t], Rounds::Two);
        code.push(rows.vshr(y, y, Second::Row32(g), 31 - self.bits()));
        code.push(all.vmulr(d, e.all(), Second::Row32(y), 30 + self.bits() - FRACTION));
    }

    /// The lanes of the last segment, if not all of them count.
    fn masked(&self) -> Option<Lanes> {
        match self.tail {
            Tail::Lanes(32) => None,
            Tail::Lanes(n) => Some(Lanes { n, ..Lanes::rows(self.rows) }),
            Tail::Register(creg) => Some(Lanes { lp: Loop { creg, csel: Loop::N, ..Loop::new(self.rows, 1) }, n: 0 }),
        }
    }

    /// The largest score of each row, in every lane.
    fn largest(&self, code: &mut Code, scores: Grid, max: Operand) {
        let rows = Lanes::rows(self.rows);
        let last = scores.segment(self.segments - 1);
        let mut so_far = last;
        if let Some(tail) = self.masked() {
            let (never, one) = (code.filled(NEVER), code.filled(1));
            code.push(rows.vadd(max, never, Second::immediate(0)));
            code.push(tail.vsel(max, one, Second::Row32(last)));
            so_far = max;
        }
        for segment in 0..self.segments - 1 {
            code.push(rows.vmax(max, so_far, Second::Row32(scores.segment(segment))));
            so_far = max;
        }
        code.push(rows.vrmax(max, so_far));
    }
}

/// Where a softmax of bytes finds and puts things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BytesPlaces {
    /// Spad: the scores; overwritten.
    pub scores: Grid,
    /// Spad: two rows a row, apart by `rows`.
    pub largest: u32,
    /// Acc: scratch of the scores' shape, twice.
    pub scratch: [Grid; 2],
    /// Acc: five row32s a row, apart by `rows`.
    pub totals: u32,
    /// Spad: result.
    pub output: Grid,
    /// Spad, aligned to 32: the rows of [`Softmax::table`].
    pub table: u32,
}

/// Rows of [`Softmax::table`].
pub const TABLE_ROWS: usize = TILE_ROWS + 2 * PARAM_ROWS + 1;

impl Softmax {
    /// For [`Softmax::emit_bytes`]: exponentials of all differences, the blocks of the result and of bytes as they are, and
    /// the parameter row of differences.
    #[must_use]
    pub fn table(&self) -> [Leaf; TABLE_ROWS] {
        let mut rows = [ZERO; TABLE_ROWS];
        // Entry e stands for a score 255 − e steps below the largest.
        let from = Quant { scale: self.scale, zero: i8::MAX };
        rows[..TILE_ROWS].copy_from_slice(&table::words(f64::exp, from, 2f64.powi(-i32::from(self.bits()))));
        rows[TILE_ROWS..][..PARAM_ROWS].copy_from_slice(&self.block());
        rows[TILE_ROWS + PARAM_ROWS..][..PARAM_ROWS].copy_from_slice(&param_block(|_| (0, 1, 0)));
        let difference = &mut rows[TABLE_ROWS - 1];
        difference[..8].copy_from_slice(&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]);
        difference[11..14].copy_from_slice(&[127, 0x80, 127]);
        rows
    }

    /// The same of bytes in steps of `scale`, by a table of exponentials that are exact to half a unit: 6 micro-steps for each row
    /// of 32 scores, 15 more for each row, and 1 where the tail is masked.
    pub fn emit_bytes(&self, code: &mut Code, at: &BytesPlaces) {
        let (rows, all) = (Lanes::rows(self.rows), Lanes::grid(self.rows, self.segments));
        let total = |index: u32| Operand::new(at.totals + index * u32::from(self.rows), 1, 0);
        let totals: [Operand; 5] = std::array::from_fn(|index| total(index as u32));
        let wide = totals[0];
        self.largest_byte(code, at);
        // The largest of the row in every lane, by way of acc; then 127 less the distance to it.
        let largest = Operand::new(at.largest, 1, 0);
        let zero = code.filled(0);
        code.push(rows.vadd(wide, zero, Second::Row8(largest)));
        code.push(rows.vrmax(wide, wide));
        let bytes = Operand::new(at.table + (TILE_ROWS + PARAM_ROWS) as u32, 0, 0);
        let spread = Operand::new(at.largest + u32::from(self.rows), 1, 0);
        code.push(rows.requant(spread, wide, bytes, 0));
        let (scores, difference) = (at.scores.all(), at.table + TABLE_ROWS as u32 - 1);
        code.push(residual::add(all, scores, scores, spread, difference));
        let [e, p] = at.scratch;
        match self.masked() {
            None => code.push(table::look_up_words(all, e.all(), scores, at.table)),
            Some(tail) => {
                if self.segments > 1 {
                    let whole = Lanes::grid(self.rows, self.segments - 1);
                    code.push(table::look_up_words(whole, e.all(), scores, at.table));
                }
                let last = self.segments - 1;
                code.push(table::look_up_words(tail, e.segment(last), at.scores.segment(last), at.table));
            }
        }
        self.divide(code, e, p.all(), totals);
        let block = Operand::new(at.table + TILE_ROWS as u32, 0, 0);
        code.push(all.requant(at.output.all(), p.all(), block, self.to.zero));
    }

    /// The largest score of each lane over the segments.
    fn largest_byte(&self, code: &mut Code, at: &BytesPlaces) {
        let (d, last) = (Operand::new(at.largest, 1, 0), at.scores.segment(self.segments - 1));
        let lp = Loop::new(self.rows, 1);
        let pool = |a: Operand, acc: bool| Maxq { lp, d, a, a_sk: 0, kt: 1, acc };
        match self.masked() {
            None => code.push(pool(last, false)),
            Some(tail) => {
                code.push(Fill { lp, d, imm: i8::MIN.cast_unsigned().into(), space: false });
                let m = Wide::new(last.base * LANES as u32, i32::from(last.s0) * LANES as i32, 0);
                code.push(Move { lp: tail.lp, d, m, n: tail.n, offset: 0 });
            }
        }
        for segment in 0..self.segments - 1 {
            code.push(pool(at.scores.segment(segment), true));
        }
    }
}
