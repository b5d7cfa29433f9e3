//! The Verilated machine as a safe type: the library's C ABI, loaded at run time.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::{Path, PathBuf};

use isa::Leaf;
use libloading::Library;

use super::RtlOptions;
use super::counters::Counters;

/// How the memory behind the port behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct DramConfig {
    /// Sustained bytes a cycle, reads and writes together; at most the port's width, which 0 stands for.
    pub bytes_per_cycle: u32,
    /// Cycles from a request to read to its first beat, and from the last beat of a write to the word that it is written.
    pub latency_cycles: u32,
    /// Requests of each channel that may be under way; at least 1.
    pub outstanding: u32,
    /// Chance, in thousandths, that a ready or valid is withheld in a cycle: for tests.
    pub stall_permille: u32,
    /// Up to so many random cycles are added to each request's latency, and what a read sees of the writes that are under
    /// way with it is left to chance: for tests.
    pub jitter_cycles: u32,
    /// Seed of the last two.
    pub seed: u64,
}

impl Default for DramConfig {
    /// The port's full rate after 30 cycles, sixteen requests at once, without randomness.
    fn default() -> DramConfig {
        DramConfig {
            bytes_per_cycle: 0,
            latency_cycles: 30,
            outstanding: 16,
            stall_permille: 0,
            jitter_cycles: 0,
            seed: 0,
        }
    }
}

/// What the machine's outputs show at one moment.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(super) mark_id: u32,
    pub(super) status: u32,
    pub(super) steps: u64,
    pub(super) digest: u64,
    pub(super) counters: Counters,
}

#[repr(C)]
struct Host {
    context: *mut c_void,
    read: extern "C" fn(*mut c_void, u32, *mut u8) -> c_int,
    write: extern "C" fn(*mut c_void, u32, *const u8) -> c_int,
    mark: extern "C" fn(*mut c_void, *const Sample),
    trace: extern "C" fn(*mut c_void, *const RawEvent, usize),
}

/// An event as the shim hands it on.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RawEvent {
    pub(super) cycle: u64,
    /// The machine's counters before this cycle.
    pub(super) macs: u64,
    pub(super) bytes_read: u64,
    pub(super) bytes_written: u64,
    pub(super) pc: u32,
    pub(super) kind: u8,
    pub(super) unit: u8,
    pub(super) code: u8,
    pub(super) unused: u8,
}

#[repr(C)]
struct Timing {
    latency_cycles: u32,
    bytes_per_cycle: u32,
    outstanding: u32,
    stall_permille: u32,
    jitter_cycles: u32,
    seed: u64,
    hang_cycles: u64,
    gated: u64,
}

/// What a run is given: the profile leaf, and row 0 of text, const, input, work and output.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub(super) profile: Leaf,
    pub(super) bases: [u32; 5],
}

/// What the model asks of its surroundings. A refusal ends the run; the reason stays with the bus.
pub(crate) trait Bus {
    fn read(&mut self, row: u32, leaf: &mut Leaf) -> Result<(), ()>;
    fn write(&mut self, row: u32, leaf: &Leaf) -> Result<(), ()>;
    fn mark(&mut self, sample: &Sample);
    fn trace(&mut self, events: &[RawEvent]);
}

/// How a chunk of cycles ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    Running,
    Done,
    Hung,
    Failed(String),
}

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The library does not load.
    #[error("Verilated model {path}: {source}")]
    Load {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        source: libloading::Error,
    },
    /// The model does not start up.
    #[error("Verilated model: {0}")]
    Create(String),
}

type New = unsafe extern "C" fn(*const c_char, *mut c_char, usize) -> *mut c_void;
type Free = unsafe extern "C" fn(*mut c_void);
type PortBytes = unsafe extern "C" fn() -> u32;
type IsaHash = unsafe extern "C" fn(*mut c_void, *mut u8);
type Message = unsafe extern "C" fn(*const c_void) -> *const c_char;
type Start = unsafe extern "C" fn(*mut c_void, *const Job, *const Timing) -> c_int;
type Run = unsafe extern "C" fn(*mut c_void, *const Host, u64) -> c_int;
type TakeSample = unsafe extern "C" fn(*const c_void, *mut Sample);

/// A loaded library; the functions live as long as it does.
struct Api {
    new: New,
    free: Free,
    port_bytes: PortBytes,
    isa_hash: IsaHash,
    message: Message,
    start: Start,
    run: Run,
    sample: TakeSample,
    _library: Library,
}

impl Api {
    fn load(path: &Path) -> Result<Api, libloading::Error> {
        // SAFETY: the library was built from our shim; its initialisers only set up C++ statics.
        let library = unsafe { Library::new(path)? };
        // SAFETY: the types are those of the shim's `extern "C"` block.
        unsafe {
            Ok(Api {
                new: *library.get(b"systole_new\0")?,
                free: *library.get(b"systole_free\0")?,
                port_bytes: *library.get(b"systole_port_bytes\0")?,
                isa_hash: *library.get(b"systole_isa_hash\0")?,
                message: *library.get(b"systole_error\0")?,
                start: *library.get(b"systole_start\0")?,
                run: *library.get(b"systole_run\0")?,
                sample: *library.get(b"systole_sample\0")?,
                _library: library,
            })
        }
    }
}

