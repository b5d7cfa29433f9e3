//! What a program costs on a machine: cycles, bytes and products, from the machine's parameters alone, without data
//! and without a simulator.
//!
//! [`estimate`] follows the dynamic instruction stream (scalars, loops and branches are computed) through a model of the
//! decoupled machine that `hdl` describes: the same queues, conflicts, passes, bursts and banks, each with its cycles,
//! but rows without bytes. Parts that wait are not asked again before something happens that they wait for, and a pass
//! of the matrix unit, which no other can delay, is one event.
//!
//! *Architecture invariant:* nothing here knows the compiler, or runs Verilog; tests hold it to the RTL.

mod banks;
mod board;
mod depthwise;
mod fetch;
mod front;
mod machine;
mod map;
mod matrix;
mod memory;
mod mover;
mod op;
mod port;
mod vector;

use hdl::{Datapath, Params};
use isa::program::Program;
use isa::{Instr, Status};
use serde::Serialize;

pub use map::{CONTENTS, MapSpace, MemoryMap};

use map::Tracer;
use op::{DEPTHWISE, LOAD, MATRIX, MOVE, Op, STORE, UNITS, VECTOR};

/// Names of the units, in the order of [`LayerEstimate::work`].
pub const UNIT_NAMES: [&str; UNITS] = ["load", "store", "move", "matrix", "depthwise", "vector"];

/// The memory behind the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MemoryTiming {
    /// Sustained bytes a cycle, reads and writes together; at most the port's width, which 0 stands for.
    pub bytes_per_cycle: u32,
    /// Cycles from a request to its first beat, and from the last beat of a write to the word that it is written.
    pub latency_cycles: u32,
    /// Requests of each channel that may be under way.
    pub outstanding: u32,
}

impl Default for MemoryTiming {
    /// The port's full rate after 30 cycles, sixteen requests at once.
    fn default() -> MemoryTiming {
        MemoryTiming { bytes_per_cycle: 0, latency_cycles: 30, outstanding: 16 }
    }
}

/// Why there is no estimate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CostError {
    /// A machine of another kind.
    #[error("there is no cost model of a serial machine: `systole sim` counts its cycles")]
    Serial,
    /// The program is for a larger machine.
    #[error("the program needs {needs} rows of {space}, this machine has {has}: {} too few", needs - has)]
    TooSmall {
        /// `spad` or `acc`.
        space: &'static str,
        /// What the program's profile says.
        needs: u64,
        /// What there is.
        has: u64,
    },
    /// Another path through the program is possible for other inputs.
    #[error("a count, an address or a branch at instruction {pc} depends on data: only a run tells its cycles")]
    DependsOnData {
        /// The instruction.
        pc: u32,
    },
    /// The run would not halt.
    #[error("the program traps at instruction {pc}: {status}")]
    Trap {
        /// Why.
        status: Status,
        /// The instruction.
        pc: u32,
    },
    /// More than is sensible.
    #[error("given up after {0} instructions")]
    TooLong(u64),
    /// More than was asked for.
    #[error("the program takes more than {0} cycles")]
    Above(u64),
    /// A fault of the model.
    #[error("the model of the machine is stuck after {cycles} cycles, at instruction {pc}")]
    Stuck {
        /// Cycles.
        cycles: u64,
        /// The instruction.
        pc: u32,
    },
}

/// What a program costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// From `start` to the end of the run.
    pub cycles: u64,
    /// Live products.
    pub macs: u64,
    /// Bytes that cross the memory port, text included.
    pub bytes_read: u64,
    /// Bytes that cross it the other way.
    pub bytes_written: u64,
    /// Of those read, text.
    pub text_bytes: u64,
    /// Instructions that units executed.
    pub instructions: u64,
    /// Micro-steps of the run.
    pub micro_steps: u64,
    /// Rows of spad up to the highest that an instruction names.
    pub spad_rows: u64,
    /// Row32s of acc, likewise.
    pub acc_rows: u64,
    /// Rows of work, likewise.
    pub work_rows: u64,
    /// In the order of their marks.
    pub layers: Vec<LayerEstimate>,
}

/// What the instructions up to a `MARK` cost, and after the one before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LayerEstimate {
    /// The `MARK` that ends it; `None` behind the last one.
    pub mark: Option<u32>,
    /// When the last of its instructions retires.
    pub end_cycle: u64,
    /// By how many cycles it ends after all layers before it; these sum up to the end of the last layer.
    pub own_cycles: u64,
    /// Live products.
    pub macs: u64,
    /// Bytes that its instructions load, without text.
    pub bytes_read: u64,
    /// Bytes that they store.
    pub bytes_written: u64,
    /// Instructions of units.
    pub instructions: u64,
    /// Cycles that each unit needs for it at its full rate.
    pub work: [u64; UNITS],
}

