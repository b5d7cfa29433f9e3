//! The instruction table. Everything that knows an encoding derives from it.

use crate::field::{Field, FieldSpec, Loop, Operand, Wide, is_register};
use crate::word::{Leaf, Word};

/// A chapter of the ISA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Scalars, branches, halt.
    Control,
    /// Rows between memories.
    Move,
    /// Products.
    Matrix,
    /// Lanes of int32.
    Vector32,
    /// Lanes of int8.
    Vector8,
    /// Choice.
    Choose,
}

impl Group {
    /// Heading in the documentation.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Group::Control => "Control",
            Group::Move => "Move",
            Group::Matrix => "Matrix",
            Group::Vector32 => "Vector, int32",
            Group::Vector8 => "Vector, int8",
            Group::Choose => "Choose",
        }
    }
}

/// What the table says of one instruction.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Bits 0..8.
    pub opcode: u8,
    /// In the assembler.
    pub mnemonic: &'static str,
    /// Chapter.
    pub group: Group,
    /// One sentence of meaning.
    pub summary: &'static str,
    /// The operation of one micro-step.
    pub operation: &'static str,
    /// Leaves that one micro-step touches, in order, besides regs, profile and text.
    pub accesses: &'static str,
    /// Its own causes of traps, besides FETCH, LIMIT, stray bits, counts out of range and operands out of bounds.
    pub traps: &'static str,
    /// Its fields.
    pub fields: &'static [FieldSpec],
}

/// An instruction word that no instruction has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Illegal {
    /// No instruction has this opcode.
    Opcode(u8),
    /// A bit is set that is no field of the instruction.
    StrayBits(Opcode),
}

impl core::fmt::Display for Illegal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Illegal::Opcode(opcode) => write!(f, "no instruction has opcode 0x{opcode:02x}"),
            Illegal::StrayBits(opcode) => write!(f, "a bit outside the fields of `{}` is set", spec(*opcode).mnemonic),
        }
    }
}

impl core::error::Error for Illegal {}

macro_rules! instructions {
    ($(
        $(#[doc = $summary:literal])+
        $name:ident = $opcode:literal $mnemonic:literal $group:ident
        ($operation:literal) [$accesses:literal] <$traps:literal>
        { $($field:ident: $type:ty = $lsb:literal : $width:literal),* }
    )*) => {
        /// Opcodes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Opcode { $($(#[doc = $summary])+ $name = $opcode),* }

        impl Opcode {
            /// The opcode of this number.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Opcode> {
                match code { $($opcode => Some(Opcode::$name),)* _ => None }
            }
        }

        $(
            $(#[doc = $summary])+
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
            #[allow(missing_docs, reason = "fields are documented once, in docs/isa.md and docs/machine.md")]
            pub struct $name { $(pub $field: $type),* }

            impl From<$name> for Instr {
                fn from(instr: $name) -> Instr { Instr::$name(instr) }
            }
        )*

        /// A decoded instruction.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Instr { $($(#[doc = $summary])+ $name($name)),* }

        impl Instr {
            /// Its opcode.
            #[must_use]
            pub const fn opcode(&self) -> Opcode {
                match self { $(Instr::$name(_) => Opcode::$name),* }
            }

            /// The 256-bit word.
            #[must_use]
            pub fn encode(&self) -> Leaf {
                let mut word = Word::ZERO;
                word.set_bits(0, 8, self.opcode() as u64);
                match self { $(Instr::$name(_instr) => { $(_instr.$field.put(&mut word, $lsb, $width);)* })* }
                word.to_leaf()
            }

            /// Takes a 256-bit word apart. Registers, counts and regions are not judged here.
            ///
            /// # Errors
            /// Unknown opcode, or a bit outside the instruction's fields.
            pub fn decode(leaf: &Leaf) -> Result<Instr, Illegal> {
                let word = Word::from_leaf(leaf);
                let opcode = Opcode::from_code(leaf[31]).ok_or(Illegal::Opcode(leaf[31]))?;
                if !word.within(&field_mask(opcode)) {
                    return Err(Illegal::StrayBits(opcode));
                }
                Ok(match opcode {
                    $(Opcode::$name => Instr::$name($name { $($field: <$type>::get(&word, $lsb, $width)),* })),*
                })
            }
        }

        /// Every instruction, in the order of opcodes.
        pub const TABLE: &[Spec] = &[$(Spec {
            opcode: $opcode,
            mnemonic: $mnemonic,
            group: Group::$group,
            summary: concat!($($summary),+),
            operation: $operation,
            accesses: $accesses,
            traps: $traps,
            fields: &[$(FieldSpec { name: stringify!($field), kind: <$type as Field>::KIND, lsb: $lsb, width: $width }),*],
        }),*];

        /// What the table says of an opcode.
        #[must_use]
        pub const fn spec(opcode: Opcode) -> &'static Spec {
            let mut index = 0;
            $(if opcode as u8 > $opcode { index += 1; })*
            &TABLE[index]
        }
    };
}

