//! The RTL as an engine: Verilated at run time from Verilog text, kept in a cache, driven through a small C++ shim.
//!
//! *Architecture invariant:* nothing here knows how the Verilog came to be; callers pass the text.

mod bus;
mod cache;
mod counters;
mod layers;
mod model;
mod toolchain;
mod trace;

use std::ops::ControlFlow;
use std::path::PathBuf;

use isa::program::Program;
use isa::{Leaf, Region, Status};

pub use bus::Fault;
pub use cache::{Cache, CacheError};
pub use counters::Counters;
pub use layers::LayerCounts;
pub use model::{DramConfig, ModelError};
pub use toolchain::{Toolchain, ToolchainError};
pub use trace::{DEFAULT_EVENTS, EventKind, FRONT, FRONT_CODES, Trace, TraceEvent, UNIT_CODES, UNITS};

use crate::engine::{Engine, EngineError, Mark, Outcome, Progress, Watch, check_input};
use crate::perf::Perf;
pub(crate) use bus::{AddressMap, Dram};
pub(crate) use model::Bus;
use model::{Ended, Model, Sample};

/// Cycles between two looks at `watch`.
const CHUNK_CYCLES: u64 = 50_000;
/// The same with waves on.
const CHUNK_CYCLES_WAVES: u64 = 2_000;

/// The parameters of the machine that the Verilog text describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtlParams {
    /// Rows (k) of the MAC array.
    pub array_rows: u32,
    /// Columns (n) of it.
    pub array_cols: u32,
    /// log₂ rows of spad.
    pub spad_log2: u8,
    /// log₂ row32s of acc.
    pub acc_log2: u8,
    /// Bytes a beat of the memory port.
    pub port_bytes: u32,
}

/// How a machine is run.
#[derive(Debug, Clone)]
pub struct RtlOptions {
    /// The memory behind the port.
    pub dram: DramConfig,
    /// Write FST waves here; slow.
    pub waves: Option<PathBuf>,
    /// Record what the units do, up to so many events; [`DEFAULT_EVENTS`] is a sensible bound.
    pub trace_events: Option<usize>,
    /// Let parts that sleep miss the clock: nothing changes by it but the speed of simulation.
    pub clock_gating: bool,
    /// Take the library that [`RtlEngine::tune`] made, if there is one and no waves are asked for.
    pub tuned: bool,
    /// A run in which nothing happens for so many cycles has hung.
    pub hang_cycles: u64,
    /// A run that takes more cycles than this is given up.
    pub max_cycles: u64,
    /// Row at which the first region is laid; the others follow.
    pub base_row: u32,
}

impl Default for RtlOptions {
    fn default() -> RtlOptions {
        RtlOptions {
            dram: DramConfig::default(),
            waves: None,
            trace_events: None,
            clock_gating: true,
            tuned: true,
            hang_cycles: 20_000_000,
            max_cycles: u64::MAX,
            base_row: 0,
        }
    }
}

