//! Which vector instructions a processor has, chosen at run time.

/// The vector instructions that the kernels use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Simd {
    /// What the compiler makes of plain Rust for the target.
    Portable,
    /// x86-64: 256 bits, products of 16-bit pairs, and of bytes where those cannot saturate.
    Avx2,
    /// x86-64: as `Avx2`, with products of four bytes.
    AvxVnni,
    /// x86-64: 512 bits, with products of four bytes.
    Avx512Vnni,
    /// AArch64: 128 bits, with products of four bytes.
    NeonDot,
}

impl Simd {
    /// All, worst first.
    pub const ALL: [Simd; 5] = [Simd::Portable, Simd::Avx2, Simd::AvxVnni, Simd::Avx512Vnni, Simd::NeonDot];

    /// The best that this processor has.
    #[must_use]
    pub fn detect() -> Simd {
        Self::ALL.into_iter().rfind(|simd| simd.is_available()).unwrap_or(Simd::Portable)
    }

    /// Whether this processor has them.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Simd::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Simd::Avx2 => std::arch::is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Simd::AvxVnni => Simd::Avx2.is_available() && std::arch::is_x86_feature_detected!("avxvnni"),
            #[cfg(target_arch = "x86_64")]
            Simd::Avx512Vnni => {
                Simd::Avx2.is_available()
                    && std::arch::is_x86_feature_detected!("avx512f")
                    && std::arch::is_x86_feature_detected!("avx512bw")
                    && std::arch::is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(target_arch = "aarch64")]
            Simd::NeonDot => std::arch::is_aarch64_feature_detected!("dotprod"),
            #[allow(unreachable_patterns, reason = "those of other architectures")]
            _ => false,
        }
    }

    /// Whether AVX2 may be used.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn avx2(self) -> bool {
        matches!(self, Simd::Avx2 | Simd::AvxVnni | Simd::Avx512Vnni)
    }

    /// A short name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Simd::Portable => "portable",
            Simd::Avx2 => "avx2",
            Simd::AvxVnni => "avx-vnni",
            Simd::Avx512Vnni => "avx512-vnni",
            Simd::NeonDot => "neon-dotprod",
        }
    }
}

impl std::fmt::Display for Simd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Defines a function of plain Rust over rows that is compiled twice, once for AVX2; its first argument chooses.
macro_rules! twice {
    ($($(#[$meta:meta])* fn $name:ident($($arg:ident: $type:ty),* $(,)?) $body:block)*) => {$(
        $(#[$meta])*
        #[allow(clippy::too_many_arguments, reason = "a kernel takes its operands one by one")]
        pub(super) fn $name(simd: $crate::fast::simd::Simd, $($arg: $type),*) {
            #[inline(always)]
            #[allow(clippy::too_many_arguments, reason = "as above")]
            fn body($($arg: $type),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                #[allow(clippy::too_many_arguments, reason = "as above")]
                fn wide($($arg: $type),*) {
                    body($($arg),*);
                }
                if simd.avx2() {
                    // SAFETY: a `Simd` in use is one that this processor has.
                    unsafe { wide($($arg),*) };
                    return;
                }
            }
            let _ = simd;
            body($($arg),*);
        }
    )*};
}
pub(super) use twice;
