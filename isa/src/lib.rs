//! The Systole machine, said once.
//!
//! [`TABLE`] states every instruction; the codec ([`Instr`]), the assembler ([`asm`]), `docs/isa.md`, `Isa.sol`
//! ([`codegen`]) and the decoder's constants of the RTL derive from it. The meaning is one pure function, [`step`],
//! over a [`State`]: [`Memory`] is the reference executor; the proof bridge adds a recorder and a replayer.
//!
//! *Architecture invariant:* nothing here depends on another crate of the workspace, `step` does not allocate, and
//! there is no floating point outside the host-side tensor codec in [`program`].
#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(feature = "alloc")]
extern crate alloc;

mod check;
mod field;
mod hash;
mod operands;
mod ops;
mod profile;
mod regs;
mod state;
mod step;
mod table;
mod word;

#[cfg(feature = "alloc")]
pub mod asm;
#[cfg(feature = "std")]
pub mod codegen;
#[cfg(feature = "alloc")]
pub mod digest;
#[cfg(feature = "alloc")]
mod memory;
#[cfg(feature = "std")]
pub mod program;
#[cfg(feature = "alloc")]
pub mod random;

pub use check::admit;
pub use field::{Field, FieldSpec, Kind, Loop, Operand, Part, Wide};
pub use hash::ISA_HASH;
#[cfg(feature = "alloc")]
pub use memory::{Memory, Region};
pub use operands::{Counts, Hull, Reach, Reaches, Role, Space, counts, form, micro_steps, operands};
pub use profile::{InvalidProfile, MAX_DRAM_LOG2, MAX_ONCHIP_LOG2, Profile};
pub use regs::{Regs, Status};
pub use state::{Access, State, Subtree};
pub use step::{Stepped, step, step_scalar};
pub use table::{
    Add, Addq, And, Argmax, Beq, Bgeu, Bltu, Bne, Dwmac, Fill, Gather, Halt, Li, Load, Lut, Lut32, Lw, Mark, Matmul,
    Maxq, Move, Mul, Requant, Shl, Shr, Store, Sub, Sw, Trans, Vadd, Vclz, Vmax, Vmin, Vmul, Vmulr, Vrmax, Vsel, Vshr,
    Vsub, Vsum,
};
pub use table::{Group, Illegal, Instr, Opcode, Spec, TABLE, registers, spec};
pub use word::{
    LANES, Leaf, PARAM_ROWS, ROW32_LEAVES, Row8, Row32, TILE_ROWS, ZERO, param_word, rne, row32, row32_leaves,
};
