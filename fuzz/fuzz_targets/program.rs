//! Any bytes through the program reader: an error, or a program that is written as it was read.
#![no_main]

use isa::program::Program;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(program) = Program::read(bytes) {
        assert_eq!(program.write(), bytes);
    }
});
