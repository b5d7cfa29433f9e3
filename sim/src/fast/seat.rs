//! Which processor a thread that helps stays on: none that another of the run is on.

#[cfg(target_os = "linux")]
mod of {
    use std::cell::RefCell;

    /// What a helper knows of processors.
    #[derive(Default)]
    struct Seat {
        number: usize,
        /// Those that it may use.
        usable: Vec<usize>,
        taken: Option<usize>,
    }

    thread_local! {
        static SEAT: RefCell<Seat> = RefCell::default();
    }

    /// Notes the number of the calling thread among the helpers, and the processors that it may use.
    pub(in crate::fast) fn note(number: usize) {
        // SAFETY: a set of processors is plain bits, and the system fills it.
        let usable = unsafe {
            let mut all: libc::cpu_set_t = std::mem::zeroed();
            if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut all) != 0 {
                return;
            }
            (0..libc::CPU_SETSIZE as usize).filter(|&cpu| libc::CPU_ISSET(cpu, &all)).collect()
        };
        SEAT.with_borrow_mut(|seat| *seat = Seat { number, usable, taken: None });
    }

    /// The processor that the calling thread is on.
    pub(in crate::fast) fn here() -> usize {
        // SAFETY: asks nothing of the caller.
        usize::try_from(unsafe { libc::sched_getcpu() }).unwrap_or(0)
    }

    /// Keeps the calling thread on a processor of its own, which is not `other`.
    pub(in crate::fast) fn take(other: usize) {
        SEAT.with_borrow_mut(|seat| {
            let wanted = seat.usable.iter().filter(|&&cpu| cpu != other).nth(seat.number).copied();
            let Some(cpu) = wanted.filter(|_| wanted != seat.taken) else { return };
            // SAFETY: a set of processors is plain bits. Where it is not allowed, the thread goes where the system puts it.
            unsafe {
                let mut one: libc::cpu_set_t = std::mem::zeroed();
                libc::CPU_SET(cpu, &mut one);
                libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const one);
            }
            seat.taken = wanted;
        });
    }
}

#[cfg(not(target_os = "linux"))]
mod of {
    /// Nothing: here threads go where the system puts them.
    pub(in crate::fast) fn note(_number: usize) {}

    /// Some processor.
    pub(in crate::fast) fn here() -> usize {
        0
    }

    /// Nothing, as above.
    pub(in crate::fast) fn take(_other: usize) {}
}

pub(super) use of::{here, note, take};
