//! Queries, keys and values of one head at a time, straight to where attention reads them.

use isa::{Addq, Instr, LANES, Load, PARAM_ROWS, Requant as RequantInstr, Subtree, TILE_ROWS};

use super::attention::AttentionSizes;
use super::matrix::{Dots, Side};
use super::transfer::{Turns, View};
use super::{Emit, Lower, weights};
use crate::int_ir::Requant;
use crate::plan::Task;
use crate::plan::heads::Projection;
use crate::text::{loops, operand, wide};

const TILE: u64 = TILE_ROWS as u64;
const LANE: u64 = LANES as u64;
/// Tiles of weights that come at once, and how many such pieces there is room for.
pub(super) const CHUNK: u64 = 8;
pub(super) const PIECES: u64 = 4;

/// Where the projections are made.
pub(super) struct Heads {
    sizes: AttentionSizes,
    /// The input on chip.
    input: View,
    /// By projection: the first row of each group's weights, its parameters, and how it becomes bytes.
    weights: [Vec<u64>; 3],
    params: [u64; 3],
    requant: [Requant; 3],
    /// Where what is added lies, and its parameter row, if something is; and whether it is the first operand.
    summands: [Option<(u64, u64, bool)>; 3],
    ring: Turns,
    /// Queries of this head and the next.
    queries: [u64; 2],
    turn: u64,
}

impl Heads {
    /// Queries of a strip.
    pub(super) fn strip(&self, batch: usize, start: u64) -> View {
        let groups = self.sizes.groups()[0];
        View { at: self.queries[batch % 2] + start * groups, line: 0, pixel: groups }
    }
}

impl<'a> Lower<'a> {
    /// Brings in the input, and takes a ring for weights.
    pub(super) fn projected_input(
        &mut self,
        task: &Task<'a>,
        sizes: &AttentionSizes,
        projections: &[Projection; 3],
    ) -> Emit<Heads> {
        let side = self.side(task.inputs[0], false);
        let rows = sizes.keys * side.groups;
        let buffer = if self.map(side.id).is_some() { None } else { Some(self.take(rows, 1)?) };
        let ring = self.turns(PIECES, CHUNK * TILE, TILE)?;
        let all = || projections.iter().flat_map(|projection| weights::dense(projection.weights)).collect();
        let rows = self.known.rows(task.output, true, all);
        let mut rows = rows.iter();
        let weights = projections.each_ref().map(|projection| {
            let groups = rows.by_ref().take(projection.weights.ncols().div_ceil(LANES));
            groups.map(|group| self.constants.add(&group.rows)).collect::<Vec<u64>>()
        });
        let input = self.all_pixels(&side, sizes.keys, buffer)?;
        let requant = projections.each_ref().map(|projection| projection.requant.clone());
        Ok(Heads {
            sizes: *sizes,
            input,
            weights,
            params: [0; 3],
            requant,
            summands: [None; 3],
            ring,
            queries: [0; 2],
            turn: 0,
        })
    }

    /// Takes rows for queries.
    pub(super) fn with_queries(&mut self, heads: Heads) -> Emit<Heads> {
        let rows = heads.sizes.keys * heads.sizes.groups()[0];
        Ok(Heads { queries: [self.take(rows, 1)?, self.take(rows, 1)?], ..heads })
    }

    /// All pixels of the input: where they lie, or brought in.
    fn all_pixels(&mut self, side: &Side, count: u64, buffer: Option<u64>) -> Emit<View> {
        let view = match (buffer, self.map(side.id)) {
            (None, Some(map)) => View { at: map.origin(), line: 0, pixel: side.groups },
            _ => self.goes(side, 0, buffer)?,
        };
        if buffer.is_some() {
            let (region, row) = self.home(side.id).dram.ok_or("internal: a value without a place")?;
            self.load((region, row, 0), (view.at, 0), count * side.groups, 1)?;
        }
        Ok(view)
    }

