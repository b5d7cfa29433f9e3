//! Windows over each channel by itself: depthwise convolutions, pools, means.

use isa::{Dwmac, LANES, Matmul, Maxq, PARAM_ROWS, Requant as RequantInstr, TILE_ROWS};
use ndarray::Array4;

use super::strips::{Buffers, Geometry};
use super::transfer::{Part, Turns, View};
use super::{Emit, Fault, Lower, weights};
use crate::int_ir::{AveragePool, IntWindow, Requant};
use crate::plan::form::Form;
use crate::plan::{Task, ValueId};
use crate::text::{count, loops, operand, small};

impl<'a> Lower<'a> {
    pub(super) fn depthwise(
        &mut self,
        task: &Task<'a>,
        weights: &Array4<i8>,
        geometry: &Geometry,
        pad: i8,
        requant: &Requant,
    ) -> Emit {
        let taps = self.load_constant(&weights::depthwise(weights), 1)?;
        let each = (geometry.window.kernel[0] * geometry.window.kernel[1]) as u64;
        let params = self.plan.form(task.output).groups() * PARAM_ROWS as u64;
        let (strip, slots, mut turns) = self.window(task, geometry, pad, params, self.acc_rows / 2)?;
        let mut results = self.results(task, requant, (strip.0 * strip.1, slots))?;
        for part in geometry.parts(strip) {
            let buffer = turns.as_mut().map(Turns::next);
            let from = self.fetch(task.inputs[0], &geometry.source(&part), pad, buffer)?;
            let to = self.begin(task, &part, &mut results)?;
            for group in 0..self.plan.form(task.output).groups() {
                let sums = self.sums(part.lines * part.columns)?;
                self.taps((&from, &part, geometry), (group, sums), (taps + group * each, 1))?;
                self.finish_group(task, requant, &mut results, (group, sums), (&part, &to))?;
            }
            self.put(task.output, &part, &to)?;
        }
        Ok(())
    }

    /// Strips for a window, and the buffers of its input.
    fn window(
        &mut self,
        task: &Task<'a>,
        geometry: &Geometry,
        pad: i8,
        fixed: u64,
        pixels: u64,
    ) -> Emit<((u64, u64), u64, Option<Turns>)> {
        let input = self.buffered_input(task.inputs[0], geometry, pad);
        let buffers = Buffers {
            input,
            output: self.made(task),
            others: self.others(task),
            packed: None,
            fixed: fixed + PARAM_ROWS as u64 + 8 * task.epilogue.len() as u64 + self.pixels(task),
        };
        let (strip, slots) = self.strip(geometry, pixels, &buffers)?;
        let rows = geometry.under(0, strip.0) * geometry.under(1, strip.1) * input;
        let turns = self.maybe_turns(slots, rows)?;
        Ok((strip, slots, turns))
    }

    /// The depthwise products of a strip and a group; weights from a row on, `step` rows apart.
    pub(super) fn taps(
        &mut self,
        (from, part, geometry): (&View, &Part, &Geometry),
        (group, sums): (u64, u64),
        (weights, step): (u64, u64),
    ) -> Emit {
        let window = &geometry.window;
        let [sy, sx] = window.strides.map(|s| s as u64);
        let (n0, n1) = (part.columns, part.lines);
        let kt = window.kernel[1] as u64;
        for ky in 0..window.kernel[0] as u64 {
            let at = from.at + group + ky * window.dilations[0] as u64 * from.line;
            self.text.push(Dwmac {
                lp: loops(n0, n1)?,
                d: operand(sums, 1, if n1 > 1 { n0 } else { 0 })?,
                a: operand(at, if n0 > 1 { sx * from.pixel } else { 0 }, if n1 > 1 { sy * from.line } else { 0 })?,
                w_base: operand(weights + ky * kt * step, 0, 0)?.base,
                w_reg: 0,
                w_sk: if kt > 1 { small(step)? } else { 0 },
                a_sk: if kt > 1 { small(window.dilations[1] as u64 * from.pixel)? } else { 0 },
                n: LANES as u8,
                kt: count(kt)?,
                acc: ky > 0,
            })?;
        }
        Ok(())
    }

    pub(super) fn max_pool(&mut self, task: &Task<'a>, window: &IntWindow) -> Emit {
        let geometry = Geometry::new(self.plan.form(task.inputs[0]).image(), window);
        let (strip, slots, mut turns) = self.window(task, &geometry, i8::MIN, 0, u64::MAX)?;
        let rows = strip.0 * strip.1 * self.buffered(task.output);
        let mut output = self.maybe_turns(slots, rows)?;
        for part in geometry.parts(strip) {
            let buffer = turns.as_mut().map(Turns::next);
            let from = self.fetch(task.inputs[0], &geometry.source(&part), i8::MIN, buffer)?;
            let to = self.target(task.output, &part, output.as_mut().map(Turns::next))?;
            for group in 0..self.plan.form(task.output).groups() {
                self.largest((&from, &to), &part, &geometry, group)?;
            }
            self.put(task.output, &part, &to)?;
        }
        Ok(())
    }

