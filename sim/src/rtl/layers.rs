//! Which layer the cycles, products and bytes of a run belong to.
//!
//! Units run side by side and `MARK` goes through the store unit alone, so what the machine has counted when a `MARK`
//! retires is not what the instructions before it did. Here each unit's cycles go to the layer of the oldest
//! instruction that it has not retired, and what it multiplies or moves likewise; those of the front end go to the
//! layer that it is admitting. A layer counts in the cycles in which a unit has an instruction of it, between taking it
//! and retiring it: not while all of them wait for the layer before.

use std::collections::VecDeque;

use isa::{Instr, Leaf, Mark};

use super::counters::Counters;
use super::model::RawEvent;
use super::trace::{EventKind, FRONT, TraceEvent, UNITS};
use crate::engine::MAX_MARKS;

const LOAD: usize = 0;
const STORE: usize = 1;
const MATRIX: usize = 3;
const DEPTHWISE: usize = 4;

/// What the instructions up to a `MARK`, and after the one before it, did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LayerCounts {
    /// The `MARK` that ends it; `None` if the run ended before.
    pub mark: Option<u32>,
    /// When the last of its instructions had retired.
    pub end_cycle: u64,
    /// Of the cycles in which a unit had one of them.
    pub counters: Counters,
    /// Of its instructions how many units have now.
    live: usize,
}

/// Instructions of one unit, in order of issue.
#[derive(Debug, Default)]
struct Unit {
    /// The layers of those that have not retired.
    layers: VecDeque<usize>,
    /// How many of them the unit has taken.
    taken: usize,
}

/// Sums up the events of a run.
#[derive(Debug)]
pub(super) struct LayerMeter {
    layers: Vec<LayerCounts>,
    units: [Unit; UNITS.len()],
    /// What each part does, as its code.
    doing: [u8; UNITS.len() + 1],
    /// Totals at the last event.
    before: Counters,
}

impl Default for LayerMeter {
    fn default() -> LayerMeter {
        LayerMeter {
            layers: vec![LayerCounts::default()],
            units: Default::default(),
            doing: Default::default(),
            before: Counters::default(),
        }
    }
}

impl LayerMeter {
    /// The next event of a run of this text.
    pub(super) fn see(&mut self, raw: &RawEvent, event: &TraceEvent, text: &[Leaf]) {
        self.charge(raw);
        match event.kind {
            EventKind::Issued { unit, pc } => {
                let last = self.layers.len() - 1;
                self.units[usize::from(unit)].layers.push_back(last);
                let instr = text.get(pc as usize).map(Instr::decode);
                if let Some(Ok(Instr::Mark(Mark { imm }))) = instr {
                    self.layers[last].mark = Some(imm);
                    if self.layers.len() < MAX_MARKS {
                        self.layers.push(LayerCounts::default());
                    }
                }
            }
            EventKind::Taken { unit } => {
                let unit = &mut self.units[usize::from(unit)];
                if let Some(&layer) = unit.layers.get(unit.taken) {
                    self.layers[layer].live += 1;
                }
                unit.taken += 1;
            }
            EventKind::Retired { unit } => {
                let unit = &mut self.units[usize::from(unit)];
                unit.taken = unit.taken.saturating_sub(1);
                if let Some(layer) = unit.layers.pop_front() {
                    let layer = &mut self.layers[layer];
                    layer.end_cycle = event.cycle;
                    layer.live = layer.live.saturating_sub(1);
                }
            }
            EventKind::Activity { unit, code } => self.doing[usize::from(unit.min(FRONT))] = code,
        }
    }

    /// The layers in order of the program, those without a `MARK` left out.
    pub(super) fn finish(self) -> Vec<LayerCounts> {
        let complete = |mut layer: LayerCounts| {
            let counters = &mut layer.counters;
            for codes in counters.units.iter_mut().chain([&mut counters.front]) {
                codes[0] = counters.cycles.saturating_sub(codes[1..].iter().sum());
            }
            layer
        };
        self.layers.into_iter().filter(|layer| layer.mark.is_some()).map(complete).collect()
    }

    /// The layer that a unit works for.
    fn owner(&mut self, unit: usize) -> Option<&mut Counters> {
        let layer = self.units[unit].layers.front().copied();
        self.live(layer?)
    }

    fn live(&mut self, layer: usize) -> Option<&mut Counters> {
        let layer = &mut self.layers[layer];
        (layer.live > 0).then_some(&mut layer.counters)
    }

