//! Attention of one new token over all before it: keys and values grow in `work`, their number is in a register.
//!
//! A head has `planes` rows of 32 lanes for its query, key and value. Keys and values of all positions lie in `work`, a
//! plane after the other. Nothing is unrolled over positions: scores of 32 keys are one product with the transposed tile
//! of their keys, in a loop; the weighted sum of values and the sum of weights are one product each over all of them.
//! The weights are e^(score − largest) in steps of 1/127, not yet divided by their sum: that comes last, on the result.

use isa::{Add, And, Argmax, Bne, Fill, Leaf, Li, Load, Loop, Matmul, Operand, PARAM_ROWS, Shr, Store, Wide};

use super::code::Code;
use super::data::{multiplier, param_block};
use super::exp::Exp;
use super::lanes::{Lanes, Second};
use super::reciprocal::{Rounds, reciprocal};
use super::softmax::NEVER;

/// Fraction bits of a weight before it is a byte.
const BITS: u8 = 24;
/// What a weight of 1 is.
pub const ONE: f64 = 127.0;
/// Fraction bits of the result before it is a byte.
const FRACTION: u8 = 8;

/// One head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attention {
    /// Rows of 32 lanes of a query, a key, a value.
    pub planes: u16,
    /// Most positions: a multiple of 32.
    pub capacity: u16,
    /// Real value of one step of query · key, over √d.
    pub score_scale: f64,
    /// Steps of the value in one step of the result.
    pub value_ratio: f64,
}

/// Where it finds and puts things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionPlaces {
    /// Spad: the query, the new key, the new value: `planes` rows each.
    pub query: u32,
    /// Spad.
    pub key: u32,
    /// Spad.
    pub value: u32,
    /// Rows of `work`: `planes × capacity` of keys, then of values.
    pub cache: u32,
    /// Spad, aligned to 32: `planes × capacity` rows for keys, and the same again for values.
    pub tiles: u32,
    /// Spad: `capacity / 32` rows of weights.
    pub weights: u32,
    /// Spad, aligned to 32: a tile of ones.
    pub ones: u32,
    /// Spad: the parameter blocks of [`Attention::blocks`].
    pub blocks: u32,
    /// Spad: `planes` rows of result.
    pub output: u32,
    /// Acc: `3·capacity/32 + planes + 6` row32s.
    pub scratch: u32,
    /// Holds the number of positions before this one, below the capacity; stays.
    pub position: u8,
    /// Scratch registers.
    pub registers: [u8; 6],
}

impl Attention {
    /// The two parameter blocks: weights to bytes, result to bytes.
    #[must_use]
    pub fn blocks(&self) -> [[Leaf; PARAM_ROWS]; 2] {
        let factors = [ONE * 2f64.powi(-i32::from(BITS)), self.value_ratio * 2f64.powi(-i32::from(FRACTION))];
        factors.map(|factor| {
            let (m, s) = multiplier(factor);
            param_block(|_| (0, m, s))
        })
    }

    /// Writes it.
    pub fn emit(&self, code: &mut Code, at: &AttentionPlaces) {
        code.forget();
        let [count, blocks, rest, row, tile, largest] = at.registers;
        self.append(code, at, count);
        // Whole and last blocks of 32 keys: ⌊position / 32⌋ + 1 blocks, of which the last has position mod 32 + 1 keys.
        code.push(Shr { rd: blocks, ra: at.position, rb: 0, imm: 5 });
        code.push(And { rd: rest, ra: at.position, rb: 0, imm: 31 });
        code.push(Add { rd: rest, ra: rest, rb: 0, imm: 1 });
        code.push(Add { rd: blocks, ra: blocks, rb: 0, imm: 1 });
        self.scores(code, at, [blocks, row, tile]);
        self.mask(code, at, [row, rest]);
        // ARGMAX's index is not wanted; `tile` is free by now.
        let rows = Lanes { lp: Loop { creg: blocks, csel: Loop::N0, ..Loop::new(0, 1) }, n: 32 };
        let most = u32::from(self.capacity) / 32;
        let [scores, f, u] = [0, 1, 2].map(|block| Operand::new(at.scratch + block * most, 1, 0));
        code.push(Argmax { lp: rows.lp, rd: tile, rv: largest, a: scores, i_base: 0, i_reg: 0, n: 32, acc: false });
        code.push(rows.vsub(f, scores, Second::register(largest)));
        Exp { scale: self.score_scale, bits: BITS }.emit_short(code, rows, f, scores, [f, u]);
        let weights = Operand::new(at.weights, 1, 0);
        code.push(rows.requant(weights, scores, Operand::new(at.blocks, 0, 0), 0));
        self.weigh(code, at, blocks);
    }

