//! Single instructions at the edge of being admitted, on the RTL against the reference: hulls that end at, before or
//! behind the end of a space, operands that just meet, strides and counts of every size, registers near 2^32, profiles
//! of every shape, and words with a flipped bit.
//!
//! `SYSTOLE_SEEDS=1000..5000` runs others than the usual ones.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod common;

use std::collections::BTreeMap;

use isa::asm::Source;
use isa::random::Rng;
use isa::{
    Addq, Argmax, Dwmac, Fill, Gather, Halt, Instr, Leaf, Li, Load, Loop, Lut, Lut32, Lw, Mark, Matmul, Maxq, Move,
    Operand, Profile, Regs, Requant, Status, Store, Sw, Trans, Vadd, Vclz, Vmax, Vmin, Vmul, Vmulr, Vrmax, Vsel, Vshr,
    Vsub, Vsum, Wide, admit, micro_steps,
};
use sim::{Engine, StepEngine};

/// More micro-steps than this are not run: a limit stops them.
const MOST_STEPS: u64 = 2000;

struct Edge {
    rng: Rng,
    profile: Profile,
    regs: Regs,
    lp: Loop,
    /// Counts with the register's value in place.
    n0: i64,
    n1: i64,
    kt: i64,
    n: i64,
    /// Hull of the operand that was made last.
    last: (i64, i64),
}

/// The program of a seed: registers, one instruction, a mark, a store of what it may have done, HALT.
fn source(seed: u64) -> Source {
    let mut rng = Rng::new(seed ^ 0x0065_6467_6500);
    let mut depth = |most: u64| rng.below(most + 1) as u8;
    let (constant, input, work, output, spad, acc) = (depth(9), depth(6), depth(9), depth(9), depth(9), depth(6));
    let profile = Profile { limit: u64::MAX, text: 6, constant, input, work, output, spad, acc };
    let mut edge =
        Edge { rng, profile, regs: Regs::default(), lp: Loop::default(), n0: 1, n1: 1, kt: 1, n: 1, last: (0, 0) };
    let mut text: Vec<Instr> = (1..16).map(|rd| Li { rd, imm: edge.register(rd) }.into()).collect();
    text.push(Fill { lp: Loop::new(1, 1), d: Operand::default(), imm: 7, space: false }.into());
    let mut word = edge.instruction().encode();
    if edge.rng.one_in(12) {
        let bit = edge.rng.below(248) as usize;
        word[bit / 8] ^= 1 << (bit % 8);
    }
    edge.regs.steps = text.len() as u64;
    let mut text: Vec<Leaf> = text.iter().map(Instr::encode).collect();
    text.push(word);
    let lp = Loop::new(1, 1);
    let store = Store { lp, d: Operand::default(), m: Wide::default(), region: 7, space: false };
    // The digest takes a register, of those that the instruction may have written.
    let show = Sw { ra: 0, rb: edge.register_index(), imm: 0, region: 7 };
    text.extend([Mark { imm: 1 }.into(), show.into(), store.into(), Halt {}.into()].iter().map(Instr::encode));
    Source {
        profile: edge.limited(&word),
        text,
        constant: rows(seed, constant),
        input: rows(!seed, input),
        expectations: Vec::new(),
    }
}

fn rows(seed: u64, log2: u8) -> Vec<Leaf> {
    let mut rng = Rng::new(seed);
    (0..1 << log2).map(|_| rng.leaf()).collect()
}

impl Edge {
    fn register(&mut self, index: u8) -> u32 {
        let small = self.rng.below(70) as u32;
        let value = match self.rng.below(8) {
            0 => u32::MAX - small,
            1 => 0x8000_0000 ^ small,
            2 => 65535 + (small & 1),
            3 => small << 5,
            4 => 0,
            _ => small,
        };
        self.regs.x[usize::from(index)] = value;
        value
    }

