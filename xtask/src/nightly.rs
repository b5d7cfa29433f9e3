//! `cargo xtask nightly`: the campaigns that take hours.

use std::process::Command;

use anyhow::Result;

use crate::{process, repo, setup};

/// Plays the contracts' fuzz and invariant tests at the length of Foundry's profile `deep` (20,000 runs; 10,000 sequences).
///
/// # Errors
/// Set-up failed, or a test did; forge prints its counterexample.
pub(crate) fn run() -> Result<()> {
    let tools = setup::run()?;
    let mut forge = Command::new(&tools.forge);
    // The gas figures are those of the usual length.
    forge.current_dir(repo::contracts()).env("FOUNDRY_PROFILE", "deep").args(["test", "--gas-snapshot-emit", "false"]);
    process::run(&mut forge)
}
