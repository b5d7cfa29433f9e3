//! What happened in a run of the RTL and when: instructions issued, taken and retired, and what each part was doing.

use super::model::RawEvent;

/// The units, in the order of their indices.
pub const UNITS: [&str; 6] = ["load", "store", "move", "matrix", "depthwise", "vector"];

/// Index of the front end where a [`EventKind::Activity`] names a unit.
pub const FRONT: u8 = 6;

/// What a unit does in a cycle, by its code.
pub const UNIT_CODES: [&str; 7] = ["idle", "work", "operand", "bank", "memory", "start", "drain"];

/// What the front end does in a cycle, by its code.
pub const FRONT_CODES: [&str; 7] = ["off", "issue", "fetch", "full", "result", "clear", "end"];

/// So many events are kept unless the caller says otherwise: about 320 MB.
pub const DEFAULT_EVENTS: usize = 20_000_000;

/// Something that happened in one cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceEvent {
    /// Cycle since `start`.
    pub cycle: u64,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// The front end put an instruction into a unit's queue. A unit takes and retires in the order of issue.
    Issued {
        /// Index into [`UNITS`].
        unit: u8,
        /// Row of text.
        pc: u32,
    },
    /// A unit began with the oldest instruction that it had not taken yet.
    Taken {
        /// Index into [`UNITS`].
        unit: u8,
    },
    /// All effects of the oldest instruction that a unit had not retired yet are in memory.
    Retired {
        /// Index into [`UNITS`].
        unit: u8,
    },
    /// From this cycle on a part does something else; before its first such event it does nothing (code 0).
    Activity {
        /// Index into [`UNITS`], or [`FRONT`].
        unit: u8,
        /// Index into [`UNIT_CODES`], of the front end into [`FRONT_CODES`].
        code: u8,
    },
}

impl From<&RawEvent> for TraceEvent {
    fn from(raw: &RawEvent) -> TraceEvent {
        let unit = raw.unit;
        let kind = match raw.kind {
            0 => EventKind::Issued { unit, pc: raw.pc },
            1 => EventKind::Taken { unit },
            2 => EventKind::Retired { unit },
            _ => EventKind::Activity { unit, code: raw.code },
        };
        TraceEvent { cycle: raw.cycle, kind }
    }
}

/// The events of one run, in order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// The events.
    pub events: Vec<TraceEvent>,
    /// The cycle from which on nothing was recorded because there were too many events; `None` for a whole run.
    pub cut_at_cycle: Option<u64>,
}

impl Trace {
    /// Keeps an event, if there are not `most` yet.
    pub(super) fn push(&mut self, event: TraceEvent, most: usize) {
        if self.events.len() < most {
            self.events.push(event);
        } else if self.cut_at_cycle.is_none() {
            self.cut_at_cycle = Some(event.cycle);
        }
    }
}