    /// Stores the new key and value at the position, and loads all up to them.
    fn append(&self, code: &mut Code, at: &AttentionPlaces, count: u8) {
        let capacity = i32::from(self.capacity);
        let size = u32::from(self.planes) * u32::from(self.capacity);
        code.push(Add { rd: count, ra: at.position, rb: 0, imm: 1 });
        for (index, new) in [at.key, at.value].into_iter().enumerate() {
            let base = at.cache + index as u32 * size;
            code.push(Store {
                lp: Loop::new(1, self.planes),
                d: Operand::new(new, 0, 1),
                m: Wide { base, reg: at.position, s0: 0, s1: capacity },
                region: isa::Subtree::Work as u8,
                space: false,
            });
            code.push(Load {
                lp: Loop { creg: count, csel: Loop::N0, ..Loop::new(0, self.planes) },
                d: Operand::new(at.tiles + index as u32 * size, 1, self.capacity as i16),
                m: Wide::new(base, 1, capacity),
                region: isa::Subtree::Work as u8,
                space: false,
            });
        }
    }

    /// Query · key for all keys of each block; `row` ends as the number of blocks less one.
    fn scores(&self, code: &mut Code, at: &AttentionPlaces, [blocks, row, tile]: [u8; 3]) {
        code.push(Li { rd: row, imm: 0 });
        code.push(Li { rd: tile, imm: 0 });
        let top = code.here();
        code.push(Matmul {
            lp: Loop::new(1, 1),
            d: Operand { base: at.scratch, reg: row, s0: 0, s1: 0 },
            a: Operand::new(at.query, 0, 0),
            w_base: at.tiles,
            w_reg: tile,
            w_sk: self.capacity as i16,
            a_sk: 1,
            n: 32,
            k: 32,
            kt: self.planes,
            acc: false,
            tr: true,
        });
        code.push(Add { rd: tile, ra: tile, rb: 0, imm: 32 });
        code.push(Add { rd: row, ra: row, rb: 0, imm: 1 });
        code.push(Bne { ra: row, rb: blocks, imm: top });
        code.push(isa::Sub { rd: row, ra: row, rb: 0, imm: 1 });
    }

    /// Takes the lanes of the last block that no key has to [`NEVER`]: `rest` lanes have one.
    fn mask(&self, code: &mut Code, at: &AttentionPlaces, [row, rest]: [u8; 2]) {
        let last = Operand { base: at.scratch, reg: row, s0: 0, s1: 0 };
        let masked = Operand::new(at.scratch + u32::from(self.capacity) / 32, 0, 0);
        let one = code.filled(1);
        code.push(Fill { lp: Loop::new(1, 1), d: masked, imm: NEVER.cast_unsigned(), space: true });
        let some = Lanes { lp: Loop { creg: rest, csel: Loop::N, ..Loop::new(1, 1) }, n: 0 };
        code.push(some.vsel(masked, one, Second::Row32(last)));
        code.push(Lanes::rows(1).vadd(last, masked, Second::immediate(0)));
    }

    /// Σ weight · value over Σ weight, as bytes.
    fn weigh(&self, code: &mut Code, at: &AttentionPlaces, blocks: u8) {
        let most = u32::from(self.capacity) / 32;
        let size = u32::from(self.planes) * u32::from(self.capacity);
        let sums = at.scratch + 3 * most;
        let [total, y, g, m, t] = [0, 1, 2, 3, 4].map(|i| Operand::new(sums + u32::from(self.planes) + i, 0, 0));
        let product = |d: Operand, w_base: u32, w_sk: i16| Matmul {
            lp: Loop { creg: blocks, csel: Loop::KT, ..Loop::new(1, 1) },
            d,
            a: Operand::new(at.weights, 0, 0),
            w_base,
            w_sk,
            a_sk: 1,
            n: 32,
            k: 32,
            ..Matmul::default()
        };
        code.push(product(total, at.ones, 0));
        for plane in 0..self.planes {
            let tiles = at.tiles + size + u32::from(plane) * u32::from(self.capacity);
            code.push(product(Operand::new(sums + u32::from(plane), 0, 0), tiles, 32));
        }
        reciprocal(code, Lanes::rows(1), total, [y, g], [m, t], Rounds::Two);
        // sum / total = sum · y / 2^(61 + g): 29 bits, then 32 + g less the fraction.
        let (rows, sums) = (Lanes::rows(self.planes), Operand::new(sums, 1, 0));
        code.push(rows.vmulr(sums, sums, Second::Row32(y), 29));
        code.push(rows.vshr(sums, sums, Second::Row32(g), 32 - FRACTION));
        code.push(rows.requant(Operand::new(at.output, 1, 0), sums, Operand::new(at.blocks + 8, 0, 0), 0));
    }
}
