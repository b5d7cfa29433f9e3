//! Sizes that need more than what lies at hand: the machine equals the reference evaluator, bit for bit.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::run;
use compiler::graph::DType;
use compiler::int_ir::{IntGraph, IntKind, IntOp, IntTensor, LinearAxis, Port, Quantization, Requant, TensorId};
use compiler::reference::integer;
use compiler::{Options, compile_integers};
use isa::program::Data;
use ndarray::ArrayD;

fn requant(shift: u8) -> Requant {
    Requant { bias: vec![100], multiplier: vec![(1 << 23) + 77], shift: vec![shift], zero_point: -3, lo: -128, hi: 127 }
}

/// Operations one after another on bytes that vary; the last may read the input too.
fn check(shape: &[usize], kinds: Vec<(IntKind, &[usize], bool)>) {
    let mut graph = IntGraph::default();
    let tensor = |graph: &mut IntGraph, shape: &[usize]| {
        let quantization = Some(Quantization { scale: 0.05, zero_point: 0, dtype: DType::I8 });
        graph.add(IntTensor { name: String::new(), shape: shape.to_vec(), quantization })
    };
    let port = |name: &str, tensor: TensorId| vec![Port { name: name.into(), dtype: DType::I8, tensor }];
    let x = tensor(&mut graph, shape);
    let mut y = x;
    for (kind, shape, both) in kinds {
        let output = tensor(&mut graph, shape);
        let inputs = if both { vec![x, y] } else { vec![y] };
        graph.ops.push(IntOp { name: "op".into(), op: "Op", kind, inputs, output });
        y = output;
    }
    (graph.inputs, graph.outputs) = (port("x", x), port("y", y));
    let compiled = compile_integers(&graph, &Options::default()).unwrap();
    let bytes: Vec<i8> = (0..shape.iter().product::<usize>()).map(|i| (i * i / 7 + i * 31) as i8).collect();
    let input = ArrayD::from_shape_vec(shape.to_vec(), bytes.iter().map(|&b| b.into()).collect()).unwrap();
    let values = integer::evaluate(&graph, &[input]);
    let expected: Vec<i8> = integer::output(&graph, &values, 0).iter().map(|&v| v as i8).collect();
    assert!(expected.iter().any(|v| *v != expected[0]));
    assert_eq!(run(&compiled.program, &[Data::Int8(bytes)]).0, [Data::Int8(expected)]);
}

#[test]
fn products_of_long_rows() {
    let transposed = IntKind::Transpose { perm: vec![1, 0] };
    let product = IntKind::MatMul { zeros: [-128, 9], requant: requant(42) };
    check(&[40, 9010], vec![(transposed, &[9010, 40], false), (product, &[40, 40], true)]);
}

#[test]
fn interpolation_along_all_axes() {
    let axis = |axis: usize, size: usize| {
        let taps = (0..2 * size).map(|i| [(i / 2, 48), ((i / 2 + i % 2).min(size - 1), 16)]).collect();
        LinearAxis { axis, taps }
    };
    let resize = |size: [usize; 2]| IntKind::ResizeLinear {
        axes: vec![axis(0, size[0]), axis(1, size[1])],
        requant: requant(36),
    };
    check(&[5, 37], vec![(resize([5, 37]), &[10, 74], false)]);
    check(&[1, 3], vec![(resize([1, 3]), &[2, 6], false)]);
}
