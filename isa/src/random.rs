//! Constrained-random programs: mostly admitted instructions that collide in small memories, a few traps.
//!
//! A case is a function of its seed alone, on every machine and version, so that a seed names a regression.

use alloc::vec::Vec;

use crate::check::admit;
use crate::field::{Loop, Operand, Wide};
use crate::ops::scalar;
use crate::profile::Profile;
use crate::regs::Regs;
use crate::state::Subtree;
use crate::table::{
    Add, And, Beq, Bgeu, Bltu, Bne, Fill, Halt, Instr, Li, Load, Mark, Matmul, Maxq, Move, Mul, Requant, Shl, Shr,
    Store, Sub,
};
use crate::word::{LANES, Leaf, Row32, ZERO, param_word, row32_leaves};

/// `SplitMix64` (Steele, Lea, Flood 2014): small, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number in `0..bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound.max(1)
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// 32 random bytes; extreme ones are frequent.
    pub fn leaf(&mut self) -> Leaf {
        let mut leaf = ZERO;
        for byte in &mut leaf {
            let bits = self.bits().to_be_bytes();
            *byte = if bits[1] < 24 { [0, 1, 0x7f, 0x80, 0xff][usize::from(bits[2]) % 5] } else { bits[0] };
        }
        leaf
    }

    fn signed(&mut self, reach: i64) -> i64 {
        self.below(2 * reach.cast_unsigned() + 1).cast_signed() - reach
    }
}

/// A program and its request, small enough to compare all memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Sizes and limit.
    pub profile: Profile,
    /// Instructions.
    pub text: Vec<Leaf>,
    /// Rows of `const`.
    pub constant: Vec<Leaf>,
    /// Rows of `input`.
    pub input: Vec<Leaf>,
}

const SPAD: u8 = 7;
const ACC: u8 = 4;

/// The case of a seed with about `size` random instructions. It begins by loading spad and acc with random rows and
/// ends, if no trap comes before, by storing all of spad and acc to `output`, then `HALT`.
#[must_use]
pub fn case(seed: u64, size: usize) -> Case {
    let mut rng = Rng::new(seed);
    let limit = if rng.one_in(12) { 200 + rng.below(2000) } else { 1 << 40 };
    let profile = Profile { limit, text: 8, constant: 7, input: 4, work: 7, output: 8, spad: SPAD, acc: ACC };
    let mut generator = Generator { rng, profile, regs: Regs::default(), text: Vec::new() };
    generator.prologue();
    while generator.text.len() < size {
        generator.next();
    }
    generator.epilogue();
    let mut rng = generator.rng;
    let mut constant: Vec<Leaf> = (0..1 << profile.constant).map(|_| rng.leaf()).collect();
    // Sane parameter blocks in the last rows, so that requantised values are not all clamped.
    let block: Vec<Leaf> = constant.split_off((1 << profile.constant) - 8);
    let scale: Row32 = core::array::from_fn(|_| param_word(rng.bits() as u32, 18 + rng.below(16) as u32));
    constant.extend(block[..4].iter().map(|leaf| leaf.map(|byte| byte & 0x03)));
    constant.extend(row32_leaves(&scale));
    let input = (0..1 << profile.input).map(|_| rng.leaf()).collect();
    Case { profile, text: generator.text, constant, input }
}

struct Generator {
    rng: Rng,
    profile: Profile,
    /// Scalars as they will be when the next instruction runs.
    regs: Regs,
    text: Vec<Leaf>,
}

impl Generator {
    fn push(&mut self, instr: impl Into<Instr>) {
        self.text.push(instr.into().encode());
    }

    fn prologue(&mut self) {
        let all = |n: u16| Loop::new(n, 1);
        let from = |region: Subtree| region as u8;
        self.push(Load {
            lp: all(112),
            d: Operand::new(0, 1, 0),
            m: Wide::new(0, 1, 0),
            region: from(Subtree::Const),
            space: false,
        });
        self.push(Load {
            lp: all(8),
            d: Operand::new(112, 1, 0),
            m: Wide::new(120, 1, 0),
            region: from(Subtree::Const),
            space: false,
        });
        self.push(Load {
            lp: all(8),
            d: Operand::new(120, 1, 0),
            m: Wide::new(0, 1, 0),
            region: from(Subtree::Input),
            space: false,
        });
        self.push(Load {
            lp: all(16),
            d: Operand::new(0, 1, 0),
            m: Wide::new(0, 4, 0),
            region: from(Subtree::Const),
            space: true,
        });
    }

