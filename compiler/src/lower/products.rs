//! Convolutions and products with constant weights.
//!
//! A strip of output pixels is made at a time, one group of 32 channels after another: its sums fill a part of acc, while the
//! sums before are requantised from another. The weights stay in spad if they all fit; else they pass through a ring
//! once for each strip.

use isa::{LANES, Matmul, PARAM_ROWS, Subtree, TILE_ROWS};
use ndarray::{Array2, Array4};

use super::packed::Packing;
use super::strips::{Buffers, Geometry};
use super::transfer::{Part, Turns, View};
use super::weights::{self, Group};
use super::{Emit, Lower};
use crate::int_ir::{IntWindow, Requant};
use crate::plan::Task;
use crate::text::{count, loops, operand, small};

/// Tiles that pass through the ring at once.
const CHUNK: u64 = 16;

/// A product with constant weights over a window.
struct Product<'a> {
    geometry: Geometry,
    /// How the input is brought together first.
    packing: Option<Packing>,
    /// Strides of the pixels of the input that count, where the others are not brought in.
    sampled: Option<[usize; 2]>,
    groups: Vec<Group>,
    /// Live inputs of a tile, and of the last one.
    k: [u64; 2],
    pad: i8,
    requant: &'a Requant,
}

/// Where the weights are.
enum Weights {
    /// All of them from a row on, group after group; whether each has been loaded.
    Whole { base: u64, loaded: bool },
    /// Chunks of so many tiles take turns.
    Ring { turns: Turns, chunk: u64 },
}

/// Tiles that follow one another in the input: one row of taps.
#[derive(Clone, Copy)]
struct Run {
    /// Of the first tile's rows, from the first pixel of the window.
    offset: u64,
    /// Rows from one tile's to the next.
    step: u64,
    tiles: u64,
}

impl<'a> Lower<'a> {
    pub(super) fn convolution(
        &mut self,
        task: &Task<'a>,
        (weights, groups): (&Array4<i8>, usize),
        window: &IntWindow,
        pad: i8,
        requant: &Requant,
    ) -> Emit {
        let (outputs, channels, ..) = weights.dim();
        let geometry = Geometry::new(self.plan.form(task.inputs[0]).image(), window);
        if channels == 1 && groups == outputs && groups > 1 {
            return self.depthwise(task, weights, &geometry, pad, requant);
        }
        if self.plan.value(task.inputs[0]).packed.is_some() {
            let packing = Packing::new(weights, &geometry, pad);
            let (groups, k) = (packing.weights(weights), packing.lanes());
            let packing = Some(packing);
            return self.product(task, &Product { geometry, packing, sampled: None, groups, k, pad, requant });
        }
        let k = [(channels * groups).min(LANES) as u64; 2];
        let groups = weights::conv(weights, groups);
        let skips = window.kernel == [1, 1] && window.pads == [0; 4] && window.strides != [1, 1];
        let sampled = (skips && self.map(task.inputs[0]).is_none()).then_some(window.strides);
        let geometry = if sampled.is_some() { Geometry::pixels(geometry.size().map(|n| n as usize)) } else { geometry };
        self.product(task, &Product { geometry, packing: None, sampled, groups, k, pad, requant })
    }

    pub(super) fn dense(&mut self, task: &Task<'a>, weights: &Array2<i8>, requant: &Requant) -> Emit {
        let form = self.plan.form(task.inputs[0]);
        if form.channels() == weights.nrows() && form.lane + 1 == form.shape.len().max(1) {
            let geometry = Geometry::pixels([1, 1, form.pixels() as usize]);
            let k = [weights.nrows().min(LANES) as u64; 2];
            let groups = weights::dense(weights);
            let product = Product { geometry, packing: None, sampled: None, groups, k, pad: 0, requant };
            return self.product(task, &product);
        }
        // A window over all pixels of the value.
        let [images, height, width] = form.image();
        let window = IntWindow { kernel: [height, width], strides: [1, 1], pads: [0; 4], dilations: [1, 1] };
        let geometry = Geometry::new([images, height, width], &window);
        let mut groups = weights::flat(weights, form);
        let tiles = form.groups();
        groups.iter_mut().for_each(|group| group.tiles = tiles);
        let k = [form.channels().min(LANES) as u64; 2];
        self.product(task, &Product { geometry, packing: None, sampled: None, groups, k, pad: 0, requant })
    }

