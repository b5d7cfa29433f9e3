//! Each pass preserves what random small float graphs mean.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;

use common::model::{Model, float, int, ints};
use compiler::calibrate::{self, Calibration, Method, Sample};
use compiler::graph::{Constant, Graph};
use compiler::reference::{float, integer};
use compiler::{fuse, import, int_ir, quantize, shapes, simplify};
use ndarray::ArrayD;
use proptest::prelude::*;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn range(&mut self, low: usize, high: usize) -> usize {
        low + (self.next() % (high - low + 1) as u64) as usize
    }

    /// Between −1 and 1.
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    fn units(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.unit()).collect()
    }
}

/// A graph under construction: its last value, an image.
struct Chain {
    model: Model,
    random: Random,
    value: String,
    shape: [usize; 4],
}

impl Chain {
    fn constant(&mut self, shape: &[usize], from: f32, to: f32) -> String {
        let count = shape.iter().product();
        let values: Vec<f32> = self.random.units(count).iter().map(|u| from + (to - from) * (u + 1.0) / 2.0).collect();
        self.model.f32s(shape, &values)
    }

    fn number(&mut self, value: f32) -> String {
        self.model.f32s(&[], &[value])
    }

    fn node(&mut self, op: &str, others: &[&str], attributes: Vec<rten_onnx::onnx::AttributeProto>) -> String {
        let mut inputs = vec![self.value.as_str()];
        inputs.extend(others);
        self.model.node(op, &inputs, attributes)
    }

    fn then(&mut self, op: &str, others: &[&str], attributes: Vec<rten_onnx::onnx::AttributeProto>) {
        self.value = self.node(op, others, attributes);
    }

    fn conv(&mut self) {
        let [_, c, h, w] = self.shape;
        let groups = if self.random.range(0, 2) == 0 { c } else { 1 };
        let out = if groups == 1 { self.random.range(1, 5) } else { c };
        let kernel = [self.random.range(1, h.min(3)), self.random.range(1, w.min(3))];
        let weights = self.constant(&[out, c / groups, kernel[0], kernel[1]], -1.0, 1.0);
        let bias = self.constant(&[out], -0.5, 0.5);
        let attributes = vec![ints("kernel_shape", &kernel), int("group", groups as i64), ints("pads", &[0, 1, 0, 1])];
        self.then("Conv", &[&weights, &bias], attributes);
        self.shape = [1, out, h - kernel[0] + 1, w + 2 - kernel[1] + 1];
        if self.random.range(0, 1) == 0 {
            let parameters: Vec<String> =
                [(0.5, 1.5), (-0.3, 0.3), (-0.3, 0.3), (0.5, 2.0)].map(|(a, b)| self.constant(&[out], a, b)).into();
            let names: Vec<&str> = parameters.iter().map(String::as_str).collect();
            self.then("BatchNormalization", &names, vec![]);
        }
    }

    /// A function, whole or in pieces.
    fn curve(&mut self) {
        match self.random.range(0, 6) {
            0 => self.then("Relu", &[], vec![]),
            1 => self.then("LeakyRelu", &[], vec![float("alpha", 0.1)]),
            2 => self.then("HardSwish", &[], vec![]),
            3 => {
                let sigmoid = self.node("Sigmoid", &[], vec![]);
                self.then("Mul", &[&sigmoid], vec![]);
            }
            4 => {
                let (root, one, half) = (self.number(std::f32::consts::SQRT_2), self.number(1.0), self.number(0.5));
                let scaled = self.node("Div", &[&root], vec![]);
                let erf = self.model.node("Erf", &[&scaled], vec![]);
                let more = self.model.node("Add", &[&erf, &one], vec![]);
                self.then("Mul", &[&more], vec![]);
                self.then("Mul", &[&half], vec![]);
            }
            5 => {
                let slopes = self.constant(&[self.shape[1], 1, 1], -0.5, 0.5);
                self.then("PRelu", &[&slopes], vec![]);
            }
            _ => {
                let (lo, hi) = (self.number(-0.4), self.number(0.9));
                self.then("Clip", &[&lo, &hi], vec![]);
            }
        }
    }