    fn epilogue(&mut self) {
        let region = Subtree::Output as u8;
        self.push(Store {
            lp: Loop::new(128, 1),
            d: Operand::new(0, 1, 0),
            m: Wide::new(0, 1, 0),
            region,
            space: false,
        });
        self.push(Store {
            lp: Loop::new(16, 1),
            d: Operand::new(0, 1, 0),
            m: Wide::new(128, 4, 0),
            region,
            space: true,
        });
        self.push(Halt {});
    }

    /// Adds an instruction; now and then one that traps.
    fn next(&mut self) {
        if self.rng.one_in(400) {
            let leaf = self.rng.leaf();
            self.text.push(leaf);
            return;
        }
        let may_trap = self.rng.one_in(60);
        for _ in 0..50 {
            let instr = self.any();
            let admitted = admit(&instr, &self.regs, &Profile { limit: u64::MAX, ..self.profile }).is_ok();
            if admitted || may_trap {
                self.push(instr);
                self.follow(&instr);
                return;
            }
        }
        self.push(Mark { imm: 1 });
    }

    /// Keeps the scalars; behind a branch, puts instructions that are skipped or not with it.
    fn follow(&mut self, instr: &Instr) {
        let here = self.text.len();
        match scalar::execute(instr, &mut self.regs) {
            None => {}
            Some(target) => {
                // Taken, always forward: what lies between never runs.
                for _ in here..target as usize {
                    let skipped = self.any();
                    self.push(skipped);
                }
            }
        }
    }

    fn any(&mut self) -> Instr {
        match self.rng.below(20) {
            0..2 => self.scalar(),
            2 => self.branch(),
            3..5 => self.load(),
            5..7 => self.store(),
            7..10 => self.shift(),
            10 => self.fill(),
            11..15 => self.matmul(),
            15..17 => self.requant(),
            17..19 => self.maxq(),
            _ => Mark { imm: self.rng.below(1 << 32) as u32 }.into(),
        }
    }

    fn reg(&mut self) -> u8 {
        self.rng.below(16) as u8
    }

    fn scalar(&mut self) -> Instr {
        let (rd, ra, rb) = (self.reg(), self.reg(), self.reg());
        let imm = if self.rng.one_in(3) { self.rng.bits() as u32 } else { self.rng.below(40) as u32 };
        match self.rng.below(12) {
            0 => Add { rd, ra, rb, imm }.into(),
            1 => Sub { rd, ra, rb, imm }.into(),
            2 => Mul { rd, ra, rb, imm }.into(),
            3 => Shl { rd, ra, rb, imm }.into(),
            4 => Shr { rd, ra, rb, imm }.into(),
            5 => And { rd, ra, rb, imm }.into(),
            _ => Li { rd, imm: if self.rng.one_in(4) { imm } else { self.rng.below(20) as u32 } }.into(),
        }
    }

    fn branch(&mut self) -> Instr {
        let (ra, rb) = (self.reg(), self.reg());
        let imm = self.text.len() as u32 + 1 + self.rng.below(3) as u32;
        match self.rng.below(4) {
            0 => Beq { ra, rb, imm }.into(),
            1 => Bne { ra, rb, imm }.into(),
            2 => Bltu { ra, rb, imm }.into(),
            _ => Bgeu { ra, rb, imm }.into(),
        }
    }

    /// Counts, and the n and kt that a register may replace.
    fn counts(&mut self, kt: &mut u16, n: &mut u8) -> Loop {
        let mut lp = Loop::new(1 + self.rng.below(7) as u16, 1 + self.rng.below(4) as u16);
        if self.rng.one_in(4) {
            lp.creg = self.reg();
            lp.csel = 1 + self.rng.below(4) as u8;
            match lp.csel {
                Loop::N0 => lp.n0 = 0,
                Loop::N1 => lp.n1 = 0,
                Loop::KT => *kt = 0,
                _ => *n = 0,
            }
        }
        lp
    }

    fn near(&mut self, log2: u8, unit: i64) -> Operand {
        let reg = if self.rng.one_in(4) { self.reg() } else { 0 };
        let unit = if self.rng.one_in(10) { 1 } else { unit };
        let base = self.rng.below((1 << log2) / unit.cast_unsigned()) * unit.cast_unsigned();
        let s0 = (if self.rng.one_in(3) { unit } else { self.rng.signed(3) * unit }) as i16;
        let s1 = (self.rng.signed(9) * unit) as i16;
        Operand { base: base as u32, reg, s0, s1 }
    }

    fn far(&mut self, log2: u8, unit: i64) -> Wide {
        let o = self.near(log2, unit);
        Wide { base: o.base, reg: o.reg, s0: o.s0.into(), s1: o.s1.into() }
    }

    fn dram(&mut self, regions: &[(Subtree, u8)]) -> (u8, bool, Operand, Wide) {
        let (region, log2) = regions[self.rng.below(regions.len() as u64) as usize];
        let space = self.rng.one_in(3);
        let (d, m) =
            if space { (self.near(ACC, 1), self.far(log2, 4)) } else { (self.near(SPAD, 1), self.far(log2, 1)) };
        (region as u8, space, d, m)
    }