/// What can go wrong with the RTL; those from [`RtlError::Bus`] on are faults of the RTL itself.
#[derive(Debug, thiserror::Error)]
pub enum RtlError {
    /// It cannot be built.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// It cannot be loaded.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The machine is smaller than the program needs.
    #[error("the program needs 2^{needs} rows of {space}, this machine has 2^{has}")]
    TooSmall {
        /// `spad` or `acc`.
        space: &'static str,
        /// log₂ of what the program's profile says.
        needs: u8,
        /// log₂ of what there is.
        has: u8,
    },
    /// The regions together are larger than 32-bit row addresses reach.
    #[error("the program's regions need {rows} rows of memory, the machine's port reaches 2^32")]
    MapTooLarge {
        /// Rows of all regions.
        rows: u64,
    },
    /// The text is of another machine than the caller says.
    #[error("the Verilog's memory port is {found} bytes wide, the parameters say {expected}")]
    PortBytes {
        /// In the Verilog.
        found: u32,
        /// In the parameters.
        expected: u32,
    },
    /// The text was made from another instruction set.
    #[error("the Verilog was generated from another instruction set: regenerate it with `cargo xtask codegen`")]
    IsaHash,
    /// It asked for memory that it may not touch.
    #[error("RTL fault after {cycles} cycles: {fault}")]
    Bus {
        /// Busy cycles.
        cycles: u64,
        /// What it did.
        fault: Fault,
    },
    /// It broke the port's protocol, or Verilator complained.
    #[error("RTL fault after {cycles} cycles: {message}")]
    Protocol {
        /// Busy cycles.
        cycles: u64,
        /// What happened.
        message: String,
    },
    /// It stopped doing anything.
    #[error("the RTL hangs: no progress for {idle} cycles, after {cycles} cycles and {steps} steps")]
    Hang {
        /// The limit.
        idle: u64,
        /// Busy cycles.
        cycles: u64,
        /// Steps.
        steps: u64,
    },
    /// It took too long.
    #[error("given up after {cycles} cycles and {steps} steps")]
    TooManyCycles {
        /// The limit.
        cycles: u64,
        /// Steps.
        steps: u64,
    },
    /// It ended with a status that is none.
    #[error("the RTL ended with status {0}, which is none")]
    Status(u32),
    /// Its digest is not that of the writes it made.
    #[error("the RTL's write digest is {register:016x}, that of its writes {observed:016x}")]
    Digest {
        /// What its register shows.
        register: u64,
        /// What the port saw.
        observed: u64,
    },
}

/// The Verilated machine.
pub struct RtlEngine {
    library: PathBuf,
    params: RtlParams,
    options: RtlOptions,
    /// Kept from run to run, as hardware is; dropped when a run did not end, as there is no reset.
    model: Option<Model>,
    trace: Option<Trace>,
}

impl RtlEngine {
    /// The machine of this Verilog text (top module `systole`), built in the standard cache where it is not there yet.
    ///
    /// # Errors
    /// Tools are missing, the text is refused, or it is of another machine or instruction set.
    pub fn new(verilog: &str, params: RtlParams, options: RtlOptions) -> Result<RtlEngine, RtlError> {
        RtlEngine::with_cache(&Cache::standard(), verilog, params, options)
    }

    /// The same, with a cache of one's own.
    ///
    /// # Errors
    /// As [`RtlEngine::new`].
    pub fn with_cache(
        cache: &Cache,
        verilog: &str,
        params: RtlParams,
        options: RtlOptions,
    ) -> Result<RtlEngine, RtlError> {
        let tuned = if options.tuned && options.waves.is_none() { cache.tuned(verilog)? } else { None };
        let library = tuned.map_or_else(|| cache.library(verilog, options.waves.is_some()), Ok)?;
        RtlEngine::of_library(library, params, options)
    }

    /// Compiles the machine anew for what `train` does with it, once; later engines of this Verilog take that library.
    /// Nothing changes but the speed of simulation.
    ///
    /// # Errors
    /// As [`RtlEngine::new`], the C++ compiler is not Clang, or what `train` says.
    pub fn tune(
        verilog: &str,
        params: RtlParams,
        train: impl FnOnce(&mut RtlEngine) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let train = |library| train(&mut RtlEngine::of_library(library, params, RtlOptions::default())?);
        Cache::standard().tune(verilog, train).map(|_| ())
    }

    fn of_library(library: PathBuf, params: RtlParams, options: RtlOptions) -> Result<RtlEngine, RtlError> {
        let mut engine = RtlEngine { library, params, options, model: None, trace: None };
        engine.model = Some(engine.power_up()?);
        Ok(engine)
    }

    /// Changes the memory behind the port, from the next run on.
    pub fn set_dram(&mut self, dram: DramConfig) {
        self.options.dram = dram;
    }

    /// Changes [`RtlOptions::clock_gating`], from the next run on.
    pub fn set_clock_gating(&mut self, on: bool) {
        self.options.clock_gating = on;
    }

    /// Changes where the regions are laid, from the next run on.
    pub fn set_base_row(&mut self, base_row: u32) {
        self.options.base_row = base_row;
    }

    /// What the last run recorded, whether it came to its end or not, if [`RtlOptions::trace_events`] asked for it.
    pub fn take_trace(&mut self) -> Option<Trace> {
        self.trace.take()
    }