    fn pool(&mut self) {
        let [_, _, h, w] = &mut self.shape;
        let kernel = [2.min(*h), 2.min(*w)];
        let attributes = vec![ints("kernel_shape", &kernel), ints("strides", &kernel)];
        (*h, *w) = (*h / kernel[0], *w / kernel[1]);
        let op = ["MaxPool", "AveragePool"][self.random.range(0, 1)];
        self.then(op, &[], attributes);
    }

    fn moved(&mut self) {
        let [_, c, h, w] = self.shape;
        match self.random.range(0, 4) {
            0 => {
                let pads = self.model.i64s(&[0, 0, 1, 0, 0, 0, 0, 2]);
                self.then("Pad", &[&pads], vec![]);
                self.shape = [1, c, h + 1, w + 2];
            }
            1 => {
                let [start, end, axis, step] = [[-1], [-(w as i64) - 1], [3], [-1]].map(|v| self.model.i64s(&v));
                self.then("Slice", &[&start, &end, &axis, &step], vec![]);
            }
            2 => {
                self.then("Transpose", &[], vec![ints("perm", &[0, 1, 3, 2])]);
                self.shape = [1, c, w, h];
            }
            3 => {
                let scales = self.model.f32s(&[4], &[1.0, 1.0, 2.0, 2.0]);
                let mode = ["nearest", "linear"][self.random.range(0, 1)];
                self.then("Resize", &["", &scales], vec![common::model::word("mode", mode)]);
                self.shape = [1, c, 2 * h, 2 * w];
            }
            _ => {
                let again = self.value.clone();
                self.then("Concat", &[&again], vec![int("axis", 1)]);
                self.shape = [1, 2 * c, h, w];
            }
        }
    }

    fn two(&mut self) {
        let before = self.value.clone();
        self.curve();
        let op = ["Add", "Sub", "Mul"][self.random.range(0, 2)];
        self.then(op, &[&before], vec![]);
    }

    /// A norm of the last axis, whole or in pieces, or a softmax, or attention of the image to itself.
    fn rows(&mut self) {
        let width = self.shape[3];
        match self.random.range(0, 3) {
            0 => {
                let (two, epsilon) = (self.number(2.0), self.number(1e-3));
                let gamma = self.constant(&[width], 0.5, 1.5);
                let axes = self.model.i64s(&[-1]);
                let mean = self.node("ReduceMean", &[&axes], vec![]);
                self.then("Sub", &[&mean], vec![]);
                let square = self.node("Pow", &[&two], vec![]);
                let variance = self.model.node("ReduceMean", &[&square, &axes], vec![]);
                let more = self.model.node("Add", &[&variance, &epsilon], vec![]);
                let root = self.model.node("Sqrt", &[&more], vec![]);
                self.then("Div", &[&root], vec![]);
                self.then("Mul", &[&gamma], vec![]);
            }
            1 => {
                let [gamma, beta] = [(0.5, 1.5), (-0.5, 0.5)].map(|(a, b)| self.constant(&[width], a, b));
                self.then("LayerNormalization", &[&gamma, &beta], vec![float("epsilon", 1e-3)]);
            }
            2 => {
                let axis = self.random.range(1, 3) as i64;
                self.then("Softmax", &[], vec![int("axis", axis)]);
            }
            _ => {
                let turned = self.node("Transpose", &[], vec![ints("perm", &[0, 1, 3, 2])]);
                self.then("MatMul", &[&turned], vec![]);
                self.shape[3] = self.shape[2];
                let factor = self.number(0.3);
                self.then("Mul", &[&factor], vec![]);
            }
        }
    }
}

fn graph(seed: u64) -> (Vec<u8>, [usize; 4], Random) {
    let mut random = Random(seed);
    let shape = [1, random.range(1, 4), random.range(2, 6), random.range(2, 6)];
    let mut chain = Chain { model: Model::new(&shape), random, value: "x".into(), shape };
    for _ in 0..chain.random.range(1, 5) {
        match chain.random.range(0, 6) {
            0 | 1 => chain.conv(),
            2 => chain.curve(),
            3 => chain.pool(),
            4 => chain.moved(),
            5 => chain.two(),
            _ => chain.rows(),
        }
    }
    (chain.model.bytes(&chain.value), shape, chain.random)
}

