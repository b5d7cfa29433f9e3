//! A fully connected layer, 2,048 inputs to 1,000 outputs, one row: a stream of weights.
//!
//! Tiles pass through a ring of six banks. The last 8 outputs are transposed tiles, of which only 8 rows need to come;
//! they are the first, so that what remains to be done when the last weights have come is little.

use isa::random::Rng;
use isa::{LANES, Leaf, Matmul, Requant, Subtree};

use super::numbers::{Image, Scales, Window, bytes, convolution, leaves, tiles};
use super::text::{Text, counts, numbered, rows, wide};
use super::{Ideal, Kernel, program};

const INPUTS: usize = 2048;
const OUTPUTS: usize = 1000;
/// Tiles of a strip of outputs.
const TILES: usize = INPUTS / 32;
/// Whole strips of outputs, and outputs of the last one.
const STRIPS: usize = OUTPUTS / 32;
const REST: usize = OUTPUTS % 32;
/// Tiles that come at once.
const CHUNK: usize = 16;

/// Rows of the ring of tiles.
const RING: usize = 6 * 1024;
const INPUT: usize = RING + 1024;
const PARAMETERS: usize = INPUT + TILES;
const RESULT: usize = PARAMETERS + 8 * (STRIPS + 1);
/// The rest's tiles lie in DRAM behind the parameters.
const REST_AT: usize = STRIPS * INPUTS + 8 * (STRIPS + 1);
const ZERO_POINT: i8 = -9;

// Place in the ring, weights in DRAM, strip, its parameters; constants.
numbered!(u8, 1; PLACE, NEXT, STRIP, BLOCK, TURN, END);

pub(super) fn kernel() -> Kernel {
    let mut rng = Rng::new(13);
    let image = Image::random(&mut rng, [1, 1, INPUTS], 0);
    let weights = bytes(&mut rng, INPUTS * OUTPUTS);
    let scales = Scales::random(&mut rng, OUTPUTS, 250_000.0, ZERO_POINT);
    let window = Window { edge: 1, stride: 1, padding: 0 };
    let expected = convolution(&image, window, &weights, &scales, [1, 1]);
    let mut constant = tiles(&weights, OUTPUTS);
    constant.truncate(STRIPS * INPUTS);
    constant.extend(scales.blocks());
    constant.extend(rest(&weights));
    let ideal = Ideal {
        matrix: Ideal::products(1, INPUTS, OUTPUTS),
        vector: Ideal::vectors(STRIPS + 1),
        bytes: (image.bytes.len() + weights.len() + scales.bytes() + expected.len()) as u64,
        ..Ideal::default()
    };
    let input = leaves(&image.bytes);
    Kernel {
        name: "fully connected",
        shape: "2048 → 1000, one row",
        program: program(text(), constant, &input, STRIPS + 1),
        input,
        expected,
        tolerance: 0,
        macs: (INPUTS * OUTPUTS) as u64,
        ideal,
    }
}

/// The last outputs' weights as rows of transposed tiles: a row for each output, tile after tile.
fn rest(weights: &[i8]) -> Vec<Leaf> {
    let row = |at: usize| {
        let (tile, output) = (at / REST, STRIPS * LANES + at % REST);
        std::array::from_fn(|input| weights[(tile * LANES + input) * OUTPUTS + output].cast_unsigned())
    };
    (0..TILES * REST).map(row).collect()
}

fn text() -> Vec<Leaf> {
    let mut text = Text::default();
    text.load(Subtree::Input, counts(TILES, 1), rows(INPUT, 0, 1, 0), wide(0, 0, 1, 0));
    for first in (0..TILES).step_by(CHUNK) {
        let from = wide(REST_AT + first * REST, 0, 1, REST);
        text.load(Subtree::Const, counts(REST, CHUNK), rows(first * 32, 0, 1, 32), from);
        let rest = Matmul { w_base: first as u32 * 32, n: REST as u8, tr: true, ..product(first, STRIPS, 0) };
        text.matmul(rest);
    }
    let blocks = rows(PARAMETERS, 0, 1, 0);
    text.load(Subtree::Const, counts(8 * (STRIPS + 1), 1), blocks, wide(STRIPS * INPUTS, 0, 1, 0));
    let result = requant(REST, (STRIPS, 0), (STRIPS, 0));
    text.push(result);
    for (register, value) in
        [(PLACE, TILES * 32), (NEXT, 0), (STRIP, 0), (BLOCK, 0), (TURN, RING), (END, STRIPS * INPUTS)]
    {
        text.set(register, value);
    }
    let strip = text.here();
    for first in (0..TILES).step_by(CHUNK) {
        let at = first * 32;
        text.load(Subtree::Const, counts(CHUNK * 32, 1), rows(at, PLACE, 1, 0), wide(at, NEXT, 1, 0));
        text.matmul(Matmul { w_base: at as u32, w_reg: PLACE, ..product(first, 0, STRIP) });
    }
    text.push(requant(LANES, (0, STRIP), (0, BLOCK)));
    text.wrap(PLACE, TILES * 32, TURN);
    text.add(NEXT, INPUTS);
    text.add(STRIP, 1);
    text.add(BLOCK, 8);
    text.unless_equal(NEXT, END, strip);
    text.store(counts(STRIPS + 1, 1), rows(RESULT, 0, 1, 0), wide(0, 0, 1, 0));
    text.finish()
}

/// The products of a chunk, from tile `first` of a strip on.
fn product(first: usize, strip: usize, reg: u8) -> Matmul {
    Matmul {
        lp: counts(1, 1),
        d: rows(strip, reg, 0, 0),
        a: rows(INPUT + first, 0, 0, 0),
        a_sk: 1,
        w_sk: 32,
        n: 32,
        k: 32,
        kt: CHUNK as u16,
        acc: first > 0,
        ..Matmul::default()
    }
}

/// A strip's results, from its sums and parameters.
fn requant(n: usize, (strip, reg): (usize, u8), (block, block_reg): (usize, u8)) -> Requant {
    Requant {
        lp: counts(1, 1),
        d: rows(RESULT + strip, reg, 0, 0),
        a: rows(strip, reg, 0, 0),
        b: rows(PARAMETERS + 8 * block, block_reg, 0, 0),
        n: n as u8,
        zp: ZERO_POINT,
        lo: i8::MIN,
        hi: i8::MAX,
    }
}
