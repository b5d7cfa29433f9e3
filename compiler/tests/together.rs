//! Convolutions that are made together, strip by strip: depthwise ones between pointwise ones, and pointwise ones after another.
//! The machine equals the evaluator whatever their sizes.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{any_way, run};
use compiler::graph::DType;
use compiler::int_ir::{
    Addition, IntGraph, IntKind, IntOp, IntTensor, IntWindow, Port, Quantization, Requant, TensorId,
};
use compiler::reference::integer;
use compiler::{Compiled, Options, TargetLimits, compile_integers};
use isa::program::Data;
use ndarray::{Array4, ArrayD};
use proptest::prelude::*;

/// A block: channels between and of the result; whether it expands first.
#[derive(Clone, Debug)]
struct Block {
    between: Option<usize>,
    window: IntWindow,
    out: usize,
    /// Whether the input is added to the result where it has its shape.
    residual: bool,
}

/// A net of blocks over an input [n, c, h, w].
#[derive(Clone, Debug)]
struct Net {
    input: [usize; 4],
    blocks: Vec<Block>,
    target: TargetLimits,
}

struct Builder {
    graph: IntGraph,
    seed: u64,
}

impl Builder {
    fn byte(&mut self) -> i8 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 56) as i8
    }

    fn tensor(&mut self, shape: &[usize]) -> TensorId {
        let quantization = Some(Quantization { scale: 0.05, zero_point: 0, dtype: DType::I8 });
        self.graph.add(IntTensor {
            name: format!("t{}", self.graph.tensors.len()),
            shape: shape.to_vec(),
            quantization,
        })
    }

    fn push(&mut self, kind: IntKind, inputs: &[TensorId], shape: &[usize]) -> TensorId {
        let output = self.tensor(shape);
        let name = format!("op{}", self.graph.ops.len());
        self.graph.ops.push(IntOp { name, op: "Op", kind, inputs: inputs.to_vec(), output });
        output
    }

    fn conv(&mut self, x: TensorId, out: usize, groups: usize, window: IntWindow) -> TensorId {
        let shape = self.graph.tensor(x).shape.clone();
        let [kh, kw] = window.kernel;
        let size = [out, shape[1] / groups, kh, kw];
        let weights = Array4::from_shape_simple_fn(size, || self.byte());
        let taps = (shape[1] / groups * kh * kw) as f64;
        let requant = Requant {
            bias: (0..out).map(|_| i32::from(self.byte()) * 40).collect(),
            multiplier: (0..out).map(|_| (1 << 23) + i32::from(self.byte()).unsigned_abs()).collect(),
            shift: vec![23 + (150.0 * taps.sqrt()).log2().round() as u8; out],
            zero_point: self.byte() / 8,
            lo: -128,
            hi: 110,
        };
        let pad_value = self.byte();
        let [h, w] = window.output([shape[2], shape[3]]);
        let kind = IntKind::Conv { weights, groups, window, pad_value, requant };
        self.push(kind, &[x], &[shape[0], out, h, w])
    }

    fn block(&mut self, x: TensorId, block: &Block) -> TensorId {
        let point = IntWindow { kernel: [1, 1], strides: [1, 1], pads: [0; 4], dilations: [1, 1] };
        let between = block.between.map_or(x, |channels| self.conv(x, channels, 1, point));
        let channels = self.graph.tensor(between).shape[1];
        let filtered = self.conv(between, channels, channels, block.window);
        let y = self.conv(filtered, block.out, 1, point);
        let residual = block.residual && self.graph.tensor(x).shape == self.graph.tensor(y).shape;
        if residual { self.add(x, y) } else { y }
    }

    fn add(&mut self, x: TensorId, y: TensorId) -> TensorId {
        let shape = self.graph.tensor(y).shape.clone();
        let addition =
            Addition { zeros: [3, -4], multipliers: [700_000, 500_000], shift: 20, zero_point: 5, lo: -128, hi: 120 };
        self.push(IntKind::Add(addition), &[x, y], &shape)
    }
}

