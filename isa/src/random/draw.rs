//! One random instruction of each kind; whether it may run is judged elsewhere.

use super::{ACC, ADDQ_ROWS, Generator, Rng, SPAD};
use crate::field::{Loop, Operand, Wide};
use crate::state::Subtree;
use crate::table::{
    Add, Addq, And, Argmax, Beq, Bgeu, Bltu, Bne, Dwmac, Fill, Gather, Instr, Li, Load, Lut, Lut32, Lw, Mark, Matmul,
    Maxq, Move, Mul, Requant, Shl, Shr, Store, Sub, Sw, Trans, Vadd, Vclz, Vmax, Vmin, Vmul, Vmulr, Vrmax, Vsel, Vshr,
    Vsub, Vsum,
};
use crate::word::LANES;

impl Generator {
    pub(super) fn draw(&mut self) -> Instr {
        match self.rng.below(42) {
            0..3 => self.scalar(),
            3 => self.branch(),
            4 => self.word(),
            5..8 => self.load(),
            8..10 => self.store(),
            10 => self.gather(),
            11..14 => self.shift(),
            14 => self.fill(),
            15..20 => self.matmul(),
            20..22 => self.dwmac(),
            22..30 => self.int32(),
            30..33 => self.reduce(),
            33..36 => self.table(),
            36 => self.requant(),
            37 => self.addq(),
            38 => self.maxq(),
            39 => self.trans(),
            40 => self.argmax(),
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
        let (region, space, d, m) = self.dram(&self.readable());
        Load { lp: self.counts(&mut 1, &mut 1), d, m, region, space }.into()
    }

    fn store(&mut self) -> Instr {
        let (region, space, d, m) = self.dram(&self.writable());
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
            tr: self.rng.one_in(3),
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

    fn region(&mut self, regions: &[(Subtree, u8)]) -> (u8, u8) {
        let (region, log2) = regions[self.rng.below(regions.len() as u64) as usize];
        (region as u8, log2)
    }

    fn readable(&self) -> [(Subtree, u8); 4] {
        let p = self.profile;
        [(Subtree::Const, p.constant), (Subtree::Input, p.input), (Subtree::Work, p.work), (Subtree::Output, p.output)]
    }

    fn writable(&self) -> [(Subtree, u8); 2] {
        [(Subtree::Work, self.profile.work), (Subtree::Output, self.profile.output)]
    }

    fn word(&mut self) -> Instr {
        let (ra, other) = (self.reg(), self.reg());
        if self.rng.one_in(2) {
            let (region, log2) = self.region(&self.readable());
            return Lw { rd: other, ra, imm: self.rng.below(8 << log2) as u32, region }.into();
        }
        let (region, log2) = self.region(&self.writable());
        Sw { ra, rb: other, imm: self.rng.below(8 << log2) as u32, region }.into()
    }

    fn gather(&mut self) -> Instr {
        let (region, log2) = self.region(&self.readable());
        let mut m = self.far(log2, 1);
        (m.s0, m.s1) = (self.rng.signed(4) as i32, self.rng.signed(4) as i32);
        let limit = self.rng.below(1 << log2.min(6)) as u32;
        let limit_reg = if self.rng.one_in(4) { self.reg() } else { 0 };
        let index = self.rng.below(1 << SPAD) as u32;
        Gather { lp: self.counts(&mut 1, &mut 1), d: self.near(SPAD, 1), m, region, index, limit_reg, limit }.into()
    }

    fn live(&mut self) -> u8 {
        if self.rng.one_in(2) { LANES as u8 } else { 1 + self.rng.below(LANES as u64) as u8 }
    }

    fn dwmac(&mut self) -> Instr {
        let (mut n, mut kt) = (self.live(), 1 + self.rng.below(4) as u16);
        let lp = self.counts(&mut kt, &mut n);
        let (w, a_sk) = (self.near(SPAD, 1), self.rng.signed(9) as i16);
        let w_sk = self.rng.signed(3) as i16;
        let (d, a, acc) = (self.near(ACC, 1), self.near(SPAD, 1), self.rng.one_in(2));
        Dwmac { lp, d, a, w_base: w.base, w_reg: w.reg, w_sk, a_sk, n, kt, acc }.into()
    }

    /// An acc destination and a source, identical now and then.
    fn pair(&mut self, log2: u8) -> (Operand, Operand) {
        let d = self.near(log2, 1);
        (d, if self.rng.one_in(3) { d } else { self.near(log2, 1) })
    }

    fn int32(&mut self) -> Instr {
        let mut n = self.live();
        let lp = self.counts(&mut 1, &mut n);
        let (d, a) = self.pair(ACC);
        let form = self.rng.below(4) as u8;
        let b = match form {
            0 | 1 if self.rng.one_in(3) => d,
            2 => self.near(SPAD, 1),
            3 if self.rng.one_in(2) => Operand { base: self.rng.below(40) as u32, ..self.near(4, 1) },
            _ => self.near(ACC, 1),
        };
        let most = if self.rng.one_in(3) { 64 } else { 20 };
        let shift = self.rng.below(most) as u8;
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

    fn reduce(&mut self) -> Instr {
        let mut n = self.live();
        let lp = self.counts(&mut 1, &mut n);
        let (d, a) = self.pair(ACC);
        match self.rng.below(3) {
            0 => Vclz { lp, d, a, n }.into(),
            1 => Vsum { lp, d, a, n }.into(),
            _ => Vrmax { lp, d, a, n }.into(),
        }
    }

    fn table(&mut self) -> Instr {
        let mut n = self.live();
        let lp = self.counts(&mut 1, &mut n);
        if self.rng.one_in(2) {
            return Lut32 { lp, d: self.near(ACC, 1), a: self.near(SPAD, 1), b: self.near(SPAD, 32), n }.into();
        }
        let (d, a) = self.pair(SPAD);
        Lut { lp, d, a, b: self.near(SPAD, 8), n }.into()
    }

    fn addq(&mut self) -> Instr {
        let mut n = self.live();
        let lp = self.counts(&mut 1, &mut n);
        let (d, a) = self.pair(SPAD);
        let b = if self.rng.one_in(4) { d } else { self.near(SPAD, 1) };
        let p_reg = if self.rng.one_in(4) { self.reg() } else { 0 };
        let row = if self.rng.one_in(4) { self.rng.below(1 << SPAD) } else { ADDQ_ROWS + self.rng.below(4) };
        Addq { lp, d, a, b, n, p_base: row as u32, p_reg }.into()
    }

    fn trans(&mut self) -> Instr {
        let mut n = self.live();
        let lp = self.counts(&mut 1, &mut n);
        Trans { lp, d: self.near(SPAD, 1), a: self.near(SPAD, 32), n }.into()
    }

    fn argmax(&mut self) -> Instr {
        let mut n = self.live();
        let lp = self.counts(&mut 1, &mut n);
        let i_reg = if self.rng.one_in(4) { self.reg() } else { 0 };
        let i_base = self.rng.below(1 << 20) as u32;
        let (rd, rv) = (self.reg(), self.reg());
        Argmax { lp, rd, rv, a: self.near(ACC, 1), i_base, i_reg, n, acc: self.rng.one_in(2) }.into()
    }
}
