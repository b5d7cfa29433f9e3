//! `cargo xtask demo`: set-up, then `systole demo`.

use std::process::Command;

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
    // Part of the set-up: Verilating and compiling the accelerator takes a while, once.
    eprintln!("building systole and the simulator of its accelerator");
    process::run_aside(tools.tell(&mut systole(&["demo", "--prepare"])))?;
    process::run(tools.tell(systole(&["demo"]).args(&args.rest)))
}

fn systole(args: &[&str]) -> Command {
    let mut command = process::cargo();
    command.args(["run", "--quiet", "--package", "cli", "--bin", "systole", "--"]).args(args);
    command
}
