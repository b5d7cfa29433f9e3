//! Any bytes through import and the whole compiler: a program or an error. Good seeds: `models/digits/digits.onnx`.
#![no_main]

use compiler::{Options, compile};

libfuzzer_sys::fuzz_target!(|onnx: &[u8]| {
    if let Ok(compiled) = compile(onnx, &Options::default()) {
        let bytes = compiled.program.write();
        assert_eq!(isa::program::Program::read(&bytes).as_ref(), Ok(&compiled.program));
    }
});
