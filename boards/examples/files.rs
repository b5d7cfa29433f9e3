//! Writes what an FPGA's tools need for a board into a folder, `NAME.v` and its constraints, and prints what nextpnr is told of the
//! part: the board's name, the folder. A third argument is a target in place of the board's own, whose name the files then have.

use std::path::PathBuf;
use std::{env, fs, io};

use boards::Board;

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let name = arguments.next().ok_or_else(|| io::Error::other("which board?"))?;
    let folder = PathBuf::from(arguments.next().ok_or_else(|| io::Error::other("which folder?"))?);
    let mut board = Board::named(&name).map_err(io::Error::other)?;
    let name = match arguments.next() {
        Some(target) => {
            board.target.clone_from(&target);
            target
        }
        None => name,
    };
    fs::write(folder.join(format!("{name}.v")), board.verilog().map_err(io::Error::other)?)?;
    fs::write(folder.join(format!("{name}.{}", board.constraints_extension())), board.constraints())?;
    println!("{}", board.part_options().join(" "));
    Ok(())
}
