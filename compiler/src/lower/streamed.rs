//! Pointwise products of which neither the pixels nor all sums fit on chip: the sums of a few groups of channels stay in acc while
//! the channels of the pixels pass, and with them the weights for these groups. Weights come once for each strip, which is as long as acc
//! has room for, and pixels once for each few groups.

use isa::{LANES, PARAM_ROWS, Subtree, TILE_ROWS};

use super::products::Product;
use super::transfer::{Turns, View};
use super::{Emit, Lower};
use crate::plan::Task;

/// Most groups of channels of the input that pass at once.
const CHUNK: u64 = 16;

/// How sums stay.
struct Stay {
    /// Lines and columns of a strip.
    strip: (u64, u64),
    /// Groups of channels of the result whose sums stay at once.
    groups: u64,
    /// Groups of channels of the input that pass at once.
    chunk: u64,
}

impl<'a> Lower<'a> {
    pub(super) fn streamed(&mut self, task: &Task<'a>, product: Product<'a>) -> Emit {
        let (geometry, input, tile) = (product.geometry, task.inputs[0], TILE_ROWS as u64);
        let tiles = self.plan.form(input).groups();
        let window = &geometry.window;
        let pointwise = window.kernel == [1, 1] && window.strides == [1, 1] && window.pads == [0; 4];
        let whole = product.groups.iter().all(|group| group.first == 0 && group.tiles == tiles);
        if !pointwise || !whole || product.packing.is_some() || product.sampled.is_some() {
            return Err("only pointwise products have their operands pass".into());
        }
        let stay = self.stay(task, &product, tiles).ok_or("no room for operands to pass")?;
        let pixels = stay.strip.0 * stay.strip.1;
        let mut results = self.results_of(task, product.requant, (pixels, 2), stay.groups)?;
        let mut pieces = self.maybe_turns(2, pixels * stay.chunk.min(self.buffered(input)))?;
        let mut weights = self.turns(2, stay.groups * stay.chunk * tile, tile)?;
        let constants: Vec<u64> = product.groups.iter().map(|group| self.constants.add(&group.rows)).collect();
        let outputs = product.groups.len() as u64;
        for part in geometry.parts(stay.strip) {
            for first in (0..outputs).step_by(stay.groups as usize) {
                let to = self.begin_at(task, &part, &mut results, first)?;
                let groups = first..(first + stay.groups).min(outputs);
                let pixels = part.lines * part.columns;
                let sums = self.sums((groups.end - groups.start) * pixels)?;
                for start in (0..tiles).step_by(stay.chunk as usize) {
                    let count = stay.chunk.min(tiles - start);
                    let buffer = pieces.as_mut().map(Turns::next);
                    let from = self.fetch_groups(input, &part, (start, count), buffer)?;
                    let w = weights.next();
                    for (index, group) in groups.clone().enumerate() {
                        let (w, sums) = (w + index as u64 * count * tile, sums + index as u64 * pixels);
                        let constant = constants[group as usize] + start * tile;
                        self.load((Subtree::Const, constant, 0), (w, 0), count * tile, 1)?;
                        let channels = self.plan.form(task.output).channels() as u64;
                        let n = (channels - group * LANES as u64).min(LANES as u64);
                        // The last tile by itself, if it has other inputs.
                        let rest = u64::from(start + count == tiles && product.k[0] != product.k[1]);
                        for (at, kt, k) in [(0, count - rest, product.k[0]), (count - rest, rest, product.k[1])] {
                            if kt > 0 {
                                let a = View { at: from.at + at, ..from };
                                let acc = start + at > 0;
                                self.matmul((&a, &part, &geometry), sums, (w + at * tile, kt, 1), (n, k), acc)?;
                            }
                        }
                    }
                }
                for (index, group) in groups.enumerate() {
                    let sums = sums + index as u64 * pixels;
                    self.finish_group(task, product.requant, &mut results, (group, sums), (&part, &to))?;
                }
                self.put_chunk(task, &part, &results, &to)?;
            }
        }
        Ok(())
    }

    /// The strips and groups for which the fewest rows pass, whose sums take half of acc.
    fn stay(&self, task: &Task, product: &Product, tiles: u64) -> Option<Stay> {
        let tile = TILE_ROWS as u64;
        let geometry = &product.geometry;
        let outputs = product.groups.len() as u64;
        let [images, height, width] = geometry.size();
        let passing = self.buffered(task.inputs[0]).min(1);
        let fixed = outputs * PARAM_ROWS as u64 + self.pixels(task) + 2 * tile + 8 * task.epilogue.len() as u64;
        let fit = |groups: u64| {
            let strip = geometry.strip(self.acc_rows / 2 / groups, |_, _| true)?;
            let pixels = strip.0 * strip.1;
            let kept = pixels * (self.made_of(task, groups) + self.others_of(task, groups));
            let fits = |&chunk: &u64| {
                2 * (kept + chunk * (pixels * passing + groups * tile)) + fixed + groups * PARAM_ROWS as u64
                    <= self.left()
            };
            let chunk = (1..=CHUNK.min(tiles)).rev().find(fits)?;
            let strips = images * height.div_ceil(strip.0) * width.div_ceil(strip.1);
            let passes = outputs.div_ceil(groups) * passing;
            let rows = tiles * (outputs * tile * strips + images * height * width * passes);
            Some((rows, Stay { strip, groups, chunk }))
        };
        (1..=outputs.min(self.acc_rows / 2)).filter_map(fit).min_by_key(|(rows, _)| *rows).map(|(_, stay)| stay)
    }
}
