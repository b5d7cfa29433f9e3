//! What the tests over programs share: the engines that this machine can run, and where the files are.
#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod coverage;
pub(crate) mod expect;
pub(crate) mod forgetful;
pub(crate) mod memory;
pub(crate) mod programs;
pub(crate) mod shrink;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::{env, fs};

use isa::asm::Source;
use isa::program::{Metadata, Program};
use sim::fast::Simd;
use sim::rtl::Cache;
use sim::{FastEngine, FastOptions, RtlEngine, RtlOptions, RtlParams};

/// Machines whose Verilog is committed.
pub(crate) const MACHINES: [(&str, RtlParams); 3] = [
    ("p8", RtlParams { array_rows: 8, array_cols: 8, spad_log2: 12, acc_log2: 9, port_bytes: 8 }),
    ("p16", RtlParams { array_rows: 16, array_cols: 16, spad_log2: 13, acc_log2: 10, port_bytes: 16 }),
    ("up5k", RtlParams { array_rows: 1, array_cols: 4, spad_log2: 11, acc_log2: 9, port_bytes: 4 }),
];

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Notes that a test is skipped, or fails it where `$SYSTOLE_REQUIRE_RTL` is set.
fn skip(why: &str) {
    assert!(env::var_os("SYSTOLE_REQUIRE_RTL").is_none(), "SYSTOLE_REQUIRE_RTL is set, but {why}");
    eprintln!("skipped: {why}");
}

/// Whether Verilog can be built here; says why not.
pub(crate) fn can_build() -> bool {
    Cache::standard().toolchain(false).inspect_err(|error| skip(&error.to_string())).is_ok()
}

/// The RTL of a machine, or `None` with a note where its Verilog or Verilator is not there.
pub(crate) fn rtl(machine: &str) -> Option<RtlEngine> {
    let (name, params) = *MACHINES.iter().find(|(name, _)| *name == machine).unwrap();
    let path = root().join(format!("hdl/verilog/systole_{name}.v"));
    let Ok(verilog) = fs::read_to_string(&path) else {
        skip(&format!("no RTL at {}", path.display()));
        return None;
    };
    can_build().then_some(())?;
    // A machine that does nothing for so long will do nothing more: the longest instruction of a test is shorter.
    let options = RtlOptions { hang_cycles: 400_000, ..RtlOptions::default() };
    Some(RtlEngine::new(&verilog, params, options).unwrap_or_else(|error| panic!("{name}: {error}")))
}

/// The fast executor in each way that this processor can run it, on one thread and on three that share small tasks.
pub(crate) fn fast() -> Vec<FastEngine> {
    let ways = Simd::ALL.into_iter().filter(|simd| simd.is_available());
    let options = ways.flat_map(|simd| {
        [(1, 10_000), (3, 1)].map(|(threads, grain_cycles)| FastOptions {
            threads: Some(threads),
            simd: Some(simd),
            grain_cycles,
            ..FastOptions::default()
        })
    });
    options.map(|options| FastEngine::new(&options).unwrap()).collect()
}

/// An assembled source as a program without metadata.
pub(crate) fn program(source: &Source) -> Program {
    Program {
        profile: source.profile,
        metadata: Metadata::default(),
        text: source.text.clone(),
        constant: source.constant.clone(),
    }
}

/// The seeds to run: those of `$SYSTOLE_SEEDS` (`1000..5000`), else the usual ones.
pub(crate) fn seeds(usual: Range<u64>) -> Range<u64> {
    let Ok(text) = env::var("SYSTOLE_SEEDS") else { return usual };
    let (from, to) = text.split_once("..").unwrap();
    from.parse().unwrap()..to.parse().unwrap()
}
