//! What a kernel is given, and which one it is.

use super::pack::{Form, Panel};
use super::{COLUMNS, ROWS, portable};
use crate::fast::simd::Simd;

/// Sums that begin with nothing.
pub(super) static NOTHING: Sums = Sums([0; COLUMNS]);

/// A row's sums in a panel.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Sums(pub(super) [i32; COLUMNS]);

/// One call of a kernel: for each row r, `outs[r] = starts[r] + bias + Σ rows[r] · panel`.
#[repr(C)]
pub(super) struct Call {
    pub(super) rows: [*const u8; ROWS],
    pub(super) starts: [*const i32; ROWS],
    pub(super) outs: [*mut i32; ROWS],
    pub(super) weights: *const u8,
    pub(super) bias: *const i32,
    /// Bytes of each row and tap that count; a multiple of 16.
    pub(super) tap_len: usize,
    /// Taps, at least one.
    pub(super) taps: usize,
    /// From tap to tap of a row.
    pub(super) tap_bytes: isize,
}

impl Call {
    pub(super) fn new(panel: &Panel<'_>, taps: usize, tap_bytes: isize) -> Call {
        Call {
            rows: [std::ptr::null(); ROWS],
            starts: [std::ptr::null(); ROWS],
            outs: [std::ptr::null_mut(); ROWS],
            weights: panel.weights.as_ptr(),
            bias: panel.bias.0.as_ptr(),
            tap_len: panel.tap_len,
            taps,
            tap_bytes,
        }
    }
}

/// A function that does a [`Call`] for `R` of its rows.
pub(super) type Function = unsafe fn(&Call);

/// The functions for 1, 2, 4 and 6 rows.
#[derive(Clone, Copy)]
pub(super) struct Kernel(pub(super) [Function; 4]);

impl Kernel {
    /// The kernel of a form; the processor has `simd`.
    pub(super) fn of(simd: Simd, form: Form) -> Kernel {
        match (simd, form) {
            #[cfg(target_arch = "x86_64")]
            (Simd::Avx2 | Simd::AvxVnni | Simd::Avx512Vnni, Form::Pairs) => super::x86::PAIRS,
            #[cfg(target_arch = "x86_64")]
            (Simd::Avx2, Form::Bytes) => super::x86::BYTES,
            #[cfg(target_arch = "x86_64")]
            (Simd::AvxVnni, Form::Bytes) => super::x86::VNNI_256,
            #[cfg(target_arch = "x86_64")]
            (Simd::Avx512Vnni, Form::Bytes) => super::x86::VNNI_512,
            #[cfg(target_arch = "aarch64")]
            (Simd::NeonDot, Form::Plain) => super::neon::DOT,
            (_, Form::Pairs) => portable::PAIRS,
            (_, Form::Bytes) => portable::BYTES,
            (_, Form::Plain) => portable::PLAIN,
        }
    }

    /// Does a call for its first `rows` rows.
    ///
    /// # Safety
    /// The call's pointers hold for so many rows, and the processor has the kernel's instructions.
    pub(super) unsafe fn run(&self, call: &Call, rows: usize) {
        let mut done = 0;
        let mut rest = Call { ..*call };
        while done < rows {
            let (function, count) = match rows - done {
                6.. => (self.0[3], 6),
                4 | 5 => (self.0[2], 4),
                2 | 3 => (self.0[1], 2),
                _ => (self.0[0], 1),
            };
            // SAFETY: the caller's.
            unsafe { function(&rest) };
            done += count;
            if done < rows {
                rest.rows.copy_within(count.., 0);
                rest.starts.copy_within(count.., 0);
                rest.outs.copy_within(count.., 0);
            }
        }
    }
}
