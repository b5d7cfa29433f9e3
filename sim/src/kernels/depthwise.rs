//! Depthwise convolutions 3 × 3: bound by the memory port, so that the stream of lines must never stop.
//!
//! Lines pass through a ring in spad, two at a time, with the padding in place beside them. A line's sums are in another
//! bank of acc than those of the line before.

use isa::random::Rng;
use isa::{Dwmac, Leaf, Subtree};

use super::numbers::{Image, Scales, Window, bytes, depthwise, leaves};
use super::text::{Text, counts, numbered, rows, wide};
use super::{Ideal, Kernel, program};

/// First row of results, beyond the ring.
const RESULT: usize = 6144;
const ZERO_POINT: i8 = -5;
const OUTPUT_ZERO_POINT: i8 = 3;

struct Problem {
    name: &'static str,
    shape: &'static str,
    edge: usize,
    channels: usize,
    stride: usize,
    text: fn() -> Vec<Leaf>,
}

fn kernel(problem: &Problem, seed: u64) -> Kernel {
    let mut rng = Rng::new(seed);
    let Problem { edge, channels, stride, .. } = *problem;
    let image = Image::random(&mut rng, [edge, edge, channels], ZERO_POINT);
    let weights = bytes(&mut rng, 9 * channels);
    let scales = Scales::random(&mut rng, channels, 16_000.0, OUTPUT_ZERO_POINT);
    let (out, window) = (edge / stride, Window { edge: 3, stride, padding: 1 });
    let expected = depthwise(&image, window, &weights, &scales, [out, out]);
    let constant = [scales.blocks(), leaves(&weights)].concat();
    let input = leaves(&image.bytes);
    let strips = out * out * channels / 32;
    let ideal = Ideal {
        depthwise: Ideal::taps(9 * strips),
        vector: Ideal::vectors(strips),
        bytes: (image.bytes.len() + weights.len() + scales.bytes() + expected.len()) as u64,
        ..Ideal::default()
    };
    Kernel {
        name: problem.name,
        shape: problem.shape,
        program: program((problem.text)(), constant, &input, strips),
        input,
        expected,
        tolerance: 0,
        macs: (out * out * channels * 9) as u64,
        ideal,
    }
}

/// Stride 1.
pub(super) fn narrow() -> Kernel {
    let shape = "112×112×32, stride 1";
    kernel(&Problem { name: "depthwise 3×3", shape, edge: 112, channels: 32, stride: 1, text: narrow::text }, 14)
}

/// Stride 2.
pub(super) fn strided() -> Kernel {
    let shape = "112×112×96, stride 2";
    kernel(&Problem { name: "depthwise 3×3 /2", shape, edge: 112, channels: 96, stride: 2, text: strided::text }, 15)
}

/// One line of the window over a line of output.
fn taps(d: isa::Operand, a: isa::Operand, (w, strips): (usize, usize), lp: isa::Loop, acc: bool) -> Dwmac {
    let (w_base, step) = (w as u32, strips as i16);
    Dwmac { lp, d, a, a_sk: step, w_base, w_sk: step, n: 32, kt: 3, acc, ..Dwmac::default() }
}

mod narrow {
    use super::*;

    const EDGE: usize = 112;
    const PITCH: usize = EDGE + 2;
    /// A pair of lines.
    const PAIR: usize = 2 * PITCH;
    const PAIRS: usize = 26;
    const SLOTS: usize = 8;
    const PARAMETERS: usize = RESULT + SLOTS * 2 * EDGE;
    const WEIGHTS: usize = PARAMETERS + 8;

    /// Pairs of lines that come before the first products.
    const AHEAD: usize = 4;

    // The pair of lines under the window's top, the one behind it, the next to come; sums; results; rows to load and to
    // store; constants.
    numbered!(u8, 1; TOP, LOW, PLACE, SUMS, TO, NEXT, DONE);
    numbered!(u8, 8; RING, TURN, END, LAST);

