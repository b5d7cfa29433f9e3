//! What a program will cost on a machine: the figures of `estimate` and of the report of `compile`.

use anyhow::Result;
use cost::{Estimate, LayerEstimate, MemoryTiming, UNIT_NAMES};
use hdl::Params;
use isa::LANES;
use isa::program::Program;
use serde::Serialize;

use crate::output::{Output, thousands};

/// On which machine, with which memory, at which clock.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) target: String,
    pub(crate) params: Params,
    pub(crate) timing: MemoryTiming,
    pub(crate) mhz: u32,
}

/// How much of a memory of the machine a program uses.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Use {
    pub(crate) used_rows: u64,
    pub(crate) rows: u64,
    pub(crate) row_bytes: u64,
}

/// Bytes of each region of DRAM.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Regions {
    pub(crate) text: u64,
    pub(crate) constant: u64,
    pub(crate) input: u64,
    pub(crate) work: u64,
    pub(crate) output: u64,
}

/// One layer.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LayerForecast {
    pub(crate) name: String,
    pub(crate) op: String,
    pub(crate) shape: Vec<u32>,
    /// Products of the model, as the program's layer table has them.
    pub(crate) model_macs: u64,
    /// Of the array in the layer's own cycles.
    pub(crate) mac_utilisation: f64,
    /// What needs most cycles for it at its full rate.
    pub(crate) bound: &'static str,
    #[serde(flatten)]
    pub(crate) cost: LayerEstimate,
}

/// The whole.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Forecast {
    pub(crate) program: String,
    pub(crate) target: String,
    pub(crate) array: [usize; 2],
    pub(crate) memory: MemoryTiming,
    pub(crate) cycles: u64,
    pub(crate) mhz: u32,
    pub(crate) milliseconds: f64,
    pub(crate) macs: u64,
    pub(crate) model_macs: u64,
    /// Useful products over cycles × array size.
    pub(crate) mac_utilisation: f64,
    pub(crate) bytes_read: u64,
    pub(crate) bytes_written: u64,
    pub(crate) text_bytes: u64,
    /// Weights, inputs and outputs once.
    pub(crate) least_bytes: u64,
    pub(crate) instructions: u64,
    pub(crate) micro_steps: u64,
    pub(crate) spad: Use,
    pub(crate) acc: Use,
    pub(crate) dram: Regions,
    pub(crate) unit_names: [&'static str; 6],
    pub(crate) layers: Vec<LayerForecast>,
}

impl Forecast {
    pub(crate) fn new(program: &Program, setting: &Setting) -> Result<Forecast> {
        let cost = cost::estimate(program, &setting.params, &setting.timing)?;
        Ok(Forecast::of(program, setting, cost))
    }

    /// From an estimate that is there.
    pub(crate) fn of(program: &Program, setting: &Setting, cost: Estimate) -> Forecast {
        let params = &setting.params;
        let array = (params.array_rows * params.array_cols) as f64;
        let share = |macs: u64, cycles: u64| if cycles == 0 { 0.0 } else { macs as f64 / (cycles as f64 * array) };
        let rows = |tensors: &[isa::program::Tensor]| tensors.iter().map(|t| t.last_row() + 1).max().unwrap_or(0);
        let bytes = |rows: u64| rows * LANES as u64;
        let dram = Regions {
            text: bytes(program.text.len() as u64),
            constant: bytes(program.constant.len() as u64),
            input: bytes(rows(&program.metadata.inputs)),
            work: bytes(cost.work_rows),
            output: bytes(rows(&program.metadata.outputs)),
        };
        let layers = cost.layers.iter().map(|layer| {
            let known = program.metadata.layers.iter().find(|known| Some(known.mark) == layer.mark);
            let known = known.cloned().unwrap_or_default();
            LayerForecast {
                name: known.name,
                op: known.op,
                shape: known.shape,
                model_macs: known.macs,
                mac_utilisation: share(layer.macs, layer.own_cycles),
                bound: layer.bound(),
                cost: layer.clone(),
            }
        });
        let layers: Vec<_> = layers.collect();
        Forecast {
            program: program.metadata.name.clone(),
            target: setting.target.clone(),
            array: [params.array_rows, params.array_cols],
            memory: setting.timing,
            cycles: cost.cycles,
            mhz: setting.mhz,
            milliseconds: cost.cycles as f64 / (1e3 * f64::from(setting.mhz)),
            macs: cost.macs,
            model_macs: layers.iter().map(|layer| layer.model_macs).sum(),
            mac_utilisation: share(cost.macs, cost.cycles),
            bytes_read: cost.bytes_read,
            bytes_written: cost.bytes_written,
            text_bytes: cost.text_bytes,
            least_bytes: dram.constant + dram.input + dram.output,
            instructions: cost.instructions,
            micro_steps: cost.micro_steps,
            spad: Use { used_rows: cost.spad_rows, rows: 1 << params.spad_log2, row_bytes: LANES as u64 },
            acc: Use { used_rows: cost.acc_rows, rows: 1 << params.acc_log2, row_bytes: 4 * LANES as u64 },
            dram,
            unit_names: UNIT_NAMES,
            layers,
        }
    }

    /// Bytes over the port, over the fewest that there could be.
    pub(crate) fn traffic(&self) -> f64 {
        (self.bytes_read + self.bytes_written) as f64 / self.least_bytes.max(1) as f64
    }

    pub(crate) fn say(&self, output: Output) {
        let line = |name: &str, text: String| output.say(format_args!("{name:12} {text}"));
        line("cycles", format!("{} predicted", thousands(self.cycles)));
        line("time", format!("{:.3} ms at {} MHz", self.milliseconds, self.mhz));
        let [rows, columns] = self.array;
        line("MACs", thousands(self.macs));
        line("utilisation", format!("{:.1} % of {rows}×{columns} MACs", 100.0 * self.mac_utilisation));
        let (read, written) = (thousands(self.bytes_read), thousands(self.bytes_written));
        line("memory", format!("{read} bytes read, {written} written"));
        let least = thousands(self.least_bytes);
        line("", format!("{:.2} times the {least} of weights, input and output once", self.traffic()));
        for (name, space) in [("spad", self.spad), ("acc", self.acc)] {
            let (used, there) = (thousands(space.used_rows), thousands(space.rows));
            let free = thousands(space.rows - space.used_rows);
            line(name, format!("{used} of {there} rows used, {free} left"));
        }
        let d = &self.dram;
        let regions =
            [("text", d.text), ("const", d.constant), ("input", d.input), ("work", d.work), ("output", d.output)];
        let regions = regions.map(|(name, bytes)| format!("{name} {}", thousands(bytes)));
        line("DRAM", format!("{} bytes", regions.join(", ")));
        output.say("mark layer                       cycles   share  MAC use  bound         bytes read     written");
        for layer in &self.layers {
            let c = &layer.cost;
            output.say(format_args!(
                "{:>4} {:24.24} {:>9} {:>5.1} % {:>6.1} %  {:9} {:>14} {:>11}",
                c.mark.unwrap_or_default(),
                format!("{} {}", layer.op, layer.name),
                thousands(c.own_cycles),
                100.0 * c.own_cycles as f64 / self.cycles.max(1) as f64,
                100.0 * layer.mac_utilisation,
                layer.bound,
                thousands(c.bytes_read),
                thousands(c.bytes_written)
            ));
        }
    }
}