/// Compiles a net and holds the machine to the evaluator; nothing, where the target is too small.
fn check(net: &Net) -> Option<Compiled> {
    let mut builder = Builder { graph: IntGraph::default(), seed: 5 };
    let x = builder.tensor(&net.input);
    builder.graph.inputs.push(Port { name: "x".into(), dtype: DType::I8, tensor: x });
    let y = net.blocks.iter().fold(x, |x, block| builder.block(x, block));
    agrees(builder, y, net.target)
}

/// Compiles a graph up to a tensor by rules and by chance, and holds the machine to the evaluator; the program of the rules.
fn agrees(mut builder: Builder, y: TensorId, target: TargetLimits) -> Option<Compiled> {
    builder.graph.outputs.push(Port { name: "y".into(), dtype: DType::I8, tensor: y });
    let shape = builder.graph.tensor(builder.graph.inputs[0].tensor).shape.clone();
    let bytes: Vec<i8> = (0..shape.iter().product()).map(|_| builder.byte()).collect();
    let values = bytes.iter().map(|&b| i32::from(b)).collect();
    let x = ArrayD::from_shape_vec(shape, values).unwrap();
    let values = integer::evaluate(&builder.graph, &[x]);
    let expected: Vec<i32> = integer::output(&builder.graph, &values, 0).iter().copied().collect();
    let mut first = None;
    for predictor in [None, any_way(builder.seed)] {
        let compiled = match compile_integers(&builder.graph, &Options { target, predictor, ..Options::default() }) {
            Ok(compiled) => compiled,
            Err(compiler::CompileError::TooLarge { .. }) => return None,
            Err(error) => panic!("{error}"),
        };
        let (outputs, regs) = run(&compiled.program, &[Data::Int8(bytes.clone())]);
        assert_eq!(regs.steps, compiled.report.micro_steps);
        let Data::Int8(machine) = &outputs[0] else { panic!("{outputs:?}") };
        assert_eq!(machine.iter().map(|&b| i32::from(b)).collect::<Vec<_>>(), expected);
        let tasks: Vec<&str> = compiled.report.outline.tasks.iter().map(|task| task.name.as_str()).collect();
        assert_eq!(names(&compiled), tasks, "a layer is a task of the outline");
        first = first.or(Some(compiled));
    }
    first
}

/// A block of ResNet without its first convolution: a window, a pointwise convolution, and a sum with nothing, an input of its shape
/// or a pointwise convolution of the input.
fn chain(
    input: [usize; 4],
    [_, between, out]: [usize; 3],
    [stride, kernel]: [usize; 2],
    shortcut: usize,
    target: TargetLimits,
) -> Option<Compiled> {
    let mut builder = Builder { graph: IntGraph::default(), seed: 9 };
    let x = builder.tensor(&input);
    builder.graph.inputs.push(Port { name: "x".into(), dtype: DType::I8, tensor: x });
    let window = |kernel: usize, stride: usize| IntWindow {
        kernel: [kernel; 2],
        strides: [stride; 2],
        pads: [kernel / 2; 4],
        dilations: [1, 1],
    };
    let first = builder.conv(x, between, 1, window(kernel, stride));
    let second = builder.conv(first, out, 1, window(1, 1));
    let y = match shortcut {
        0 => second,
        1 if input[1] == out && stride == 1 => builder.add(x, second),
        _ => {
            let short = builder.conv(x, out, 1, window(1, stride));
            builder.add(second, short)
        }
    };
    agrees(builder, y, target)
}

fn window() -> impl Strategy<Value = IntWindow> {
    let pads = [0usize..5, 0..5, 0..5, 0..5];
    (1usize..6, 1usize..6, 1usize..4, 1usize..4, pads).prop_map(|(kh, kw, sh, sw, pads)| IntWindow {
        kernel: [kh, kw],
        strides: [sh, sw],
        pads: std::array::from_fn(|side| pads[side] % [kh, kw][side % 2]),
        dilations: [1, 1],
    })
}

