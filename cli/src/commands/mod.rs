//! The commands, one file a family.

pub(crate) mod chain;
pub(crate) mod compile;
pub(crate) mod diff;
pub(crate) mod info;
pub(crate) mod profile;
pub(crate) mod root;
pub(crate) mod run;
pub(crate) mod sim;
pub(crate) mod watch;

use std::path::Path;

use anyhow::{Context, Result};
use isa::Leaf;
use isa::program::Program;

/// Reads a program file.
pub(crate) fn program(path: &Path) -> Result<Program> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Program::read(&bytes).with_context(|| path.display().to_string())
}

/// The requests in a file, or the one empty request where none is named.
pub(crate) fn requests(program: &Program, input: Option<&Path>) -> Result<Vec<Vec<Leaf>>> {
    let arrays = input.map(crate::npz::read).transpose()?.unwrap_or_default();
    anyhow::ensure!(
        input.is_some() || program.metadata.inputs.is_empty(),
        "the program has inputs: give them with --input X.npz"
    );
    crate::request::requests(program, &arrays)
}

/// One request of a file: what a command that runs one takes of a batch.
pub(crate) fn one_request(program: &Program, input: Option<&Path>, item: usize) -> Result<Vec<Leaf>> {
    let requests = requests(program, input)?;
    let count = requests.len();
    requests.into_iter().nth(item).with_context(|| format!("the file has {count} requests, --item {item}"))
}

/// `0x…` of a leaf.
pub(crate) fn hex(leaf: &Leaf) -> String {
    format!("0x{}", isa::asm::hex(leaf))
}
