//! What a run on the RTL is shown as: a summary, a page, a trace for Perfetto.

pub(crate) mod chrome;
pub(crate) mod page;
mod spans;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at once")]
mod tests;
mod timeline;

use isa::asm::disassemble;
use isa::program::Program;
use serde::Serialize;
use sim::rtl::{FRONT_CODES, Trace, UNIT_CODES, UNITS};

use crate::inspect::layers::Layers;
use chrome::{LayerSpan, Names};
use spans::PARTS;
use timeline::{MOST_PIECES, Timeline, timeline};

/// Name of a part by its index: a unit, or the front end.
pub(crate) fn part(index: usize) -> &'static str {
    UNITS.get(index).copied().unwrap_or("front end")
}

/// What was counted over some cycles.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Counted {
    pub(crate) cycles: u64,
    pub(crate) macs: u64,
    pub(crate) bytes_read: u64,
    pub(crate) bytes_written: u64,
    /// Cycles by part, the units in their order and then the front end, and by code.
    pub(crate) parts: [[u64; 7]; PARTS],
}

/// A layer's row.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Layer {
    pub(crate) mark: u32,
    pub(crate) name: String,
    pub(crate) op: String,
    /// When it began: when the stores of the one before were accepted.
    pub(crate) begin: u64,
    pub(crate) mac_utilisation: f64,
    #[serde(flatten)]
    pub(crate) counted: Counted,
}

/// A run, without its trace.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Profile {
    pub(crate) program: String,
    pub(crate) target: String,
    /// Products a cycle at most.
    pub(crate) array: [u32; 2],
    pub(crate) bytes_per_cycle: u32,
    pub(crate) mac_utilisation: f64,
    #[serde(flatten)]
    pub(crate) total: Counted,
    pub(crate) layers: Vec<Layer>,
    /// Names of the parts and of their codes.
    pub(crate) part_names: [&'static str; PARTS],
    pub(crate) unit_codes: [&'static str; 7],
    pub(crate) front_codes: [&'static str; 7],
}

/// How the machine was set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting<'a> {
    pub(crate) program: &'a str,
    pub(crate) target: &'a str,
    pub(crate) array: [u32; 2],
    pub(crate) bytes_per_cycle: u32,
}

impl Profile {
    /// From what was counted in all, and in each layer: mark, name, operator, counts.
    pub(crate) fn new(
        setting: Setting<'_>,
        total: Counted,
        layers: impl IntoIterator<Item = (u32, String, String, Counted)>,
    ) -> Profile {
        let utilisation = |counted: &Counted| {
            let offered = counted.cycles as f64 * f64::from(setting.array[0] * setting.array[1]);
            if offered == 0.0 { 0.0 } else { counted.macs as f64 / offered }
        };
        let mut begin = 0;
        let row = |(mark, name, op, counted): (u32, String, String, Counted)| {
            let row = Layer { mark, name, op, begin, mac_utilisation: utilisation(&counted), counted };
            begin += counted.cycles;
            row
        };
        Profile {
            program: setting.program.to_string(),
            target: setting.target.to_string(),
            array: setting.array,
            bytes_per_cycle: setting.bytes_per_cycle,
            mac_utilisation: utilisation(&total),
            total,
            layers: layers.into_iter().map(row).collect(),
            part_names: std::array::from_fn(part),
            unit_codes: UNIT_CODES,
            front_codes: FRONT_CODES,
        }
    }

    /// The page's timeline.
    pub(crate) fn timeline(&self, trace: &Trace, names: &impl Names) -> Timeline {
        timeline(trace, self.total.cycles, MOST_PIECES, names)
    }

    /// The layers for a trace.
    pub(crate) fn layer_spans(&self) -> Vec<LayerSpan> {
        let span = |layer: &Layer| (format!("{} {}", layer.op, layer.name), layer.begin, layer.counted.cycles);
        self.layers.iter().map(span).collect()
    }
}

/// Names from the program itself.
pub(crate) struct ProgramNames<'a> {
    program: &'a Program,
    layers: Layers<'a>,
}

impl<'a> ProgramNames<'a> {
    pub(crate) fn of(program: &'a Program) -> ProgramNames<'a> {
        ProgramNames { program, layers: Layers::of(program) }
    }
}

impl Names for ProgramNames<'_> {
    fn instruction(&self, pc: u32) -> String {
        self.program.text.get(pc as usize).map_or_else(String::new, disassemble)
    }

    fn layer(&self, pc: u32) -> String {
        self.layers.mark(pc).map_or_else(String::new, |mark| self.layers.name(mark))
    }
}
