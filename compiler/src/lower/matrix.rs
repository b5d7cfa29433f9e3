//! Products of two values.
//!
//! Zero points are taken off the sums: what a column of the second operand sums up to times the first one's, the same for all
//! rows, and what a row of the first sums up to times the second one's, the same for all columns.

use isa::{LANES, Load, Matmul, Move, PARAM_ROWS, Requant as RequantInstr, TILE_ROWS};

use super::strips::Geometry;
use super::transfer::{Turns, View};
use super::{Emit, Fault, Lower, weights};
use crate::idiom::{Lanes, Second};
use crate::int_ir::Requant;
use crate::plan::{Task, ValueId};
use crate::text::{count, loops, operand, small, wide};

const TILE: u64 = TILE_ROWS as u64;
const LANE: u64 = LANES as u64;
/// Tiles that pass through the ring at once.
const CHUNK: u64 = 32;
/// Rows of a strip, at most.
const STRIP: u64 = 256;

/// A value as matrices, one for each index of the axes before the last two.
#[derive(Clone)]
pub(super) struct Side {
    pub(super) id: ValueId,
    /// Sizes of those axes, and rows from one index to the next.
    batches: Vec<(usize, u64)>,
    /// Rows from one row of a matrix to the next; or one column, where rows of the value hold a column each.
    pub(super) step: u64,
    /// Rows of a row.
    pub(super) groups: u64,
}

impl Side {
    /// The first row of a matrix among all those of axes that these broadcast to.
    pub(super) fn first(&self, all: &[usize], mut batch: usize) -> u64 {
        let own = self.batches.iter().rev().map(Some).chain(std::iter::repeat(None));
        all.iter().rev().zip(own).fold(0, |at, (&size, own)| {
            let index = batch % size;
            batch /= size;
            at + own.filter(|(size, _)| *size > 1).map_or(0, |(_, stride)| index as u64 * stride)
        })
    }
}

/// Products of matrices: `m × k` by `k × n`.
#[derive(Clone)]
pub(super) struct Product {
    pub(super) m: u64,
    pub(super) k: u64,
    pub(super) n: u64,
    /// Whether rows of the second operand hold a column each.
    pub(super) transposed: bool,
    zeros: [i8; 2],
    /// A row of the first zero point's opposite, and a tile of the second's.
    row: Zero,
    tile: Zero,
    params: u64,
    requant: Requant,
}

impl Product {
    /// Groups of columns.
    pub(super) fn groups(&self) -> u64 {
        self.n.div_ceil(LANE)
    }

    /// Tiles of a group.
    pub(super) fn tiles(&self) -> u64 {
        self.k.div_ceil(LANE)
    }
}

/// Rows of bytes that hold a zero point's opposite, or half of it, to be taken twice.
#[derive(Clone, Copy)]
struct Zero {
    at: u64,
    times: u64,
}

/// Row32s of the sums of some rows: those of group g from `at + g·step` on; what a column's zero point takes off, a row32 a
/// group, and a row's, in lane 0 of a row32 a row.
#[derive(Clone, Copy)]
pub(super) struct Sums {
    pub(super) at: u64,
    pub(super) step: u64,
    pub(super) columns: u64,
    pub(super) rows: u64,
}

/// Products of rows with tiles one after another.
#[derive(Clone, Copy)]
pub(super) struct Dots {
    pub(super) rows: u64,
    /// First row, from one to the next, from one tile's to the next.
    pub(super) a: (u64, u64, u64),
    /// First tile, and rows from one to the next.
    pub(super) w: (u64, u64),
    pub(super) transposed: bool,
    pub(super) n: u64,
    pub(super) k: u64,
    pub(super) acc: bool,
}

