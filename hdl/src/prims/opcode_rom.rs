//! The decode table of `isa` as a ROM: opcode to kind, and whether stray bits are set.

use isa::{Instr, Leaf, Opcode};
use rust_hdl::prelude::*;

use crate::encoding::{self, Bitfield};
use crate::traits::Traits;

macro_rules! kinds {
    ($($name:ident)*) => {
        /// The instructions as the control sees them; `Unknown` traps ILLEGAL.
        #[derive(Copy, Clone, Debug, PartialEq, Eq, LogicState)]
        pub(crate) enum Kind { Unknown, $($name),* }

        impl Kind {
            /// Every kind.
            #[cfg(test)]
            pub(crate) const ALL: &[Kind] = &[Kind::Unknown, $(Kind::$name),*];

            /// The kind of an opcode.
            pub(crate) fn of(opcode: Opcode) -> Kind {
                match opcode { $(Opcode::$name => Kind::$name),* }
            }
        }
    };
}
kinds! {
    Halt Mark Li Add Sub Mul Shl Shr And Beq Bne Bltu Bgeu Lw Sw
    Load Store Gather Move Fill Matmul Dwmac
    Vadd Vsub Vmul Vmulr Vmin Vmax Vshr Vclz Vsel Vsum Vrmax Lut32
    Requant Addq Maxq Lut Trans Argmax
}

impl Kind {
    /// As the number that rust-hdl gives the state.
    pub(super) fn code(self) -> u64 {
        self as u64
    }
}

/// Kind, operands and legality of the bits of an instruction word, one cycle later.
#[derive(LogicBlock, Default)]
pub(crate) struct OpcodeRom {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) word: Signal<In, Bits<256>>,
    pub(crate) kind: Signal<Out, Kind>,
    pub(crate) traits: Signal<Out, Traits>,
    pub(crate) stray: Signal<Out, Bit>,
}

/// The two bits that, with the opcode, decide on the operands: `form`, or `space` in the lower one.
const KEY: Bitfield = encoding::FORM;

/// Bits of [`KEY`] that an instruction has.
fn key_width(opcode: Opcode) -> usize {
    let key = isa::spec(opcode).fields.iter().find(|field| matches!(field.name, "space" | "form"));
    key.map_or(0, |field| field.width as usize)
}

/// The operands of an opcode with this key.
fn traits(opcode: Opcode, key: u8) -> Traits {
    let mut leaf: Leaf = isa::ZERO;
    leaf[31] = opcode as u8;
    leaf[31 - KEY.lsb as usize / 8] = (key & ((1 << key_width(opcode)) - 1)) << (KEY.lsb % 8);
    Instr::decode(&leaf).map_or_else(|_| Traits::default(), |instr| Traits::of(&instr))
}

impl Logic for OpcodeRom {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let word = self.word.val();
            let code = word.get_bits::<8>(encoding::OPCODE.lsb as usize).to_u8();
            let key = word.get_bits::<{ KEY.width }>(KEY.lsb as usize).to_u8();
            let opcode = encoding::opcodes().find(|&opcode| opcode as u8 == code);
            self.kind.next = opcode.map_or(Kind::Unknown, Kind::of);
            self.traits.next = opcode.map_or_else(Traits::default, |opcode| traits(opcode, key));
            let mask = opcode.map_or([true; 256], encoding::mask);
            self.stray.next = (0..256).any(|bit| word.get_bit(bit) && !mask[bit]);
        }
    }

    fn connect(&mut self) {
        self.kind.connect();
        self.traits.connect();
        self.stray.connect();
    }

    fn hdl(&self) -> Verilog {
        let (lsb, top) = (encoding::OPCODE.lsb as usize, encoding::OPCODE.lsb as usize + encoding::OPCODE.width - 1);
        let unknown = Kind::Unknown.code();
        let mut text = String::from("initial begin\n    kind = 0;\n    traits = 0;\n    stray = 0;\nend\n");
        text.push_str(&format!("always @(posedge clock) begin\n    case (word[{top}:{lsb}])\n"));
        for opcode in encoding::opcodes() {
            let mask = encoding::mask(opcode);
            let hex: String = (0..64).rev().map(|n| hex_digit(&mask[4 * n..4 * n + 4])).collect();
            text.push_str(&format!(
                "        8'h{:02x}: begin kind <= {}; stray <= |(word & 256'h{hex}); end // {}\n",
                opcode as u8,
                Kind::of(opcode).code(),
                isa::spec(opcode).mnemonic,
            ));
        }
        text.push_str(&format!("        default: begin kind <= {unknown}; stray <= 0; end\n    endcase\n"));
        text.push_str(&format!("    casez ({{word[{}:{}], word[{top}:{lsb}]}})\n", KEY.lsb + 1, KEY.lsb));
        for opcode in encoding::opcodes() {
            for key in 0..1u8 << key_width(opcode) {
                let bit = |at: usize| if at < key_width(opcode) { char::from(b'0' + (key >> at & 1)) } else { '?' };
                text.push_str(&format!(
                    "        10'b{}{}{:08b}: traits <= {:x};\n",
                    bit(1),
                    bit(0),
                    opcode as u8,
                    traits(opcode, key).verilog()
                ));
            }
        }
        text.push_str("        default: traits <= 0;\n    endcase\nend");
        Verilog::Custom(text)
    }
}

/// Four bits that no field has, as a hexadecimal digit.
fn hex_digit(mask: &[bool]) -> char {
    let value = mask.iter().rev().fold(0, |value, &bit| 2 * value + u32::from(!bit));
    char::from_digit(value, 16).unwrap_or('0')
}
