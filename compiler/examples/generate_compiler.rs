//! Writes the page of supported operators under the folder that is its argument: see `cargo xtask codegen`.

use std::{env, fs, io, path::PathBuf};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::args().nth(1).ok_or_else(|| io::Error::other("which folder?"))?);
    fs::create_dir_all(root.join("docs"))?;
    fs::write(root.join("docs/operators.md"), compiler::operators_markdown())
}
