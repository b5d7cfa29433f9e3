//! Weights and requantisation parameters as rows of `const`.

use isa::{LANES, Leaf, ROW32_LEAVES, Row32, TILE_ROWS, ZERO, param_word, row32_leaves};
use ndarray::{Array2, Array4};

use crate::int_ir::Requant;
use crate::layout::Map;
use crate::place::Gather;

/// Rows of weight tiles being written: `taps` tiles for each group of 32 output channels.
struct Tiles {
    rows: Vec<Leaf>,
    taps: usize,
}

impl Tiles {
    fn new(taps: usize, outputs: usize) -> Tiles {
        Tiles { rows: vec![ZERO; taps * TILE_ROWS * outputs.div_ceil(LANES)], taps }
    }

    /// Sets the weight from lane `lane` of tap `tap` to output `output`.
    fn set(&mut self, tap: usize, lane: usize, output: usize, weight: i8) {
        let row = (output / LANES * self.taps + tap) * TILE_ROWS + lane;
        self.rows[row][output % LANES] = weight.cast_unsigned();
    }
}

/// Tiles of a convolution. From rows: one tap for (ky, kx, tile of input channels). From runs: lane
/// `(ky mod runs)·kw·c + kx·c + channel` of tap `ky / runs`.
pub(crate) fn conv(weights: &Array4<i8>, gather: Gather) -> Vec<Leaf> {
    let (outputs, channels, kh, kw) = weights.dim();
    let groups = channels.div_ceil(LANES);
    let mut tiles = Tiles::new(
        match gather {
            Gather::Rows => kh * kw * groups,
            Gather::Runs { rows, .. } => rows,
        },
        outputs,
    );
    for ((o, c, ky, kx), &weight) in weights.indexed_iter() {
        match gather {
            Gather::Rows => tiles.set((ky * kw + kx) * groups + c / LANES, c % LANES, o, weight),
            Gather::Runs { runs, .. } => tiles.set(ky / runs, (ky % runs * kw + kx) * channels + c, o, weight),
        }
    }
    tiles.rows
}

/// Tiles of a matrix whose input is a map in ONNX's order (channel, line, column): one tap for (line, column, tile).
pub(crate) fn dense(weights: &Array2<i8>, map: &Map) -> Vec<Leaf> {
    let pixels = map.height * map.width;
    let groups = map.channels.div_ceil(LANES);
    let mut tiles = Tiles::new(pixels * groups, weights.ncols());
    for ((k, o), &weight) in weights.indexed_iter() {
        let (channel, pixel) = (k / pixels, k % pixels);
        tiles.set(pixel * groups + channel / LANES, channel % LANES, o, weight);
    }
    tiles.rows
}

/// Parameter blocks, one for each group of 32 channels.
pub(crate) fn params(requant: &Requant) -> Vec<Leaf> {
    let channels = requant.bias.len();
    let mut rows = Vec::new();
    for first in (0..channels).step_by(LANES) {
        let (mut bias, mut scale): (Row32, Row32) = ([0; LANES], [0; LANES]);
        for channel in first..channels.min(first + LANES) {
            bias[channel - first] = requant.bias[channel];
            scale[channel - first] = param_word(requant.multiplier[channel], requant.shift[channel].into());
        }
        let blocks: [[Leaf; ROW32_LEAVES]; 2] = [row32_leaves(&bias), row32_leaves(&scale)];
        rows.extend_from_slice(blocks.as_flattened());
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conv_tiles() {
        let weights = Array4::from_shape_fn((33, 34, 1, 2), |(o, c, _, kx)| (o + 2 * c + 3 * kx) as i8);
        let rows = conv(&weights, Gather::Rows);
        assert_eq!(rows.len(), 2 * 4 * 32);
        // Output 32 is lane 0 of the second group; input 33 at kx = 1 is lane 1 of tap 3.
        assert_eq!(rows[(4 + 3) * 32 + 1][0].cast_signed(), (32 + 66 + 3) as i8);
        assert_eq!(rows[7 * 32 + 2], ZERO, "input 34 does not exist");
    }

    #[test]
    fn run_tiles() {
        let weights = Array4::from_shape_fn((1, 3, 3, 3), |(_, c, ky, kx)| (ky * 9 + kx * 3 + c) as i8);
        let rows = conv(&weights, Gather::Runs { runs: 3, rows: 1 });
        assert_eq!(
            rows.iter().map(|r| r[0]).collect::<Vec<_>>(),
            (0..32).map(|k| if k < 27 { k } else { 0 }).collect::<Vec<_>>()
        );
        assert_eq!(conv(&weights, Gather::Runs { runs: 2, rows: 2 })[32][0], 18);
    }

    #[test]
    fn dense_follows_onnx_order() {
        let map = Map { base: 0, height: 2, width: 2, channels: 3, pads: [0; 4], fill: 0 };
        let weights = Array2::from_shape_fn((12, 1), |(k, _)| k as i8);
        // Pixel 3, channel 2 is element 2·4 + 3 in ONNX's order.
        assert_eq!(dense(&weights, &map)[3 * 32 + 2][0], 11);
    }
}