    fn product(&mut self, task: &Task<'a>, product: &Product) -> Emit {
        let (input, output) = (task.inputs[0], task.output);
        let geometry = &product.geometry;
        let params = (product.groups.len() * PARAM_ROWS) as u64;
        let all: u64 = product.groups.iter().map(|group| group.rows.len() as u64).sum();
        let ring = all.min(2 * CHUNK * TILE_ROWS as u64).min(self.left() / 4).max(TILE_ROWS as u64);
        let buffers = Buffers {
            input: self.buffered_input(input, geometry, product.pad),
            output: self.made(task),
            others: self.others(task),
            packed: product.packing,
            fixed: params + ring + 2 * TILE_ROWS as u64 + 8 * task.epilogue.len() as u64 + self.pixels(task),
        };
        let (strip, slots) = self.strip(geometry, self.acc_rows / 2, &buffers)?;
        let pixels = strip.0 * strip.1;
        let mut results = self.results(task, product.requant, (pixels, slots))?;
        let mut turns = self.maybe_turns(slots, buffers.rows(geometry, strip))?;
        let constants: Vec<u64> = product.groups.iter().map(|group| self.constants.add(&group.rows)).collect();
        let mut supply = self.supply(all)?;
        for part in geometry.parts(strip) {
            let buffer = turns.as_mut().map(Turns::next);
            let from = match (&product.packing, product.sampled, buffer) {
                (Some(packing), _, Some(buffer)) => self.pack(input, (packing, geometry), &part, buffer)?,
                (_, Some(strides), Some(buffer)) => self.sample(input, &part, strides, buffer)?,
                _ => self.fetch(input, &geometry.source(&part), product.pad, buffer)?,
            };
            let to = self.begin(task, &part, &mut results)?;
            let mut offset = 0;
            for (index, group) in product.groups.iter().enumerate() {
                let sums = self.sums(part.lines * part.columns)?;
                let whole = (constants[index], offset);
                let n = (self.plan.form(output).channels() - index * LANES).min(LANES) as u64;
                self.group(product, group, (&from, &part), (sums, n), (&mut supply, whole))?;
                offset += group.rows.len() as u64;
                self.finish_group(task, product.requant, &mut results, (index as u64, sums), (&part, &to))?;
            }
            if let Weights::Whole { loaded, .. } = &mut supply {
                *loaded = true;
            }
            self.put(output, &part, &to)?;
        }
        Ok(())
    }

    /// Where so many rows of weights go.
    fn supply(&mut self, all: u64) -> Emit<Weights> {
        let tile = TILE_ROWS as u64;
        let start = self.at.next_multiple_of(tile);
        let left = self.free.end.saturating_sub(start);
        if all <= left {
            return Ok(Weights::Whole { base: self.take(all, tile)?, loaded: false });
        }
        let chunk = CHUNK.min(left / tile / 2).max(1);
        let slots = (left / tile / chunk).max(1);
        Ok(Weights::Ring { turns: self.turns(slots, chunk * tile, tile)?, chunk })
    }

