//! `cargo xtask codegen`: the committed files that are generated, and the check that they are fresh.
//!
//! A generator is the example `generate_PACKAGE` of the package that knows the contents. Its only argument is a folder, under
//! which it writes its files at their paths in the repository: the repository itself, or an empty folder to compare with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{process, repo};

/// A package with generated files. Later ones may depend on the files of earlier ones.
struct Generator {
    package: &'static str,
    files: &'static [&'static str],
}

const GENERATORS: &[Generator] = &[
    Generator { package: "isa", files: &["isa/src/hash.rs", "docs/isa.md", "proof-bridge/contracts/src/Isa.sol"] },
    Generator { package: "compiler", files: &["docs/operators.md"] },
];

/// Arguments of `cargo xtask codegen`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only say which files are stale, and fail if any is
    #[arg(long)]
    check: bool,
    /// Only these packages' files
    packages: Vec<String>,
}

/// Writes or checks the generated files.
///
/// # Errors
/// A generator failed; with `--check`, a file is stale.
pub(crate) fn run(args: &Args) -> Result<()> {
    let known = || GENERATORS.iter().map(|generator| generator.package);
    if let Some(unknown) = args.packages.iter().find(|name| !known().any(|package| package == *name)) {
        bail!("no generated files in `{unknown}`; there are some in: {}", known().collect::<Vec<_>>().join(", "));
    }
    let chosen =
        |generator: &&Generator| args.packages.is_empty() || args.packages.iter().any(|name| name == generator.package);
    let mut stale = Vec::new();
    for generator in GENERATORS.iter().filter(chosen) {
        // Package by package, so that a stale file of one cannot keep another from building.
        let name = generator.example();
        process::run_aside(process::cargo().args([
            "build",
            "--quiet",
            "--package",
            generator.package,
            "--example",
            &name,
        ]))?;
        if args.check { stale.extend(generator.stale_files()?) } else { generator.write()? }
    }
    report(&stale)
}

/// Checks all of them with the generators that a build of the whole workspace has left behind.
///
/// # Errors
/// As [`run`] with `--check`.
pub(crate) fn check_built() -> Result<()> {
    let mut stale = Vec::new();
    for generator in GENERATORS {
        stale.extend(generator.stale_files()?);
    }
    report(&stale)
}

fn report(stale: &[&str]) -> Result<()> {
    ensure!(stale.is_empty(), "stale: {}\nrun `cargo xtask codegen` and commit what it writes", stale.join(", "));
    Ok(())
}

impl Generator {
    fn example(&self) -> String {
        format!("generate_{}", self.package.replace('-', "_"))
    }

    fn write(&self) -> Result<()> {
        process::run_aside(Command::new(self.executable()?).arg(repo::root()))
    }

    fn stale_files(&self) -> Result<Vec<&'static str>> {
        let folder = scratch_folder(self.package)?;
        process::run_aside(Command::new(self.executable()?).arg(&folder))?;
        let mut stale = Vec::new();
        for file in self.files {
            let fresh = fs::read(folder.join(file)).with_context(|| format!("`{}` wrote no {file}", self.example()))?;
            if fs::read(repo::root().join(file)).ok() != Some(fresh) {
                stale.push(*file);
            }
        }
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        Ok(stale)
    }

    fn executable(&self) -> Result<PathBuf> {
        Ok(target_folder()?.join("debug/examples").join(self.example()))
    }
}

fn scratch_folder(name: &str) -> Result<PathBuf> {
    let folder = target_folder()?.join("xtask").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Cargo's target folder: the one that we run from.
fn target_folder() -> Result<PathBuf> {
    let here = std::env::current_exe().context("cannot tell where this program is")?;
    let target = here.parent().and_then(Path::parent).context("this program is not in a target folder")?;
    Ok(target.to_path_buf())
}
