//! The programs `idiom_*.tasm` of maps and rows: what their builders give, and that their results are right.

use compiler::idiom::data::{Quant, multiplier, param_block, row, uniform_tile};
use compiler::idiom::exp::Exp;
use compiler::idiom::multiply::Multiply;
use compiler::idiom::norm::{Norm, NormPlaces};
use compiler::idiom::reciprocal::{Rounds, inverse_root, reciprocal};
use compiler::idiom::softmax::{BytesPlaces, Grid, Softmax, SoftmaxPlaces, Tail};
use compiler::idiom::window::{self, Map, Packed, Window};
use compiler::idiom::{Lanes, residual, table};
use isa::random::Rng;
use isa::{Leaf, Loop, Lw, Move, Operand, Subtree, Wide, row32};
use sim::Outcome;

use super::sketch::Sketch;

/// Random bytes around 0, up to `reach`.
pub(crate) fn draw(rng: &mut Rng, reach: i64) -> i8 {
    (rng.below(2 * reach as u64 + 1) as i64 - reach) as i8
}

pub(crate) fn byte(outcome: &Outcome, row: usize, lane: usize) -> i8 {
    outcome.output.get(row as u64)[lane].cast_signed()
}

pub(crate) fn word(outcome: &Outcome, row: usize, lane: usize) -> i32 {
    row32(&std::array::from_fn(|i| outcome.output.get((row + i) as u64)))[lane]
}

/// The result is the byte nearest to `real`, or as near as `slack` steps more.
pub(crate) fn near(have: i8, real: f64, slack: f64, what: &str) {
    let want = real.clamp(-128.0, 127.0);
    assert!((f64::from(have) - want).abs() <= 0.5 + slack, "{what}: {have}, not {want}");
}

fn leaves(pixels: &[[i8; 32]]) -> Vec<Leaf> {
    pixels.iter().map(|pixel| row(pixel)).collect()
}

#[test]
fn im2col_with_stride_and_padding() {
    let mut sketch = Sketch::new(
        "im2col of a 3x3 window, stride 2, padding 1, over 6x6 pixels of 3 channels: 9 rows of 27 bytes.
         A line of the map is 8 pixels with its frame, 24 bytes, in a row of its own; the frame is the zero point, 5.",
    );
    let mut rng = Rng::new(100);
    let image: [[i8; 18]; 6] = std::array::from_fn(|_| std::array::from_fn(|_| draw(&mut rng, 127)));
    sketch.rows("input", 0, &image.map(|line| row(&line)));
    sketch.note("The map with its frame: rows 8 to 15; every line moves 3 bytes to the right.");
    sketch.all(vec![Map { base: 8, size: [1, 8] }.fill(5)]);
    sketch.load(Subtree::Input, 0, 6, 0);
    sketch.code.push(Move { lp: Loop::new(6, 1), d: Operand::new(9, 1, 0), m: Wide::new(0, 32, 0), n: 18, offset: 3 });
    sketch.note("One MOVE a line of the window.");
    let window = Window { size: [3, 3], strides: [2, 2] };
    sketch.all(window::im2col(Packed { base: 8 * 32, line: 32, channels: 3 }, window, [3, 3], 16));
    sketch.store(16, 9, 0);
    let outcome = sketch.finish("idiom_im2col");
    for (pixel, (y, x)) in (0..3).flat_map(|y| (0..3).map(move |x| (y, x))).enumerate() {
        for tap in 0..27 {
            let (line, column) = (2 * y + tap / 9, 2 * x + tap / 3 % 3);
            let inside = (1..7).contains(&line) && (1..7).contains(&column);
            let want = if inside { image[line - 1][(column - 1) * 3 + tap % 3] } else { 5 };
            assert_eq!(byte(&outcome, pixel, tap), want, "pixel {y} {x}, tap {tap}");
        }
    }
}

