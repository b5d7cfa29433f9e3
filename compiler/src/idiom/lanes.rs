//! The int32 group as one-line constructors.

use isa::{Instr, Loop, Operand, Requant, Vadd, Vclz, Vmax, Vmin, Vmul, Vmulr, Vrmax, Vsel, Vshr, Vsub, Vsum, form};

/// The second operand of an instruction of the int32 group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Second {
    /// A row32 of acc.
    Row32(Operand),
    /// Lane 0 of a row32 of acc.
    Lane0(Operand),
    /// A row of spad, sign-extended.
    Row8(Operand),
    /// The address itself: an immediate, a register.
    Value(Operand),
}

impl Second {
    fn parts(self) -> (u8, Operand) {
        match self {
            Second::Row32(b) => (form::ROW32, b),
            Second::Lane0(b) => (form::LANE0, b),
            Second::Row8(b) => (form::ROW8, b),
            Second::Value(b) => (form::ADDRESS, b),
        }
    }

    /// The value of a register in every lane.
    #[must_use]
    pub fn register(register: u8) -> Second {
        Second::Value(Operand { base: 0, reg: register, s0: 0, s1: 0 })
    }

    /// An immediate below 2²⁰ in every lane.
    #[must_use]
    pub fn immediate(value: u32) -> Second {
        Second::Value(Operand::new(value, 0, 0))
    }
}

/// The loops and lanes that a sequence of instructions has in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lanes {
    /// Counts.
    pub lp: Loop,
    /// Lanes; 0 where `lp` takes them from a register.
    pub n: u8,
}

macro_rules! two_operands {
    ($($(#[$doc:meta])* $name:ident $instr:ident { $($field:ident: $type:ty),* })*) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $name(self, d: Operand, a: Operand, b: Second $(, $field: $type)*) -> Instr {
            let (form, b) = b.parts();
            $instr { lp: self.lp, d, a, b, n: self.n, form $(, $field)* }.into()
        })*
    };
}

macro_rules! one_operand {
    ($($(#[$doc:meta])* $name:ident $instr:ident)*) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $name(self, d: Operand, a: Operand) -> Instr {
            $instr { lp: self.lp, d, a, n: self.n }.into()
        })*
    };
}

impl Lanes {
    /// All lanes of `n0` rows.
    #[must_use]
    pub fn rows(n0: u16) -> Lanes {
        Lanes::grid(n0, 1)
    }

    /// All lanes of `n0 × n1` rows.
    #[must_use]
    pub fn grid(n0: u16, n1: u16) -> Lanes {
        Lanes { lp: Loop::new(n0, n1), n: 32 }
    }

    two_operands! {
        /// `d = a + b`.
        vadd Vadd {}
        /// `d = a − b`.
        vsub Vsub {}
        /// `d = a · b` modulo 2³².
        vmul Vmul {}
        /// `d = sat32(rne(a · b, shift))`.
        vmulr Vmulr { shift: u8 }
        /// `d = min(a, b)`.
        vmin Vmin {}
        /// `d = max(a, b)`.
        vmax Vmax {}
        /// `d = rne(a, b + shift)`, or left.
        vshr Vshr { shift: u8 }
        /// `d = b` where `a > 0`.
        vsel Vsel {}
    }

    one_operand! {
        /// Leading zeros.
        vclz Vclz
        /// The sum of the lanes, in every lane.
        vsum Vsum
        /// The largest lane, in every lane.
        vrmax Vrmax
    }

    /// Requantises `a` to bytes with the parameter block `b`, clamped to all of int8.
    #[must_use]
    pub fn requant(self, d: Operand, a: Operand, b: Operand, zp: i8) -> Instr {
        Requant { lp: self.lp, d, a, b, n: self.n, zp, lo: i8::MIN, hi: i8::MAX }.into()
    }
}
