//! What a board needs around a machine: a UART to a host, which serves the memory port.
//!
//! The host speaks frames (`link`, `docs/boards.md`): it sets up a run, starts it, gives the rows that the machine asks for and
//! takes those that it writes, and its marks. There is no timer here and nothing to wait for but the host, whose any frame is
//! answered: what is broken on the line is ignored, and asked for again.
//!
//! `receiver` and `sender` are the line, `listener` and `teller` the frames, `server` does what they ask with the
//! machine's ports. One row is held, in `ring`, whichever way it goes.

mod crc32;
mod listener;
mod machine;
mod receiver;
mod ring;
mod sender;
mod server;
mod shell;
mod teller;
#[cfg(test)]
mod tests;
mod told;

pub(crate) use shell::Shell;