    /// A limit at the edge for what would end soon, a small one for what would run long.
    fn limited(&mut self, word: &Leaf) -> Profile {
        let Ok(instr) = Instr::decode(word) else { return self.profile };
        let end = self.regs.steps.saturating_add(micro_steps(&instr, &self.regs));
        let long = end > MOST_STEPS && admit(&instr, &self.regs, &self.profile).is_ok();
        let limit = match self.rng.below(8) {
            0 => end.saturating_sub(1),
            1 => end,
            2 => end.saturating_add(3),
            _ => u64::MAX,
        };
        Profile { limit: if long { MOST_STEPS.min(limit) } else { limit }, ..self.profile }
    }

    fn count(&mut self) -> u16 {
        match self.rng.below(12) {
            0 => [0, 65535, 32768, 256, 33][self.rng.below(5) as usize],
            1 => self.rng.below(1 << 16) as u16,
            2..5 => 1,
            _ => 1 + self.rng.below(6) as u16,
        }
    }

    fn lanes(&mut self) -> u8 {
        match self.rng.below(10) {
            0 => [0, 33, 63, 64 - 2][self.rng.below(4) as usize],
            1..4 => 32,
            _ => 1 + self.rng.below(32) as u8,
        }
    }

    /// Loop counts, kt and n; one of them may come from a register, rightly or not.
    fn counts(&mut self) -> (u16, u8) {
        let (mut kt, mut n) = (self.count(), self.lanes());
        self.lp = Loop::new(self.count(), self.count());
        (self.n0, self.n1, self.kt, self.n) = (self.lp.n0.into(), self.lp.n1.into(), kt.into(), n.into());
        if self.rng.one_in(3) {
            self.lp.creg = self.rng.below(16) as u8;
            self.lp.csel = self.rng.below(6) as u8;
            let value = i64::from(self.regs.x[usize::from(self.lp.creg)]);
            let keep = self.rng.one_in(12);
            match self.lp.csel {
                _ if keep => {}
                1 => (self.lp.n0, self.n0) = (0, value),
                2 => (self.lp.n1, self.n1) = (0, value),
                3 => (kt, self.kt) = (0, value),
                4 => (n, self.n) = (0, value),
                _ => {}
            }
        }
        (kt, n)
    }

    fn stride(&mut self, unit: i64, bits: u32) -> i64 {
        let (least, most) = (-(1i64 << (bits - 1)), (1i64 << (bits - 1)) - 1);
        let value = match self.rng.below(24) {
            0 => 0,
            1 => [least, most, least + 1][self.rng.below(3) as usize],
            2 => self.rng.bits() as i64 >> (64 - bits),
            3 => self.n0.min(65536) * unit,
            4 => -self.n1.min(65536) * unit,
            5 => self.n0.min(65536) * unit - 1,
            _ => (self.rng.below(9) as i64 - 4) * unit,
        };
        value.clamp(least, most)
    }

    /// A start that puts the hull of these levels at an edge of a space of `size`, or at the last operand's hull,
    /// or anywhere; and the register that is part of it.
    fn start(&mut self, levels: &[(i64, i64)], width: i64, size: i64, unit: i64, bits: u32) -> (u32, u8) {
        let reaches = levels.iter().map(|&(count, stride)| (count.min(65536) - 1).max(0) * stride);
        let (down, up) = reaches.fold((0, 0), |(down, up), reach| (down + reach.min(0), up + reach.max(0)));
        // Mostly inwards or exact, now and then one too far.
        let off = if self.rng.one_in(8) { 1 } else { -i64::from(self.rng.one_in(3)) };
        let want = match self.rng.below(6) {
            0 | 1 => size - width - up + off * unit,
            2 => -down - off * unit,
            3 => self.last.1 + 1 - down - self.rng.below(2) as i64,
            4 => self.last.0 - width - up + self.rng.below(2) as i64,
            _ => self.rng.below(size.cast_unsigned()) as i64,
        };
        let want = if self.rng.one_in(8) { want } else { want.div_euclid(unit) * unit };
        self.last = (want + down, want + up + width - 1);
        let reg = if self.rng.one_in(2) { self.rng.below(16) as u8 } else { 0 };
        let base = want - i64::from(self.regs.x[usize::from(reg)]);
        let most = (1i64 << bits) - 1;
        if (0..=most).contains(&base) { (base as u32, reg) } else { (want.clamp(0, most) as u32, 0) }
    }

