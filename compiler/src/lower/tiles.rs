//! How large the tiles of a depthwise convolution between pointwise ones are: whole lines of the output, as many as acc and spad have room for.

use isa::{LANES, PARAM_ROWS, TILE_ROWS};

use super::strips::Geometry;
use super::transfer::Part;
use crate::TargetLimits;
use crate::plan::separable::Conv;
use crate::plan::{Plan, Task, Work};

/// Banks of acc.
const BANKS: u64 = 4;
/// Groups whose weights are in spad at least, if there are as many: one for each stage.
const STAGES: u64 = 3;

/// The sizes of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tiles {
    /// Of the depthwise window over what it reads.
    pub(super) geometry: Geometry,
    /// Groups of channels of the input, between, of the output.
    pub(super) groups: [u64; 3],
    /// Whether there is a pointwise convolution before the depthwise one.
    pub(super) expands: bool,
    /// Rows of pixels of other operands.
    others: u64,
}

/// Where sums lie in acc: first rows of each part that takes turns.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    pub(super) output: Vec<u64>,
    pub(super) expanded: Vec<u64>,
    /// Lines that are expanded at a time.
    pub(super) chunk: u64,
    pub(super) depthwise: Vec<u64>,
}

/// A tile: lines of the output, and what is under them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile {
    pub(super) part: Part,
    /// The input under it.
    pub(super) source: Part,
    /// Lines of it that were there for the tile before.
    pub(super) kept: u64,
    /// Lines of the image that are expanded for it: the first, how many.
    pub(super) fresh: (u64, u64),
    /// Whether the next tile goes on in the same image.
    pub(super) goes_on: bool,
}

impl Tile {
    /// Lines of padding above and below.
    pub(super) fn padding(&self, height: u64) -> [u64; 2] {
        let end = self.source.y + self.source.lines.cast_signed();
        [-self.source.y, end - height.cast_signed()].map(|lines| lines.max(0).cast_unsigned())
    }
}

impl Tiles {
    /// The sizes of a task, if it is such a block.
    pub(crate) fn new(plan: &Plan, task: &Task) -> Option<Tiles> {
        let Work::Separable(block) = &task.work else { return None };
        let input = plan.form(task.inputs[0]);
        let conv = Conv::of(block.depthwise)?;
        let between = conv.weights.dim().0.div_ceil(LANES) as u64;
        Some(Tiles {
            geometry: Geometry::new(input.image(), conv.window),
            groups: [input.groups(), between, plan.form(task.output).groups()],
            expands: block.expand.is_some(),
            others: task.reads().skip(1).map(|id| plan.form(id).groups()).sum(),
        })
    }

    fn taps(&self) -> u64 {
        self.geometry.window.kernel.iter().product::<usize>() as u64
    }

    /// Rows of the weights and parameters of a group between: tiles of the first and of the last product, parameters, taps.
    pub(super) fn weights(&self) -> u64 {
        let tile = TILE_ROWS as u64;
        let products = if self.expands { self.groups[0] } else { 0 } + self.groups[2];
        products * tile + (2 * PARAM_ROWS as u64 + self.taps()).next_multiple_of(tile)
    }

    /// Lines that two tiles, one after another, both read.
    pub(super) fn halo(&self) -> u64 {
        self.geometry.under(0, 1).saturating_sub(self.geometry.window.strides[0] as u64)
    }

    /// Rows of a line between, padding included.
    pub(super) fn pitch(&self) -> u64 {
        self.geometry.under(1, self.geometry.output[1])
    }

    /// Columns of the input that count.
    pub(super) fn columns(&self) -> u64 {
        self.geometry.input[1].min(self.pitch() - self.geometry.window.pads[1] as u64)
    }

    /// Most lines that are expanded for a tile of so many lines.
    pub(super) fn most_fresh(&self, lines: u64) -> u64 {
        let there = self.halo().min(self.geometry.window.pads[0] as u64);
        (self.geometry.under(0, lines) - there).min(self.geometry.input[0])
    }