/// The registers whose numbers stand in an instruction, as bits.
#[must_use]
pub fn registers(instr: &Instr) -> u16 {
    let word = Word::from_leaf(&instr.encode());
    let fields = spec(instr.opcode()).fields.iter();
    let parts =
        fields.flat_map(|field| field.parts().map(|part| (if part.0.is_empty() { field.name } else { part.0 }, part)));
    parts.filter(|(name, _)| is_register(name)).fold(0, |all, (_, (_, lsb, width, _))| all | 1 << word.bits(lsb, width))
}

/// The bits that an instruction may set.
pub(crate) fn field_mask(opcode: Opcode) -> Word {
    let mut mask = Word::ZERO;
    mask.set_bits(0, 8, 0xff);
    for field in spec(opcode).fields {
        for (_, lsb, width, _) in field.parts() {
            mask.set_bits(lsb, width, u64::MAX);
        }
    }
    mask
}

instructions! {
    /// Ends the run with status HALTED.
    Halt = 0x01 "halt" Control
    ("status = HALTED; every other register but steps = 0; clear onchip and work") [""] <""> {}
    /// Names a layer boundary; engines report the write digest so far.
    Mark = 0x02 "mark" Control
    ("nothing") [""] <""> { imm: u32 = 104:32 }
    /// Loads an immediate into a register.
    Li = 0x03 "li" Control
    ("x[rd] = imm") [""] <""> { rd: u8 = 48:4, imm: u32 = 104:32 }
    /// Adds, modulo 2³².
    Add = 0x04 "add" Control
    ("x[rd] = x[ra] + (x[rb] + imm)") [""] <""> { rd: u8 = 48:4, ra: u8 = 52:4, rb: u8 = 56:4, imm: u32 = 104:32 }
    /// Subtracts, modulo 2³².
    Sub = 0x05 "sub" Control
    ("x[rd] = x[ra] - (x[rb] + imm)") [""] <""> { rd: u8 = 48:4, ra: u8 = 52:4, rb: u8 = 56:4, imm: u32 = 104:32 }
    /// Multiplies, modulo 2³².
    Mul = 0x06 "mul" Control
    ("x[rd] = x[ra] * (x[rb] + imm)") [""] <""> { rd: u8 = 48:4, ra: u8 = 52:4, rb: u8 = 56:4, imm: u32 = 104:32 }
    /// Shifts left by the low five bits.
    Shl = 0x07 "shl" Control
    ("x[rd] = x[ra] << ((x[rb] + imm) mod 32)") [""] <""> { rd: u8 = 48:4, ra: u8 = 52:4, rb: u8 = 56:4, imm: u32 = 104:32 }
    /// Shifts right, filling with zeros, by the low five bits.
    Shr = 0x08 "shr" Control
    ("x[rd] = x[ra] >> ((x[rb] + imm) mod 32)") [""] <""> { rd: u8 = 48:4, ra: u8 = 52:4, rb: u8 = 56:4, imm: u32 = 104:32 }
    /// Bitwise and.
    And = 0x09 "and" Control
    ("x[rd] = x[ra] & (x[rb] + imm)") [""] <""> { rd: u8 = 48:4, ra: u8 = 52:4, rb: u8 = 56:4, imm: u32 = 104:32 }
    /// Branches if equal.
    Beq = 0x0a "beq" Control
    ("if x[ra] = x[rb] then pc = imm") [""] <""> { ra: u8 = 52:4, rb: u8 = 56:4, imm: u32 = 104:32 }
    /// Branches if not equal.
    Bne = 0x0b "bne" Control
    ("if x[ra] != x[rb] then pc = imm") [""] <""> { ra: u8 = 52:4, rb: u8 = 56:4, imm: u32 = 104:32 }
    /// Branches if less, unsigned.
    Bltu = 0x0c "bltu" Control
    ("if x[ra] < x[rb] then pc = imm") [""] <""> { ra: u8 = 52:4, rb: u8 = 56:4, imm: u32 = 104:32 }
    /// Branches if greater or equal, unsigned.
    Bgeu = 0x0d "bgeu" Control
    ("if x[ra] >= x[rb] then pc = imm") [""] <""> { ra: u8 = 52:4, rb: u8 = 56:4, imm: u32 = 104:32 }
    /// Loads a 32-bit word of DRAM into a register; word w is bytes 4·(w mod 8).. of row ⌊w / 8⌋, big-endian.
    Lw = 0x0e "lw" Control
    ("x[rd] = word x[ra] + imm of region") ["read 1 leaf of region"] <"ILLEGAL: region is not const, input, work or output.">
    { rd: u8 = 48:4, ra: u8 = 52:4, imm: u32 = 104:32, region: u8 = 204:3 }
    /// Stores a register into a 32-bit word of DRAM; the write digest takes the whole row as it then is.
    Sw = 0x0f "sw" Control
    ("word x[ra] + imm of region = x[rb]") ["read and write 1 leaf of region"] <"ILLEGAL: region is not work or output.">
    { ra: u8 = 52:4, rb: u8 = 56:4, imm: u32 = 104:32, region: u8 = 204:3 }
    /// Loads rows of DRAM into spad, or row32s into acc.
    Load = 0x10 "load" Move
    ("space 0: spad[d] = region[m]; space 1: acc[d] = region[m..m+4]")
    ["read 1 leaf (space 1: 4 aligned leaves) of region; overwrite as many of onchip"]
    <"ILLEGAL: region is not const, input, work or output. ALIGN: with space 1, the start or a stride of m is no multiple of 4.">
    { lp: Loop = 8:39, d: Operand = 48:56, m: Wide = 104:100, region: u8 = 204:3, space: bool = 228:1 }
    /// Stores rows of spad, or row32s of acc, into DRAM.
    Store = 0x11 "store" Move
    ("space 0: region[m] = spad[d]; space 1: region[m..m+4] = acc[d]")
    ["read 1 leaf (space 1: 4 aligned leaves) of onchip; overwrite as many of region"]
    <"ILLEGAL: region is not work or output. ALIGN: as `load`. OVERLAP: m meets itself.">
    { lp: Loop = 8:39, d: Operand = 48:56, m: Wide = 104:100, region: u8 = 204:3, space: bool = 228:1 }
    /// Loads rows of DRAM by index: entry `word i0` of the words in spad from row `index` on, row i1 of the entry.
    Gather = 0x12 "gather" Move
    ("e = min(word i0 of spad[index..], limit + x[limit_reg] - 1), unsigned; spad[d] = region[m.base + x[m.reg] + e*m.s0 + i1*m.s1]")
    ["read 1 leaf of onchip; read 1 leaf of region; overwrite 1 leaf of onchip"]
    <"ILLEGAL: region is not const, input, work or output. COUNT: limit + x[limit_reg] is not in 1..=2^24. BOUNDS: also for every entry below the limit. OVERLAP: d meets the rows of indices.">
    {
        lp: Loop = 8:39, d: Operand = 48:56, m: Wide = 104:100, region: u8 = 204:3, index: u32 = 208:20,
        limit_reg: u8 = 228:4, limit: u32 = 232:24
    }
    /// Moves a run of n bytes from any byte of spad into one spad row at `offset`.
    Move = 0x13 "move" Move
    ("spad[d] bytes offset..offset+n = spad bytes m..m+n")
    ["read 1 leaf of onchip; read the next one if the run crosses; read and write 1 leaf of onchip"]
    <"BOUNDS: offset + n > 32. OVERLAP: rows of m meet rows of d.">
    { lp: Loop = 8:39, d: Operand = 48:56, m: Wide = 104:100, n: u8 = 216:6, offset: u8 = 228:5 }
    /// Fills rows of spad with a byte, or of acc with an int32.
    Fill = 0x14 "fill" Move
    ("space 0: spad[d] = 32 x imm (< 256); space 1: acc[d] = 32 x imm") ["overwrite 1 (space 1: 4) leaves of onchip"]
    <"ILLEGAL: imm > 255 with space 0.">
    { lp: Loop = 8:39, d: Operand = 48:56, imm: u32 = 104:32, space: bool = 228:1 }
    /// Multiplies rows by weight tiles into acc; inputs ≥ k and outputs ≥ n count as zero. `tr` takes the tile transposed.
    Matmul = 0x20 "matmul" Matrix
    ("p[j] = sum over i < k of spad[a][i] * spad[w + i][j] for j < n, else 0 (tr: spad[w + j][i]); acc[d] = p if acc = 0 and t = 0, else acc[d] + p")
    ["read 1 leaf of onchip; read 32 leaves of onchip; overwrite 4 leaves of onchip, or read and write them"]
    <"COUNT: k is not in 1..=32. ALIGN: the start of w or w_sk is no multiple of 32. OVERLAP: d meets itself.">
    {
        lp: Loop = 8:39, d: Operand = 48:56, a: Operand = 104:56, w_base: u32 = 160:20, w_reg: u8 = 180:4,
        w_sk: i16 = 184:16, a_sk: i16 = 200:16, n: u8 = 216:6, k: u8 = 222:6, kt: u16 = 228:16, acc: bool = 244:1, tr: bool = 245:1
    }
    /// Multiplies rows lane by lane with weight rows into acc: depthwise taps.
    Dwmac = 0x21 "dwmac" Matrix
    ("p[j] = spad[a][j] * spad[w][j] for j < n, else 0; acc[d] = p if acc = 0 and t = 0, else acc[d] + p")
    ["read 1 leaf of onchip (a); read 1 leaf of onchip (w); overwrite 4 leaves of onchip, or read and write them"]
    <"OVERLAP: d meets itself.">
    {
        lp: Loop = 8:39, d: Operand = 48:56, a: Operand = 104:56, w_base: u32 = 160:20, w_reg: u8 = 180:4,
        w_sk: i16 = 184:16, a_sk: i16 = 200:16, n: u8 = 216:6, kt: u16 = 228:16, acc: bool = 244:1
    }
    /// Adds, modulo 2³².
    Vadd = 0x30 "vadd" Vector32
    ("acc[d][j] = acc[a][j] + b[j] for j < n, else 0")
    ["read 4 leaves of onchip (a); read those of b; overwrite 4 leaves of onchip"] <"OVERLAP: d meets itself, or a or b without being identical to it.">
    { lp: Loop = 8:39, d: Operand = 48:56, a: Operand = 104:56, b: Operand = 160:56, n: u8 = 216:6, form: u8 = 228:2 }
    /// Subtracts, modulo 2³².
    Vsub = 0x31 "vsub" Vector32
    ("acc[d][j] = acc[a][j] - b[j] for j < n, else 0")
    ["read 4 leaves of onchip (a); read those of b; overwrite 4 leaves of onchip"] <"OVERLAP: d meets itself, or a or b without being identical to it.">
    { lp: Loop = 8:39, d: Operand = 48:56, a: Operand = 104:56, b: Operand = 160:56, n: u8 = 216:6, form: u8 = 228:2 }
    /// Multiplies, modulo 2³².
    Vmul = 0x32 "vmul" Vector32
    ("acc[d][j] = acc[a][j] * b[j] for j < n, else 0")
    ["read 4 leaves of onchip (a); read those of b; overwrite 4 leaves of onchip"] <"OVERLAP: d meets itself, or a or b without being identical to it.">
    { lp: Loop = 8:39, d: Operand = 48:56, a: Operand = 104:56, b: Operand = 160:56, n: u8 = 216:6, form: u8 = 228:2 }
    /// Multiplies to 64 bits, shifts right with rounding, saturates to 32.
    Vmulr = 0x33 "vmulr" Vector32
    ("acc[d][j] = sat32(rne(acc[a][j] * b[j], shift)) for j < n, else 0")
    ["read 4 leaves of onchip (a); read those of b; overwrite 4 leaves of onchip"] <"OVERLAP: d meets itself, or a or b without being identical to it.">
    { lp: Loop = 8:39, d: Operand = 48:56, a: Operand = 104:56, b: Operand = 160:56, n: u8 = 216:6, form: u8 = 228:2, shift: u8 = 230:6 }
    /// Takes the smaller.
    Vmin = 0x34 "vmin" Vector32
    ("acc[d][j] = min(acc[a][j], b[j]) for j < n, else 0")
    ["read 4 leaves of onchip (a); read those of b; overwrite 4 leaves of onchip"] <"OVERLAP: d meets itself, or a or b without being identical to it.">
    { lp: Loop = 8:39, d: Operand = 48:56, a: Operand = 104:56, b: Operand = 160:56, n: u8 = 216:6, form: u8 = 228:2 }
    /// Takes the larger.
    Vmax = 0x35 "vmax" Vector32
    ("acc[d][j] = max(acc[a][j], b[j]) for j < n, else 0")
    ["read 4 leaves of onchip (a); read those of b; overwrite 4 leaves of onchip"] <"OVERLAP: d meets itself, or a or b without being identical to it.">
    { lp: Loop = 8:39, d: Operand = 48:56, a: Operand = 104:56, b: Operand = 160:56, n: u8 = 216:6, form: u8 = 228:2 }
    /// Shifts right with rounding; by a negative amount, left, modulo 2³².
    Vshr = 0x36 "vshr" Vector32
    ("e = b[j] + shift modulo 2^32, signed; acc[d][j] = rne(acc[a][j], min(e, 63)) if e >= 0, else acc[a][j] << min(-e, 32), for j < n, else 0")
    ["read 4 leaves of onchip (a); read those of b; overwrite 4 leaves of onchip"] <"OVERLAP: d meets itself, or a or b without being identical to it.">
    { lp: Loop = 8:39, d: Operand = 48:56, a: Operand = 104:56, b: Operand = 160:56, n: u8 = 216:6, form: u8 = 228:2, shift: u8 = 230:6 }
    /// Counts leading zeros of the unsigned 32-bit lane, 0..=32.
    Vclz = 0x37 "vclz" Vector32
    ("acc[d][j] = leading zeros of acc[a][j] for j < n, else 0") ["read 4 leaves of onchip; overwrite 4 leaves of onchip"]
    <"OVERLAP: d meets itself, or a without being identical to it.">
    { lp: Loop = 8:39, d: Operand = 48:56, a: Operand = 104:56, n: u8 = 216:6 }
    /// Selects b where a is positive, and leaves the other lanes of d, also those from n on.
    Vsel = 0x38 "vsel" Vector32
    ("if acc[a][j] > 0 then acc[d][j] = b[j], for j < n")
    ["read 4 leaves of onchip (a); read those of b; read and write 4 leaves of onchip"] <"OVERLAP: d meets itself, or a or b without being identical to it.">
    { lp: Loop = 8:39, d: Operand = 48:56, a: Operand = 104:56, b: Operand = 160:56, n: u8 = 216:6, form: u8 = 228:2 }
    /// Sums across lanes into every lane, modulo 2³².
    Vsum = 0x39 "vsum" Vector32
    ("acc[d][*] = sum over j < n of acc[a][j]") ["read 4 leaves of onchip; overwrite 4 leaves of onchip"]
    <"OVERLAP: d meets itself, or a without being identical to it.">
    { lp: Loop = 8:39, d: Operand = 48:56, a: Operand = 104:56, n: u8 = 216:6 }
    /// Takes the largest lane into every lane.
    Vrmax = 0x3a "vrmax" Vector32
    ("acc[d][*] = max over j < n of acc[a][j]") ["read 4 leaves of onchip; overwrite 4 leaves of onchip"]
    <"OVERLAP: d meets itself, or a without being identical to it.">
    { lp: Loop = 8:39, d: Operand = 48:56, a: Operand = 104:56, n: u8 = 216:6 }
    /// Looks int8 lanes up in a table of 256 int32: a tile of words, eight a row, big-endian.
    Lut32 = 0x3b "lut32" Vector32
    ("acc[d][j] = word spad[a][j] + 128 of spad[b..b+32] for j < n, else 0")
    ["read 1 leaf of onchip; read 32 leaves of onchip; overwrite 4 leaves of onchip"]
    <"ALIGN: the start or a stride of b is no multiple of 32. OVERLAP: d meets itself.">
    { lp: Loop = 8:39, d: Operand = 48:56, a: Operand = 104:56, b: Operand = 160:56, n: u8 = 216:6 }
    /// Requantises row32 to row8: bias, multiplier, rounding shift, zero point, clamp.
    Requant = 0x40 "requant" Vector8
    ("spad[d][j] = clamp(rne(((acc[a][j] + bias[j]) mod 2^32) * m[j], s[j]) + zp, lo, hi) for j < n, else 0")
    ["read 4 leaves of onchip; read 8 leaves of onchip; overwrite 1 leaf of onchip"]
    <"ILLEGAL: lo > hi. ALIGN: the start or a stride of b is no multiple of 8. OVERLAP: d meets itself or the block.">
    {
        lp: Loop = 8:39, d: Operand = 48:56, a: Operand = 104:56, b: Operand = 160:56, n: u8 = 216:6,
        zp: i8 = 228:8, lo: i8 = 236:8, hi: i8 = 244:8
    }
    /// Adds two row8 with one rounding; the parameter row p holds the multipliers, zero points, shift and clamp.
    Addq = 0x41 "addq" Vector8
    ("spad[d][j] = clamp(rne((spad[a][j] - za)*ma + (spad[b][j] - zb)*mb, s) + zp, lo, hi) for j < n, else 0")
    ["read 1 leaf of onchip (a); read 1 (b); read 1 (p); overwrite 1 leaf of onchip"]
    <"OVERLAP: d meets itself, p, or a or b without being identical to it.">
    { lp: Loop = 8:39, d: Operand = 48:56, a: Operand = 104:56, b: Operand = 160:56, n: u8 = 216:6, p_base: u32 = 228:20, p_reg: u8 = 248:4 }
    /// Takes the lane-wise maximum over taps: max pooling.
    Maxq = 0x42 "maxq" Vector8
    ("spad[d] = spad[a] if acc = 0 and t = 0, else lane-wise max(spad[d], spad[a])")
    ["read 1 leaf of onchip; overwrite 1 leaf of onchip, or read and write it"] <"OVERLAP: d meets itself or a.">
    { lp: Loop = 8:39, d: Operand = 48:56, a: Operand = 104:56, a_sk: i16 = 200:16, kt: u16 = 228:16, acc: bool = 244:1 }
    /// Looks int8 lanes up in a table of 256 int8 (8 rows).
    Lut = 0x43 "lut" Vector8
    ("spad[d][j] = byte spad[a][j] + 128 of spad[b..b+8] for j < n, else 0")
    ["read 1 leaf of onchip; read 8 leaves of onchip; overwrite 1 leaf of onchip"]
    <"ALIGN: the start or a stride of b is no multiple of 8. OVERLAP: d meets itself, b, or a without being identical to it.">
    { lp: Loop = 8:39, d: Operand = 48:56, a: Operand = 104:56, b: Operand = 160:56, n: u8 = 216:6 }
    /// Transposes tiles of int8: row i0 of the result is column i0 mod 32 of the tile.
    Trans = 0x44 "trans" Vector8
    ("spad[d][j] = spad[a + j][i0 mod 32] for j < n, else 0") ["read 32 leaves of onchip; overwrite 1 leaf of onchip"]
    <"ALIGN: the start or a stride of a is no multiple of 32. OVERLAP: d meets itself or a.">
    { lp: Loop = 8:39, d: Operand = 48:56, a: Operand = 104:56, n: u8 = 216:6 }
    /// Finds the first largest lane over a strip of row32; `acc` goes on from the registers of an earlier strip.
    Argmax = 0x50 "argmax" Choose
    ("in row r = i1*n0 + i0, j the first largest lane of acc[a] below n: if r = 0 and acc = 0, or acc[a][j] > x[rv], then x[rv] = acc[a][j], x[rd] = i_base + x[i_reg] + 32*r + j")
    ["read 4 leaves of onchip"]
    <"ILLEGAL: rd or rv is x0, both are one register, or one of them is a.reg, i_reg or, with csel not 0, creg.">
    {
        lp: Loop = 8:39, rd: u8 = 48:4, rv: u8 = 52:4, a: Operand = 104:56, i_base: u32 = 160:20, i_reg: u8 = 180:4,
        n: u8 = 216:6, acc: bool = 244:1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_overlap_and_spec_finds_its_row() {
        for row in TABLE {
            let opcode = Opcode::from_code(row.opcode).unwrap();
            assert_eq!(spec(opcode).mnemonic, row.mnemonic);
            let mut seen = [false; 256];
            for field in row.fields {
                for (_, lsb, width, _) in field.parts() {
                    assert!(lsb >= 8 && width > 0 && lsb + width <= 256, "{} {}", row.mnemonic, field.name);
                    for bit in &mut seen[lsb as usize..(lsb + width) as usize] {
                        assert!(!*bit, "{}: {} overlaps another field", row.mnemonic, field.name);
                        *bit = true;
                    }
                }
            }
        }
    }
}
