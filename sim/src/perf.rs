//! Cycle counts of a run, in all and by layer.

use isa::program::Layer;
use serde::Serialize;

use crate::rtl::Counters;

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
    /// One row for each `MARK` that retired: what happened between the one before it and itself.
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
    /// Within the layer.
    #[serde(flatten)]
    pub counters: Counters,
    /// Useful MACs over cycles × array size.
    pub mac_utilisation: f64,
}

impl Perf {
    /// From the counters at the end and at each mark (id, counters since start).
    #[must_use]
    pub fn new(array: (u32, u32), end: Counters, marks: &[(u32, Counters)], layers: &[Layer]) -> Perf {
        let before = std::iter::once(Counters::default()).chain(marks.iter().map(|&(_, counters)| counters));
        let rows = marks.iter().zip(before).map(|(&(mark, counters), earlier)| {
            let counters = counters - earlier;
            let layer = layers.iter().find(|layer| layer.mark == mark);
            let (name, op) =
                layer.map_or((String::new(), String::new()), |layer| (layer.name.clone(), layer.op.clone()));
            LayerPerf { mark, name, op, counters, mac_utilisation: utilisation(array, &counters) }
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
