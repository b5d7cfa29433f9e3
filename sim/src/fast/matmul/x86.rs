//! The kernels of x86-64.
//!
//! Those of AVX2 are assembly: twelve sums, two vectors of weights and two temporaries fill the sixteen registers
//! exactly, and compilers spill. The offset `{off}` is the place of a step.

use std::arch::asm;
use std::arch::x86_64::{
    __m256i, __m512i, _mm256_add_epi32, _mm256_dpbusd_avx_epi32, _mm256_loadu_si256, _mm256_set1_epi32,
    _mm256_storeu_si256, _mm512_add_epi32, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_set1_epi32,
    _mm512_storeu_si512,
};
use std::mem::offset_of;

use super::kernel::{Call, Function, Kernel};

/// Sums of one row begin: `starts[row] + bias`. `{off}` is `starts`, `{len}` is `rows`.
#[rustfmt::skip]
macro_rules! begin {
    ($row:literal, $x:literal, $y:literal) => {
        concat!(
            "mov {p", $row, "}, [{off} + 8*", $row, "]\n",
            "vmovdqu ymm", $x, ", [{p", $row, "}]\n",
            "vmovdqu ymm", $y, ", [{p", $row, "} + 32]\n",
            "vpaddd ymm", $x, ", ymm", $x, ", ymm14\n",
            "vpaddd ymm", $y, ", ymm", $y, ", ymm15\n",
            "mov {p", $row, "}, [{len} + 8*", $row, "]\n",
        )
    };
}

/// Sums of one row end: `outs[row]`. `{off}` is `outs`.
#[rustfmt::skip]
macro_rules! end {
    ($row:literal, $x:literal, $y:literal) => {
        concat!(
            "mov {p", $row, "}, [{off} + 8*", $row, "]\n",
            "vmovdqu [{p", $row, "}], ymm", $x, "\n",
            "vmovdqu [{p", $row, "} + 32], ymm", $y, "\n",
        )
    };
}

/// Two i16 of one row times a vector of pairs.
#[rustfmt::skip]
macro_rules! pairs {
    ($row:literal, $x:literal, $y:literal) => {
        concat!(
            "vpbroadcastd ymm14, [{p", $row, "} + {off}]\n",
            "vpmaddwd ymm15, ymm14, ymm12\n",
            "vpmaddwd ymm14, ymm14, ymm13\n",
            "vpaddd ymm", $x, ", ymm", $x, ", ymm15\n",
            "vpaddd ymm", $y, ", ymm", $y, ", ymm14\n",
        )
    };
}

/// Four bytes of one row times a vector of quads; no sum of two products leaves 16 bits, by the form's choice.
#[rustfmt::skip]
macro_rules! bytes {
    ($row:literal, $x:literal, $y:literal) => {
        concat!(
            "vpbroadcastd ymm14, [{p", $row, "} + {off}]\n",
            "vpmaddubsw ymm15, ymm14, ymm12\n",
            "vpmaddubsw ymm14, ymm14, [{w} + 32]\n",
            "vpmaddwd ymm15, ymm15, ymm13\n",
            "vpmaddwd ymm14, ymm14, ymm13\n",
            "vpaddd ymm", $x, ", ymm", $x, ", ymm15\n",
            "vpaddd ymm", $y, ", ymm", $y, ", ymm14\n",
        )
    };
}

macro_rules! load_pairs {
    () => {
        "vmovdqa ymm12, [{w}]\nvmovdqa ymm13, [{w} + 32]\n"
    };
}

macro_rules! load_bytes {
    () => {
        "vmovdqa ymm12, [{w}]\n"
    };
}

macro_rules! no_ones {
    () => {
        ""
    };
}

macro_rules! ones {
    () => {
        "vpcmpeqw ymm13, ymm13, ymm13\nvpsrlw ymm13, ymm13, 15\n"
    };
}

macro_rules! kernel {
    ($name:ident, $ones:ident, $load:ident, $step:ident, $(($row:literal, $p:ident, $x:literal, $y:literal)),*) => {
        /// # Safety
        /// As `Kernel::run`, for its rows.
        #[target_feature(enable = "avx2")]
        unsafe fn $name(call: &Call) {
            // SAFETY: reads and writes what the call says, and nothing else.
            unsafe {
                asm!(
                    "mov {w}, [{call} + {bias}]",
                    "vmovdqu ymm14, [{w}]",
                    "vmovdqu ymm15, [{w} + 32]",
                    "mov {off}, [{call} + {starts}]",
                    "mov {len}, [{call} + {rows}]",
                    concat!($(begin!($row, $x, $y)),*),
                    $ones!(),
                    "mov {w}, [{call} + {weights}]",
                    "mov {len}, [{call} + {steps}]",
                    "mov {place}, [{call} + {places}]",
                    ".p2align 5",
                    "2:",
                    "movsxd {off}, dword ptr [{place}]",
                    $load!(),
                    concat!($($step!($row, $x, $y)),*),
                    "add {place}, 4",
                    "add {w}, 64",
                    "dec {len}",
                    "jne 2b",
                    "mov {off}, [{call} + {outs}]",
                    concat!($(end!($row, $x, $y)),*),
                    // Or what follows, compiled for SSE, waits for the upper halves.
                    "vzeroupper",
                    call = in(reg) call,
                    $($p = out(reg) _,)*
                    w = out(reg) _, off = out(reg) _, len = out(reg) _, place = out(reg) _,
                    rows = const offset_of!(Call, rows),
                    starts = const offset_of!(Call, starts),
                    outs = const offset_of!(Call, outs),
                    weights = const offset_of!(Call, weights),
                    bias = const offset_of!(Call, bias),
                    places = const offset_of!(Call, places),
                    steps = const offset_of!(Call, steps),
                    out("ymm0") _, out("ymm1") _, out("ymm2") _, out("ymm3") _, out("ymm4") _, out("ymm5") _,
                    out("ymm6") _, out("ymm7") _, out("ymm8") _, out("ymm9") _, out("ymm10") _, out("ymm11") _,
                    out("ymm12") _, out("ymm13") _, out("ymm14") _, out("ymm15") _,
                    options(nostack)
                );
            }
        }
    };
}

