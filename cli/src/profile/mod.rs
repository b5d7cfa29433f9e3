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
use sim::{Counters, LayerPerf, Perf};

use crate::inspect::layers::Layers;
use chrome::Names;
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

impl Counted {
    fn of(counters: &Counters) -> Counted {
        let [a, b, c, d, e, f] = counters.units;
        Counted {
            cycles: counters.cycles,
            macs: counters.macs,
            bytes_read: counters.bytes_read,
            bytes_written: counters.bytes_written,
            parts: [a, b, c, d, e, f, counters.front],
        }
    }
}

/// A layer's row.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Layer {
    pub(crate) mark: u32,
    pub(crate) name: String,
    pub(crate) op: String,
    /// When all layers before it had ended.
    pub(crate) begin: u64,
    /// How much later it ended.
    pub(crate) own_cycles: u64,
    pub(crate) mac_utilisation: f64,
    #[serde(flatten)]
    pub(crate) counted: Counted,
}

impl Layer {
    fn of(layer: &LayerPerf) -> Layer {
        Layer {
            mark: layer.mark,
            name: layer.name.clone(),
            op: layer.op.clone(),
            begin: layer.begin_cycle,
            own_cycles: layer.own_cycles,
            mac_utilisation: layer.mac_utilisation,
            counted: Counted::of(&layer.counters),
        }
    }
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
    pub(crate) bytes_per_cycle: u32,
}

impl Profile {
    /// From what was counted in all, and in each layer.
    pub(crate) fn new(setting: Setting<'_>, perf: &Perf) -> Profile {
        Profile {
            program: setting.program.to_string(),
            target: setting.target.to_string(),
            array: [perf.array_rows, perf.array_cols],
            bytes_per_cycle: setting.bytes_per_cycle,
            mac_utilisation: perf.mac_utilisation,
            total: Counted::of(&perf.counters),
            layers: perf.layers.iter().map(Layer::of).collect(),
            part_names: std::array::from_fn(part),
            unit_codes: UNIT_CODES,
            front_codes: FRONT_CODES,
        }
    }

    /// The page's timeline.
    pub(crate) fn timeline(&self, trace: &Trace, names: &impl Names) -> Timeline {
        timeline(trace, self.total.cycles, MOST_PIECES, names)
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
