//! `cargo xtask`: the developers' front door.
//!
//! | command | does |
//! |---|---|
//! | `setup` | makes the outside tools available in `.tools/` |
//! | `demo` | set-up, then `systole demo` |
//! | `test` | everything that must hold before a commit |
//! | `nightly` | the campaigns that take hours |
//! | `formal` | proofs of the parts that keep instructions apart |
//! | `synth` | what the core takes of an FPGA, and how fast it is there |
//! | `bench` | measurements on this machine |
//! | `codegen` | writes the generated files, or checks that they are fresh |

mod bench;
mod codegen;
mod demo;
mod formal;
mod fuzz;
mod modules;
mod networks;
mod nightly;
mod process;
mod repo;
mod setup;
mod synth;
mod test;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The developers' front door: set-up, tests, generated files, the demonstration.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make available, in .tools/, what building and testing need besides a Rust toolchain
    Setup,
    /// Set up, then run `systole demo` with these arguments (--json, …)
    Demo(demo::Args),
    /// Set up, then check and test everything
    Test(test::Args),
    /// Set up, then run the campaigns that take hours
    Nightly(nightly::Args),
    /// Prove the bank arbiter, the memories, the queues and the scoreboard, and see each proof catch seeded faults
    Formal(formal::Args),
    /// Synthesise, place and route the core for an FPGA: cells, frequency
    Synth(synth::Args),
    /// Measure: the fast executor against ONNX Runtime, kernels in RTL, claims and roots beside a run, gas of micro-steps
    Bench(bench::Args),
    /// Write the generated files, or check that they are fresh
    Codegen(codegen::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Setup => setup::run().map(|_tools| setup::browser()),
        Command::Demo(args) => demo::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Nightly(args) => nightly::run(&args),
        Command::Formal(args) => formal::run(&args),
        Command::Synth(args) => synth::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Codegen(args) => codegen::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not anyhow's own form, which adds a backtrace where RUST_BACKTRACE is set.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