    fn largest(&mut self, (from, to): (&View, &View), part: &Part, geometry: &Geometry, group: u64) -> Emit {
        let window = &geometry.window;
        let [sy, sx] = window.strides.map(|s| s as u64);
        let (n0, n1) = (part.columns, part.lines);
        for ky in 0..window.kernel[0] {
            let at = from.at + group + (ky * window.dilations[0]) as u64 * from.line;
            let line = |stride: u64| if n1 > 1 { stride } else { 0 };
            self.text.push(Maxq {
                lp: loops(n0, n1)?,
                d: operand(to.at + group, to.pixel, line(to.line))?,
                a: operand(at, sx * from.pixel, line(sy * from.line))?,
                a_sk: small(window.dilations[1] as u64 * from.pixel)?,
                kt: count(window.kernel[1] as u64)?,
                acc: ky > 0,
            })?;
        }
        Ok(())
    }

    pub(super) fn average_pool(&mut self, task: &Task<'a>, pool: &AveragePool) -> Emit {
        let geometry = Geometry::new(self.plan.form(task.inputs[0]).image(), &pool.window);
        let ones = self.ones()?;
        let blocks = pool.scales.iter().map(|&(_, scale)| {
            let requant = weights::uniform(pool.bias, scale, pool.zero_point, (pool.lo, pool.hi));
            self.load_constant(&weights::params(&requant, LANES), PARAM_ROWS as u64)
        });
        let blocks = blocks.collect::<Emit<Vec<u64>>>()?;
        let (strip, slots, mut turns) = self.window(task, &geometry, pool.pad_value, 0, self.acc_rows / 2)?;
        let rows = strip.0 * strip.1 * self.buffered(task.output);
        let mut output = self.maybe_turns(slots, rows)?;
        for part in geometry.parts(strip) {
            let buffer = turns.as_mut().map(Turns::next);
            let from = self.fetch(task.inputs[0], &geometry.source(&part), pool.pad_value, buffer)?;
            let to = self.target(task.output, &part, output.as_mut().map(Turns::next))?;
            for group in 0..self.plan.form(task.output).groups() {
                let sums = self.sums(part.lines * part.columns)?;
                self.taps((&from, &part, &geometry), (group, sums), (ones, 0))?;
                self.averages(task, pool, (&blocks, sums), (&part, &to), group)?;
            }
            self.put(task.output, &part, &to)?;
        }
        Ok(())
    }

    /// A row of ones, of which one is for every tap.
    fn ones(&mut self) -> Emit<u64> {
        let ones = self.take(1, 1)?;
        self.fill((ones, 0), 1, 1, 1)?;
        Ok(ones)
    }

    /// Requantises rectangles whose windows have as many pixels that count.
    fn averages(
        &mut self,
        task: &Task<'a>,
        pool: &AveragePool,
        (blocks, sums): (&[u64], u64),
        (part, to): (&Part, &View),
        group: u64,
    ) -> Emit {
        let channels = self.plan.form(task.output).channels() as u64;
        let n = (channels - group * LANES as u64).min(LANES as u64) as u8;
        let (y0, x0) = (part.y as usize, part.x as usize);
        for (y, rows, lines) in equal(&pool.rows[y0..y0 + part.lines as usize]) {
            for (x, columns, width) in equal(&pool.columns[x0..x0 + part.columns as usize]) {
                let index = pool.scales.iter().position(|(n, _)| *n == rows * columns);
                let block = blocks[index.ok_or("a window without a factor")?];
                let line = |stride: u64| if lines > 1 { stride } else { 0 };
                self.text.push(RequantInstr {
                    lp: loops(width, lines)?,
                    d: operand(to.at + group + y * to.line + x * to.pixel, to.pixel, line(to.line))?,
                    a: operand(sums + y * part.columns + x, 1, line(part.columns))?,
                    b: operand(block, 0, 0)?,
                    n,
                    zp: pool.zero_point,
                    lo: pool.lo,
                    hi: pool.hi,
                })?;
            }
        }
        Ok(())
    }

