//! The memory behind the port: where each region lies, what may be done to it, and what was written in which order.

use isa::digest::Digest;
use isa::{Leaf, Profile, Region, Subtree, ZERO};

use super::layers::{LayerCounts, LayerMeter};
use super::model::{Bus, RawEvent, Sample};
use super::trace::Trace;
use crate::engine::MAX_MARKS;

/// The regions in the order of the machine's base ports.
const REGIONS: [Subtree; 5] = [Subtree::Text, Subtree::Const, Subtree::Input, Subtree::Work, Subtree::Output];

/// A request that no correct machine makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Outside every region.
    #[error("{what} of physical row {row:#x}, which is in no region")]
    Unmapped {
        /// `read` or `write`.
        what: &'static str,
        /// Physical row.
        row: u32,
    },
    /// Writing what a program may not.
    #[error("write to {region} row {row:#x}")]
    ReadOnly {
        /// Name of the region.
        region: &'static str,
        /// Row in it.
        row: u32,
    },
}

/// Where each region begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AddressMap {
    /// Region, physical row 0 of it, rows.
    regions: [(Subtree, u64, u64); 5],
}

impl AddressMap {
    /// Regions one after another from `base_row`, with a gap of one row between them, so that an address one off
    /// is noticed; if there are too many for that, how many rows.
    pub(crate) fn new(profile: &Profile, base_row: u32) -> Result<AddressMap, u64> {
        let mut next = u64::from(base_row);
        let regions = REGIONS.map(|tree| {
            let rows = 1u64 << profile.depth(tree).min(isa::MAX_DRAM_LOG2);
            let base = next;
            next = base + rows + 1;
            (tree, base, rows)
        });
        if next > 1 << 32 { Err(next) } else { Ok(AddressMap { regions }) }
    }

    fn find(&self, physical: u32) -> Option<(Subtree, u32)> {
        let row = u64::from(physical);
        let region = self.regions.iter().find(|(_, base, rows)| (*base..base + rows).contains(&row));
        region.and_then(|(tree, base, _)| u32::try_from(row - base).ok().map(|row| (*tree, row)))
    }
}

/// The five regions of one run.
pub(crate) struct Dram<'a> {
    map: AddressMap,
    text: &'a [Leaf],
    constant: &'a [Leaf],
    input: &'a [Leaf],
    work: Region,
    output: Region,
    digest: Digest,
    marks: Vec<Sample>,
    trace: Trace,
    /// Events that the trace may have.
    trace_events: usize,
    meter: LayerMeter,
    fault: Option<Fault>,
}

impl<'a> Dram<'a> {
    /// Work and output are zero; at most so many events are kept.
    pub(crate) fn new(
        map: AddressMap,
        text: &'a [Leaf],
        constant: &'a [Leaf],
        input: &'a [Leaf],
        trace_events: usize,
    ) -> Dram<'a> {
        let (work, output) = (Region::default(), Region::default());
        Dram {
            map,
            text,
            constant,
            input,
            work,
            output,
            digest: Digest::default(),
            marks: Vec::new(),
            trace: Trace::default(),
            trace_events,
            meter: LayerMeter::default(),
            fault: None,
        }
    }

    /// Physical row 0 of each region, in the order of the ports.
    pub(crate) fn bases(&self) -> [u32; 5] {
        self.map.regions.map(|(_, base, _)| base as u32)
    }

    /// Why the last run failed, if the memory refused something.
    pub(crate) fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }

    /// What was recorded since the last time.
    pub(crate) fn take_trace(&mut self) -> Trace {
        std::mem::take(&mut self.trace)
    }

    /// Digest of the writes so far.
    pub(crate) fn digest(&self) -> u64 {
        self.digest.0
    }

    /// Work, output, what was seen at each mark, and the layers.
    pub(crate) fn into_parts(self) -> (Region, Region, Vec<Sample>, Vec<LayerCounts>) {
        (self.work, self.output, self.marks, self.meter.finish())
    }
}

impl Bus for Dram<'_> {
    fn read(&mut self, row: u32, leaf: &mut Leaf) -> Result<(), ()> {
        let Some((tree, index)) = self.map.find(row) else {
            self.fault = Some(Fault::Unmapped { what: "read", row });
            return Err(());
        };
        let held = |rows: &[Leaf]| rows.get(index as usize).copied().unwrap_or(ZERO);
        *leaf = match tree {
            Subtree::Text => held(self.text),
            Subtree::Const => held(self.constant),
            Subtree::Input => held(self.input),
            Subtree::Work => self.work.get(index.into()),
            _ => self.output.get(index.into()),
        };
        Ok(())
    }

    fn write(&mut self, row: u32, leaf: &Leaf) -> Result<(), ()> {
        let Some((tree, index)) = self.map.find(row) else {
            self.fault = Some(Fault::Unmapped { what: "write", row });
            return Err(());
        };
        match tree {
            Subtree::Work => self.work.set(index.into(), *leaf),
            Subtree::Output => self.output.set(index.into(), *leaf),
            _ => {
                self.fault = Some(Fault::ReadOnly { region: tree.name(), row: index });
                return Err(());
            }
        }
        self.digest.row(tree, index, leaf);
        Ok(())
    }

    fn mark(&mut self, sample: &Sample) {
        if self.marks.len() < MAX_MARKS {
            self.marks.push(*sample);
        }
    }

    fn trace(&mut self, events: &[RawEvent]) {
        for raw in events {
            let event = raw.into();
            self.meter.see(raw, &event, self.text);
            self.trace.push(event, self.trace_events);
        }
    }
}
