//! The standard ONNX node tests, by operator: passed, not applicable (an error that names the node), failed.
//!
//! A float test passes if the reference evaluator gives its output, and the integers, calibrated on the test's own input, give
//! what the Q/DQ graph means to a step: the quantisation bound. Skips, saying so, without the Python of `cargo xtask bench`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use common::npz::{self, Array};
use common::python;
use compiler::calibrate::{self, Calibration, Method, Sample};
use compiler::graph::{Constant, DType, Graph};
use compiler::int_ir::IntGraph;
use compiler::reference::{float, integer};
use compiler::{OPERATORS, import, quantize, shapes, simplify};
use ndarray::ArrayD;

fn constant(array: &Array) -> Option<Constant> {
    fn of<T>(shape: &[usize], values: Vec<T>) -> ArrayD<T> {
        ArrayD::from_shape_vec(shape, values).unwrap()
    }
    let bytes = &array.bytes;
    Some(match array.dtype.as_str() {
        "<f4" => Constant::F32(of(&array.shape, array.f32())),
        "<i8" => Constant::I64(of(&array.shape, array.i64())),
        "<i4" => Constant::I32(of(&array.shape, bytes.as_chunks().0.iter().map(|&c| i32::from_le_bytes(c)).collect())),
        "|i1" => Constant::I8(of(&array.shape, bytes.iter().map(|b| b.cast_signed()).collect())),
        "|u1" => Constant::U8(of(&array.shape, bytes.clone())),
        _ => return None,
    })
}

/// What became of a test.
#[derive(Debug, PartialEq)]
enum Outcome {
    Passed,
    NotApplicable(String),
    Failed(String),
}

use Outcome::{Failed, NotApplicable, Passed};

fn run(onnx: &[u8], arrays: &BTreeMap<String, Array>) -> Outcome {
    let graph = match import::run(onnx).and_then(shapes::run) {
        Ok(graph) => graph,
        Err(e) => return NotApplicable(e.to_string()),
    };
    let mut sample = Sample::new();
    for (index, (name, _)) in graph.inputs.iter().enumerate() {
        match arrays.get(&format!("i{index}")).and_then(constant) {
            Some(value) => drop(sample.insert(name.clone(), value)),
            None => return NotApplicable("an input of another type".into()),
        }
    }
    let Some(expected) = arrays.get("o0").and_then(constant) else {
        return NotApplicable("an output of another type".into());
    };
    let values = float::evaluate(&graph, &sample);
    if let Some(problem) = differs(&values[&graph.outputs[0]], &expected) {
        return Failed(format!("the reference: {problem}"));
    }
    let simple = simplify::run(graph).unwrap();
    let integers = if quantize::is_quantized(&simple) {
        quantize::run(&simple).map(|i| (simple, i))
    } else {
        let calibration = Calibration { samples: vec![sample.clone()], method: Method::MinMax };
        calibrate::run(simple, &calibration).and_then(|g| quantize::run(&g).map(|i| (g, i)))
    };
    match integers {
        Err(e) => NotApplicable(e.to_string()),
        Ok((graph, integers)) => in_integers(&graph, &integers, &sample),
    }
}

fn differs(ours: &Constant, theirs: &Constant) -> Option<String> {
    if ours.shape() != theirs.shape() || ours.dtype() != theirs.dtype() {
        let of = |c: &Constant| format!("{} {:?}", c.dtype().name(), c.shape());
        return Some(format!("{} for {}", of(ours), of(theirs)));
    }
    let close = |a: f32, b: f32| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-3 * b.abs() + 1e-5;
    let (ours, theirs) = (ours.reals(), theirs.reals());
    let bad = ours.iter().zip(&theirs).find(|(a, b)| !close(**a, **b));
    bad.map(|(a, b)| format!("{a} for {b}"))
}