impl<'a> Lower<'a> {
    pub(super) fn matrix(&mut self, task: &Task<'a>, zeros: [i8; 2], requant: &Requant) -> Emit {
        let [a, b] = [task.inputs[0], task.inputs[1]];
        let (x, y, out) = (self.plan.form(a).clone(), self.plan.form(b).clone(), self.plan.form(task.output).clone());
        let rank = out.shape.len();
        let transposed = y.lane + 1 < y.shape.len();
        let sides = [self.side(a, false), self.side(b, transposed), self.side(task.output, false)];
        let sizes = [out.shape[rank - 2], x.channels(), out.shape[rank - 1]].map(|size| size as u64);
        let mut product = self.product_of(sizes, transposed, zeros, requant)?;
        self.parameters(&mut product)?;
        let batches = &out.shape[..rank - 2];
        let chunk = CHUNK.min(product.tiles()).min((self.left() / 4 / TILE).max(1));
        let mut supply = self.turns(2, chunk * TILE, TILE)?;
        // Sums in two places by turns; then what zero points take off.
        let quarter = self.acc_rows / 4;
        let [input, output] = [&sides[0], &sides[2]].map(|side| self.buffered(side.id));
        let fits = |slots: u64| match input + output {
            0 => u64::MAX,
            rows => self.left() / (slots * rows),
        };
        let slots = if fits(2) >= product.m.min(STRIP) || fits(2) >= 32 { 2 } else { 1 };
        let most = fits(slots).min(quarter.saturating_sub(1)).min(STRIP).min(product.m);
        if most == 0 {
            let short = if quarter < 2 {
                ("acc", 8, self.acc_rows)
            } else {
                ("spad", self.free.start + input + output, self.free.end)
            };
            return Err(Fault::Rows(short.0, short.1, short.2));
        }
        let strip = self.tiling.most(product.m.div_ceil(product.m.div_ceil(most)));
        let mut from_turns = self.maybe_turns(slots, strip * input)?;
        let mut to_turns = self.maybe_turns(slots, strip * output)?;
        let mut turn = 0;
        for batch in 0..batches.iter().product::<usize>() {
            let first = sides.each_ref().map(|side| side.first(batches, batch));
            for part in Geometry::pixels([1, 1, product.m as usize]).parts((1, strip)) {
                let (start, rows) = (part.x.cast_unsigned(), part.columns);
                let buffer = from_turns.as_mut().map(Turns::next);
                let from = self.bring(&sides[0], (first[0] + start * sides[0].step, rows), buffer)?;
                let buffer = to_turns.as_mut().map(Turns::next);
                let place = first[2] + start * sides[2].step;
                let to = self.goes(&sides[2], place, buffer)?;
                let row_sums = 2 * quarter;
                self.row_sums(&product, (&from, rows), row_sums)?;
                for group in 0..product.groups() {
                    turn += 1;
                    let columns = (2 + turn % 2) * quarter + quarter - 1;
                    let sums = Sums { at: turn % 2 * quarter, step: 0, columns, rows: row_sums };
                    for start in (0..product.tiles()).step_by(chunk as usize) {
                        let tiles = start..(start + chunk).min(product.tiles());
                        let w = supply.next();
                        self.tiles(&sides[1], &product, (first[1], group), tiles.clone(), w)?;
                        self.column_sums(&product, (w, group), tiles.clone(), sums.columns)?;
                        self.sum_of(&product, (&from, rows), (w, group), tiles, sums.at)?;
                    }
                    self.zeros_off(&product, rows, 1, &sums)?;
                    self.bytes_of(&product, rows, (group, 1), &sums, &to)?;
                }
                self.give(&sides[2], (place, rows), &to)?;
            }
        }
        Ok(())
    }

    /// A value as matrices, of rows or of columns.
    pub(super) fn side(&self, id: ValueId, transposed: bool) -> Side {
        let (value, form) = (self.plan.value(id), self.plan.form(id));
        let own = || form.strides().iter().map(|stride| stride / LANE).collect();
        let strides: Vec<u64> = value.strides.clone().unwrap_or_else(own);
        let rank = form.shape.len();
        let batches = (0..rank - 2).map(|axis| (form.shape[axis], strides[axis])).collect();
        let step = strides[if transposed { rank - 1 } else { rank - 2 }];
        Side { id, batches, step, groups: form.groups() }
    }

    /// Writes what all products of a task need; its parameters are loaded besides.
    pub(super) fn product_of(
        &mut self,
        [m, k, n]: [u64; 3],
        transposed: bool,
        zeros: [i8; 2],
        requant: &Requant,
    ) -> Emit<Product> {
        // The zero points' product is part of the bias.
        let both = (k as i32).wrapping_mul(i32::from(zeros[0]) * i32::from(zeros[1]));
        let mut requant = requant.clone();
        requant.bias.iter_mut().for_each(|bias| *bias = bias.wrapping_add(both));
        let row = self.zero(zeros[0], 1)?;
        let tile = self.zero(zeros[1], TILE)?;
        Ok(Product { m, k, n, transposed, zeros, row, tile, params: 0, requant })
    }

    /// Loads its parameters.
    pub(super) fn parameters(&mut self, product: &mut Product) -> Emit {
        let blocks = weights::params(&product.requant, product.n as usize);
        product.params = self.load_constant(&blocks, PARAM_ROWS as u64)?;
        Ok(())
    }

