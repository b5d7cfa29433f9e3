//! exp, 1/x, 1/√x over their ranges, and the tables over all bytes, against float64.

use compiler::idiom::data::Quant;
use compiler::idiom::exp::Exp;
use compiler::idiom::multiply::Multiply;
use compiler::idiom::reciprocal::{Rounds, inverse_root, reciprocal};
use compiler::idiom::{Code, Lanes as Shape, residual, table};
use isa::random::Rng;
use isa::{Instr, Leaf, Operand};

use super::bench::Bench;
use super::lanes::Lanes;

/// Row32s worked on at once.
const ROWS: u16 = 16;
const LANES: usize = 32 * ROWS as usize;

fn block(index: u32) -> Operand {
    Operand::new(index * u32::from(ROWS), 1, 0)
}

/// A function of one int32: input in block 0, results in blocks 1 and 2.
struct Function(Vec<Instr>);

impl Function {
    fn of(write: impl FnOnce(&mut Code, Shape)) -> Function {
        let mut code = Code::new(0, &[8, 9, 10, 11, 12, 13, 14, 15], 96..104);
        write(&mut code, Shape::rows(ROWS));
        Function(code.instrs().to_vec())
    }

    fn exp(exp: Exp, short: bool) -> Function {
        Function::of(|code, lanes| {
            let (d, scratch) = (block(1), [block(2), block(3)]);
            if short {
                exp.emit_short(code, lanes, block(0), d, scratch)
            } else {
                exp.emit(code, lanes, block(0), d, scratch)
            }
        })
    }

    /// Instructions that run on every row.
    fn per_row(&self) -> usize {
        self.0.iter().filter(|instr| !matches!(instr, Instr::Li(_) | Instr::Fill(_))).count()
    }

    /// Calls `see(input, first result, second result)` for every input, in order.
    fn sweep(&self, mut inputs: impl Iterator<Item = i32>, mut see: impl FnMut(i32, i32, i32)) -> u64 {
        let mut lanes = Lanes::new(104);
        let (mut batch, mut seen) = (vec![0i32; LANES], 0);
        loop {
            let filled = batch.iter_mut().zip(&mut inputs).map(|(place, input)| *place = input).count();
            for (row, inputs) in batch.as_chunks().0.iter().enumerate() {
                lanes.acc[row] = *inputs;
            }
            lanes.run(&self.0);
            for (index, &input) in batch.iter().enumerate().take(filled) {
                let at = |block: usize| lanes.acc[block * usize::from(ROWS) + index / 32][index % 32];
                see(input, at(1), at(2));
            }
            seen += filled as u64;
            if filled < LANES {
                return seen;
            }
        }
    }

    /// The lanes and `step` end with the same acc.
    fn check_lanes(&self, seed: u64, input: impl Fn(&mut Rng) -> i32) {
        let mut rng = Rng::new(seed);
        let (mut bench, mut lanes) = (Bench::new(&self.0), Lanes::new(104));
        for row in 0..ROWS {
            lanes.acc[usize::from(row)] = std::array::from_fn(|_| input(&mut rng));
            bench.set_acc(row.into(), &lanes.acc[usize::from(row)]);
        }
        assert_eq!(bench.run() as usize, self.per_row() * usize::from(ROWS) + self.0.len() - self.per_row());
        lanes.run(&self.0);
        for (row, want) in (0..).zip(&lanes.acc) {
            assert_eq!(bench.acc(row), *want, "row32 {row}");
        }
    }
}

/// Largest value seen, and where.
#[derive(Debug)]
struct Worst(f64, i32);

impl Worst {
    fn new() -> Worst {
        Worst(0.0, 0)
    }

    fn see(&mut self, error: f64, at: i32) {
        if error > self.0 || error.is_nan() {
            *self = Worst(error, at);
        }
    }

