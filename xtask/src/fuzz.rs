//! The libFuzzer targets of `fuzz/`, built by the compiler at hand: coverage comes from options that are stable.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::{process, repo};

/// Each target, the largest input it is given, and files to begin with.
const TARGETS: &[(&str, u32, &[&str])] = &[
    ("compile", 1 << 17, &["models/digits/digits.onnx"]),
    ("integer", 1 << 12, &[]),
    ("program", 1 << 16, &[]),
    ("witness", 1 << 13, &[]),
];

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
    let version = process::capture(std::process::Command::new("rustc").arg("-vV"))?;
    let triple = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc does not say its host")?;
    let folder = repo::target()?.join("fuzz");
    let mut build = process::cargo();
    build.args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", triple]);
    // A target triple keeps these from build scripts.
    process::run(build.env("RUSTFLAGS", COVERAGE).env("CARGO_TARGET_DIR", &folder))?;
    for &(name, longest, seeds) in TARGETS {
        let corpus = folder.join("corpus").join(name);
        fs::create_dir_all(&corpus).with_context(|| format!("cannot make {}", corpus.display()))?;
        for seed in seeds {
            let seed = repo::root().join(seed);
            let to = corpus.join(seed.file_name().unwrap_or_default());
            fs::copy(&seed, &to).with_context(|| format!("cannot copy {}", seed.display()))?;
        }
        let program = folder.join(triple).join("release").join(name);
        fuzz(&program, &corpus, longest, seconds)?;
    }
    Ok(())
}

fn fuzz(program: &Path, corpus: &Path, longest: u32, seconds: u64) -> Result<()> {
    let mut command = std::process::Command::new(program);
    command.args([&format!("-max_total_time={seconds}"), &format!("-max_len={longest}")]);
    // An input that takes ten seconds or 4 GiB is a fault too.
    command.args(["-timeout=10", "-rss_limit_mb=4096", "-print_final_stats=1", "-verbosity=0"]);
    command.arg(format!("-artifact_prefix={}/", corpus.parent().unwrap_or(corpus).display()));
    process::run(command.arg(corpus))
}