    /// Rows that hold a zero point's opposite, or half of it, to be taken twice.
    fn zero(&mut self, zero: i8, rows: u64) -> Emit<Zero> {
        if zero == 0 {
            return Ok(Zero { at: 0, times: 0 });
        }
        let at = self.take(rows, rows)?;
        let (value, times) = if zero == i8::MIN { (64, 2) } else { (-zero, 1) };
        self.fill((at, 0), rows, 1, value)?;
        Ok(Zero { at, times })
    }

    /// Rows of a matrix, from row `first` of the value on: where they lie on chip, or brought into a buffer.
    pub(super) fn bring(&mut self, side: &Side, (first, rows): (u64, u64), buffer: Option<u64>) -> Emit<View> {
        let view = self.goes(side, first, buffer)?;
        if buffer.is_some() {
            let (region, row) = self.home(side.id).dram.ok_or("internal: a value without a place")?;
            let (run, lines) = if side.step == side.groups { (rows * side.groups, 1) } else { (side.groups, rows) };
            self.load((region, row + first, side.step), (view.at, side.groups), run, lines)?;
        }
        Ok(view)
    }

    /// Where rows of a matrix are, or go to: on chip, or a buffer.
    pub(super) fn goes(&self, side: &Side, first: u64, buffer: Option<u64>) -> Emit<View> {
        if let Some(at) = buffer {
            return Ok(View { at, line: 0, pixel: side.groups });
        }
        let map = self.map(side.id).ok_or("internal: a value that is not on chip")?;
        Ok(View { at: map.origin() + first, line: 0, pixel: side.step })
    }

    /// Stores rows of a result, if it has a place in DRAM.
    pub(super) fn give(&mut self, side: &Side, (first, rows): (u64, u64), view: &View) -> Emit {
        let Some((region, row)) = self.home(side.id).dram else { return Ok(()) };
        if side.step == side.groups && view.pixel == side.groups {
            return self.store((view.at, 0), (region, row + first, 0), rows * side.groups, 1);
        }
        self.store((view.at, view.pixel), (region, row + first, side.step), side.groups, rows)
    }

    /// Sums of some rows with the tiles of a group, which lie from `w` on.
    pub(super) fn sum_of(
        &mut self,
        product: &Product,
        (from, rows): (&View, u64),
        (w, group): (u64, u64),
        tiles: std::ops::Range<u64>,
        sums: u64,
    ) -> Emit {
        let n = (product.n - group * LANE).min(LANE);
        let k = product.k.min(tiles.end * LANE) - tiles.start * LANE;
        let a = (from.at + tiles.start, from.pixel, 1);
        let acc = tiles.start > 0;
        self.dots(sums, &Dots { rows, a, w: (w, TILE), transposed: product.transposed, n, k, acc })
    }

    /// Takes off what the first zero point adds to each column: to one row32, over the tiles of a group.
    pub(super) fn column_sums(
        &mut self,
        product: &Product,
        (w, group): (u64, u64),
        tiles: std::ops::Range<u64>,
        to: u64,
    ) -> Emit {
        let n = (product.n - group * LANE).min(LANE);
        let k = product.k.min(tiles.end * LANE) - tiles.start * LANE;
        for time in 0..product.row.times {
            let acc = tiles.start > 0 || time > 0;
            let a = (product.row.at, 0, 0);
            self.dots(to, &Dots { rows: 1, a, w: (w, TILE), transposed: product.transposed, n, k, acc })?;
        }
        Ok(())
    }

    /// What the second zero point adds to each row, with its sign turned: to lane 0 of as many row32s.
    pub(super) fn row_sums(&mut self, product: &Product, (from, rows): (&View, u64), to: u64) -> Emit {
        for time in 0..product.tile.times {
            let (a, w) = ((from.at, from.pixel, 1), (product.tile.at, 0));
            self.dots(to, &Dots { rows, a, w, transposed: false, n: 1, k: product.k, acc: time > 0 })?;
        }
        Ok(())
    }