#[test]
fn residual_add() {
    let mut sketch = Sketch::new(
        "Residual addition with two scales: 0.031 (a + 4) + 0.0173 (b - 11) in steps of 0.027 about -9, ReLU'd at real 0.",
    );
    let (a, b, to) =
        (Quant { scale: 0.031, zero: -4 }, Quant { scale: 0.0173, zero: 11 }, Quant { scale: 0.027, zero: -9 });
    let mut rng = Rng::new(101);
    let inputs: [[i8; 32]; 4] = std::array::from_fn(|_| std::array::from_fn(|_| draw(&mut rng, 127)));
    sketch.rows("const", 0, &[residual::parameters(a, b, to, (to.zero, 127)).unwrap()]);
    sketch.rows("input", 0, &leaves(&inputs));
    sketch.load(Subtree::Const, 0, 1, 8);
    sketch.load(Subtree::Input, 0, 4, 0);
    sketch.note("In place of a.");
    let rows = |base| Operand::new(base, 1, 0);
    sketch.code.push(residual::add(Lanes::rows(2), rows(0), rows(0), rows(2), 8));
    sketch.store(0, 2, 0);
    let outcome = sketch.finish("idiom_residual_add");
    for (r, lane) in (0..2).flat_map(|r| (0..32).map(move |lane| (r, lane))) {
        let sum = (a.real(inputs[r][lane]) + b.real(inputs[r + 2][lane])).max(0.0);
        near(byte(&outcome, r, lane), sum / to.scale - 9.0, 1e-6, "sum");
    }
}

#[test]
fn multiply() {
    let mut sketch = Sketch::new(
        "The product of two tensors, lane by lane (a gate, say): 0.031 (a + 4) times 0.0173 (b - 11) in steps of 0.05.",
    );
    let (a, b) = (Quant { scale: 0.031, zero: -4 }, Quant { scale: 0.0173, zero: 11 });
    let product = Multiply { a, b, to: Quant::symmetric(0.05) };
    let mut rng = Rng::new(110);
    let inputs: [[i8; 32]; 4] = std::array::from_fn(|_| std::array::from_fn(|_| draw(&mut rng, 127)));
    sketch.row32s("const", 0, &product.block());
    sketch.rows("input", 0, &leaves(&inputs));
    sketch.load(Subtree::Const, 0, 8, 8);
    sketch.load(Subtree::Input, 0, 4, 0);
    let rows = |base| Operand::new(base, 1, 0);
    product.emit(&mut sketch.code, Lanes::rows(2), [rows(4), rows(0), rows(2)], 8, [rows(0), rows(2)]);
    sketch.store(4, 2, 0);
    let outcome = sketch.finish("idiom_multiply");
    for (r, lane) in (0..2).flat_map(|r| (0..32).map(move |lane| (r, lane))) {
        let real = a.real(inputs[r][lane]) * b.real(inputs[r + 2][lane]);
        near(byte(&outcome, r, lane), real / 0.05, 1e-5, "product");
    }
}

const SIDE: usize = 5;
const MAP: Map = Map { base: 64, size: [7, 7] };

/// A 5×5 map of 32 channels with a frame of one pixel.
fn framed(sketch: &mut Sketch, seed: u64, frame: i8) -> impl Fn(usize, usize, usize) -> i8 + use<> {
    let mut rng = Rng::new(seed);
    let map: [[i8; 32]; SIDE * SIDE] = std::array::from_fn(|_| std::array::from_fn(|_| draw(&mut rng, 127)));
    sketch.rows("input", 0, &leaves(&map));
    sketch.note("The map with its frame: 7x7 rows from 64 on.");
    sketch.all(vec![MAP.fill(frame)]);
    sketch.code.push(isa::Load {
        lp: Loop::new(5, 5),
        d: Operand::new(64 + 8, 1, 7),
        m: Wide::new(0, 1, 5),
        region: Subtree::Input as u8,
        space: false,
    });
    move |y, x, channel| {
        let inside = (1..=SIDE).contains(&y) && (1..=SIDE).contains(&x);
        if inside { map[(y - 1) * SIDE + x - 1][channel] } else { frame }
    }
}

