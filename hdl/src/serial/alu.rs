//! The ALU, as a function: what a micro-instruction makes of its two operands.

use super::uop::{Cond, Op};

/// What a result leaves behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) zero: bool,
    pub(crate) minus: bool,
    pub(crate) carry: bool,
    pub(crate) less: bool,
}

impl Flags {
    /// Whether a condition holds.
    pub(crate) fn hold(self, cond: Cond) -> bool {
        match cond {
            Cond::Always => true,
            Cond::Zero => self.zero,
            Cond::NotZero => !self.zero,
            Cond::Carry => self.carry,
            Cond::NoCarry => !self.carry,
            Cond::Minus => self.minus,
            Cond::Plus => !self.minus,
            Cond::Less => self.less,
            Cond::NotLess => !self.less,
        }
    }
}

/// The second summand and the carry into the sum.
fn summand(op: Op, b: u32, carry: bool) -> (u32, bool) {
    match op {
        Op::Add => (b, false),
        Op::AddCarry => (b, carry),
        Op::Sub => (!b, true),
        Op::SubCarry => (!b, carry),
        Op::Plus1 => (1, false),
        Op::Plus4 => (4, false),
        Op::Plus32 => (32, false),
        Op::Less4 => (!3, false),
        _ => (!31, false),
    }
}

/// Result and flags; `carry` is the flag before, `shift` the amount of a shift.
pub(crate) fn alu(op: Op, a: u32, b: u32, carry: bool, shift: u32) -> (u32, Flags) {
    let (second, inward) = summand(op, b, carry);
    let sum = u64::from(a) + u64::from(second) + u64::from(inward);
    let funnel = |high: u32| ((u64::from(high) << 32 | u64::from(b)) >> (shift & 31)) as u32;
    let result = match op {
        Op::Copy => b,
        Op::And => a & b,
        Op::Or => a | b,
        Op::Xor => a ^ b,
        Op::Funnel | Op::FunnelBy => funnel(a),
        Op::Sign => funnel(if b >> 31 == 1 { u32::MAX } else { 0 }),
        _ => sum as u32,
    };
    let minus = sum >> 31 & 1 == 1;
    let flags = Flags {
        zero: result == 0,
        minus: result >> 31 == 1,
        carry: sum >> 32 == 1,
        // Of a difference: the sign of the true one.
        less: if (a ^ b) >> 31 == 1 { a >> 31 == 1 } else { minus },
    };
    (result, flags)
}
