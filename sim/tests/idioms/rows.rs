//! Softmax and norms of rows, against float64, in steps of their results: the nearest byte would be half a step off.

use compiler::idiom::Code;
use compiler::idiom::data::{Quant, uniform_tile};
use compiler::idiom::norm::{Norm, NormPlaces};
use compiler::idiom::softmax::{BytesPlaces, Grid, Softmax, SoftmaxPlaces, Tail};
use isa::random::Rng;
use isa::{Leaf, row32};

use super::bench::Bench;

/// A float in −1..1.
fn unit(rng: &mut Rng) -> f64 {
    rng.bits().cast_signed() as f64 / 2f64.powi(63)
}

/// Clamped to what a byte can say.
fn steps(real: f64, to: Quant) -> f64 {
    (real / to.scale + f64::from(to.zero)).clamp(-128.0, 127.0)
}

const ROWS: u16 = 24;
const PLACES: SoftmaxPlaces = SoftmaxPlaces {
    scores: Grid { base: 0, row: 1, segment: ROWS as i16 },
    scratch: [Grid { base: 200, row: 1, segment: ROWS as i16 }, Grid { base: 400, row: 1, segment: ROWS as i16 }],
    totals: 600,
    output: Grid { base: 64, row: 1, segment: ROWS as i16 },
    block: 0,
};
/// Holds the lanes of the tail, where it comes from a register.
const TAIL: u8 = 3;

struct SoftmaxCase {
    softmax: Softmax,
    keys: usize,
    bench: Bench,
}

impl SoftmaxCase {
    fn new(scale: f64, keys: usize, to: Quant, register: bool) -> SoftmaxCase {
        let (segments, lanes) = (keys.div_ceil(32) as u16, ((keys - 1) % 32 + 1) as u8);
        let tail = if register { Tail::Register(TAIL) } else { Tail::Lanes(lanes) };
        let softmax = Softmax { scale, rows: ROWS, segments, tail, to };
        let mut code = Code::new(0, &[8, 9, 10, 11, 12, 13, 14, 15], 1000..1010);
        softmax.emit(&mut code, &PLACES);
        let mut bench = Bench::new(code.instrs());
        bench.set_rows(PLACES.block, &softmax.block());
        bench.set_x(TAIL, lanes.into());
        SoftmaxCase { softmax, keys, bench }
    }

    /// Largest error in steps, for scores drawn by `draw`; lanes that no key has must be probability 0.
    fn worst(&mut self, mut draw: impl FnMut(usize, usize) -> i32) -> f64 {
        let segments = self.softmax.segments;
        let mut scores = vec![vec![0i32; 32 * usize::from(segments)]; ROWS.into()];
        for (row, scores) in scores.iter_mut().enumerate() {
            scores.iter_mut().enumerate().for_each(|(key, score)| *score = draw(row, key));
            for (segment, lanes) in (0..).zip(scores.as_chunks().0) {
                self.bench.set_acc(segment * u32::from(ROWS) + row as u32, lanes);
            }
        }
        self.bench.rewind();
        self.bench.run();
        let mut worst = 0f64;
        for (row, scores) in scores.iter().enumerate() {
            let largest = scores[..self.keys].iter().max().unwrap();
            let e = |score: i32| ((f64::from(score) - f64::from(*largest)) * self.softmax.scale).exp();
            let sum: f64 = scores[..self.keys].iter().map(|&score| e(score)).sum();
            for (key, &score) in scores.iter().enumerate() {
                let p = if key < self.keys { e(score) / sum } else { 0.0 };
                let have =
                    self.bench.spad(PLACES.output.base + (key / 32) as u32 * u32::from(ROWS) + row as u32)[key % 32];
                worst = worst.max((f64::from(have) - steps(p, self.softmax.to)).abs());
            }
        }
        worst
    }
}

