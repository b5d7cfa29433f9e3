//! Which inputs of a tile share a sum of 16 bits, for kernels that add two products of bytes in one that saturates.
//!
//! Such a sum is exact if neither the positive weights of its two inputs nor the negative ones go beyond 128 together, in
//! any column: 255 · 128 fits. Weights of any tile pair up so but for a few, and those few are halved and multiplied twice.

use super::pack::Taps;
use crate::fast::simd::{Simd, twice};
use crate::fast::space::Row;

/// Exchanges among the pairs of a tile are tried so often.
const PASSES: usize = 12;

/// An order of the bytes of a row, as shuffles within its halves: of the row, and of the row with its halves exchanged.
/// 0x80 is for bytes that come from the other one.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
pub(super) struct Order([[u8; 32]; 2]);

impl Order {
    /// That puts byte `from[i]` at `i`.
    fn new(from: &[u8; 32]) -> Order {
        let mut out = [[0x80; 32]; 2];
        for (at, &from) in from.iter().enumerate() {
            out[usize::from(usize::from(from) / 16 != at / 16)][at] = from % 16;
        }
        Order(out)
    }

    /// The input at a place.
    pub(super) fn input(&self, at: usize) -> usize {
        let (half, [here, there]) = (at / 16, self.0.map(|half| usize::from(half[at])));
        if here < 16 { half * 16 + here } else { (1 - half) * 16 + there }
    }
}

/// Whether a sum of the products of two inputs is exact in each of these columns.
pub(super) fn fits(one: &[i8], other: &[i8]) -> bool {
    let sums = one.iter().zip(other).map(|(a, b)| {
        let (a, b) = (i16::from(*a), i16::from(*b));
        (a.max(0) + b.max(0) <= 128) & (a.min(0) + b.min(0) >= -128)
    });
    sums.fold(true, |all, fits| all & fits)
}

/// An order of the first `inputs` rows of a tile, an even number, in which most neighbours fit; those that do not come
/// first.
pub(super) fn order(simd: Simd, tile: &[Row; 32], inputs: usize) -> Order {
    let mut friends = [0; 32];
    find_friends(simd, tile, &mut friends);
    let fit = |a: u8, b: u8| friends[usize::from(a)] >> b & 1 == 1;
    let mut all: [u8; 32] = std::array::from_fn(|at| at as u8);
    let (pairs, _) = all[..inputs].as_chunks_mut::<2>();
    for pass in 0..PASSES {
        let mut alone = false;
        for at in 0..pairs.len() {
            let [a, b] = pairs[at];
            if fit(a, b) {
                continue;
            }
            alone = true;
            for step in 1..pairs.len() {
                let other = (at + step + pass) % pairs.len();
                let [c, d] = pairs[other];
                // What is no better is tried too, so that passes differ.
                let least = usize::from(fit(c, d)) + usize::from(step % 3 != pass % 3);
                let better = [[c, d], [d, c]]
                    .into_iter()
                    .find(|&[c, d]| usize::from(fit(a, c)) + usize::from(fit(b, d)) >= least.max(1));
                if other != at
                    && let Some([c, d]) = better
                {
                    (pairs[at], pairs[other]) = ([a, c], [b, d]);
                    break;
                }
            }
        }
        if !alone {
            break;
        }
    }
    pairs.sort_by_key(|&[a, b]| fit(a, b));
    Order::new(&all)
}

