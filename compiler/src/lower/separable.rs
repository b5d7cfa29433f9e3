//! A depthwise convolution between pointwise ones, tile by tile of lines, and within a tile group by group of channels between.
//!
//! Three groups are in work at once: while the array expands one, the depthwise unit is at the one before, whose sums
//! become rows that the array adds to the result's sums as it comes to the one before that. Only lines that the next tile reads
//! too are kept for longer.

use isa::{LANES, Leaf, Matmul, PARAM_ROWS, Requant as RequantInstr, Subtree, TILE_ROWS, ZERO};

use super::results::Results;
use super::strips::Buffers;
use super::tiles::{Sums, Tile, Tiles};
use super::transfer::{Part, Turns, View};
use super::{Emit, Lower, weights};
use crate::int_ir::Requant;
use crate::plan::Task;
use crate::plan::separable::{Conv, Separable};
use crate::text::{count, loops, operand};

/// Most groups whose weights take turns.
const RING: u64 = 4;

/// A block being lowered.
struct Block<'a> {
    tiles: Tiles,
    expand: Option<Conv<'a>>,
    depthwise: Conv<'a>,
    project: Conv<'a>,
    sums: Sums,
    /// Chunks that were expanded.
    chunk: usize,
    /// Of the input that is brought in.
    input: Option<Turns>,
    /// What is between, with padding, before and after the depthwise convolution.
    between: Vec<u64>,
    after: Vec<u64>,
    /// For which tile lines of padding were written last, by buffer.
    padded: Vec<Option<usize>>,
    /// The lines that the next tile reads too, group by group.
    halo: u64,
    supply: Supply,
    results: Results,
}

/// Weights and parameters, group by group: all of them in spad, or taking turns.
struct Supply {
    constant: u64,
    turns: Turns,
    whole: bool,
}

/// Lines that are expanded at a time: the first of those of the tile, how many, and their sums.
#[derive(Clone, Copy)]
struct Chunk {
    first: u64,
    lines: u64,
    sums: u64,
}

/// A group of channels of a tile.
#[derive(Clone, Copy)]
struct Item {
    index: usize,
    tile: usize,
    group: u64,
    /// Its weights.
    weights: u64,
    /// The input of the first convolution.
    view: View,
}

impl<'a> Lower<'a> {
    pub(super) fn separable(&mut self, task: &Task<'a>, block: &Separable<'a>) -> Emit {
        let (mut block, lines) = self.block(task, block)?;
        let tiles = block.tiles.tiles(lines);
        let groups = block.tiles.groups[1];
        let count = tiles.len() * groups as usize;
        let mut items: Vec<Item> = Vec::with_capacity(count);
        for round in 0..count + 2 {
            if round < count {
                let item = self.bring_group(task, &mut block, &tiles, &items)?;
                items.push(item);
            }
            let started = items.get(round).copied();
            let filtered = round.checked_sub(1).and_then(|index| items.get(index)).copied();
            let ended = round.checked_sub(2).and_then(|index| items.get(index)).copied();
            let chunks = started.map_or(vec![], |item| block.chunks(&tiles[item.tile]));
            if let (Some(item), Some(chunk)) = (&started, chunks.first()) {
                self.expand(&block, item, chunk)?;
            }
            if let Some(item) = &filtered {
                self.filter(&block, &tiles[item.tile], item)?;
            }
            if let Some(item) = &started {
                for pair in chunks.windows(2) {
                    self.expand(&block, item, &pair[1])?;
                    self.expanded(&block, &tiles[item.tile], item, &pair[0])?;
                }
            }
            if let Some(item) = &ended {
                self.project_group(task, &block, &tiles[item.tile], item, 0)?;
            }
            if let Some(item) = &started {
                if let Some(chunk) = chunks.last() {
                    self.expanded(&block, &tiles[item.tile], item, chunk)?;
                }
                self.keep(&block, &tiles[item.tile], item)?;
            }
            if let Some(item) = &filtered {
                self.filtered(&block, &tiles[item.tile], item)?;
            }
            if let Some(item) = &ended {
                self.end(task, &mut block, &tiles[item.tile], item)?;
            }
        }
        Ok(())
    }

