//! A convolution 3 × 3 of 56 × 56 pixels of 64 channels to 64, padded by one.
//!
//! The whole padded map lies in spad. Four output lines are a block; its sums of one strip of 32 outputs fill most of a
//! bank of acc, both strips two banks, and the next block takes the other two. Results take the place of lines at the
//! other end of the map, which have not come yet or are no longer needed: there the stores meet no products.

use isa::random::Rng;
use isa::{Matmul, Subtree};

use super::numbers::{Image, Scales, Window, bytes, convolution, leaves, tiles};
use super::text::{Text, counts, numbered, rows, wide};
use super::{Ideal, Kernel, program};

const EDGE: usize = 56;
const CHANNELS: usize = 64;
const STRIPS: usize = CHANNELS / 32;
/// Rows of a padded line.
const PITCH: usize = (EDGE + 2) * STRIPS;
/// Rows of a line of the image.
const LINE: usize = EDGE * STRIPS;
/// Output lines of a block, and blocks.
const LINES: usize = 4;
const BLOCKS: usize = EDGE / LINES;
/// Tiles of one line of the window.
const TAPS: usize = 3 * STRIPS;
/// Rows of weights for one strip of outputs and one line of the window.
const WEIGHTS: usize = TAPS * 32;

const MAP: usize = STRIPS * 3 * WEIGHTS + 32;
const PARAMETERS: usize = MAP + (EDGE + 2) * PITCH;
const ZERO_POINT: i8 = -3;

// First row of the padded line from which the block's window goes; its half of acc; where its results go.
numbered!(u8, 1; TOP, HALF, RESULT);
// The next rows to load and to store; constants.
numbered!(u8, 4; NEXT, DONE, ACC, END, TURN);

pub(super) fn kernel() -> Kernel {
    let mut rng = Rng::new(11);
    let image = Image::random(&mut rng, [EDGE, EDGE, CHANNELS], ZERO_POINT);
    let weights = bytes(&mut rng, 9 * CHANNELS * CHANNELS);
    let scales = Scales::random(&mut rng, CHANNELS, 130_000.0, 5);
    let window = Window { edge: 3, stride: 1, padding: 1 };
    let expected = convolution(&image, window, &weights, &scales, [EDGE, EDGE]);
    let constant = [tiles(&weights, CHANNELS), scales.blocks()].concat();
    let input = leaves(&image.bytes);
    let macs = EDGE * EDGE * 9 * CHANNELS * CHANNELS;
    let ideal = Ideal {
        matrix: Ideal::products(EDGE * EDGE, 9 * CHANNELS, CHANNELS),
        vector: Ideal::vectors(EDGE * LINE),
        bytes: (image.bytes.len() + weights.len() + scales.bytes() + expected.len()) as u64,
        ..Ideal::default()
    };
    Kernel {
        name: "dense 3×3",
        shape: "56×56×64 → 64",
        program: program(text(), constant, &input, EDGE * LINE),
        input,
        expected,
        tolerance: 0,
        macs: macs as u64,
        ideal,
    }
}

fn text() -> Vec<isa::Leaf> {
    let mut text = Text::default();
    let sides = |text: &mut Text, line: usize, lines: usize| {
        // The last pixel of a line and the first of the next.
        text.fill(counts(2 * STRIPS, lines), rows(MAP + (line + 1) * PITCH - STRIPS, 0, 1, PITCH), ZERO_POINT);
    };
    text.fill(counts(PITCH + STRIPS, 1), rows(MAP, 0, 1, 0), ZERO_POINT);
    sides(&mut text, 1, 7);
    weights(&mut text, 0, 1);
    image(&mut text, 0, 5);
    weights(&mut text, 1, 2);
    weights(&mut text, 3, 3);
    image(&mut text, 5, 3);
    sides(&mut text, 8, EDGE + 1 - 9);
    text.fill(counts(PITCH + STRIPS, 1), rows(MAP + (EDGE + 1) * PITCH - STRIPS, 0, 1, 0), ZERO_POINT);
    let blocks = STRIPS * 3 * WEIGHTS;
    text.load(Subtree::Const, counts(8 * STRIPS, 1), rows(PARAMETERS, 0, 1, 0), wide(blocks, 0, 1, 0));
    for (register, value) in [
        (TOP, 0),
        (HALF, 0),
        (RESULT, BLOCKS / 2 * LINES * PITCH),
        (NEXT, 8 * LINE),
        (DONE, 0),
        (ACC, 512),
        (END, EDGE * LINE),
        (TURN, BLOCKS * LINES * PITCH),
    ] {
        text.set(register, value);
    }
    let block = text.here();
    let loaded = text.label();
    text.unless_less(NEXT, END, loaded);
    let lines = counts(LINE, LINES);
    text.load(Subtree::Input, lines, rows(MAP + 9 * PITCH + STRIPS, TOP, 1, PITCH), wide(0, NEXT, 1, LINE));
    text.add(NEXT, LINES * LINE);
    text.place(loaded);
    for strip in 0..STRIPS {
        products(&mut text, strip);
        text.requant(
            counts(EDGE, LINES),
            rows(MAP + STRIPS + strip, RESULT, STRIPS, PITCH),
            rows(strip * 256, HALF, 1, EDGE),
            rows(PARAMETERS + 8 * strip, 0, 0, 0),
            5,
        );
    }
    text.store(lines, rows(MAP + STRIPS, RESULT, 1, PITCH), wide(0, DONE, 1, LINE));
    text.other(HALF, ACC);
    text.add(TOP, LINES * PITCH);
    text.wrap(RESULT, LINES * PITCH, TURN);
    text.add(DONE, LINES * LINE);
    text.unless_equal(DONE, END, block);
    text.finish()
}

/// Loads the weights of so many lines of the window.
fn weights(text: &mut Text, first: usize, count: usize) {
    let at = first * WEIGHTS;
    text.load(Subtree::Const, counts(count * WEIGHTS, 1), rows(at, 0, 1, 0), wide(at, 0, 1, 0));
}

/// Loads lines of the image.
fn image(text: &mut Text, first: usize, count: usize) {
    let place = rows(MAP + (first + 1) * PITCH + STRIPS, 0, 1, PITCH);
    text.load(Subtree::Input, counts(LINE, count), place, wide(first * LINE, 0, 1, LINE));
}

/// The sums of a block and strip.
fn products(text: &mut Text, strip: usize) {
    for line in 0..3 {
        text.matmul(Matmul {
            lp: counts(EDGE, LINES),
            d: rows(strip * 256, HALF, 1, EDGE),
            a: rows(MAP + line * PITCH, TOP, STRIPS, PITCH),
            a_sk: 1,
            w_base: ((strip * 3 + line) * WEIGHTS) as u32,
            w_sk: 32,
            n: 32,
            k: 32,
            kt: TAPS as u16,
            acc: line > 0,
            ..Matmul::default()
        });
    }
}
