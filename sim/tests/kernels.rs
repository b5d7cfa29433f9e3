//! The kernels on every engine: their outputs against plain computations, their cycles against those committed.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod common;

use sim::kernels::{self, Kernel};
use sim::{Engine, StepEngine};

fn check(kernel: &Kernel, engine: &mut dyn Engine) {
    let outcome = engine.run_to_end(&kernel.program, &kernel.input).unwrap();
    assert_eq!(outcome.status, isa::Status::Halted, "{} on {}", kernel.name, engine.name());
    assert_eq!(kernel.fault(&outcome.output), None, "on {}", engine.name());
}

#[test]
fn outputs_are_those_of_a_plain_computation() {
    for kernel in kernels::all() {
        check(&kernel, &mut StepEngine);
        check(&kernel, &mut common::fast()[0]);
        // A kernel whose results all saturate would hide errors.
        let inside = kernel.expected.iter().filter(|byte| !matches!(byte, -128 | 127)).count();
        assert!(inside * 2 > kernel.expected.len(), "{}: {inside} of {} inside", kernel.name, kernel.expected.len());
    }
}