/// One machine, powered up.
pub(super) struct Model {
    api: Api,
    machine: *mut c_void,
}

// SAFETY: the machine is owned, has no thread-local state of ours, and is only reached through `&mut self` or `&self`
// methods that do not change it.
unsafe impl Send for Model {}

impl Model {
    /// Loads the library and powers up a machine; `waves` is the FST file to write.
    pub(super) fn new(library: &Path, waves: Option<&Path>) -> Result<Model, ModelError> {
        let api = Api::load(library).map_err(|source| ModelError::Load { path: library.into(), source })?;
        let path = waves.map(|path| CString::new(path.as_os_str().as_encoded_bytes())).transpose();
        let path = path.map_err(|_| ModelError::Create("a path with a zero byte".into()))?;
        let mut message = [0u8; 512];
        let path_pointer = path.as_ref().map_or(std::ptr::null(), |path| path.as_ptr());
        // SAFETY: the path is null or ends in zero; the buffer has the length given.
        let machine = unsafe { (api.new)(path_pointer, message.as_mut_ptr().cast(), message.len()) };
        if machine.is_null() {
            let text = CStr::from_bytes_until_nul(&message).map(|text| text.to_string_lossy().into_owned());
            return Err(ModelError::Create(text.unwrap_or_default()));
        }
        Ok(Model { api, machine })
    }

    /// Width of the memory port.
    pub(super) fn port_bytes(&self) -> u32 {
        // SAFETY: no arguments, no state.
        unsafe { (self.api.port_bytes)() }
    }

    /// The instruction set that the machine was generated from.
    pub(super) fn isa_hash(&mut self) -> Leaf {
        let mut leaf = isa::ZERO;
        // SAFETY: the machine lives, and 32 bytes are written.
        unsafe { (self.api.isa_hash)(self.machine, leaf.as_mut_ptr()) };
        leaf
    }

    /// Pulses `start`.
    pub(super) fn start(&mut self, job: &Job, options: &RtlOptions) -> Ended {
        let dram = &options.dram;
        let width = self.port_bytes();
        let timing = Timing {
            latency_cycles: dram.latency_cycles,
            bytes_per_cycle: if dram.bytes_per_cycle == 0 { width } else { dram.bytes_per_cycle.min(width) },
            outstanding: dram.outstanding.max(1),
            stall_permille: dram.stall_permille.min(999),
            jitter_cycles: dram.jitter_cycles.min(u32::MAX - 1),
            seed: dram.seed,
            hang_cycles: options.hang_cycles,
            gated: options.clock_gating.into(),
        };
        // SAFETY: the machine lives, and both structs outlive the call.
        let code = unsafe { (self.api.start)(self.machine, job, &timing) };
        self.ended(code)
    }

    /// Runs up to so many cycles.
    pub(super) fn run<B: Bus>(&mut self, bus: &mut B, cycles: u64) -> Ended {
        let context = std::ptr::from_mut(bus).cast();
        let host = Host { context, read: read::<B>, write: write::<B>, mark: mark::<B>, trace: trace::<B> };
        // SAFETY: the machine lives; the context is a `B` that nothing else touches during the call.
        let code = unsafe { (self.api.run)(self.machine, &host, cycles) };
        self.ended(code)
    }

    /// The outputs now.
    pub(super) fn sample(&self) -> Sample {
        let mut sample = Sample::default();
        // SAFETY: the machine lives, and one sample is written.
        unsafe { (self.api.sample)(self.machine, &mut sample) };
        sample
    }

    fn ended(&self, code: c_int) -> Ended {
        match code {
            0 => Ended::Running,
            1 => Ended::Done,
            2 => Ended::Hung,
            _ => {
                // SAFETY: the machine lives, and its message is a zero-ended string until the next call.
                let message = unsafe { CStr::from_ptr((self.api.message)(self.machine)) };
                Ended::Failed(message.to_string_lossy().into_owned())
            }
        }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: made by `new`, freed once.
        unsafe { (self.api.free)(self.machine) };
    }
}

extern "C" fn read<B: Bus>(context: *mut c_void, row: u32, leaf: *mut u8) -> c_int {
    // SAFETY: `Model::run` passed a `B`, and the shim passes a buffer of one row.
    let (bus, leaf) = unsafe { (&mut *context.cast::<B>(), &mut *leaf.cast::<Leaf>()) };
    c_int::from(bus.read(row, leaf).is_err())
}

extern "C" fn write<B: Bus>(context: *mut c_void, row: u32, leaf: *const u8) -> c_int {
    // SAFETY: as in `read`.
    let (bus, leaf) = unsafe { (&mut *context.cast::<B>(), &*leaf.cast::<Leaf>()) };
    c_int::from(bus.write(row, leaf).is_err())
}

extern "C" fn mark<B: Bus>(context: *mut c_void, sample: *const Sample) {
    // SAFETY: as in `read`; the sample is one of the shim's.
    let (bus, sample) = unsafe { (&mut *context.cast::<B>(), &*sample) };
    bus.mark(sample);
}

extern "C" fn trace<B: Bus>(context: *mut c_void, events: *const RawEvent, count: usize) {
    // SAFETY: as in `read`; the shim passes so many events.
    let (bus, events) = unsafe { (&mut *context.cast::<B>(), std::slice::from_raw_parts(events, count)) };
    bus.trace(events);
}