#[test]
fn softmax_is_within_its_bound() {
    let mut rng = Rng::new(7);
    let mut worst = 0f64;
    let formats = [Quant { scale: 1.0 / 256.0, zero: -128 }, Quant::symmetric(1.0 / 127.0)];
    for (index, keys) in [1, 2, 5, 31, 32, 33, 64, 77, 127, 128, 200, 256].into_iter().enumerate() {
        for scale in [1.3e-5, 0.0007, 0.011, 0.25, 1.9] {
            for to in formats {
                let mut case = SoftmaxCase::new(scale, keys, to, (index + keys) % 2 == 1);
                let mut see = |error: f64| worst = worst.max(error);
                // Scores over many widths, in units of e; rows of equal scores; a few large ones among small.
                for width in [0.0, 0.3, 1.0, 3.0, 10.0, 40.0] {
                    see(case.worst(|_, _| (unit(&mut rng) * width / scale) as i32));
                    let spread = width / scale;
                    see(case.worst(|row, key| if (key + row) % 11 == 0 { spread as i32 } else { 0 }));
                }
                see(case.worst(|row, key| if key == row { (1 << 30) - 1 } else { -(1 << 30) }));
                // Garbage in lanes that no key has.
                see(case.worst(|_, key| if key < keys { (key as f64 * 0.01 / scale) as i32 } else { i32::MAX }));
            }
        }
    }
    println!("softmax: largest error {worst} steps");
    assert!(worst <= 0.55, "softmax errs by {worst} steps");
}

const BYTES: BytesPlaces = BytesPlaces {
    scores: Grid { base: 512, row: 1, segment: ROWS as i16 },
    largest: 128,
    scratch: [Grid { base: 0, row: 1, segment: ROWS as i16 }, Grid { base: 300, row: 1, segment: ROWS as i16 }],
    totals: 600,
    output: Grid { base: 256, row: 1, segment: ROWS as i16 },
    table: 0,
};

fn bytes_bench(softmax: &Softmax) -> Bench {
    let mut code = Code::new(0, &[8, 9, 10, 11, 12, 13, 14, 15], 1000..1010);
    softmax.emit_bytes(&mut code, &BYTES);
    let mut bench = Bench::new(code.instrs());
    bench.set_rows(BYTES.table, &softmax.table());
    bench
}

/// Largest error in steps of the softmax of bytes drawn by `draw`.
fn bytes_worst(softmax: &Softmax, bench: &mut Bench, keys: usize, mut draw: impl FnMut(usize, usize) -> i8) -> f64 {
    let width = 32 * usize::from(softmax.segments);
    let scores: Vec<Vec<i8>> = (0..ROWS.into()).map(|row| (0..width).map(|key| draw(row, key)).collect()).collect();
    for (row, scores) in (0..).zip(&scores) {
        for (segment, lanes) in (0..).zip(scores.as_chunks::<32>().0) {
            bench.set_spad(BYTES.scores.base + segment * u32::from(ROWS) + row, lanes.map(i8::cast_unsigned));
        }
    }
    bench.rewind();
    bench.run();
    let mut worst = 0f64;
    for (row, scores) in (0..).zip(&scores) {
        let e = |key: usize| if key < keys { (f64::from(scores[key]) * softmax.scale).exp() } else { 0.0 };
        let sum: f64 = (0..width).map(e).sum();
        for key in 0..width {
            let have = bench.spad(BYTES.output.base + (key / 32) as u32 * u32::from(ROWS) + row)[key % 32];
            worst = worst.max((f64::from(have) - steps(e(key) / sum, softmax.to)).abs());
        }
    }
    worst
}

