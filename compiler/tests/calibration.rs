//! Float models quantised here, against ONNX Runtime's static quantisation of the same file on the same inputs.
//!
//! Skips, saying so, where the models or the Python of `cargo xtask bench` are absent.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;
use std::process::Command;

use common::npz::{self, Array};
use common::{outside, outside_path, python};
use compiler::calibrate::{Calibration, Method, Sample};
use compiler::graph::Constant;
use compiler::int_ir::IntGraph;
use compiler::reference::integer;
use compiler::{calibrated_graph, import};
use ndarray::ArrayD;

/// The arrays of `ort_static.py`.
fn record(model: &str, inputs: Option<(&str, &str)>, counts: [usize; 2]) -> Option<BTreeMap<String, Array>> {
    let python = python()?;
    let folder =
        std::env::temp_dir().join(format!("systole-static-{}-{}", std::process::id(), model.replace('/', "-")));
    std::fs::create_dir_all(&folder).unwrap();
    let given = inputs.map_or("none".into(), |(file, key)| {
        let given = folder.join("in.npz").display().to_string();
        let script = "import sys, numpy as np; np.savez(sys.argv[3], x=np.load(sys.argv[1])[sys.argv[2]])";
        let arguments = ["-c", script, &outside_path(file), key, &given];
        assert!(Command::new(&python).args(arguments).status().unwrap().success());
        given
    });
    let tool = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/ort_static.py");
    let out = folder.join("out.npz");
    let counts = counts.map(|n| n.to_string());
    let mut run = Command::new(&python);
    let model = if model.starts_with('/') { model.into() } else { outside_path(model) };
    run.args([tool, &model, &given, &counts[0], &counts[1]]).arg(&out).current_dir(&folder);
    assert!(run.status().unwrap().success());
    let arrays = npz::read(&std::fs::read(&out).unwrap());
    std::fs::remove_dir_all(&folder).unwrap();
    Some(arrays)
}

fn samples(name: &str, array: &Array, shape: &[usize]) -> Vec<Sample> {
    let count: usize = shape.iter().product();
    let one = |v: &[f32]| Constant::F32(ArrayD::from_shape_vec(shape, v.to_vec()).unwrap());
    array.f32().chunks(count).map(|v| BTreeMap::from([(name.to_string(), one(v))])).collect()
}

/// The first output in reals.
fn run(graph: &IntGraph, sample: &Sample) -> Vec<f32> {
    let inputs: Vec<ArrayD<i32>> = graph
        .inputs
        .iter()
        .map(|port| {
            let q = graph.tensor(port.tensor).quantization.unwrap();
            sample[&port.name].reals().mapv(|v| i32::from(q.quantize(v)))
        })
        .collect();
    let q = graph.tensor(graph.outputs[0].tensor).quantization.unwrap();
    let values = integer::evaluate(graph, &inputs);
    integer::output(graph, &values, 0).iter().map(|&v| q.dequantize(v as i8)).collect()
}

/// Root of the mean squared error, and how many choices differ.
fn errors(ours: &[Vec<f32>], reals: &[Vec<f32>]) -> (f64, usize) {
    let best = |v: &[f32]| (0..v.len()).fold(0, |best, i| if v[i] > v[best] { i } else { best });
    let squares = ours.iter().flatten().zip(reals.iter().flatten()).map(|(a, b)| f64::from(a - b).powi(2));
    let count = reals.iter().flatten().count() as f64;
    let choices = ours.iter().zip(reals).filter(|(a, b)| best(a) != best(b)).count();
    ((squares.sum::<f64>() / count).sqrt(), choices)
}

fn check(path: &str, inputs: Option<(&str, &str)>, counts: [usize; 2]) {
    let Some(onnx) = outside(path) else { return };
    compared(path, &onnx, (inputs, counts), &[Method::MinMax, Method::Percentile(0.01), Method::MeanSquare]);
}