    /// Takes the buffers; lines of a tile.
    fn block(&mut self, task: &Task<'a>, block: &Separable<'a>) -> Emit<(Block<'a>, u64)> {
        let tiles = Tiles::new(self.plan, task).ok_or("internal: no block")?;
        let conv = |op| Conv::of(op).ok_or("internal: no convolution in a block");
        let (depthwise, project) = (conv(block.depthwise)?, conv(block.project)?);
        let expand = block.expand.map(conv).transpose()?;
        let input = match expand {
            Some(_) => self.buffered(task.inputs[0]),
            None => self.buffered_input(task.inputs[0], &tiles.geometry, depthwise.pad),
        };
        let buffers = [input, self.made(task), self.others(task) + self.pixels(task)];
        let lines = tiles.lines(self.acc_rows, self.left(), buffers).ok_or("internal: a block that does not fit")?;
        let lines = self.tiling.most(lines);
        let sums = tiles.sums(lines, self.acc_rows, true).or_else(|| tiles.sums(lines, self.acc_rows, false));
        let [height, width] = tiles.geometry.output;
        let slots = if lines == height && tiles.geometry.images == 1 { 1 } else { 2 };
        let under = tiles.geometry.under(0, lines);
        // What works at once lies in banks of its own as far as there is room.
        let needed = tiles.rows(lines, buffers) + tiles.groups[1].min(RING) * tiles.weights() + 2 * TILE_ROWS as u64;
        let mut spare = self.left().saturating_sub(needed);
        let results = self.results(task, project.requant, (lines * width, slots))?;
        self.next_bank(&mut spare)?;
        let (mut between, mut halo) = (vec![], 0);
        if expand.is_some() {
            between = self.turns(2, under * tiles.pitch(), 1)?.bases;
            halo = self.take(if slots == 1 { 0 } else { tiles.groups[1] * tiles.halo() * tiles.pitch() }, 1)?;
            self.next_bank(&mut spare)?;
        }
        let after = self.turns(2, lines * width, 1)?.bases;
        self.next_bank(&mut spare)?;
        let input = if expand.is_some() {
            self.maybe_turns(slots, tiles.most_fresh(lines) * tiles.columns() * input)?
        } else {
            let buffers = Buffers { input, output: 0, others: 0, packed: None, fixed: 0 };
            self.maybe_turns(slots, buffers.rows(&tiles.geometry, (lines, width)))?
        };
        let make = || vec![weights::Group::of(constants(&tiles, expand.as_ref(), &depthwise, &project))];
        let rows = self.known.rows(task.output, true, make);
        let constant = self.constants.add(&rows[0].rows);
        let (left, each) = (self.left_aligned(TILE_ROWS as u64), tiles.weights());
        let whole = tiles.groups[1] * each <= left;
        let places = if whole { tiles.groups[1] } else { (left / each).max(1) };
        // A power of two, so that the text repeats soon; no more than keep the memory port ahead.
        let places = if whole { places } else { 1 << places.min(RING).ilog2() };
        let supply = Supply { constant, turns: self.turns(places, each, TILE_ROWS as u64)?, whole };
        let padded = vec![None; between.len()];
        let sums = sums.ok_or("internal: a block that does not fit")?;
        let block = Block {
            tiles,
            chunk: 0,
            expand,
            depthwise,
            project,
            sums,
            input,
            between,
            after,
            padded,
            halo,
            supply,
            results,
        };
        let left = tiles.geometry.window.pads[1] as u64;
        for &at in &block.between {
            let right = left + tiles.columns();
            self.fill((at, tiles.pitch()), left, under, depthwise.pad)?;
            self.fill((at + right, tiles.pitch()), tiles.pitch() - right, under, depthwise.pad)?;
        }
        Ok((block, lines))
    }

    /// Brings in what the next group of a tile needs.
    fn bring_group(&mut self, task: &Task<'a>, block: &mut Block, tiles: &[Tile], items: &[Item]) -> Emit<Item> {
        let index = items.len();
        let groups = block.tiles.groups[1];
        let (number, group) = (index / groups as usize, index as u64 % groups);
        let tile = &tiles[number];
        let weights = block.supply.turns.next();
        let each = block.tiles.weights();
        if !block.supply.whole || number == 0 {
            self.load((Subtree::Const, block.supply.constant + group * each, 0), (weights, 0), each, 1)?;
        }
        let mut view = items.last().map_or(View { at: 0, line: 0, pixel: 0 }, |item| item.view);
        if group == 0 {
            let buffer = block.input.as_mut().map(Turns::next);
            let (y, lines) = (tile.fresh.0.cast_signed(), tile.fresh.1);
            let fresh = Part { image: tile.part.image, y, lines, x: 0, columns: block.tiles.columns() };
            view = match block.expand {
                Some(_) if lines == 0 => view,
                Some(_) => self.fetch(task.inputs[0], &fresh, 0, buffer)?,
                None => self.fetch(task.inputs[0], &tile.source, block.depthwise.pad, buffer)?,
            };
        }
        let item = Item { index, tile: number, group, weights, view };
        if block.expand.is_some() {
            self.surround(block, tile, &item)?;
        }
        Ok(item)
    }

