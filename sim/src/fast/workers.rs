//! What executes: how many threads, which vector instructions, and the scratch memory that kernels reuse.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::machine::FastError;
use super::matmul::Scratch;
use super::simd::Simd;

/// About how many cycles of work are worth a task of their own.
const GRAIN_CYCLES: u64 = 10_000;
/// Tasks per thread, so that a thread that the system holds up does not hold up all.
const TASKS_PER_THREAD: u64 = 4;

/// How the fast executor runs.
#[derive(Clone, Debug)]
pub struct FastOptions {
    /// Threads; `None` is one for each processor that this process may use.
    pub threads: Option<usize>,
    /// The vector instructions; `None` is the best that this processor has.
    pub simd: Option<Simd>,
    /// Most bytes of work and of output, each, that a program may write.
    pub memory_bytes: u64,
    /// Work, in cycles, that is worth a task of its own.
    pub grain_cycles: u64,
}

impl Default for FastOptions {
    fn default() -> FastOptions {
        FastOptions { threads: None, simd: None, memory_bytes: 8 << 30, grain_cycles: GRAIN_CYCLES }
    }
}

/// Threads and their scratch, shared by the machines that run on them.
#[derive(Debug)]
pub struct Workers {
    pool: Option<ThreadPool>,
    scratch: Vec<Mutex<Scratch>>,
    pub(super) simd: Simd,
    pub(super) memory_bytes: u64,
    grain_cycles: u64,
}

impl Workers {
    /// Starts the threads; with one there is nothing to start.
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
        let pool = match threads {
            1 => None,
            _ => Some(
                ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .thread_name(|index| format!("systole-{index}"))
                    .build()
                    .map_err(|error| FastError::Threads(error.to_string()))?,
            ),
        };
        let scratch = (0..threads).map(|_| Mutex::default()).collect();
        let FastOptions { memory_bytes, grain_cycles, .. } = *options;
        Ok(Arc::new(Workers { pool, scratch, simd, memory_bytes, grain_cycles }))
    }

    /// The vector instructions in use.
    #[must_use]
    pub fn simd(&self) -> Simd {
        self.simd
    }

    /// Threads in use.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.scratch.len()
    }

    /// Which of the threads this is.
    fn here(&self) -> Option<usize> {
        self.pool.as_ref().and_then(ThreadPool::current_thread_index)
    }

    /// Runs `f` where [`Workers::split`] can give work away.
    pub(super) fn install<T: Send>(&self, f: impl FnOnce() -> T + Send) -> T {
        match &self.pool {
            Some(pool) => pool.install(f),
            None => f(),
        }
    }

    /// Calls `f` on parts of `rows`, which cost about so many cycles each, on all threads.
    pub(super) fn split(&self, rows: Range<u64>, cycles: u64, f: &(impl Fn(Range<u64>) + Sync)) {
        self.split_by(1, rows, cycles, f);
    }

    /// As [`Workers::split`], in parts of whole units of rows but for the last.
    pub(super) fn split_by(&self, unit: u64, rows: Range<u64>, cycles: u64, f: &(impl Fn(Range<u64>) + Sync)) {
        let count = rows.end - rows.start;
        let worth = count.saturating_mul(cycles) / self.grain_cycles.max(1);
        let tasks = worth.min(self.threads() as u64 * TASKS_PER_THREAD).min(count);
        if self.here().is_none() || tasks < 2 {
            return f(rows);
        }
        halve(unit, rows, tasks, f);
    }

    /// Scratch of the calling thread.
    pub(super) fn scratch(&self) -> MutexGuard<'_, Scratch> {
        self.scratch[self.here().unwrap_or(0)].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn halve(unit: u64, rows: Range<u64>, tasks: u64, f: &(impl Fn(Range<u64>) + Sync)) {
    if tasks < 2 || rows.is_empty() {
        return f(rows);
    }
    let left = tasks / 2;
    let half = (rows.end - rows.start) * left / tasks;
    let middle = rows.end.min(rows.start + half.next_multiple_of(unit));
    rayon::join(|| halve(unit, rows.start..middle, left, f), || halve(unit, middle..rows.end, tasks - left, f));
}
