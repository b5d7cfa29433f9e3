//! What a kernel is given, and which one it is.

use super::pack::Form;
use super::{COLUMNS, portable};
use crate::fast::simd::Simd;

/// Sums that begin with nothing.
pub(super) static NOTHING: [Sums; 2] = [Sums([0; COLUMNS]); 2];

/// A row's sums in a panel.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Sums(pub(super) [i32; COLUMNS]);

/// One call of a kernel: for each row r, `outs[r] = starts[r] + bias + Σ rows[r] · panel`, of one panel or of two side
/// by side.
#[repr(C)]
pub(super) struct Call {
    pub(super) rows: *const *const u8,
    pub(super) starts: *const *const i32,
    pub(super) outs: *const *mut i32,
    pub(super) weights: *const u8,
    /// The bytes from the weights of a panel to those of the one beside it.
    pub(super) beside: usize,
    pub(super) bias: *const i32,
    /// Of each step, where its four bytes are in a row.
    pub(super) places: *const i32,
    /// Steps, at least one; the panel has 64 bytes of weights for each.
    pub(super) steps: usize,
}

/// A function that does a [`Call`] for `R` of its rows.
pub(super) type Function = unsafe fn(&Call);

/// The functions for 1 row, for 2, and so on.
#[derive(Clone, Copy)]
pub(super) struct Kernel(pub(super) &'static [Function]);

impl Kernel {
    /// The kernel of a form, for one panel or for two side by side; the processor has `simd`.
    pub(super) fn of(simd: Simd, form: Form, panels: usize) -> Kernel {
        match (simd, form) {
            #[cfg(target_arch = "x86_64")]
            (Simd::Avx2 | Simd::AvxVnni | Simd::Avx512Vnni, Form::Pairs) => super::x86::PAIRS,
            #[cfg(target_arch = "x86_64")]
            (Simd::Avx2, Form::Bytes) => super::x86::BYTES,
            #[cfg(target_arch = "x86_64")]
            (Simd::AvxVnni, Form::Bytes) => super::x86::VNNI_256,
            #[cfg(target_arch = "x86_64")]
            (Simd::Avx512Vnni, Form::Bytes) => super::x86::VNNI_512[panels - 1],
            #[cfg(target_arch = "aarch64")]
            (Simd::NeonDot, Form::Plain) => super::neon::DOT,
            (_, Form::Pairs) => portable::PAIRS,
            (_, Form::Bytes) => portable::BYTES,
            (_, Form::Plain) => portable::PLAIN,
        }
    }

    /// How many panels the kernel of a form takes at most.
    pub(super) fn panels(simd: Simd, form: Form) -> usize {
        if simd == Simd::Avx512Vnni && form == Form::Bytes { 2 } else { 1 }
    }

    /// Does a call for its first `rows` rows, and leaves it behind them.
    ///
    /// # Safety
    /// The call's pointers hold for so many rows, and the processor has the kernel's instructions.
    pub(super) unsafe fn run(&self, call: &mut Call, rows: usize) {
        let mut left = rows;
        while left > 0 {
            // Parts of about the same size, as few as may be.
            let count = left.div_ceil(left.div_ceil(self.0.len()));
            // SAFETY: the caller's.
            unsafe {
                self.0[count - 1](call);
                call.rows = call.rows.add(count);
                call.starts = call.starts.add(count);
                call.outs = call.outs.add(count);
            }
            left -= count;
        }
    }
}
