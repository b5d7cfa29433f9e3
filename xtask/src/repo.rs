//! Where things are in the repository.

use std::path::{Path, PathBuf};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// What set-up installs; ignored by git.
pub(crate) fn tools() -> PathBuf {
    root().join(".tools")
}

/// The Foundry project.
pub(crate) fn contracts() -> PathBuf {
    root().join("proof-bridge/contracts")
}
