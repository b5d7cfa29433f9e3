//! Fields of an instruction: scalars, and the operands that several instructions share.

use crate::word::Word;

/// One run of bits inside a field, relative to the field's lsb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Empty for a scalar field.
    pub name: &'static str,
    /// Offset from the field's lsb.
    pub offset: u32,
    /// Bits; 0 stands for the whole width of a scalar field.
    pub width: u32,
    /// Two's complement.
    pub signed: bool,
}

const fn part(name: &'static str, offset: u32, width: u32, signed: bool) -> Part {
    Part { name, offset, width, signed }
}

/// What a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An unsigned number.
    Unsigned,
    /// A two's complement number.
    Signed,
    /// One bit.
    Flag,
    /// [`Loop`].
    Loop,
    /// [`Operand`].
    Operand,
    /// [`Wide`].
    Wide,
}

impl Kind {
    /// The runs of bits of such a field.
    #[must_use]
    pub const fn parts(self) -> &'static [Part] {
        match self {
            Kind::Unsigned | Kind::Flag => const { &[part("", 0, 0, false)] },
            Kind::Signed => const { &[part("", 0, 0, true)] },
            Kind::Loop => {
                const {
                    &[
                        part("n0", 0, 16, false),
                        part("n1", 16, 16, false),
                        part("creg", 32, 4, false),
                        part("csel", 36, 3, false),
                    ]
                }
            }
            Kind::Operand => {
                const {
                    &[
                        part("base", 0, 20, false),
                        part("reg", 20, 4, false),
                        part("s0", 24, 16, true),
                        part("s1", 40, 16, true),
                    ]
                }
            }
            Kind::Wide => {
                const {
                    &[
                        part("base", 0, 32, false),
                        part("reg", 32, 4, false),
                        part("s0", 36, 32, true),
                        part("s1", 68, 32, true),
                    ]
                }
            }
        }
    }
}

/// A named field of one instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSpec {
    /// Name, as in the assembler.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Lowest bit in the instruction word.
    pub lsb: u32,
    /// Bits.
    pub width: u32,
}

impl FieldSpec {
    /// The runs of bits: (suffix, lsb, width, signed). The suffix is empty for scalars.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, u32, u32, bool)> {
        let (lsb, width) = (self.lsb, self.width);
        self.kind
            .parts()
            .iter()
            .map(move |p| (p.name, lsb + p.offset, if p.width == 0 { width } else { p.width }, p.signed))
    }
}

/// Whether a scalar field, or a part of another, of this name is the number of a register.
pub(crate) fn is_register(name: &str) -> bool {
    matches!(name, "rd" | "ra" | "rb" | "rv" | "reg" | "creg") || name.ends_with("_reg")
}

/// A type that a field of an instruction can have.
pub trait Field: Copy + Default + PartialEq {
    /// What it is in the table.
    const KIND: Kind;
    /// Takes the field out of an instruction word.
    fn get(word: &Word, lsb: u32, width: u32) -> Self;
    /// Puts it in.
    fn put(self, word: &mut Word, lsb: u32, width: u32);
}

macro_rules! scalar {
    ($($type:ty: $kind:ident),*) => {$(
        impl Field for $type {
            const KIND: Kind = Kind::$kind;
            fn get(word: &Word, lsb: u32, width: u32) -> Self {
                // The table gives no field more bits than its type has.
                if matches!(Kind::$kind, Kind::Signed) { word.signed_bits(lsb, width) as $type } else { word.bits(lsb, width) as $type }
            }
            fn put(self, word: &mut Word, lsb: u32, width: u32) {
                word.set_bits(lsb, width, self as i64 as u64);
            }
        }
    )*};
}
scalar!(u8: Unsigned, u16: Unsigned, u32: Unsigned, i8: Signed, i16: Signed, i32: Signed);

impl Field for bool {
    const KIND: Kind = Kind::Flag;
    fn get(word: &Word, lsb: u32, width: u32) -> Self {
        word.bits(lsb, width) != 0
    }
    fn put(self, word: &mut Word, lsb: u32, width: u32) {
        word.set_bits(lsb, width, u64::from(self));
    }
}

macro_rules! composite {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type),* }

        impl Field for $name {
            const KIND: Kind = Kind::$name;
            fn get(word: &Word, lsb: u32, _width: u32) -> Self {
                let mut parts = Kind::$name.parts().iter();
                $(let $field = parts.next().map_or_else(Default::default, |p| <$type>::get(word, lsb + p.offset, p.width));)*
                $name { $($field),* }
            }
            fn put(self, word: &mut Word, lsb: u32, _width: u32) {
                let mut parts = Kind::$name.parts().iter();
                $(if let Some(p) = parts.next() { self.$field.put(word, lsb + p.offset, p.width); })*
            }
        }
    };
}

composite! {
    /// The loop counts of a row-moving instruction; `creg` replaces the count that `csel` names.
    Loop {
        /// Inner count.
        n0: u16,
        /// Outer count.
        n1: u16,
        /// Register that gives a count.
        creg: u8,
        /// 0 none, 1 n0, 2 n1, 3 kt, 4 n.
        csel: u8
    }
}

impl Loop {
    /// `csel` values.
    pub const NONE: u8 = 0;
    /// `n0` comes from the register.
    pub const N0: u8 = 1;
    /// `n1` comes from the register.
    pub const N1: u8 = 2;
    /// `kt` comes from the register.
    pub const KT: u8 = 3;
    /// `n` comes from the register.
    pub const N: u8 = 4;

    /// Two immediate counts.
    #[must_use]
    pub const fn new(n0: u16, n1: u16) -> Loop {
        Loop { n0, n1, creg: 0, csel: Loop::NONE }
    }
}

composite! {
    /// An on-chip operand: rows `base + x[reg] + i0·s0 + i1·s1`.
    Operand {
        /// First row.
        base: u32,
        /// Register added to it.
        reg: u8,
        /// Stride of the inner loop, rows.
        s0: i16,
        /// Stride of the outer loop, rows.
        s1: i16
    }
}

impl Operand {
    /// An operand without register.
    #[must_use]
    pub const fn new(base: u32, s0: i16, s1: i16) -> Operand {
        Operand { base, reg: 0, s0, s1 }
    }
}

composite! {
    /// A DRAM operand (rows), or a byte operand of spad: `base + x[reg] + i0·s0 + i1·s1`.
    Wide {
        /// First row or byte.
        base: u32,
        /// Register added to it.
        reg: u8,
        /// Stride of the inner loop.
        s0: i32,
        /// Stride of the outer loop.
        s1: i32
    }
}

impl Wide {
    /// An operand without register.
    #[must_use]
    pub const fn new(base: u32, s0: i32, s1: i32) -> Wide {
        Wide { base, reg: 0, s0, s1 }
    }
}
