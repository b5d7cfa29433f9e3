//! How quickly the RTL of p16 is simulated on one core, kernel by kernel.
//!
//! ```text
//! cargo run -p sim --example speed -- [--only NAME] [--verilog FILE] [--runs N]
//! ```
//!
//! Prints one line of JSON for each kernel: cycles of a run, and the best rate of `N` runs (3 unless given).

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;
use sim::kernels::{self, PARAMS};
use sim::{Engine, RtlEngine, RtlOptions};

type Failure = Box<dyn std::error::Error>;

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|word| word != name).nth(1)
}

fn main() -> Result<(), Failure> {
    let only = argument("--only");
    let runs: u32 = argument("--runs").map_or(Ok(3), |text| text.parse())?;
    let committed = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../hdl/verilog/systole_p16.v");
    let path = argument("--verilog").map_or_else(committed, PathBuf::from);
    let started = Instant::now();
    let mut rtl = RtlEngine::new(&std::fs::read_to_string(path)?, PARAMS, RtlOptions::default())?;
    eprintln!("the model was there after {:.1} s", started.elapsed().as_secs_f64());
    for kernel in kernels::all().iter().filter(|kernel| only.as_deref().is_none_or(|name| kernel.name.contains(name))) {
        let (mut best, mut cycles) = (f64::INFINITY, 0);
        for _ in 0..runs.max(1) {
            let started = Instant::now();
            let outcome = rtl.run_to_end(&kernel.program, &kernel.input)?;
            best = best.min(started.elapsed().as_secs_f64());
            cycles = outcome.perf.map_or(0, |perf| perf.counters.cycles);
        }
        println!(
            "{}",
            json!({ "kernel": kernel.name, "cycles": cycles, "seconds": best, "cycles_per_second": cycles as f64 / best })
        );
    }
    Ok(())
}
