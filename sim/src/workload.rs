//! Programs made by hand, to time engines by: what an inference runtime calls one operator, with its data.
//!
//! Activations and results are int8; a runtime's uint8 with zero point 128 is the same number.

use isa::program::{Metadata, Program};
use isa::random::Rng;
use isa::{
    Halt, Instr, LANES, Leaf, Load, Loop, Matmul, Operand, Profile, Requant, Row32, Store, Subtree, Wide, param_word,
    row32_leaves,
};

/// A program with a request.
#[derive(Clone, Debug)]
pub struct Workload {
    /// What it does, in a word.
    pub name: &'static str,
    /// The program.
    pub program: Program,
    /// Rows of its input.
    pub input: Vec<Leaf>,
    /// The activations: [m, k] of the product; [y, x, channel] of the convolution.
    pub activations: Vec<i8>,
    /// The weights: [k, n] of the product; [ky, kx, input channel, output channel] of the convolution.
    pub weights: Vec<i8>,
    /// Results lie row by row in the output region: [m, n] or [y, x, channel], int8, or int32 in lanes.
    pub results: usize,
    /// Multiplications.
    pub macs: u64,
    /// Results are sums / 2^shift, rounded to nearest even and clamped to int8.
    pub shift: u32,
}

/// What a workload leaves in its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Results {
    /// Requantised rows.
    Int8,
    /// The sums as they are.
    Int32,
}

/// A bound of weights: the sum of two products with unsigned bytes holds in 16 bits. What runtimes ask for
/// (`reduce_range`) where their kernels would saturate.
pub const REDUCED: i16 = 64;
/// The bound that int8 itself has.
pub const FULL: i16 = 128;

const MULTIPLIER: u32 = 1 << 23;
const SIDE: usize = 1024;
const TILES: usize = SIDE / LANES;

fn bytes(rng: &mut Rng, count: usize, bound: i16) -> Vec<i8> {
    let byte = |rng: &mut Rng| (rng.below(2 * bound.unsigned_abs() as u64) as i16 - bound) as i8;
    (0..count).map(|_| byte(rng)).collect()
}

fn leaves(bytes: &[i8]) -> Vec<Leaf> {
    bytes.as_chunks::<LANES>().0.iter().map(|row| row.map(i8::cast_unsigned)).collect()
}

/// A parameter block that divides by 2^shift.
fn parameters(shift: u32) -> Vec<Leaf> {
    let scale: Row32 = [param_word(MULTIPLIER, shift + MULTIPLIER.trailing_zeros()); LANES];
    [row32_leaves(&[0; LANES]), row32_leaves(&scale)].concat()
}

fn program(profile: Profile, text: &[Instr], constant: Vec<Leaf>) -> Program {
    let profile = Profile { limit: 1 << 40, text: 8, ..profile };
    Program { profile, metadata: Metadata::default(), text: text.iter().map(Instr::encode).collect(), constant }
}

fn load(region: Subtree, lp: Loop, d: Operand, row: usize, s1: i32) -> Instr {
    Load { lp, d, m: Wide::new(row as u32, 1, s1), region: region as u8, space: false }.into()
}

/// The end of a strip of 32 outputs in acc: requantised into spad from `d` on, or stored as it is.
fn finish(results: Results, rows: u16, strip: usize, strips: usize, to: usize, parameters: usize) -> Instr {
    match results {
        Results::Int8 => Requant {
            lp: Loop::new(rows, 1),
            d: Operand::new((to + strip) as u32, strips as i16, 0),
            a: Operand::new(0, 1, 0),
            b: Operand::new(parameters as u32, 0, 0),
            n: 32,
            zp: 0,
            lo: i8::MIN,
            hi: i8::MAX,
        }
        .into(),
        Results::Int32 => Store {
            lp: Loop::new(rows, 1),
            d: Operand::new(0, 1, 0),
            m: Wide::new(4 * strip as u32, 4 * strips as i32, 0),
            region: Subtree::Output as u8,
            space: true,
        }
        .into(),
    }
}

fn end(results: Results, rows: usize, from: usize) -> Vec<Instr> {
    let store = Store {
        lp: Loop::new(rows as u16, 1),
        d: Operand::new(from as u32, 1, 0),
        m: Wide::new(0, 1, 0),
        region: Subtree::Output as u8,
        space: false,
    };
    if results == Results::Int8 { vec![store.into(), Halt {}.into()] } else { vec![Halt {}.into()] }
}

