//! The kernel of AArch64 with the dot-product instructions.

use std::arch::aarch64::{
    int8x16_t, int32x4_t, vaddq_s32, vdupq_n_s32, vld1q_s8, vld1q_s32, vreinterpretq_s8_s32, vst1q_s32,
};
use std::arch::asm;

use super::kernel::{Call, Function, Kernel};

/// Adds to each of four sums the products of four bytes of `x` and `w`. (The intrinsic is not stable.)
#[target_feature(enable = "neon,dotprod")]
fn dot(sums: int32x4_t, x: int8x16_t, w: int8x16_t) -> int32x4_t {
    let mut sums = sums;
    // SAFETY: touches registers only.
    unsafe {
        asm!("sdot {0:v}.4s, {1:v}.16b, {2:v}.16b", inout(vreg) sums, in(vreg) x, in(vreg) w,
            options(pure, nomem, nostack, preserves_flags));
    }
    sums
}

/// # Safety
/// As `Kernel::run`, for `R` rows.
#[target_feature(enable = "neon,dotprod")]
unsafe fn dot_rows<const R: usize>(call: &Call) {
    // SAFETY: reads and writes what the call says.
    unsafe {
        let bias: [int32x4_t; 4] = [0, 4, 8, 12].map(|at| vld1q_s32(call.bias.add(at)));
        let mut sums: [[int32x4_t; 4]; R] = std::array::from_fn(|row| {
            [0, 1, 2, 3].map(|part| vaddq_s32(bias[part], vld1q_s32((*call.starts.add(row)).add(4 * part))))
        });
        for step in 0..call.steps {
            let weights = call.weights.cast::<i8>().add(64 * step);
            let w = [0, 1, 2, 3].map(|part| vld1q_s8(weights.add(16 * part)));
            let place = *call.places.add(step) as isize;
            for (row, sums) in sums.iter_mut().enumerate() {
                let four = (*call.rows.add(row)).offset(place).cast::<i32>();
                let x = vreinterpretq_s8_s32(vdupq_n_s32(four.read_unaligned()));
                *sums = [0, 1, 2, 3].map(|part| dot(sums[part], x, w[part]));
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            for (part, sum) in sums.iter().enumerate() {
                vst1q_s32((*call.outs.add(row)).add(4 * part), *sum);
            }
        }
    }
}

pub(super) const DOT: Kernel = Kernel(&[
    dot_rows::<1> as Function,
    dot_rows::<2> as Function,
    dot_rows::<3> as Function,
    dot_rows::<4> as Function,
    dot_rows::<5> as Function,
    dot_rows::<6> as Function,
]);
