//! Python packages of commands that few need: each pins them in `xtask/COMMAND/requirements.txt`, and all share the virtual
//! environment below `.tools`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::debian;
use crate::process::run_aside;
use crate::repo;

/// The interpreter of an environment that holds the packages that `command` pins; installs what is missing, from PyPI.
///
/// # Errors
/// No virtual environment can be made, or PyPI does not answer.
pub(crate) fn provide(command: &str) -> Result<PathBuf> {
    let requirements = repo::root().join(format!("xtask/{command}/requirements.txt"));
    let folder = environment();
    let text = fs::read_to_string(&requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    let python = folder.join("bin/python");
    if python.is_file() && text.lines().all(|line| is_installed(&folder, line)) {
        return Ok(python);
    }
    if !debian::has_python_venv() {
        debian::provide(&[debian::PYTHON_VENV])?;
    }
    eprintln!("set-up: {}, from PyPI, into .tools/python", text.split_whitespace().collect::<Vec<_>>().join(" "));
    install(&[OsStr::new("-r"), requirements.as_os_str()])
        .with_context(|| format!("pip could not install what {command} needs: is PyPI reachable?"))?;
    ensure!(text.lines().all(|line| is_installed(&folder, line)), "pip left .tools/python without what it installed");
    Ok(python)
}

/// The virtual environment.
pub(super) fn environment() -> PathBuf {
    repo::tools().join("python")
}

/// Installs with pip what the arguments name, beside what is there; makes the environment where it is not, or not whole.
///
/// # Errors
/// No virtual environment can be made, or PyPI does not answer.
pub(super) fn install(what: &[&OsStr]) -> Result<()> {
    let folder = environment();
    if !folder.join("bin/pip").is_file() {
        run_aside(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    }
    let options = ["--quiet", "--disable-pip-version-check", "--no-input", "--retries=2", "--only-binary=:all:"];
    run_aside(Command::new(folder.join("bin/python")).args(["-m", "pip", "install"]).args(options).args(what))
}

/// Whether the environment holds `name==version`; an empty line asks for nothing.
fn is_installed(environment: &Path, line: &str) -> bool {
    let Some((name, version)) = line.trim().split_once("==") else { return true };
    let folder = format!("{}-{version}.dist-info", name.replace('-', "_"));
    let libraries = fs::read_dir(environment.join("lib"));
    libraries.is_ok_and(|all| all.flatten().any(|python| python.path().join("site-packages").join(&folder).is_dir()))
}
