//! Layer norm and RMS norm of rows of bytes: `(x − mean) / √(variance + ε) · γ + β`, and the same without mean and β.
//!
//! Sums come from the matrix side: a product with a tile of ones, and depthwise products of a row with itself. The
//! variance is that of the integers, exact but for one rounding, so that no zero point and no scale of x matters but for ε.

use isa::{Dwmac, LANES, Leaf, Loop, Matmul, Operand, PARAM_ROWS};

use super::code::Code;
use super::data::{Quant, param_block};
use super::lanes::{Lanes, Second};
use super::reciprocal::{Rounds, inverse_root};

/// Fraction bits of 1/√v.
pub(crate) const ROOT_BITS: u8 = 30;
/// Bits that a product with a byte loses, so that it fits 32.
pub(crate) const GUARD: u8 = 6;
/// Fraction bits of the result before it is rounded to bytes.
pub(crate) const FRACTION: u8 = 14;
/// Of bytes, at most.
const VARIANCE: f64 = 127.5 * 127.5;
/// Fraction bits of the mean.
pub(crate) const MEAN_BITS: u8 = 23;

/// A norm over `features` of each of `rows` rows of tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Norm {
    /// Tokens, at most 32767.
    pub tokens: u16,
    /// Whether the mean is taken off (layer norm).
    pub centred: bool,
    /// The scale of the input.
    pub scale: f64,
    /// ε, in the square of real values.
    pub epsilon: f64,
    /// Factors, one a feature: 1..=16384 of them.
    pub gamma: Vec<f64>,
    /// Summands, one a feature, or none.
    pub beta: Vec<f64>,
    /// How the result is written.
    pub to: Quant,
}

/// Where a norm finds and puts things. A token has `segments` rows one after another; lanes beyond its features are
/// ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NormPlaces {
    /// Input rows of spad.
    pub input: u32,
    /// Output rows of spad; lanes beyond the features become the zero point.
    pub output: u32,
    /// A tile of ones in spad.
    pub ones: u32,
    /// The parameter blocks of [`Norm::blocks`] in spad.
    pub blocks: u32,
    /// The row32s of [`Norm::gammas`] in acc.
    pub gammas: u32,
    /// Scratch in acc: `tokens × segments` row32s.
    pub scratch: u32,
    /// Scratch in acc: 5 row32s a token.
    pub totals: u32,
    /// The sums of each token and those of its squares in acc: 2 row32s a token.
    pub sums: u32,
}

impl Norm {
    /// Rows of a token.
    #[must_use]
    pub fn segments(&self) -> u16 {
        self.gamma.len().div_ceil(LANES) as u16
    }

    fn features(&self) -> f64 {
        self.gamma.len() as f64
    }

    /// Bits that the scaled variance loses to fit 32 where it is large: an even number; or gains, if negative.
    pub(crate) fn drop_bits(&self) -> i32 {
        let n = self.features();
        let largest = VARIANCE + self.epsilon / (self.scale * self.scale);
        let bits = (largest * if self.centred { n * n } else { n }).log2().ceil() as i32 - 30;
        if bits > 0 { (bits + 1) / 2 * 2 } else { bits }
    }

    /// Whether ε is not too large beside the input's scale, by orders of magnitude.
    #[must_use]
    pub fn is_in_range(&self) -> bool {
        self.drop_bits() <= if self.centred { 28 } else { 0 }
    }

    /// What 1/√v · x must be multiplied by to become real: v is variance·n² (or mean square·n) over 2^drop.
    fn unit(&self) -> f64 {
        let n = self.features();
        let root = 2f64.powi(self.drop_bits()).sqrt();
        2f64.powi(i32::from(GUARD) - i32::from(ROOT_BITS)) / root * if self.centred { n } else { n.sqrt() }
    }

    /// The shift of the product with γ: as many bits of γ as fit.
    pub(crate) fn gamma_shift(&self) -> u8 {
        let largest = self.gamma.iter().fold(0f64, |most, g| most.max(g.abs())) * self.gamma_unit();
        let mut shift = 0;
        while shift < 60 && largest * 2f64.powi(shift + 1) < 2f64.powi(31) - 1.0 {
            shift += 1;
        }
        shift as u8
    }

    fn gamma_unit(&self) -> f64 {
        self.unit() / self.to.scale * 2f64.powi(FRACTION.into())
    }

