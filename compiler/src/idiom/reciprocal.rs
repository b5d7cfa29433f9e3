//! 1/x and 1/√x of positive int32, by Newton's iteration on the normalised number.

use isa::Operand;

use super::code::Code;
use super::lanes::{Lanes, Second};

/// Newton rounds: each squares the error. Two leave 1.2e-5 of 1/x and 1.9e-4 of 1/√x, three leave rounding alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounds {
    /// For results of 8 bits.
    Two,
    /// For all bits.
    Three,
}

impl Rounds {
    pub(crate) fn count(self) -> usize {
        match self {
            Rounds::Two => 2,
            Rounds::Three => 3,
        }
    }
}

/// The line that 1/m begins with, for m in [½, 1): value at 0 and slope.
pub(crate) const LINE: (i32, u32) = ((48.0 / 17.0 * (1 << 29) as f64) as i32, (32.0 / 17.0 * (1 << 18) as f64) as u32);
/// The line that 1/√m begins with, for m in [¼, 1).
pub(crate) const ROOT_LINE: (i32, u32) =
    ((2.132_772_6 * (1 << 29) as f64) as i32, (1.218_727_25 * (1 << 18) as f64) as u32);

/// Writes 1/x for x ≥ 1: y in 2²⁹..=2³⁰, less its error, and `g = −leading zeros`: `1/x = y / 2^(61 + g)`.
///
/// 3 + 2 + 3 instructions a round; `m` is scratch, x may be m.
pub fn reciprocal(
    code: &mut Code,
    lanes: Lanes,
    x: Operand,
    [y, g]: [Operand; 2],
    [m, t]: [Operand; 2],
    rounds: Rounds,
) {
    let (zero, two) = (code.filled(0), code.filled(1 << 30));
    code.push(lanes.vclz(g, x));
    code.push(lanes.vsub(g, zero, Second::Row32(g)));
    code.push(lanes.vshr(m, x, Second::Row32(g), 1));
    // m·2^−31 is in [½, 1): 1/m is near 48/17 − 32/17·m, within 1/17 of itself.
    let start = code.filled(LINE.0);
    code.push(lanes.vmulr(t, m, Second::immediate(LINE.1), 20));
    code.push(lanes.vsub(y, start, Second::Row32(t)));
    for _ in 0..rounds.count() {
        code.push(lanes.vmulr(t, m, Second::Row32(y), 31));
        code.push(lanes.vsub(t, two, Second::Row32(t)));
        code.push(lanes.vmulr(y, y, Second::Row32(t), 29));
    }
}

/// Writes 1/√x for x ≥ 1: y in 2²⁹..=2³⁰, less its error, and `g = −⌊leading zeros / 2⌋`: `1/√x = y / 2^(45 + g)`.
///
/// 4 + 2 + 4 instructions a round; `m` is scratch, x may be m.
pub fn inverse_root(
    code: &mut Code,
    lanes: Lanes,
    x: Operand,
    [y, g]: [Operand; 2],
    [m, t]: [Operand; 2],
    rounds: Rounds,
) {
    // −⌊z/2⌋: a little less than a half rounds down where z is odd.
    let half = code.value(-32_767);
    code.push(lanes.vclz(g, x));
    code.push(lanes.vmulr(g, g, half, 16));
    code.push(lanes.vadd(t, g, Second::Row32(g)));
    code.push(lanes.vshr(m, x, Second::Row32(t), 1));
    // m·2^−31 is in [¼, 1): the best line errs by 8.6 % of 1/√m.
    let start = code.filled(ROOT_LINE.0);
    code.push(lanes.vmulr(t, m, Second::immediate(ROOT_LINE.1), 20));
    code.push(lanes.vsub(y, start, Second::Row32(t)));
    let three = code.filled(3 << 29);
    for _ in 0..rounds.count() {
        code.push(lanes.vmulr(t, y, Second::Row32(m), 31));
        code.push(lanes.vmulr(t, t, Second::Row32(y), 29));
        code.push(lanes.vsub(t, three, Second::Row32(t)));
        code.push(lanes.vmulr(y, y, Second::Row32(t), 30));
    }
}
