//! Attention on chip: while the vector unit takes the softmax of one strip of scores, the array makes the scores of the next
//! strip and weighs the values by the probabilities of the strip before.

use isa::{LANES, PARAM_ROWS, TILE_ROWS};

use super::matrix::{Product, Side, Sums};
use super::strips::Geometry;
use super::transfer::{Turns, View};
use super::{Emit, Lower};
use crate::TargetLimits;
use crate::idiom::Code;
use crate::idiom::softmax::{BytesPlaces, Grid, Softmax, TABLE_ROWS, Tail};
use crate::plan::Task;
use crate::plan::attention::Attention;
use crate::text::{count, small};

const TILE: u64 = TILE_ROWS as u64;
const LANE: u64 = LANES as u64;
/// Registers that constants of softmax may take; it needs none.
const CONSTANTS: [u8; 4] = [1, 2, 3, 4];
/// Row32s for constants.
const FILLED: u64 = 3;
/// Fewest and most rows of a strip: below, the array waits for its weights.
const STRIPS: [u64; 2] = [8, 64];

/// Sizes of attention: for each of `batches` matrices, `rows × features` by `features × keys`, then `rows × keys` by
/// `keys × columns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AttentionSizes {
    pub(crate) batches: usize,
    pub(crate) rows: u64,
    pub(crate) features: u64,
    pub(crate) keys: u64,
    pub(crate) columns: u64,
}

impl AttentionSizes {
    /// Groups of features, keys, columns.
    fn groups(&self) -> [u64; 3] {
        [self.features, self.keys, self.columns].map(|size| size.div_ceil(LANE))
    }

    /// Rows of spad for strips of so many rows, and of a bank.
    pub(crate) fn spad(&self, strip: u64, bank: u64) -> u64 {
        let [features, keys, columns] = self.groups();
        let tiles = 2 * TILE * keys * (features + columns);
        let strips = 2 * strip * (features + 2 * keys + columns + 1);
        let constants = (keys + columns) * PARAM_ROWS as u64 + TABLE_ROWS as u64 + 2 * (TILE + 1);
        tiles + strips + constants + 4 * TILE + bank
    }

    /// Multiply-accumulates of the two products.
    pub(crate) fn macs(&self) -> u64 {
        self.batches as u64 * self.rows * self.keys * (self.features + self.columns)
    }

    /// Row32s of softmax, and of what zero points take off, for strips of so many rows.
    fn half(&self, strip: u64) -> u64 {
        let [_, keys, columns] = self.groups();
        strip * (2 * keys + 5) + 2 * (keys + columns) + FILLED
    }
}

/// Rows of a bank of spad, as far as the order of rows depends on it: the machine has eight.
pub(crate) fn bank(target: &TargetLimits) -> u64 {
    (1 << target.spad_log2) / 8
}

/// Rows of a strip whose scores, probabilities and operands fit the target, if there are enough to be worth it.
pub(crate) fn attention_strip(sizes: &AttentionSizes, target: &TargetLimits) -> Option<u64> {
    let (spad, acc) = (1u64 << target.spad_log2, 1u64 << target.acc_log2);
    let [_, keys, columns] = sizes.groups();
    let fits = |&strip: &u64| {
        let sums = strip * (keys + 1) <= acc / 4 && strip * (columns + 1) <= acc / 4;
        sums && sizes.half(strip) <= acc / 2 && sizes.spad(strip, bank(target)) <= spad / 2
    };
    let [least, most] = STRIPS;
    let strip = (1..=most.min(sizes.rows)).rev().find(fits)?;
    (strip >= least.min(sizes.rows)).then(|| sizes.rows.div_ceil(sizes.rows.div_ceil(strip)))
}

/// Where everything lies while the task runs.
struct Places {
    /// Operands and results in DRAM or on chip.
    sides: [Side; 4],
    products: [Product; 2],
    softmax: Softmax,
    table: u64,
    strip: u64,
    queries: Option<Turns>,
    results: Option<Turns>,
    /// Tiles of keys and values.
    tiles: [Turns; 2],
    scores: [u64; 2],
    probabilities: [u64; 2],
    largest: u64,
    /// Acc: first row32 of what columns' zero points take off, by product.
    columns: [u64; 2],
}