    /// γ as row32s, one a segment, four rows each, for [`NormPlaces::gammas`].
    #[must_use]
    pub fn gammas(&self) -> Vec<Leaf> {
        self.gamma_integers().chunks(LANES).flat_map(super::data::row32).collect()
    }

    /// γ in the unit of the normalised rows, with [`Norm::gamma_shift`] fraction bits.
    pub(crate) fn gamma_integers(&self) -> Vec<i32> {
        let factor = self.gamma_unit() * 2f64.powi(self.gamma_shift().into());
        self.gamma.iter().map(|g| (g * factor).round_ties_even() as i32).collect()
    }

    /// β of a feature in steps of the result, with [`FRACTION`] fraction bits.
    pub(crate) fn bias(&self, feature: usize) -> i32 {
        let beta = self.beta.get(feature).copied().unwrap_or(0.0) / self.to.scale;
        (beta * 2f64.powi(FRACTION.into())).round_ties_even() as i32
    }

    /// β as parameter blocks, one a segment, for [`NormPlaces::blocks`].
    #[must_use]
    pub fn blocks(&self) -> Vec<[Leaf; PARAM_ROWS]> {
        let block = |segment: usize| param_block(|lane| (self.bias(segment * LANES + lane), 1, FRACTION.into()));
        (0..self.segments().into()).map(block).collect()
    }

    /// Writes it: for each row32 of input 2 rows of sums and 4 of vectors (RMS norm: 1 and 3), for each token 29 more (23),
    /// or 36 with a mean over more than 256 features.
    pub fn emit(&self, code: &mut Code, at: &NormPlaces) {
        self.emit_sums(code, at);
        self.emit_rows(code, at);
    }

    /// The first part: sums of rows and of their squares, by the matrix and the depthwise unit.
    pub fn emit_sums(&self, code: &mut Code, at: &NormPlaces) {
        self.squares(code, at, at.sums + u32::from(self.tokens));
        if self.centred {
            self.sums(code, at, Operand::new(at.sums, 1, 0));
        }
    }

    /// The second part: vectors only.
    pub fn emit_rows(&self, code: &mut Code, at: &NormPlaces) {
        let (tokens, segments) = (self.tokens, self.segments());
        let (rows, all) = (Lanes::rows(tokens), Lanes::grid(segments, tokens));
        let place = |base: u32, index: u32| Operand::new(base + index * u32::from(tokens), 1, 0);
        let [sum, squares] = [place(at.sums, 0), place(at.sums, 1)];
        let [root, g, m, t, mean] = std::array::from_fn(|index| place(at.totals, index as u32));
        code.push(rows.vsum(squares, squares));
        if self.centred {
            // Only the first lane has a sum.
            code.push(rows.vsum(sum, sum));
            self.variance(code, rows, [sum, squares, m, t, mean]);
        } else {
            let up = code.value(1 << -self.drop_bits());
            code.push(rows.vmul(squares, squares, up));
            self.add_epsilon(code, rows, squares, -self.drop_bits());
            code.push(rows.vmax(squares, squares, Second::immediate(1)));
        }
        inverse_root(code, rows, squares, [root, g], [m, t], Rounds::Three);
        if self.centred && self.drop_bits() > 0 {
            code.push(rows.vsub(t, g, Second::immediate(self.drop_bits() as u32 / 2)));
            code.push(rows.vsel(g, mean, Second::Row32(t)));
        }
        code.push(rows.vshr(root, root, Second::Row32(g), 45 - ROOT_BITS));
        let by_token = |o: Operand| Operand::new(o.base, 0, 1);
        let (scratch, x) = (self.grid(at.scratch, 1), Second::Row8(self.grid(at.input, 1)));
        code.push(all.vmulr(scratch, by_token(root), x, GUARD));
        if self.centred {
            let bits = 30 + self.gamma.len().ilog2() as u8;
            let reciprocal = code.value((2f64.powi(bits.into()) / self.features()).round_ties_even() as i32);
            code.push(rows.vmulr(mean, sum, reciprocal, bits - MEAN_BITS));
            code.push(rows.vmulr(mean, mean, Second::Row32(root), MEAN_BITS + GUARD));
            code.push(all.vsub(scratch, scratch, Second::Row32(by_token(mean))));
        }
        let gammas = Second::Row32(Operand::new(at.gammas, 1, 0));
        code.push(all.vmulr(scratch, scratch, gammas, self.gamma_shift()));
        // Tokens in the inner loop: a block is read once a segment.
        let by_segment = |base: u32| Operand::new(base, self.segments() as i16, 1);
        let all = Lanes::grid(tokens, segments);
        let (d, a) = (by_segment(at.output), by_segment(at.scratch));
        code.push(all.requant(d, a, Operand::new(at.blocks, 0, 8), self.to.zero));
    }

