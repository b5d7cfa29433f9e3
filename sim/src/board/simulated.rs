//! A board in Verilator: its two lines, bit by bit, as something to read and write.

use std::ffi::c_void;
use std::io::{self, Read, Write};
use std::path::Path;

use libloading::Library;

use crate::rtl::{Cache, ModelError, RtlError};

type New = unsafe extern "C" fn(u32) -> *mut c_void;
type Free = unsafe extern "C" fn(*mut c_void);
type Send = unsafe extern "C" fn(*mut c_void, *const u8, usize);
type Receive = unsafe extern "C" fn(*mut c_void, *mut u8, usize, u64) -> usize;

/// A shell and its machine. Time goes on while one reads from it; a read ends when a byte has come, or when nothing has come
/// for some cycles after the last byte went.
pub struct SimulatedBoard {
    board: *mut c_void,
    free: Free,
    send: Send,
    receive: Receive,
    patience_cycles: u64,
    _library: Library,
}

impl SimulatedBoard {
    /// The board of this Verilog, whose top module is `shell`, with a bit of its line of so many cycles; built where it is not
    /// in the cache.
    ///
    /// # Errors
    /// Tools are missing, or the text is refused.
    pub fn new(verilog: &str, cycles_per_bit: u32, patience_cycles: u64) -> Result<SimulatedBoard, RtlError> {
        let library = Cache::standard().board(verilog)?;
        Ok(SimulatedBoard::load(&library, cycles_per_bit, patience_cycles)
            .map_err(|source| ModelError::Load { path: library, source })?)
    }

    fn load(path: &Path, cycles_per_bit: u32, patience_cycles: u64) -> Result<SimulatedBoard, libloading::Error> {
        // SAFETY: the library was built from our shim; its initialisers only set up C++ statics.
        let library = unsafe { Library::new(path)? };
        // SAFETY: the types are those of the shim's `extern "C"` block; the board is freed before the library.
        unsafe {
            let new: New = *library.get(b"board_new\0")?;
            let (free, send, receive) =
                (*library.get(b"board_free\0")?, *library.get(b"board_send\0")?, *library.get(b"board_receive\0")?);
            let board = new(cycles_per_bit);
            Ok(SimulatedBoard { board, free, send, receive, patience_cycles, _library: library })
        }
    }
}

impl Read for SimulatedBoard {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        // SAFETY: the board lives, and the buffer has the length given.
        Ok(unsafe { (self.receive)(self.board, bytes.as_mut_ptr(), bytes.len(), self.patience_cycles) })
    }
}

impl Write for SimulatedBoard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // SAFETY: the board lives, and copies the bytes.
        unsafe { (self.send)(self.board, bytes.as_ptr(), bytes.len()) };
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SimulatedBoard {
    fn drop(&mut self) {
        // SAFETY: made by `load`, freed once.
        unsafe { (self.free)(self.board) };
    }
}