fn block() -> impl Strategy<Value = Block> {
    let channels = prop::sample::select(vec![1usize, 16, 32, 40, 70]);
    let same = IntWindow { kernel: [3, 3], strides: [1, 1], pads: [1; 4], dilations: [1, 1] };
    (prop::option::weighted(0.7, channels.clone()), prop_oneof![Just(same), window()], channels, any::<bool>())
        .prop_map(|(between, window, out, residual)| Block { between, window, out, residual })
}

fn net() -> impl Strategy<Value = Net> {
    let channels = prop::sample::select(vec![2usize, 16, 32, 40]);
    let target = (prop::sample::select(vec![10u8, 11, 12, 13]), prop::sample::select(vec![7u8, 8, 10]));
    let blocks = prop::collection::vec(block(), 1..3);
    (1usize..3, channels, 5usize..20, 5usize..20, blocks, target).prop_map(|(n, c, h, w, blocks, target)| Net {
        input: [n, c, h, w],
        blocks,
        target: TargetLimits { spad_log2: target.0, acc_log2: target.1 },
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_machine_equals_the_evaluator(net in net()) {
        // Windows that do not fit are none.
        let fits = net.blocks.iter().try_fold([net.input[2], net.input[3]], |size, block| {
            let there = (0..2).all(|axis| {
                let pads = block.window.pads[axis] + block.window.pads[axis + 2];
                size[axis] + pads >= block.window.kernel[axis]
            });
            there.then(|| block.window.output(size))
        });
        prop_assume!(fits.is_some());
        check(&net);
    }

    #[test]
    fn chains_equal_the_evaluator(
        (h, w, images) in (20usize..30, 20usize..30, 1usize..3),
        channels in prop::sample::select(vec![[8usize, 32, 40], [32, 33, 64], [40, 16, 32]]),
        stride in 1usize..3,
        kernel in prop::sample::select(vec![1usize, 3]),
        shortcut in 0usize..3,
        acc_log2 in prop::sample::select(vec![7u8, 8, 10]),
    ) {
        chain([images, channels[0], h, w], channels, [stride, kernel], shortcut, TargetLimits { spad_log2: 10, acc_log2 });
    }
}

fn names(compiled: &Compiled) -> Vec<&str> {
    compiled.report.layers.iter().map(|layer| layer.name.as_str()).collect()
}

/// The first block of ResNet-50, smaller: one layer, of which only the result is stored.
#[test]
fn chains_are_one_layer() {
    let target = TargetLimits { spad_log2: 10, acc_log2: 10 };
    let compiled = chain([1, 32, 28, 28], [32; 3], [1, 3], 2, target).unwrap();
    assert_eq!(names(&compiled), ["op0 + op1 + op2"]);
    assert_eq!(compiled.program.profile.work, 0);
}

/// Blocks of MobileNetV2, smaller: one layer each, in as many instructions as before, nothing between in DRAM.
#[test]
fn blocks_are_one_layer() {
    let window = |stride: usize| IntWindow { kernel: [3, 3], strides: [stride; 2], pads: [1; 4], dilations: [1, 1] };
    let block = |between, stride, out| Block { between, window: window(stride), out, residual: true };
    let blocks = vec![block(None, 1, 16), block(Some(96), 2, 24), block(Some(72), 1, 24)];
    let target = TargetLimits { spad_log2: 11, acc_log2: 10 };
    let compiled = check(&Net { input: [1, 32, 40, 40], blocks, target }).unwrap();
    assert_eq!(names(&compiled), ["op0 + op1", "op2 + op3 + op4", "op5 + op6 + op7"]);
    let work = 1u64 << compiled.program.profile.work;
    assert!(work <= 2048, "{work} rows of work");
}