fn compared(path: &str, onnx: &[u8], (inputs, counts): (Option<(&str, &str)>, [usize; 2]), methods: &[Method]) {
    let Some(recorded) = record(path, inputs, counts) else { return };
    let graph = import::run(onnx).unwrap();
    let (name, value) = &graph.inputs[0];
    let rows = |key: &str| {
        let array = recorded.get(key)?;
        let width = array.shape[1..].iter().product();
        Some(array.f32().chunks(width).map(<[f32]>::to_vec).collect::<Vec<_>>())
    };
    let reals = rows("float").unwrap();
    let theirs: Vec<(f64, usize)> =
        ["static", "static_channels"].iter().filter_map(|key| rows(key)).map(|v| errors(&v, &reals)).collect();
    println!("{path}: ONNX Runtime: {theirs:?} (rms error, other choices of {})", reals.len());
    let evaluate = samples(name, &recorded["evaluate"], &value.shape);
    let mut first = None;
    for &method in methods {
        let calibration = Calibration { samples: samples(name, &recorded["calibrate"], &value.shape), method };
        let integers = calibrated_graph(onnx, &calibration).unwrap();
        let ours: Vec<Vec<f32>> = evaluate.iter().map(|sample| run(&integers, sample)).collect();
        let found = errors(&ours, &reals);
        println!("  {method:?}: {found:?}");
        first.get_or_insert(found);
    }
    let (ours, _) = first.unwrap();
    for (theirs, _) in theirs {
        assert!(ours <= theirs, "rms error {ours} against {theirs}");
    }
}

/// From float to the machine: what it computes is what the integer IR says.
#[test]
fn a_calibrated_model_on_the_machine() {
    let Some(onnx) = outside("autoencoder/float.onnx") else { return };
    let wave =
        |seed: usize| (0..640).map(|i| (i as f32 * (0.03 + seed as f32 * 0.01)).sin() * 5.0).collect::<Vec<f32>>();
    let stack: Vec<f32> = (0..4).flat_map(wave).collect();
    let arrays = BTreeMap::from([("input_1".to_string(), Constant::f32s(&[4, 640], stack).unwrap())]);
    let samples = compiler::calibrate::samples(&onnx, &arrays).unwrap();
    assert_eq!(samples.len(), 4);
    let calibration = Calibration { samples, method: Method::MinMax };
    let integers = calibrated_graph(&onnx, &calibration).unwrap();
    let options = compiler::Options { calibration: Some(calibration.clone()), ..compiler::Options::default() };
    let program = compiler::compile(&onnx, &options).unwrap().program;
    for sample in &calibration.samples {
        let input: Vec<f32> = sample["input_1"].reals().iter().copied().collect();
        let (outputs, _) = common::run(&program, &[isa::program::Data::Float32(input)]);
        let [isa::program::Data::Float32(machine)] = &outputs[..] else { panic!("{outputs:?}") };
        assert_eq!(*machine, run(&integers, sample));
    }
}

#[test]
fn resnet8() {
    check("resnet8/float.onnx", Some(("resnet8/io.npz", "x_float")), [24, 48]);
}

#[test]
fn dscnn() {
    check("dscnn/float.onnx", None, [24, 48]);
}

#[test]
fn autoencoder() {
    check("autoencoder/float.onnx", None, [24, 48]);
}

#[test]
fn cct() {
    check("cct/network.onnx", Some(("cct/inputs.npz", "input")), [12, 24]);
}

/// Networks that are not kept: the float models of a folder named by `SYSTOLE_NETS`.
#[test]
fn networks_of_a_folder() {
    let Ok(folder) = std::env::var("SYSTOLE_NETS") else { return println!("skipped: SYSTOLE_NETS is not set") };
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path().display().to_string()).collect();
    files.sort();
    for path in files.iter().filter(|p| p.ends_with("_float.onnx")) {
        compared(path, &std::fs::read(path).unwrap(), (None, [3, 2]), &[Method::MinMax]);
    }
}
