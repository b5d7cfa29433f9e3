//! The product of two tensors, lane by lane, with one rounding.

use isa::{Leaf, Operand, PARAM_ROWS};

use super::code::Code;
use super::data::{Quant, multiplier, param_block};
use super::lanes::{Lanes, Second};

/// `to(a · b)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Multiply {
    /// How a stands for reals.
    pub a: Quant,
    /// How b does.
    pub b: Quant,
    /// How the product is written.
    pub to: Quant,
}

impl Multiply {
    /// The parameter block for [`Multiply::emit`]; the factor of scales must be below 2²⁴.
    #[must_use]
    pub fn block(&self) -> [Leaf; PARAM_ROWS] {
        let (m, s) = multiplier(self.a.scale * self.b.scale / self.to.scale);
        param_block(|_| (0, m, s))
    }

    /// Writes `d = a · b`, rows of spad, with `block` in spad and two blocks of acc of the same shape: 3 micro-steps a row,
    /// 4 if b has a zero point.
    pub fn emit(&self, code: &mut Code, lanes: Lanes, [d, a, b]: [Operand; 3], block: u32, [p, q]: [Operand; 2]) {
        let first = code.filled(-i32::from(self.a.zero));
        code.push(lanes.vadd(p, first, Second::Row8(a)));
        if self.b.zero == 0 {
            code.push(lanes.vmul(p, p, Second::Row8(b)));
        } else {
            let second = code.filled(-i32::from(self.b.zero));
            code.push(lanes.vadd(q, second, Second::Row8(b)));
            code.push(lanes.vmul(p, p, Second::Row32(q)));
        }
        code.push(lanes.requant(d, p, Operand::new(block, 0, 0), self.to.zero));
    }
}