    fn near(&mut self, log2: u8, sk: i64, width: i64, unit: i64) -> Operand {
        let (s0, s1) = (self.stride(unit, 16), self.stride(unit, 16));
        let levels = [(self.n0, s0), (self.n1, s1), (self.kt, sk)];
        let (base, reg) = self.start(&levels, width, 1 << log2, unit, 20);
        Operand { base, reg, s0: s0 as i16, s1: s1 as i16 }
    }

    fn far(&mut self, size: i64, width: i64, unit: i64) -> Wide {
        let (s0, s1) = (self.stride(unit, 32), self.stride(unit, 32));
        let (base, reg) = self.start(&[(self.n0, s0), (self.n1, s1)], width, size, unit, 32);
        Wide { base, reg, s0: s0 as i32, s1: s1 as i32 }
    }

    fn instruction(&mut self) -> Instr {
        let (kt, n) = self.counts();
        let (spad, acc) = (self.profile.spad, self.profile.acc);
        let space = self.rng.one_in(3);
        let (log2, unit) = if space { (acc, 4) } else { (spad, 1) };
        let region =
            if self.rng.one_in(20) { self.rng.below(8) } else { [2, 3, 6, 7][self.rng.below(4) as usize] } as u8;
        match self.rng.below(15) {
            0 => {
                let size = self.region(region);
                Load { lp: self.lp, d: self.near(log2, 0, 1, 1), m: self.far(size, unit, unit), region, space }.into()
            }
            1 => {
                let region = if self.rng.one_in(20) { region } else { region | 6 };
                let size = self.region(region);
                Store { lp: self.lp, d: self.near(log2, 0, 1, 1), m: self.far(size, unit, unit), region, space }.into()
            }
            2 => {
                let m = self.far(32 << spad, self.n, 1);
                self.last = (self.last.0 >> 5, self.last.1 >> 5);
                let offset = if self.rng.one_in(2) { self.rng.below(32) } else { 32u64.saturating_sub(n.into()) % 32 };
                Move { lp: self.lp, m, d: self.near(spad, 0, 1, 1), n, offset: offset as u8 }.into()
            }
            3 => {
                let imm = if space { self.rng.bits() as u32 } else { self.rng.below(257) as u32 };
                Fill { lp: self.lp, d: self.near(log2, 0, 1, 1), imm, space }.into()
            }
            4 => self.matmul(kt, n),
            5 => {
                let b = self.near(spad, 0, 8, 8);
                let (d, a) = (self.near(spad, 0, 1, 1), self.near(acc, 0, 1, 1));
                let (lo, hi) = (self.rng.bits() as i8 >> 2, 40 - self.rng.below(20) as i8);
                Requant { lp: self.lp, d, a, b, n, zp: self.rng.bits() as i8, lo, hi }.into()
            }
            6 => {
                let a_sk = self.stride(1, 16);
                let a = self.near(spad, a_sk, 1, 1);
                Maxq { lp: self.lp, d: self.near(spad, 0, 1, 1), a, a_sk: a_sk as i16, kt, acc: self.rng.one_in(2) }
                    .into()
            }
            7 => {
                let (base, ra) = self.start(&[], 1, 8 * self.region(region), 1, 32);
                if self.rng.one_in(2) {
                    return Lw { rd: self.register_index(), ra, imm: base, region }.into();
                }
                Sw { ra, rb: self.register_index(), imm: base, region: region | 6 }.into()
            }
            8 => self.gather(region),
            9 => self.dwmac(kt, n),
            10 => self.reduction(n),
            11 => self.lookup(n),
            12 => {
                let (d, a) = self.pair(spad);
                let b = self.like(d, spad);
                let (p_base, p_reg) = self.start(&[], 1, 1 << spad, 1, 20);
                Addq { lp: self.lp, d, a, b, n, p_base, p_reg }.into()
            }
            13 => {
                let a = self.near(spad, 0, 32, 32);
                Trans { lp: self.lp, d: self.near(spad, 0, 1, 1), a, n }.into()
            }
            _ => self.int32(n),
        }
    }

