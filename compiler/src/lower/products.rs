//! Convolutions and products with constant weights.
//!
//! A strip of output pixels is made at a time, one group of 32 channels after another: its sums fill a part of acc, while the
//! sums before are requantised from another. The weights stay in spad if they all fit; else they pass through a ring
//! once for each strip.

use std::rc::Rc;

use isa::{LANES, Matmul, PARAM_ROWS, Subtree, TILE_ROWS};
use ndarray::Array2;

use super::packed::Packing;
use super::results::Results;
use super::strips::{Buffers, Geometry, strip_in};
use super::transfer::{Part, Turns, View};
use super::weights::{self, Group};
use super::{Emit, Lower};
use crate::int_ir::{IntWindow, Requant};
use crate::plan::Task;
use crate::plan::separable::Conv;
use crate::text::{count, loops, operand, small};

/// Tiles that pass through the ring at once.
const CHUNK: u64 = 16;
/// Most chunks in the ring.
const RING: u64 = 4;
/// Groups of channels that results are stored by where there is no room for all.
const CHUNK_GROUPS: u64 = 8;
/// Pixels of a strip that is large enough.
pub(super) const ENOUGH: u64 = 96;

/// A product with constant weights over a window.
pub(super) struct Product<'a> {
    pub(super) geometry: Geometry,
    /// How the input is brought together first.
    pub(super) packing: Option<Packing>,
    /// Strides of the pixels of the input that count, where the others are not brought in.
    pub(super) sampled: Option<[usize; 2]>,
    pub(super) groups: Rc<[Group]>,
    /// Live inputs of a tile, and of the last one.
    pub(super) k: [u64; 2],
    pub(super) pad: i8,
    pub(super) requant: &'a Requant,
}

impl Product<'_> {
    /// Rows of all weights.
    fn rows(&self) -> u64 {
        self.groups.iter().map(|group| group.rows.len() as u64).sum()
    }
}