fn value(graph: &Graph, sample: &Sample) -> ArrayD<f32> {
    float::evaluate(graph, sample)[&graph.outputs[0]].reals()
}

fn check(seed: u64) {
    let (onnx, shape, mut random) = graph(seed);
    let samples: Vec<Sample> = (0..3)
        .map(|_| {
            let values = random.units(shape.iter().product()).iter().map(|v| v * 3.0).collect();
            BTreeMap::from([("x".to_string(), Constant::f32s(&shape, values).unwrap())])
        })
        .collect();
    let given = shapes::run(import::run(&onnx).unwrap()).unwrap();
    let simple = simplify::run(given.clone()).unwrap();
    for sample in &samples {
        let (before, after) = (value(&given, sample), value(&simple, sample));
        let most = before.iter().fold(1e-3f32, |most, v| most.max(v.abs()));
        for (a, b) in before.iter().zip(&after) {
            assert!((a - b).abs() <= 1e-3 * most, "simplification: {b} for {a}");
        }
    }
    let method = [Method::MinMax, Method::Percentile(0.01), Method::MeanSquare][random.range(0, 2)];
    let calibrated = calibrate::run(simple, &Calibration { samples: samples.clone(), method }).unwrap();
    let integers = quantize::run(&calibrated).unwrap();
    int_ir::check(&integers).unwrap();
    let fused = fuse::run(integers.clone());
    int_ir::check(&fused).unwrap();
    let quantization = |g: &int_ir::IntGraph, port: &int_ir::Port| g.tensor(port.tensor).quantization.unwrap();
    for sample in &samples {
        let q = quantization(&integers, &integers.inputs[0]);
        let input = [sample["x"].reals().mapv(|v| i32::from(q.quantize(v)))];
        let ours = integer::output(&integers, &integer::evaluate(&integers, &input), 0);
        assert_eq!(ours, integer::output(&fused, &integer::evaluate(&fused, &input), 0), "fusion changed the meaning");
        each_operation(&calibrated, &integers, sample);
    }
}

/// Each operation, fed what the Q/DQ graph has quantised, is within a step of what that quantises next.
fn each_operation(calibrated: &Graph, integers: &int_ir::IntGraph, sample: &Sample) {
    let values = float::evaluate(calibrated, sample);
    let bytes = |name: &str| match values.get(name) {
        Some(Constant::I8(a)) => Some(a.mapv(i32::from)),
        _ => None,
    };
    let given: BTreeMap<int_ir::TensorId, ArrayD<i32>> = (0..integers.tensors.len())
        .filter_map(|i| Some((int_ir::TensorId(i), bytes(&integers.tensors[i].name)?)))
        .filter(|(id, value)| integers.tensor(*id).shape == value.shape())
        .collect();
    let q = integers.tensor(integers.inputs[0].tensor).quantization.unwrap();
    let input = [sample["x"].reals().mapv(|v| i32::from(q.quantize(v)))];
    let ours = integer::evaluate_given(integers, &input, &given);
    for op in &integers.ops {
        let Some(theirs) = given.get(&op.output) else { continue };
        let largest = ours[op.output.0].iter().zip(theirs).map(|(a, b)| (a - b).abs()).max().unwrap_or(0);
        let most = 1 + bias_rounding(&op.kind);
        assert!(largest <= most, "{} ({}) is off by {largest} steps of {most}", op.name, op.op);
    }
}

/// Biases are rounded to steps of the accumulators, half of which is more than a step of a result of a narrow range.
fn bias_rounding(kind: &int_ir::IntKind) -> i32 {
    let (int_ir::IntKind::Conv { requant, .. } | int_ir::IntKind::Dense { requant, .. }) = kind else { return 0 };
    let steps =
        requant.multiplier.iter().zip(&requant.shift).map(|(&m, &shift)| f64::from(m) / 2f64.powi(shift.into()));
    (steps.fold(0.0, f64::max) / 2.0) as i32
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn passes_preserve_meaning(seed in any::<u64>()) {
        check(seed);
    }
}
