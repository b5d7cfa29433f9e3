//! The memory behind the port: two channels in order that share its bytes.

use std::collections::VecDeque;

use hdl::Params;

use crate::MemoryTiming;

/// What may be exchanged in a cycle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    pub(crate) read_ready: bool,
    pub(crate) write_ready: bool,
    /// A beat may go, in each direction.
    pub(crate) read: bool,
    pub(crate) write: bool,
    /// The oldest write is whole and known to be.
    pub(crate) written: bool,
}

/// The memory.
#[derive(Debug)]
pub(crate) struct Memory {
    width: u64,
    rate: u64,
    latency: u64,
    outstanding: usize,
    /// Beats to go, and when the first may.
    reads: VecDeque<(u64, u64)>,
    /// Beats to come, and, once all have, when it is said to be written.
    writes: VecDeque<(u64, u64)>,
    /// The first of `writes` that has beats to come.
    coming: usize,
    credit: u64,
    credit_at: u64,
    write_first: bool,
}

impl Memory {
    pub(crate) fn new(params: &Params, timing: &MemoryTiming) -> Memory {
        let width = params.port_bytes as u64;
        let rate = u64::from(timing.bytes_per_cycle);
        Memory {
            width,
            rate: if rate == 0 { width } else { rate.min(width) },
            latency: timing.latency_cycles.into(),
            outstanding: timing.outstanding.max(1) as usize,
            reads: VecDeque::new(),
            writes: VecDeque::new(),
            coming: 0,
            credit: 0,
            credit_at: 0,
            write_first: false,
        }
    }

    pub(crate) fn rate(&self) -> u64 {
        self.rate
    }

    /// Beats of a row.
    pub(crate) fn beats(&self) -> u64 {
        isa::LANES as u64 / self.width
    }

    /// `wdata`: a beat stands at the write channel.
    pub(crate) fn offer(&mut self, now: u64, wdata: bool) -> Offer {
        let earned = (now + 1 - self.credit_at).saturating_mul(self.rate);
        self.credit = (self.credit + earned).min(self.width + self.rate);
        self.credit_at = now + 1;
        let may = self.credit >= self.width;
        let mut read = may && self.reads.front().is_some_and(|&(_, ready)| now >= ready);
        let mut write = may && wdata && self.coming < self.writes.len();
        if read && write && self.credit < 2 * self.width {
            (read, write) = (!self.write_first, self.write_first);
            self.write_first = !self.write_first;
        }
        Offer {
            read_ready: self.reads.len() < self.outstanding,
            write_ready: self.writes.len() < self.outstanding,
            read,
            write,
            written: self.coming > 0 && self.writes.front().is_some_and(|&(_, ready)| now >= ready),
        }
    }

    pub(crate) fn read_beat(&mut self) {
        self.credit -= self.width;
        if let Some(head) = self.reads.front_mut() {
            head.0 -= 1;
            if head.0 == 0 {
                self.reads.pop_front();
            }
        }
    }

    pub(crate) fn write_beat(&mut self, now: u64) {
        self.credit -= self.width;
        if let Some(request) = self.writes.get_mut(self.coming) {
            request.0 -= 1;
            if request.0 == 0 {
                request.1 = now + 1 + self.latency;
                self.coming += 1;
            }
        }
    }

    pub(crate) fn take_written(&mut self) {
        self.writes.pop_front();
        self.coming -= 1;
    }

    pub(crate) fn read(&mut self, rows: u64, now: u64) {
        self.reads.push_back((rows * self.beats(), now + 1 + self.latency));
    }

    pub(crate) fn write(&mut self, rows: u64) {
        self.writes.push_back((rows * self.beats(), 0));
    }

    /// When something may be exchanged, or happens by itself; `wdata` as in [`Memory::offer`] of this cycle.
    pub(crate) fn next(&self, now: u64, wdata: bool) -> u64 {
        let paid = now + self.width.saturating_sub(self.credit).div_ceil(self.rate).max(1);
        let read = self.reads.front().map_or(u64::MAX, |&(_, ready)| ready.max(paid));
        let write = if wdata && self.coming < self.writes.len() { paid } else { u64::MAX };
        let written = if self.coming > 0 { self.writes[0].1.max(now + 1) } else { u64::MAX };
        read.min(write).min(written)
    }
}
