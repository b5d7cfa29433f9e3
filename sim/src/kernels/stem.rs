//! A convolution 7 × 7 of 224 × 224 pixels of 3 channels to 64, stride 2, padded by three: a network's first layer.
//!
//! Pixels are packed, three bytes each. `MOVE` gathers the 147 bytes under a window into five rows, while the products
//! of the block before go over its own: 9 whole sub-arrays of inputs and 3 bytes of a tenth.

use isa::random::Rng;
use isa::{Leaf, Matmul, Move, Subtree};

use super::numbers::{Image, Scales, Window, bytes, convolution, leaves, tiles};
use super::text::{Text, counts, numbered, rows, wide};
use super::{Ideal, Kernel, program};

const EDGE: usize = 224;
const COLOURS: usize = 3;
const TAPS: usize = 7;
const PADDING: usize = 3;
const OUT: usize = EDGE / 2;
const CHANNELS: usize = 64;
const STRIPS: usize = CHANNELS / 32;
/// Inputs of a product, and rows that hold them.
const INPUTS: usize = TAPS * TAPS * COLOURS;
const GATHERED: usize = INPUTS.div_ceil(32);
/// Rows of a line of the image, and of one with its padding, which also is the next line's.
const LINE: usize = EDGE * COLOURS / 32;
const PITCH: usize = LINE + 1;
/// Padded lines under all windows.
const LINES: usize = 2 * (OUT - 1) + TAPS;
/// Output lines of a block, and its pixels.
const BLOCK: usize = 2;
const PIXELS: usize = BLOCK * OUT;
/// Lines of the image that come with a block, and before the first.
const STEP: usize = 2 * BLOCK;
const AHEAD: usize = 12;

// Spad: gathered rows of even and of odd blocks, the image; in the last bank, apart from the gathered rows that are read
// with them, weights, and parameters and results.
const ODD: usize = PIXELS * GATHERED;
const MAP: usize = 2 * PIXELS * GATHERED;
const WEIGHTS: usize = 231 * 32;
const PARAMETERS: usize = WEIGHTS + STRIPS * GATHERED * 32;
const RESULT: usize = PARAMETERS + STRIPS * 8;
const ZERO_POINT: i8 = -14;

// The block's gathered rows and half of acc; its first byte; places of rows to load, to load from and to store; constants.
numbered!(u8, 1; BUFFER, HALF, BYTE, PLACE, NEXT, DONE, BUFFERS, HALVES, END, LAST);

pub(super) fn kernel() -> Kernel {
    let mut rng = Rng::new(16);
    let image = Image::random(&mut rng, [EDGE, EDGE, COLOURS], ZERO_POINT);
    let weights = bytes(&mut rng, INPUTS * CHANNELS);
    let scales = Scales::random(&mut rng, CHANNELS, 66_000.0, -20);
    let window = Window { edge: TAPS, stride: 2, padding: PADDING };
    let expected = convolution(&image, window, &weights, &scales, [OUT, OUT]);
    let constant = [tiles(&weights, CHANNELS), scales.blocks()].concat();
    let input = leaves(&image.bytes);
    let ideal = Ideal {
        matrix: Ideal::products(OUT * OUT, INPUTS, CHANNELS),
        vector: Ideal::vectors(OUT * OUT * STRIPS),
        bytes: (image.bytes.len() + weights.len() + scales.bytes() + expected.len()) as u64,
        ..Ideal::default()
    };
    Kernel {
        name: "stem 7×7 /2",
        shape: "224×224×3 → 64",
        program: program(text(), constant, &input, OUT * OUT * STRIPS),
        input,
        expected,
        tolerance: 0,
        macs: (OUT * OUT * INPUTS * CHANNELS) as u64,
        ideal,
    }
}