    /// Loads what vectors read.
    pub(super) fn heads_parameters(&mut self, heads: &mut Heads, projections: &[Projection; 3]) -> Emit {
        for (index, projection) in projections.iter().enumerate() {
            let channels = heads.weights[index].len() * LANES;
            let rows = weights::params(&heads.requant[index], channels);
            heads.params[index] = self.load_constant(&rows, PARAM_ROWS as u64)?;
            if let Some(summand) = &projection.summand {
                let pixel = self.plan.repeated(summand.value).ok_or("internal: a summand that is not of the model")?;
                let at = self.load_constant(pixel, 1)?;
                let row = self.load_constant(&[weights::addition(&summand.addition)], 1)?;
                heads.summands[index] = Some((at, row, summand.first));
            }
        }
        Ok(())
    }

    /// Makes queries, keys and values of a head; the tiles of the latter begin at `tiles`.
    pub(super) fn project(&mut self, heads: &mut Heads, batch: usize, tiles: [u64; 2]) -> Emit<Vec<Instr>> {
        let start = self.text.instrs.len();
        let [features, keys, columns] = heads.sizes.groups();
        for (index, groups) in [features, features, columns].into_iter().enumerate() {
            for group in 0..groups {
                let sums = self.acc_rows / 4 * (1 + heads.turn % 2);
                heads.turn += 1;
                self.projected(heads, (index, batch as u64 * groups + group), sums)?;
                let rows = heads.sizes.keys;
                // Pieces: first row of the result, from one to the next, in lines; first sum, rows and lines.
                let (whole, rest) = (rows / LANE, rows % LANE);
                let pieces = match index {
                    0 => vec![(heads.queries[batch % 2] + group, features, 0, 0, rows, 1)],
                    1 => {
                        let (at, line) = (tiles[0] + group * TILE, features * TILE);
                        vec![(at, 1, line, 0, LANE, whole), (at + whole * line, 1, 0, whole * LANE, rest, 1)]
                    }
                    _ => vec![(tiles[1] + group * keys * TILE, 1, 0, 0, rows, 1)],
                };
                for (to, step, line, first, n0, n1) in pieces {
                    self.projected_bytes(
                        heads,
                        (index, batch as u64 * groups + group),
                        (to, step, line),
                        (sums + first, n0, n1),
                    )?;
                }
            }
        }
        Ok(self.text.instrs.split_off(start))
    }

    /// The sums of one group of a projection.
    fn projected(&mut self, heads: &mut Heads, (index, group): (usize, u64), sums: u64) -> Emit {
        let constant = heads.weights[index][group as usize];
        let all = heads.sizes.inputs.div_ceil(LANE);
        for first in (0..all).step_by(CHUNK as usize) {
            let tiles = CHUNK.min(all - first);
            let w = heads.ring.next();
            self.text.push(Load {
                lp: loops(tiles * TILE, 1)?,
                d: operand(w, 1, 0)?,
                m: wide(constant + first * TILE, 1, 0)?,
                region: Subtree::Const as u8,
                space: false,
            })?;
            let k = (heads.sizes.inputs - first * LANE).min(tiles * LANE);
            let a = (heads.input.at + first, heads.input.pixel, 1);
            let dots = Dots { rows: heads.sizes.keys, a, w: (w, TILE), transposed: false, n: LANE, k, acc: first > 0 };
            self.dots(sums, &dots)?;
        }
        Ok(())
    }

    /// Some of these sums as bytes.
    fn projected_bytes(
        &mut self,
        heads: &Heads,
        (index, group): (usize, u64),
        (to, step, line): (u64, u64, u64),
        (sums, n0, n1): (u64, u64, u64),
    ) -> Emit {
        if n0 == 0 || n1 == 0 {
            return Ok(());
        }
        let outer = |step: u64| if n1 > 1 { step } else { 0 };
        let requant = &heads.requant[index];
        let (lp, d) = (loops(n0, n1)?, operand(to, step, outer(line))?);
        self.text.push(RequantInstr {
            lp,
            d,
            a: operand(sums, 1, outer(n0))?,
            b: operand(heads.params[index] + group * PARAM_ROWS as u64, 0, 0)?,
            n: LANES as u8,
            zp: requant.zero_point,
            lo: requant.lo,
            hi: requant.hi,
        })?;
        if let Some((at, row, first)) = heads.summands[index] {
            let other = operand(at + group, 0, 0)?;
            let (a, b) = if first { (other, d) } else { (d, other) };
            self.text.push(Addq { lp, d, a, b, n: LANES as u8, p_base: operand(row, 0, 0)?.base, p_reg: 0 })?;
        }
        Ok(())
    }
}