    fn at_most(&self, what: &str, bound: f64) {
        println!("{what}: largest error {:.3e} (2^{:.2}) at {}", self.0, self.0.log2(), self.1);
        assert!(self.0 <= bound, "{what}: {} at {}, the bound is {bound}", self.0, self.1);
    }
}

/// As many of `n` inputs as a test has time for, or all (`SYSTOLE_SWEEP=all`).
fn dense(n: u64) -> u64 {
    if std::env::var("SYSTOLE_SWEEP").is_ok_and(|sweep| sweep == "all") { u64::MAX } else { n }
}

/// All inputs 0, −1, … that do not give 0 for certain, or so many of them spread evenly, and the most negative.
fn below_zero(scale: f64, most: u64) -> impl Iterator<Item = i32> {
    let last = (23.0 / scale).min(f64::from(i32::MAX)) as u64;
    let step = (last / most).max(1) as usize;
    (0..=last).step_by(step).map(|x| -(x as i32)).chain([i32::MIN, i32::MIN + 1, -(1 << 30)])
}

fn check_exp(exp: Exp, short: bool, instructions: usize, relative: f64) {
    let function = Function::exp(exp, short);
    assert_eq!(function.per_row(), instructions);
    function.check_lanes(1, |rng| {
        if rng.one_in(9) { -(rng.bits() as i32 & i32::MAX) } else { -(rng.below((24.0 / exp.scale) as u64) as i32) }
    });
    let one = 2f64.powi(exp.bits.into());
    let mut worst = Worst::new();
    let seen = function.sweep(below_zero(exp.scale, dense(1 << 22)), |x, e, _| {
        let real = (exp.scale * f64::from(x)).exp();
        // Relative, beyond the half unit of the last rounding.
        worst.see(((f64::from(e) / one - real).abs() - 0.5 / one).max(0.0) / real.max(0.5 / one), x);
    });
    worst.at_most(&format!("exp {exp:?} short {short}, {seen} inputs"), relative);
}

#[test]
fn exp_is_within_its_bound() {
    // From steps of 2^−24 to steps of 2: small scales take the instruction more.
    for (scale, instructions) in
        [(2f64.powi(-24), 12), (2f64.powi(-16), 12), (0.001, 12), (0.03, 11), (0.5, 11), (2.0, 11)]
    {
        check_exp(Exp { scale, bits: 30 }, false, instructions, 1.35e-6);
    }
    for bits in [16, 24] {
        check_exp(Exp { scale: 0.0123, bits }, false, 11, 1.35e-6);
    }
}

#[test]
fn the_short_exp_is_within_its_bound() {
    for (scale, instructions) in [(2f64.powi(-20), 9), (0.0001, 8), (0.001, 8), (0.0123, 8), (0.2, 8), (1.7, 8)] {
        for bits in [20, 24, 30] {
            check_exp(Exp { scale, bits }, true, instructions, 5.7e-4);
        }
    }
}

/// Every exponent, with mantissas so dense; the ends of each.
fn positive(step: usize) -> impl Iterator<Item = i32> {
    (0..31).flat_map(move |exponent| {
        let first = 1i64 << exponent;
        let own = if exponent < 22 { 1 } else { step };
        (first..2 * first).step_by(own).chain([2 * first - 1]).map(|x| x as i32)
    })
}

fn check_root(
    rounds: Rounds,
    of: fn(&mut Code, Shape, Rounds),
    real: fn(f64, i32) -> f64,
    instructions: usize,
    bound: f64,
) {
    let function = Function::of(|code, lanes| of(code, lanes, rounds));
    assert_eq!(function.per_row(), instructions);
    function.check_lanes(2, |rng| ((rng.bits() as i32 & i32::MAX) >> rng.below(31)).max(1));
    let mut worst = Worst::new();
    let seen = function.sweep(positive(if dense(0) == 0 { 509 } else { 1 }), |x, y, g| {
        assert!(((1 << 29) - 200_000..=1 << 30).contains(&y), "{x}: {y}");
        worst.see((f64::from(y) / real(x.into(), g) - 1.0).abs(), x);
    });
    worst.at_most(&format!("{instructions} instructions, {rounds:?}, {seen} inputs"), bound);
}