macro_rules! kernels {
    ($ones:ident, $load:ident, $step:ident: $one:ident, $two:ident, $three:ident, $four:ident, $five:ident, $six:ident) => {
        kernel!($one, $ones, $load, $step, (0, p0, 0, 1));
        kernel!($two, $ones, $load, $step, (0, p0, 0, 1), (1, p1, 2, 3));
        kernel!($three, $ones, $load, $step, (0, p0, 0, 1), (1, p1, 2, 3), (2, p2, 4, 5));
        kernel!($four, $ones, $load, $step, (0, p0, 0, 1), (1, p1, 2, 3), (2, p2, 4, 5), (3, p3, 6, 7));
        kernel!($five, $ones, $load, $step, (0, p0, 0, 1), (1, p1, 2, 3), (2, p2, 4, 5), (3, p3, 6, 7), (4, p4, 8, 9));
        kernel!(
            $six,
            $ones,
            $load,
            $step,
            (0, p0, 0, 1),
            (1, p1, 2, 3),
            (2, p2, 4, 5),
            (3, p3, 6, 7),
            (4, p4, 8, 9),
            (5, p5, 10, 11)
        );
    };
}

kernels!(no_ones, load_pairs, pairs: pairs1, pairs2, pairs3, pairs4, pairs5, pairs6);
kernels!(ones, load_bytes, bytes: bytes1, bytes2, bytes3, bytes4, bytes5, bytes6);

pub(super) const PAIRS: Kernel = Kernel(&[pairs1 as Function, pairs2, pairs3, pairs4, pairs5, pairs6]);
pub(super) const BYTES: Kernel = Kernel(&[bytes1 as Function, bytes2, bytes3, bytes4, bytes5, bytes6]);

/// # Safety
/// As `Kernel::run`, for `R` rows.
#[target_feature(enable = "avx2,avxvnni")]
unsafe fn vnni_256<const R: usize>(call: &Call) {
    // SAFETY: reads and writes what the call says.
    unsafe {
        let bias = [0, 8].map(|at| _mm256_loadu_si256(call.bias.add(at).cast()));
        let mut sums: [[__m256i; 2]; R] = std::array::from_fn(|row| {
            [0, 1].map(|half| {
                _mm256_add_epi32(bias[half], _mm256_loadu_si256((*call.starts.add(row)).add(8 * half).cast()))
            })
        });
        for step in 0..call.steps {
            let weights = call.weights.add(64 * step).cast::<__m256i>();
            let w = [0, 1].map(|half| _mm256_loadu_si256(weights.add(half)));
            let place = *call.places.add(step) as isize;
            for (row, sums) in sums.iter_mut().enumerate() {
                let four = (*call.rows.add(row)).offset(place).cast::<i32>();
                let x = _mm256_set1_epi32(four.read_unaligned());
                *sums = [0, 1].map(|half| _mm256_dpbusd_avx_epi32(sums[half], x, w[half]));
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            for (half, sum) in sums.iter().enumerate() {
                _mm256_storeu_si256((*call.outs.add(row)).add(8 * half).cast(), *sum);
            }
        }
    }
}

/// # Safety
/// As `Kernel::run`, for `R` rows and `P` panels side by side.
#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn vnni_512<const R: usize, const P: usize>(call: &Call) {
    // SAFETY: reads and writes what the call says.
    unsafe {
        let bias: [__m512i; P] = std::array::from_fn(|panel| _mm512_loadu_si512(call.bias.add(16 * panel).cast()));
        let mut sums: [[__m512i; P]; R] = std::array::from_fn(|row| {
            std::array::from_fn(|panel| {
                _mm512_add_epi32(bias[panel], _mm512_loadu_si512((*call.starts.add(row)).add(16 * panel).cast()))
            })
        });
        let rows: [*const u8; R] = std::array::from_fn(|row| *call.rows.add(row));
        for step in 0..call.steps {
            let weights = call.weights.add(64 * step);
            let w: [__m512i; P] =
                std::array::from_fn(|panel| _mm512_loadu_si512(weights.add(panel * call.beside).cast()));
            let place = *call.places.add(step) as isize;
            for row in 0..R {
                let x = _mm512_set1_epi32(rows[row].offset(place).cast::<i32>().read_unaligned());
                for panel in 0..P {
                    sums[row][panel] = _mm512_dpbusd_epi32(sums[row][panel], x, w[panel]);
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            for (panel, sum) in sums.iter().enumerate() {
                _mm512_storeu_si512((*call.outs.add(row)).add(16 * panel).cast(), *sum);
            }
        }
    }
}

pub(super) const VNNI_256: Kernel =
    Kernel(&[vnni_256::<1> as Function, vnni_256::<2>, vnni_256::<3>, vnni_256::<4>, vnni_256::<5>, vnni_256::<6>]);

const fn wide<const P: usize>() -> Kernel {
    Kernel(&[
        vnni_512::<1, P> as Function,
        vnni_512::<2, P>,
        vnni_512::<3, P>,
        vnni_512::<4, P>,
        vnni_512::<5, P>,
        vnni_512::<6, P>,
        vnni_512::<7, P>,
        vnni_512::<8, P>,
    ])
}

/// For one panel, and for two.
pub(super) const VNNI_512: [Kernel; 2] = [wide::<1>(), wide::<2>()];
