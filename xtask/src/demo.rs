//! `cargo xtask demo`: set-up, then `systole demo`.

use anyhow::Result;

use crate::{process, setup};

/// Arguments of `cargo xtask demo`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Passed on to `systole demo`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Runs the demonstration; standard output is `systole demo`'s alone.
///
/// # Errors
/// Set-up, the build or the demonstration failed.
pub(crate) fn run(args: &Args) -> Result<()> {
    let tools = setup::run()?;
    let mut systole = process::cargo();
    systole.args(["run", "--package", "cli", "--bin", "systole", "--", "demo"]).args(&args.rest);
    process::run(tools.tell(&mut systole))
}
