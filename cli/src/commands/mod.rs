//! The commands, one file a family.

pub(crate) mod chain;
pub(crate) mod compile;
pub(crate) mod diff;
pub(crate) mod estimate;
pub(crate) mod info;
pub(crate) mod profile;
pub(crate) mod root;
pub(crate) mod run;
pub(crate) mod sim;
pub(crate) mod watch;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use isa::Leaf;
use isa::program::Program;

use crate::npz::Array;

/// Reads a program file.
pub(crate) fn program(path: &Path) -> Result<Program> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Program::read(&bytes).with_context(|| path.display().to_string())
}

/// Arrays by name.
pub(crate) type Arrays = BTreeMap<String, Array>;

/// The requests that `--input` names, and the arrays of its file: `random:SEED` is one of random values, nothing the one
/// empty request of a program without inputs.
pub(crate) fn requests(program: &Program, input: Option<&Path>) -> Result<(Vec<Vec<Leaf>>, Arrays)> {
    let Some(path) = input else {
        ensure!(
            program.metadata.inputs.is_empty(),
            "the program has inputs: give them with --input X.npz, or --input random:1 for random values"
        );
        return Ok((vec![Vec::new()], Arrays::new()));
    };
    if let Some(seed) = path.to_str().and_then(|text| text.strip_prefix("random:")) {
        let seed = seed.parse().with_context(|| format!("--input random:SEED wants a number, not `{seed}`"))?;
        return Ok((vec![crate::request::random(program, seed)?], Arrays::new()));
    }
    let arrays = crate::npz::read(path)?;
    Ok((crate::request::requests(program, &arrays)?, arrays))
}

/// One request of a file: what a command that runs one takes of a batch.
pub(crate) fn one_request(program: &Program, input: Option<&Path>, item: usize) -> Result<Vec<Leaf>> {
    let (requests, _) = requests(program, input)?;
    let count = requests.len();
    requests.into_iter().nth(item).with_context(|| format!("the file has {count} requests, --item {item}"))
}

/// `0x…` of a leaf.
pub(crate) fn hex(leaf: &Leaf) -> String {
    format!("0x{}", isa::asm::hex(leaf))
}
