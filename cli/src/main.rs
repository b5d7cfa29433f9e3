//! The `systole` command.

mod answer;
mod commands;
mod demo;
mod estimate;
mod inspect;
mod machine;
mod npz;
mod output;
mod profile;
mod report;
mod request;

use clap::{Parser, Subcommand};

use output::Output;

/// Compile a model, run it, and prove what it answered.
#[derive(Parser)]
#[command(name = "systole", version, about, propagate_version = true)]
struct Arguments {
    /// Print one JSON object on stdout; words go to stderr.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compile an ONNX model to a program.
    Compile(commands::compile::Compile),
    /// Predict what a model or program costs on a machine.
    Estimate(commands::estimate::EstimateCommand),
    /// Show what a program holds: sizes, tensors, layers, roots.
    Info(commands::info::Info),
    /// Print a program's instructions.
    Disasm(commands::info::Disasm),
    /// Assemble a source text to a program.
    Asm(commands::info::Asm),
    /// Run a program on an executor.
    Run(commands::run::Run),
    /// Run a program on the Verilated accelerator and count cycles.
    Sim(commands::sim::Sim),
    /// Show where the cycles of a run went, as a page for a browser.
    Profile(commands::profile::ProfileCommand),
    /// Print the state root after a number of micro-steps.
    Root(commands::root::Root),
    /// Find where two runs part.
    Diff(commands::diff::Diff),
    /// Deploy the contracts.
    Deploy(commands::chain::Deploy),
    /// Register a program as a model.
    Register(commands::chain::Register),
    /// Publish an input for a registered model.
    Request(commands::chain::Request),
    /// Run a requested input and claim the result.
    Claim(commands::chain::Claim),
    /// Answer requests for the models registered here, and defend the claims.
    Serve(commands::watch::Serve),
    /// Watch claims, run them, and dispute the false ones.
    Watch(commands::watch::Watch),
    /// Show claims and disputes.
    Dispute(commands::watch::Dispute),
    /// The whole path, from an ONNX file to a settled fraud dispute.
    Demo(demo::Demo),
}

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json);
    match run(&arguments.command, output) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            // One line, outermost first.
            eprintln!("error: {}", format!("{error:#}").replace('\n', " "));
            std::process::ExitCode::FAILURE
        }
    }
}

fn run(command: &Command, output: Output) -> anyhow::Result<()> {
    match command {
        Command::Compile(command) => command.run(output),
        Command::Estimate(command) => command.run(output),
        Command::Info(command) => command.run(output),
        Command::Disasm(command) => command.run(output),
        Command::Asm(command) => command.run(output),
        Command::Run(command) => command.run(output),
        Command::Sim(command) => command.run(output),
        Command::Profile(command) => command.run(output),
        Command::Root(command) => command.run(output),
        Command::Diff(command) => command.run(output),
        Command::Deploy(command) => command.run(output),
        Command::Register(command) => command.run(output),
        Command::Request(command) => command.run(output),
        Command::Claim(command) => command.run(output),
        Command::Serve(command) => command.run(output),
        Command::Watch(command) => command.run(output),
        Command::Dispute(command) => command.run(output),
        Command::Demo(command) => command.run(output),
    }
}