twice! {
    /// Of each input, those that fit, as bits.
    fn find_friends(tile: &[Row; 32], friends: &mut [u32; 32]) {
        let (mut above, mut below) = ([[0u8; 32]; 32], [[0u8; 32]; 32]);
        for row in 0..32 {
            for lane in 0..32 {
                let weight = tile[row][lane];
                above[row][lane] = weight.max(0).unsigned_abs();
                below[row][lane] = weight.min(0).unsigned_abs();
            }
        }
        for a in 0..32 {
            for b in a + 1..32 {
                let mut most = 0;
                for lane in 0..32 {
                    let high = above[a][lane].saturating_add(above[b][lane]);
                    let low = below[a][lane].saturating_add(below[b][lane]);
                    most = most.max(high).max(low);
                }
                let bit = u32::from(most <= 128);
                friends[a] |= bit << b;
                friends[b] |= bit << a;
            }
        }
    }

    fn plain_sort(from: Taps, orders: &[Order], to: &mut [u8]) {
        from.each(to.as_chunks_mut::<32>().0, |tap, row, to| {
            for (at, to) in to.iter_mut().enumerate() {
                *to = row[orders[tap].input(at)].cast_unsigned() ^ 0x80;
            }
        });
    }
}

/// Rows, 128 more than they are, each tap in its order.
pub(super) fn sort(simd: Simd, from: Taps, orders: &[Order], to: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if simd.avx2() {
        // SAFETY: a `Simd` in use is one that this processor has.
        return unsafe { wide_sort(from, orders, to) };
    }
    plain_sort(simd, from, orders, to);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn wide_sort(from: Taps, orders: &[Order], to: &mut [u8]) {
    use std::arch::x86_64::{
        __m256i, _mm256_loadu_si256, _mm256_or_si256, _mm256_permute4x64_epi64, _mm256_set1_epi8, _mm256_shuffle_epi8,
        _mm256_storeu_si256, _mm256_xor_si256,
    };
    let sign = _mm256_set1_epi8(i8::MIN);
    let orders = &orders[..from.taps];
    from.each(to.as_chunks_mut::<32>().0, |tap, row, to| {
        let [here, there] = &orders[tap].0;
        // SAFETY: 32 bytes each.
        let [row, here, there] = [row.as_ptr().cast(), here.as_ptr(), there.as_ptr()]
            .map(|from| unsafe { _mm256_loadu_si256(from.cast::<__m256i>()) });
        let other = _mm256_permute4x64_epi64::<0b0100_1110>(row);
        let sorted = _mm256_or_si256(_mm256_shuffle_epi8(row, here), _mm256_shuffle_epi8(other, there));
        // SAFETY: as above.
        unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), _mm256_xor_si256(sorted, sign)) };
    });
}

#[cfg(test)]
mod tests {
    use isa::random::Rng;

    use super::*;

    #[test]
    fn an_order_has_each_input_once_and_leaves_few_alone() {
        let mut rng = Rng::new(2);
        for (spread, most) in [(2, 0), (1, 1), (0, 32)] {
            for round in 0..50 {
                let inputs = if round < 40 { 32 } else { 4 * (1 + rng.below(8) as usize) };
                let mut tile = [[0; 32]; 32];
                tile[..inputs].fill_with(|| rng.leaf().map(|byte| byte.cast_signed() >> spread));
                let order = order(Simd::detect(), &tile, inputs);
                let mut all: Vec<usize> = (0..32).map(|at| order.input(at)).collect();
                let alone = |pair: &&[usize; 2]| !fits(&tile[pair[0]], &tile[pair[1]]);
                let (pairs, _) = all[..inputs].as_chunks::<2>();
                let count = pairs.iter().filter(alone).count();
                assert!(count <= most && pairs[count..].iter().all(|pair| !alone(&pair)), "{count} of {inputs}");
                let rows: [Row; 1] = [rng.leaf().map(u8::cast_signed)];
                let [mut one, mut other] = [[0; 32]; 2];
                let from = Taps { first: rows.as_ptr(), rows: 1, row_step: 0, taps: 1, tap_step: 0 };
                sort(Simd::Portable, from, &[order], &mut one);
                sort(Simd::detect(), from, &[order], &mut other);
                assert_eq!((one, one), (other, std::array::from_fn(|at| rows[0][all[at]].cast_unsigned() ^ 0x80)));
                all.sort_unstable();
                assert!(all.into_iter().eq(0..32));
            }
        }
    }
}
