//! The differential campaign: single micro-steps of every opcode, in Rust and in the EVM.

pub(crate) mod altered;
mod case;
mod data;
mod draw;
mod run;

pub(crate) use run::{campaign, is_whole, seeds};
