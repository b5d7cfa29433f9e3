//! Random graphs of integer operations: the machine equals the reference evaluator, bit for bit.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{any_way, run};
use compiler::graph::DType;
use compiler::idiom::data::Quant;
use compiler::idiom::norm::Norm;
use compiler::int_ir::{
    Addition, AveragePool, IntGraph, IntKind, IntOp, IntTensor, IntWindow, LinearAxis, PRelu, Port, Quantization,
    Requant, Scale, TensorId,
};
use compiler::reference::integer;
use compiler::{Options, TargetLimits, compile_integers};
use isa::program::Data;
use ndarray::{Array2, Array4, ArrayD};
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

    fn byte(&mut self) -> i8 {
        self.next() as i8
    }
}

/// A graph that grows.
struct Net {
    random: Random,
    graph: IntGraph,
    /// The tensors that may be read.
    tensors: Vec<TensorId>,
    /// Those that hold indices.
    indices: Vec<TensorId>,
}

impl Net {
    fn new(seed: u64) -> Net {
        let mut random = Random(seed);
        let mut graph = IntGraph::default();
        let shape = match random.range(0, 2) {
            0 => vec![random.range(1, 6), random.pick(&[1, 8, 32, 33, 70])],
            1 => vec![random.range(1, 2), random.range(1, 5), random.pick(&[4, 32, 40])],
            _ => vec![
                random.pick(&[1, 1, 2]),
                random.pick(&[1, 3, 16, 32, 40, 64]),
                random.range(1, 9),
                random.range(1, 9),
            ],
        };
        let id = tensor(&mut graph, shape);
        graph.inputs.push(Port { name: "x".into(), dtype: DType::I8, tensor: id });
        Net { random, graph, tensors: vec![id], indices: vec![] }
    }

    fn shape(&self, id: TensorId) -> Vec<usize> {
        self.graph.tensor(id).shape.clone()
    }

    fn push(&mut self, kind: IntKind, inputs: &[TensorId], shape: Vec<usize>) -> TensorId {
        let output = tensor(&mut self.graph, shape);
        let name = format!("op{}", self.graph.ops.len());
        self.graph.ops.push(IntOp { name, op: "Op", kind, inputs: inputs.to_vec(), output });
        self.tensors.push(output);
        output
    }

    fn requant(&mut self, channels: usize, size: f64) -> Requant {
        let shift = 23 + (size / 40.0).log2().round().max(0.0) as u8;
        let random = &mut self.random;
        let count = random.pick(&[channels, channels, 1]);
        Requant {
            bias: (0..count).map(|_| random.range(0, 400) as i32 - 200).collect(),
            multiplier: (0..count).map(|_| (1 << 23) + random.range(0, 1 << 22) as u32).collect(),
            shift: (0..count).map(|_| shift).collect(),
            zero_point: random.byte() / 4,
            lo: random.pick(&[-128, -100]),
            hi: random.pick(&[127, 90]),
        }
    }

    fn window(&mut self, size: [usize; 2]) -> IntWindow {
        let random = &mut self.random;
        let pads: [usize; 4] = std::array::from_fn(|_| random.range(0, 2));
        if pads[..2] == [2, 2] {
            let strides = [random.range(1, 3), random.range(1, 3)];
            return IntWindow { kernel: [1, 1], strides, pads: [0; 4], dilations: [1, 1] };
        }
        let kernel: [usize; 2] =
            std::array::from_fn(|axis| random.range(1, 3).min(size[axis] + pads[axis] + pads[axis + 2]));
        let spare = (0..2).all(|axis| kernel[axis] * 2 <= size[axis]);
        let dilations = if spare { [random.range(1, 2), random.range(1, 2)] } else { [1, 1] };
        IntWindow { kernel, strides: [random.range(1, 2), random.range(1, 2)], pads, dilations }
    }

    fn step(&mut self) {
        let x = {
            let ids = self.tensors.clone();
            self.random.pick(&ids)
        };
        let shape = self.shape(x);
        if shape.len() == 4 && self.random.range(0, 2) > 0 { self.image(x, &shape) } else { self.any(x, &shape) }
    }