/// The integers against the Q/DQ graph's reals.
fn in_integers(graph: &Graph, integers: &IntGraph, sample: &Sample) -> Outcome {
    let inputs: Vec<ArrayD<i32>> = integers
        .inputs
        .iter()
        .map(|port| match (&sample[&port.name], integers.tensor(port.tensor).quantization) {
            (Constant::F32(a), Some(q)) => a.mapv(|v| i32::from(q.quantize(v))),
            (Constant::U8(a), Some(_)) => a.mapv(|v| i32::from(v) - 128),
            (other, _) => other.integers().unwrap().mapv(|v| v as i32),
        })
        .collect();
    let values = integer::evaluate(integers, &inputs);
    let port = &integers.outputs[0];
    let ours = integer::output(integers, &values, 0);
    let reals = float::evaluate(graph, sample)[&graph.outputs[0]].clone();
    let Some(q) = integers.tensor(port.tensor).quantization else {
        let theirs = reals.integers().unwrap();
        let same = ours.iter().zip(&theirs).all(|(&a, &b)| i64::from(a) == b);
        return if same { Passed } else { Failed("other indices".into()) };
    };
    let theirs = match &reals {
        Constant::F32(a) => a.mapv(|v| i32::from(q.quantize(v))),
        Constant::U8(a) => a.mapv(|v| i32::from(v) - 128),
        other => other.integers().unwrap().mapv(|v| v as i32),
    };
    let largest = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).max().unwrap_or(0);
    let most = if port.dtype == DType::F32 || graph.nodes.len() > 8 { 2 } else { 1 };
    if largest <= most { Passed } else { Failed(format!("off by {largest} steps of {}", q.scale)) }
}

/// Tests and what became of them.
type Table = BTreeMap<String, Vec<(String, Outcome)>>;

fn run_all(folder: &Path) -> Table {
    let mut table = Table::new();
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for path in files.iter().filter(|p| p.extension().is_some_and(|e| e == "onnx")) {
        let onnx = std::fs::read(path).unwrap();
        let arrays = npz::read(&std::fs::read(path.with_extension("npz")).unwrap());
        let name = path.file_stem().unwrap().to_string_lossy().to_string();
        let outcome = std::panic::catch_unwind(|| run(&onnx, &arrays)).unwrap_or_else(|_| Failed("a panic".into()));
        let model = rten_onnx::onnx::ModelProto::parse_buf(&onnx).unwrap();
        let op = model.graph.unwrap().node[0].op_type.clone().unwrap();
        table.entry(op).or_default().push((name, outcome));
    }
    table
}

#[test]
fn standard_node_tests() {
    let Some(python) = python() else { return };
    let folder = std::env::temp_dir().join(format!("systole-nodes-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let tool = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/onnx_node_tests.py");
    let operators = OPERATORS.iter().map(|o| o.name);
    assert!(Command::new(python).arg(tool).arg(&folder).args(operators).status().unwrap().success());
    let table = run_all(&folder);
    std::fs::remove_dir_all(&folder).unwrap();
    let count = |tests: &[(String, Outcome)], f: fn(&Outcome) -> bool| tests.iter().filter(|(_, o)| f(o)).count();
    println!("| operator | passed | not applicable | failed |\n|---|---|---|---|");
    let mut totals = [0; 3];
    for (op, tests) in &table {
        let row = [
            count(tests, |o| *o == Passed),
            count(tests, |o| matches!(o, NotApplicable(_))),
            count(tests, |o| matches!(o, Failed(_))),
        ];
        println!("| {op} | {} | {} | {} |", row[0], row[1], row[2]);
        totals.iter_mut().zip(row).for_each(|(t, n)| *t += n);
    }
    println!("| all | {} | {} | {} |\n", totals[0], totals[1], totals[2]);
    for (name, outcome) in table.values().flatten() {
        match outcome {
            Passed => {}
            NotApplicable(reason) => println!("not applicable: {name}: {reason}"),
            Failed(reason) => println!("FAILED: {name}: {reason}"),
        }
    }
    assert_eq!(totals[2], 0, "failed");
    assert!(totals[0] > 100, "{totals:?}");
}
