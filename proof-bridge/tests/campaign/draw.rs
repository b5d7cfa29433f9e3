//! A random instruction of one opcode that may run in given registers, close to the edges of its operands.

use isa::{
    FieldSpec, Instr, Kind, LANES, Leaf, Profile, Reach, Regs, Space, Spec, admit, counts, micro_steps, operands,
    random::Rng,
};

/// Instructions drawn until one is admitted.
const TRIES: usize = 60;

/// Reads a run of bits of an instruction.
pub(super) fn bits(word: &Leaf, lsb: u32, width: u32) -> u64 {
    (0..width).rev().fold(0, |value, bit| {
        let at = lsb + bit;
        value << 1 | u64::from(word[31 - (at / 8) as usize] >> (at % 8) & 1)
    })
}

/// Replaces a run of bits of an instruction by the low bits of a value.
pub(super) fn set_bits(word: &mut Leaf, lsb: u32, width: u32, value: u64) {
    for bit in 0..width {
        let (at, mask) = (31 - ((lsb + bit) / 8) as usize, 1 << ((lsb + bit) % 8));
        word[at] = if value >> bit & 1 == 1 { word[at] | mask } else { word[at] & !mask };
    }
}

/// A field, or a part of one, that is the base of an operand; and the register that is added.
struct Base {
    lsb: u32,
    width: u32,
    reg: Option<u32>,
}

/// Draws instructions of one opcode.
pub(super) struct Draw<'a> {
    pub(super) rng: &'a mut Rng,
    pub(super) spec: &'static Spec,
    pub(super) profile: Profile,
    pub(super) regs: Regs,
}

