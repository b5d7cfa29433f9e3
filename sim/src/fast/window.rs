//! Instructions under way: those issued and not yet done, and who waits for whom.
//!
//! One thread issues instructions in the order of the program; any thread takes parts of those that wait for nothing.
//! An instruction waits for all earlier ones that touch a row which it writes, or write a row which it touches, so that
//! memory becomes what it would be if each were done before the next.

use std::cell::UnsafeCell;
use std::ops::Range;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use super::bits::bits;
use super::exec::Work;
use super::simd::Simd;

/// Instructions that may be under way at a time; at most the bits of a word.
pub(super) const SLOTS: usize = 32;
/// How often a thread looks for work before it lets others have the processor.
const SPINS: u32 = 4000;

/// What is known of the instructions under way.
struct Board {
    /// Slots in use.
    busy: u64,
    /// Of those, the ones with parts that anyone may take.
    ready: u64,
    /// For each slot, how many it waits for, and those that wait for it.
    waits: [u32; SLOTS],
    followers: [u64; SLOTS],
    /// Parts of each that nobody has taken, and that are not done.
    untaken: [u32; SLOTS],
    undone: [u32; SLOTS],
    parts: [u32; SLOTS],
    /// The slot that is used next, so that the oldest come first after it.
    next: u32,
    closed: bool,
}

/// The instructions under way.
pub(super) struct Window {
    board: Mutex<Board>,
    /// A copy of `ready` to look at without the lock; all bits when closed.
    ready: AtomicU64,
    /// A copy of `busy`.
    busy: AtomicU64,
    works: [UnsafeCell<Option<Work>>; SLOTS],
}

// SAFETY: a slot's work is written by who issues while the slot is free, and read by others only while it is busy.
unsafe impl Sync for Window {}

/// An instruction that is about to be issued.
pub(super) struct Pending {
    pub(super) slot: usize,
    /// Parts to do it in.
    pub(super) parts: u32,
    /// Slots that it waits for.
    pub(super) after: u64,
}

/// A part of an instruction, taken.
struct Part {
    slot: usize,
    index: u32,
    of: u32,
}

impl Window {
    pub(super) fn new() -> Window {
        let board = Board {
            busy: 0,
            ready: 0,
            waits: [0; SLOTS],
            followers: [0; SLOTS],
            untaken: [0; SLOTS],
            undone: [0; SLOTS],
            parts: [0; SLOTS],
            next: 0,
            closed: false,
        };
        Window {
            board: Mutex::new(board),
            ready: AtomicU64::new(0),
            busy: AtomicU64::new(0),
            works: [const { UnsafeCell::new(None) }; SLOTS],
        }
    }