    /// Rows of all tokens: segments in the inner loop.
    fn grid(&self, base: u32, step: i16) -> Operand {
        Operand::new(base, step, self.segments() as i16)
    }

    /// Lanes of whole segments, and of the last if it is not whole.
    fn parts(&self) -> impl Iterator<Item = (u16, u16, u8)> {
        let (whole, rest) = ((self.gamma.len() / LANES) as u16, (self.gamma.len() % LANES) as u8);
        [(0, whole, LANES as u8), (whole, 1, rest)].into_iter().filter(|&(_, count, lanes)| count > 0 && lanes > 0)
    }

    /// The sum of each token's lanes, in the first lane; the others are 0.
    fn sums(&self, code: &mut Code, at: &NormPlaces, sum: Operand) {
        for (first, kt, k) in self.parts() {
            code.push(Matmul {
                lp: Loop::new(self.tokens, 1),
                d: sum,
                a: Operand::new(at.input + u32::from(first), self.segments() as i16, 0),
                w_base: at.ones,
                a_sk: 1,
                n: 1,
                k,
                kt,
                acc: first > 0,
                ..Matmul::default()
            });
        }
    }

    /// The sum of squares of each token's lanes, lane by lane.
    fn squares(&self, code: &mut Code, at: &NormPlaces, squares: u32) {
        for token in 0..u32::from(self.tokens) {
            for (first, kt, n) in self.parts() {
                let rows = at.input + token * u32::from(self.segments()) + u32::from(first);
                code.push(Dwmac {
                    lp: Loop::new(1, 1),
                    d: Operand::new(squares + token, 0, 0),
                    a: Operand::new(rows, 0, 0),
                    w_base: rows,
                    w_reg: 0,
                    w_sk: 1,
                    a_sk: 1,
                    n,
                    kt,
                    acc: first > 0,
                });
            }
        }
    }

    /// `squares = n·Σx² − (Σx)² + ε`, exactly where that is below 2³⁰ or so, and then `small > 0`; else over 2^drop.
    fn variance(&self, code: &mut Code, rows: Lanes, [sum, squares, exact, t, small]: [Operand; 5]) {
        let n = code.value(self.gamma.len() as i32);
        code.push(rows.vmul(exact, squares, n));
        code.push(rows.vmul(t, sum, Second::Row32(sum)));
        code.push(rows.vsub(exact, exact, Second::Row32(t)));
        let Some(drop) = u8::try_from(self.drop_bits()).ok().filter(|&drop| drop > 0) else {
            let up = code.value(1 << -self.drop_bits());
            code.push(rows.vmul(squares, exact, up));
            self.add_epsilon(code, rows, squares, -self.drop_bits());
            code.push(rows.vmax(squares, squares, Second::immediate(1)));
            return;
        };
        self.add_epsilon(code, rows, exact, 0);
        // No row that varies has less than n − 1, which is more than 2^drop.
        let least = code.value(1 << drop);
        code.push(rows.vmax(exact, exact, least));
        code.push(rows.vmulr(squares, squares, n, drop));
        code.push(rows.vmulr(t, sum, Second::Row32(sum), drop));
        code.push(rows.vsub(squares, squares, Second::Row32(t)));
        self.add_epsilon(code, rows, squares, -i32::from(drop));
        let limit = code.filled(1 << (30 - drop));
        code.push(rows.vsub(small, limit, Second::Row32(squares)));
        code.push(rows.vsel(squares, small, Second::Row32(exact)));
    }

    /// Adds ε, in a unit of which 2^up times the variance's have n² (or n).
    fn add_epsilon(&self, code: &mut Code, rows: Lanes, squares: Operand, up: i32) {
        let epsilon = code.value(self.epsilon_integer(up));
        code.push(rows.vadd(squares, squares, epsilon));
    }

    /// ε in that unit.
    pub(crate) fn epsilon_integer(&self, up: i32) -> i32 {
        let n = self.features();
        let unit = 2f64.powi(up) * if self.centred { n * n } else { n };
        let epsilon = (self.epsilon / (self.scale * self.scale) * unit).round_ties_even();
        epsilon.min(f64::from(1 << 30)) as i32
    }
}