    fn register_index(&mut self) -> u8 {
        self.rng.below(16) as u8
    }

    /// An operand that is often d itself, or nearly.
    fn like(&mut self, d: Operand, log2: u8) -> Operand {
        match self.rng.below(8) {
            0..3 => d,
            3 => Operand { s0: d.s0.wrapping_add(1), ..d },
            4 => Operand { s1: d.s1.wrapping_sub(1), ..d },
            5 => Operand { base: d.base ^ 1, ..d },
            _ => self.near(log2, 0, 1, 1),
        }
    }

    fn pair(&mut self, log2: u8) -> (Operand, Operand) {
        let d = self.near(log2, 0, 1, 1);
        (d, self.like(d, log2))
    }

    fn gather(&mut self, region: u8) -> Instr {
        let limit_reg = if self.rng.one_in(3) { self.register_index() } else { 0 };
        let limit = match self.rng.below(6) {
            0 => [0, 0xff_ffff, 1][self.rng.below(3) as usize],
            1 => self.rng.bits() as u32 & 0xff_ffff,
            _ => self.rng.below(40) as u32,
        };
        let entries = i64::from(limit) + i64::from(self.regs.x[usize::from(limit_reg)]);
        let d = self.near(self.profile.spad, 0, 1, 1);
        let words = self.n0.clamp(1, 65535);
        let (base, reg) = self.start(&[((words + 7) / 8, 1)], 1, 1 << self.profile.spad, 1, 20);
        let index = base.wrapping_add(self.regs.x[usize::from(reg)]) & 0xf_ffff;
        // m goes over the entries, not over n0.
        let n0 = std::mem::replace(&mut self.n0, entries.clamp(1, 1 << 15));
        let m = self.far(self.region(region), 1, 1);
        self.n0 = n0;
        Gather { lp: self.lp, d, m, region, index, limit_reg, limit }.into()
    }

    fn dwmac(&mut self, kt: u16, n: u8) -> Instr {
        let (spad, acc) = (self.profile.spad, self.profile.acc);
        let (a_sk, w_sk) = (self.stride(1, 16), self.stride(1, 16));
        let a = self.near(spad, a_sk, 1, 1);
        let (w_base, w_reg) = self.start(&[(self.kt, w_sk)], 1, 1 << spad, 1, 20);
        let d = self.near(acc, 0, 1, 1);
        let (a_sk, w_sk, acc) = (a_sk as i16, w_sk as i16, self.rng.one_in(2));
        Dwmac { lp: self.lp, d, a, w_base, w_reg, w_sk, a_sk, n, kt, acc }.into()
    }

    fn reduction(&mut self, n: u8) -> Instr {
        let lp = self.lp;
        let (d, a) = self.pair(self.profile.acc);
        match self.rng.below(5) {
            0 => Vclz { lp, d, a, n }.into(),
            1 => Vsum { lp, d, a, n }.into(),
            2 => Vrmax { lp, d, a, n }.into(),
            _ => {
                let (rd, rv, i_reg) = (self.register_index(), self.register_index(), self.register_index());
                let i_base = self.rng.below(1 << 20) as u32;
                Argmax { lp, rd, rv, a: d, i_base, i_reg, n, acc: self.rng.one_in(2) }.into()
            }
        }
    }