    /// Writes the lines between that are not expanded: padding, and lines of the tile before.
    fn surround(&mut self, block: &mut Block, tile: &Tile, item: &Item) -> Emit {
        let (pitch, slot) = (block.tiles.pitch(), item.index % block.between.len());
        let at = block.between[slot];
        let [above, below] = tile.padding(block.tiles.geometry.input[0]);
        if block.padded[slot] != Some(item.tile) {
            self.fill((at, 0), if tile.kept == 0 { above * pitch } else { 0 }, 1, block.depthwise.pad)?;
            self.fill((at + (tile.source.lines - below) * pitch, 0), below * pitch, 1, block.depthwise.pad)?;
            block.padded[slot] = Some(item.tile);
        }
        let rows = block.tiles.halo() * pitch;
        if tile.kept > 0 {
            self.copy((block.halo + item.group * rows, 0), (at, 0), rows, 1)?;
        }
        Ok(())
    }

    /// Keeps the lines between that the next tile reads too.
    fn keep(&mut self, block: &Block, tile: &Tile, item: &Item) -> Emit {
        let (pitch, rows) = (block.tiles.pitch(), block.tiles.halo() * block.tiles.pitch());
        if block.expand.is_none() || !tile.goes_on || rows == 0 {
            return Ok(());
        }
        let at = block.between[item.index % block.between.len()];
        let first = at + (tile.source.lines - block.tiles.halo()) * pitch;
        self.copy((first, 0), (block.halo + item.group * rows, 0), rows, 1)
    }

    /// Expands some lines of a group.
    fn expand(&mut self, block: &Block, item: &Item, chunk: &Chunk) -> Emit {
        let Some(conv) = &block.expand else { return Ok(()) };
        let Chunk { first, lines, sums } = *chunk;
        let (columns, view, tiles) = (block.tiles.columns(), &item.view, block.tiles.groups[0]);
        let line = |stride: u64| if lines > 1 { stride } else { 0 };
        self.text.push(Matmul {
            lp: loops(columns, lines)?,
            d: operand(sums, 1, line(columns))?,
            a: operand(view.at + first * view.line, view.pixel, line(view.line))?,
            w_base: operand(item.weights, 0, 0)?.base,
            w_sk: if tiles > 1 { TILE_ROWS as i16 } else { 0 },
            a_sk: i16::from(tiles > 1),
            n: live(conv.weights.dim().0, item.group),
            k: live(conv.weights.dim().1, 0),
            kt: count(tiles)?,
            ..Matmul::default()
        })?;
        Ok(())
    }

    /// Requantises what was expanded.
    fn expanded(&mut self, block: &Block, tile: &Tile, item: &Item, chunk: &Chunk) -> Emit {
        let Some(conv) = &block.expand else { return Ok(()) };
        let Chunk { first, lines, sums } = *chunk;
        let (columns, pitch) = (block.tiles.columns(), block.tiles.pitch());
        let inside = (tile.fresh.0.cast_signed() - tile.source.y).cast_unsigned() + first;
        let at = block.between[item.index % block.between.len()];
        let at = at + inside * pitch + block.tiles.geometry.window.pads[1] as u64;
        let line = |stride: u64| if lines > 1 { stride } else { 0 };
        let d = operand(at, 1, line(pitch))?;
        let a = operand(sums, 1, line(columns))?;
        let params = block.params(item) + PARAM_ROWS as u64;
        self.row8s(conv.requant, ((columns, lines), d, a), params, live(conv.weights.dim().0, item.group))
    }

    /// The depthwise products of a group.
    fn filter(&mut self, block: &Block, tile: &Tile, item: &Item) -> Emit {
        let from = match block.expand {
            Some(_) => {
                View { at: block.between[item.index % block.between.len()], line: block.tiles.pitch(), pixel: 1 }
            }
            None => View { at: item.view.at + item.group, ..item.view },
        };
        let taps = block.params(item) + 2 * PARAM_ROWS as u64;
        let sums = block.filtered(item);
        self.taps((&from, &tile.part, &block.tiles.geometry), (0, sums), (taps, 1))
    }

    /// Requantises depthwise sums.
    fn filtered(&mut self, block: &Block, tile: &Tile, item: &Item) -> Emit {
        let pixels = tile.part.lines * tile.part.columns;
        let d = operand(block.after[item.index % 2], 1, 0)?;
        let a = operand(block.filtered(item), 1, 0)?;
        let n = live(block.depthwise.weights.dim().0, item.group);
        self.row8s(block.depthwise.requant, ((pixels, 1), d, a), block.params(item), n)
    }

    /// Row32s to rows.
    fn row8s(
        &mut self,
        requant: &Requant,
        ((n0, n1), d, a): ((u64, u64), isa::Operand, isa::Operand),
        params: u64,
        n: u8,
    ) -> Emit {
        let (zp, lo, hi) = (requant.zero_point, requant.lo, requant.hi);
        self.text.push(RequantInstr { lp: loops(n0, n1)?, d, a, b: operand(params, 0, 0)?, n, zp, lo, hi })?;
        Ok(())
    }