    pub(super) fn text() -> Vec<Leaf> {
        let mut text = Text::default();
        text.fill(counts(PITCH + 1, 1), rows(0, 0, 1, 0), ZERO_POINT);
        sides(&mut text, 1, 2 * AHEAD - 1);
        lines(&mut text, 1, PITCH);
        text.load(Subtree::Const, counts(17, 1), rows(PARAMETERS, 0, 1, 0), wide(0, 0, 1, 0));
        text.set(NEXT, EDGE);
        for pair in 1..AHEAD {
            lines(&mut text, 2, pair * PAIR);
            text.add(NEXT, 2 * EDGE);
        }
        sides(&mut text, 2 * AHEAD, 2 * (PAIRS - AHEAD));
        for (register, value) in [
            (LOW, PAIR),
            (PLACE, AHEAD * PAIR),
            (RING, PAIRS * PAIR),
            (TURN, SLOTS * 2 * EDGE),
            (END, (EDGE - 1) * EDGE),
            (LAST, EDGE * EDGE),
        ] {
            text.set(register, value);
        }
        let [pair, last, loaded] = [(); 3].map(|()| text.label());
        text.place(pair);
        text.unless_less(NEXT, END, last);
        next(&mut text, 2);
        text.wrap(PLACE, PAIR, RING);
        text.if_equal(0, 0, loaded);
        // The last pair is a line and the padding below.
        text.place(last);
        text.unless_equal(NEXT, END, loaded);
        next(&mut text, 1);
        text.fill(counts(PITCH, 1), rows(PITCH, PLACE, 1, 0), ZERO_POINT);
        text.place(loaded);
        text.add(NEXT, 2 * EDGE);
        window(&mut text);
        text.copy(TOP, LOW);
        text.wrap(LOW, PAIR, RING);
        text.unless_equal(DONE, LAST, pair);
        text.finish()
    }

    /// The last pixel of each line and the first of the next.
    fn sides(text: &mut Text, line: usize, lines: usize) {
        text.fill(counts(2, lines), rows(line * PITCH + EDGE + 1, 0, 1, PITCH), ZERO_POINT);
    }

    fn lines(text: &mut Text, count: usize, place: usize) {
        text.load(Subtree::Input, counts(EDGE, count), rows(place + 1, 0, 1, PITCH), wide(0, NEXT, 1, EDGE));
    }

    fn next(text: &mut Text, count: usize) {
        text.load(Subtree::Input, counts(EDGE, count), rows(1, PLACE, 1, PITCH), wide(0, NEXT, 1, EDGE));
    }

    /// Two lines of results.
    fn window(text: &mut Text) {
        let (two, one) = (counts(EDGE, 2), counts(EDGE, 1));
        let sums = rows(0, SUMS, 1, EDGE);
        text.push(taps(sums, rows(0, TOP, 1, PITCH), (WEIGHTS, 1), two, false));
        // The second pair may lie at the other end of the ring.
        text.push(taps(sums, rows(PITCH, TOP, 1, 0), (WEIGHTS + 3, 1), one, true));
        text.push(taps(rows(EDGE, SUMS, 1, 0), rows(0, LOW, 1, 0), (WEIGHTS + 3, 1), one, true));
        text.push(taps(sums, rows(0, LOW, 1, PITCH), (WEIGHTS + 6, 1), two, true));
        let place = rows(RESULT, TO, 1, 0);
        let all = counts(2 * EDGE, 1);
        text.requant(all, place, rows(0, SUMS, 1, 0), rows(PARAMETERS, 0, 0, 0), OUTPUT_ZERO_POINT);
        text.store(all, place, wide(0, DONE, 1, 0));
        text.turn(SUMS, 256, 1024);
        text.wrap(TO, 2 * EDGE, TURN);
        text.add(DONE, 2 * EDGE);
    }
}

mod strided {
    use super::*;

