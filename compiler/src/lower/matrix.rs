//! Products of two values.

use isa::{LANES, Load, Matmul, Move, PARAM_ROWS, Requant as RequantInstr, TILE_ROWS};

use super::strips::{Buffers, Geometry};
use super::transfer::{Part, Turns, View};
use super::{Emit, Lower, weights};
use crate::int_ir::Requant;
use crate::plan::{Task, ValueId};
use crate::text::{count, loops, operand, wide};

/// One product of matrices: `m × k` by `k × n`.
struct Sizes {
    m: u64,
    k: u64,
    n: u64,
    /// Whether rows of the second operand hold a column each.
    transposed: bool,
}

/// Rows of bytes that stand for the zero points: `count` times a row of `value`.
struct Zero {
    at: u64,
    times: u64,
}

impl<'a> Lower<'a> {
    pub(super) fn matrix(&mut self, task: &Task<'a>, zeros: [i8; 2], requant: &Requant) -> Emit {
        let [a, b] = [task.inputs[0], task.inputs[1]];
        let (x, y, out) = (self.plan.form(a).clone(), self.plan.form(b).clone(), self.plan.form(task.output).clone());
        let rank = out.shape.len();
        let sizes = Sizes {
            m: out.shape[rank - 2] as u64,
            k: x.channels() as u64,
            n: out.shape[rank - 1] as u64,
            transposed: y.lane + 1 < y.shape.len(),
        };
        // The zero points' product is part of the bias.
        let product = (sizes.k as i32).wrapping_mul(i32::from(zeros[0]) * i32::from(zeros[1]));
        let mut requant = requant.clone();
        requant.bias.iter_mut().for_each(|bias| *bias = bias.wrapping_add(product));
        let params = self.load_constant(&weights::params(&requant, sizes.n as usize), PARAM_ROWS as u64)?;
        let row = self.zero(zeros[0], 1)?;
        let tile = self.zero(zeros[1], TILE_ROWS as u64)?;
        let tiles = sizes.k.div_ceil(LANES as u64) * TILE_ROWS as u64;
        let geometry = Geometry::pixels([1, 1, sizes.m as usize]);
        let fixed = 2 * tiles + TILE_ROWS as u64;
        let buffers =
            Buffers { input: self.buffered(a), output: self.buffered(task.output), others: 0, packed: None, fixed };
        let (strip, _) = self.strip(&geometry, self.acc_rows / 2, &buffers)?;
        let slots = 2;
        let pixels = strip.0 * strip.1;
        let mut supply = self.turns(slots, tiles, TILE_ROWS as u64)?;
        let slots = if self.left() >= 2 * pixels * (buffers.input + buffers.output) { 2 } else { 1 };
        let mut input = self.maybe_turns(slots, pixels * buffers.input)?;
        let mut output = self.maybe_turns(slots, pixels * buffers.output)?;
        let batches = out.shape[..rank - 2].iter().product::<usize>();
        for batch in 0..batches {
            let of = |shape: &[usize]| own_batch(&shape[..shape.len() - 2], &out.shape[..rank - 2], batch) as u64;
            let (first, second) = (of(&x.shape), of(&y.shape));
            for part in geometry.parts(strip) {
                let at = |batch: u64| Part { x: part.x + (batch * sizes.m).cast_signed(), ..part };
                let from = self.fetch(a, &at(first), 0, input.as_mut().map(Turns::next))?;
                let place = at(batch as u64);
                let to = self.target(task.output, &place, output.as_mut().map(Turns::next))?;
                for group in 0..sizes.n.div_ceil(LANES as u64) {
                    let w = supply.next();
                    self.tiles(b, &sizes, (second, group), w)?;
                    let sums = self.sums(part.columns)?;
                    let n = (sizes.n - group * LANES as u64).min(LANES as u64);
                    self.sum_of(&sizes, (&from, part.columns), (w, n), sums, (&row, &tile))?;
                    self.text.push(RequantInstr {
                        lp: loops(part.columns, 1)?,
                        d: operand(to.at + group, to.pixel, 0)?,
                        a: operand(sums, 1, 0)?,
                        b: operand(params + group * PARAM_ROWS as u64, 0, 0)?,
                        n: n as u8,
                        zp: requant.zero_point,
                        lo: requant.lo,
                        hi: requant.hi,
                    })?;
                }
                self.put(task.output, &place, &to)?;
            }
        }
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

    /// The products of some rows with one group of columns.
    fn sum_of(
        &mut self,
        sizes: &Sizes,
        (from, rows): (&View, u64),
        (w, n): (u64, u64),
        sums: u64,
        (row, tile): (&Zero, &Zero),
    ) -> Emit {
        let lanes = LANES as u64;
        let (whole, rest) = (sizes.k / lanes, sizes.k % lanes);
        let mut acc = false;
        for (first, kt, k) in [(0, whole, lanes), (whole, 1, rest)] {
            if kt == 0 || k == 0 {
                continue;
            }
            let product = Matmul {
                lp: loops(rows, 1)?,
                d: operand(sums, 1, 0)?,
                a: operand(from.at + first, from.pixel, 0)?,
                w_base: operand(w + first * TILE_ROWS as u64, 0, 0)?.base,
                w_reg: 0,
                w_sk: if kt > 1 { TILE_ROWS as i16 } else { 0 },
                a_sk: i16::from(kt > 1),
                n: n as u8,
                k: k as u8,
                kt: count(kt)?,
                acc,
                tr: sizes.transposed,
            };
            self.text.push(product)?;
            for _ in 0..row.times {
                self.text.push(Matmul { a: operand(row.at, 0, 0)?, a_sk: 0, acc: true, ..product })?;
            }
            for _ in 0..tile.times {
                let w_base = operand(tile.at, 0, 0)?.base;
                self.text.push(Matmul { w_base, w_sk: 0, acc: true, tr: false, ..product })?;
            }
            acc = true;
        }
        Ok(())
    }

    /// Brings the tiles of one group of columns together.
    fn tiles(&mut self, id: ValueId, sizes: &Sizes, (batch, group): (u64, u64), to: u64) -> Emit {
        let (lanes, groups) = (LANES as u64, self.plan.form(id).groups());
        let form = self.plan.form(id);
        let first =
            batch * form.pixels() / (form.shape[..form.shape.len() - 2].iter().product::<usize>() as u64).max(1);
        // Rows of a tile, tiles, and the distances of both in the value.
        let pieces = if sizes.transposed {
            let rows = (sizes.n - group * lanes).min(lanes);
            vec![(0, (first + group * lanes) * groups, (rows, groups), (sizes.k.div_ceil(lanes), 1))]
        } else {
            let (whole, rest) = (sizes.k / lanes, sizes.k % lanes);
            let start = first * groups + group;
            vec![
                (0, start, (lanes, groups), (whole, lanes * groups)),
                (whole, start + whole * lanes * groups, (rest, groups), (1, lanes * groups)),
            ]
        };
        for (tile, from, (n0, s0), (n1, s1)) in pieces {
            if n0 == 0 || n1 == 0 {
                continue;
            }
            let lp = loops(n0, n1)?;
            let rows = TILE_ROWS as u64;
            let d = operand(to + tile * rows, 1, if n1 > 1 { rows } else { 0 })?;
            let s1 = if n1 > 1 { s1 } else { 0 };
            if let Some(map) = self.map(id) {
                let m = wide((map.origin() + from) * lanes, s0 * lanes, s1 * lanes)?;
                self.text.push(Move { lp, d, m, n: LANES as u8, offset: 0 })?;
                continue;
            }
            let (region, row) = self.home(id).dram.ok_or("internal: a value without a place")?;
            let m = wide(row + from, s0, s1)?;
            self.text.push(Load { lp, d, m, region: region as u8, space: false })?;
        }
        Ok(())
    }
}

/// The index of a matrix among those of an operand whose axes before the last two broadcast to `all`.
fn own_batch(own: &[usize], all: &[usize], mut batch: usize) -> usize {
    let (mut at, mut step) = (0, 1);
    for (axis, &size) in all.iter().enumerate().rev() {
        let index = batch % size;
        batch /= size;
        if let Some(&own) = (axis + own.len()).checked_sub(all.len()).and_then(|axis| own.get(axis)) {
            at += if own > 1 { index * step } else { 0 };
            step *= own;
        }
    }
    at
}
