//! A convolution 1 × 1 of 28 × 28 pixels of 256 channels to 256.
//!
//! The weights stay in spad. Four lines are a block. The first block goes input by input, so that products begin with
//! the first tile that has come, and its sums fill acc; the others go output by output. The eight strips of sums of a
//! block lie so that one after another is in another bank of acc.
//!
//! Activations lie by strips of 32 channels, [strip, pixel, lane], here and in DRAM: all transfers are long.

use isa::random::Rng;
use isa::{Matmul, Subtree};

use super::numbers::{Image, Scales, Window, bytes, convolution, leaves, tiles};
use super::text::{Text, counts, numbered, rows, wide};
use super::{Ideal, Kernel, program};

const EDGE: usize = 28;
const PIXELS: usize = EDGE * EDGE;
const CHANNELS: usize = 256;
const STRIPS: usize = CHANNELS / 32;
/// Pixels of a block.
const BLOCK: usize = 4 * EDGE;
/// Rows of a bank.
const BANK: usize = 1024;
/// Rows of weights of one strip of inputs in spad, and of one strip of outputs in DRAM.
const TILES: usize = STRIPS * 32;

/// Three blocks of input, a bank each.
const INPUT: usize = 2 * BANK;
/// Two blocks of results, a bank each.
const RESULT: usize = 5 * BANK;
const PARAMETERS: usize = 7 * BANK;
const ZERO_POINT: i8 = 7;

// The block's input, the next block's, its results; the next pixels to load and to store; constants.
numbered!(u8, 1; FROM, INTO, TO, NEXT, DONE, INPUTS, RESULTS, END);

pub(super) fn kernel() -> Kernel {
    let mut rng = Rng::new(12);
    let image = Image::random(&mut rng, [EDGE, EDGE, CHANNELS], 0);
    let weights = bytes(&mut rng, CHANNELS * CHANNELS);
    let scales = Scales::random(&mut rng, CHANNELS, 90_000.0, ZERO_POINT);
    let window = Window { edge: 1, stride: 1, padding: 0 };
    let expected = by_strips(&convolution(&image, window, &weights, &scales, [EDGE, EDGE]));
    let constant = [tiles(&weights, CHANNELS), scales.blocks()].concat();
    let input = leaves(&by_strips(&image.bytes));
    let ideal = Ideal {
        matrix: Ideal::products(PIXELS, CHANNELS, CHANNELS),
        vector: Ideal::vectors(PIXELS * STRIPS),
        bytes: (image.bytes.len() + weights.len() + scales.bytes() + expected.len()) as u64,
        ..Ideal::default()
    };
    Kernel {
        name: "dense 1×1",
        shape: "28×28×256 → 256",
        program: program(text(), constant, &input, PIXELS * STRIPS),
        input,
        expected,
        tolerance: 0,
        macs: (PIXELS * CHANNELS * CHANNELS) as u64,
        ideal,
    }
}

/// [pixel, channel] as [strip, pixel, lane].
fn by_strips(bytes: &[i8]) -> Vec<i8> {
    let strip = |strip: usize| bytes.chunks(CHANNELS).flat_map(move |pixel| &pixel[strip * 32..][..32]);
    (0..STRIPS).flat_map(strip).copied().collect()
}

/// Where the sums of a strip lie in acc.
fn sums(strip: usize) -> usize {
    strip % 4 * 256 + strip / 4 * 128
}

