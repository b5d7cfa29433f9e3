//! Leaves full of edges.

use isa::{Leaf, random::Rng};

/// How the lanes of a leaf are chosen.
#[derive(Clone, Copy)]
pub(super) enum Style {
    /// Bytes, extreme ones frequent.
    Bytes,
    /// 32-bit lanes at the edges of their type.
    Extremes,
    /// Small 32-bit lanes of both signs: counts, shifts, indices.
    Small,
    /// Powers of two, and their neighbours: ties of the rounding.
    Powers,
    /// Shift and multiplier of a parameter block.
    Scales,
    /// One lane everywhere.
    Same,
    /// Bytes at the edges of their type.
    ExtremeBytes,
}

const STYLES: [Style; 7] =
    [Style::Bytes, Style::Extremes, Style::Small, Style::Powers, Style::Scales, Style::Same, Style::ExtremeBytes];

/// A style by chance.
pub(super) fn style(rng: &mut Rng) -> Style {
    STYLES[rng.below(STYLES.len() as u64) as usize]
}

/// A leaf of that style.
pub(super) fn leaf(rng: &mut Rng, style: Style) -> Leaf {
    let mut leaf = [0; 32];
    match style {
        Style::Bytes => return rng.leaf(),
        Style::ExtremeBytes => leaf.fill_with(|| [0x80, 0x7f, 0xff, 0x00, 0x01][rng.below(5) as usize]),
        Style::Same => {
            let lane = lane(rng, Style::Extremes).to_be_bytes();
            leaf.as_chunks_mut::<4>().0.fill(lane);
        }
        _ => leaf.as_chunks_mut::<4>().0.fill_with(|| lane(rng, style).to_be_bytes()),
    }
    leaf
}

fn lane(rng: &mut Rng, style: Style) -> u32 {
    let bits = rng.bits();
    match style {
        Style::Small => ((bits % 141).cast_signed() - 70) as u32,
        Style::Powers => {
            let power = 1u32 << (bits % 32);
            let near = power.wrapping_add((rng.below(3).cast_signed() - 1) as u32);
            let odd = near.wrapping_mul([1, 1, 3, 5][rng.below(4) as usize]);
            if bits >> 40 & 1 == 1 { odd.wrapping_neg() } else { odd }
        }
        Style::Scales => {
            let shift = [0, 1, 2, 15, 24, 30, 31, 32, 33, 54, 62, 63][rng.below(12) as usize];
            let multiplier = match rng.below(4) {
                0 => [0, 1, 2, 3, 0x7f_ffff, 0x80_0000, 0xff_ffff][rng.below(7) as usize],
                1 => 1 << rng.below(24),
                _ => bits as u32 & 0xff_ffff,
            };
            // The two top bits mean nothing.
            (bits >> 40) as u32 & 3 << 30 | shift << 24 | multiplier
        }
        _ if bits.is_multiple_of(4) => (bits >> 8) as u32,
        _ => [0, 1, u32::MAX, 0x8000_0000, 0x7fff_ffff, 0x8000_0001, 0x7fff_fffe, 2][(bits >> 8) as usize % 8],
    }
}
