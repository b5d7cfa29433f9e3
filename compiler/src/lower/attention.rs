//! Attention on chip: while the vector unit takes the softmax of one strip of scores, the array makes the scores of the next
//! strip and weighs the values by the probabilities of the strip before.

use isa::{Instr, LANES, PARAM_ROWS, TILE_ROWS};

use super::heads::{self, Heads};
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
    /// Channels of what queries, keys and values are made of, if that is part of the task; else 0.
    pub(crate) inputs: u64,
}

impl AttentionSizes {
    /// Groups of features, keys, columns.
    pub(super) fn groups(&self) -> [u64; 3] {
        [self.features, self.keys, self.columns].map(|size| size.div_ceil(LANE))
    }

    /// Rows of spad for strips of so many rows, and of a bank.
    pub(crate) fn spad(&self, strip: u64, bank: u64) -> u64 {
        let [features, keys, columns] = self.groups();
        let tiles = TILE * keys * (2 * features + self.held_values(strip) * columns);
        let strips = 2 * strip * (features + 2 * keys + columns + 1);
        let constants = (keys + columns) * PARAM_ROWS as u64 + TABLE_ROWS as u64 + 2 * (TILE + 1);
        let made = if self.inputs == 0 {
            0
        } else {
            let input = self.keys * self.inputs.div_ceil(LANE);
            // Parameters, and a pixel that is added.
            let params = self.batches as u64 * (2 * features + columns) * (PARAM_ROWS as u64 + 1) + 3;
            input + heads::PIECES * heads::CHUNK * TILE + 2 * self.keys * features + params
        };
        tiles + strips + constants + 4 * TILE + bank + made
    }

    /// Heads whose values lie on chip at once: this one's and the next's; and one more where the second next would begin to make
    /// its own, in the first strip of the next, before the last strip of this one is weighed, two strips later than it came.
    fn held_values(&self, strip: u64) -> u64 {
        let [features, _, columns] = self.groups();
        let strips = self.rows.div_ceil(strip);
        // Queries and keys are made first, and each strip makes an equal part of all.
        let early = 2 * features + columns > strips * 2 * features;
        if self.inputs > 0 && early { 3 } else { 2 }
    }

    /// Multiply-accumulates of all products.
    pub(crate) fn macs(&self) -> u64 {
        let own = self.rows * self.keys * (self.features + self.columns);
        self.batches as u64 * (own + self.keys * self.inputs * (2 * self.features + self.columns))
    }

