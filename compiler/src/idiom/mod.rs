//! Idioms: the short sequences of instructions that whole operators are made of.
//!
//! Each file is one idea: pure functions from shapes, scales and addresses to instructions, and to the constants that go
//! with them. Nothing here knows of a model or places anything. `docs/idioms.md` states what each costs and how far it is
//! from real arithmetic; the tests that hold it to that are `sim/tests/idioms.rs`, and `tests/programs/idiom_*.tasm` are
//! examples that every engine runs.

pub mod attention;
pub mod attention_rows;
pub mod choose;
mod code;
pub mod data;
pub mod exp;
mod lanes;
pub mod multiply;
pub mod norm;
pub mod reciprocal;
pub mod residual;
pub mod rotary;
pub mod softmax;
pub mod table;
pub mod window;

pub use code::Code;
pub use lanes::{Lanes, Second};