    pub(super) fn dots(&mut self, sums: u64, dots: &Dots) -> Emit {
        let (whole, rest) = (dots.k / LANE, dots.k % LANE);
        let (first, pixel, step) = dots.a;
        for (tile, kt, k) in [(0, whole, LANE), (whole, 1, rest)] {
            if kt == 0 || k == 0 {
                continue;
            }
            self.text.push(Matmul {
                lp: loops(dots.rows, 1)?,
                d: operand(sums, 1, 0)?,
                a: operand(first + tile * step, if dots.rows > 1 { pixel } else { 0 }, 0)?,
                w_base: operand(dots.w.0 + tile * dots.w.1, 0, 0)?.base,
                w_reg: 0,
                w_sk: if kt > 1 { small(dots.w.1)? } else { 0 },
                a_sk: if kt > 1 { small(step)? } else { 0 },
                n: dots.n as u8,
                k: k as u8,
                kt: count(kt)?,
                acc: dots.acc || tile > 0,
                tr: dots.transposed,
            })?;
        }
        Ok(())
    }

    /// Adds what zero points take off to the sums of some groups.
    pub(super) fn zeros_off(&mut self, product: &Product, rows: u64, groups: u64, sums: &Sums) -> Emit {
        let lanes = Lanes { lp: loops(rows, groups)?, n: LANES as u8 };
        let outer = |step: u64| if groups > 1 { step } else { 0 };
        let d = operand(sums.at, 1, outer(sums.step))?;
        if product.zeros[0] != 0 {
            let columns = operand(sums.columns, 0, outer(1))?;
            self.text.push(lanes.vadd(d, d, Second::Row32(columns)))?;
        }
        if product.zeros[1] != 0 {
            self.text.push(lanes.vadd(d, d, Second::Lane0(operand(sums.rows, 1, 0)?)))?;
        }
        Ok(())
    }

    /// Requantises the sums of some groups, of which the first is `first`.
    pub(super) fn bytes_of(
        &mut self,
        product: &Product,
        rows: u64,
        (first, groups): (u64, u64),
        sums: &Sums,
        to: &View,
    ) -> Emit {
        let whole = (product.n / LANE).saturating_sub(first).min(groups);
        for (from, groups, n) in [(0, whole, LANE), (whole, groups - whole, product.n % LANE)] {
            if groups == 0 || n == 0 {
                continue;
            }
            let outer = |step: u64| if groups > 1 { step } else { 0 };
            let params = product.params + (first + from) * PARAM_ROWS as u64;
            self.text.push(RequantInstr {
                lp: loops(rows, groups)?,
                d: operand(to.at + first + from, to.pixel, outer(1))?,
                a: operand(sums.at + from * sums.step, 1, outer(sums.step))?,
                b: operand(params, 0, outer(PARAM_ROWS as u64))?,
                n: n as u8,
                zp: product.requant.zero_point,
                lo: product.requant.lo,
                hi: product.requant.hi,
            })?;
        }
        Ok(())
    }

    /// Brings tiles of one group of columns together; `first` is the matrix' first row.
    pub(super) fn tiles(
        &mut self,
        side: &Side,
        product: &Product,
        (first, group): (u64, u64),
        tiles: std::ops::Range<u64>,
        to: u64,
    ) -> Emit {
        let count = tiles.end - tiles.start;
        // First row, rows of a tile, tiles, and the distances of both in the value.
        let pieces = if product.transposed {
            let rows = (product.n - group * LANE).min(LANE);
            vec![(0, first + group * LANE * side.step + tiles.start, (rows, side.step), (count, 1))]
        } else {
            let (whole, rest) = (product.k / LANE, product.k % LANE);
            let here = whole.min(tiles.end) - tiles.start.min(whole);
            let tile = LANE * side.step;
            let start = first + group + tiles.start * tile;
            let rest = if tiles.end > whole { rest } else { 0 };
            vec![(0, start, (LANE, side.step), (here, tile)), (here, start + here * tile, (rest, side.step), (1, tile))]
        };
        for (tile, from, (n0, s0), (n1, s1)) in pieces {
            if n0 == 0 || n1 == 0 {
                continue;
            }
            let lp = loops(n0, n1)?;
            let d = operand(to + tile * TILE, 1, if n1 > 1 { TILE } else { 0 })?;
            let s1 = if n1 > 1 { s1 } else { 0 };
            if let Some(map) = self.map(side.id) {
                let m = wide((map.origin() + from) * LANE, s0 * LANE, s1 * LANE)?;
                self.text.push(Move { lp, d, m, n: LANES as u8, offset: 0 })?;
                continue;
            }
            let (region, row) = self.home(side.id).dram.ok_or("internal: a value without a place")?;
            let m = wide(row + from, s0, s1)?;
            self.text.push(Load { lp, d, m, region: region as u8, space: false })?;
        }
        Ok(())
    }
}