    fn image(&mut self, x: TensorId, shape: &[usize]) {
        let (n, c, size) = (shape[0], shape[1], [shape[2], shape[3]]);
        let window = self.window(size);
        let [oh, ow] = window.output(size);
        match self.random.range(0, 5) {
            0 | 1 => {
                let groups = self.random.pick(&[1, 1, 1, c, if c.is_multiple_of(4) { 4 } else { 1 }]);
                let out = if groups == 1 {
                    self.random.pick(&[1, 5, 16, 32, 40, 64])
                } else {
                    groups * self.random.range(1, 3)
                };
                let [kh, kw] = window.kernel;
                let random = &mut self.random;
                let weights = Array4::from_shape_fn((out, c / groups, kh, kw), |_| random.byte());
                let size = 5000.0 * ((c / groups * kh * kw) as f64).sqrt();
                let requant = self.requant(out, size);
                let pad_value = self.random.byte();
                let kind = IntKind::Conv { weights, groups, window, pad_value, requant };
                self.push(kind, &[x], vec![n, out, oh, ow]);
            }
            2 => {
                self.push(IntKind::MaxPool(window), &[x], vec![n, c, oh, ow]);
            }
            3 => {
                let pool = self.average(window, size);
                self.push(IntKind::AveragePool(pool), &[x], vec![n, c, oh, ow]);
            }
            4 => {
                let strides = [self.random.range(1, 2), self.random.range(1, 3)];
                let kind = IntKind::Dilate { strides, value: self.random.byte() };
                self.push(kind, &[x], vec![n, c, (size[0] - 1) * strides[0] + 1, (size[1] - 1) * strides[1] + 1]);
            }
            _ => {
                let requant = Requant { zero_point: 3, ..self.requant(1, (60 * size[0] * size[1]) as f64) };
                self.push(IntKind::Mean { axes: vec![2, 3], requant }, &[x], vec![n, c, 1, 1]);
            }
        }
    }

    fn average(&mut self, window: IntWindow, size: [usize; 2]) -> AveragePool {
        let counts = |axis: usize| -> Vec<usize> {
            let out = window.output(size)[axis];
            let inside = |at: usize| (window.pads[axis]..window.pads[axis] + size[axis]).contains(&at);
            let taps =
                |y: usize| (0..window.kernel[axis]).map(move |k| y * window.strides[axis] + k * window.dilations[axis]);
            (0..out).map(|y| taps(y).filter(|&at| inside(at)).count().max(1)).collect()
        };
        let (rows, columns) = (counts(0), counts(1));
        let mut all: Vec<usize> = rows.iter().flat_map(|r| columns.iter().map(move |c| r * c)).collect();
        all.sort_unstable();
        all.dedup();
        let scales = all.into_iter().map(|n| (n, Scale { multiplier: (1 << 23) / n as u32, shift: 23 })).collect();
        AveragePool { window, pad_value: -7, bias: 9, rows, columns, scales, zero_point: 2, lo: -100, hi: 127 }
    }

    fn any(&mut self, x: TensorId, shape: &[usize]) {
        match self.random.range(0, 11) {
            0 => self.dense(x, shape),
            1 => {
                let (lo, hi) = (self.random.byte() / 2 - 30, 100);
                self.push(IntKind::Clamp { lo, hi }, &[x], shape.to_vec());
            }
            2 => {
                let random = &mut self.random;
                let table = Box::new(std::array::from_fn(|_| random.byte()));
                self.push(IntKind::Lut(table), &[x], shape.to_vec());
            }
            3 | 4 => self.add(x, shape),
            5 => self.resize(x, shape),
            6 => self.argmax(x, shape),
            7 => self.matmul(x, shape),
            8 => self.slopes(x, shape),
            9 | 10 => self.rows(x, shape),
            _ => self.moved(x, shape),
        }
    }

    /// A slope a channel, or a product.
    fn slopes(&mut self, x: TensorId, shape: &[usize]) {
        let rank = shape.len();
        match self.random.range(0, 1) {
            0 => {
                let y = self.like(x, shape);
                let requant =
                    Requant { bias: vec![5], multiplier: vec![9_000_000], shift: vec![29], ..self.requant(1, 64.0) };
                let requant = Requant { multiplier: vec![9_000_000], shift: vec![29], bias: vec![5], ..requant };
                let zeros = [self.random.byte(), self.random.byte()];
                self.push(IntKind::Mul { zeros, requant }, &[x, y], shape.to_vec());
            }
            _ => {
                let count = self.random.pick(&[1, shape[shape.len().min(2) - 1]]);
                let random = &mut self.random;
                let mut scale = || Scale { multiplier: 1 + random.range(0, 1 << 23) as u32, shift: 22 };
                let prelu = PRelu {
                    positive: scale(),
                    negative: (0..count).map(|i| (scale(), i % 3 == 0)).collect(),
                    zero: 11,
                    axis: if rank == 4 { 1 } else { rank - 1 },
                    zero_point: -3,
                    lo: -120,
                    hi: 125,
                };
                if count == 1 || count == shape[prelu.axis] {
                    self.push(IntKind::PRelu(prelu), &[x], shape.to_vec());
                }
            }
        }
    }

