//! Leaves whose Verilog is written by hand: datapaths that take a whole row, and what rust-hdl cannot say.
//!
//! Each has its meaning in `update`, its Verilog in `hdl`, and a test that runs both on the same random inputs
//! (`tests.rs`). Outputs are registered, so that no path runs through a leaf within a cycle.

mod column;
mod crc;
mod fixed;
mod lane_products;
mod max;
mod merge;
mod multiplier;
mod opcode_rom;
mod ram;
mod regfile;
mod requant_lanes;
mod reverse;
mod row32;
mod row_adder;
#[cfg(test)]
mod tests;

pub(crate) use column::Column;
pub(crate) use crc::CrcRow;
pub(crate) use fixed::Fixed;
pub(crate) use lane_products::LaneProducts;
pub(crate) use max::MaxRow;
pub(crate) use merge::{Merge, Splat};
pub(crate) use multiplier::Multiplier;
pub(crate) use opcode_rom::{Kind, OpcodeRom};
pub(crate) use ram::Ram;
pub(crate) use regfile::RegFile;
pub(crate) use requant_lanes::RequantLanes;
pub(crate) use reverse::Reverse;
pub(crate) use row_adder::RowAdder;
pub(crate) use row32::{LeafOf, Row32Of};
