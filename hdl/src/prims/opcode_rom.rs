//! The decode table of `isa` as a ROM: opcode to kind, and whether stray bits are set.

use isa::Opcode;
use rust_hdl::prelude::*;

use crate::encoding;

/// The instructions as the control sees them; `Unknown` traps ILLEGAL, `Absent` ends the run as no trap does.
#[derive(Copy, Clone, Debug, PartialEq, Eq, LogicState)]
pub(crate) enum Kind {
    Unknown,
    Absent,
    Halt,
    Mark,
    Li,
    Add,
    Sub,
    Mul,
    Shl,
    Shr,
    And,
    Beq,
    Bne,
    Bltu,
    Bgeu,
    Load,
    Store,
    Move,
    Fill,
    Matmul,
    Requant,
    Maxq,
}

impl Kind {
    /// The kind of an opcode; `Absent` where this machine has no such instruction.
    pub(crate) fn of(opcode: Opcode) -> Kind {
        match opcode {
            Opcode::Halt => Kind::Halt,
            Opcode::Mark => Kind::Mark,
            Opcode::Li => Kind::Li,
            Opcode::Add => Kind::Add,
            Opcode::Sub => Kind::Sub,
            Opcode::Mul => Kind::Mul,
            Opcode::Shl => Kind::Shl,
            Opcode::Shr => Kind::Shr,
            Opcode::And => Kind::And,
            Opcode::Beq => Kind::Beq,
            Opcode::Bne => Kind::Bne,
            Opcode::Bltu => Kind::Bltu,
            Opcode::Bgeu => Kind::Bgeu,
            Opcode::Load => Kind::Load,
            Opcode::Store => Kind::Store,
            Opcode::Move => Kind::Move,
            Opcode::Fill => Kind::Fill,
            Opcode::Matmul => Kind::Matmul,
            Opcode::Requant => Kind::Requant,
            Opcode::Maxq => Kind::Maxq,
            _ => Kind::Absent,
        }
    }

    /// As the number that rust-hdl gives the state.
    fn code(self) -> u64 {
        self as u64
    }
}

/// Kind and legality of the bits of an instruction word, one cycle later.
#[derive(LogicBlock, Default)]
pub(crate) struct OpcodeRom {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) word: Signal<In, Bits<256>>,
    pub(crate) kind: Signal<Out, Kind>,
    pub(crate) stray: Signal<Out, Bit>,
}

impl Logic for OpcodeRom {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let word = self.word.val();
            let code = word.get_bits::<8>(encoding::OPCODE.lsb as usize).to_u8();
            let opcode = encoding::opcodes().find(|&opcode| opcode as u8 == code);
            self.kind.next = opcode.map_or(Kind::Unknown, Kind::of);
            let mask = opcode.map_or([true; 256], encoding::mask);
            self.stray.next = (0..256).any(|bit| word.get_bit(bit) && !mask[bit]);
        }
    }

    fn connect(&mut self) {
        self.kind.connect();
        self.stray.connect();
    }

    fn hdl(&self) -> Verilog {
        let (lsb, top) = (encoding::OPCODE.lsb as usize, encoding::OPCODE.lsb as usize + encoding::OPCODE.width - 1);
        let mut text = format!(
            "initial begin\n    kind = 0;\n    stray = 0;\nend\nalways @(posedge clock) begin\n    case (word[{top}:{lsb}])\n"
        );
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
        text.push_str(&format!(
            "        default: begin kind <= {}; stray <= 0; end\n    endcase\nend",
            Kind::Unknown.code()
        ));
        Verilog::Custom(text)
    }
}

/// Four bits that no field has, as a hexadecimal digit.
fn hex_digit(mask: &[bool]) -> char {
    let value = mask.iter().rev().fold(0, |value, &bit| 2 * value + u32::from(!bit));
    char::from_digit(value, 16).unwrap_or('0')
}
