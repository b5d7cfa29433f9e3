//! Where things are in the repository.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The repository's root. Cargo's word at run time comes first: checkouts may share a target folder, and so this program.
pub(crate) fn root() -> PathBuf {
    let here = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.parent().unwrap_or(&here).to_path_buf()
}

/// What set-up installs; ignored by git.
pub(crate) fn tools() -> PathBuf {
    root().join(".tools")
}

/// The Foundry project.
pub(crate) fn contracts() -> PathBuf {
    root().join("proof-bridge/contracts")
}

/// Cargo's target folder: the one that we run from.
///
/// # Errors
/// We do not run from one.
pub(crate) fn target() -> Result<PathBuf> {
    let here = env::current_exe().context("cannot tell where this program is")?;
    let target = here.parent().and_then(Path::parent).context("this program is not in a target folder")?;
    Ok(target.to_path_buf())
}