/// A product that is being made, strip by strip.
pub(super) struct Running<'a> {
    product: Product<'a>,
    results: Results,
    turns: Option<Turns>,
    constants: Vec<u64>,
    supply: Weights,
    chunk: u64,
    /// Where the results of each strip went.
    pub(super) made: Vec<View>,
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
    pub(super) fn convolution(&mut self, task: &Task<'a>, conv: &Conv<'a>) -> Emit {
        let (outputs, channels, ..) = conv.weights.dim();
        if channels == 1 && conv.groups == outputs && conv.groups > 1 {
            let geometry = Geometry::new(self.plan.form(task.inputs[0]).image(), conv.window);
            return self.depthwise(task, conv.weights, &geometry, conv.pad, conv.requant);
        }
        let product = self.convolution_of(task, conv);
        self.product(task, product)
    }

    /// The product that a convolution is.
    pub(super) fn convolution_of(&mut self, task: &Task<'a>, conv: &Conv<'a>) -> Product<'a> {
        let Conv { weights, groups, window, pad, requant } = *conv;
        let geometry = Geometry::new(self.plan.form(task.inputs[0]).image(), window);
        if self.plan.value(task.inputs[0]).packed.is_some() {
            let packing = Packing::new(weights, &geometry, pad);
            let (groups, k) = (self.rows_for(task.output, || packing.weights(weights)), packing.lanes());
            return Product { geometry, packing: Some(packing), sampled: None, groups, k, pad, requant };
        }
        let all = weights.dim().1 * groups;
        // Of a pointwise window the last tile has only the channels that are left.
        let last = if window.kernel == [1, 1] && groups == 1 { (all - 1) % LANES + 1 } else { all.min(LANES) };
        let k = [all.min(LANES) as u64, last as u64];
        let groups = self.rows_for(task.output, || weights::conv(weights, groups));
        let skips = window.kernel == [1, 1] && window.pads == [0; 4] && window.strides != [1, 1];
        let sampled = (skips && self.map(task.inputs[0]).is_none()).then_some(window.strides);
        let geometry = if sampled.is_some() { Geometry::pixels(geometry.size().map(|n| n as usize)) } else { geometry };
        Product { geometry, packing: None, sampled, groups, k, pad, requant }
    }

    pub(super) fn dense(&mut self, task: &Task<'a>, weights: &Array2<i8>, requant: &'a Requant) -> Emit {
        let plan = self.plan;
        let form = plan.form(task.inputs[0]);
        if form.channels() == weights.nrows() && form.lane + 1 == form.shape.len().max(1) {
            let geometry = Geometry::pixels([1, 1, form.pixels() as usize]);
            let k = [weights.nrows().min(LANES) as u64; 2];
            let groups = self.rows_for(task.output, || weights::dense(weights));
            let product = Product { geometry, packing: None, sampled: None, groups, k, pad: 0, requant };
            return self.product(task, product);
        }
        // A window over all pixels of the value.
        let [images, height, width] = form.image();
        let window = IntWindow { kernel: [height, width], strides: [1, 1], pads: [0; 4], dilations: [1, 1] };
        let geometry = Geometry::new([images, height, width], &window);
        let groups = self.rows_for(task.output, || weights::flat(weights, form));
        let k = [form.channels().min(LANES) as u64; 2];
        self.product(task, Product { geometry, packing: None, sampled: None, groups, k, pad: 0, requant })
    }

    fn product(&mut self, task: &Task<'a>, product: Product<'a>) -> Emit {
        if self.tiling.streamed {
            return self.streamed(task, product);
        }
        let geometry = product.geometry;
        let params = (product.groups.len() * PARAM_ROWS) as u64;
        let all = product.rows();
        let ring = all.min(2 * CHUNK * TILE_ROWS as u64).min(self.left() / 4).max(TILE_ROWS as u64);
        let buffers = |weights: u64, chunk: u64| Buffers {
            input: self.buffered_input(task.inputs[0], &geometry, product.pad),
            output: self.made_of(task, chunk),
            others: self.others_of(task, chunk),
            packed: product.packing,
            fixed: params + weights + 2 * TILE_ROWS as u64 + 8 * task.epilogue.len() as u64 + self.pixels(task),
        };
        let choose =
            |pixels| self.product_strip((&geometry, pixels), (all, ring), product.groups.len() as u64, buffers);
        let mut strips = choose(self.acc_rows / 2)?;
        if self.tiling.smaller > 0 {
            strips = choose(self.tiling.most(strips.0.0 * strips.0.1))?;
        }
        let mut running = self.prepare(task, product, strips)?;
        geometry.parts(strips.0).iter().try_for_each(|part| self.make(task, &mut running, part))
    }

    /// Takes the buffers for strips of lines and columns: how many buffers of each, and groups of channels that results are stored by.
    pub(super) fn prepare(
        &mut self,
        task: &Task<'a>,
        product: Product<'a>,
        (strip, slots, chunk): ((u64, u64), u64, u64),
    ) -> Emit<Running<'a>> {
        let (geometry, pixels) = (&product.geometry, strip.0 * strip.1);
        let input = Buffers {
            input: self.buffered_input(task.inputs[0], geometry, product.pad),
            output: 0,
            others: 0,
            packed: product.packing,
            fixed: 0,
        };
        let made = if chunk < product.groups.len() as u64 { 2 } else { slots };
        let results = self.results_of(task, product.requant, (pixels, made), chunk)?;
        let turns = self.maybe_turns(slots, input.rows(geometry, strip))?;
        let constants = product.groups.iter().map(|group| self.constants.add(&group.rows)).collect();
        let once = geometry.parts(strip).len() == 1;
        let supply = self.supply(product.rows(), once)?;
        Ok(Running { product, results, turns, constants, supply, chunk, made: vec![] })
    }

    /// Makes a strip.
    pub(super) fn make(&mut self, task: &Task<'a>, running: &mut Running<'a>, part: &Part) -> Emit {
        let Running { product, results, turns, constants, supply, chunk, made } = running;
        let (input, geometry) = (task.inputs[0], &product.geometry);
        let buffer = turns.as_mut().map(Turns::next);
        let from = match (&product.packing, product.sampled, buffer) {
            (Some(packing), _, Some(buffer)) => self.pack(input, (packing, geometry), part, buffer)?,
            (_, Some(strides), Some(buffer)) => self.sample(input, part, strides, buffer)?,
            _ => self.fetch(input, &geometry.source(part), product.pad, buffer)?,
        };
        let (mut to, mut offset) = (View { at: 0, line: 0, pixel: 0 }, 0);
        for (index, group) in product.groups.iter().enumerate() {
            if (index as u64).is_multiple_of(*chunk) {
                to = self.begin_at(task, part, results, index as u64)?;
            }
            let sums = self.sums(part.lines * part.columns)?;
            let whole = (constants[index], offset);
            let n = (self.plan.form(task.output).channels() - index * LANES).min(LANES) as u64;
            self.group(product, group, (&from, part), (sums, n), (supply, whole))?;
            offset += group.rows.len() as u64;
            self.finish_group(task, product.requant, results, (index as u64, sums), (part, &to))?;
            if (index as u64 + 1).is_multiple_of(*chunk) || index + 1 == product.groups.len() {
                self.put_chunk(task, part, results, &to)?;
            }
        }
        if let Weights::Whole { loaded, .. } = supply {
            *loaded = true;
        }
        made.push(to);
        Ok(())
    }

    /// Lines and columns of strips, how many buffers of each, and groups of channels that results are stored by. Half of the rows are left
    /// to the next task where all weights fit besides strips that are large enough; where weights pass once for each strip, results
    /// are stored by fewer groups if that makes strips larger.
    fn product_strip(
        &self,
        (geometry, pixels): (&Geometry, u64),
        (all, ring): (u64, u64),
        groups: u64,
        buffers: impl Fn(u64, u64) -> Buffers,
    ) -> Emit<((u64, u64), u64, u64)> {
        let size = |strip: &((u64, u64), u64)| strip.0.0 * strip.0.1;
        let image = geometry.output[0] * geometry.output[1];
        let enough = |strip: &((u64, u64), u64)| {
            size(strip) >= image.min(ENOUGH).min(pixels) && (strip.1 == 2 || size(strip) == image)
        };
        if let Some(chunk) = self.tiling.groups {
            let chunk = chunk.min(groups);
            let strip =
                strip_in(self.left(), geometry, pixels, &buffers(ring, chunk)).ok_or("no room for these groups")?;
            return Ok((strip.0, strip.1, chunk));
        }
        let half = strip_in(self.left() / 2, geometry, pixels, &buffers(all, groups)).filter(enough);
        if let Some((strip, slots)) = half {
            return Ok((strip, slots, groups));
        }
        let whole = self.strips(geometry, pixels, &buffers(ring, groups))?;
        let passes = |strip: &((u64, u64), u64)| image.div_ceil(size(strip));
        if all <= self.left() / 2 || groups <= CHUNK_GROUPS || passes(&whole) == 1 {
            return Ok((whole.0, whole.1, groups));
        }
        let few = buffers(ring, CHUNK_GROUPS);
        let lines = (geometry.output[0], geometry.output[1]);
        // Even of one strip there are two buffers for results.
        let needed = few.rows(geometry, lines) + 2 * image * (few.output + few.others) + few.fixed;
        if image <= pixels && geometry.images == 1 && needed <= self.left() {
            return Ok((lines, 1, CHUNK_GROUPS));
        }
        match strip_in(self.left(), geometry, pixels, &few).filter(|few| few.1 == 2 && passes(few) < passes(&whole)) {
            Some((strip, slots)) => Ok((strip, slots, CHUNK_GROUPS)),
            None => Ok((whole.0, whole.1, groups)),
        }
    }

    /// Where so many rows of weights go, which may pass only once.
    fn supply(&mut self, all: u64, once: bool) -> Emit<Weights> {
        let tile = TILE_ROWS as u64;
        let left = self.left_aligned(tile);
        if all <= left && (!once || all <= RING * CHUNK * tile) {
            return Ok(Weights::Whole { base: self.take(all, tile)?, loaded: false });
        }
        let chunk = CHUNK.min(left / tile / 2).max(1);
        let slots = (left / tile / chunk).clamp(1, RING);
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
    pub(super) fn matmul(
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
