//! The outside tools, as set-up left them, and how child processes learn of them.

use std::path::PathBuf;
use std::process::Command;

/// Paths of the executables. The crates look at the variables that [`Tools::tell`] sets, then at `.tools`, then at `PATH`.
pub(crate) struct Tools {
    /// Verilator's executable.
    pub(crate) verilator: PathBuf,
    /// The folder with Verilator's run-time sources; only where the executable does not know it itself.
    pub(crate) verilator_root: Option<PathBuf>,
    /// The Ethereum node for tests.
    pub(crate) anvil: PathBuf,
    /// The contracts' build and test tool.
    pub(crate) forge: PathBuf,
    /// The Solidity compiler, as forge wants it.
    pub(crate) solc: PathBuf,
}

impl Tools {
    /// Sets `SYSTOLE_VERILATOR`, `VERILATOR_ROOT`, `SYSTOLE_ANVIL`, `SYSTOLE_FORGE` and `SYSTOLE_SOLC` for `command`.
    pub(crate) fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("SYSTOLE_VERILATOR", &self.verilator);
        match &self.verilator_root {
            Some(root) => command.env("VERILATOR_ROOT", root),
            None => command.env_remove("VERILATOR_ROOT"),
        };
        command.env("SYSTOLE_ANVIL", &self.anvil).env("SYSTOLE_FORGE", &self.forge).env("SYSTOLE_SOLC", &self.solc)
    }
}