    /// Gives what happened since the last event to those who did it.
    fn charge(&mut self, raw: &RawEvent) {
        let now = Counters {
            cycles: raw.cycle,
            macs: raw.macs,
            bytes_read: raw.bytes_read,
            bytes_written: raw.bytes_written,
            ..Counters::default()
        };
        let new = now - self.before;
        self.before = now;
        if new == Counters::default() {
            return;
        }
        let oldest = self.units.iter().filter_map(|unit| unit.layers.front()).min().copied();
        for layer in oldest.unwrap_or(self.layers.len())..self.layers.len() {
            if let Some(counters) = self.live(layer) {
                counters.cycles += new.cycles;
            }
        }
        for part in 0..UNITS.len() {
            let code = usize::from(self.doing[part]);
            if let Some(counters) = self.owner(part) {
                counters.units[part][code] += new.cycles;
            }
        }
        let (admitting, code) = (self.layers.len() - 1, usize::from(self.doing[UNITS.len()]));
        if let Some(counters) = self.live(admitting) {
            counters.front[code] += new.cycles;
        }
        let busy = |unit: usize, other: usize| if self.units[unit].layers.is_empty() { other } else { unit };
        let (multiplies, reads) = (busy(MATRIX, DEPTHWISE), busy(LOAD, STORE));
        if let Some(counters) = self.owner(multiplies) {
            counters.macs += new.macs;
        }
        if let Some(counters) = self.owner(reads) {
            counters.bytes_read += new.bytes_read;
        }
        if let Some(counters) = self.owner(STORE) {
            counters.bytes_written += new.bytes_written;
        }
    }
}

#[cfg(test)]
mod tests {
    use isa::{Halt, Load};

    use super::*;

    const WORK: u8 = 1;

    /// Rows of text: two layers of a LOAD each.
    fn text() -> Vec<Leaf> {
        let mark = |imm| Mark { imm }.into();
        let instrs: [Instr; 5] = [Load::default().into(), mark(4), Load::default().into(), mark(9), Halt {}.into()];
        instrs.iter().map(Instr::encode).collect()
    }

    fn raw(cycle: u64, bytes_read: u64, kind: EventKind) -> (RawEvent, TraceEvent) {
        let raw = RawEvent { cycle, bytes_read, ..RawEvent::default() };
        (raw, TraceEvent { cycle, kind })
    }

    #[test]
    fn layers_overlap_and_each_has_what_its_instructions_did() {
        let (load, store) = (LOAD as u8, STORE as u8);
        let issued = |unit, pc| EventKind::Issued { unit, pc };
        let taken = |unit| EventKind::Taken { unit };
        let retired = |unit| EventKind::Retired { unit };
        let doing = |unit, code| EventKind::Activity { unit, code };
        let events = [
            raw(1, 7, doing(FRONT, WORK)),
            raw(10, 64, issued(load, 0)),
            raw(11, 64, taken(load)),
            raw(11, 64, doing(load, WORK)),
            raw(12, 64, issued(store, 1)),
            raw(14, 96, issued(load, 2)),
            raw(20, 160, taken(load)),
            // Rows of the first, though the second has begun.
            raw(25, 192, retired(load)),
            raw(26, 224, taken(store)),
            raw(27, 224, issued(store, 3)),
            raw(28, 224, retired(store)),
            raw(40, 320, retired(load)),
            raw(40, 320, doing(load, 0)),
            raw(41, 320, taken(store)),
            raw(43, 320, retired(store)),
        ];
        let text = text();
        let mut meter = LayerMeter::default();
        for (raw, event) in &events {
            meter.see(raw, event, &text);
        }
        let [first, second] = meter.finish().try_into().unwrap();
        assert_eq!((first.mark, first.end_cycle), (Some(4), 28));
        assert_eq!((second.mark, second.end_cycle), (Some(9), 43));
        // 11 to 25 and 26 to 28; 20 to 40 and 41 to 43.
        assert_eq!((first.counters.cycles, second.counters.cycles), (16, 22));
        assert_eq!((first.counters.bytes_read, second.counters.bytes_read), (128, 128));
        assert_eq!(
            (first.counters.units[LOAD], second.counters.units[LOAD]),
            ([2, 14, 0, 0, 0, 0, 0], [7, 15, 0, 0, 0, 0, 0])
        );
        assert_eq!((first.counters.front[1], second.counters.front[1]), (1, 7));
    }
}