impl Estimate {
    /// Cycles that the busiest unit needs at its full rate, the memory port aside.
    #[must_use]
    pub fn busy_cycles(&self) -> u64 {
        let of = |unit: usize| self.layers.iter().map(|layer| layer.work[unit]).sum();
        [MOVE, MATRIX, DEPTHWISE, VECTOR].into_iter().map(of).max().unwrap_or(0)
    }
}

impl LayerEstimate {
    /// The unit that needs most cycles for it.
    #[must_use]
    pub fn bound(&self) -> &'static str {
        let most = (0..UNITS).max_by_key(|&unit| self.work[unit]).unwrap_or(0);
        // Both directions share the port.
        if self.work[LOAD] + self.work[STORE] >= self.work[most] { "memory" } else { UNIT_NAMES[most] }
    }

    fn count(&mut self, op: &Op, params: &Params, row_cycles: u64) {
        self.instructions += 1;
        self.macs += op.macs();
        let bytes = op.dram_rows() * isa::LANES as u64;
        match op.instr {
            Instr::Load(_) | Instr::Gather(_) | Instr::Lw(_) => self.bytes_read += bytes,
            Instr::Store(_) => self.bytes_written += bytes,
            Instr::Sw(_) => {
                (self.bytes_read, self.bytes_written) = (self.bytes_read + bytes, self.bytes_written + bytes)
            }
            _ => {}
        }
        self.work[op.unit] += work(op, params, row_cycles);
    }
}

/// Cycles of an instruction at the full rate of its unit.
fn work(op: &Op, params: &Params, row_cycles: u64) -> u64 {
    let rows = op.rows();
    let beats = |lanes: usize| (isa::LANES / lanes) as u64;
    match op.unit {
        LOAD | STORE => op.dram_rows() * row_cycles,
        MOVE => rows,
        MATRIX => {
            let Instr::Matmul(i) = op.instr else { return 0 };
            let passes = u64::from(i.k).div_ceil(params.array_rows as u64)
                * u64::from(op.n).div_ceil(params.array_cols as u64)
                * u64::from(op.kt);
            passes * rows.max(if i.tr { params.array_cols } else { params.array_rows } as u64)
        }
        DEPTHWISE => rows * u64::from(op.kt).div_ceil(3) * beats(params.depthwise_lanes),
        VECTOR => vector::work(op, beats(params.vector_lanes)),
        _ => 0,
    }
}

/// Predicts what the program costs on this machine.
///
/// # Errors
/// The program does not fit the machine, traps, or what it does depends on data.
pub fn estimate(program: &Program, params: &Params, memory: &MemoryTiming) -> Result<Estimate, CostError> {
    estimate_within(program, params, memory, u64::MAX)
}

/// The same, given up where it is more than so many cycles.
///
/// # Errors
/// As [`estimate`], and [`CostError::Above`].
pub fn estimate_within(
    program: &Program,
    params: &Params,
    memory: &MemoryTiming,
    cycles: u64,
) -> Result<Estimate, CostError> {
    fits(program, params)?;
    machine::run(program, params, memory, cycles, &mut None)
}

/// Draws what lies in spad, acc and work in the run of an [`estimate`], in so many columns of cycles and bands of rows.
///
/// # Errors
/// As [`estimate`].
pub fn memory_map(
    program: &Program,
    params: &Params,
    memory: &MemoryTiming,
    estimate: &Estimate,
    (columns, bands): (usize, usize),
) -> Result<MemoryMap, CostError> {
    fits(program, params)?;
    let rows = [1 << params.spad_log2, 1 << params.acc_log2, estimate.work_rows];
    let mut tracer = Some(Tracer::new(estimate.cycles, columns.max(1), bands, rows));
    machine::run(program, params, memory, u64::MAX, &mut tracer)?;
    Ok(tracer.map(Tracer::finish).unwrap_or_else(|| Tracer::new(0, 1, 1, [0; 3]).finish()))
}

fn fits(program: &Program, params: &Params) -> Result<(), CostError> {
    if params.datapath == Datapath::Serial {
        return Err(CostError::Serial);
    }
    let spaces = [("spad", program.profile.spad, params.spad_log2), ("acc", program.profile.acc, params.acc_log2)];
    for (space, needs, has) in spaces {
        if usize::from(needs) > has {
            return Err(CostError::TooSmall { space, needs: 1 << needs, has: 1 << has });
        }
    }
    Ok(())
}