    fn load(&mut self) -> Instr {
        let p = self.profile;
        let regions = [
            (Subtree::Const, p.constant),
            (Subtree::Input, p.input),
            (Subtree::Work, p.work),
            (Subtree::Output, p.output),
        ];
        let (region, space, d, m) = self.dram(&regions);
        Load { lp: self.counts(&mut 1, &mut 1), d, m, region, space }.into()
    }

    fn store(&mut self) -> Instr {
        let p = self.profile;
        let (region, space, d, m) = self.dram(&[(Subtree::Work, p.work), (Subtree::Output, p.output)]);
        Store { lp: self.counts(&mut 1, &mut 1), d, m, region, space }.into()
    }

    fn shift(&mut self) -> Instr {
        let mut n = 1 + self.rng.below(LANES as u64) as u8;
        let offset = self.rng.below(u64::from(33 - n)) as u8;
        let lp = self.counts(&mut 1, &mut n);
        let mut m = self.far(SPAD, 1);
        m.base = m.base * 32 + self.rng.below(32) as u32;
        (m.s0, m.s1) = (self.rng.signed(40) as i32, self.rng.signed(100) as i32);
        Move { lp, d: self.near(SPAD, 1), m, n, offset }.into()
    }

    fn fill(&mut self) -> Instr {
        let space = self.rng.one_in(2);
        let d = if space { self.near(ACC, 1) } else { self.near(SPAD, 1) };
        let imm = if space { self.rng.bits() as u32 } else { self.rng.below(256) as u32 };
        Fill { lp: self.counts(&mut 1, &mut 1), d, imm, space }.into()
    }

    fn matmul(&mut self) -> Instr {
        let lanes = |rng: &mut Rng| if rng.one_in(2) { 32 } else { 1 + rng.below(32) as u8 };
        let (mut n, k) = (lanes(&mut self.rng), lanes(&mut self.rng));
        let mut kt = 1 + self.rng.below(4) as u16;
        let lp = self.counts(&mut kt, &mut n);
        Matmul {
            lp,
            d: self.near(ACC, 1),
            a: self.near(SPAD, 1),
            w_base: self.rng.below(4) as u32 * 32 + u32::from(self.rng.one_in(10)),
            w_reg: 0,
            w_sk: (self.rng.signed(1) * 32) as i16,
            a_sk: self.rng.signed(9) as i16,
            n,
            k,
            kt,
            acc: self.rng.one_in(2),
            tr: false,
        }
        .into()
    }

    fn requant(&mut self) -> Instr {
        let mut n = 1 + self.rng.below(LANES as u64) as u8;
        let lp = self.counts(&mut 1, &mut n);
        let mut b = self.near(SPAD, 8);
        if !self.rng.one_in(3) {
            b = Operand::new(112, 0, 0);
        }
        let (x, y) = (self.rng.bits() as i8, self.rng.bits() as i8);
        let (lo, hi) = if self.rng.one_in(2) { (i8::MIN, i8::MAX) } else { (x.min(y), x.max(y)) };
        Requant { lp, d: self.near(SPAD, 1), a: self.near(ACC, 1), b, n, zp: self.rng.bits() as i8, lo, hi }.into()
    }

    fn maxq(&mut self) -> Instr {
        let mut kt = 1 + self.rng.below(4) as u16;
        let lp = self.counts(&mut kt, &mut 1);
        let a_sk = self.rng.signed(9) as i16;
        Maxq { lp, d: self.near(SPAD, 1), a: self.near(SPAD, 1), a_sk, kt, acc: self.rng.one_in(2) }.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Memory, Status, Stepped, step};
    use std::collections::BTreeMap;
    use std::println;

    #[test]
    fn most_cases_halt_and_every_trap_occurs() {
        let mut ends: BTreeMap<Status, u32> = BTreeMap::new();
        for seed in 0..600 {
            let case = case(seed, 40);
            let head = [ZERO, case.profile.to_leaf(), ZERO, ZERO];
            let mut memory = Memory::new(&head, &case.text, &case.constant, &case.input);
            loop {
                let Ok(stepped) = step(&mut memory);
                if let Stepped::Stopped(status) = stepped {
                    *ends.entry(status).or_default() += 1;
                    break;
                }
            }
        }
        println!("{ends:?}");
        assert!(ends[&Status::Halted] >= 300, "{ends:?}");
        for status in [Status::Illegal, Status::Count, Status::Limit, Status::Align, Status::Bounds, Status::Overlap] {
            assert!(ends.contains_key(&status), "no {status} in {ends:?}");
        }
    }
}