    fn rows(&mut self, x: TensorId, shape: &[usize]) {
        let rank = shape.len();
        let axis = self.random.range(0, rank - 1);
        match self.random.range(0, 2) {
            0 => {
                let mut axes: Vec<usize> = (0..rank).filter(|_| self.random.range(0, 1) == 0).collect();
                if axes.is_empty() {
                    axes.push(axis);
                }
                let count: usize = axes.iter().map(|&a| shape[a]).product();
                let requant = Requant {
                    bias: vec![-3 * count as i32],
                    multiplier: vec![(1 << 23) / count as u32],
                    shift: vec![23],
                    ..self.requant(1, 64.0)
                };
                let keep = self.random.range(0, 1) == 0;
                let mut out: Vec<usize> = shape.to_vec();
                axes.iter().for_each(|&a| out[a] = 1);
                if !keep {
                    out = (0..rank).filter(|a| !axes.contains(a)).map(|a| shape[a]).collect();
                }
                if !out.is_empty() {
                    self.push(IntKind::Mean { axes, requant }, &[x], out);
                }
            }
            1 => {
                let to = Quant { scale: 1.0 / 256.0, zero: -128 };
                self.push(IntKind::Softmax { scale: 0.07, to }, &[x], shape.to_vec());
            }
            _ => {
                let features = shape[rank - 1];
                let random = &mut self.random;
                let mut values = || (0..features).map(|_| random.range(1, 200) as f64 * 0.01).collect::<Vec<f64>>();
                let norm = Norm {
                    tokens: 1,
                    centred: true,
                    scale: 0.05,
                    epsilon: 1e-5,
                    gamma: values(),
                    beta: values(),
                    to: Quant { scale: 0.04, zero: -5 },
                };
                let norm = Norm { centred: self.random.range(0, 1) == 0, ..norm };
                self.push(IntKind::Norm(Box::new(norm)), &[x], shape.to_vec());
            }
        }
    }

    fn moved(&mut self, x: TensorId, shape: &[usize]) {
        let rank = shape.len();
        let axis = self.random.range(0, rank - 1);
        let elements: usize = shape.iter().product();
        match self.random.range(0, 5) {
            0 => {
                let mut out = vec![elements];
                for _ in 0..self.random.range(0, 3) {
                    let last = out.pop().unwrap();
                    let divisors: Vec<usize> = (1..=last).filter(|d| last % d == 0).collect();
                    let d = self.random.pick(&divisors);
                    out.extend([d, last / d]);
                }
                self.push(IntKind::Reshape, &[x], out);
            }
            1 => {
                let mut perm: Vec<usize> = (0..rank).collect();
                for i in (1..rank).rev() {
                    perm.swap(i, self.random.range(0, i));
                }
                let out = perm.iter().map(|&p| shape[p]).collect();
                self.push(IntKind::Transpose { perm }, &[x], out);
            }
            2 => {
                let mut out = shape.to_vec();
                out[axis] *= 2;
                let y = self.like(x, shape);
                self.push(IntKind::Concat { axis }, &[x, y], out);
            }
            3 => {
                let mut out = shape.to_vec();
                let start = self.random.range(0, shape[axis] - 1);
                out[axis] = self.random.range(1, shape[axis] - start);
                self.push(IntKind::Slice { axis, start }, &[x], out);
            }
            4 => {
                let count = self.random.range(1, 6);
                let indices = (0..count).map(|_| self.random.range(0, shape[axis] - 1)).collect();
                let mut out = shape.to_vec();
                out[axis] = count;
                self.push(IntKind::Select { axis, indices }, &[x], out);
            }
            _ => {
                let before: Vec<usize> = (0..rank).map(|_| self.random.range(0, 2)).collect();
                let out = (0..rank).map(|a| shape[a] + before[a] + self.random.range(0, 1)).collect();
                let value = self.random.byte();
                self.push(IntKind::Pad { before, value }, &[x], out);
            }
        }
    }