#[test]
fn reciprocals_are_within_their_bounds() {
    let of = |code: &mut Code, lanes: Shape, rounds| {
        reciprocal(code, lanes, block(0), [block(1), block(2)], [block(3), block(4)], rounds)
    };
    let real = |x: f64, g: i32| 2f64.powi(61 + g) / x;
    check_root(Rounds::Two, of, real, 11, 1.21e-5);
    check_root(Rounds::Three, of, real, 14, 6.0e-9);
}

#[test]
fn inverse_roots_are_within_their_bounds() {
    let of = |code: &mut Code, lanes: Shape, rounds| {
        inverse_root(code, lanes, block(0), [block(1), block(2)], [block(3), block(4)], rounds)
    };
    let real = |x: f64, g: i32| 2f64.powi(45 + g) / x.sqrt();
    check_root(Rounds::Two, of, real, 14, 1.95e-4);
    check_root(Rounds::Three, of, real, 18, 6.0e-8);
}

/// erf by Simpson's rule, to check the series with something else.
fn gelu_by_integration(x: f64) -> f64 {
    let density = |t: f64| (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let steps = 4000;
    let h = x / f64::from(steps);
    let inner: f64 = (1..steps).map(|i| if i % 2 == 1 { 4.0 } else { 2.0 } * density(h * f64::from(i))).sum();
    x * (0.5 + h / 3.0 * (density(0.0) + inner + density(x)))
}

#[test]
fn tables_hold_the_nearest_byte_for_every_input() {
    type Real = fn(f64) -> f64;
    let functions: [(&str, Real, Real); 4] = [
        ("gelu", table::gelu, gelu_by_integration),
        ("silu", table::silu, |x| x / (1.0 + (-x).exp())),
        ("sigmoid", table::sigmoid, |x| (1.0 + (x / 2.0).tanh()) / 2.0),
        ("tanh", f64::tanh, |x| 1.0 - 2.0 / ((2.0 * x).exp() + 1.0)),
    ];
    for (name, f, real) in functions {
        for (from, to) in [(0.02, 0.02), (0.05, 0.04), (0.1, 0.05), (0.004, 0.008)] {
            for (zero_in, zero_out) in [(0, 0), (-7, 9), (0, -128)] {
                let (from, to) = (Quant { scale: from, zero: zero_in }, Quant { scale: to, zero: zero_out });
                check_table(&table::bytes(f, from, to), from, to, real, name);
                check_words(&table::words(f, from, 2f64.powi(-20)), from, real, name);
            }
        }
    }
}

fn all_bytes() -> [Leaf; 8] {
    std::array::from_fn(|row| std::array::from_fn(|i| (row * 32 + i) as u8))
}

fn check_table(rows: &[Leaf; 8], from: Quant, to: Quant, real: fn(f64) -> f64, name: &str) {
    let mut bench = Bench::new(&[table::look_up(Shape::rows(8), Operand::new(16, 1, 0), Operand::new(0, 1, 0), 8)]);
    bench.set_rows(0, &all_bytes());
    bench.set_rows(8, rows);
    bench.run();
    for (row, inputs) in (0..).zip(all_bytes()) {
        for (input, output) in inputs.into_iter().zip(bench.spad(16 + row)) {
            let want = (real(from.real(input.cast_signed())) / to.scale + f64::from(to.zero)).clamp(-128.0, 127.0);
            let error = (f64::from(output) - want).abs();
            assert!(error <= 0.5 + 1e-6, "{name} of {}: {output}, not {want}", input.cast_signed());
        }
    }
}

fn check_words(rows: &[Leaf; 32], from: Quant, real: fn(f64) -> f64, name: &str) {
    let mut bench =
        Bench::new(&[table::look_up_words(Shape::rows(8), Operand::new(0, 1, 0), Operand::new(0, 1, 0), 32)]);
    bench.set_rows(0, &all_bytes());
    bench.set_rows(32, rows);
    bench.run();
    for (row, inputs) in (0..).zip(all_bytes()) {
        for (input, output) in inputs.into_iter().zip(bench.acc(row)) {
            let want = real(from.real(input.cast_signed())) * 2f64.powi(20);
            assert!(
                (f64::from(output) - want).abs() <= 0.5 + 1e-5,
                "{name} of {}: {output}, not {want}",
                input.cast_signed()
            );
        }
    }
}

/// Scales and zero points of two operands and their result.
fn formats() -> [[Quant; 3]; 4] {
    let quant = |(scale, zero)| Quant { scale, zero };
    [
        [(0.031, -4), (0.0173, 11), (0.027, -9)],
        [(0.5, 127), (0.004, -128), (0.3, 100)],
        [(0.02, 0), (0.02, 0), (0.02, 0)],
        [(0.001, 3), (0.9, 0), (0.0007, -128)],
    ]
    .map(|formats| formats.map(quant))
}

/// All pairs of bytes: row 2048 + a is a in every lane, rows 0 to 7 are all b, results begin at row 4096.
fn check_pairs(text: &[Instr], data: &[Leaf], to: Quant, slack: f64, real: impl Fn(i8, i8) -> f64) {
    let mut bench = Bench::new(text);
    bench.set_rows(0, &all_bytes());
    bench.set_rows(8, data);
    bench.set_rows(2048, &(0..=255u8).map(|byte| [byte; 32]).collect::<Vec<Leaf>>());
    bench.run();
    for (first, second) in (0..=255u8).flat_map(|first| (0..=255u8).map(move |second| (first, second))) {
        let have = bench.spad(4096 + 8 * u32::from(first) + u32::from(second) / 32)[usize::from(second) % 32];
        let want =
            (real(first.cast_signed(), second.cast_signed()) / to.scale + f64::from(to.zero)).clamp(-128.0, 127.0);
        assert!((f64::from(have) - want).abs() <= 0.5 + slack, "{first} and {second}: {have}, not {want}");
    }
}

const PAIRS: [Operand; 3] = [
    Operand { base: 4096, reg: 0, s0: 8, s1: 1 },
    Operand { base: 2048, reg: 0, s0: 1, s1: 0 },
    Operand { base: 0, reg: 0, s0: 0, s1: 1 },
];

#[test]
fn residual_addition_is_the_nearest_byte_for_every_pair() {
    let [d, a, b] = PAIRS;
    let text = [residual::add(Shape::grid(256, 8), d, a, b, 8)];
    for [a, b, to] in formats() {
        let parameters = residual::parameters(a, b, to, (-128, 127)).unwrap();
        let slack = 1e-6 * (1.0 + a.scale.max(b.scale) / to.scale);
        check_pairs(&text, &[parameters], to, slack, |x, y| a.real(x) + b.real(y));
    }
}

#[test]
fn products_are_the_nearest_byte_for_every_pair() {
    for [a, b, to] in formats() {
        let product = Multiply { a, b, to };
        // Some rows at a time: acc has not 2,048 twice.
        let mut code = Code::new(0, &[8, 9, 10, 11], 2000..2003);
        for group in 0..4 {
            let part = PAIRS.map(|o| Operand { base: o.base + 64 * group * o.s0.unsigned_abs() as u32, ..o });
            let scratch = [Operand::new(0, 8, 1), Operand::new(512, 8, 1)];
            product.emit(&mut code, Shape::grid(64, 8), part, 8, scratch);
        }
        let rows = code.instrs().iter().filter(|instr| !matches!(instr, Instr::Fill(_))).count();
        assert_eq!(rows, 4 * if b.zero == 0 { 3 } else { 4 });
        check_pairs(code.instrs(), &product.block(), to, 1e-5, |x, y| a.real(x) * b.real(y));
    }
}
