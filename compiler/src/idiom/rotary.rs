//! Rotary position embedding of heads of 32 lanes: lane j turns with lane j + 16 by position · θ_j.

use isa::{Dwmac, Instr, Leaf, Loop, Move, Operand, Wide};

use super::data::row;
use super::lanes::Lanes;

/// Lanes that turn with another 16.
const HALF: usize = 16;
/// What a cosine of 1 is in a table row.
pub const ONE: f64 = 127.0;

/// Angle of a pair of lanes at a position: position · 10000^(−j/16).
#[must_use]
pub fn angle(position: usize, pair: usize) -> f64 {
    position as f64 * 10_000f64.powf(-(pair as f64) / HALF as f64)
}

/// The two table rows of a position: cosines, then sines, negative in the first half; in steps of 1/127.
#[must_use]
pub fn table(position: usize) -> [Leaf; 2] {
    let lanes = |f: &dyn Fn(usize) -> f64| {
        row(&std::array::from_fn::<i8, 32, _>(|lane| (f(lane) * ONE).round_ties_even() as i8))
    };
    let sine =
        |lane: usize| if lane < HALF { -angle(position, lane).sin() } else { angle(position, lane - HALF).sin() };
    [lanes(&|lane| angle(position, lane % HALF).cos()), lanes(&sine)]
}

/// Where the rows of `heads` heads of one token are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotaryPlaces {
    /// The heads' rows in spad.
    pub heads: u32,
    /// Scratch in spad, a row a head, behind the heads: their halves exchanged.
    pub exchanged: u32,
    /// Rows of all positions in spad: see [`table`].
    pub table: u32,
    /// Register that holds twice the position.
    pub position: u8,
    /// Scratch in acc, a row32 a head.
    pub scratch: u32,
    /// Parameter block in spad: the factor 1/127 times the ratio of scales.
    pub block: u32,
    /// Result rows in spad.
    pub output: u32,
}

/// Writes it: two byte moves, a product of two taps and a rounding for each head.
#[must_use]
pub fn rotate(heads: u16, at: &RotaryPlaces) -> Vec<Instr> {
    let lp = Loop::new(heads, 1);
    let exchange = |from: usize, to: usize| Move {
        lp,
        d: Operand::new(at.exchanged, 1, 0),
        m: Wide::new(at.heads * 32 + from as u32, 32, 0),
        n: HALF as u8,
        offset: to as u8,
    };
    let turn = Dwmac {
        lp,
        d: Operand::new(at.scratch, 1, 0),
        a: Operand::new(at.heads, 1, 0),
        w_base: at.table,
        w_reg: at.position,
        w_sk: 1,
        a_sk: (at.exchanged - at.heads) as i16,
        n: 32,
        kt: 2,
        acc: false,
    };
    let (d, a, b) = (Operand::new(at.output, 1, 0), Operand::new(at.scratch, 1, 0), Operand::new(at.block, 0, 0));
    vec![exchange(HALF, 0).into(), exchange(0, HALF).into(), turn.into(), Lanes::rows(heads).requant(d, a, b, 0)]
}
