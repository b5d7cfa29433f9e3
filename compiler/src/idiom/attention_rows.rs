//! Attention of many queries over the keys and values of one head, all on chip: an encoder's, or a prompt's.
//!
//! As in [`super::attention`], weights are bytes, 127 for the largest key of a row, and their sum divides the result.

use isa::{Leaf, Loop, Matmul, Operand, PARAM_ROWS};

use super::attention::ONE;
use super::code::Code;
use super::data::{Quant, multiplier, param_block};
use super::lanes::{Lanes, Second};
use super::reciprocal::{Rounds, reciprocal};
use super::softmax::{Grid, Softmax, Tail};

/// Fraction bits of the result before it is a byte.
const FRACTION: u8 = 8;

/// One head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionRows {
    /// Queries.
    pub rows: u16,
    /// Blocks of 32 keys.
    pub segments: u16,
    /// Keys of the last block that count.
    pub tail: Tail,
    /// Rows of 32 lanes of a query, a key, a value.
    pub planes: u16,
    /// Real value of one step of query · key, over √d.
    pub score_scale: f64,
    /// Steps of the value in one step of the result.
    pub value_ratio: f64,
}

/// Where it finds and puts things. Queries, keys, values and results lie plane after plane, a row each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionRowsPlaces {
    /// Spad: `planes × rows` queries.
    pub queries: u32,
    /// Spad, aligned to 32: `planes × 32·segments` keys.
    pub keys: u32,
    /// Spad, aligned to 32: `planes × 32·segments` values.
    pub values: u32,
    /// Spad, aligned to 32: a tile of ones.
    pub ones: u32,
    /// Spad: the parameter blocks of [`AttentionRows::blocks`].
    pub blocks: u32,
    /// Spad: `segments × rows` rows of weights.
    pub weights: u32,
    /// Spad: `planes × rows` results.
    pub output: u32,
    /// Acc: `(3·segments + planes + 5) × rows` row32s.
    pub scratch: u32,
}

impl AttentionRows {
    fn softmax(&self) -> Softmax {
        let (rows, segments, tail) = (self.rows, self.segments, self.tail);
        Softmax { scale: self.score_scale, rows, segments, tail, to: Quant::symmetric(1.0 / ONE) }
    }

    /// The two parameter blocks: weights to bytes, result to bytes.
    #[must_use]
    pub fn blocks(&self) -> [[Leaf; PARAM_ROWS]; 2] {
        let bits = i32::from(self.softmax().bits());
        [ONE * 2f64.powi(-bits), self.value_ratio * 2f64.powi(-i32::from(FRACTION))].map(|factor| {
            let (m, s) = multiplier(factor);
            param_block(|_| (0, m, s))
        })
    }

    /// Writes it: for each row32 of scores 11 micro-steps of vectors and 2·planes + 1 of products, for each row 3·planes + 11
    /// (3 more where the tail is masked).
    pub fn emit(&self, code: &mut Code, at: &AttentionRowsPlaces) {
        let rows = u32::from(self.rows);
        let grid = |index: u32| {
            let base = at.scratch + index * u32::from(self.segments) * rows;
            Grid { base, row: 1, segment: self.rows as i16 }
        };
        let [scores, f, u] = [0, 1, 2].map(grid);
        let results = grid(3).base;
        let total = |index: u32| Operand::new(results + (u32::from(self.planes) + index) * rows, 1, 0);
        let [sum, y, g, m, t] = std::array::from_fn(|index| total(index as u32));
        let column = 32 * self.segments;
        for segment in 0..self.segments {
            code.push(Matmul {
                lp: Loop::new(self.rows, 1),
                d: scores.segment(segment),
                a: Operand::new(at.queries, 1, 0),
                a_sk: self.rows as i16,
                w_base: at.keys + 32 * u32::from(segment),
                w_sk: column as i16,
                n: 32,
                k: 32,
                kt: self.planes,
                tr: true,
                ..Matmul::default()
            });
        }
        // The largest of a row may lie where its sum will be.
        self.softmax().exponentials(code, scores, [f, u], sum);
        let weights = Grid { base: at.weights, row: 1, segment: self.rows as i16 };
        let all = Lanes::grid(self.rows, self.segments);
        code.push(all.requant(weights.all(), scores.all(), Operand::new(at.blocks, 0, 0), 0));
        self.weigh(code, at, sum, (at.ones, 0));
        for plane in 0..u32::from(self.planes) {
            let d = Operand::new(results + plane * rows, 1, 0);
            self.weigh(code, at, d, (at.values + plane * u32::from(column), 32));
        }
        reciprocal(code, Lanes::rows(self.rows), sum, [y, g], [m, t], Rounds::Two);
        // sum / total = sum · y / 2^(61 + g): 29 bits, then 32 + g less the fraction.
        let planes = Lanes::grid(self.rows, self.planes);
        let result = Operand::new(results, 1, self.rows as i16);
        code.push(planes.vmulr(result, result, Second::Row32(y), 29));
        code.push(planes.vshr(result, result, Second::Row32(g), 32 - FRACTION));
        let output = Operand::new(at.output, 1, self.rows as i16);
        code.push(planes.requant(output, result, Operand::new(at.blocks + 8, 0, 0), 0));
    }

    /// Σ weight · tile over the blocks of keys.
    fn weigh(&self, code: &mut Code, at: &AttentionRowsPlaces, d: Operand, (w_base, w_sk): (u32, i16)) {
        code.push(Matmul {
            lp: Loop::new(self.rows, 1),
            d,
            a: Operand::new(at.weights, 1, 0),
            a_sk: self.rows as i16,
            w_base,
            w_sk,
            n: 32,
            k: 32,
            kt: self.segments,
            ..Matmul::default()
        });
    }
}