fn text() -> Vec<isa::Leaf> {
    let mut text = Text::default();
    first(&mut text);
    let values = [
        (FROM, BANK),
        (INTO, 2 * BANK),
        (TO, BANK),
        (NEXT, 2 * BLOCK),
        (DONE, BLOCK),
        (INPUTS, 3 * BANK),
        (RESULTS, BANK),
    ];
    for (register, value) in values {
        text.set(register, value);
    }
    text.set(END, PIXELS);
    let block = text.here();
    let loaded = text.label();
    text.unless_less(NEXT, END, loaded);
    input(&mut text, INTO, (0, NEXT));
    text.add(NEXT, BLOCK);
    text.place(loaded);
    for strip in 0..STRIPS {
        text.matmul(product(strip, (0, STRIPS), FROM, false));
        requant(&mut text, strip, TO);
        let place = rows(RESULT + strip * BLOCK, TO, 1, 0);
        text.store(counts(BLOCK, 1), place, wide(strip * PIXELS, DONE, 1, 0));
    }
    text.wrap(FROM, BANK, INPUTS);
    text.wrap(INTO, BANK, INPUTS);
    text.other(TO, RESULTS);
    text.add(DONE, BLOCK);
    text.unless_equal(DONE, END, block);
    text.finish()
}

/// The first block, with the weights, input by input; what the products of one input need comes under those before.
fn first(text: &mut Text) {
    strip_of(text, 0);
    tiles_of(text, 0, 0, 1);
    text.matmul(product(0, (0, 1), 0, false));
    tiles_of(text, 0, 1, STRIPS - 1);
    for inputs in 0..STRIPS {
        if inputs + 1 < STRIPS {
            strip_of(text, inputs + 1);
            tiles_of(text, inputs + 1, 0, STRIPS);
        } else {
            let blocks = rows(PARAMETERS, 0, 1, 0);
            text.load(Subtree::Const, counts(8 * STRIPS, 1), blocks, wide(STRIPS * TILES, 0, 1, 0));
            input(text, 0, (BLOCK, 0));
        }
        for strip in usize::from(inputs == 0)..STRIPS {
            text.matmul(product(strip, (inputs, 1), 0, inputs > 0));
            if inputs + 1 == STRIPS {
                requant(text, strip, 0);
            }
        }
    }
    text.store(counts(BLOCK, STRIPS), rows(RESULT, 0, 1, BLOCK), wide(0, 0, 1, PIXELS));
}

/// Loads a strip of the first block.
fn strip_of(text: &mut Text, inputs: usize) {
    let strip = wide(inputs * PIXELS, 0, 1, 0);
    text.load(Subtree::Input, counts(BLOCK, 1), rows(INPUT + inputs * BLOCK, 0, 1, 0), strip);
}

/// Loads the tiles of a strip of inputs for some strips of outputs. They lie together in spad: were their rows between
/// those of others, the products of other inputs would have to wait.
fn tiles_of(text: &mut Text, inputs: usize, first: usize, count: usize) {
    let place = rows(inputs * TILES + first * 32, 0, 1, 32);
    text.load(Subtree::Const, counts(32, count), place, wide(first * TILES + inputs * 32, 0, 1, TILES));
}

/// Loads a block of input from pixel `first + x[reg]` on: to `x[into]`, or the second place.
fn input(text: &mut Text, into: u8, (first, reg): (usize, u8)) {
    let place = if into == 0 { INPUT + BANK } else { INPUT };
    text.load(Subtree::Input, counts(BLOCK, STRIPS), rows(place, into, 1, BLOCK), wide(first, reg, 1, PIXELS));
}

/// Products of some strips of input with the tiles of a strip of outputs.
fn product(strip: usize, (inputs, count): (usize, usize), from: u8, acc: bool) -> Matmul {
    Matmul {
        lp: counts(BLOCK, 1),
        d: rows(sums(strip), 0, 1, 0),
        a: rows(INPUT + inputs * BLOCK, from, 1, 0),
        a_sk: BLOCK as i16,
        w_base: (inputs * TILES + strip * 32) as u32,
        w_sk: TILES as i16,
        n: 32,
        k: 32,
        kt: count as u16,
        acc,
        ..Matmul::default()
    }
}

fn requant(text: &mut Text, strip: usize, to: u8) {
    let place = rows(RESULT + strip * BLOCK, to, 1, 0);
    let block = rows(PARAMETERS + 8 * strip, 0, 0, 0);
    text.requant(counts(BLOCK, 1), place, rows(sums(strip), 0, 1, 0), block, ZERO_POINT);
}