#[test]
fn softmax_of_bytes_is_within_its_bound() {
    let mut rng = Rng::new(8);
    let mut worst = 0f64;
    for (index, keys) in [1usize, 3, 32, 33, 64, 100, 128, 256].into_iter().enumerate() {
        for scale in [0.003, 0.05, 0.12, 0.4] {
            let (segments, lanes) = (keys.div_ceil(32) as u16, ((keys - 1) % 32 + 1) as u8);
            let tail = if index % 2 == 1 { Tail::Register(TAIL) } else { Tail::Lanes(lanes) };
            let to = Quant { scale: 1.0 / 256.0, zero: -128 };
            let softmax = Softmax { scale, rows: ROWS, segments, tail, to };
            let mut bench = bytes_bench(&softmax);
            bench.set_x(TAIL, lanes.into());
            let mut see = |draw: &mut dyn FnMut(usize, usize) -> i8| {
                worst = worst.max(bytes_worst(&softmax, &mut bench, keys, draw))
            };
            for width in [0.0, 3.0, 20.0, 128.0] {
                see(&mut |_, _| (unit(&mut rng) * width) as i8);
                see(&mut |row, key| if (key + row) % 11 == 0 { width as i8 } else { -(width as i8) });
            }
            see(&mut |row, key| if key == row { 127 } else { -128 });
            // Garbage in lanes that no key has.
            see(&mut |_, key| if key < keys { (key / 8) as i8 - 100 } else { 127 });
        }
    }
    println!("softmax of bytes: largest error {worst} steps");
    assert!(worst <= 0.505, "softmax of bytes errs by {worst} steps");
}

#[test]
fn softmax_of_bytes_takes_the_instructions_it_says() {
    for (lanes, masked) in [(32, 0), (7, 1)] {
        let to = Quant::symmetric(1.0 / 127.0);
        let mut bench = bytes_bench(&Softmax { scale: 0.1, rows: ROWS, segments: 4, tail: Tail::Lanes(lanes), to });
        let steps = bench.run() - bench.constants();
        assert_eq!(steps, u64::from(ROWS) * (6 * 4 + 15 + masked));
    }
}

#[test]
fn softmax_takes_the_instructions_it_says() {
    for (keys, masked) in [(128, 0), (100, 3)] {
        let mut case = SoftmaxCase::new(0.001, keys, Quant::symmetric(1.0 / 127.0), false);
        let steps = case.bench.run() - case.bench.constants();
        assert_eq!(steps, u64::from(ROWS) * (4 * 13 + 12 + masked), "{keys} keys");
    }
}

struct NormCase {
    norm: Norm,
    at: NormPlaces,
    bench: Bench,
}

impl NormCase {
    fn new(norm: Norm) -> NormCase {
        let rows = u32::from(norm.segments()) * u32::from(norm.tokens);
        let at = NormPlaces {
            input: 2048,
            output: 2048 + rows,
            ones: 0,
            blocks: 64,
            gammas: 0,
            scratch: 600,
            totals: 600 + rows,
            sums: 600 + rows + 5 * u32::from(norm.tokens),
        };
        let mut code = Code::new(0, &[8, 9, 10, 11, 12, 13, 14, 15], 2000..2010);
        norm.emit(&mut code, &at);
        let mut bench = Bench::new(code.instrs());
        bench.set_rows(at.ones, &uniform_tile(1));
        bench.set_rows(at.blocks, norm.blocks().as_flattened());
        for (row, leaves) in (at.gammas..).zip(norm.gammas().as_chunks().0) {
            bench.set_acc(row, &row32(leaves));
        }
        NormCase { norm, at, bench }
    }

    fn worst(&mut self, mut draw: impl FnMut(usize, usize) -> i8) -> f64 {
        let (features, segments) = (self.norm.gamma.len(), u32::from(self.norm.segments()));
        let mut worst = 0f64;
        let inputs: Vec<Vec<i8>> = (0..usize::from(self.norm.tokens))
            .map(|token| (0..32 * segments as usize).map(|feature| draw(token, feature)).collect())
            .collect();
        for (token, x) in (0..).zip(&inputs) {
            for (segment, lanes) in (0..).zip(x.as_chunks::<32>().0) {
                let leaf: Leaf = lanes.map(i8::cast_unsigned);
                self.bench.set_spad(self.at.input + token * segments + segment, leaf);
            }
        }
        self.bench.rewind();
        self.bench.run();
        for (token, x) in (0..).zip(&inputs) {
            for (feature, want) in self.real(&x[..features]).into_iter().enumerate() {
                let row = self.at.output + token * segments + (feature / 32) as u32;
                let error = (f64::from(self.bench.spad(row)[feature % 32]) - steps(want, self.norm.to)).abs();
                worst = worst.max(error);
            }
        }
        worst
    }

