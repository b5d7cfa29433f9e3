//! Compiles models and holds the machine to the reference evaluator: every output of a run on random inputs, bit by bit.
//!
//! `cargo run -p compiler --example compare MODEL.onnx…`; a float model is calibrated on two random samples.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a tool for developers: it says what it finds, and may panic"
)]

use std::collections::BTreeMap;
use std::time::Instant;
use std::{env, fs};

use compiler::calibrate::{Calibration, Method};
use compiler::graph::{Constant, DType};
use compiler::int_ir::IntGraph;
use compiler::reference::integer;
use compiler::{Options, calibrated_graph, compile_integers, import, integer_graph, shapes};
use isa::program::{Data, Program};
use isa::{Memory, Regs, Status, Stepped, Subtree, step};
use ndarray::ArrayD;

fn main() {
    let paths: Vec<String> = env::args().skip(1).collect();
    let bad = paths.iter().filter(|path| !compare(path)).count();
    assert!(bad == 0, "{bad} of {} differ", paths.len());
}

/// Whether the machine agrees on a model.
fn compare(path: &str) -> bool {
    let onnx = fs::read(path).unwrap();
    let started = Instant::now();
    let graph = integer_graph(&onnx).or_else(|error| {
        println!("{path}: {error}");
        calibrated_graph(&onnx, &calibration(&onnx))
    });
    let graph = graph.unwrap();
    let front = started.elapsed();
    let started = Instant::now();
    let compiled = match compile_integers(&graph, &Options::default()) {
        Ok(compiled) => compiled,
        Err(error) => {
            println!("{path}: {error}");
            return false;
        }
    };
    let back = started.elapsed();
    let report = &compiled.report;
    println!(
        "{path}: front {front:.2?}, back {back:.2?}; {} instructions, {} rows of const ({:.2} %), {} micro-steps, {} MACs",
        report.instructions,
        report.const_rows,
        100.0 * report.instructions as f64 / report.const_rows as f64,
        report.micro_steps,
        report.layers.iter().map(|layer| layer.macs).sum::<u64>(),
    );
    agrees(&graph, &compiled.program)
}

/// Whether a run gives what the evaluator gives.
fn agrees(graph: &IntGraph, program: &Program) -> bool {
    let mut random = Random(1);
    let inputs: Vec<ArrayD<i32>> = graph
        .inputs
        .iter()
        .map(|port| {
            let tensor = graph.tensor(port.tensor);
            let count = tensor.shape.iter().product();
            let values =
                (0..count).map(|_| if tensor.quantization.is_some() { random.byte().into() } else { 1 }).collect();
            ArrayD::from_shape_vec(tensor.shape.clone(), values).unwrap()
        })
        .collect();
    let data: Vec<Data> = graph
        .inputs
        .iter()
        .zip(&inputs)
        .map(|(port, values)| {
            let q = graph.tensor(port.tensor).quantization;
            match port.dtype {
                DType::I8 => Data::Int8(values.iter().map(|&v| v as i8).collect()),
                DType::U8 => Data::Uint8(values.iter().map(|&v| (v + 128) as u8).collect()),
                DType::F32 => Data::Float32(values.iter().map(|&v| q.unwrap().dequantize(v as i8)).collect()),
                _ => Data::Int32(values.iter().copied().collect()),
            }
        })
        .collect();
    let started = Instant::now();
    let (outputs, regs) = run(program, &data);
    println!("  steps {}, {:.2?}", regs.steps, started.elapsed());
    let started = Instant::now();
    let expected = integer::evaluate(graph, &inputs);
    println!("  evaluated in {:.2?}", started.elapsed());
    let mut all = true;
    for (index, (output, port)) in outputs.iter().zip(&graph.outputs).enumerate() {
        let expected: Vec<i32> = integer::output(graph, &expected, index).iter().copied().collect();
        let tensor = &program.metadata.outputs[index];
        let machine: Vec<i32> = match output {
            Data::Int8(v) => v.iter().map(|&v| v.into()).collect(),
            Data::Uint8(v) => v.iter().map(|&v| i32::from(v) - 128).collect(),
            Data::Float32(v) => v.iter().map(|&v| tensor.quantise(v)).collect(),
            Data::Int32(v) => v.clone(),
        };
        let off = machine.iter().zip(&expected).filter(|(a, b)| a != b).count();
        let verdict = if off == 0 { "equal" } else { "DIFFERENT" };
        println!("  {}: {verdict}, {off} of {} differ", port.name, expected.len());
        all &= off == 0 && machine.len() == expected.len();
    }
    all
}

fn run(program: &Program, inputs: &[Data]) -> (Vec<Data>, Regs) {
    let input = program.encode_inputs(inputs).unwrap();
    let mut memory = Memory::new(&program.head(), &program.text, &program.constant, &input);
    while matches!(step(&mut memory).unwrap(), Stepped::Ran { .. }) {}
    let regs = memory.regs();
    assert_eq!(regs.status, Status::Halted.code(), "{:?}", Status::from_code(regs.status));
    (program.decode_outputs(|row| memory.tree(Subtree::Output).get(row)), regs)
}

/// Two random samples for each input.
fn calibration(onnx: &[u8]) -> Calibration {
    let graph = shapes::run(import::run(onnx).unwrap()).unwrap();
    let mut random = Random(7);
    let samples = (0..2).map(|_| {
        let inputs = graph.inputs.iter().map(|(name, info)| {
            let count = info.shape.iter().product();
            let values = (0..count).map(|_| f32::from(random.byte()) / 64.0).collect();
            (name.clone(), Constant::f32s(&info.shape, values).unwrap())
        });
        inputs.collect::<BTreeMap<_, _>>()
    });
    Calibration { samples: samples.collect(), method: Method::MinMax }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn byte(&mut self) -> i8 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) as i8
    }
}
