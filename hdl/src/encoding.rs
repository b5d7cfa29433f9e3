//! Where the fields of an instruction are, looked up in the table of `isa` when this crate is compiled.
//!
//! Fields of one name are at one place in every instruction; a test holds the table to that, so one
//! constant a field is enough for the decoder.

use isa::{Opcode, TABLE, spec};

/// A run of bits of the instruction word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bitfield {
    /// Lowest bit.
    pub(crate) lsb: u64,
    /// Bits.
    pub(crate) width: usize,
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut index = 0;
    while index < a.len() && index < b.len() && a[index] == b[index] {
        index += 1;
    }
    index == a.len() && index == b.len()
}

/// The bits of part `part` (empty for a scalar) of field `name` of an instruction.
const fn bitfield(opcode: Opcode, name: &str, part: &str) -> Bitfield {
    let fields = spec(opcode).fields;
    let mut index = 0;
    while !same(fields[index].name, name) {
        index += 1;
    }
    let field = &fields[index];
    let parts = field.kind.parts();
    let mut index = 0;
    while !same(parts[index].name, part) {
        index += 1;
    }
    let width = if parts[index].width == 0 { field.width } else { parts[index].width };
    Bitfield { lsb: (field.lsb + parts[index].offset) as u64, width: width as usize }
}

macro_rules! bitfields {
    ($($name:ident = $opcode:ident $field:literal $part:literal;)*) => {
        $(pub(crate) const $name: Bitfield = bitfield(Opcode::$opcode, $field, $part);)*

        #[cfg(test)]
        const ALL: &[(&str, &str, Bitfield)] = &[$(($field, $part, $name)),*];
    };
}

bitfields! {
    N0 = Load "lp" "n0";
    N1 = Load "lp" "n1";
    CREG = Load "lp" "creg";
    CSEL = Load "lp" "csel";
    D_BASE = Load "d" "base";
    D_REG = Load "d" "reg";
    D_S0 = Load "d" "s0";
    D_S1 = Load "d" "s1";
    A_BASE = Matmul "a" "base";
    A_REG = Matmul "a" "reg";
    A_S0 = Matmul "a" "s0";
    A_S1 = Matmul "a" "s1";
    A_SK = Matmul "a_sk" "";
    B_BASE = Requant "b" "base";
    B_REG = Requant "b" "reg";
    B_S0 = Requant "b" "s0";
    B_S1 = Requant "b" "s1";
    W_BASE = Matmul "w_base" "";
    W_REG = Matmul "w_reg" "";
    W_SK = Matmul "w_sk" "";
    M_BASE = Load "m" "base";
    M_REG = Load "m" "reg";
    M_S0 = Load "m" "s0";
    M_S1 = Load "m" "s1";
    REGION = Load "region" "";
    SPACE = Load "space" "";
    N = Matmul "n" "";
    K = Matmul "k" "";
    KT = Matmul "kt" "";
    ACC = Matmul "acc" "";
    TR = Matmul "tr" "";
    INDEX = Gather "index" "";
    LIMIT = Gather "limit" "";
    LIMIT_REG = Gather "limit_reg" "";
    P_BASE = Addq "p_base" "";
    P_REG = Addq "p_reg" "";
    I_BASE = Argmax "i_base" "";
    I_REG = Argmax "i_reg" "";
    RV = Argmax "rv" "";
    FORM = Vadd "form" "";
    SHIFT = Vshr "shift" "";
    IMM = Li "imm" "";
    RD = Add "rd" "";
    RA = Add "ra" "";
    RB = Add "rb" "";
    OFFSET = Move "offset" "";
    ZP = Requant "zp" "";
    LO = Requant "lo" "";
    HI = Requant "hi" "";
}

// w, and the base of `ARGMAX`'s indices, are where b is: the decoder looks in one place.
const _: () = assert!(B_BASE.lsb == W_BASE.lsb && B_REG.lsb == W_REG.lsb);
const _: () = assert!(B_BASE.lsb == I_BASE.lsb && B_REG.lsb == I_REG.lsb);

/// Bits of the opcode, at bit 0.
pub(crate) const OPCODE: Bitfield = Bitfield { lsb: 0, width: 8 };

/// The word with every bit set that an instruction of this opcode may set, lowest bit first.
pub(crate) fn mask(opcode: Opcode) -> [bool; 256] {
    let mut mask = [false; 256];
    mask[OPCODE.lsb as usize..OPCODE.lsb as usize + OPCODE.width].fill(true);
    for field in spec(opcode).fields {
        for (_, lsb, width, _) in field.parts() {
            mask[lsb as usize..(lsb + width) as usize].fill(true);
        }
    }
    mask
}

/// Every opcode.
pub(crate) fn opcodes() -> impl Iterator<Item = Opcode> {
    TABLE.iter().filter_map(|spec| Opcode::from_code(spec.opcode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_at_one_place_in_every_instruction() {
        for opcode in opcodes() {
            for field in spec(opcode).fields {
                for (part, lsb, width, _) in field.parts() {
                    let here = Bitfield { lsb: lsb.into(), width: width as usize };
                    let known = ALL.iter().find(|(name, p, _)| *name == field.name && *p == part);
                    assert_eq!(known.map(|k| k.2), Some(here), "{opcode:?}.{}.{part}", field.name);
                }
            }
        }
    }
}
