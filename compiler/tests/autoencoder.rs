//! A dense network of ten layers, two quantisers' versions of it: the machine against the references.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;

use common::{outside, run};
use compiler::graph::Constant;
use compiler::reference::float;
use compiler::{Options, compile, import, shapes};
use isa::program::{DType, Data};
use ndarray::ArrayD;

fn check(path: &str) {
    let Some(onnx) = outside(path) else { return };
    let program = compile(&onnx, &Options::default()).unwrap().program;
    let graph = shapes::run(import::run(&onnx).unwrap()).unwrap();
    let (input, output) = (&program.metadata.inputs[0], &program.metadata.outputs[0]);
    let (mut differing, mut largest) = (0, 0.0f32);
    for seed in 0..5 {
        // Three waves; the values are what the model's own type can hold.
        let wave = |i: usize| (i as f32 * (0.03 + seed as f32 * 0.011)).sin();
        let (data, reals): (Data, Vec<f32>) = match input.dtype {
            DType::Float32 => {
                let values: Vec<f32> = (0..640).map(|i| wave(i) * input.scale * 100.0).collect();
                (Data::Float32(values.clone()), values)
            }
            _ => {
                let values: Vec<i8> = (0..640).map(|i| (wave(i) * 100.0) as i8).collect();
                (Data::Int8(values.clone()), values.iter().map(|&v| f32::from(v)).collect())
            }
        };
        let machine: Vec<f32> = match &run(&program, &[data]).0[..] {
            [Data::Float32(values)] => values.clone(),
            [Data::Int8(values)] => values.iter().map(|&v| f32::from(v)).collect(),
            other => panic!("{other:?}"),
        };
        let input = ArrayD::from_shape_vec(vec![1, 640], reals).unwrap();
        let input = match graph.inputs[0].1.dtype {
            compiler::graph::DType::F32 => Constant::F32(input),
            _ => Constant::I8(input.mapv(|v| v as i8)),
        };
        let values = float::evaluate(&graph, &BTreeMap::from([(graph.inputs[0].0.clone(), input)]));
        for (a, b) in machine.iter().zip(&values[&graph.outputs[0]].reals()) {
            let lsb = ((a - b) / output.scale).abs().round();
            differing += usize::from(lsb > 0.0);
            largest = largest.max(lsb);
        }
    }
    println!("{path}: {differing} of 3200 outputs differ from the Q/DQ reference, by at most {largest} LSB");
    assert!(differing <= 32 && largest <= 1.0);
}

#[test]
fn gemm() {
    check("autoencoder/int8_qdq_3rdparty.onnx");
}

#[test]
fn matmul_add_relu() {
    check("autoencoder/int8_qdq.onnx");
}
