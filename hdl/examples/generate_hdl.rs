//! Writes the committed Verilog under the folder that is its argument: see `cargo xtask codegen`.

use std::{env, fs, io, path::PathBuf};

use hdl::{COMMITTED, Params, emit};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::args().nth(1).ok_or_else(|| io::Error::other("which folder?"))?);
    let folder = root.join("hdl/verilog");
    fs::create_dir_all(&folder)?;
    for target in COMMITTED {
        let params = Params::target(target).map_err(io::Error::other)?;
        fs::write(folder.join(format!("systole_{target}.v")), emit(&params).map_err(io::Error::other)?)?;
    }
    Ok(())
}
