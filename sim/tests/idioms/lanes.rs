//! The int32 group once more, only as fast as sweeps over whole ranges need; held to `isa::step` below.

use isa::{Instr, Loop, Operand, Row32, form, rne};

/// acc and the scalars.
pub(crate) struct Lanes {
    pub(crate) acc: Vec<Row32>,
    pub(crate) x: [u32; 16],
}

impl Lanes {
    pub(crate) fn new(rows: usize) -> Lanes {
        Lanes { acc: vec![[0; 32]; rows], x: [0; 16] }
    }

    /// Runs straight text of `LI`, `FILL` of acc, and the int32 group with b in acc or immediate.
    pub(crate) fn run(&mut self, text: &[Instr]) {
        text.iter().for_each(|instr| self.instr(instr));
    }

    fn instr(&mut self, instr: &Instr) {
        macro_rules! pairs {
            ($i:expr, $f:expr) => {{
                let f = $f;
                self.each(&$i.lp, [&$i.d, &$i.a, &$i.b], $i.form, |_, a, b| f(a, b))
            }};
        }
        match instr {
            Instr::Li(i) => self.x[usize::from(i.rd)] = i.imm,
            Instr::Fill(i) => {
                assert!(i.space);
                self.acc[i.d.base as usize] = [i.imm.cast_signed(); 32];
            }
            Instr::Vadd(i) => pairs!(i, i32::wrapping_add),
            Instr::Vsub(i) => pairs!(i, i32::wrapping_sub),
            Instr::Vmul(i) => pairs!(i, i32::wrapping_mul),
            Instr::Vmin(i) => pairs!(i, i32::min),
            Instr::Vmax(i) => pairs!(i, i32::max),
            Instr::Vmulr(i) => pairs!(i, |a: i32, b: i32| {
                rne(i64::from(a) * i64::from(b), i.shift.into()).clamp(i32::MIN.into(), i32::MAX.into()) as i32
            }),
            Instr::Vshr(i) => pairs!(i, |a: i32, b: i32| {
                let by = b.wrapping_add(i.shift.into());
                if by < 0 {
                    (u64::from(a.cast_unsigned()) << -i64::from(by).max(-32)) as i32
                } else {
                    rne(a.into(), by.min(63) as u32) as i32
                }
            }),
            Instr::Vclz(i) => self.each(&i.lp, [&i.d, &i.a, &i.a], form::ROW32, |_, a, _| a.leading_zeros() as i32),
            other => panic!("not of the lanes: {other:?}"),
        }
    }

    fn each(&mut self, lp: &Loop, [d, a, b]: [&Operand; 3], second: u8, f: impl Fn(i32, i32, i32) -> i32) {
        assert!(lp.csel == 0);
        for i1 in 0..i64::from(lp.n1) {
            for i0 in 0..i64::from(lp.n0) {
                let at = |o: &Operand| {
                    i64::from(o.base)
                        + i64::from(self.x[usize::from(o.reg)])
                        + i0 * i64::from(o.s0)
                        + i1 * i64::from(o.s1)
                };
                let first = self.acc[at(a) as usize];
                let second: Row32 = match second {
                    form::ROW32 => self.acc[at(b) as usize],
                    form::LANE0 => [self.acc[at(b) as usize][0]; 32],
                    form::ADDRESS => [at(b) as i32; 32],
                    _ => panic!("b in spad"),
                };
                let d = &mut self.acc[at(d) as usize];
                for lane in 0..32 {
                    d[lane] = f(d[lane], first[lane], second[lane]);
                }
            }
        }
    }
}
