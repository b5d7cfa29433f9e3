//! Any bytes through import to the integer IR: a graph that keeps to its rules, or an error of one line. Good seeds: the models of
//! the tests, and the standard node tests.
#![no_main]

use compiler::{int_ir, integer_graph};

libfuzzer_sys::fuzz_target!(|onnx: &[u8]| {
    match integer_graph(onnx) {
        Ok(graph) => assert_eq!(int_ir::check(&graph), Ok(())),
        Err(error) => assert!(!error.to_string().contains('\n')),
    }
});
