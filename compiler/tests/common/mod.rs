//! What the tests of whole models share: files, and the machine itself.
#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod model;
pub(crate) mod npz;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};

use compiler::{Prediction, Predictor};
use isa::program::{Data, Program};
use isa::{Memory, Regs, Status, Stepped, Subtree, step};

/// A file beside the repository's own, or `None` with a note.
pub(crate) fn outside(path: &str) -> Option<Vec<u8>> {
    let path = outside_path(path);
    std::fs::read(&path).map_err(|_| println!("skipped: {path} is absent")).ok()
}

/// Where such a file is: below `SYSTOLE_MODELS`, or beside the repository.
pub(crate) fn outside_path(path: &str) -> String {
    let beside = || format!("{}/../../shared/models", env!("CARGO_MANIFEST_DIR"));
    format!("{}/{path}", std::env::var("SYSTOLE_MODELS").unwrap_or_else(|_| beside()))
}

/// A Python with ONNX Runtime: `SYSTOLE_PYTHON`, or the one that `cargo xtask bench` sets up; `None` with a note.
pub(crate) fn python() -> Option<String> {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../.tools/python/bin/python");
    let python = std::env::var("SYSTOLE_PYTHON").unwrap_or_else(|_| own.into());
    let mut import = std::process::Command::new(&python);
    let there = import.args(["-c", "import numpy, onnx, onnxruntime"]).output().is_ok_and(|out| out.status.success());
    if !there {
        println!("skipped: {python} has no onnxruntime (`cargo xtask bench` sets it up)");
    }
    there.then_some(python)
}

/// A file of the repository.
pub(crate) fn inside(path: &str) -> Vec<u8> {
    let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Judges programs by chance, the first whole one as worst: so each way to lower a layer is taken now and then.
pub(crate) fn any_way(seed: u64) -> Option<Predictor> {
    let first = AtomicBool::new(true);
    Some(Predictor::new(move |program, _| {
        if !program.metadata.layers.is_empty() && first.swap(false, Ordering::Relaxed) {
            return Some(Prediction { cycles: u64::MAX / 2, busy: 0 });
        }
        let mut hasher = DefaultHasher::new();
        (seed, &program.text).hash(&mut hasher);
        Some(Prediction { cycles: hasher.finish() >> 8, busy: 0 })
    }))
}

/// Runs a program by `isa::step`; its outputs and last registers.
pub(crate) fn run(program: &Program, inputs: &[Data]) -> (Vec<Data>, Regs) {
    let input = program.encode_inputs(inputs).unwrap();
    let mut memory = Memory::new(&program.head(), &program.text, &program.constant, &input);
    while matches!(step(&mut memory).unwrap(), Stepped::Ran { .. }) {}
    let regs = memory.regs();
    assert_eq!(regs.status, Status::Halted.code(), "{:?}", Status::from_code(regs.status));
    (program.decode_outputs(|row| memory.tree(Subtree::Output).get(row)), regs)
}