    const EDGE: usize = 112;
    const STRIPS: usize = 3;
    const OUT: usize = EDGE / 2;
    /// A line with a pixel of padding at its left; no window reaches beyond its right end.
    const PITCH: usize = (EDGE + 1) * STRIPS;
    const LINE: usize = EDGE * STRIPS;
    const PAIR: usize = 2 * PITCH;
    const PAIRS: usize = 9;
    const SLOTS: usize = 8;
    const RESULTS: usize = OUT * STRIPS;
    const PARAMETERS: usize = RESULT + SLOTS * RESULTS;
    const WEIGHTS: usize = PARAMETERS + 8 * STRIPS;

    /// Pairs of lines that come before the first products.
    const AHEAD: usize = 3;

    // The pair of lines whose second is under the window's top, the pair behind it; the rest as above.
    numbered!(u8, 1; TOP, LOW, PLACE, SUMS, TO, NEXT, DONE);
    numbered!(u8, 8; RING, TURN, END, LAST);

    pub(super) fn text() -> Vec<Leaf> {
        let mut text = Text::default();
        // The line above the image is the second of the ring's last pair.
        let above = (PAIRS - 1) * PAIR;
        text.fill(counts(STRIPS, 2 * AHEAD), rows(0, 0, 1, PITCH), ZERO_POINT);
        text.load(Subtree::Input, counts(LINE, 2), rows(STRIPS, 0, 1, PITCH), wide(0, 0, 1, LINE));
        text.fill(counts(PITCH, 1), rows(above + PITCH, 0, 1, 0), ZERO_POINT);
        let parameters = STRIPS * (8 + 9);
        text.load(Subtree::Const, counts(parameters, 1), rows(PARAMETERS, 0, 1, 0), wide(0, 0, 1, 0));
        for pair in 1..AHEAD {
            let place = rows(pair * PAIR + STRIPS, 0, 1, PITCH);
            text.load(Subtree::Input, counts(LINE, 2), place, wide(2 * pair * LINE, 0, 1, LINE));
        }
        text.fill(counts(STRIPS, 2 * (PAIRS - AHEAD) - 1), rows(AHEAD * PAIR, 0, 1, PITCH), ZERO_POINT);
        for (register, value) in [
            (TOP, above),
            (PLACE, AHEAD * PAIR),
            (NEXT, 2 * AHEAD * LINE),
            (RING, PAIRS * PAIR),
            (TURN, SLOTS * RESULTS),
            (END, EDGE * LINE),
            (LAST, OUT * RESULTS),
        ] {
            text.set(register, value);
        }
        let line = text.here();
        let loaded = text.label();
        text.unless_less(NEXT, END, loaded);
        text.load(Subtree::Input, counts(LINE, 2), rows(STRIPS, PLACE, 1, PITCH), wide(0, NEXT, 1, LINE));
        text.add(NEXT, 2 * LINE);
        text.wrap(PLACE, PAIR, RING);
        text.place(loaded);
        window(&mut text);
        text.copy(TOP, LOW);
        text.wrap(LOW, PAIR, RING);
        text.unless_equal(DONE, LAST, line);
        text.finish()
    }

    /// A line of results.
    fn window(text: &mut Text) {
        let one = counts(OUT, 1);
        for strip in 0..STRIPS {
            let sums = rows(strip * OUT, SUMS, 1, 0);
            let lines = [rows(PITCH + strip, TOP, 2 * STRIPS, 0), rows(strip, LOW, 2 * STRIPS, 0)];
            for (line, a) in lines.into_iter().chain([rows(PITCH + strip, LOW, 2 * STRIPS, 0)]).enumerate() {
                text.push(taps(sums, a, (WEIGHTS + line * 3 * STRIPS + strip, STRIPS), one, line > 0));
            }
            let place = rows(RESULT + strip, TO, STRIPS, 0);
            text.requant(one, place, sums, rows(PARAMETERS + 8 * strip, 0, 0, 0), OUTPUT_ZERO_POINT);
        }
        let all = counts(RESULTS, 1);
        text.store(all, rows(RESULT, TO, 1, 0), wide(0, DONE, 1, 0));
        text.turn(SUMS, 256, 1024);
        text.wrap(TO, RESULTS, TURN);
        text.add(DONE, RESULTS);
    }
}
