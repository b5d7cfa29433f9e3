//! What executes: how many threads, which vector instructions, and the scratch memory that kernels reuse.

use std::cell::RefCell;
use std::sync::Arc;

use super::crew::Crew;
use super::machine::FastError;
use super::matmul::Scratch;
use super::seat;
use super::simd::Simd;

/// About how many cycles of work are worth a part of their own.
const GRAIN_CYCLES: u64 = 20_000;

/// How the fast executor runs.
#[derive(Clone, Debug)]
pub struct FastOptions {
    /// Threads; `None` is one for each processor that this process may use.
    pub threads: Option<usize>,
    /// The vector instructions; `None` is the best that this processor has.
    pub simd: Option<Simd>,
    /// Keeps each thread that helps on a processor of its own, where there are enough: threads that wait for one another
    /// must not share one. For a computer with nothing else to do; elsewhere they are in the way of others.
    pub pinned: bool,
    /// Most bytes of work and of output, each, that a program may write.
    pub memory_bytes: u64,
    /// Work, in cycles, that is worth a part of its own.
    pub grain_cycles: u64,
}

impl Default for FastOptions {
    fn default() -> FastOptions {
        FastOptions { threads: None, simd: None, pinned: false, memory_bytes: 8 << 30, grain_cycles: GRAIN_CYCLES }
    }
}

/// Threads, shared by the machines that run on them.
pub struct Workers {
    crew: Crew,
    threads: usize,
    pinned: bool,
    pub(super) simd: Simd,
    pub(super) memory_bytes: u64,
    pub(super) grain_cycles: u64,
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} threads, {}", self.threads, self.simd)
    }
}

impl Workers {
    /// Starts the threads that help the one that runs; with one thread there is none to start.
    ///
    /// # Errors
    /// The system gives no threads, or this processor has not the vector instructions asked for.
    pub fn new(options: &FastOptions) -> Result<Arc<Workers>, FastError> {
        let available = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = options.threads.unwrap_or_else(available).max(1);
        let simd = match options.simd {
            None => Simd::detect(),
            Some(simd) if simd.is_available() => simd,
            Some(simd) => return Err(FastError::Simd(simd)),
        };
        let pinned = options.pinned && (2..=available()).contains(&threads);
        let crew = Crew::new(threads - 1, if pinned { seat::note } else { |_| () })?;
        let FastOptions { memory_bytes, grain_cycles, .. } = *options;
        Ok(Arc::new(Workers { crew, threads, pinned, simd, memory_bytes, grain_cycles: grain_cycles.max(1) }))
    }

    /// The vector instructions in use.
    #[must_use]
    pub fn simd(&self) -> Simd {
        self.simd
    }

    /// Threads in use.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Runs `f` on this thread while others, as far as they have nothing else to do, run `help`; `f` sees to it that
    /// `help` ends.
    pub(super) fn together<T>(&self, help: impl Fn() + Sync, f: impl FnOnce() -> T) -> T {
        if !self.pinned {
            return self.crew.with_help(&help, f);
        }
        let here = seat::here();
        let help = || {
            seat::take(here);
            help();
        };
        self.crew.with_help(&help, f)
    }
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Calls `f` with scratch of the calling thread.
pub(super) fn with_scratch<T>(f: impl FnOnce(&mut Scratch) -> T) -> T {
    SCRATCH.with_borrow_mut(f)
}
