//! Prints the Verilog of a target, or of parameters in JSON.

use std::{env, io};

use hdl::{Params, emit};

fn main() -> io::Result<()> {
    let name = env::args().nth(1).ok_or_else(|| io::Error::other("which target, or which parameters?"))?;
    let params = if name.starts_with('{') {
        serde_json::from_str(&name)?
    } else {
        Params::target(&name).map_err(io::Error::other)?
    };
    print!("{}", emit(&params).map_err(io::Error::other)?);
    Ok(())
}
