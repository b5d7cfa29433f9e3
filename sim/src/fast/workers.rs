//! What executes: how many threads, which vector instructions, and the scratch memory that kernels reuse.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::machine::FastError;
use super::matmul::Scratch;
use super::simd::Simd;

/// About how many cycles of work are worth a task of their own.
const GRAIN_CYCLES: u64 = 10_000;
/// Tasks per thread, so that a thread that the system holds up does not hold up all.
const TASKS_PER_THREAD: u64 = 4;

/// How often a thread that keeps awake looks for work before it lets others have the processor.
const SPINS: u32 = 4000;

/// What threads between two instructions look at: a thread that sleeps is woken too late for instructions of
/// some ten microseconds, so that they keep awake for as long as a run that has given work away.
#[derive(Debug, Default)]
struct Vigil {
    /// Runs under way.
    runs: AtomicUsize,
    /// Counts the times that there was no run and then one: threads that keep awake do so for one of these.
    generation: AtomicU64,
    /// The generation for which threads have been told to keep awake.
    told: AtomicU64,
    /// Of each thread, runs and tasks that it is in the middle of; it must come back to them.
    depth: Vec<AtomicUsize>,
}

impl Vigil {
    fn keep(&self, thread: usize, generation: u64) {
        if self.depth[thread].load(SeqCst) > 0 {
            return;
        }
        let mut idle = 0u32;
        while self.runs.load(SeqCst) > 0 && self.generation.load(SeqCst) == generation {
            match rayon::yield_now() {
                Some(rayon::Yield::Executed) => idle = 0,
                _ if idle < SPINS => {
                    idle += 1;
                    std::hint::spin_loop();
                }
                _ => std::thread::yield_now(),
            }
        }
    }
}

/// A run or a task that a thread is in the middle of; ends when dropped.
struct Frame<'a> {
    vigil: &'a Vigil,
    thread: usize,
    run: bool,
}

impl<'a> Frame<'a> {
    fn begin(vigil: &'a Vigil, thread: usize, run: bool) -> Frame<'a> {
        vigil.depth[thread].fetch_add(1, SeqCst);
        if run && vigil.runs.fetch_add(1, SeqCst) == 0 {
            vigil.generation.fetch_add(1, SeqCst);
        }
        Frame { vigil, thread, run }
    }
}

impl Drop for Frame<'_> {
    fn drop(&mut self) {
        self.vigil.depth[self.thread].fetch_sub(1, SeqCst);
        if self.run {
            self.vigil.runs.fetch_sub(1, SeqCst);
        }
    }
}

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
    vigil: Arc<Vigil>,
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
        let vigil = Vigil { depth: (0..threads).map(|_| AtomicUsize::default()).collect(), ..Vigil::default() };
        Ok(Arc::new(Workers { pool, vigil: Arc::new(vigil), scratch, simd, memory_bytes, grain_cycles }))
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
            Some(pool) => pool.install(|| {
                let _run = Frame::begin(&self.vigil, self.here().unwrap_or(0), true);
                f()
            }),
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
        // The order to keep awake must find threads idle, so the instruction that gives it does not share its work.
        if self.here().is_none() || tasks < 2 || self.wake() {
            return f(rows);
        }
        self.halve(unit, rows, tasks, f);
    }

    /// Tells the threads to keep awake until the runs under way end; false if that has been done.
    fn wake(&self) -> bool {
        let generation = self.vigil.generation.load(SeqCst);
        let Some(pool) = &self.pool else { return false };
        if self.vigil.runs.load(SeqCst) == 0 || self.vigil.told.swap(generation, SeqCst) == generation {
            return false;
        }
        let vigil = self.vigil.clone();
        pool.spawn_broadcast(move |thread| vigil.keep(thread.index(), generation));
        true
    }

    fn halve(&self, unit: u64, rows: Range<u64>, tasks: u64, f: &(impl Fn(Range<u64>) + Sync)) {
        if tasks < 2 || rows.is_empty() {
            return f(rows);
        }
        // Whoever waits below for the other half must not take the order to keep awake meanwhile.
        let _task = self.here().map(|thread| Frame::begin(&self.vigil, thread, false));
        let left = tasks / 2;
        let half = (rows.end - rows.start) * left / tasks;
        let middle = rows.end.min(rows.start + half.next_multiple_of(unit));
        rayon::join(
            || self.halve(unit, rows.start..middle, left, f),
            || self.halve(unit, middle..rows.end, tasks - left, f),
        );
    }

    /// Scratch of the calling thread.
    pub(super) fn scratch(&self) -> MutexGuard<'_, Scratch> {
        self.scratch[self.here().unwrap_or(0)].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