impl Draw<'_> {
    /// One of the values.
    fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.rng.below(values.len() as u64) as usize]
    }

    fn signed(&mut self, reach: u64) -> i64 {
        self.rng.below(2 * reach + 1).cast_signed() - reach.cast_signed()
    }

    /// A number of 32 bits: small, a count, near an edge, or any.
    pub(super) fn number(&mut self) -> u32 {
        let bits = self.rng.bits() as u32;
        match self.rng.below(8) {
            0..3 => bits % 20,
            3 => 1 + bits % 7,
            4 => self.pick(&[0, 31, 32, 33, 63, 64, 65_535, 65_536, 1 << 24, (1 << 24) + 1, u32::MAX]),
            5 => (1u32 << (bits % 32)).wrapping_add(self.signed(1) as u32),
            6 => (bits % 80).wrapping_neg(),
            _ => bits,
        }
    }

    /// Registers of any values; x0 is 0.
    pub(super) fn registers(&mut self) {
        for x in 1..16 {
            self.regs.x[x] = self.number();
        }
    }

    fn has(&self, field: &str) -> bool {
        self.spec.fields.iter().any(|f| f.name == field)
    }

    /// An instruction that may be issued in the registers, and the registers; rarely one that may not.
    pub(super) fn admitted(&mut self) -> Leaf {
        let mut word = [0; 32];
        for attempt in 0..TRIES {
            if attempt % 8 == 0 {
                self.registers();
            }
            word = self.any();
            let instr = Instr::decode(&word).unwrap();
            if admit(&instr, &self.regs, &Profile { limit: u64::MAX, ..self.profile }).is_ok() {
                return word;
            }
        }
        word
    }

    /// An instruction whose operands fit their spaces, mostly.
    fn any(&mut self) -> Leaf {
        let mut word = [0; 32];
        word[31] = self.spec.opcode;
        for field in self.spec.fields {
            self.field(&mut word, field);
        }
        self.select(&mut word);
        for base in self.bases() {
            self.fit(&mut word, &base);
        }
        self.in_place(&mut word);
        word
    }

    fn field(&mut self, word: &mut Leaf, field: &FieldSpec) {
        for (part, lsb, width, _) in field.parts() {
            let value = match (field.kind, part) {
                (Kind::Loop, "n0") => self.pick(&[1, 1, 2, 3, 4, 9, 40]),
                (Kind::Loop, "n1") => self.pick(&[1, 1, 2, 3, 4]),
                (Kind::Loop, _) => 0,
                (_, "s0" | "s1") => self.stride(field.name) as u64,
                (_, "reg") => self.register(),
                (_, "base") => self.rng.below(64),
                _ => self.scalar(field.name, width),
            };
            set_bits(word, lsb, width, value);
        }
    }

    fn scalar(&mut self, name: &str, width: u32) -> u64 {
        match name {
            "n" | "k" => self.lanes(),
            "kt" => self.pick(&[1, 1, 2, 3, 5]),
            "w_sk" | "a_sk" => self.stride(name) as u64,
            "w_reg" | "i_reg" | "p_reg" | "limit_reg" => self.register(),
            "region" if self.spec.mnemonic == "store" || self.spec.mnemonic == "sw" => self.pick(&[6, 7]),
            "region" => self.pick(&[2, 3, 6, 7]),
            "shift" => self.pick(&[0, 1, 7, 15, 16, 31, 32, 33, 62, 63]),
            "offset" => self.pick(&[0, 0, 1, 5, 16, 31]),
            "limit" => self.pick(&[1, 2, 3, 8, 16, 1 << 24]),
            "imm" if self.spec.mnemonic == "fill" => self.rng.below(256),
            "lo" => self.pick(&[-128i8, -128, -128, -1, 0, 100]).cast_unsigned().into(),
            "hi" => self.pick(&[127i8, 127, 127, 0, 101]).cast_unsigned().into(),
            _ if width >= 20 => self.number().into(),
            _ => self.rng.bits(),
        }
    }

    fn lanes(&mut self) -> u64 {
        match self.rng.below(6) {
            0..2 => LANES as u64,
            2 => 1,
            3 => 31,
            _ => 1 + self.rng.below(LANES as u64),
        }
    }

    fn register(&mut self) -> u64 {
        if self.rng.one_in(3) { self.rng.below(16) } else { 0 }
    }

    /// A stride of the field's operand: a multiple of what it must be aligned to, mostly.
    fn stride(&mut self, name: &str) -> i64 {
        let unit = match (self.spec.mnemonic, name) {
            ("matmul", "w_sk") | ("lut32", "b") | ("trans", "a") => 32,
            ("requant" | "lut", "b") => 8,
            ("load" | "store", "m") => self.pick(&[1, 4]),
            ("move", "m") => self.pick(&[1, 7, 32]),
            _ => 1,
        };
        unit * match self.rng.below(4) {
            0 => 1,
            1 => self.signed(1),
            2 => self.signed(3),
            _ => self.signed(9),
        }
    }

    /// Lets a register give a count now and then.
    fn select(&mut self, word: &mut Leaf) {
        let Some(lp) = self.spec.fields.iter().find(|f| f.kind == Kind::Loop) else { return };
        if !self.rng.one_in(4) {
            return;
        }
        let mut choices = vec![(1, lp.lsb, 16), (2, lp.lsb + 16, 16)];
        for (csel, name) in [(3, "kt"), (4, "n")] {
            choices.extend(self.spec.fields.iter().filter(|f| f.name == name).map(|f| (csel, f.lsb, f.width)));
        }
        let (csel, lsb, width) = self.pick(&choices);
        set_bits(word, lsb, width, 0);
        set_bits(word, lp.lsb + 36, 3, csel);
        let small: Vec<u64> = (0..16).filter(|&x| (1..=33).contains(&self.regs.x[x as usize])).collect();
        let creg = if small.is_empty() { self.rng.below(16) } else { self.pick(&small) };
        set_bits(word, lp.lsb + 32, 4, creg);
    }

    fn bases(&mut self) -> Vec<Base> {
        let scalar = |name: &str| self.spec.fields.iter().find(|f| f.name == name).map(|f| f.lsb);
        let mut bases = Vec::new();
        for field in self.spec.fields {
            let (lsb, width) = (field.lsb, field.width);
            match (field.kind, field.name) {
                (Kind::Operand, _) => bases.push(Base { lsb, width: 20, reg: Some(lsb + 20) }),
                (Kind::Wide, _) => bases.push(Base { lsb, width: 32, reg: Some(lsb + 32) }),
                (_, "w_base") => bases.push(Base { lsb, width, reg: scalar("w_reg") }),
                (_, "p_base") => bases.push(Base { lsb, width, reg: scalar("p_reg") }),
                (_, "index") => bases.push(Base { lsb, width, reg: None }),
                (_, "imm") if self.has("region") => bases.push(Base { lsb, width, reg: scalar("ra") }),
                _ => {}
            }
        }
        bases
    }

    /// The operand that a base belongs to, and how many base units make one of its rows.
    fn operand_at(&self, word: &Leaf, base: &Base) -> Option<(Reach, u64)> {
        let unit = match self.spec.mnemonic {
            "move" if base.width == 32 => 32,
            "lw" | "sw" => 8,
            _ => 1,
        };
        let mut moved = *word;
        let value = bits(word, base.lsb, base.width);
        set_bits(&mut moved, base.lsb, base.width, value ^ unit);
        let (here, there) = (Instr::decode(word).ok()?, Instr::decode(&moved).ok()?);
        let c = counts(&here, &self.regs);
        // Hulls are only defined for counts in range.
        if [c.n0, c.n1, c.kt, c.n].iter().any(|count| !(1..=0xffff).contains(count)) {
            return None;
        }
        let pairs = operands(&here, &self.regs).into_iter().zip(operands(&there, &self.regs));
        let found = pairs.into_iter().find(|(a, b)| matches!((a, b), (Some(a), Some(b)) if a.start != b.start));
        found.and_then(|(reach, _)| reach).map(|reach| (reach, unit))
    }

    fn rows_of(&self, space: Space) -> i64 {
        1 << match space {
            Space::Spad => self.profile.spad,
            Space::Acc => self.profile.acc,
            Space::Dram(region) => self.profile.depth(region),
        }
    }

    /// Moves an operand to where it fits its space, at an edge now and then, if its register lets it.
    fn fit(&mut self, word: &mut Leaf, base: &Base) {
        let Some((reach, _)) = self.operand_at(word, base) else { return };
        let most = self.rows_of(reach.space) - 1 - (reach.rows.hi - reach.rows.lo);
        if most < 0 {
            return;
        }
        let lo = match self.rng.below(8) {
            0 => 0,
            1 => most,
            _ => self.rng.below(most.cast_unsigned() + 1).cast_signed(),
        };
        // Where strides are multiples of the alignment, the smallest row is one too.
        let align = i64::from(reach.align);
        self.shift(word, base, lo / align * align - reach.rows.lo);
    }

    /// Adds rows to a base; drops the register where the sum cannot be had with it.
    fn shift(&mut self, word: &mut Leaf, base: &Base, rows: i64) {
        let Some((_, unit)) = self.operand_at(word, base) else { return };
        let value = bits(word, base.lsb, base.width).cast_signed();
        let x = base.reg.map_or(0, |lsb| i64::from(self.regs.x[bits(word, lsb, 4) as usize]));
        let fine = self.rng.below(unit).cast_signed();
        let start = (value + x).div_euclid(unit.cast_signed()) * unit.cast_signed() + fine;
        let want = start + rows * unit.cast_signed();
        let with_register = want - x;
        let fits = |base_value: i64| base_value >= 0 && base_value < 1 << base.width;
        if fits(with_register) {
            set_bits(word, base.lsb, base.width, with_register.cast_unsigned());
        } else if fits(want) {
            set_bits(word, base.lsb, base.width, want.cast_unsigned());
            base.reg.into_iter().for_each(|lsb| set_bits(word, lsb, 4, 0));
        }
    }

    /// Makes a source the same as the destination, where that is allowed, now and then.
    fn in_place(&mut self, word: &mut Leaf) {
        let operand = |name: &str| self.spec.fields.iter().find(|f| f.name == name && f.kind == Kind::Operand);
        let Some(d) = operand("d") else { return };
        for name in ["a", "b"] {
            if let Some(field) = operand(name)
                && self.rng.one_in(4)
            {
                set_bits(word, field.lsb, 56, bits(word, d.lsb, 56));
            }
        }
    }

    /// Moves one operand so that it ends, or nearly, where its space or another operand does.
    pub(super) fn nudge(&mut self, word: &mut Leaf) {
        let bases = self.bases();
        if bases.is_empty() {
            return;
        }
        let base = &bases[self.rng.below(bases.len() as u64) as usize];
        let Some((reach, _)) = self.operand_at(word, base) else { return };
        let last = self.rows_of(reach.space) - 1;
        let mut goals = vec![last - reach.rows.hi, last + 1 - reach.rows.hi, -reach.rows.lo, -1 - reach.rows.lo];
        let Ok(instr) = Instr::decode(word) else { return };
        // `operand_at` has found the counts in range.
        for other in operands(&instr, &self.regs).into_iter().flatten().filter(|o| o.space == reach.space) {
            let meets = other.rows.lo - reach.rows.hi;
            let follows = other.rows.hi - reach.rows.lo;
            goals.extend([meets, meets - 1, follows, follows + 1, other.start - reach.start]);
        }
        let rows = self.pick(&goals);
        self.shift(word, base, rows);
    }

    /// Sets a stride of an operand to where rows begin to meet, or nearly.
    pub(super) fn fold(&mut self, word: &mut Leaf) {
        let is_operand = |f: &&FieldSpec| matches!(f.kind, Kind::Operand | Kind::Wide);
        let fields: Vec<_> = self.spec.fields.iter().filter(is_operand).collect();
        let Some(lp) = self.spec.fields.iter().find(|f| f.kind == Kind::Loop) else { return };
        if fields.is_empty() {
            return;
        }
        let field = self.pick(&fields);
        // Runs of bits of the strides.
        let [(s0, width), (s1, _)] = ["s0", "s1"].map(|name| {
            let (_, lsb, width, _) = field.parts().find(|part| part.0 == name).unwrap();
            (lsb, width)
        });
        let (here, there, count) = if self.rng.one_in(2) { (s0, s1, lp.lsb + 16) } else { (s1, s0, lp.lsb) };
        let edge = bits(word, there, width).wrapping_mul(bits(word, count, 16));
        let stride = [0, edge, edge.wrapping_sub(1), edge.wrapping_add(1), edge.wrapping_neg(), 1 << (width - 1)];
        let stride = self.pick(&stride);
        set_bits(word, here, width, stride);
    }

    /// Sets a part of a field to an edge of it, or to anything.
    pub(super) fn disturb(&mut self, word: &mut Leaf) {
        let parts: Vec<_> = self.spec.fields.iter().flat_map(FieldSpec::parts).collect();
        if parts.is_empty() {
            return;
        }
        let (_, lsb, width, _) = self.pick(&parts);
        let top = 1u64 << (width - 1);
        let value = match self.rng.below(6) {
            0 => 0,
            1 => u64::MAX,
            2 => top,
            3 => top - 1,
            4 => bits(word, lsb, width) ^ 1 << self.rng.below(width.into()),
            _ => self.rng.bits(),
        };
        set_bits(word, lsb, width, value);
    }

    /// The micro-steps of the instruction, if it may be issued.
    pub(super) fn length(&self, word: &Leaf) -> Option<u64> {
        let instr = Instr::decode(word).ok()?;
        admit(&instr, &self.regs, &Profile { limit: u64::MAX, ..self.profile }).ok()?;
        Some(micro_steps(&instr, &self.regs))
    }
}
