//! Operators scheduled by hand for the 16×16 machine: what its hardware can reach, whatever a compiler does.
//!
//! Each is a whole program: it loads from DRAM, computes, requantises and stores, with the loads, stores and vectors of
//! one block under the products of another. A block's place in acc alternates between banks, and what the products read
//! lies in other banks of spad than what is stored at that moment.
//!
//! [`Ideal`] is the roofline of the *problem*, not of the program: what a program does beyond it counts as lost.

mod attention;
mod connected;
mod dense;
mod depthwise;
mod measure;
mod numbers;
mod pointwise;
mod stem;
mod text;

use isa::program::{Metadata, Program};
use isa::{Leaf, Profile};
use serde::Serialize;

use crate::RtlParams;
pub use measure::Measurement;

/// The machine that the kernels are scheduled for.
pub const PARAMS: RtlParams = RtlParams { array_rows: 16, array_cols: 16, spad_log2: 13, acc_log2: 10, port_bytes: 16 };
/// Inputs and outputs of its array.
const ARRAY: (usize, usize) = (16, 16);
/// Lanes that its vector unit treats a cycle.
const VECTOR_LANES: usize = 16;
/// Depthwise taps of 32 lanes a cycle.
const DEPTHWISE_TAPS: usize = 3;

/// The rates of the memory port at which they are measured.
pub const BYTES_PER_CYCLE: [u32; 2] = [16, 5];

/// The fewest cycles that a unit could take for the problem, and the bytes that must cross the memory port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ideal {
    /// Rows × sub-arrays of 16 × 16 that have live weights.
    pub matrix: u64,
    /// Taps over three a cycle.
    pub depthwise: u64,
    /// Rows of 32 lanes at 16 lanes a cycle.
    pub vector: u64,
    /// Inputs, weights, parameters and outputs once each, without padding.
    pub bytes: u64,
}

impl Ideal {
    /// Rows of products: `rows` of `k` inputs to `n` outputs.
    fn products(rows: usize, k: usize, n: usize) -> u64 {
        (rows * k.div_ceil(ARRAY.0) * n.div_ceil(ARRAY.1)) as u64
    }

    /// Rows of 32 lanes in the vector unit.
    fn vectors(rows: usize) -> u64 {
        (rows * isa::LANES / VECTOR_LANES) as u64
    }

    /// Depthwise taps of 32 lanes.
    fn taps(taps: usize) -> u64 {
        taps.div_ceil(DEPTHWISE_TAPS) as u64
    }

    fn parts(&self, bytes_per_cycle: u32) -> [(&'static str, u64); 4] {
        let port = self.bytes.div_ceil(bytes_per_cycle.into());
        [("matrix", self.matrix), ("depthwise", self.depthwise), ("vector", self.vector), ("port", port)]
    }

    /// The roofline in cycles at so many bytes a cycle.
    #[must_use]
    pub fn cycles(&self, bytes_per_cycle: u32) -> u64 {
        self.parts(bytes_per_cycle).map(|(_, cycles)| cycles).into_iter().max().unwrap_or(0)
    }

    /// Which unit, or the memory port, needs as many.
    #[must_use]
    pub fn bound(&self, bytes_per_cycle: u32) -> &'static str {
        let roof = self.cycles(bytes_per_cycle);
        self.parts(bytes_per_cycle).into_iter().find(|(_, cycles)| *cycles == roof).map_or("port", |(name, _)| name)
    }
}

/// One operator with its data.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// A short name.
    pub name: &'static str,
    /// What it computes.
    pub shape: &'static str,
    /// The program.
    pub program: Program,
    /// Rows of its input.
    pub input: Vec<Leaf>,
    /// The output region from row 0 on, computed plainly.
    pub expected: Vec<i8>,
    /// The plain computation is in floating point, and outputs may be so far from it.
    pub tolerance: u8,
    /// Products of the problem.
    pub macs: u64,
    /// Its roofline.
    pub ideal: Ideal,
}

impl Kernel {
    /// What is wrong with an output; `None` where nothing is.
    #[must_use]
    pub fn fault(&self, output: &isa::Region) -> Option<String> {
        let rows = self.expected.len().div_ceil(isa::LANES) as u64;
        let found = numbers::flat(&output.rows(rows));
        let far = |(_, (want, got)): &(usize, (&i8, &i8))| want.abs_diff(**got) > self.tolerance;
        let (at, (want, got)) = self.expected.iter().zip(&found).enumerate().find(far)?;
        Some(format!("{}: byte {at} of the output is {got}, expected {want}", self.name))
    }
}

/// Every kernel.
#[must_use]
pub fn all() -> Vec<Kernel> {
    vec![
        dense::kernel(),
        pointwise::kernel(),
        stem::kernel(),
        connected::kernel(),
        depthwise::narrow(),
        depthwise::strided(),
        attention::kernel(),
    ]
}

/// log₂ of a region that holds so many rows.
fn log2(rows: usize) -> u8 {
    rows.next_power_of_two().trailing_zeros() as u8
}

fn program(text: Vec<Leaf>, constant: Vec<Leaf>, input: &[Leaf], output: usize) -> Program {
    let profile = Profile {
        limit: 1 << 32,
        text: log2(text.len()),
        constant: log2(constant.len()),
        input: log2(input.len()),
        work: 0,
        output: log2(output),
        spad: PARAMS.spad_log2,
        acc: PARAMS.acc_log2,
    };
    Program { profile, metadata: Metadata::default(), text, constant }
}
