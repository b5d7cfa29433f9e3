//! The kernels on the RTL of p16, at 16 and 5 bytes a cycle: cycles, the roofline, and where the rest went.
//!
//! ```text
//! cargo run -p sim --example kernels -- [--only NAME] [--write FOLDER]
//! ```
//!
//! Prints one line of JSON for each kernel and rate. Outputs are compared with a plain computation and with the fast
//! executor's whole outcome. With `--write` nothing is run: the programs are written, for `systole profile` and others.
//! They name no tensors, so `systole` runs them on zeros, which take as many cycles.

use std::path::Path;

use sim::kernels::{self, BYTES_PER_CYCLE, Kernel, PARAMS};
use sim::{FastEngine, FastOptions, RtlEngine, RtlOptions};

type Failure = Box<dyn std::error::Error>;

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|word| word != name).nth(1)
}

fn main() -> Result<(), Failure> {
    let mut chosen = kernels::all();
    if let Some(only) = argument("--only") {
        chosen.retain(|kernel| kernel.name.contains(&only));
    }
    match argument("--write") {
        Some(folder) => write(&chosen, Path::new(&folder)),
        None => measure(&chosen),
    }
}

fn measure(chosen: &[Kernel]) -> Result<(), Failure> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hdl/verilog/systole_p16.v");
    let mut rtl = RtlEngine::new(&std::fs::read_to_string(path)?, PARAMS, RtlOptions::default())?;
    let mut fast = FastEngine::new(&FastOptions::default())?;
    for kernel in chosen {
        for bytes_per_cycle in BYTES_PER_CYCLE {
            let measurement = kernel.measure(bytes_per_cycle, &mut rtl, &mut fast)?;
            println!("{}", serde_json::to_string(&measurement)?);
        }
    }
    Ok(())
}

fn write(chosen: &[Kernel], folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)?;
    for kernel in chosen {
        let plain = kernel.name.replace('×', "x");
        let words: Vec<&str> = plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let path = folder.join(format!("{}.sys", words.join("_").to_lowercase()));
        std::fs::write(&path, kernel.program.write())?;
        println!("written: {}", path.display());
    }
    Ok(())
}