    fn resize(&mut self, x: TensorId, shape: &[usize]) {
        let random = &mut self.random;
        let mut axes: Vec<usize> = (0..shape.len()).filter(|_| random.range(0, 1) == 0).collect();
        axes.truncate(2);
        if axes.is_empty() {
            return;
        }
        let mut out = shape.to_vec();
        let linear = axes.iter().map(|&axis| {
            let size = shape[axis];
            let other = random.range(1, 9);
            out[axis] = random.pick(&[size, 2 * size, 3 * size, size.div_ceil(2), other]);
            let scale = size as f64 / out[axis] as f64;
            let taps = (0..out[axis]).map(|i| {
                let at = ((i as f64 + 0.5) * scale - 0.5).clamp(0.0, (size - 1) as f64);
                let (first, w) = (at.floor() as usize, ((at - at.floor()) * 64.0).round() as i32);
                [(first, 64 - w), ((first + 1).min(size - 1), w)]
            });
            LinearAxis { axis, taps: taps.collect() }
        });
        let axes: Vec<LinearAxis> = linear.collect();
        let requant = Requant {
            bias: vec![77],
            multiplier: vec![1 << 23],
            shift: vec![23 + 6 * axes.len() as u8],
            ..self.requant(1, 64.0)
        };
        self.push(IntKind::ResizeLinear { axes, requant }, &[x], out);
    }

    /// Indices: they are an output, nothing reads them.
    fn argmax(&mut self, x: TensorId, shape: &[usize]) {
        let axis = self.random.range(0, shape.len() - 1);
        let mut out = shape.to_vec();
        out[axis] = 1;
        let last = self.random.range(0, 1) == 0;
        let id = self.push(IntKind::ArgMax { axis, last }, &[x], out);
        self.tensors.pop();
        self.graph.tensors[id.0].quantization = None;
        self.indices.push(id);
    }

    fn dense(&mut self, x: TensorId, shape: &[usize]) {
        let (mut x, mut shape) = (x, shape.to_vec());
        if self.random.range(0, 1) == 0 {
            shape = vec![1, shape.iter().product()];
            x = self.push(IntKind::Reshape, &[x], shape.clone());
        }
        let (k, n) = (shape.pop().unwrap(), self.random.pick(&[1, 10, 32, 33, 64]));
        let random = &mut self.random;
        let weights = Array2::from_shape_fn((k, n), |_| random.byte());
        let requant = self.requant(n, 5000.0 * (k as f64).sqrt());
        shape.push(n);
        self.push(IntKind::Dense { weights, requant }, &[x], shape);
    }

    /// Another tensor of the same shape, or a constant.
    fn like(&mut self, x: TensorId, shape: &[usize]) -> TensorId {
        let same: Vec<TensorId> = self.tensors.iter().copied().filter(|&id| self.shape(id) == shape).collect();
        if same.len() > 1 && self.random.range(0, 2) > 0 {
            return self.random.pick(&same);
        }
        match self.random.range(0, 1) {
            0 => x,
            _ => self.constant(shape.to_vec()),
        }
    }

    fn constant(&mut self, shape: Vec<usize>) -> TensorId {
        let random = &mut self.random;
        let values = ArrayD::from_shape_fn(shape.clone(), |_| random.byte());
        self.push(IntKind::Constant(values), &[], shape)
    }

    fn add(&mut self, x: TensorId, shape: &[usize]) {
        let mut small = shape.to_vec();
        let y = match self.random.range(0, 3) {
            0 => {
                let axis = self.random.range(0, shape.len() - 1);
                small[axis] = 1;
                self.constant(small)
            }
            1 => {
                let requant = Requant {
                    multiplier: vec![(1 << 23) / shape[0] as u32],
                    shift: vec![23],
                    bias: vec![0],
                    ..self.requant(1, 64.0)
                };
                small[0] = 1;
                self.push(IntKind::Mean { axes: vec![0], requant }, &[x], small)
            }
            _ => self.like(x, shape),
        };
        let addition = Addition {
            zeros: [self.random.byte(), self.random.byte()],
            multipliers: [700_000, self.random.pick(&[500_000, -300_000])],
            shift: 20,
            zero_point: self.random.byte() / 4,
            lo: -128,
            hi: self.random.pick(&[127, 60]),
        };
        let inputs = if self.random.range(0, 1) == 0 { [x, y] } else { [y, x] };
        self.push(IntKind::Add(addition), &inputs, shape.to_vec());
    }