#[test]
fn max_pooling() {
    let mut sketch =
        Sketch::new("Max pooling 3x3, stride 2, padding 1, of 5x5 pixels of 32 channels: the frame is -128.");
    let at = framed(&mut sketch, 102, i8::MIN);
    sketch.note("One MAXQ a line of the window: its three pixels, for all nine outputs.");
    sketch.all(window::max_pool(MAP, Window { size: [3, 3], strides: [2, 2] }, 0));
    sketch.store(0, 9, 0);
    let outcome = sketch.finish("idiom_max_pool");
    for (out, channel) in (0..9).flat_map(|out| (0..32).map(move |channel| (out, channel))) {
        let taps = (0..9).map(|tap| at(out / 3 * 2 + tap / 3, out % 3 * 2 + tap % 3, channel));
        assert_eq!(Some(byte(&outcome, out, channel)), taps.max(), "output {out}, channel {channel}");
    }
}

#[test]
fn average_pooling() {
    let mut sketch = Sketch::new(
        "Average pooling 3x3, stride 1, padding 1 counted, of 5x5 pixels of 32 channels, same scales: sums by DWMAC with a row
         of ones, then REQUANT by 1/9 = 14913081 / 2^27 to nearest, ties to even.",
    );
    let (m, s) = multiplier(1.0 / 9.0);
    sketch.row32s("const", 0, &param_block(|_| (0, m, s)));
    let at = framed(&mut sketch, 103, 0);
    sketch.load(Subtree::Const, 0, 8, 0);
    sketch.code.push(isa::Fill { lp: Loop::new(1, 1), d: Operand::new(8, 0, 0), imm: 1, space: false });
    sketch.all(window::sum_pool(MAP, Window { size: [3, 3], strides: [1, 1] }, 8, 0));
    sketch.code.push(window::finish(25, 0, 0, 16, 0));
    sketch.store(16, 25, 0);
    let outcome = sketch.finish("idiom_average_pool");
    for (out, channel) in (0..25).flat_map(|out| (0..32).map(move |channel| (out, channel))) {
        let sum: i32 = (0..9).map(|tap| i32::from(at(out / 5 + tap / 3, out % 5 + tap % 3, channel))).sum();
        near(byte(&outcome, out, channel), f64::from(sum) / 9.0, 1e-5, "average");
    }
}

#[test]
fn depthwise_3x3() {
    let mut sketch = Sketch::new(
        "Depthwise 3x3 convolution, stride 1, padding 1, of 5x5 pixels of 32 channels: a bias, a factor and a zero point.",
    );
    let mut rng = Rng::new(104);
    let weights: [[i8; 32]; 9] = std::array::from_fn(|_| std::array::from_fn(|_| draw(&mut rng, 127)));
    let bias: [i32; 32] = std::array::from_fn(|_| i32::from(draw(&mut rng, 100)) * 40);
    let factor = |channel: usize| 0.001 + 0.0001 * channel as f64;
    let block = param_block(|channel| {
        let (m, s) = multiplier(factor(channel));
        (bias[channel], m, s)
    });
    sketch.row32s("const", 0, &block);
    sketch.rows("const", 8, &leaves(&weights));
    let at = framed(&mut sketch, 105, 0);
    sketch.load(Subtree::Const, 0, 17, 0);
    sketch.note("One DWMAC a line of the window, three taps a row.");
    sketch.all(window::depthwise(MAP, Window { size: [3, 3], strides: [1, 1] }, 8, 0));
    sketch.code.push(window::finish(25, 0, 0, 24, -3));
    sketch.store(24, 25, 0);
    let outcome = sketch.finish("idiom_depthwise");
    for (out, channel) in (0..25).flat_map(|out| (0..32).map(move |channel| (out, channel))) {
        let tap = |tap: usize| {
            i32::from(at(out / 5 + tap / 3, out % 5 + tap % 3, channel)) * i32::from(weights[tap][channel])
        };
        let sum: i32 = (0..9).map(tap).sum::<i32>() + bias[channel];
        near(byte(&outcome, out, channel), f64::from(sum) * factor(channel) - 3.0, 1e-4, "sum");
    }
}

