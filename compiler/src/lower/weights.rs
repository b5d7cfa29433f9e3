//! Weights, parameters and tables as rows of `const`.

use isa::{LANES, Leaf, ROW32_LEAVES, Row32, TILE_ROWS, ZERO, param_word, row32_leaves};
use ndarray::{Array2, Array4};

use crate::int_ir::{Addition, Requant, Scale};
use crate::plan::form::Form;

/// The weights of 32 output channels: tiles one after another, and which tap of the input each is for.
pub(super) struct Group {
    pub(super) rows: Vec<Leaf>,
    /// First tile of input channels, and how many: the same for all taps.
    pub(super) first: u64,
    pub(super) tiles: u64,
}

impl Group {
    /// Rows of another kind.
    pub(super) fn of(rows: Vec<Leaf>) -> Group {
        Group { rows, first: 0, tiles: 0 }
    }
}

/// Tiles of a convolution, group by group: (line, column, tile of input channels).
pub(super) fn conv(weights: &Array4<i8>, groups: usize) -> Vec<Group> {
    let (outputs, channels, kh, kw) = weights.dim();
    let each = outputs / groups;
    let start = |output: usize| output / each * channels;
    (0..outputs)
        .step_by(LANES)
        .map(|from| {
            let to = (from + LANES).min(outputs);
            let first = start(from) / LANES;
            let tiles = (start(to - 1) + channels).div_ceil(LANES) - first;
            let mut rows = vec![ZERO; kh * kw * tiles * TILE_ROWS];
            for output in from..to {
                for ((c, ky, kx), &weight) in weights.index_axis(ndarray::Axis(0), output).indexed_iter() {
                    let channel = start(output) + c - first * LANES;
                    let tile = (ky * kw + kx) * tiles + channel / LANES;
                    rows[tile * TILE_ROWS + channel % LANES][output - from] = weight.cast_unsigned();
                }
            }
            Group { rows, first: first as u64, tiles: tiles as u64 }
        })
        .collect()
}

/// Tiles of a matrix whose input is a pixel of so many channels.
pub(super) fn dense(weights: &Array2<i8>) -> Vec<Group> {
    let inputs = weights.nrows();
    let count = inputs.div_ceil(LANES);
    tiles(weights, (count, count as u64), |k| k)
}

/// Tiles of a matrix whose input is a whole value, in row-major order of its shape.
pub(super) fn flat(weights: &Array2<i8>, input: &Form) -> Vec<Group> {
    let strides = input.strides();
    let at = |k: usize| {
        let (mut index, mut at) = (k, 0);
        for (&size, &stride) in input.shape.iter().zip(&strides).rev() {
            at += index % size * stride as usize;
            index /= size;
        }
        at
    };
    tiles(weights, (input.rows() as usize, input.groups()), at)
}

/// So many tiles, of which each pixel has `each`.
fn tiles(weights: &Array2<i8>, (count, each): (usize, u64), at: impl Fn(usize) -> usize) -> Vec<Group> {
    let groups = weights.ncols().div_ceil(LANES);
    let mut all = vec![vec![ZERO; count * TILE_ROWS]; groups];
    for (k, line) in weights.outer_iter().enumerate() {
        let row = at(k);
        for (output, &weight) in line.iter().enumerate() {
            all[output / LANES][row][output % LANES] = weight.cast_unsigned();
        }
    }
    all.into_iter().map(|rows| Group { rows, first: 0, tiles: each }).collect()
}

/// Rows of depthwise weights, group by group: a row for each tap.
pub(super) fn depthwise(weights: &Array4<i8>) -> Vec<Leaf> {
    let (channels, _, kh, kw) = weights.dim();
    let mut rows = vec![ZERO; channels.div_ceil(LANES) * kh * kw];
    for ((c, _, ky, kx), &weight) in weights.indexed_iter() {
        rows[(c / LANES * kh + ky) * kw + kx][c % LANES] = weight.cast_unsigned();
    }
    rows
}

/// Parameter blocks, one for each group of 32 channels; one entry is for all channels.
pub(super) fn params(requant: &Requant, channels: usize) -> Vec<Leaf> {
    let of = |channel: usize| if requant.channels() == 1 { 0 } else { channel };
    let mut rows = Vec::new();
    for first in (0..channels).step_by(LANES) {
        let (mut bias, mut scale): (Row32, Row32) = ([0; LANES], [0; LANES]);
        for channel in first..channels.min(first + LANES) {
            bias[channel - first] = requant.bias[of(channel)];
            scale[channel - first] = param_word(requant.multiplier[of(channel)], requant.shift[of(channel)].into());
        }
        let blocks: [[Leaf; ROW32_LEAVES]; 2] = [row32_leaves(&bias), row32_leaves(&scale)];
        rows.extend_from_slice(blocks.as_flattened());
    }
    rows
}

/// A requantisation that is the same for all channels.
pub(super) fn uniform(bias: i32, scale: Scale, zero_point: i8, (lo, hi): (i8, i8)) -> Requant {
    Requant { bias: vec![bias], multiplier: vec![scale.multiplier], shift: vec![scale.shift], zero_point, lo, hi }
}

/// The parameter row of a sum.
pub(super) fn addition(a: &Addition) -> Leaf {
    let mut row = ZERO;
    row[0..4].copy_from_slice(&a.multipliers[0].to_be_bytes());
    row[4..8].copy_from_slice(&a.multipliers[1].to_be_bytes());
    row[8] = a.zeros[0].cast_unsigned();
    row[9] = a.zeros[1].cast_unsigned();
    row[10] = a.shift;
    row[11] = a.zero_point.cast_unsigned();
    row[12] = a.lo.cast_unsigned();
    row[13] = a.hi.cast_unsigned();
    row
}

/// The rows of a table of bytes.
pub(super) fn table(table: &[i8; 256]) -> Vec<Leaf> {
    table.chunks(LANES).map(|chunk| std::array::from_fn(|i| chunk[i].cast_unsigned())).collect()
}
