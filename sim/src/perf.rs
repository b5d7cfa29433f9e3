//! Cycle counts of a run, in all and by layer.

use isa::program::Layer;
use serde::Serialize;

use crate::rtl::{Counters, LayerCounts};

/// Where the cycles of a run went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Perf {
    /// Rows (k) of the MAC array.
    pub array_rows: u32,
    /// Columns (n) of it.
    pub array_cols: u32,
    /// Over the whole run.
    #[serde(flatten)]
    pub counters: Counters,
    /// Useful MACs over cycles × array size.
    pub mac_utilisation: f64,
    /// One row for each `MARK`: what the instructions between the one before it and itself did.
    pub layers: Vec<LayerPerf>,
}

/// Where the cycles of a layer went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerPerf {
    /// The `MARK` that ends it.
    pub mark: u32,
    /// Name in the program's layer table; empty where that has none for this mark.
    pub name: String,
    /// Operator, likewise.
    pub op: String,
    /// When all layers before it had ended, every instruction of theirs retired.
    pub begin_cycle: u64,
    /// By how many cycles it ended after that; these sum up to the end of the last layer.
    pub own_cycles: u64,
    /// What was done for its instructions, in the cycles in which a unit had one of them. Layers overlap: units go on
    /// with the next while others end this one.
    #[serde(flatten)]
    pub counters: Counters,
    /// Useful MACs over cycles × array size.
    pub mac_utilisation: f64,
}

impl Perf {
    /// From the counters at the end and those of each layer.
    #[must_use]
    pub fn new(array: (u32, u32), end: Counters, counts: &[LayerCounts], layers: &[Layer]) -> Perf {
        let mut last_end = 0;
        let rows = counts.iter().map(|&LayerCounts { mark, end_cycle, counters, .. }| {
            let mark = mark.unwrap_or_default();
            let begin_cycle = last_end;
            last_end = last_end.max(end_cycle);
            let layer = layers.iter().find(|layer| layer.mark == mark);
            let (name, op) =
                layer.map_or((String::new(), String::new()), |layer| (layer.name.clone(), layer.op.clone()));
            LayerPerf {
                mark,
                name,
                op,
                begin_cycle,
                own_cycles: last_end - begin_cycle,
                counters,
                mac_utilisation: utilisation(array, &counters),
            }
        });
        let layers = rows.collect();
        Perf {
            array_rows: array.0,
            array_cols: array.1,
            counters: end,
            mac_utilisation: utilisation(array, &end),
            layers,
        }
    }
}

fn utilisation(array: (u32, u32), counters: &Counters) -> f64 {
    let offered = counters.cycles as f64 * f64::from(array.0) * f64::from(array.1);
    if offered == 0.0 { 0.0 } else { counters.macs as f64 / offered }
}
