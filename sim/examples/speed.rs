//! How quickly the RTL of p16 is simulated on one core, kernel by kernel.
//!
//! ```text
//! cargo run -p sim --example speed -- [--only NAME] [--verilog FILE] [--runs N] [--tune]
//! ```
//!
//! `--tune` also compiles the machine for these kernels (needs Clang), and runs both in turns.
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
    let verilog = std::fs::read_to_string(path)?;
    let engine = |tuned| RtlEngine::new(&verilog, PARAMS, RtlOptions { tuned, ..RtlOptions::default() });
    let mut engines = vec![("plain", engine(false)?)];
    eprintln!("the model was there after {:.1} s", started.elapsed().as_secs_f64());
    let kernels = kernels::all();
    if std::env::args().any(|word| word == "--tune") {
        let tuned = RtlEngine::tune(&verilog, PARAMS, |rtl| {
            kernels.iter().try_for_each(|kernel| rtl.run_to_end(&kernel.program, &kernel.input).map(|_| ()))
        });
        match tuned {
            Ok(()) => engines.push(("tuned", engine(true)?)),
            Err(error) => eprintln!("not tuned: {error}"),
        }
        eprintln!("the tuned one after {:.1} s", started.elapsed().as_secs_f64());
    }
    for kernel in kernels.iter().filter(|kernel| only.as_deref().is_none_or(|name| kernel.name.contains(name))) {
        let mut best = vec![f64::INFINITY; engines.len()];
        let mut cycles = 0;
        for _ in 0..runs.max(1) {
            for ((_, rtl), best) in engines.iter_mut().zip(&mut best) {
                let started = Instant::now();
                let outcome = rtl.run_to_end(&kernel.program, &kernel.input)?;
                *best = best.min(started.elapsed().as_secs_f64());
                cycles = outcome.perf.map_or(0, |perf| perf.counters.cycles);
            }
        }
        for ((build, _), seconds) in engines.iter().zip(best) {
            let rate = cycles as f64 / seconds;
            let name = kernel.name;
            println!(
                "{}",
                json!({ "kernel": name, "build": build, "cycles": cycles, "seconds": seconds, "cycles_per_second": rate })
            );
        }
    }
    Ok(())
}
