//! The kernels in plain Rust: what runs where no better is, and what the others are held to.

use super::COLUMNS;
use super::kernel::{Call, Function, Kernel};

/// One vector of weights times four bytes of a row, added to sums.
trait Step {
    fn step(sums: &mut [i32; COLUMNS], row: [u8; 4], weights: &[u8; 64]);
}

struct Pairs;
struct Bytes;
struct Plain;

fn pair(bytes: &[u8]) -> [i32; 2] {
    [0, 2].map(|at| i32::from(i16::from_ne_bytes([bytes[at], bytes[at + 1]])))
}

impl Step for Pairs {
    #[inline(always)]
    fn step(sums: &mut [i32; COLUMNS], row: [u8; 4], weights: &[u8; 64]) {
        let x = pair(&row);
        for (sum, w) in sums.iter_mut().zip(weights.as_chunks::<4>().0) {
            let w = pair(w);
            *sum = sum.wrapping_add(x[0] * w[0] + x[1] * w[1]);
        }
    }
}

#[inline(always)]
fn quads(sums: &mut [i32; COLUMNS], x: [i32; 4], weights: &[u8; 64]) {
    for (sum, w) in sums.iter_mut().zip(weights.as_chunks::<4>().0) {
        let w = w.map(|w| i32::from(w.cast_signed()));
        *sum = sum.wrapping_add(x[0] * w[0] + x[1] * w[1] + x[2] * w[2] + x[3] * w[3]);
    }
}

impl Step for Bytes {
    #[inline(always)]
    fn step(sums: &mut [i32; COLUMNS], row: [u8; 4], weights: &[u8; 64]) {
        quads(sums, row.map(i32::from), weights);
    }
}

impl Step for Plain {
    #[inline(always)]
    fn step(sums: &mut [i32; COLUMNS], row: [u8; 4], weights: &[u8; 64]) {
        quads(sums, row.map(|x| i32::from(x.cast_signed())), weights);
    }
}

/// # Safety
/// As [`Kernel::run`].
unsafe fn run<S: Step, const R: usize>(call: &Call) {
    for row in 0..R {
        // SAFETY: the caller's: sums, rows and panel are as the call says.
        unsafe {
            let mut sums = (*call.starts.add(row)).cast::<[i32; COLUMNS]>().read_unaligned();
            let bias = call.bias.cast::<[i32; COLUMNS]>().read_unaligned();
            for (sum, bias) in sums.iter_mut().zip(bias) {
                *sum = sum.wrapping_add(bias);
            }
            let weights = call.weights.cast::<[u8; 64]>();
            for step in 0..call.steps {
                let four = (*call.rows.add(row)).offset(*call.places.add(step) as isize).cast::<[u8; 4]>();
                S::step(&mut sums, four.read_unaligned(), &*weights.add(step));
            }
            (*call.outs.add(row)).cast::<[i32; COLUMNS]>().write_unaligned(sums);
        }
    }
}

const fn kernel<S: Step>() -> Kernel {
    Kernel(&[run::<S, 1> as Function, run::<S, 2> as Function, run::<S, 3> as Function, run::<S, 4> as Function])
}

pub(super) const PAIRS: Kernel = kernel::<Pairs>();
pub(super) const BYTES: Kernel = kernel::<Bytes>();
pub(super) const PLAIN: Kernel = kernel::<Plain>();
