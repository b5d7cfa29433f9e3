//! Choice.

use super::Place;
use crate::operands::start;
use crate::state::State;
use crate::table::Argmax;

/// The index and value that the registers take in this row, if it has a larger lane than they hold.
pub(super) fn argmax<S: State>(state: &mut S, i: &Argmax, at: &Place<'_>) -> Result<Option<(u32, u32)>, S::Error> {
    let lanes = at.read_row32(state, at.near(&i.a, 0))?;
    let (mut index, mut best) = (0, lanes[0]);
    for (lane, &value) in (0..).zip(&lanes).take(at.live()).skip(1) {
        if value > best {
            (index, best) = (lane, value);
        }
    }
    let first = at.regs.row == 0 && !i.acc;
    if !first && best <= at.regs.x[usize::from(i.rv)].cast_signed() {
        return Ok(None);
    }
    // Modulo 2^32, as every scalar.
    let base = start(i.i_base, i.i_reg, at.regs).cast_unsigned();
    let index = base.wrapping_add(at.regs.row.wrapping_mul(32)).wrapping_add(index);
    Ok(Some((index as u32, best.cast_unsigned())))
}
