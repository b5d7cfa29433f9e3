//! `cargo xtask nightly`: the campaigns that take hours.

use std::env;
use std::process::Command;

use anyhow::Result;

use crate::{process, repo, setup, tools::Tools};

/// How much is played. A variable that is set already is left as it is, to go on from a seed that was told.
const SIM: &[(&str, &str)] = &[
    // Random programs and single instructions on the RTL, each on every committed machine.
    ("SYSTOLE_SEEDS", "100000..150000"),
];
const TWIN: &[(&str, &str)] = &[
    // Micro-steps of random programs in the EVM.
    ("SYSTOLE_TWIN_STEPS", "2000000"),
    // Single micro-steps of each opcode in the EVM, a seed each.
    ("SYSTOLE_TWIN_SEEDS", "0..1000000"),
    // Altered witnesses that both verifiers refuse.
    ("SYSTOLE_TWIN_ALTERED", "1000000"),
];

/// Plays, one after another: random programs on the RTL against the reference; random micro-steps on `Step` against the
/// reference, an hour and a half on two cores; the contracts' fuzz and invariant tests at the length of Foundry's profile
/// `deep` (20,000 runs; 10,000 sequences).
///
/// # Errors
/// Set-up failed, or a test did; the test prints its counterexample.
pub(crate) fn run() -> Result<()> {
    let tools = setup::run()?;
    let campaign = |package: &str, variables: &[(&str, &str)]| {
        let mut test = process::cargo();
        test.args(["test", "--package", package]).env("SYSTOLE_REQUIRE_RTL", "1");
        for (variable, value) in variables {
            test.env(variable, env::var_os(variable).unwrap_or_else(|| value.into()));
        }
        process::run(tools.tell(&mut test))
    };
    campaign("sim", SIM)?;
    campaign("proof-bridge", TWIN)?;
    contracts(&tools)
}

fn contracts(tools: &Tools) -> Result<()> {
    let mut forge = Command::new(&tools.forge);
    // The gas figures are those of the usual length.
    forge.current_dir(repo::contracts()).env("FOUNDRY_PROFILE", "deep").args(["test", "--gas-snapshot-emit", "false"]);
    process::run(&mut forge)
}