    /// Adds a group to the sums of a group of the result.
    fn project_group(&mut self, task: &Task, block: &Block, tile: &Tile, item: &Item, output: u64) -> Emit {
        let pixels = tile.part.lines * tile.part.columns;
        let tiles = if block.tiles.expands { block.tiles.groups[0] } else { 0 } + output;
        self.text.push(Matmul {
            lp: loops(pixels, 1)?,
            d: operand(block.output(item) + output * pixels, 1, 0)?,
            a: operand(block.after[item.index % 2], 1, 0)?,
            w_base: operand(item.weights + tiles * TILE_ROWS as u64, 0, 0)?.base,
            n: live(self.plan.form(task.output).channels(), output),
            k: live(block.project.weights.dim().1, item.group),
            kt: 1,
            acc: item.group > 0,
            ..Matmul::default()
        })?;
        Ok(())
    }

    /// The products of a group that are left; after the last group, results.
    fn end(&mut self, task: &Task<'a>, block: &mut Block, tile: &Tile, item: &Item) -> Emit {
        let outputs = block.tiles.groups[2];
        if item.group + 1 < block.tiles.groups[1] {
            return (1..outputs).try_for_each(|output| self.project_group(task, block, tile, item, output));
        }
        let to = self.begin(task, &tile.part, &mut block.results)?;
        let (sums, pixels) = (block.output(item), tile.part.lines * tile.part.columns);
        for output in 0..outputs {
            if output + 1 < outputs {
                self.project_group(task, block, tile, item, output + 1)?;
            }
            let group = (output, sums + output * pixels);
            self.finish_group(task, block.project.requant, &mut block.results, group, (&tile.part, &to))?;
        }
        self.put(task.output, &tile.part, &to)
    }
}

impl Block<'_> {
    /// What is expanded of the next group of a tile.
    fn chunks(&mut self, tile: &Tile) -> Vec<Chunk> {
        let lines = tile.fresh.1;
        if self.expand.is_none() || lines == 0 {
            return vec![];
        }
        // All about as large.
        let size = lines.div_ceil(lines.div_ceil(self.sums.chunk));
        let chunk = |first: u64| {
            let sums = self.sums.expanded[self.chunk % self.sums.expanded.len()];
            self.chunk += 1;
            Chunk { first, lines: size.min(lines - first), sums }
        };
        (0..lines).step_by(size as usize).map(chunk).collect()
    }

    /// First row of a group's parameters.
    fn params(&self, item: &Item) -> u64 {
        let tiles = if self.tiles.expands { self.tiles.groups[0] } else { 0 } + self.tiles.groups[2];
        item.weights + tiles * TILE_ROWS as u64
    }

    /// Depthwise sums of a group.
    fn filtered(&self, item: &Item) -> u64 {
        self.sums.depthwise[item.index % self.sums.depthwise.len()]
    }

    /// Sums of the result of a tile.
    fn output(&self, item: &Item) -> u64 {
        self.sums.output[item.tile % self.sums.output.len()]
    }
}

/// Lanes of a group that count.
fn live(channels: usize, group: u64) -> u8 {
    (channels - group as usize * LANES).min(LANES) as u8
}

/// Weights and parameters group by group: as many rows for each as [`Tiles::weights`] says.
fn constants(tiles: &Tiles, expand: Option<&Conv>, depthwise: &Conv, project: &Conv) -> Vec<Leaf> {
    let expand_tiles = expand.map(|conv| (weights::conv(conv.weights, 1), params(conv)));
    let project_tiles = weights::conv(project.weights, 1);
    let (taps, filtered) = (weights::depthwise(depthwise.weights), params(depthwise));
    let each = taps.len() / tiles.groups[1] as usize;
    let part = |rows: &[Leaf], group: usize, size: usize| rows[group * size..(group + 1) * size].to_vec();
    let mut all = Vec::new();
    for group in 0..tiles.groups[1] as usize {
        let end = all.len() + tiles.weights() as usize;
        if let Some((tiles, _)) = &expand_tiles {
            all.extend_from_slice(&tiles[group].rows);
        }
        project_tiles.iter().for_each(|output| all.extend(part(&output.rows, group, TILE_ROWS)));
        all.extend(part(&filtered, group, PARAM_ROWS));
        match &expand_tiles {
            Some((_, params)) => all.extend(part(params, group, PARAM_ROWS)),
            None => all.extend([ZERO; PARAM_ROWS]),
        }
        all.extend(part(&taps, group, each));
        all.resize(end, ZERO);
    }
    all
}

fn params(conv: &Conv) -> Vec<Leaf> {
    weights::params(conv.requant, conv.weights.dim().0)
}