fn text() -> Vec<Leaf> {
    let mut text = Text::default();
    text.fill(counts(PADDING * PITCH + 1, 1), rows(MAP, 0, 1, 0), ZERO_POINT);
    sides(&mut text, PADDING + 1, AHEAD);
    image(&mut text, 0, TAPS - PADDING);
    let weights = STRIPS * GATHERED * 32;
    text.load(Subtree::Const, counts(weights + 8 * STRIPS, 1), rows(WEIGHTS, 0, 1, 0), wide(0, 0, 1, 0));
    image(&mut text, TAPS - PADDING, AHEAD - (TAPS - PADDING));
    // The first block line by line, so that products begin early.
    for line in 0..BLOCK {
        gather(&mut text, line, 1);
        products(&mut text, line, 1);
    }
    let below = LINES - EDGE - PADDING;
    sides(&mut text, PADDING + AHEAD + 1, EDGE - AHEAD);
    text.fill(counts(below * PITCH, 1), rows(MAP + (EDGE + PADDING) * PITCH + 1, 0, 1, 0), ZERO_POINT);
    for (register, value) in [
        (BUFFER, 0),
        (HALF, 0),
        (BYTE, STEP * PITCH * 32),
        (PLACE, AHEAD * PITCH),
        (NEXT, AHEAD * LINE),
        (DONE, 0),
        (BUFFERS, ODD),
        (HALVES, 512),
        (END, EDGE * LINE),
        (LAST, OUT * OUT * STRIPS),
    ] {
        text.set(register, value);
    }
    let block = text.here();
    let end = text.label();
    results(&mut text);
    text.add(DONE, PIXELS * STRIPS);
    text.if_equal(DONE, LAST, end);
    let loaded = text.label();
    text.unless_less(NEXT, END, loaded);
    let place = rows(MAP + PADDING * PITCH + 1, PLACE, 1, PITCH);
    text.load(Subtree::Input, counts(LINE, STEP), place, wide(0, NEXT, 1, LINE));
    text.add(NEXT, STEP * LINE);
    text.add(PLACE, STEP * PITCH);
    text.place(loaded);
    text.other(BUFFER, BUFFERS);
    text.other(HALF, HALVES);
    gather(&mut text, 0, BLOCK);
    products(&mut text, 0, BLOCK);
    text.add(BYTE, STEP * PITCH * 32);
    text.if_equal(0, 0, block);
    text.place(end);
    text.finish()
}

/// The padding between lines, from the row before padded line `first` on.
fn sides(text: &mut Text, first: usize, lines: usize) {
    text.fill(counts(lines, 1), rows(MAP + first * PITCH, 0, PITCH, 0), ZERO_POINT);
}

/// Loads lines of the image.
fn image(text: &mut Text, first: usize, count: usize) {
    let place = rows(MAP + (PADDING + first) * PITCH + 1, 0, 1, PITCH);
    text.load(Subtree::Input, counts(LINE, count), place, wide(first * LINE, 0, 1, LINE));
}

/// Gathers the bytes under the windows of output lines `first..first + count` of the block.
fn gather(text: &mut Text, first: usize, count: usize) {
    let run = TAPS * COLOURS;
    for line in 0..TAPS {
        // A run may end in the next row.
        let (start, end) = (line * run, (line + 1) * run);
        let middle = end.min(start.next_multiple_of(32).max(start + 1));
        let middle = if start % 32 == 0 { end } else { middle };
        for (from, to) in [(start, middle), (middle, end)] {
            if from == to {
                continue;
            }
            let row = (MAP + (2 * first + line) * PITCH + 1) * 32;
            text.push(Move {
                lp: counts(OUT, count),
                d: rows(from / 32 + first * OUT * GATHERED, BUFFER, GATHERED, OUT * GATHERED),
                m: wide(row - PADDING * COLOURS + from - start, BYTE, 2 * COLOURS, 2 * PITCH * 32),
                n: (to - from) as u8,
                offset: (from % 32) as u8,
            });
        }
    }
}

/// The sums of these output lines.
fn products(text: &mut Text, first: usize, count: usize) {
    for strip in 0..STRIPS {
        let part = |tile: usize, tiles: usize, inputs: usize| Matmul {
            lp: counts(OUT * count, 1),
            d: rows(strip * 256 + first * OUT, HALF, 1, 0),
            a: rows(first * OUT * GATHERED + tile, BUFFER, GATHERED, 0),
            a_sk: 1,
            w_base: (WEIGHTS + (strip * GATHERED + tile) * 32) as u32,
            w_sk: 32,
            n: 32,
            k: inputs as u8,
            kt: tiles as u16,
            acc: tile > 0,
            ..Matmul::default()
        };
        text.matmul(part(0, GATHERED - 1, 32));
        text.matmul(part(GATHERED - 1, 1, INPUTS % 32));
    }
}

/// Requantises and stores a block.
fn results(text: &mut Text) {
    for strip in 0..STRIPS {
        let block = rows(PARAMETERS + 8 * strip, 0, 0, 0);
        text.requant(counts(PIXELS, 1), rows(RESULT + strip, 0, STRIPS, 0), rows(strip * 256, HALF, 1, 0), block, -20);
    }
    text.store(counts(PIXELS * STRIPS, 1), rows(RESULT, 0, 1, 0), wide(0, DONE, 1, 0));
}