/// A strip: which matrix, first row, rows; its number, and whether it is the first of the matrix.
#[derive(Clone, Copy)]
struct Strip {
    batch: usize,
    start: u64,
    rows: u64,
    number: usize,
    tiles: [u64; 2],
}

impl<'a> Lower<'a> {
    pub(super) fn attention(&mut self, task: &Task<'a>, attention: &Attention<'a>) -> Emit {
        let shape = self.plan.form(task.output).shape.clone();
        let batches = &shape[..shape.len() - 2];
        let mut places = self.places(task, attention)?;
        let mut strips = Vec::new();
        for batch in 0..attention.sizes.batches {
            let tiles = [places.tiles[0].next(), places.tiles[1].next()];
            for part in Geometry::pixels([1, 1, attention.sizes.rows as usize]).parts((1, places.strip)) {
                let (start, rows) = (part.x.cast_unsigned(), part.columns);
                strips.push(Strip { batch, start, rows, number: strips.len(), tiles });
            }
        }
        // Three strips at once: what is oldest goes first where streams should touch the same rows.
        for step in 0..strips.len() + 2 {
            let at = |behind: usize| step.checked_sub(behind).and_then(|index| strips.get(index)).copied();
            let start = self.text.instrs.len();
            let mut streams = Vec::new();
            if let Some(strip) = at(2) {
                self.weigh(&mut places, batches, &strip)?;
                streams.push(self.text.instrs.split_off(start));
            }
            if let Some(strip) = at(1) {
                self.probabilities(&places, &strip)?;
                streams.push(self.text.instrs.split_off(start));
            }
            if let Some(strip) = at(0) {
                self.scores(&mut places, batches, &strip)?;
                streams.push(self.text.instrs.split_off(start));
            }
            self.text.instrs.extend(crate::schedule::interleave(streams));
        }
        Ok(())
    }

    fn places(&mut self, task: &Task<'a>, attention: &Attention<'a>) -> Emit<Places> {
        let sizes = &attention.sizes;
        let strip = attention.strip;
        let [q, k, v] = [task.inputs[0], task.inputs[1], task.inputs[2]];
        let transposed = |id| {
            let form = self.plan.form(id);
            form.lane + 1 < form.shape.len()
        };
        let [kt, vt] = [transposed(k), transposed(v)];
        let sides = [self.side(q, false), self.side(k, kt), self.side(v, vt), self.side(task.output, false)];
        let [features, keys, columns] = sizes.groups();
        // What the array reads, row after row, and then what vectors read: in banks of their own.
        let (scores, values) = (&attention.scores, &attention.values);
        let mut products = [
            self.product_of([sizes.rows, sizes.features, sizes.keys], kt, scores.zeros, scores.requant)?,
            self.product_of([sizes.rows, sizes.keys, sizes.columns], vt, values.zeros, values.requant)?,
        ];
        let tiles = [self.turns(2, TILE * keys * features, TILE)?, self.turns(2, TILE * keys * columns, TILE)?];
        let queries = self.maybe_turns(2, strip * self.buffered(q))?;
        let probabilities = self.pair(strip * keys)?;
        let results = self.maybe_turns(2, strip * self.buffered(task.output))?;
        self.take(0, attention.bank)?;
        let scores = self.pair(strip * keys)?;
        let largest = self.take(2 * strip, 1)?;
        products.iter_mut().try_for_each(|product| self.parameters(product))?;
        let tail = Tail::Lanes(((sizes.keys - 1) % LANE + 1) as u8);
        let softmax = Softmax { scale: attention.scale, rows: 1, segments: count(keys)?, tail, to: attention.to };
        let table = self.load_constant(&softmax.table(), TILE)?;
        let first = strip * (2 * keys + 5);
        let columns = [first, first + 2 * keys];
        Ok(Places {
            sides,
            products,
            softmax,
            table,
            strip,
            queries,
            results,
            tiles,
            scores,
            probabilities,
            largest,
            columns,
        })
    }

    fn pair(&mut self, rows: u64) -> Emit<[u64; 2]> {
        Ok([self.take(rows, 1)?, self.take(rows, 1)?])
    }

