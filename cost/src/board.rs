//! The scoreboard: instructions in flight, for which older ones each waits, and a queue for each unit.

use std::collections::VecDeque;

use hdl::Params;

use crate::map::Tracer;
use crate::op::{Op, UNITS};

#[derive(Debug)]
struct Entry {
    op: Op,
    /// A bit for each entry that must retire first.
    waits: u32,
    /// From this cycle on the unit may take it, if it waits for nothing.
    ready_from: u64,
    retired_at: Option<u64>,
}

/// One unit's instructions, oldest first.
#[derive(Debug, Default)]
struct Lane {
    order: VecDeque<usize>,
    taken: usize,
    taken_at: u64,
    retired_at: u64,
}

/// Cycles are those in which something is seen to happen; it shows to others from the next one on.
#[derive(Debug)]
pub(crate) struct Board {
    slots: Vec<Option<Entry>>,
    lanes: [Lane; UNITS],
    depth: usize,
    /// The first cycle in which the present offer may enter.
    enters_from: Option<u64>,
    /// When each unit should look again.
    pub(crate) wakes: [u64; UNITS],
    /// Something was taken or has retired: the front end may find room.
    pub(crate) moved: bool,
    /// Layers and cycles of instructions that have retired, since they were last asked for.
    pub(crate) retired: Vec<(usize, u64)>,
    /// Draws what lies where, if that is asked for.
    pub(crate) tracer: Option<Tracer>,
}

impl Board {
    pub(crate) fn new(params: &Params) -> Board {
        Board {
            slots: (0..params.in_flight).map(|_| None).collect(),
            lanes: Default::default(),
            depth: params.queue_depth,
            enters_from: None,
            wakes: [u64::MAX; UNITS],
            moved: false,
            retired: Vec::new(),
            tracer: None,
        }
    }

    /// The instruction that the unit may take in this cycle.
    pub(crate) fn ready(&self, unit: usize, now: u64) -> Option<&Op> {
        let lane = &self.lanes[unit];
        let entry = self.slots[*lane.order.get(lane.taken)?].as_ref()?;
        (entry.waits == 0 && entry.ready_from <= now).then_some(&entry.op)
    }

    pub(crate) fn take(&mut self, unit: usize, now: u64) -> Option<Op> {
        let op = *self.ready(unit, now)?;
        self.lanes[unit].taken += 1;
        self.lanes[unit].taken_at = now;
        self.moved = true;
        if let Some(tracer) = &mut self.tracer {
            tracer.takes(&op, now);
        }
        Some(op)
    }

    /// The oldest instruction that the unit has taken is done.
    pub(crate) fn retire(&mut self, unit: usize, now: u64) {
        let lane = &mut self.lanes[unit];
        let Some(slot) = lane.order.pop_front() else { return };
        lane.taken -= 1;
        lane.retired_at = now;
        self.moved = true;
        if let Some(entry) = &mut self.slots[slot] {
            entry.retired_at = Some(now);
            self.retired.push((entry.op.layer, now));
            if let Some(tracer) = &mut self.tracer {
                tracer.retires(&entry.op, now);
            }
        }
        for entry in self.slots.iter_mut().flatten() {
            if entry.waits & 1 << slot != 0 {
                entry.waits &= !(1 << slot);
                if entry.waits == 0 {
                    entry.ready_from = now + 1;
                    self.wakes[entry.op.unit] = self.wakes[entry.op.unit].min(now + 1);
                }
            }
        }
    }

    /// Whether a unit has instructions, as the front end sees it in this cycle.
    pub(crate) fn live(&self, unit: usize, now: u64) -> bool {
        let lane = &self.lanes[unit];
        !lane.order.is_empty() || lane.retired_at == now
    }

    pub(crate) fn last_retired(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.retired_at).max().unwrap_or(0)
    }

    pub(crate) fn any_live(&self, now: u64) -> bool {
        (0..UNITS).any(|unit| self.live(unit, now))
    }

    /// Offers an instruction in this cycle; true when it enters. To be asked after all units have had the cycle.
    pub(crate) fn offer(&mut self, op: &Op, now: u64) -> bool {
        for slot in &mut self.slots {
            if slot.as_ref().is_some_and(|entry| entry.retired_at.is_some_and(|at| at < now)) {
                *slot = None;
            }
        }
        let enters_from = *self.enters_from.get_or_insert_with(|| {
            let others = self.slots.iter().flatten().filter(|entry| entry.op.unit != op.unit).count() as u64;
            now + others.saturating_sub(1)
        });
        let lane = &self.lanes[op.unit];
        let queued = lane.order.len() - lane.taken + usize::from(lane.taken_at == now && now > 0);
        let free = self.slots.iter().position(Option::is_none);
        let (true, Some(slot)) = (now >= enters_from && queued < self.depth, free) else { return false };
        let mut waits = 0;
        for (at, entry) in self.slots.iter().enumerate() {
            if let Some(entry) = entry
                && entry.retired_at.is_none()
                && entry.op.unit != op.unit
                && op.conflicts(&entry.op)
            {
                waits |= 1 << at;
            }
        }
        self.slots[slot] = Some(Entry { op: *op, waits, ready_from: now + 1, retired_at: None });
        self.lanes[op.unit].order.push_back(slot);
        self.enters_from = None;
        self.wakes[op.unit] = self.wakes[op.unit].min(now + 1);
        true
    }

    /// When an offer that did not enter should be made again: in the next cycle while it is compared, else never.
    pub(crate) fn comparing(&self, now: u64) -> bool {
        self.enters_from.is_some_and(|from| from > now)
    }
}