#[test]
fn look_ups() {
    let mut sketch = Sketch::new(
        "GELU and SiLU of all 256 bytes (steps of 0.05, to steps of 0.04) by LUT, and the sigmoid with 30 fraction bits of
         those of the first row (-128 to -97) by LUT32.",
    );
    let (from, to) = (Quant::symmetric(0.05), Quant { scale: 0.04, zero: -20 });
    sketch.rows("const", 0, &table::bytes(table::gelu, from, to));
    sketch.rows("const", 8, &table::bytes(table::silu, from, to));
    sketch.rows("const", 32, &table::words(table::sigmoid, from, 2f64.powi(-30)));
    let inputs: [[i8; 32]; 8] =
        std::array::from_fn(|r| std::array::from_fn(|lane| ((r * 32 + lane) as u8 ^ 0x80).cast_signed()));
    sketch.rows("input", 0, &leaves(&inputs));
    sketch.load(Subtree::Const, 0, 64, 64);
    sketch.load(Subtree::Input, 0, 8, 0);
    let rows = |base| Operand::new(base, 1, 0);
    sketch.code.push(table::look_up(Lanes::rows(8), rows(16), rows(0), 64));
    sketch.code.push(table::look_up(Lanes::rows(8), rows(24), rows(0), 72));
    sketch.code.push(table::look_up_words(Lanes::rows(1), Operand::new(0, 0, 0), Operand::new(0, 0, 0), 96));
    sketch.store(16, 16, 0);
    sketch.store_row32(0, 1, 16);
    let outcome = sketch.finish("idiom_tables");
    for (r, lane) in (0..8).flat_map(|r| (0..32).map(move |lane| (r, lane))) {
        let x = from.real(inputs[r][lane]);
        near(byte(&outcome, r, lane), table::gelu(x) / to.scale - 20.0, 1e-6, "gelu");
        near(byte(&outcome, 8 + r, lane), table::silu(x) / to.scale - 20.0, 1e-6, "silu");
        if r == 0 {
            assert!((f64::from(word(&outcome, 16, lane)) - table::sigmoid(x) * 2f64.powi(30)).abs() <= 0.51);
        }
    }
}

#[test]
fn fixed_point_exp() {
    let mut sketch = Sketch::new(
        "e^x with 30 fraction bits, of x in steps of 1/100 from 0 down to about -20: 11 instructions on a row32.",
    );
    let inputs: [i32; 32] = std::array::from_fn(|lane| -(lane as i32 * lane as i32 * 2 + lane as i32 * 3));
    sketch.row32s("input", 0, &compiler::idiom::data::row32(&inputs));
    sketch.load_row32(Subtree::Input, 0, 1, 0);
    let at = |row| Operand::new(row, 0, 0);
    Exp { scale: 0.01, bits: 30 }.emit(&mut sketch.code, Lanes::rows(1), at(0), at(1), [at(2), at(3)]);
    sketch.store_row32(1, 1, 0);
    let outcome = sketch.finish("idiom_exp");
    for (lane, &x) in inputs.iter().enumerate() {
        let real = (f64::from(x) / 100.0).exp() * 2f64.powi(30);
        assert!((f64::from(word(&outcome, 0, lane)) - real).abs() <= real * 1.35e-6 + 0.5, "{x}");
    }
}