    /// The products of one group of output channels.
    fn group(
        &mut self,
        product: &Product,
        group: &Group,
        (from, part): (&View, &Part),
        (sums, n): (u64, u64),
        (supply, (constant, offset)): (&mut Weights, (u64, u64)),
    ) -> Emit {
        let tile = TILE_ROWS as u64;
        let geometry = product.packing.map_or(product.geometry, |packing| packing.geometry(&product.geometry));
        let runs = runs(&geometry.window, group, from);
        let total: u64 = runs.iter().map(|run| run.tiles).sum();
        let (chunk, mut resident) = match supply {
            Weights::Whole { base, loaded } => {
                if !*loaded {
                    self.load((Subtree::Const, constant, 0), (*base + offset, 0), total * tile, 1)?;
                }
                (total, *base + offset)
            }
            Weights::Ring { chunk, .. } => (*chunk, 0),
        };
        let mut tiles = runs.iter().flat_map(|run| (0..run.tiles).map(move |t| (run.offset + t * run.step, run)));
        let mut done = 0;
        let mut pending = tiles.next();
        while done < total {
            let size = chunk.min(total - done);
            if let Weights::Ring { turns, .. } = supply {
                resident = turns.next();
                self.load((Subtree::Const, constant + done * tile, 0), (resident, 0), size * tile, 1)?;
            }
            let mut used = 0;
            while used < size {
                let Some((first, run)) = pending else { break };
                let mut kt = 0;
                // The last tile is a run of its own if it has other inputs.
                let own = |at: u64| at + 1 == total && product.k[0] != product.k[1];
                let k = product.k[usize::from(own(done + used))];
                while kt < size - used && kt < 65_535 && pending.is_some_and(|(_, r)| std::ptr::eq(r, run)) {
                    if kt > 0 && own(done + used + kt) {
                        break;
                    }
                    kt += 1;
                    pending = tiles.next();
                }
                let a = View { at: from.at + first, ..*from };
                let w = resident + used * tile;
                let live = (n, k);
                self.matmul((&a, part, &geometry), sums, (w, kt, run.step), live, done + used > 0)?;
                used += kt;
            }
            done += size;
        }
        Ok(())
    }

    /// One `MATMUL` of a strip.
    fn matmul(
        &mut self,
        (a, part, geometry): (&View, &Part, &Geometry),
        sums: u64,
        (w, kt, step): (u64, u64, u64),
        (n, k): (u64, u64),
        acc: bool,
    ) -> Emit {
        let [sy, sx] = geometry.window.strides.map(|s| s as u64);
        let (n0, n1) = (part.columns, part.lines);
        self.text.push(Matmul {
            lp: loops(n0, n1)?,
            d: operand(sums, 1, if n1 > 1 { n0 } else { 0 })?,
            a: operand(a.at, if n0 > 1 { sx * a.pixel } else { 0 }, if n1 > 1 { sy * a.line } else { 0 })?,
            w_base: operand(w, 0, 0)?.base,
            w_reg: 0,
            w_sk: if kt > 1 { TILE_ROWS as i16 } else { 0 },
            a_sk: if kt > 1 { small(step)? } else { 0 },
            n: n as u8,
            k: k as u8,
            kt: count(kt)?,
            acc,
            tr: false,
        })?;
        Ok(())
    }
}

/// The taps of a window as runs of tiles.
fn runs(window: &IntWindow, group: &Group, view: &View) -> Vec<Run> {
    let [kh, kw] = window.kernel.map(|k| k as u64);
    let [dy, dx] = window.dilations.map(|d| d as u64);
    let whole = dx == 1 && group.tiles == view.pixel;
    let run = |ky: u64, kx: u64, step: u64, tiles: u64| Run {
        offset: ky * dy * view.line + kx * dx * view.pixel + group.first,
        step,
        tiles,
    };
    let mut runs = Vec::new();
    if whole && dy == 1 && view.line == kw * view.pixel {
        return vec![run(0, 0, 1, kh * kw * group.tiles)];
    }
    if whole && kw == 1 && group.tiles == 1 {
        return vec![run(0, 0, dy * view.line, kh)];
    }
    for ky in 0..kh {
        if whole {
            runs.push(run(ky, 0, 1, kw * group.tiles));
        } else if group.tiles == 1 {
            runs.push(run(ky, 0, dx * view.pixel, kw));
        } else {
            runs.extend((0..kw).map(|kx| run(ky, kx, 1, group.tiles)));
        }
    }
    runs
}
