//! The digits model, from its ONNX file to the machine, against what ONNX Runtime answered.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;

use common::{inside, npz, run};
use compiler::graph::Constant;
use compiler::reference::{float, integer};
use compiler::{Options, compile, import, integer_graph, shapes};
use isa::program::Data;
use ndarray::ArrayD;

fn argmax(values: &[f32]) -> usize {
    (0..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}

/// How two sets of logits differ, in steps of `scale`.
#[derive(Debug, Default, PartialEq)]
struct Differences {
    argmax: usize,
    logits: usize,
    largest_lsb: i64,
}

impl Differences {
    fn add(&mut self, ours: &[f32], theirs: &[f32], scale: f32) {
        self.argmax += usize::from(argmax(ours) != argmax(theirs));
        for (a, b) in ours.iter().zip(theirs) {
            let lsb = ((a - b) / scale).round() as i64;
            self.logits += usize::from(lsb != 0);
            self.largest_lsb = self.largest_lsb.max(lsb.abs());
        }
    }
}

#[test]
fn two_hundred_digits_as_onnx_runtime_answers_them() {
    let onnx = inside("models/digits/digits.onnx");
    let recorded = npz::read(&inside("models/digits/digits_200.npz"));
    let (images, labels, logits) = (recorded["image"].f32(), recorded["label"].i64(), recorded["ort_logits"].f32());

    let compiled = compile(&onnx, &Options { name: "digits".into(), ..Options::default() }).unwrap();
    let graph = shapes::run(import::run(&onnx).unwrap()).unwrap();
    let integers = integer_graph(&onnx).unwrap();
    let program = &compiled.program;
    let scale = program.metadata.outputs[0].scale;
    println!("{:#?}", compiled.report);

    let (mut machine, mut reals, mut correct) = (Differences::default(), Differences::default(), 0);
    for (index, ((image, theirs), &label)) in images.chunks(784).zip(logits.chunks(10)).zip(&labels).enumerate() {
        let (outputs, regs) = run(program, &[Data::Float32(image.to_vec())]);
        let [Data::Float32(ours)] = &outputs[..] else { panic!("{outputs:?}") };
        assert_eq!(regs.steps, compiled.report.micro_steps);

        machine.add(ours, theirs, scale);
        correct += usize::from(argmax(ours) == label as usize);
        if index % 10 > 0 {
            continue; // The references are slow.
        }
        let input = ArrayD::from_shape_vec(vec![1, 1, 28, 28], image.to_vec()).unwrap();
        let quantized = input.mapv(|x| program.metadata.inputs[0].quantise(x));
        let values = integer::evaluate(&integers, &[quantized]);
        let expected = integer::output(&integers, &values, 0);
        let expected: Vec<f32> = expected.iter().map(|&q| program.metadata.outputs[0].dequantise(q)).collect();
        assert_eq!(*ours, expected, "the machine and the integer reference differ");

        let values = float::evaluate(&graph, &BTreeMap::from([("image".to_string(), Constant::F32(input))]));
        let real: Vec<f32> = values["logits"].reals().iter().copied().collect();
        reals.add(&real, theirs, scale);
    }
    println!(
        "machine against ONNX Runtime: {machine:?}; Q/DQ reference against it: {reals:?}; correct: {correct} of 200"
    );
    assert_eq!(machine.argmax, 0);
    assert!(machine.largest_lsb <= 1, "{machine:?}");
    assert!(reals.largest_lsb <= 1, "{reals:?}");
    assert!(correct >= 194, "{correct}");
}

#[test]
fn the_same_bytes_twice() {
    let onnx = inside("models/digits/digits.onnx");
    let options = Options::default();
    assert_eq!(compile(&onnx, &options).unwrap().program.write(), compile(&onnx, &options).unwrap().program.write());
}
