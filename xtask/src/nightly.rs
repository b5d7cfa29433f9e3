//! `cargo xtask nightly`: the campaigns that take hours.

use std::process::Command;

use anyhow::Result;

use crate::{process, repo, setup, tools::Tools};

/// Random programs and single instructions on the RTL, each on every committed machine.
const RTL_SEEDS: &str = "100000..150000";
/// Random micro-steps in the EVM.
const TWIN_STEPS: &str = "2000000";

/// Plays, one after another: random programs on the RTL against the reference; random micro-steps on `Step` against the
/// reference; the contracts' fuzz and invariant tests at the length of Foundry's profile `deep` (20,000 runs; 10,000 sequences).
///
/// # Errors
/// Set-up failed, or a test did; the test prints its counterexample.
pub(crate) fn run() -> Result<()> {
    let tools = setup::run()?;
    let campaign = |package: &str, variable: &str, value: &str| {
        let mut test = process::cargo();
        test.args(["test", "--package", package]).env("SYSTOLE_REQUIRE_RTL", "1").env(variable, value);
        process::run(tools.tell(&mut test))
    };
    campaign("sim", "SYSTOLE_SEEDS", RTL_SEEDS)?;
    campaign("proof-bridge", "SYSTOLE_TWIN_STEPS", TWIN_STEPS)?;
    contracts(&tools)
}

fn contracts(tools: &Tools) -> Result<()> {
    let mut forge = Command::new(&tools.forge);
    // The gas figures are those of the usual length.
    forge.current_dir(repo::contracts()).env("FOUNDRY_PROFILE", "deep").args(["test", "--gas-snapshot-emit", "false"]);
    process::run(&mut forge)
}
