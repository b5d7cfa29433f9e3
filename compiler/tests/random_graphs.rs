//! Random small models: the machine equals the integer IR, and that the Q/DQ reference but for ties.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;

use common::model::{Byte, Model, ints};
use common::run;
use compiler::graph::Constant;
use compiler::reference::{float, integer};
use compiler::{Options, TargetLimits, compile, import, integer_graph, quantize, shapes};
use isa::program::Data;
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

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.range(0, from.len() - 1)]
    }

    fn weights(&mut self, count: usize) -> Vec<i8> {
        (0..count).map(|_| self.next() as i8).collect()
    }

    fn scales(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| 0.001 + self.range(0, 1000) as f32 * 1e-5).collect()
    }
}

/// A chain of layers, kept with what is needed to extend it.
struct Chain {
    model: Model,
    value: String,
    shape: [usize; 3],
    scale: f32,
    zero: i8,
    byte: Byte,
}

impl Chain {
    fn new(random: &mut Random) -> Chain {
        let shape = [random.pick(&[1, 1, 3, 4, 33]), random.range(1, 9), random.range(1, 12)];
        let mut model = Model::new(&[1, shape[0], shape[1], shape[2]]);
        let byte = random.pick(&[Byte::Signed, Byte::Unsigned]);
        let (scale, zero) = (0.01, random.next() as i8);
        let value = model.quantized("x", scale, zero, byte);
        Chain { model, value, shape, scale, zero, byte }
    }

    /// Quantises sums of about `terms` products, perhaps after an activation.
    fn quantize(&mut self, random: &mut Random, sums: &str, terms: usize) {
        let mut value = sums.to_string();
        match random.range(0, 3) {
            0 => value = self.model.node("Relu", &[&value], vec![]),
            1 => {
                let (lo, hi) = (self.model.f32s(&[], &[-0.5]), self.model.f32s(&[], &[6.0]));
                value = self.model.node("Clip", &[&value, &lo, &hi], vec![]);
            }
            _ => {}
        }
        // Weights are uniform, about 74 · 0.006 each; activations 74 · scale: most results stay within 127 steps.
        self.scale = self.scale * 0.006 * 74.0 * 74.0 * (terms as f32).sqrt() / 60.0;
        self.zero = random.next() as i8;
        self.value = self.model.quantized(&value, self.scale, self.zero, self.byte);
    }

    fn conv(&mut self, random: &mut Random) {
        let [channels, height, width] = self.shape;
        let out = random.pick(&[1, 5, 16, 32, 40]);
        let [ph, pw] = [random.range(0, 2), random.range(0, 2)];
        let kernel = [random.range(1, 3).min(height + ph), random.range(1, 3).min(width + pw)];
        let dilation = if kernel[0].max(kernel[1]) * 2 <= height.min(width) { random.range(1, 2) } else { 1 };
        let strides = [random.range(1, 2), random.range(1, 2)];
        let terms = channels * kernel[0] * kernel[1];
        let scales = random.scales(out);
        let w = self.model.weights(&[out, channels, kernel[0], kernel[1]], &random.weights(out * terms), &scales, 0);
        let units: Vec<f32> = scales.iter().map(|s| s * self.scale).collect();
        let values: Vec<i32> = (0..out).map(|_| random.range(0, 20000) as i32 - 10000).collect();
        let bias = self.model.bias(&values, &units);
        let attributes = vec![
            ints("kernel_shape", &kernel),
            ints("pads", &[ph, pw, 0, pw]),
            ints("strides", &strides),
            ints("dilations", &[dilation, dilation]),
        ];
        let value = self.value.clone();
        let sums = self.model.node("Conv", &[&value, &w, &bias], attributes);
        let size = |size: usize, pads: usize, axis: usize| {
            (size + pads - (kernel[axis] - 1) * dilation - 1) / strides[axis] + 1
        };
        self.shape = [out, size(height, ph, 0), size(width, 2 * pw, 1)];
        self.quantize(random, &sums, terms);
    }

