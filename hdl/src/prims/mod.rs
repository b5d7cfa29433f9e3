//! Leaves whose Verilog is written by hand: datapaths that take a whole row, and what rust-hdl cannot say.
//!
//! Each has its meaning in `update`, its Verilog in `hdl`, and a test that runs both on the same random inputs
//! (`tests.rs`). Outputs are registered, so that no path runs through a leaf within a cycle, unless its text says so.

mod banks;
mod crc;
mod fifo;
mod fixed;
mod grid;
mod grid_text;
mod hold;
mod line_tags;
mod max;
mod multiplier;
mod opcode_rom;
mod ram;
mod reduce;
mod regfile;
mod reverse;
mod rotate;
mod row32;
mod run;
mod second_row;
mod taps;
#[cfg(test)]
mod tests;
mod transposer;
mod vector_lanes;
mod vector_lanes_hdl;
mod word;

pub(crate) use banks::Banks;
pub(crate) use crc::CrcRow;
pub(crate) use fifo::Fifo;
pub(crate) use fixed::Fixed;
pub(crate) use grid::Grid;
pub(crate) use hold::{Catch, Held, Kept};
pub(crate) use line_tags::LineTags;
pub(crate) use max::MaxRow;
pub(crate) use multiplier::Multiplier;
pub(crate) use opcode_rom::{Kind, OpcodeRom};
pub(crate) use ram::Ram;
pub(crate) use reduce::Reduce;
pub(crate) use regfile::RegFile;
pub(crate) use reverse::Reverse;
pub(crate) use row32::{LeafOf, Row32Of};
pub(crate) use run::{Run, Splat};
pub(crate) use second_row::SecondRow;
pub(crate) use taps::Taps;
pub(crate) use transposer::Transposer;
pub(crate) use vector_lanes::VectorLanes;
pub(crate) use word::{WordInto, WordOf};
