//! `cargo xtask codegen`: the committed files that are generated, and the check that they are fresh.
//!
//! Two kinds of generator: the example `generate_PACKAGE` of the package that knows the contents, whose only argument is a
//! folder under which it writes its files at their paths in the repository (the repository itself, or an empty folder to
//! compare with); and the contracts' own script, which compares by itself when told `--check`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{process, repo, setup, tools::Tools};

/// One origin of generated files, named as on the command line.
enum Generator {
    /// The example of a package, and what it writes.
    Example { package: &'static str, files: &'static [&'static str] },
    /// `proof-bridge/contracts/artifacts.mjs`: interface and code of the deployed contracts.
    Contracts,
}

/// Later ones may depend on the files of earlier ones.
const GENERATORS: &[Generator] = &[
    Generator::Example {
        package: "isa",
        files: &["isa/src/hash.rs", "docs/isa.md", "proof-bridge/contracts/src/Isa.sol"],
    },
    Generator::Example { package: "compiler", files: &["docs/operators.md"] },
    Generator::Example {
        package: "hdl",
        files: &["hdl/verilog/systole_p8.v", "hdl/verilog/systole_p16.v", "hdl/verilog/systole_up5k.v"],
    },
    Generator::Contracts,
];

/// Arguments of `cargo xtask codegen`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only say which files are stale, and fail if any is
    #[arg(long)]
    check: bool,
    /// Only these: a package's name, or contracts
    names: Vec<String>,
}

/// Writes or checks the generated files.
///
/// # Errors
/// A generator failed; with `--check`, a file is stale.
pub(crate) fn run(args: &Args) -> Result<()> {
    let known = || GENERATORS.iter().map(Generator::name);
    if let Some(unknown) = args.names.iter().find(|name| !known().any(|it| it == *name)) {
        bail!("no generated files of `{unknown}`; there are some of: {}", known().collect::<Vec<_>>().join(", "));
    }
    let mut stale = Vec::new();
    for generator in GENERATORS {
        if !args.names.is_empty() && !args.names.iter().any(|name| name == generator.name()) {
            continue;
        }
        match generator {
            Generator::Example { package, files } => {
                // Package by package, so that a stale file of one cannot keep another from building.
                let name = example(package);
                process::run_aside(process::cargo().args([
                    "build",
                    "--quiet",
                    "--package",
                    package,
                    "--example",
                    &name,
                ]))?;
                if args.check { stale.extend(stale_files(package, files)?) } else { write_files(package)? }
            }
            Generator::Contracts => artifacts(&setup::run()?, args.check)?,
        }
    }
    report(&stale)
}

/// Checks all of them with the examples that a build of the whole workspace has left behind.
///
/// # Errors
/// As [`run`] with `--check`.
pub(crate) fn check_built(tools: &Tools) -> Result<()> {
    let mut stale = Vec::new();
    for generator in GENERATORS {
        match generator {
            Generator::Example { package, files } => stale.extend(stale_files(package, files)?),
            Generator::Contracts => artifacts(tools, true)?,
        }
    }
    report(&stale)
}

impl Generator {
    fn name(&self) -> &'static str {
        match self {
            Generator::Example { package, .. } => package,
            Generator::Contracts => "contracts",
        }
    }
}

fn report(stale: &[&str]) -> Result<()> {
    ensure!(stale.is_empty(), "stale: {}; run `cargo xtask codegen` and commit what it writes", stale.join(", "));
    Ok(())
}

fn artifacts(tools: &Tools, check: bool) -> Result<()> {
    let mut script = Command::new("node");
    script.current_dir(repo::contracts()).arg("artifacts.mjs").args(check.then_some("--check"));
    process::run_aside(tools.tell(&mut script))
}

fn example(package: &str) -> String {
    format!("generate_{}", package.replace('-', "_"))
}

fn executable(package: &str) -> Result<PathBuf> {
    Ok(repo::target()?.join("debug/examples").join(example(package)))
}

fn write_files(package: &str) -> Result<()> {
    process::run_aside(Command::new(executable(package)?).arg(repo::root()))
}

fn stale_files(package: &str, files: &[&'static str]) -> Result<Vec<&'static str>> {
    let folder = scratch_folder(package)?;
    process::run_aside(Command::new(executable(package)?).arg(&folder))?;
    let mut stale = Vec::new();
    for file in files {
        let fresh = fs::read(folder.join(file)).with_context(|| format!("`{}` wrote no {file}", example(package)))?;
        if fs::read(repo::root().join(file)).ok() != Some(fresh) {
            stale.push(*file);
        }
    }
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    Ok(stale)
}

fn scratch_folder(name: &str) -> Result<PathBuf> {
    let folder = repo::target()?.join("xtask").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}
