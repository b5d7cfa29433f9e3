//! The libFuzzer targets of `fuzz/`, built by the compiler at hand: coverage comes from options that are stable. Those that
//! take a model begin with the small ones of `fuzz/seeds.py`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{process, repo, setup};

/// Each target, the largest input it is given, and whether that is a model.
const TARGETS: &[(&str, u32, bool)] =
    &[("compile", 1 << 17, true), ("integer", 1 << 14, true), ("program", 1 << 16, false), ("witness", 1 << 13, false)];

/// A model to begin with, of several layers.
const DIGITS: &str = "models/digits/digits.onnx";

/// What `cargo fuzz` asks of LLVM, without the sanitisers, which need a nightly compiler.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions -Coverflow-checks";

/// Runs each target for so many seconds. What was found worth keeping stays in the target folder, and is where the next
/// run begins.
///
/// # Errors
/// A target could not be built, or found an input that it must not die of; libFuzzer says which.
pub(crate) fn run(seconds: u64) -> Result<()> {
    let version = process::capture(Command::new("rustc").arg("-vV"))?;
    let triple = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc does not say its host")?;
    let folder = repo::target()?.join("fuzz");
    let mut build = process::cargo();
    build.args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", triple]);
    // A target triple keeps these from build scripts.
    process::run(build.env("RUSTFLAGS", COVERAGE).env("CARGO_TARGET_DIR", &folder))?;
    let seeds = seeds(&folder)?;
    for &(name, longest, is_model) in TARGETS {
        let corpus = folder.join("corpus").join(name);
        fs::create_dir_all(&corpus).with_context(|| format!("cannot make {}", corpus.display()))?;
        let program = folder.join(triple).join("release").join(name);
        fuzz(&program, &corpus, is_model.then_some(&seeds), longest, seconds)?;
    }
    Ok(())
}

/// The folder of the models to begin with.
fn seeds(folder: &Path) -> Result<PathBuf> {
    let seeds = folder.join("seeds");
    fs::create_dir_all(&seeds).with_context(|| format!("cannot make {}", seeds.display()))?;
    let digits = seeds.join("digits.onnx");
    fs::copy(repo::root().join(DIGITS), &digits).with_context(|| format!("cannot write {}", digits.display()))?;
    let python = setup::python("bench")?;
    process::run_aside(Command::new(python).arg(repo::root().join("fuzz/seeds.py")).arg(&seeds))?;
    Ok(seeds)
}

fn fuzz(program: &Path, corpus: &Path, seeds: Option<&PathBuf>, longest: u32, seconds: u64) -> Result<()> {
    let mut command = Command::new(program);
    command.args([&format!("-max_total_time={seconds}"), &format!("-max_len={longest}")]);
    // An input that takes half a minute or 4 GiB is a fault too.
    command.args(["-timeout=30", "-rss_limit_mb=4096", "-print_final_stats=1", "-verbosity=0"]);
    command.arg(format!("-artifact_prefix={}/", corpus.parent().unwrap_or(corpus).display()));
    // New inputs go to the first folder.
    process::run(command.arg(corpus).args(seeds))
}
