//! The compiler's idioms on the machine: against float64 over their ranges, with the bounds that `docs/idioms.md` states,
//! and as the programs `tests/programs/idiom_*.tasm`.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

#[path = "idioms/bench.rs"]
mod bench;
#[path = "idioms/functions.rs"]
mod functions;
#[path = "idioms/lanes.rs"]
mod lanes;
#[path = "idioms/programs.rs"]
mod programs;
#[path = "idioms/rows.rs"]
mod rows;
#[path = "idioms/sketch.rs"]
mod sketch;
#[path = "idioms/tokens.rs"]
mod tokens;
