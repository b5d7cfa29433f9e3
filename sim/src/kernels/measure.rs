//! A kernel on the RTL: its cycles against its roofline.

use serde::Serialize;

use super::{Ideal, Kernel};
use crate::rtl::{FRONT_CODES, UNIT_CODES, UNITS};
use crate::{Counters, DramConfig, Engine, FastEngine, RtlEngine};

/// One run of a kernel.
#[derive(Clone, Debug, Serialize)]
pub struct Measurement {
    /// Its name.
    pub kernel: &'static str,
    /// What it computes.
    pub shape: &'static str,
    /// Products of the problem.
    pub macs: u64,
    /// Rate of the memory port.
    pub bytes_per_cycle: u32,
    /// What each unit needs at least.
    pub ideal: Ideal,
    /// The unit that needs most, or `port`.
    pub bound: &'static str,
    /// What that one needs.
    pub ideal_cycles: u64,
    /// What the machine took.
    pub cycles: u64,
    /// Ideal over taken.
    pub roofline: f64,
    /// Where the cycles beyond the ideal went, most first; they sum up to them.
    pub losses: Vec<(&'static str, u64)>,
    /// The machine's counters.
    pub counters: Counters,
}

impl Kernel {
    /// Runs it at this rate; `fast` says what must come out besides the kernel itself.
    ///
    /// # Errors
    /// The machine broke, or something else came out.
    pub fn measure(
        &self,
        bytes_per_cycle: u32,
        rtl: &mut RtlEngine,
        fast: &mut FastEngine,
    ) -> Result<Measurement, String> {
        rtl.set_dram(DramConfig { bytes_per_cycle, ..DramConfig::default() });
        let named = |error: crate::EngineError| format!("{}: {error}", self.name);
        let outcome = rtl.run_to_end(&self.program, &self.input).map_err(named)?;
        let want = fast.run_to_end(&self.program, &self.input).map_err(named)?;
        if let Some(difference) = want.difference(&outcome) {
            return Err(format!("{}: {difference}", self.name));
        }
        if let Some(fault) = self.fault(&outcome.output) {
            return Err(fault);
        }
        let counters = outcome.perf.map(|perf| perf.counters).unwrap_or_default();
        let ideal_cycles = self.ideal.cycles(bytes_per_cycle);
        Ok(Measurement {
            kernel: self.name,
            shape: self.shape,
            macs: self.macs,
            bytes_per_cycle,
            ideal: self.ideal,
            bound: self.ideal.bound(bytes_per_cycle),
            ideal_cycles,
            cycles: counters.cycles,
            roofline: ideal_cycles as f64 / counters.cycles.max(1) as f64,
            losses: losses(&self.ideal, bytes_per_cycle, &counters),
            counters,
        })
    }
}

/// What the unit that bounds the kernel did besides its ideal work; of the port, how long it was idle.
fn losses(ideal: &Ideal, bytes_per_cycle: u32, counters: &Counters) -> Vec<(&'static str, u64)> {
    let (bound, needed) = (ideal.bound(bytes_per_cycle), ideal.cycles(bytes_per_cycle));
    let clear = FRONT_CODES.iter().position(|&code| code == "clear").map_or(0, |code| counters.front[code]);
    let mut all = vec![("clear", clear)];
    if let Some(unit) = UNITS.iter().position(|&unit| unit == bound) {
        let [idle, work, rest @ ..] = counters.units[unit];
        all.push(("more work", work.saturating_sub(needed)));
        all.push(("idle", idle.saturating_sub(clear)));
        all.extend(UNIT_CODES[2..].iter().copied().zip(rest));
    } else {
        let moved = (counters.bytes_read + counters.bytes_written).div_ceil(bytes_per_cycle.into());
        all.push(("more bytes", moved.saturating_sub(needed)));
        all.push(("port idle", counters.cycles.saturating_sub(moved + clear)));
    }
    all.retain(|&(_, cycles)| cycles > 0);
    all.sort_by_key(|&(_, cycles)| std::cmp::Reverse(cycles));
    all
}
