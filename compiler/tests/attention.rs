//! Attention of many sizes: the machine equals the reference evaluator, bit for bit.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{any_way, run};
use compiler::graph::DType;
use compiler::idiom::data::Quant;
use compiler::int_ir::{Addition, IntGraph, IntKind, IntOp, IntTensor, Port, Quantization, Requant, TensorId};
use compiler::reference::integer;
use compiler::{Options, TargetLimits, compile_integers};
use isa::program::Data;
use ndarray::{Array2, ArrayD};
use proptest::prelude::*;

/// Heads of attention: queries of `tokens`, keys and values of the same.
#[derive(Clone, Debug)]
struct Case {
    heads: usize,
    tokens: usize,
    features: usize,
    zeros: [[i8; 2]; 2],
    /// What makes them of the input.
    made: Made,
    /// Whether keys are transposed for their product as rows, by a movement of whole rows.
    keys_by_row: bool,
    target: TargetLimits,
    seed: u64,
}

/// How queries, keys and values are made.
#[derive(Clone, Copy, Debug)]
enum Made {
    Table,
    Product,
    ProductAndSum,
}

fn cases() -> impl Strategy<Value = Case> {
    let zero = prop_oneof![Just(0i8), Just(5), Just(-9), Just(-128), Just(127)];
    let zeros = [[zero.clone(), zero.clone()], [zero.clone(), zero]];
    let sizes = (1usize..4, prop_oneof![Just(1usize), Just(8), Just(33), Just(64), Just(100), Just(130)]);
    let features = prop_oneof![Just(7usize), Just(32), Just(40), Just(64)];
    let made = prop_oneof![Just(Made::Table), Just(Made::Product), Just(Made::ProductAndSum)];
    (sizes, features, zeros, made, any::<bool>(), (11u8..14, 8u8..11), any::<u64>()).prop_map(
        |((heads, tokens), features, zeros, made, keys_by_row, (spad_log2, acc_log2), seed)| {
            let target = TargetLimits { spad_log2, acc_log2 };
            Case { heads, tokens, features, zeros, made, keys_by_row, target, seed }
        },
    )
}

struct Net(IntGraph);

impl Net {
    fn tensor(&mut self, shape: &[usize]) -> TensorId {
        let quantization = Some(Quantization { scale: 0.05, zero_point: 0, dtype: DType::I8 });
        self.0.add(IntTensor { name: String::new(), shape: shape.to_vec(), quantization })
    }

    fn push(&mut self, kind: IntKind, inputs: &[TensorId], shape: &[usize]) -> TensorId {
        let output = self.tensor(shape);
        let name = format!("op{}", self.0.ops.len());
        self.0.ops.push(IntOp { name, op: "Op", kind, inputs: inputs.to_vec(), output });
        output
    }

    /// A function of x, by heads, in the order of a permutation of (token, head, feature).
    fn by_heads(&mut self, case: &Case, x: TensorId, add: i8, perm: [usize; 3]) -> TensorId {
        let table = Box::new(std::array::from_fn(|entry| (entry as u8 ^ 0x80).cast_signed().wrapping_add(add)));
        let sizes = [case.tokens, case.heads, case.features];
        let shape = [case.tokens, case.heads * case.features];
        let y = match case.made {
            Made::Table => self.push(IntKind::Lut(table), &[x], &shape),
            Made::Product => self.dense(x, add, &shape),
            Made::ProductAndSum => {
                let y = self.dense(x, add, &shape);
                let values = ArrayD::from_shape_fn(vec![shape[1]], |at| (at[0] as i8).wrapping_mul(add));
                let other = self.push(IntKind::Constant(values), &[], &shape[1..]);
                let addition = Addition {
                    zeros: [3, -7],
                    multipliers: [700_000, 500_000],
                    shift: 20,
                    zero_point: add / 4,
                    lo: -128,
                    hi: 127,
                };
                self.push(IntKind::Add(addition), &if add > 0 { [y, other] } else { [other, y] }, &shape)
            }
        };
        let y = self.push(IntKind::Reshape, &[y], &sizes);
        self.push(IntKind::Transpose { perm: perm.to_vec() }, &[y], &perm.map(|axis| sizes[axis]))
    }

    fn dense(&mut self, x: TensorId, add: i8, shape: &[usize; 2]) -> TensorId {
        let channels = shape[1];
        let weights = Array2::from_shape_fn((channels, channels), |(i, j)| ((i * 31 + j * 17) as i8).wrapping_mul(add));
        let requant = Requant {
            bias: (0..channels as i32).map(|channel| channel * 300 - 5000).collect(),
            multiplier: vec![(1 << 23) + 4321; channels],
            shift: vec![31 + (channels as f64).log2() as u8 / 2; channels],
            zero_point: 2,
            lo: -128,
            hi: 127,
        };
        self.push(IntKind::Dense { weights, requant }, &[x], shape)
    }

