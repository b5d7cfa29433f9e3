//! `cargo xtask test`: everything that must hold before a commit, stage by stage.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::{codegen, process, repo, setup, tools::Tools};

/// One stage: its name, and what it runs.
struct Stage {
    name: &'static str,
    run: fn(&Tools) -> Result<()>,
}

/// In the order of their run. `build` makes what `codegen` and `rust` use; `clippy` shares only its dependencies' sources.
const STAGES: &[Stage] = &[
    Stage { name: "format", run: format },
    Stage { name: "clippy", run: clippy },
    Stage { name: "build", run: build },
    Stage { name: "codegen", run: codegen::check_built },
    Stage { name: "rust", run: rust },
    Stage { name: "contracts", run: contracts },
];

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these stages: format, clippy, build, codegen, rust, contracts
    stages: Vec<String>,
}

/// Runs every stage, also after a failure, and says at the end which failed.
///
/// # Errors
/// Set-up or a stage failed.
pub(crate) fn run(args: &Args) -> Result<()> {
    if let Some(unknown) = args.stages.iter().find(|name| !STAGES.iter().any(|stage| stage.name == *name)) {
        bail!(
            "no stage `{unknown}`; there are: {}",
            STAGES.iter().map(|stage| stage.name).collect::<Vec<_>>().join(", ")
        );
    }
    let tools = setup::run()?;
    let mut account = Vec::new();
    let mut failed = Vec::new();
    for stage in STAGES {
        if !args.stages.is_empty() && !args.stages.iter().any(|name| name == stage.name) {
            continue;
        }
        eprintln!("\n== {} ==", stage.name);
        let start = Instant::now();
        let result = (stage.run)(&tools);
        let outcome = if result.is_ok() { "ok" } else { "FAILED" };
        account.push(format!("{:<10} {:>7.1} s  {outcome}", stage.name, start.elapsed().as_secs_f64()));
        if let Err(error) = result {
            eprintln!("stage {} failed: {error:#}", stage.name);
            failed.push(stage.name);
        }
    }
    eprintln!("\n{}", account.join("\n"));
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}

fn format(tools: &Tools) -> Result<()> {
    process::run(process::cargo().args(["fmt", "--all", "--check"]))?;
    process::run(forge(tools).args(["fmt", "--check"]))
}

fn clippy(_tools: &Tools) -> Result<()> {
    process::run(process::cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn build(_tools: &Tools) -> Result<()> {
    process::run(process::cargo().args(["test", "--workspace", "--no-run"]))
}

fn rust(tools: &Tools) -> Result<()> {
    setup::browser();
    // Where set-up has run, a test that cannot find the RTL's tools has failed, not been skipped.
    let mut test = process::cargo();
    test.args(["test", "--workspace", "--no-fail-fast"]).env("SYSTOLE_REQUIRE_RTL", "1");
    process::run(tools.tell(&mut test))
}

fn contracts(tools: &Tools) -> Result<()> {
    // Compares the gas figures with those committed in snapshots/, instead of overwriting them.
    process::run(forge(tools).args(["test", "--gas-snapshot-check", "true"]))
}

fn forge(tools: &Tools) -> Command {
    let mut command = Command::new(&tools.forge);
    let project: &Path = &repo::contracts();
    command.current_dir(project);
    command
}