    fn power_up(&self) -> Result<Model, RtlError> {
        let mut model = Model::new(&self.library, self.options.waves.as_deref())?;
        let found = model.port_bytes();
        if found != self.params.port_bytes {
            return Err(RtlError::PortBytes { found, expected: self.params.port_bytes });
        }
        if model.isa_hash() != isa::ISA_HASH {
            return Err(RtlError::IsaHash);
        }
        Ok(model)
    }

    fn check_fit(&self, program: &Program) -> Result<(), RtlError> {
        let spaces =
            [("spad", program.profile.spad, self.params.spad_log2), ("acc", program.profile.acc, self.params.acc_log2)];
        match spaces.into_iter().find(|(_, needs, has)| needs > has) {
            Some((space, needs, has)) => Err(RtlError::TooSmall { space, needs, has }),
            None => Ok(()),
        }
    }

    /// Runs to the end; the model stays with the caller.
    fn drive(
        &self,
        model: &mut Model,
        program: &Program,
        dram: &mut Dram<'_>,
        watch: Watch<'_>,
    ) -> Result<Sample, EngineError> {
        let chunk = if self.options.waves.is_some() { CHUNK_CYCLES_WAVES } else { CHUNK_CYCLES };
        let job = model::Job { profile: program.profile.to_leaf(), bases: dram.bases() };
        let mut ended = model.start(&job, &self.options);
        loop {
            if ended == Ended::Running {
                ended = model.run(dram, chunk);
            }
            let now = model.sample();
            let (cycles, steps) = (now.counters.cycles, now.steps);
            match ended {
                Ended::Done => return Ok(now),
                Ended::Hung => return Err(RtlError::Hang { idle: self.options.hang_cycles, cycles, steps }.into()),
                Ended::Failed(message) => {
                    let fault = dram.take_fault().map(|fault| RtlError::Bus { cycles, fault });
                    return Err(fault.unwrap_or(RtlError::Protocol { cycles, message }).into());
                }
                Ended::Running if cycles > self.options.max_cycles => {
                    return Err(RtlError::TooManyCycles { cycles: self.options.max_cycles, steps }.into());
                }
                Ended::Running => {}
            }
            if let ControlFlow::Break(()) = watch(Progress { steps, cycles }) {
                return Err(EngineError::Interrupted { steps });
            }
        }
    }

    fn outcome(&self, end: &Sample, program: &Program, dram: Dram<'_>) -> Result<Outcome, RtlError> {
        let code = u8::try_from(end.status).ok().and_then(Status::from_code);
        let status = code.filter(|status| *status != Status::Running).ok_or(RtlError::Status(end.status))?;
        if dram.digest() != end.digest {
            return Err(RtlError::Digest { register: end.digest, observed: dram.digest() });
        }
        let (work, output, samples, layers) = dram.into_parts();
        let marks = samples.iter().map(|s| Mark { id: s.mark_id, digest: s.digest, steps: s.steps }).collect();
        let array = (self.params.array_rows, self.params.array_cols);
        let perf = Perf::new(array, end.counters, &layers, &program.metadata.layers);
        // The machine leaves it to the host to clear the output of a run that trapped.
        let output = if status == Status::Halted { output } else { Region::default() };
        Ok(Outcome { status, steps: end.steps, digest: end.digest, marks, output, work, perf: Some(perf) })
    }
}

impl Engine for RtlEngine {
    fn name(&self) -> &'static str {
        "rtl"
    }

    fn run(&mut self, program: &Program, input: &[Leaf], watch: Watch<'_>) -> Result<Outcome, EngineError> {
        check_input(program, input)?;
        self.check_fit(program)?;
        let map = AddressMap::new(&program.profile, self.options.base_row);
        let map = map.map_err(|rows| RtlError::MapTooLarge { rows })?;
        let mut dram = Dram::new(map, &program.text, &program.constant, input, self.options.trace_events.unwrap_or(0));
        let mut model = match self.model.take() {
            Some(model) => model,
            None => self.power_up()?,
        };
        let end = self.drive(&mut model, program, &mut dram, watch);
        self.trace = self.options.trace_events.map(|_| dram.take_trace());
        let end = end?;
        self.model = Some(model);
        Ok(self.outcome(&end, program, dram)?)
    }
}
