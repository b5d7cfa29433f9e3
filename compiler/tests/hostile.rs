//! Files that are wrong on purpose: an error each, no panic, in bounded time.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::time::{Duration, Instant};

use common::model::{Byte, Model, int, ints, tensor, word};
use common::{inside, outside};
use compiler::{CompileError, Options, TargetLimits, compile};
use rten_onnx::onnx::{DataLocation, DataType};

fn error(onnx: &[u8]) -> String {
    let message = compile(onnx, &Options::default()).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

#[track_caller]
fn check(model: &Model, output: &str, expected: &str) {
    let message = error(&model.bytes(output));
    assert!(message.contains(expected), "{message}");
}

/// A model of one quantised input.
fn quantized(shape: &[usize]) -> (Model, String) {
    let mut model = Model::new(shape);
    let x = model.quantized("x", 0.1, 0, Byte::Signed);
    (model, x)
}

/// Mutates a model so many times; how many still go through.
fn mutate(onnx: &[u8], rounds: u32, through: impl Fn(&[u8]) -> Result<(), CompileError>) -> u32 {
    let mut seed = 1u64;
    let mut random = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let interesting = [0, 1, 0x7f, 0x80, 0xff];
    // Weights are most of a file; most of the rounds aim at where few equal bytes stand: names and nodes.
    let text: Vec<usize> = (0..onnx.len().saturating_sub(16))
        .filter(|&i| onnx[i..i + 16].iter().filter(|b| b.is_ascii_graphic() || **b < 16).count() >= 14)
        .collect();
    let mut passed = 0;
    for round in 0..rounds {
        let mut bytes = onnx.to_vec();
        for _ in 0..=random(3) {
            let at = random(bytes.len());
            match random(6) {
                0 => bytes.truncate(at.max(1)),
                1 => bytes[at] = interesting[random(interesting.len())],
                2 => drop(bytes.drain(at..(at + random(40)).min(bytes.len()))),
                3 => {
                    let piece: Vec<u8> = bytes[at..(at + random(400)).min(bytes.len())].to_vec();
                    let to = random(bytes.len());
                    bytes.splice(to..to, piece);
                }
                _ => bytes[at] ^= 1 << random(8),
            }
            if bytes.is_empty() {
                bytes.push(0);
            }
        }
        if round % 4 > 0 {
            let at = text[random(text.len())].min(bytes.len() - 1);
            bytes[at] = bytes[at].wrapping_add(random(255) as u8 + 1);
        }
        match through(&bytes) {
            Ok(()) => passed += 1,
            Err(e) => assert!(!e.to_string().contains('\n'), "{e}"),
        }
    }
    passed
}

#[test]
fn mutations_of_the_digits_model() {
    let onnx = inside("models/digits/digits.onnx");
    let start = Instant::now();
    let compiled = mutate(&onnx, 10_000, |bytes| compile(bytes, &Options::default()).map(drop));
    println!("{compiled} of 10000 mutations still compile, {:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(120));
}

#[test]
fn mutations_of_networks() {
    let rounds = std::env::var("SYSTOLE_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    for path in ["dscnn/int8_qdq.onnx", "resnet8/int8_qdq_3rdparty.onnx", "cct/network.onnx"] {
        let Some(onnx) = outside(path) else { continue };
        let passed = mutate(&onnx, rounds, |bytes| compiler::integer_graph(bytes).map(drop));
        println!("{path}: {passed} of {rounds} mutations still go through");
    }
}

#[test]
fn no_onnx() {
    assert_eq!(error(b""), "not an ONNX model: the file is empty");
    assert!(error(b"PK\x03\x04 this is a zip file, not a model").starts_with("not an ONNX model: "));
    assert!(error(&[0x08, 0x08]).contains("no graph"));
    let onnx = inside("models/digits/digits.onnx");
    for length in (1..onnx.len()).step_by(97) {
        assert!(compile(&onnx[..length], &Options::default()).is_err(), "{length}");
    }
}

#[test]
fn structure() {
    let (mut model, _) = quantized(&[1, 4]);
    model.node("Relu", &["v3"], vec![]);
    model.node("Relu", &["v2"], vec![]);
    check(&model, "v3", "(Relu): it is part of a cycle");

    let (mut model, x) = quantized(&[1, 4]);
    model.node("LSTM", &[&x], vec![]);
    check(&model, "v2", "node `LSTM 2` (LSTM): this operator is not supported");

    let (mut model, x) = quantized(&[1, 4]);
    model.node("MatMul", &[&x, "nowhere"], vec![]);
    check(&model, "v2", "node `MatMul 2` (MatMul): nothing defines its input `nowhere`");
    check(&model, "nothing", "nothing defines the output `nothing`");

    let (mut model, _) = quantized(&[1, 4]);
    model.graph.node[1].output = vec!["v0".into()];
    check(&model, "v0", "value `v0` is defined twice");

    let mut model = Model::new(&[1, 4]);
    let y = model.node("Relu", &["x"], vec![]);
    check(&model, &y, "a float model");
}

#[test]
fn constants() {
    let with = |change: &dyn Fn(&mut rten_onnx::onnx::TensorProto)| {
        let (mut model, x) = quantized(&[1, 4]);
        change(&mut model.graph.initializer[0]);
        (model, x)
    };
    let (model, y) = with(&|t| t.data_location = Some(DataLocation::EXTERNAL));
    check(&model, &y, "initializer `c0`: its data is in another file");
    let (model, y) = with(&|t| t.dims = vec![1 << 40, 1 << 40]);
    check(&model, &y, "more than 2147483648 elements");
    let (model, y) = with(&|t| t.dims = vec![-1]);
    check(&model, &y, "dimension -1");
    let (model, y) = with(&|t| t.dims = vec![3]);
    check(&model, &y, "needs 3 elements, the file has 1");
    for bad in [f32::NAN, f32::INFINITY, 0.0, -1.0] {
        let (model, y) = with(&|t| *t = tensor("c0", &[], DataType::FLOAT, bad.to_le_bytes().to_vec()));
        check(&model, &y, "it must be positive and finite");
    }
}

#[test]
fn shapes_and_overflow() {
    let (mut model, x) = quantized(&[1, 1 << 20, 1 << 20, 1]);
    let y = model.node("MaxPool", &[&x], vec![ints("kernel_shape", &[1, 1])]);
    check(&model, &y, "more than 2147483648 elements");

    let (mut model, x) = quantized(&[1, 1, 1 << 15, 1 << 15]);
    let pooled = model.node("MaxPool", &[&x], vec![ints("kernel_shape", &[3, 3]), ints("pads", &[1, 1, 1, 1])]);
    let y = model.quantized(&pooled, 0.1, 0, Byte::Signed);
    check(&model, &y, "a layout that needs the number 34359738368");

    // 140,000 products of 127 · 128 reach beyond 32 bits.
    let (mut model, x) = quantized(&[1, 140_000]);
    let w = model.weights(&[140_000, 1], &vec![127; 140_000], &[0.1], 1);
    let sums = model.node("MatMul", &[&x, &w], vec![]);
    let y = model.quantized(&sums, 0.1, 0, Byte::Signed);
    check(&model, &y, "beyond 32 bits");

    let (mut model, x) = quantized(&[1, 4]);
    let w = model.weights(&[4, 1], &[1; 4], &[1.0], 1);
    let sums = model.node("MatMul", &[&x, &w], vec![]);
    check(&model, &sums, "is not quantised");
    let y = model.quantized(&sums, 1e-30, 0, Byte::Signed);
    check(&model, &y, "the machine multiplies by less than 2^24");
}

/// Compiles within seconds, whatever comes out.
fn quick(model: &Model, output: &str) -> Result<(), CompileError> {
    let onnx = model.bytes(output);
    let start = Instant::now();
    let result = compile(&onnx, &Options::default());
    println!(
        "{:?}: {:?}",
        start.elapsed(),
        result.as_ref().map(|c| &c.report.micro_steps).map_err(ToString::to_string)
    );
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    result.map(|_| ())
}

#[test]
fn long_chains() {
    let (mut model, mut y) = quantized(&[1, 4]);
    for _ in 0..30_000 {
        y = model.node("Identity", &[&y], vec![]);
    }
    quick(&model, &y).unwrap();
    model.node("Relu", &[&y], vec![]);
    for _ in 0..3_000 {
        y = model.node("Relu", &[&y], vec![]);
    }
    assert!(quick(&model, &y).unwrap_err().to_string().contains("33003 nodes"));

    let (mut model, mut y) = quantized(&[1, 1, 1, 1]);
    let (scale, zero) = (model.graph.node[0].input[1].clone(), model.graph.node[0].input[2].clone());
    for _ in 0..4_600 {
        let relu = model.node("Relu", &[&y], vec![]);
        let q = model.node("QuantizeLinear", &[&relu, &scale, &zero], vec![]);
        let real = model.node("DequantizeLinear", &[&q, &scale, &zero], vec![]);
        let pooled = model.node("MaxPool", &[&real], vec![ints("kernel_shape", &[1, 1])]);
        let q = model.node("QuantizeLinear", &[&pooled, &scale, &zero], vec![]);
        y = model.node("DequantizeLinear", &[&q, &scale, &zero], vec![]);
    }
    quick(&model, &y).unwrap();
}

#[test]
fn shared_weights() {
    let (mut model, mut y) = quantized(&[1, 1000]);
    let w = model.weights(&[1000, 1000], &vec![1; 1_000_000], &[0.001], 1);
    for _ in 0..300 {
        let sums = model.node("MatMul", &[&y, &w], vec![]);
        y = model.quantized(&sums, 0.1, 0, Byte::Signed);
    }
    assert!(quick(&model, &y).unwrap_err().to_string().contains("268435456 weights"));

    let (mut model, x) = quantized(&[1, 4]);
    let w = model.weights(&[4, 1], &[1; 4], &[0.001], 1);
    let sums = model.node("MatMul", &[&x, &w], vec![]);
    model.quantized(&sums, 0.1, 0, Byte::Signed);
    let y = model.quantized(&sums, 0.2, 0, Byte::Signed);
    model.graph.output.push(common::model::info("v5", &[]));
    assert!(quick(&model, &y).unwrap_err().to_string().contains("is read by another node"));
}

#[test]
fn wide_interpolation() {
    let (mut model, x) = quantized(&[1, 1, 4, 4]);
    let sizes = model.i64s(&[1, 1, 3, 1 << 16]);
    let wide = model.node("Resize", &[&x, "", "", &sizes], vec![word("mode", "linear")]);
    let y = model.quantized(&wide, 0.1, 0, Byte::Signed);
    quick(&model, &y).unwrap();
}

#[test]
fn windows() {
    let conv = |attributes| {
        let (mut model, x) = quantized(&[1, 2, 8, 8]);
        let w = model.weights(&[2, 2, 3, 3], &[1; 36], &[1.0], 0);
        let sums = model.node("Conv", &[&x, &w], attributes);
        let y = model.quantized(&sums, 1.0, 0, Byte::Signed);
        (model, y)
    };
    for (attributes, expected) in [
        (vec![int("group", 2)], "(Conv: group = 2): 2 groups, input [1, 2, 8, 8], weights [2, 2, 3, 3]"),
        (vec![int("group", 0)], "group = 0"),
        (vec![ints("strides", &[0, 1])], "strides holds 0"),
        (vec![ints("pads", &[1, 1, 1])], "pads has 3 numbers"),
        (vec![ints("dilations", &[9, 9])], "larger than the padded input"),
        (vec![int("colour", 1)], "attribute `colour` is not supported"),
    ] {
        let (model, y) = conv(attributes);
        check(&model, &y, expected);
    }
    let (mut model, x) = quantized(&[1, 3, 28]);
    let pooled = model.node("MaxPool", &[&x], vec![ints("kernel_shape", &[3, 3]), ints("pads", &[2, 2, 2, 2])]);
    let y = model.quantized(&pooled, 0.1, 0, Byte::Signed);
    check(&model, &y, "input [1, 3, 28] is a line");
}

#[test]
fn absurd_operands() {
    let far = i64::MAX;
    // Operator, its integer operands, what the error says.
    let cases: &[(&str, &[&[i64]], &str)] = &[
        ("Expand", &[&[1 << 40, 1, 4, 4]], "more than 2147483648 elements"),
        ("Tile", &[&[1, far, 1, 1]], "an axis of"),
        ("Tile", &[&[1, -1, 1, 1]], "repeated -1 times"),
        ("Pad", &[&[0, 0, far, 0, 0, 0, 0, 0]], "a pad beyond"),
        ("Pad", &[&[0, 0, -3, 0, 0, 0, -2, 0]], "has no elements"),
        ("Pad", &[&[0, 1]], "2 pads for 4 axes"),
        ("Slice", &[&[0], &[4], &[9]], "axis 9 of a tensor of 4 dimensions"),
        ("Slice", &[&[0], &[4], &[2], &[0]], "a step is 0"),
        ("Slice", &[&[0, 1], &[4]], "differ in number"),
        ("Slice", &[&[0, 2, 1], &[4, 0, 3], &[2, 3, -2], &[1, -1, 2]], "axes [2, 3, -2] are not distinct"),
        ("Pad", &[&[1, 1, 1, 1], &[0], &[2, 2]], "axes [2, 2] are not distinct"),
        ("Squeeze", &[&[0, 0]], "axes [0, 0] are not distinct"),
        ("Unsqueeze", &[&[0, 0]], "axes [0, 0] are not distinct"),
        ("Reshape", &[&[far, far]], "more than 2147483648 elements"),
        ("Reshape", &[&[-1, 0, 7]], "cannot become"),
        ("Squeeze", &[&[2]], "is not 1"),
        ("Unsqueeze", &[&[0, 1, 2, 3, 4, 5]], "at most 8 are supported"),
        ("Gather", &[&[5]], "index 5 of 1 elements"),
        ("Split", &[&[far, far]], "parts of"),
    ];
    for (op, operands, expected) in cases {
        let (mut model, x) = quantized(&[1, 2, 4, 4]);
        let names: Vec<String> = operands.iter().map(|v| model.i64s(v)).collect();
        let mut inputs = vec![x.as_str()];
        inputs.extend(names.iter().map(String::as_str));
        let moved = model.node(op, &inputs, vec![]);
        let y = model.quantized(&moved, 0.1, 0, Byte::Signed);
        let message = error(&model.bytes(&y));
        assert!(message.starts_with(&format!("node `{op} ")) && message.contains(expected), "{op}: {message}");
    }
    for scales in [[1.0, 1.0, f32::MAX, 1.0], [1.0, 1.0, 0.0, 1.0], [1.0, 1.0, f32::NAN, 1.0]] {
        let (mut model, x) = quantized(&[1, 2, 4, 4]);
        let scales = model.f32s(&[4], &scales);
        let sized = model.node("Resize", &[&x, "", &scales], vec![]);
        let y = model.quantized(&sized, 0.1, 0, Byte::Signed);
        check(&model, &y, "axis 2 of 4 becomes");
    }
}

#[test]
fn absurd_constants() {
    let constant = |op: &str, operands: &[&[i64]]| {
        let mut model = Model::new(&[1, 4]);
        let names: Vec<String> = operands.iter().map(|v| model.i64s(v)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let value = model.node(op, &names, vec![]);
        let sum = model.node("Add", &["x", &value], vec![]);
        error(&model.bytes(&sum))
    };
    assert!(constant("ConstantOfShape", &[&[1 << 30, 1 << 30]]).contains("more than"));
    assert!(constant("ConstantOfShape", &[&[-1]]).contains("dimension -1"));
    assert!(constant("Range", &[&[0], &[i64::MAX], &[1]]).contains("at most"));
    assert!(constant("Range", &[&[0], &[1], &[0]]).contains("a step of 0"));
    // Integers that overflow while a shape is computed.
    let mut model = Model::new(&[1, 4]);
    let far = model.i64s(&[i64::MAX]);
    let more = model.node("Mul", &[&far, &far], vec![]);
    let y = model.node("Reshape", &["x", &more], vec![]);
    check(&model, &y, "its integers overflow");
}

#[test]
fn too_small_a_target() {
    let onnx = inside("models/digits/digits.onnx");
    let with = |spad_log2, acc_log2| Options { target: TargetLimits { spad_log2, acc_log2 }, ..Options::default() };
    for (spad_log2, acc_log2) in [(13, 10), (9, 10), (13, 3), (13, 0)] {
        assert!(compile(&onnx, &with(spad_log2, acc_log2)).is_ok(), "{spad_log2}, {acc_log2}");
    }
    let message = |spad_log2, acc_log2| compile(&onnx, &with(spad_log2, acc_log2)).unwrap_err().to_string();
    let message = message(5, 10);
    assert!(message.starts_with("node `/0/Conv` (Conv): needs "), "{message}");
    assert!(message.contains("rows of spad, the target has 32: "), "{message}");
    assert!(compile(&onnx, &with(40, 10)).is_err());
    let limited = Options { step_limit: Some(1000), ..Options::default() };
    assert!(matches!(compile(&onnx, &limited), Err(CompileError::StepLimit { limit: 1000, .. })));
}

#[test]
fn networks() {
    for path in ["resnet8/int8_qdq.onnx", "dscnn/int8_qdq.onnx", "dscnn/int8_qdq_3rdparty.onnx"] {
        if let Some(onnx) = outside(path) {
            for spad_log2 in [11, 13, 16] {
                let target = TargetLimits { spad_log2, ..TargetLimits::default() };
                compile(&onnx, &Options { target, ..Options::default() }).unwrap();
            }
        }
    }
    for path in ["resnet8/float.onnx", "cct/network.onnx"] {
        if let Some(onnx) = outside(path) {
            assert!(error(&onnx).contains("a float model; give inputs to calibrate it on"));
        }
    }
}