    fn pool(&mut self, random: &mut Random) {
        let [channels, height, width] = self.shape;
        let kernel = [random.range(1, 3).min(height), random.range(1, 3).min(width)];
        let strides = [random.range(1, 2), random.range(1, 2)];
        let attributes = vec![ints("kernel_shape", &kernel), ints("strides", &strides)];
        let value = self.value.clone();
        let pooled = self.model.node("MaxPool", &[&value], attributes);
        self.value = self.model.quantized(&pooled, self.scale, self.zero, self.byte);
        self.shape = [channels, (height - kernel[0]) / strides[0] + 1, (width - kernel[1]) / strides[1] + 1];
    }

    fn gemm(&mut self, random: &mut Random) {
        let inputs: usize = self.shape.iter().product();
        let outputs = random.pick(&[1, 10, 33]);
        let value = self.value.clone();
        let flat = self.model.node("Flatten", &[&value], vec![]);
        let flat = self.model.quantized(&flat, self.scale, self.zero, self.byte);
        let scales = random.scales(outputs);
        let w = self.model.weights(&[inputs, outputs], &random.weights(inputs * outputs), &scales, 1);
        let product = self.model.node("MatMul", &[&flat, &w], vec![]);
        let bias: Vec<f32> = random.scales(outputs);
        let bias = self.model.f32s(&[outputs], &bias);
        let sums = self.model.node("Add", &[&product, &bias], vec![]);
        self.shape = [outputs, 1, 1];
        self.quantize(random, &sums, inputs);
    }
}

fn model(random: &mut Random) -> Chain {
    let mut chain = Chain::new(random);
    for _ in 0..random.range(0, 3) {
        match random.range(0, 2) {
            0 => chain.pool(random),
            _ => chain.conv(random),
        }
    }
    if random.range(0, 1) == 1 {
        chain.gemm(random);
    }
    chain
}

fn check(seed: u64) {
    let mut random = Random(seed);
    let chain = model(&mut random);
    let onnx = chain.model.bytes(&chain.value);
    let target = TargetLimits { spad_log2: 16, acc_log2: random.pick(&[5, 6, 10]) };
    let compiled = compile(&onnx, &Options { target, ..Options::default() }).unwrap();
    let program = &compiled.program;

    let graph = shapes::run(import::run(&onnx).unwrap()).unwrap();
    let shape = graph.inputs[0].1.shape.clone();
    let count = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|_| (random.next() as i8) as f32 * 0.0101).collect();
    let input = ArrayD::from_shape_vec(shape, values.clone()).unwrap();

    let (outputs, regs) = run(program, &[Data::Float32(values)]);
    assert_eq!(regs.steps, compiled.report.micro_steps);
    let [Data::Float32(machine)] = &outputs[..] else { panic!("{outputs:?}") };

    let quantized = input.mapv(|x| program.metadata.inputs[0].quantise(x));
    let unfused = quantize::run(&graph).unwrap();
    let fused = integer_graph(&onnx).unwrap();
    let expected = integer::output(&fused, &integer::evaluate(&fused, std::slice::from_ref(&quantized)), 0);
    let before = integer::output(&unfused, &integer::evaluate(&unfused, &[quantized]), 0);
    assert_eq!(before, expected, "fusion changed the meaning");
    let tensor = &program.metadata.outputs[0];
    let stored: Vec<i32> = machine.iter().map(|&x| tensor.quantise(x)).collect();
    assert_eq!(stored, expected.iter().copied().collect::<Vec<_>>(), "the machine differs from the integer IR");

    let reals = float::evaluate(&graph, &BTreeMap::from([("x".to_string(), Constant::F32(input))]));
    let reals = reals[&graph.outputs[0]].reals();
    let off = reals.iter().zip(&expected).map(|(&r, &q)| (tensor.quantise(r) - q).abs());
    // A tie that the reals round the other way early in the chain moves what follows by a step or two.
    let (largest, number) = off.fold((0, 0), |(l, n), d| (l.max(d), n + usize::from(d > 0)));
    assert!(largest <= 2 && number * 20 <= expected.len() + 20, "{number} of {} off, by {largest}", expected.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn machine_integers_and_reals_agree(seed in any::<u64>()) {
        check(seed);
    }
}
