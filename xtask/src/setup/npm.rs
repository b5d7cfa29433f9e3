//! forge, anvil, the Solidity compiler and forge-std, from npm: as pinned in `proof-bridge/contracts/package-lock.json`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::process::{capture, run_aside};
use crate::repo;

/// The npm package that carries forge-std; npm's own package of that name is years old.
const FORGE_STD: &str = "@layerzerolabs/toolbox-foundry/lib/forge-std";
/// Debian 12's Node.js.
const OLDEST_NODE: u32 = 18;

/// What the contracts and the chain tests run.
pub(crate) struct Chain {
    /// The Ethereum node.
    pub(crate) anvil: PathBuf,
    /// The contracts' build and test tool.
    pub(crate) forge: PathBuf,
    /// The Solidity compiler, as forge wants it.
    pub(crate) solc: PathBuf,
}

/// Installs what the lock file names, unless the last installation was of the same lock file.
///
/// # Errors
/// npm failed, or what it installed does not run.
pub(crate) fn provide() -> Result<Chain> {
    let lock_path = repo::contracts().join("package-lock.json");
    let lock = fs::read_to_string(&lock_path).with_context(|| format!("cannot read {}", lock_path.display()))?;
    let stamp = modules().join(".systole-lock.json");
    let is_fresh = fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock);
    if is_fresh && let Ok(chain) = find() {
        return Ok(chain);
    }
    install()?;
    let chain = find()?;
    verify(&chain)?;
    fs::write(&stamp, lock).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(chain)
}

fn modules() -> PathBuf {
    repo::tools().join("node_modules")
}

fn forge_std() -> PathBuf {
    repo::contracts().join("lib/forge-std/src")
}

fn install() -> Result<()> {
    let node = capture(Command::new("node").arg("--version"))?;
    let major = node.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    ensure!(major >= Some(OLDEST_NODE), "node on the PATH is {node}: {OLDEST_NODE} or newer is needed");
    eprintln!("set-up: forge, cast, anvil, solc and forge-std, from npm, into .tools/node_modules");
    for file in ["package.json", "package-lock.json"] {
        let from = repo::contracts().join(file);
        fs::copy(&from, repo::tools().join(file)).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    // Not `npm ci`: it rejects a lock file without the entries of other platforms, and npm leaves those out.
    let mut npm = Command::new("npm");
    npm.current_dir(repo::tools()).args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    npm.args([
        "--no-update-notifier",
        "--fetch-retries=1",
        "--fetch-retry-mintimeout=1000",
        "--fetch-retry-maxtimeout=2000",
        "--fetch-timeout=60000",
    ]);
    run_aside(&mut npm).context("npm could not install the packages: is the npm registry reachable?")?;
    // Inside the Foundry project, as solc follows no relative import from outside it.
    copy_folder(&modules().join(FORGE_STD), &forge_std())
}

fn find() -> Result<Chain> {
    ensure!(forge_std().join("Test.sol").is_file(), "forge-std is missing from {}", forge_std().display());
    ensure!(modules().join("solc/package.json").is_file(), "solc is missing from {}", modules().display());
    Ok(Chain { anvil: native("anvil")?, forge: native("forge")?, solc: repo::contracts().join("solc") })
}

/// The executable itself, past the package's Node script that would start it: `@foundry-rs/NAME-PLATFORM/bin/NAME`.
fn native(name: &str) -> Result<PathBuf> {
    let scope = modules().join("@foundry-rs");
    let prefix = format!("{name}-");
    let packages = fs::read_dir(&scope).with_context(|| format!("cannot read {}", scope.display()))?;
    let is_ours = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(&prefix);
    let executables = packages.flatten().filter(is_ours).map(|entry| entry.path().join("bin").join(name));
    match executables.into_iter().find(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => bail!("npm has no {name} for this platform ({}, {})", std::env::consts::OS, std::env::consts::ARCH),
    }
}

fn verify(chain: &Chain) -> Result<()> {
    let manifest = fs::read_to_string(repo::contracts().join("package.json"))?;
    let manifest: serde_json::Value = serde_json::from_str(&manifest).context("package.json is no JSON")?;
    let programs = [("@foundry-rs/anvil", &chain.anvil), ("@foundry-rs/forge", &chain.forge), ("solc", &chain.solc)];
    for (package, path) in programs {
        let pinned = manifest["devDependencies"][package].as_str();
        let pinned = pinned.with_context(|| format!("package.json pins no {package}"))?;
        let said = capture(Command::new(path).arg("--version"))?;
        ensure!(said.contains(pinned), "{} says \"{said}\", not {pinned}", path.display());
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("cannot write {}", target.display()))?;
        }
    }
    Ok(())
}
