//! The machine's arithmetic on int32 lanes, as `docs/isa.md` states it.

pub use isa::rne;

/// rne(x · multiplier, shift), in 64 bits.
#[must_use]
pub fn scaled(x: i32, multiplier: u32, shift: u8) -> i64 {
    rne(i64::from(x) * i64::from(multiplier), shift.into())
}

/// `VMULR`: rne(a · b, shift), saturated to 32 bits.
#[must_use]
pub fn vmulr(a: i32, b: i32, shift: u8) -> i32 {
    let wide = rne(i64::from(a) * i64::from(b), shift.into());
    wide.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

/// `VSHR`: right with rounding, or left modulo 2³² by a negative amount.
#[must_use]
pub fn vshr(a: i32, b: i32, shift: u8) -> i32 {
    let by = b.wrapping_add(shift.into());
    if by >= 0 {
        rne(a.into(), by.min(63).cast_unsigned()) as i32
    } else {
        let left = by.unsigned_abs().min(32);
        if left == 32 { 0 } else { a << left }
    }
}

/// `VCLZ`.
#[must_use]
pub fn vclz(a: i32) -> i32 {
    a.leading_zeros() as i32
}
