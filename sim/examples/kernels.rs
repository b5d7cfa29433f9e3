//! The kernels on the RTL of p16, at 16 and 5 bytes a cycle: cycles, the roofline, and where the rest went.
//!
//! ```text
//! cargo run -p sim --example kernels -- [--only NAME]
//! ```
//!
//! Prints one line of JSON for each kernel and rate. Outputs are compared with a plain computation and with the fast
//! executor's whole outcome.

use std::path::Path;

use sim::kernels::{self, BYTES_PER_CYCLE, PARAMS};
use sim::{FastEngine, FastOptions, RtlEngine, RtlOptions};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let only = std::env::args().skip_while(|word| word != "--only").nth(1);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hdl/verilog/systole_p16.v");
    let mut rtl = RtlEngine::new(&std::fs::read_to_string(path)?, PARAMS, RtlOptions::default())?;
    let mut fast = FastEngine::new(&FastOptions::default())?;
    for kernel in kernels::all().iter().filter(|kernel| only.as_deref().is_none_or(|name| kernel.name.contains(name))) {
        for bytes_per_cycle in BYTES_PER_CYCLE {
            let measurement = kernel.measure(bytes_per_cycle, &mut rtl, &mut fast)?;
            println!("{}", serde_json::to_string(&measurement)?);
        }
    }
    Ok(())
}