#[test]
fn fixed_point_reciprocals() {
    let mut sketch = Sketch::new(
        "1/x and 1/sqrt(x) of positive int32 by Newton's iteration, 14 and 18 instructions: mantissas y, and g,
         so that 1/x = y / 2^(61 + g) and 1/sqrt(x) = y / 2^(45 + g).",
    );
    let mut rng = Rng::new(106);
    let inputs: [i32; 32] = std::array::from_fn(|lane| match lane {
        0..8 => [1, 2, 3, 4, i32::MAX, 1 << 30, (1 << 30) - 1, 10][lane],
        _ => (rng.bits() as i32 & i32::MAX) >> rng.below(31) | 1,
    });
    sketch.row32s("input", 0, &compiler::idiom::data::row32(&inputs));
    sketch.load_row32(Subtree::Input, 0, 1, 0);
    let at = |row| Operand::new(row, 0, 0);
    reciprocal(&mut sketch.code, Lanes::rows(1), at(0), [at(1), at(2)], [at(5), at(6)], Rounds::Three);
    inverse_root(&mut sketch.code, Lanes::rows(1), at(0), [at(3), at(4)], [at(5), at(6)], Rounds::Three);
    sketch.store_row32(1, 4, 0);
    let outcome = sketch.finish("idiom_reciprocals");
    for (lane, x) in inputs.into_iter().map(f64::from).enumerate() {
        let [y, g, root, h] = [0, 4, 8, 12].map(|row| word(&outcome, row, lane));
        assert!((f64::from(y) / 2f64.powi(61 + g) * x - 1.0).abs() < 6e-9, "1/{x}");
        assert!((f64::from(root) / 2f64.powi(45 + h) * x.sqrt() - 1.0).abs() < 6e-8, "1/sqrt {x}");
    }
}

#[test]
fn softmax_of_rows() {
    let mut sketch = Sketch::new(
        "Softmax of 3 rows of 77 scores (steps of 0.01) to probabilities in steps of 1/256 about -128. The 13 lanes of the
         third segment that count are in a register, from word 0 of input; what else lies there does not matter.",
    );
    let mut rng = Rng::new(107);
    let scores: [[i32; 96]; 3] = std::array::from_fn(|_| std::array::from_fn(|_| (rng.below(1200) as i32) - 600));
    sketch.rows("input", 0, &[row(&[0, 0, 0, 13])]);
    for (r, segment) in (0..3).flat_map(|r| (0..3).map(move |segment| (r, segment))) {
        sketch.row32s(
            "input",
            4 + 4 * (segment * 3 + r),
            &compiler::idiom::data::row32(&scores[r][32 * segment..][..32]),
        );
    }
    let to = Quant { scale: 1.0 / 256.0, zero: -128 };
    let softmax = Softmax { scale: 0.01, rows: 3, segments: 3, tail: Tail::Register(1), to };
    sketch.row32s("const", 0, &softmax.block());
    sketch.load(Subtree::Const, 0, 8, 0);
    sketch.code.push(Lw { rd: 1, ra: 0, imm: 0, region: Subtree::Input as u8 });
    sketch.load_row32(Subtree::Input, 4, 9, 0);
    let grid = |base| Grid { base, row: 1, segment: 3 };
    let at = SoftmaxPlaces { scores: grid(0), scratch: [grid(9), grid(18)], totals: 27, output: grid(8), block: 0 };
    softmax.emit(&mut sketch.code, &at);
    sketch.store(8, 9, 0);
    let outcome = sketch.finish("idiom_softmax");
    for (r, scores) in scores.iter().enumerate() {
        let e = |key: usize| (f64::from(scores[key]) * 0.01).exp();
        let sum: f64 = (0..77).map(e).sum();
        for key in 0..96 {
            let p = if key < 77 { e(key) / sum } else { 0.0 };
            near(byte(&outcome, key / 32 * 3 + r, key % 32), p * 256.0 - 128.0, 0.05, "probability");
        }
    }
}

