//! What the registers of the engine hold.

use crate::serial::uop::{Reg, X0};

macro_rules! registers {
    ($first:expr; $($(#[$doc:meta])* $name:ident)*) => {
        registers!(@ ($first) $($(#[$doc])* $name)*);
    };
    (@ ($at:expr)) => {
        const _: () = {
            let next = $at;
            assert!(next <= X0, "too many registers");
        };
    };
    (@ ($at:expr) $(#[$doc:meta])* $name:ident $($rest:tt)*) => {
        $(#[$doc])*
        pub(crate) const $name: Reg = Reg($at);
        registers!(@ ($at + 1) $($rest)*);
    };
}

/// Reads 0; writing it does nothing.
pub(crate) const R0: Reg = Reg(0);

/// The lowest 32 bits of the instruction word; the seven others follow.
pub(crate) const I0: Reg = Reg(1);

registers! { I0.0 + 8;
    PC
    /// Steps with those of the instruction that is admitted, and the limit.
    STEPS_LOW STEPS_HIGH LIMIT_LOW LIMIT_HIGH
    BASE_TEXT BASE_CONST BASE_INPUT BASE_WORK BASE_OUTPUT
    /// The bits that an address in a space may not have.
    MASK_TEXT MASK_CONST MASK_INPUT MASK_WORK MASK_OUTPUT MASK_SPAD MASK_ACC
    /// All ones; the highest bit, which addresses in acc have.
    ONES HIGH
    /// Counts, and those less one of which a hull is made.
    N0 N1 KT N SPAN0 SPAN1 SPANT
    /// What the instruction has: [`HAS_TAPS`], [`HAS_LANES`].
    HAS
    BAD_ALIGN BAD_BOUNDS
    /// Region: its code, its first row in memory, its mask.
    REGION ROW_BASE MASK
    /// Operands: first address, strides, hull, and the address with i1 done, with i0 done too, and of the row.
    D_START D_S0 D_S1 D_AT0 D_AT
    A_START A_S0 A_S1 A_SK A_AT0 A_AT
    B_START B_S0 B_S1 B_SK B_AT0 B_AT
    P_START
    D_LO D_HI A_LO A_HI B_LO B_HI P_LO P_HI
    /// The operand whose hull is being made.
    W_START W_STARTH W_S0 W_S1 W_SK W_EXTENT W_ALIGN W_MASK W_LO W_LOH W_HI W_HIH
    /// Places in the loops, and the micro-instruction that does a row.
    AT0 AT1 ATT HANDLER
    /// Of `GATHER` the last entry that it may choose; of `LW` and `SW` the word of the row.
    LAST_ENTRY
    T0 T1 T2 T3 T4 T5 T6
}

/// `HAS`: kt; n.
pub(crate) const HAS_TAPS: i32 = 1;
pub(crate) const HAS_LANES: i32 = 2;

/// Of a row: names for what is free when hulls are done.
pub(crate) const PA: Reg = W_START;
pub(crate) const PB: Reg = W_STARTH;
pub(crate) const PD: Reg = W_S0;
pub(crate) const COUNT: Reg = W_S1;
pub(crate) const FETCH_B: Reg = W_SK;
pub(crate) const LANE: Reg = W_EXTENT;
pub(crate) const E0: Reg = W_ALIGN;
pub(crate) const E1: Reg = W_MASK;
pub(crate) const E2: Reg = W_LO;
pub(crate) const E3: Reg = W_LOH;
pub(crate) const E4: Reg = W_HI;
pub(crate) const E5: Reg = W_HIH;
/// A row of eight words.
pub(crate) const ROW: [Reg; 8] = [D_LO, D_HI, A_LO, A_HI, B_LO, B_HI, P_LO, P_HI];
