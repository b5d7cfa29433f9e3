//! Row32s between native lanes and the leaves that say them: leaf r holds lanes r, r + 4, …, r + 28, big-endian.

use isa::{Leaf, ROW32_LEAVES};

use super::simd::twice;
use super::space::Lanes;

/// A leaf as words.
type Words = [u32; 8];

twice! {
    fn from_lanes(rows: &[Lanes], leaves: &mut [Leaf]) {
        for (lanes, leaves) in rows.iter().zip(leaves.as_chunks_mut::<ROW32_LEAVES>().0) {
            let mut words = [[0; 8]; ROW32_LEAVES];
            for column in 0..8 {
                for part in 0..ROW32_LEAVES {
                    words[part][column] = lanes[column * ROW32_LEAVES + part].cast_unsigned().to_be();
                }
            }
            // SAFETY: as many bytes of plain data.
            *leaves = unsafe { std::mem::transmute::<[Words; ROW32_LEAVES], [Leaf; ROW32_LEAVES]>(words) };
        }
    }

    fn to_lanes(leaves: &[Leaf], rows: &mut [Lanes]) {
        for (leaves, lanes) in leaves.as_chunks::<ROW32_LEAVES>().0.iter().zip(rows) {
            // SAFETY: as many bytes of plain data.
            let words = unsafe { std::mem::transmute::<[Leaf; ROW32_LEAVES], [Words; ROW32_LEAVES]>(*leaves) };
            for column in 0..8 {
                for part in 0..ROW32_LEAVES {
                    lanes[column * ROW32_LEAVES + part] = u32::from_be(words[part][column]).cast_signed();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fast::simd::Simd;

    #[test]
    fn leaves_are_those_of_isa() {
        let mut random = isa::random::Rng::new(1);
        let rows: [Lanes; 5] = std::array::from_fn(|_| std::array::from_fn(|_| random.bits() as i32));
        for simd in [Simd::Portable, Simd::detect()] {
            let (mut leaves, mut back) = ([isa::ZERO; 20], [[0; 32]; 5]);
            from_lanes(simd, &rows, &mut leaves);
            assert_eq!(leaves.as_flattened(), rows.map(|row| isa::row32_leaves(&row)).as_flattened().as_flattened());
            to_lanes(simd, &leaves, &mut back);
            assert_eq!(back, rows);
        }
    }
}
