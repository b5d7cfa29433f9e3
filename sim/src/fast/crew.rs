//! Threads that help whoever runs a machine, and between runs stay awake for a little while.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use super::machine::FastError;

/// How often a thread looks for the next run before it sleeps: a tenth of a millisecond, about.
const SPINS: u32 = 4000;

/// What helpers are asked to do: the same, each.
type Help = dyn Fn() + Sync;

/// A request for help; it stays until who made it takes it back.
struct Request {
    id: u64,
    help: *const Help,
    /// Helpers that it may still have.
    wanted: usize,
    /// Helpers at it.
    at_work: usize,
}

// SAFETY: who makes a request waits for all helpers at it before `help` ends.
unsafe impl Send for Request {}

#[derive(Default)]
struct Desk {
    requests: Vec<Request>,
    next: u64,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    desk: Mutex<Desk>,
    /// Counts requests, so that helpers that are awake see new ones.
    posted: AtomicU64,
    come: Condvar,
    left: Condvar,
}

/// Threads that help.
pub(super) struct Crew {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Crew {
    /// So many threads; each calls `begin` with its number first.
    pub(super) fn new(count: usize, begin: fn(usize)) -> Result<Crew, FastError> {
        let mut crew = Crew { shared: Arc::default(), threads: Vec::new() };
        for number in 0..count {
            let shared = crew.shared.clone();
            let thread = Builder::new().name(format!("systole-{number}")).spawn(move || {
                begin(number);
                shared.serve();
            });
            crew.threads.push(thread.map_err(|error| FastError::Threads(error.to_string()))?);
        }
        Ok(crew)
    }

    /// Runs `f`, and meanwhile `help` on those threads that have nothing else to do; `f` sees to it that `help` ends.
    pub(super) fn with_help<T>(&self, help: &(dyn Fn() + Sync), f: impl FnOnce() -> T) -> T {
        if self.threads.is_empty() {
            return f();
        }
        // SAFETY: `Asking` waits for all who took it, also if `f` panics.
        let help = unsafe { std::mem::transmute::<*const (dyn Fn() + Sync + '_), *const Help>(&raw const *help) };
        let asking = Asking { shared: &self.shared, id: self.shared.ask(help, self.threads.len()) };
        let result = f();
        drop(asking);
        result
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.shared.desk().closed = true;
        self.shared.posted.fetch_add(1, SeqCst);
        self.shared.come.notify_all();
        for thread in self.threads.drain(..) {
            // A helper that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, help: *const Help, wanted: usize) -> u64 {
        let mut desk = self.desk();
        let id = desk.next;
        desk.next += 1;
        desk.requests.push(Request { id, help, wanted, at_work: 0 });
        drop(desk);
        self.posted.fetch_add(1, SeqCst);
        self.come.notify_all();
        id
    }

    fn serve(&self) {
        loop {
            let seen = self.posted.load(SeqCst);
            let mut desk = self.desk();
            if desk.closed {
                return;
            }
            if let Some(request) = desk.requests.iter_mut().find(|request| request.wanted > 0) {
                request.wanted -= 1;
                request.at_work += 1;
                let (_leaving, help) = (Leaving { shared: self, id: request.id }, request.help);
                drop(desk);
                // SAFETY: who asked waits until this thread has left.
                unsafe { (*help)() };
                continue;
            }
            drop(desk);
            let mut spins = 0;
            while self.posted.load(SeqCst) == seen && spins < SPINS {
                std::hint::spin_loop();
                spins += 1;
            }
            let mut desk = self.desk();
            while self.posted.load(SeqCst) == seen && !desk.closed {
                desk = self.come.wait(desk).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

/// A helper at work on a request, also if it panics.
struct Leaving<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut desk = self.shared.desk();
        if let Some(request) = desk.requests.iter_mut().find(|request| request.id == self.id) {
            request.at_work -= 1;
        }
        drop(desk);
        self.shared.left.notify_all();
    }
}

/// A request that is taken back when this is dropped, once all helpers have left it.
struct Asking<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut desk = self.shared.desk();
        loop {
            let Some(at) = desk.requests.iter().position(|request| request.id == self.id) else { return };
            desk.requests[at].wanted = 0;
            if desk.requests[at].at_work == 0 {
                desk.requests.swap_remove(at);
                return;
            }
            desk = self.shared.left.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
