//! Writes the texts generated from the instruction table under the folder that is its argument: see `cargo xtask codegen`.

use std::{env, fs, io, path::PathBuf};

use isa::codegen::{isa_hash_source, isa_markdown, isa_solidity};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::args().nth(1).ok_or_else(|| io::Error::other("which folder?"))?);
    let texts = [
        ("isa/src/hash.rs", isa_hash_source()),
        ("docs/isa.md", isa_markdown()),
        ("proof-bridge/contracts/src/Isa.sol", isa_solidity()),
    ];
    for (path, text) in texts {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&root))?;
        fs::write(path, text)?;
    }
    Ok(())
}