    /// Row32s of acc for softmax, and for the sums of each product: a half and quarters; where projections take two
    /// quarters, a quarter and eighths.
    fn acc(&self, acc: u64) -> [u64; 2] {
        if self.inputs == 0 { [acc / 2, acc / 4] } else { [acc / 4, acc / 8] }
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
    let [vectors, sums] = sizes.acc(acc);
    // Projections are worth more of spad than what they leave others.
    let most_rows = if sizes.inputs == 0 { spad / 2 } else { spad };
    let fits = |&strip: &u64| {
        let rows = strip * (keys + 1) <= sums && strip * (columns + 1) <= sums;
        rows && sizes.half(strip) <= vectors && sizes.spad(strip, bank(target)) <= most_rows
    };
    if sizes.inputs > 0 && sizes.keys > acc / 4 {
        return None;
    }
    let [least, most] = STRIPS;
    let strip = (1..=most.min(sizes.rows)).rev().find(fits)?;
    (strip >= least.min(sizes.rows)).then(|| sizes.rows.div_ceil(sizes.rows.div_ceil(strip)))
}

/// Where queries, keys and values come from.
enum Operands {
    /// DRAM or rows on chip; buffers of queries.
    Given([Side; 3], Option<Turns>),
    /// Projections.
    Made(Box<Heads>),
}

/// Where everything lies while the task runs.
struct Places {
    operands: Operands,
    /// Results in DRAM or on chip.
    result: Side,
    products: [Product; 2],
    softmax: Softmax,
    table: u64,
    strip: u64,
    results: Option<Turns>,
    /// Tiles of keys and values.
    tiles: [Turns; 2],
    scores: [u64; 2],
    probabilities: [u64; 2],
    largest: u64,
    /// Acc: first row32 of what columns' zero points take off, by product; of the sums; the end of what softmax has.
    columns: [u64; 2],
    sums: [u64; 2],
    vectors: u64,
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
        let each = strips.len() / attention.sizes.batches;
        let mut next = self.next_head(&mut places, strips.first())?;
        self.text.instrs.append(&mut next);
        // Three strips at once, and a part of the next head: what is oldest goes first where streams should touch the same rows.
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
                if step.is_multiple_of(each) {
                    next = self.next_head(&mut places, strips.get(step + each))?;
                }
                let left = each - step % each;
                let rest = next.split_off(next.len().div_ceil(left));
                streams.push(std::mem::replace(&mut next, rest));
            }
            self.text.instrs.extend(crate::schedule::interleave(streams));
        }
        Ok(())
    }

    /// The projections of the head that a strip is the first of, where they are part of the task.
    fn next_head(&mut self, places: &mut Places, strip: Option<&Strip>) -> Emit<Vec<Instr>> {
        match (&mut places.operands, strip) {
            (Operands::Made(heads), Some(strip)) => self.project(heads, strip.batch, strip.tiles),
            _ => Ok(vec![]),
        }
    }

    fn places(&mut self, task: &Task<'a>, attention: &Attention<'a>) -> Emit<Places> {
        let sizes = &attention.sizes;
        let strip = self.tiling.most(attention.strip);
        let transposed = |id| {
            let form = self.plan.form(id);
            form.lane + 1 < form.shape.len()
        };
        let [kt, vt] = match task.inputs[..] {
            [_, k, v] => [transposed(k), transposed(v)],
            _ => [true, false],
        };
        let result = self.side(task.output, false);
        let [features, keys, columns] = sizes.groups();
        // What the array reads row after row, its weights, and what vectors read: in banks of their own.
        let input = match &attention.projections {
            Some(projections) => Some(self.projected_input(task, sizes, projections)?),
            None => None,
        };
        let heads = sizes.held_values(strip);
        let tiles = [self.turns(2, TILE * keys * features, TILE)?, self.turns(heads, TILE * keys * columns, TILE)?];
        if input.is_some() {
            self.take(0, attention.bank)?;
        }
        let mut operands = match (input, &task.inputs[..]) {
            (Some(heads), _) => Operands::Made(Box::new(self.with_queries(heads)?)),
            (None, &[q, k, v]) => {
                let sides = [self.side(q, false), self.side(k, kt), self.side(v, vt)];
                let queries = self.maybe_turns(2, strip * self.buffered(q))?;
                Operands::Given(sides, queries)
            }
            _ => return Err("internal: attention without its operands".into()),
        };
        let probabilities = self.pair(strip * keys)?;
        let results = self.maybe_turns(2, strip * self.buffered(task.output))?;
        self.take(0, attention.bank)?;
        let (scores, values) = (&attention.scores, &attention.values);
        let mut products = [
            self.product_of([sizes.rows, sizes.features, sizes.keys], kt, scores.zeros, scores.requant)?,
            self.product_of([sizes.rows, sizes.keys, sizes.columns], vt, values.zeros, values.requant)?,
        ];
        let scores = self.pair(strip * keys)?;
        let largest = self.take(2 * strip, 1)?;
        products.iter_mut().try_for_each(|product| self.parameters(product))?;
        if let (Operands::Made(heads), Some(projections)) = (&mut operands, &attention.projections) {
            self.heads_parameters(heads, projections)?;
        }
        let tail = Tail::Lanes(((sizes.keys - 1) % LANE + 1) as u8);
        let softmax = Softmax { scale: attention.scale, rows: 1, segments: count(keys)?, tail, to: attention.to };
        let table = self.load_constant(&softmax.table(), TILE)?;
        let first = strip * (2 * keys + 5);
        let columns = [first, first + 2 * keys];
        let [vectors, each] = sizes.acc(self.acc_rows);
        let sums = [self.acc_rows - 2 * each, self.acc_rows - each];
        Ok(Places {
            operands,
            result,
            products,
            softmax,
            table,
            strip,
            results,
            tiles,
            scores,
            probabilities,
            largest,
            columns,
            sums,
            vectors,
        })
    }

    fn pair(&mut self, rows: u64) -> Emit<[u64; 2]> {
        Ok([self.take(rows, 1)?, self.take(rows, 1)?])
    }

    /// The scores of a strip, and the tiles of keys if they are new.
    fn scores(&mut self, places: &mut Places, batches: &[usize], strip: &Strip) -> Emit {
        let product = &places.products[0];
        let (from, keys) = match &mut places.operands {
            Operands::Given(sides, queries) => {
                let side = &sides[0];
                let first = side.first(batches, strip.batch) + strip.start * side.step;
                (self.bring(side, (first, strip.rows), queries.as_mut().map(Turns::next))?, Some(&sides[1]))
            }
            Operands::Made(heads) => (heads.strip(strip.batch, strip.start), None),
        };
        let to = View { at: places.scores[strip.number % 2], line: 0, pixel: product.groups() };
        let sums = sums_of(&places.products, &places.columns, &places.sums, (0, strip));
        self.strip_of(product, keys, (batches, strip), (&from, strip.tiles[0]), &sums)?;
        self.zeros_off(product, strip.rows, product.groups(), &sums)?;
        self.bytes_of(product, strip.rows, (0, product.groups()), &sums, &to)
    }

    /// The softmax of a strip.
    fn probabilities(&mut self, places: &Places, strip: &Strip) -> Emit {
        let segments = u64::from(places.softmax.segments);
        let step = small(segments)?;
        let grid = |base: u64| Grid { base: base as u32, row: step, segment: 1 };
        let end = places.vectors as u32;
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
        let (product, side) = (&places.products[1], &places.result);
        let values = match &places.operands {
            Operands::Given(sides, _) => Some(&sides[2]),
            Operands::Made(_) => None,
        };
        let pixel = product.tiles();
        let from = View { at: places.probabilities[strip.number % 2], line: 0, pixel };
        let buffer = places.results.as_mut().map(Turns::next);
        let first = side.first(batches, strip.batch) + strip.start * side.step;
        let to = self.goes(side, first, buffer)?;
        let sums = sums_of(&places.products, &places.columns, &places.sums, (1, strip));
        self.strip_of(product, values, (batches, strip), (&from, strip.tiles[1]), &sums)?;
        self.zeros_off(product, strip.rows, product.groups(), &sums)?;
        self.bytes_of(product, strip.rows, (0, product.groups()), &sums, &to)?;
        self.give(side, (first, strip.rows), &to)
    }

    /// The sums of a strip with all groups of a matrix.
    fn strip_of(
        &mut self,
        product: &Product,
        side: Option<&Side>,
        (batches, strip): (&[usize], &Strip),
        (from, tiles): (&View, u64),
        sums: &Sums,
    ) -> Emit {
        let all = 0..product.tiles();
        let place = |group: u64| tiles + group * product.tiles() * TILE;
        if strip.start == 0 {
            for group in 0..product.groups() {
                if let Some(side) = side {
                    let first = side.first(batches, strip.batch);
                    self.tiles(side, product, (first, group), all.clone(), place(group))?;
                }
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

/// Where the sums of a strip lie, and what zero points take off.
fn sums_of(products: &[Product; 2], columns: &[u64; 2], sums: &[u64; 2], (index, strip): (usize, &Strip)) -> Sums {
    let groups = products[index].groups();
    let (at, columns) = (sums[index], columns[index] + strip.batch as u64 % 2 * groups);
    // In the sums' own bank, so that nothing else that vectors read is in one that the array writes.
    Sums { at, step: strip.rows, columns, rows: at + strip.rows * groups }
}