    /// Where the sums of tiles of so many lines lie: each part in banks of its own, or one after another.
    pub(super) fn sums(&self, lines: u64, acc_rows: u64, own_banks: bool) -> Option<Sums> {
        let unit = if own_banks { (acc_rows / BANKS).max(1) } else { 1 };
        let all = acc_rows / unit;
        let pixels = lines * self.geometry.output[1];
        let [output, depthwise] = [pixels * self.groups[2], pixels].map(|rows| rows.div_ceil(unit));
        let place = |first: u64, size: u64, count: u64| (0..count).map(|i| (first + i * size) * unit).collect();
        if !self.expands {
            // Without other sums to wait for, depthwise sums need two places.
            let outputs = if 2 * (output + depthwise) <= all { 2 } else { 1 };
            let fits = outputs * output + 2 * depthwise <= all;
            return fits.then(|| Sums {
                output: place(0, output, outputs),
                depthwise: place(outputs * output, depthwise, 2),
                ..Sums::default()
            });
        }
        let rest = all.checked_sub(output + depthwise)?;
        let (whole, line) = (self.most_fresh(lines) * self.columns(), self.columns());
        // Two places for what is expanded, unless one holds all of it and there are no banks for two.
        let (first, rows, count) = match rest * unit {
            rows if rest >= 2 && (own_banks || rows >= 2 * whole) => (output, rest / 2 * unit, 2),
            rows if rows >= whole => (output, rows, 1),
            rows => (output, rows / 2, 2),
        };
        let expanded = (0..count).map(|i| first * unit + i * rows).collect();
        let chunk = (rows / line).min(self.most_fresh(lines));
        let sums = Sums { output: place(0, output, 1), expanded, chunk, depthwise: place(output + rest, depthwise, 1) };
        (chunk > 0).then_some(sums)
    }

    /// Rows of spad for tiles of so many lines, without weights; rows a pixel of input, results, and other operands.
    pub(super) fn rows(&self, lines: u64, [input, made, others]: [u64; 3]) -> u64 {
        let one = lines == self.geometry.output[0] && self.geometry.images == 1;
        let slots = if one { 1 } else { 2 };
        let (pixels, under) = (lines * self.geometry.output[1], self.geometry.under(0, lines) * self.pitch());
        let between = if self.expands {
            let halo = if one { 0 } else { self.groups[1] * self.halo() * self.pitch() };
            2 * under + slots * self.most_fresh(lines) * self.columns() * input + halo
        } else {
            slots * under * input
        };
        between + 2 * pixels + slots * pixels * (made + others) + self.groups[2] * PARAM_ROWS as u64 + 64
    }

    /// Lines of a tile that suit acc, and rows of spad of as many.
    pub(super) fn lines(&self, acc_rows: u64, left: u64, buffers: [u64; 3]) -> Option<u64> {
        let height = self.geometry.output[0];
        let (all, ring) = (self.groups[1] * self.weights(), self.groups[1].min(STAGES) * self.weights());
        let fits = |lines: u64, weights: u64, own_banks: bool| {
            self.sums(lines, acc_rows, own_banks).is_some()
                && self.rows(lines, buffers) + weights + TILE_ROWS as u64 <= left
        };
        if fits(height, ring, true) || fits(height, ring, false) {
            return Some(height);
        }
        let best = |weights, own_banks| (1..height).rev().find(|&lines| fits(lines, weights, own_banks));
        let lines = best(all, true).or_else(|| best(all, false)).or_else(|| best(ring, false))?;
        Some(height.div_ceil(height.div_ceil(lines)))
    }

    /// Rows of spad that are enough to work well.
    pub(crate) fn reserve(&self, target: &TargetLimits) -> Option<u64> {
        let all = 1 << target.spad_log2;
        let buffers = [self.groups[0], self.groups[2], self.others];
        let lines = self.lines(1 << target.acc_log2, all, buffers)?;
        let weights = (self.groups[1] * self.weights()).min((STAGES + 1) * self.weights());
        Some((self.rows(lines, buffers) + weights + 2 * TILE_ROWS as u64).min(all))
    }

    /// Whether a target has room for tiles of this block.
    pub(crate) fn fit(&self, target: &TargetLimits) -> bool {
        self.reserve(target).is_some()
    }

    /// The tiles, in order.
    pub(super) fn tiles(&self, lines: u64) -> Vec<Tile> {
        let [height, _] = self.geometry.input;
        let tile = |part: Part| {
            let source = self.geometry.source(&part);
            let kept = if part.y == 0 { 0 } else { self.halo() };
            let start = (source.y + kept.cast_signed()).max(0).cast_unsigned();
            let end = (source.y + source.lines.cast_signed()).max(0).cast_unsigned().min(height);
            let goes_on = part.y.cast_unsigned() + part.lines < self.geometry.output[0];
            Tile { part, source, kept, fresh: (start, end.saturating_sub(start)), goes_on }
        };
        self.geometry.parts((lines, self.geometry.output[1])).into_iter().map(tile).collect()
    }
}