    /// Sums over some axes of a value: of pixels by depthwise products with ones, across lanes by a tile of ones.
    pub(super) fn mean(&mut self, task: &Task<'a>, axes: &[usize], requant: &Requant) -> Emit {
        let (input, output) = (task.inputs[0], task.output);
        let form = self.plan.form(input).clone();
        let block = self.load_constant(&weights::params(requant, LANES), PARAM_ROWS as u64)?;
        let ones = self.take(TILE_ROWS as u64, TILE_ROWS as u64)?;
        self.fill((ones, 0), TILE_ROWS as u64, 1, 1)?;
        let groups = form.groups();
        let to = match self.map(output) {
            Some(map) => map.origin(),
            None => self.take(self.plan.form(output).rows(), 1)?,
        };
        // What does not fit is brought in piece by piece.
        let fits = self.map(input).is_some() || form.rows() <= self.left();
        let from = if fits { Some(self.whole(input)?) } else { None };
        let strides = form.strides();
        let others: Vec<usize> = (0..form.shape.len()).filter(|&axis| axis != form.lane).collect();
        let (summed, kept): (Vec<usize>, Vec<usize>) = others.into_iter().partition(|axis| axes.contains(axis));
        let across = axes.contains(&form.lane);
        let row = LANES as u64;
        let mut index = vec![0; kept.len()];
        for pixel in 0..kept.iter().map(|&axis| form.shape[axis] as u64).product::<u64>() {
            let start: u64 = kept.iter().zip(&index).map(|(&axis, &i)| strides[axis] / row * i as u64).sum();
            let sums = self.sums(groups)?;
            self.sum((input, from, start), &form, &summed, (ones, sums, across))?;
            let (count, n) = if across { (1, 1) } else { (groups, LANES as u64) };
            let channels = if across { 1 } else { form.channels() as u64 };
            for group in 0..count {
                self.text.push(RequantInstr {
                    lp: loops(1, 1)?,
                    d: operand(to + pixel * count + group, 0, 0)?,
                    a: operand(sums + group, 0, 0)?,
                    b: operand(block, 0, 0)?,
                    n: (channels - group * row).min(n) as u8,
                    zp: requant.zero_point,
                    lo: requant.lo,
                    hi: requant.hi,
                })?;
            }
            for (place, &axis) in index.iter_mut().zip(&kept).rev() {
                *place += 1;
                if *place < form.shape[axis] {
                    break;
                }
                *place = 0;
            }
        }
        self.put_flat(output, (0, self.plan.form(output).rows()), to)
    }

    /// Sums over the pixels of these axes: row32s by group, or one across all lanes.
    fn sum(
        &mut self,
        (input, whole, start): (ValueId, Option<u64>, u64),
        form: &Form,
        summed: &[usize],
        (ones, sums, across): (u64, u64, bool),
    ) -> Emit {
        let (strides, groups) = (form.strides(), form.groups());
        // The innermost summed axis is the taps; the others are unrolled.
        let (inner, outer) = match summed.split_last() {
            Some((&last, outer)) => ((form.shape[last] as u64, strides[last] / LANES as u64), outer),
            None => ((1, 0), summed),
        };
        let rounds: u64 = outer.iter().map(|&axis| form.shape[axis] as u64).product();
        let (taps, free) = (inner.0.min(self.left() / groups), self.free.start);
        if whole.is_none() && taps == 0 {
            return Err(Fault::Rows("spad", self.free.start + groups, self.free.end));
        }
        let mut acc = false;
        for round in 0..rounds {
            let (mut index, mut at) = (round, start);
            for &axis in outer.iter().rev() {
                at += index % form.shape[axis] as u64 * (strides[axis] / LANES as u64);
                index /= form.shape[axis] as u64;
            }
            if let Some(whole) = whole {
                self.tap_sum((whole + at, inner.1, inner.0), form, (ones, sums, across), acc)?;
                acc = true;
                continue;
            }
            for first in (0..inner.0).step_by(taps as usize) {
                let count = taps.min(inner.0 - first);
                let (region, row) = self.home(input).dram.ok_or("internal: a value without a place")?;
                self.load((region, row + at + first * inner.1, inner.1), (free, groups), groups, count)?;
                self.tap_sum((free, groups, count), form, (ones, sums, across), acc)?;
                acc = true;
            }
        }
        Ok(())
    }

    /// Adds pixels: the first, rows from one to the next, how many.
    fn tap_sum(
        &mut self,
        (at, step, taps): (u64, u64, u64),
        form: &Form,
        (ones, sums, across): (u64, u64, bool),
        acc: bool,
    ) -> Emit {
        let groups = form.groups();
        let (a_sk, kt) = (if taps > 1 { small(step)? } else { 0 }, count(taps)?);
        let w_base = operand(ones, 0, 0)?.base;
        if !across {
            let (lp, d, a) = (loops(groups, 1)?, operand(sums, 1, 0)?, operand(at, 1, 0)?);
            self.text.push(Dwmac { lp, d, a, w_base, w_reg: 0, w_sk: 0, a_sk, n: LANES as u8, kt, acc })?;
            return Ok(());
        }
        for group in 0..groups {
            self.text.push(Matmul {
                lp: loops(1, 1)?,
                d: operand(sums, 0, 0)?,
                a: operand(at + group, 0, 0)?,
                w_base,
                a_sk,
                n: LANES as u8,
                k: (form.channels() as u64 - group * LANES as u64).min(LANES as u64) as u8,
                kt,
                acc: acc || group > 0,
                ..Matmul::default()
            })?;
        }
        Ok(())
    }
}

/// Runs of equal numbers: first, number, length.
fn equal(numbers: &[usize]) -> Vec<(u64, usize, u64)> {
    let mut runs: Vec<(u64, usize, u64)> = Vec::new();
    for (index, &number) in numbers.iter().enumerate() {
        match runs.last_mut() {
            Some((_, last, length)) if *last == number => *length += 1,
            _ => runs.push((index as u64, number, 1)),
        }
    }
    runs
}