    /// The scores of a strip, and the tiles of keys if they are new.
    fn scores(&mut self, places: &mut Places, batches: &[usize], strip: &Strip) -> Emit {
        let (product, side) = (&places.products[0], &places.sides[0]);
        let buffer = places.queries.as_mut().map(Turns::next);
        let first = side.first(batches, strip.batch) + strip.start * side.step;
        let from = self.bring(side, (first, strip.rows), buffer)?;
        let to = View { at: places.scores[strip.number % 2], line: 0, pixel: product.groups() };
        let sums = places.sums(0, self.acc_rows / 2, strip);
        self.strip_of(product, &places.sides[1], (batches, strip), (&from, strip.tiles[0]), &sums)?;
        self.zeros_off(product, strip.rows, product.groups(), &sums)?;
        self.bytes_of(product, strip.rows, (0, product.groups()), &sums, &to)
    }

    /// The softmax of a strip.
    fn probabilities(&mut self, places: &Places, strip: &Strip) -> Emit {
        let segments = u64::from(places.softmax.segments);
        let step = small(segments)?;
        let grid = |base: u64| Grid { base: base as u32, row: step, segment: 1 };
        let end = self.acc_rows as u32 / 2;
        let mut code = Code::new(self.text.instrs.len() as u32, &CONSTANTS, end - FILLED as u32..end);
        let at = BytesPlaces {
            scores: grid(places.scores[strip.number % 2]),
            largest: places.largest as u32,
            scratch: [grid(0), grid(strip.rows * segments)],
            totals: (2 * strip.rows * segments) as u32,
            output: grid(places.probabilities[strip.number % 2]),
            table: places.table as u32,
        };
        Softmax { rows: count(strip.rows)?, ..places.softmax }.emit_bytes(&mut code, &at);
        self.text.instrs.extend_from_slice(code.instrs());
        Ok(())
    }

    /// The values weighed by the probabilities of a strip, and the tiles of values if they are new.
    fn weigh(&mut self, places: &mut Places, batches: &[usize], strip: &Strip) -> Emit {
        let (product, side) = (&places.products[1], &places.sides[3]);
        let pixel = product.tiles();
        let from = View { at: places.probabilities[strip.number % 2], line: 0, pixel };
        let buffer = places.results.as_mut().map(Turns::next);
        let first = side.first(batches, strip.batch) + strip.start * side.step;
        let to = self.goes(side, first, buffer)?;
        let sums = places.sums(1, self.acc_rows * 3 / 4, strip);
        self.strip_of(product, &places.sides[2], (batches, strip), (&from, strip.tiles[1]), &sums)?;
        self.zeros_off(product, strip.rows, product.groups(), &sums)?;
        self.bytes_of(product, strip.rows, (0, product.groups()), &sums, &to)?;
        self.give(side, (first, strip.rows), &to)
    }

    /// The sums of a strip with all groups of a matrix.
    fn strip_of(
        &mut self,
        product: &Product,
        side: &Side,
        (batches, strip): (&[usize], &Strip),
        (from, tiles): (&View, u64),
        sums: &Sums,
    ) -> Emit {
        let all = 0..product.tiles();
        let place = |group: u64| tiles + group * product.tiles() * TILE;
        if strip.start == 0 {
            let first = side.first(batches, strip.batch);
            for group in 0..product.groups() {
                self.tiles(side, product, (first, group), all.clone(), place(group))?;
                self.column_sums(product, (place(group), group), all.clone(), sums.columns + group)?;
            }
        }
        self.row_sums(product, (from, strip.rows), sums.rows)?;
        for group in 0..product.groups() {
            let at = sums.at + group * sums.step;
            self.sum_of(product, (from, strip.rows), (place(group), group), all.clone(), at)?;
        }
        Ok(())
    }
}

impl Places {
    /// Where the sums of a strip lie, and what zero points take off.
    fn sums(&self, index: usize, at: u64, strip: &Strip) -> Sums {
        let columns = self.columns[index] + strip.batch as u64 % 2 * self.products[index].groups();
        // In the sums' own bank, so that nothing else that vectors read is in one that the array writes.
        let rows = at + strip.rows * self.products[index].groups();
        Sums { at, step: strip.rows, columns, rows }
    }
}