/// A matrix product 1024 × 1024 × 1024; weights lie in -bound..bound.
#[must_use]
pub fn product(results: Results, bound: i16) -> Workload {
    let mut rng = Rng::new(1);
    let (activations, weights) = (bytes(&mut rng, SIDE * SIDE, 128), bytes(&mut rng, SIDE * SIDE, bound));
    let mut tiles = Vec::with_capacity(SIDE * SIDE);
    for column in (0..SIDE).step_by(LANES) {
        (0..SIDE).for_each(|k| tiles.extend(&weights[k * SIDE + column..][..LANES]));
    }
    let rows = SIDE * TILES;
    let (w, block, out) = (rows, 2 * rows, 4 * rows);
    let shift = 13;
    let constant = [leaves(&tiles), parameters(shift)].concat();
    let mut text = vec![
        load(Subtree::Input, Loop::new(rows as u16, 1), Operand::new(0, 1, 0), 0, 0),
        load(Subtree::Const, Loop::new(rows as u16, 1), Operand::new(w as u32, 1, 0), 0, 0),
        load(Subtree::Const, Loop::new(8, 1), Operand::new(block as u32, 1, 0), rows, 0),
    ];
    for strip in 0..TILES {
        text.push(
            Matmul {
                lp: Loop::new(SIDE as u16, 1),
                d: Operand::new(0, 1, 0),
                a: Operand::new(0, TILES as i16, 0),
                w_base: (w + strip * SIDE) as u32,
                w_sk: 32,
                a_sk: 1,
                n: 32,
                k: 32,
                kt: TILES as u16,
                ..Matmul::default()
            }
            .into(),
        );
        text.push(finish(results, SIDE as u16, strip, TILES, out, block));
    }
    text.extend(end(results, rows, out));
    let profile = Profile { constant: 16, input: 15, output: 17, spad: 18, acc: 10, ..Profile::default() };
    Workload {
        name: "matmul",
        program: program(profile, &text, constant),
        input: leaves(&activations),
        activations,
        weights,
        results: SIDE * SIDE,
        macs: (SIDE * SIDE * SIDE) as u64,
        shift,
    }
}

/// A convolution 3 × 3, padded by one, of 56 × 56 pixels of 64 channels to 64; weights lie in -bound..bound.
#[must_use]
pub fn convolution(results: Results, bound: i16) -> Workload {
    const EDGE: usize = 56;
    const CHANNELS: usize = 64;
    const STRIPS: usize = CHANNELS / LANES;
    const LINE: usize = (EDGE + 2) * STRIPS;
    let mut rng = Rng::new(2);
    let activations = bytes(&mut rng, EDGE * EDGE * CHANNELS, 128);
    let weights = bytes(&mut rng, 9 * CHANNELS * CHANNELS, bound);
    let mut tiles = Vec::with_capacity(weights.len());
    for strip in 0..STRIPS {
        for row in weights.chunks(CHANNELS) {
            tiles.extend(&row[strip * LANES..][..LANES]);
        }
    }
    let (pixels, tile_rows) = (EDGE * EDGE, tiles.len() / LANES);
    let (w, block, out) = (LINE * (EDGE + 2), LINE * (EDGE + 2) + tile_rows, 1 << 13);
    let (w, block) = (w.next_multiple_of(32), block.next_multiple_of(32));
    let shift = 12;
    let constant = [leaves(&tiles), parameters(shift)].concat();
    let inside = Operand::new((LINE + STRIPS) as u32, 1, LINE as i16);
    let lines = Loop::new((EDGE * STRIPS) as u16, EDGE as u16);
    let mut text = vec![
        load(Subtree::Input, lines, inside, 0, (EDGE * STRIPS) as i32),
        load(Subtree::Const, Loop::new(tile_rows as u16, 1), Operand::new(w as u32, 1, 0), 0, 0),
        load(Subtree::Const, Loop::new(8, 1), Operand::new(block as u32, 1, 0), tile_rows, 0),
    ];
    for strip in 0..STRIPS {
        for ky in 0..3 {
            let taps = 3 * STRIPS;
            text.push(
                Matmul {
                    lp: Loop::new(EDGE as u16, EDGE as u16),
                    d: Operand::new(0, 1, EDGE as i16),
                    a: Operand::new((ky * LINE) as u32, STRIPS as i16, LINE as i16),
                    w_base: (w + (strip * 3 + ky) * taps * 32) as u32,
                    w_sk: 32,
                    a_sk: 1,
                    n: 32,
                    k: 32,
                    kt: taps as u16,
                    acc: ky > 0,
                    ..Matmul::default()
                }
                .into(),
            );
        }
        text.push(finish(results, pixels as u16, strip, STRIPS, out * 2, block));
    }
    text.extend(end(results, pixels * STRIPS, out * 2));
    let profile = Profile { constant: 11, input: 13, output: 15, spad: 15, acc: 12, ..Profile::default() };
    Workload {
        name: "conv",
        program: program(profile, &text, constant),
        input: leaves(&activations),
        activations,
        weights,
        results: pixels * CHANNELS,
        macs: (pixels * 9 * CHANNELS * CHANNELS) as u64,
        shift,
    }
}