    fn product(&mut self, zeros: [i8; 2], inputs: [TensorId; 2], shift: u8, shape: &[usize]) -> TensorId {
        let channels = shape[2];
        let requant = Requant {
            bias: (0..channels as i32).map(|channel| channel * 7 - 50).collect(),
            multiplier: vec![(1 << 23) + 12_345; channels],
            shift: vec![shift; channels],
            zero_point: 3,
            lo: -128,
            hi: 127,
        };
        self.push(IntKind::MatMul { zeros, requant }, &inputs, shape)
    }
}

fn graph(case: &Case) -> IntGraph {
    let (h, t, f) = (case.heads, case.tokens, case.features);
    let mut net = Net(IntGraph::default());
    let x = net.tensor(&[t, h * f]);
    let q = net.by_heads(case, x, 1, [1, 0, 2]);
    let k = if case.keys_by_row {
        let rows = net.by_heads(case, x, 50, [1, 0, 2]);
        net.push(IntKind::Transpose { perm: vec![0, 2, 1] }, &[rows], &[h, f, t])
    } else {
        net.by_heads(case, x, 50, [1, 2, 0])
    };
    let v = net.by_heads(case, x, -70, [1, 0, 2]);
    let scores = net.product(case.zeros[0], [q, k], 34, &[h, t, t]);
    let to = Quant { scale: 1.0 / 256.0, zero: -128 };
    let p = net.push(IntKind::Softmax { scale: 0.06, to }, &[scores], &[h, t, t]);
    let y = net.product(case.zeros[1], [p, v], 33, &[h, t, f]);
    let y = net.push(IntKind::Transpose { perm: vec![1, 0, 2] }, &[y], &[t, h, f]);
    let y = net.push(IntKind::Reshape, &[y], &[t, h * f]);
    let port = |name: &str, tensor| vec![Port { name: name.into(), dtype: DType::I8, tensor }];
    (net.0.inputs, net.0.outputs) = (port("x", x), port("y", y));
    net.0
}

/// How many tasks there are, if there are any.
fn check(case: &Case) -> Option<usize> {
    let graph = graph(case);
    let compile = |predictor| {
        let options = Options { target: case.target, predictor, ..Options::default() };
        match compile_integers(&graph, &options) {
            Ok(compiled) => Some(compiled),
            Err(compiler::CompileError::TooLarge { .. }) => None,
            Err(error) => panic!("{error}"),
        }
    };
    let (compiled, other) = (compile(None)?, compile(any_way(case.seed))?);
    let mut state = case.seed | 1;
    let mut byte = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (state >> 56) as i8
    };
    let bytes: Vec<i8> = (0..case.tokens * case.heads * case.features).map(|_| byte()).collect();
    let shape = vec![case.tokens, case.heads * case.features];
    let x = ArrayD::from_shape_vec(shape, bytes.iter().map(|&b| i32::from(b)).collect()).unwrap();
    let values = integer::evaluate(&graph, &[x]);
    let expected: Vec<i8> = integer::output(&graph, &values, 0).iter().map(|&v| v as i8).collect();
    for program in [&compiled.program, &other.program] {
        let (outputs, _) = run(program, &[Data::Int8(bytes.clone())]);
        assert_eq!(outputs, [Data::Int8(expected.clone())]);
    }
    Some(compiled.report.layers.len())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_machine_equals_the_evaluator(case in cases()) {
        check(&case);
    }
}

#[test]
fn attention_of_128_tokens_stays_on_chip() {
    let zeros = [[4, -5], [-128, 7]];
    let target = TargetLimits::default();
    for (made, tasks) in [(Made::Table, 4), (Made::Product, 1), (Made::ProductAndSum, 1)] {
        let case = Case { heads: 2, tokens: 128, features: 64, zeros, made, keys_by_row: false, target, seed: 1 };
        assert_eq!(check(&case), Some(tasks), "{case:?}");
    }
}

/// The values of a head stay until its last strip is weighed, though the next but one is being made by then.
#[test]
fn heads_of_one_strip_do_not_meet() {
    let target = TargetLimits::default();
    for heads in 3..6 {
        let (zeros, made) = ([[0; 2]; 2], Made::Product);
        let case = Case { heads, tokens: 8, features: 32, zeros, made, keys_by_row: false, target, seed: 1 };
        assert_eq!(check(&case), Some(1), "{case:?}");
    }
}