    fn real(&self, x: &[i8]) -> Vec<f64> {
        let norm = &self.norm;
        let n = x.len() as f64;
        let x: Vec<f64> = x.iter().map(|&x| f64::from(x) * norm.scale).collect();
        let mean = if norm.centred { x.iter().sum::<f64>() / n } else { 0.0 };
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let root = (variance + norm.epsilon).sqrt();
        let of = |feature: usize| {
            let beta = norm.beta.get(feature).copied().unwrap_or(0.0);
            // Where nothing varies and nothing is added to it, 0/0 is taken for 0.
            if root == 0.0 { beta } else { (x[feature] - mean) / root * norm.gamma[feature] + beta }
        };
        (0..x.len()).map(of).collect()
    }
}

fn norm_worst(centred: bool) -> f64 {
    let mut rng = Rng::new(if centred { 17 } else { 18 });
    let mut worst = 0f64;
    for features in [1, 7, 32, 50, 64, 128, 256, 300, 768, 1024] {
        for (scale, epsilon) in [(0.05, 1e-5), (0.01, 1e-12), (0.2, 1e-6), (0.05, 0.01)] {
            let gamma: Vec<f64> = (0..features).map(|_| unit(&mut rng) * 1.5).collect();
            let beta = if centred { (0..features).map(|_| unit(&mut rng)).collect() } else { Vec::new() };
            let to = Quant { scale: [0.03, 0.05][features % 2], zero: [0, -5][features / 2 % 2] };
            let tokens = if features > 500 { 9 } else { 20 };
            let mut case = NormCase::new(Norm { tokens, centred, scale, epsilon, gamma, beta, to });
            let mut see = |error: f64| worst = worst.max(error);
            for width in [1.0, 3.0, 20.0, 128.0] {
                see(case.worst(|_, _| (unit(&mut rng) * width).round() as i8));
                let centre = unit(&mut rng) * 100.0;
                see(case.worst(|_, _| (centre + unit(&mut rng) * width / 4.0).round() as i8));
            }
            // Constant rows, one feature apart, extremes.
            see(case.worst(|token, _| (token as i8).wrapping_mul(14)));
            see(case.worst(|token, feature| if feature % features == token { 1 } else { 0 }));
            see(case.worst(|token, feature| if feature % features == token { -128 } else { 127 }));
            see(case.worst(|_, feature| if feature % 2 == 0 { -128 } else { 127 }));
        }
    }
    worst
}

#[test]
fn layer_norm_is_within_its_bound() {
    let worst = norm_worst(true);
    println!("layer norm: largest error {worst} steps");
    assert!(worst <= 0.505, "layer norm errs by {worst} steps");
}

#[test]
fn rms_norm_is_within_its_bound() {
    let worst = norm_worst(false);
    println!("RMS norm: largest error {worst} steps");
    assert!(worst <= 0.55, "RMS norm errs by {worst} steps");
}

#[test]
fn norms_take_the_instructions_they_say() {
    for (centred, segments, per_row32, per_token) in [(true, 24, 6, 36), (true, 8, 6, 29), (false, 24, 4, 23)] {
        let tokens = 10;
        let gamma = vec![1.0; 32 * segments as usize];
        let to = Quant::symmetric(0.03);
        let mut case = NormCase::new(Norm { tokens, centred, scale: 0.1, epsilon: 1e-6, gamma, beta: Vec::new(), to });
        let steps = case.bench.run() - case.bench.constants();
        assert_eq!(steps, u64::from(tokens) * (segments * per_row32 + per_token));
    }
}