    fn matmul(&mut self, x: TensorId, shape: &[usize]) {
        if shape.len() < 2 {
            return;
        }
        let rank = shape.len();
        let (k, n) = (shape[rank - 1], self.random.pick(&[1, 7, 32, 40]));
        let mut other = shape.to_vec();
        let (y, n) = match self.random.range(0, 2) {
            0 => {
                (other[rank - 2], other[rank - 1]) = (k, n);
                if self.random.range(0, 1) == 0 {
                    other[0] = if rank > 2 { 1 } else { other[0] };
                }
                (self.constant(other), n)
            }
            1 => {
                (other[rank - 2], other[rank - 1]) = (n, k);
                let y = self.constant(other.clone());
                let mut perm: Vec<usize> = (0..rank).collect();
                perm.swap(rank - 2, rank - 1);
                other.swap(rank - 2, rank - 1);
                (self.push(IntKind::Transpose { perm }, &[y], other), n)
            }
            _ => {
                let mut perm: Vec<usize> = (0..rank).collect();
                perm.swap(rank - 2, rank - 1);
                other.swap(rank - 2, rank - 1);
                let n = shape[rank - 2];
                (self.push(IntKind::Transpose { perm }, &[x], other), n)
            }
        };
        let mut out = shape.to_vec();
        out[rank - 1] = n;
        let requant = self.requant(n, 5000.0 * (k as f64).sqrt());
        let zeros = [self.random.pick(&[0, 0, 5, -128]), self.random.pick(&[0, 0, -9, -128])];
        self.push(IntKind::MatMul { zeros, requant }, &[x, y], out);
    }
}

fn tensor(graph: &mut IntGraph, shape: Vec<usize>) -> TensorId {
    let quantization = Some(Quantization { scale: 0.05, zero_point: 0, dtype: DType::I8 });
    graph.add(IntTensor { name: format!("t{}", graph.tensors.len()), shape, quantization })
}

fn check(seed: u64) {
    let mut net = Net::new(seed);
    for _ in 0..net.random.range(1, 6) {
        net.step();
    }
    let mut random = net.random;
    let mut graph = net.graph;
    if graph.ops.is_empty() {
        return;
    }
    // The last tensor, and perhaps another.
    let mut ids = vec![*net.tensors.last().unwrap()];
    if random.range(0, 3) == 0 {
        ids.push(random.pick(&net.tensors));
    }
    if let Some(&id) = net.indices.last() {
        ids.extend(vec![id; random.range(1, 2)]);
    }
    for (index, &id) in ids.iter().enumerate() {
        let dtype = if graph.tensor(id).quantization.is_some() { DType::I8 } else { DType::I32 };
        graph.outputs.push(Port { name: format!("y{index}"), dtype, tensor: id });
    }
    if graph.tensors.iter().any(|t| t.shape.iter().product::<usize>() > 40_000) {
        return;
    }
    let target = TargetLimits { spad_log2: random.pick(&[10, 11, 12, 13]), acc_log2: random.pick(&[7, 8, 10]) };
    let predictor = if seed >> 8 & 1 == 1 { any_way(seed) } else { None };
    let compiled = match compile_integers(&graph, &Options { target, predictor, ..Options::default() }) {
        Ok(compiled) => compiled,
        Err(compiler::CompileError::TooLarge { .. }) => return,
        Err(error) => panic!("{error}\n{}", describe(&graph)),
    };
    let shape = graph.tensor(graph.inputs[0].tensor).shape.clone();
    let bytes: Vec<i8> = (0..shape.iter().product()).map(|_| random.byte()).collect();
    let x = ArrayD::from_shape_vec(shape, bytes.iter().map(|&b| i32::from(b)).collect()).unwrap();
    let expected = integer::evaluate(&graph, &[x]);
    let (outputs, regs) = run(&compiled.program, &[Data::Int8(bytes)]);
    assert_eq!(regs.steps, compiled.report.micro_steps);
    for (index, output) in outputs.iter().enumerate() {
        let machine: Vec<i32> = match output {
            Data::Int8(values) => values.iter().map(|&b| i32::from(b)).collect(),
            Data::Int32(values) => values.clone(),
            _ => panic!("{output:?}"),
        };
        let expected: Vec<i32> = integer::output(&graph, &expected, index).iter().copied().collect();
        assert_eq!(machine, expected, "output {index} of\n{}", describe(&graph));
    }
}

fn describe(graph: &IntGraph) -> String {
    let line = |op: &IntOp| {
        let kind = format!("{:?}", op.kind);
        let inputs: Vec<_> = op.inputs.iter().map(|&id| &graph.tensor(id).shape).collect();
        format!("{} {:?} -> {:?}: {:.300}\n", op.name, inputs, graph.tensor(op.output).shape, kind)
    };
    graph.ops.iter().map(line).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_machine_equals_the_evaluator(seed in any::<u64>()) {
        check(seed);
    }
}

#[test]
fn known_cases() {
    for seed in [15_063_548_046_870_455_989, 5_252_415_944_998_341_367] {
        check(seed);
    }
}