    fn lookup(&mut self, n: u8) -> Instr {
        let (spad, acc) = (self.profile.spad, self.profile.acc);
        if self.rng.one_in(2) {
            let b = self.near(spad, 0, 32, 32);
            return Lut32 { lp: self.lp, d: self.near(acc, 0, 1, 1), a: self.near(spad, 0, 1, 1), b, n }.into();
        }
        let b = self.near(spad, 0, 8, 8);
        let (d, a) = self.pair(spad);
        Lut { lp: self.lp, d, a, b, n }.into()
    }

    fn int32(&mut self, n: u8) -> Instr {
        let lp = self.lp;
        let (d, a) = self.pair(self.profile.acc);
        let (form, shift) = (self.rng.below(4) as u8, self.rng.below(64) as u8);
        let b = match form {
            0 | 1 => self.like(d, self.profile.acc),
            _ => self.near(self.profile.spad, 0, 1, 1),
        };
        match self.rng.below(8) {
            0 => Vadd { lp, d, a, b, n, form }.into(),
            1 => Vsub { lp, d, a, b, n, form }.into(),
            2 => Vmul { lp, d, a, b, n, form }.into(),
            3 => Vmulr { lp, d, a, b, n, form, shift }.into(),
            4 => Vmin { lp, d, a, b, n, form }.into(),
            5 => Vmax { lp, d, a, b, n, form }.into(),
            6 => Vshr { lp, d, a, b, n, form, shift }.into(),
            _ => Vsel { lp, d, a, b, n, form }.into(),
        }
    }

    fn matmul(&mut self, kt: u16, n: u8) -> Instr {
        let (spad, acc) = (self.profile.spad, self.profile.acc);
        let (a_sk, w_sk) = (self.stride(1, 16), self.stride(32, 16));
        let a = self.near(spad, a_sk, 1, 1);
        let (w_base, w_reg) = self.start(&[(self.kt, w_sk)], 32, 1 << spad, 32, 20);
        let (k, tr) = (self.lanes(), self.rng.one_in(3));
        let d = self.near(acc, 0, 1, 1);
        let (a_sk, w_sk, acc) = (a_sk as i16, w_sk as i16, self.rng.one_in(2));
        Matmul { lp: self.lp, d, a, w_base, w_reg, w_sk, a_sk, n, k, kt, acc, tr }.into()
    }

    fn region(&self, region: u8) -> i64 {
        let p = self.profile;
        1 << match region {
            2 => p.constant,
            3 => p.input,
            6 => p.work,
            _ => p.output,
        }
    }
}

fn check(engine: &mut dyn Engine, seed: u64) {
    let source = source(seed);
    if let Some(text) = common::shrink::difference(engine, &source) {
        let small =
            common::shrink::shrink(&source, &mut |smaller| common::shrink::difference(engine, smaller).is_some());
        panic!("seed {seed}: {text}\n{}", common::shrink::render(&small));
    }
}

#[test]
fn edges_on_the_rtl_p8() {
    let Some(mut engine) = common::rtl("p8") else { return };
    common::seeds(0..2000).for_each(|seed| check(&mut engine, seed));
}

#[test]
fn edges_on_the_serial_rtl() {
    let Some(mut engine) = common::rtl("up5k") else { return };
    common::seeds(5000..5150).for_each(|seed| check(&mut engine, seed));
}

#[test]
fn edges_on_the_fast_executor() {
    for mut engine in common::fast() {
        common::seeds(0..2000).for_each(|seed| check(&mut engine, seed));
    }
}

#[test]
fn every_end_is_frequent() {
    let mut ends: BTreeMap<Status, u32> = BTreeMap::new();
    for seed in 0..2000 {
        let source = source(seed);
        let outcome = StepEngine.run_to_end(&common::program(&source), &source.input).unwrap();
        *ends.entry(outcome.status).or_default() += 1;
    }
    for status in
        [Status::Halted, Status::Illegal, Status::Count, Status::Limit, Status::Align, Status::Bounds, Status::Overlap]
    {
        assert!(ends.get(&status).is_some_and(|&count| count >= 50), "too few {status}: {ends:?}");
    }
}