    /// The lock is held for some ten instructions: waiting for it is not worth sleep.
    fn lock(&self) -> MutexGuard<'_, Board> {
        for spin in 0u32.. {
            match self.board.try_lock() {
                Ok(board) => return board,
                Err(TryLockError::Poisoned(_)) => break,
                Err(TryLockError::WouldBlock) if spin < SPINS => std::hint::spin_loop(),
                Err(TryLockError::WouldBlock) => break,
            }
        }
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, board: &Board) {
        self.ready.store(if board.closed { u64::MAX } else { board.ready }, Relaxed);
        self.busy.store(board.busy, Release);
    }

    /// Slots in use, or that were until a moment ago. What was done in others is seen from here on.
    pub(super) fn busy(&self) -> u64 {
        self.busy.load(Acquire)
    }

    /// Whether there is nothing to take.
    pub(super) fn is_idle(&self) -> bool {
        self.ready.load(Relaxed) == 0
    }

    /// Puts work into a free slot. Only for the thread that issues.
    pub(super) fn put(&self, slot: usize, work: Work) {
        // SAFETY: the slot is free, and this thread alone makes it busy.
        unsafe { *self.works[slot].get() = Some(work) };
    }

    /// Issues what has been put into slots, in this order; each waits for those that it must that are not done.
    pub(super) fn issue(&self, pending: &mut Vec<Pending>) {
        let Some(Pending { slot: last, .. }) = pending.last() else { return };
        let mut board = self.lock();
        board.next = (*last as u32 + 1) % SLOTS as u32;
        for Pending { slot, parts, after } in pending.drain(..) {
            let (bit, after) = (1 << slot, after & board.busy);
            board.waits[slot] = after.count_ones();
            bits(after).for_each(|other| board.followers[other] |= bit);
            board.busy |= bit;
            (board.untaken[slot], board.undone[slot], board.parts[slot]) = (parts, parts, parts);
            if after == 0 {
                board.ready |= bit;
            }
        }
        self.publish(&board);
    }

    /// Takes a part, if there is one: of an instruction of `first`, else of any.
    fn take(&self, board: &mut Board, first: u64) -> Option<Part> {
        if board.ready == 0 {
            return None;
        }
        let ready = if board.ready & first != 0 { board.ready & first } else { board.ready };
        // Slots from `next` on were used longer ago than those before it.
        let old = ready >> board.next << board.next;
        let slot = if old != 0 { old } else { ready }.trailing_zeros() as usize;
        board.untaken[slot] -= 1;
        if board.untaken[slot] == 0 {
            board.ready &= !(1 << slot);
            self.publish(board);
        }
        Some(Part { slot, index: board.untaken[slot], of: board.parts[slot] })
    }

    /// Notes that a part is done, and answers those that waited for its instruction.
    fn done(&self, board: &mut Board, slot: usize) -> u64 {
        board.undone[slot] -= 1;
        if board.undone[slot] > 0 {
            return 0;
        }
        let bit = 1 << slot;
        board.busy &= !bit;
        let followers = std::mem::take(&mut board.followers[slot]);
        for other in bits(followers) {
            board.waits[other] -= 1;
            if board.waits[other] == 0 {
                board.ready |= 1 << other;
            }
        }
        self.publish(board);
        followers
    }

    /// Does parts while there are some to take and some of `slots` are under way. Whether it did any.
    ///
    /// What a part wrote is in this processor's cache, so those that waited for it come first.
    fn work(&self, simd: Simd, slots: u64) -> bool {
        let mut next = self.take(&mut self.lock(), 0);
        let any = next.is_some();
        while let Some(Part { slot, index, of }) = next {
            let done = Done { window: self, slot };
            // SAFETY: the slot is busy until this part, too, is done.
            if let Some(work) = unsafe { &*self.works[slot].get() } {
                work.run(simd, work.rows(index, of));
            }
            std::mem::forget(done);
            let mut board = self.lock();
            let followers = self.done(&mut board, slot);
            next = if board.busy & slots != 0 { self.take(&mut board, followers) } else { None };
        }
        any
    }

    /// Does parts until [`Window::close`].
    pub(super) fn help(&self, simd: Simd) {
        let mut idle = 0;
        loop {
            match self.ready.load(Relaxed) {
                u64::MAX if self.lock().closed => return,
                0 => pause(&mut idle),
                _ if self.work(simd, u64::MAX) => idle = 0,
                _ => pause(&mut idle),
            }
        }
    }

    /// Does parts until those of `slots` are done.
    pub(super) fn wait(&self, simd: Simd, slots: u64) {
        let mut idle = 0;
        while self.busy() & slots != 0 {
            if !self.is_idle() && self.work(simd, slots) {
                idle = 0;
            } else {
                pause(&mut idle);
            }
        }
    }

    /// Lets helpers go.
    fn close(&self) {
        let mut board = self.lock();
        board.closed = true;
        self.publish(&board);
    }
}

fn pause(idle: &mut u32) {
    *idle += 1;
    if *idle < SPINS { std::hint::spin_loop() } else { std::thread::yield_now() }
}

/// A part that is being done: also if its kernel panics, so that nobody waits for it for ever.
struct Done<'a> {
    window: &'a Window,
    slot: usize,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.window.done(&mut self.window.lock(), self.slot);
    }
}

/// Waits for all and lets the helpers go, however the thread that issues ends.
pub(super) struct Closing<'a> {
    pub(super) window: &'a Window,
    pub(super) simd: Simd,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.window.wait(self.simd, u64::MAX);
        self.window.close();
    }
}

impl Work {
    /// Rows of part `index` of `of`: even parts, in units that kernels like.
    fn rows(&self, index: u32, of: u32) -> Range<u64> {
        let Range { start, end } = self.job.rows;
        let unit = self.unit();
        let units = (end - start).div_ceil(unit);
        // The first part is taken last, so that it counts down.
        let cut = |part: u32| end.min(start + units * u64::from(part) / u64::from(of) * unit);
        cut(of - 1 - index)..cut(of - index)
    }
}