#[test]
fn softmax_of_bytes() {
    let mut sketch = Sketch::new(
        "Softmax of 2 rows of 40 scores that are bytes in steps of 0.1, to probabilities in steps of 1/127, by a table of all
         exponentials of a distance to the largest; in const from row 0 on, with the parameters behind it.",
    );
    let mut rng = Rng::new(109);
    let scores: [[i8; 40]; 2] = std::array::from_fn(|_| std::array::from_fn(|_| draw(&mut rng, 60)));
    let to = Quant::symmetric(1.0 / 127.0);
    let softmax = Softmax { scale: 0.1, rows: 2, segments: 2, tail: Tail::Lanes(8), to };
    for (r, scores) in scores.iter().enumerate() {
        sketch.rows("input", r, &[row(&scores[..32])]);
        sketch.rows("input", 2 + r, &[row(&scores[32..])]);
    }
    let table = softmax.table();
    sketch.rows("const", 0, &table);
    sketch.load(Subtree::Const, 0, table.len() as u16, 32);
    sketch.load(Subtree::Input, 0, 4, 0);
    let grid = |base| Grid { base, row: 1, segment: 2 };
    let at =
        BytesPlaces { scores: grid(0), largest: 4, scratch: [grid(0), grid(4)], totals: 8, output: grid(8), table: 32 };
    softmax.emit_bytes(&mut sketch.code, &at);
    sketch.store(8, 4, 0);
    let outcome = sketch.finish("idiom_softmax_bytes");
    for (r, scores) in scores.iter().enumerate() {
        let e = |key: usize| (f64::from(scores[key]) * 0.1).exp();
        let sum: f64 = (0..40).map(e).sum();
        for key in 0..64 {
            let p = if key < 40 { e(key) / sum } else { 0.0 };
            near(byte(&outcome, key / 32 * 2 + r, key % 32), p * 127.0, 0.05, "probability");
        }
    }
}

fn norm(name: &str, about: &str, centred: bool) {
    let mut sketch = Sketch::new(about);
    let mut rng = Rng::new(108);
    let features = 70;
    let mut real = |reach: i64| f64::from(draw(&mut rng, reach)) / 64.0;
    let gamma: Vec<f64> = (0..features).map(|_| real(90)).collect();
    let beta: Vec<f64> = if centred { (0..features).map(|_| real(60)).collect() } else { Vec::new() };
    let (scale, epsilon, to) = (0.05, 1e-5, Quant { scale: 0.03, zero: 4 });
    let norm = Norm { tokens: 3, centred, scale, epsilon, gamma, beta, to };
    let tokens: [[i8; 96]; 3] =
        std::array::from_fn(|token| std::array::from_fn(|_| draw(&mut rng, [3, 40, 127][token])));
    sketch.rows("const", 0, &uniform_tile(1));
    sketch.row32s("const", 32, norm.blocks().as_flattened());
    sketch.row32s("const", 56, &norm.gammas());
    for (token, lanes) in tokens.iter().enumerate() {
        let segments: Vec<Leaf> = lanes.as_chunks::<32>().0.iter().map(|lanes| row(lanes)).collect();
        sketch.rows("input", 3 * token, &segments);
    }
    sketch.load(Subtree::Const, 0, 56, 0);
    sketch.load_row32(Subtree::Const, 56, 3, 0);
    sketch.load(Subtree::Input, 0, 9, 64);
    let at = NormPlaces { input: 64, output: 80, ones: 0, blocks: 32, gammas: 0, scratch: 8, totals: 20, sums: 35 };
    norm.emit(&mut sketch.code, &at);
    sketch.store(80, 9, 0);
    let outcome = sketch.finish(name);
    for (token, x) in tokens.iter().enumerate() {
        let x: Vec<f64> = x[..features].iter().map(|&x| f64::from(x) * scale).collect();
        let mean = if centred { x.iter().sum::<f64>() / features as f64 } else { 0.0 };
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / features as f64;
        for (feature, x) in x.iter().enumerate() {
            let beta = norm.beta.get(feature).copied().unwrap_or(0.0);
            let y = (x - mean) / (variance + epsilon).sqrt() * norm.gamma[feature] + beta;
            near(byte(&outcome, 3 * token + feature / 32, feature % 32), y / to.scale + 4.0, 0.05, "norm");
        }
    }
}

#[test]
fn layer_norm_of_rows() {
    let about = "Layer norm of 3 tokens of 70 features, with gamma (of both signs) and beta, epsilon 1e-5; results in steps of 0.03 about 4.";
    norm("idiom_layer_norm", about, true);
}

#[test]
fn rms_norm_of_rows() {
    norm(
        "idiom_rms_norm",
        "RMS norm of 3 tokens of 70 features, with gamma (of both signs); results in steps of 0.03 about 4.",
        false,
    );
}
