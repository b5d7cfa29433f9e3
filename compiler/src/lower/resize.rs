//! Linear interpolation: lines are weighted and added in acc, then their pixels.

use isa::{LANES, Load, PARAM_ROWS, Requant as RequantInstr, Store};

use super::{Emit, Fault, Lower, weights};
use crate::idiom::{Lanes, Second};
use crate::int_ir::{LinearAxis, Requant};
use crate::plan::Task;
use crate::text::{loops, operand, wide};

/// Pixels that are this far apart have the same weights, as a rule.
const MOST_PHASES: usize = 8;

/// The innermost interpolated axis, and what one of its pixels is.
struct Line<'a> {
    axis: &'a LinearAxis,
    /// Rows of a pixel: all axes within it.
    pixel: u64,
    /// First output pixel made, and how many.
    first: usize,
    size: usize,
    /// First input pixel that these need, and how many.
    from: usize,
    under: usize,
    /// Rows of a pixel that are made: from, how many.
    part: (u64, u64),
}

/// Output pixels with the same weights, whose inputs are as far apart as they are.
struct Phase {
    first: usize,
    step: usize,
    count: usize,
    /// By tap: first pixel of input, pixels from one to the next, weight.
    taps: [(usize, usize, i32); 2],
}

impl<'a> Lower<'a> {
    pub(super) fn resize(&mut self, task: &Task<'a>, axes: &[LinearAxis], requant: &Requant) -> Emit {
        let (form, out) = (self.plan.form(task.inputs[0]).clone(), self.plan.form(task.output).clone());
        let block = self.load_constant(&weights::params(requant, LANES), PARAM_ROWS as u64)?;
        let Some((inner, outer)) = axes.split_last() else { return Err("it has no axes".into()) };
        let row = LANES as u64;
        let (from, to) = (form.strides(), out.strides());
        let pixel = to[inner.axis] / row;
        // Where each line of output begins, and the lines of input that it is made of, with their weights.
        let mut lines = vec![(0, vec![(0, 1)])];
        for axis in (0..inner.axis).filter(|&axis| axis != out.lane) {
            let taps = |index: usize| match outer.iter().find(|a| a.axis == axis) {
                Some(linear) => linear.taps[index].iter().copied().filter(|&(_, w)| w != 0).collect(),
                None => vec![(index, 1)],
            };
            let size = out.shape[axis];
            let each = |(at, sources): &(u64, Vec<(u64, i32)>)| {
                let (at, sources) = (*at, sources.clone());
                let (from, to, taps) = (from[axis] / row, to[axis] / row, &taps);
                let line = move |index: usize| {
                    let all = sources.iter().flat_map(|&(source, weight)| {
                        taps(index).into_iter().map(move |(i, w)| (source + i as u64 * from, weight * w))
                    });
                    (at + index as u64 * to, all.collect())
                };
                (0..size).map(line).collect::<Vec<_>>()
            };
            lines = lines.iter().flat_map(each).collect();
        }
        let acc = (self.acc_rows - 1) / 2;
        let most = (0..inner.taps.len()).map(|i| span(&inner.taps[i..=i]).1).max().unwrap_or(1);
        if acc < most as u64 + 1 {
            return Err(Fault::Rows("acc", 2 * most as u64 + 3, self.acc_rows));
        }
        let start = self.free.start;
        for (at, sources) in &lines {
            let mut first = 0;
            while first < inner.taps.len() {
                let size = widest(&inner.taps[first..], acc as usize);
                let (from, under) = span(&inner.taps[first..first + size]);
                let rows = (acc / (size + under) as u64).min(pixel);
                for part in (0..pixel).step_by(rows as usize) {
                    let part = (part, rows.min(pixel - part));
                    let line = Line { axis: inner, pixel, first, size, from, under, part };
                    self.free.start = start;
                    self.line(task, &line, (*at, sources), (block, requant))?;
                }
                first += size;
            }
        }
        Ok(())
    }

    /// Makes a part of one line.
    fn line(
        &mut self,
        task: &Task<'a>,
        line: &Line,
        (at, sources): (u64, &[(u64, i32)]),
        (block, requant): (u64, &Requant),
    ) -> Emit {
        let (part, rows) = line.part;
        let (under, size) = (line.under as u64 * rows, line.size as u64 * rows);
        // The sum of lines, a product; the result, a product.
        let [sums, other] = [1, 1 + under];
        let [made, more] = [1 + 2 * under, 1 + 2 * under + size];
        self.zero_row()?;
        let (region, first) = self.home(task.inputs[0]).dram.ok_or("internal: a value without a place")?;
        for (index, &(source, weight)) in sources.iter().enumerate() {
            let buffer = self.take(under, 1)?;
            self.text.push(Load {
                lp: loops(rows, line.under as u64)?,
                d: operand(buffer, 1, rows)?,
                m: wide(first + source + line.from as u64 * line.pixel + part, 1, line.pixel)?,
                region: region as u8,
                space: false,
            })?;
            let to = operand(if index == 0 { sums } else { other }, 1, 0)?;
            let lanes = Lanes { lp: loops(under, 1)?, n: LANES as u8 };
            self.text.push(lanes.vadd(to, operand(0, 0, 0)?, Second::Row8(operand(buffer, 1, 0)?)))?;
            if weight != 1 {
                self.text.push(lanes.vmul(to, to, Second::immediate(weight.unsigned_abs())))?;
            }
            if index > 0 {
                let sums = operand(sums, 1, 0)?;
                self.text.push(lanes.vadd(sums, sums, Second::Row32(to)))?;
            }
        }
        for phase in phases(line) {
            self.phase(&phase, rows, (sums, made, more))?;
        }
        let results = self.take(size, 1)?;
        self.text.push(RequantInstr {
            lp: loops(size, 1)?,
            d: operand(results, 1, 0)?,
            a: operand(made, 1, 0)?,
            b: operand(block, 0, 0)?,
            n: LANES as u8,
            zp: requant.zero_point,
            lo: requant.lo,
            hi: requant.hi,
        })?;
        let (region, first) = self.home(task.output).dram.ok_or("internal: a value without a place")?;
        self.text.push(Store {
            lp: loops(rows, line.size as u64)?,
            d: operand(results, 1, rows)?,
            m: wide(first + at + line.first as u64 * line.pixel + part, 1, line.pixel)?,
            region: region as u8,
            space: false,
        })?;
        Ok(())
    }

    /// Weighs and adds the pixels of a phase.
    fn phase(&mut self, phase: &Phase, rows: u64, (sums, made, more): (u64, u64, u64)) -> Emit {
        let lanes = Lanes { lp: loops(rows, phase.count as u64)?, n: LANES as u8 };
        let to = |base: u64| operand(base + phase.first as u64 * rows, 1, phase.step as u64 * rows);
        let mut there = false;
        for &(first, step, weight) in phase.taps.iter().filter(|tap| tap.2 != 0) {
            let from = operand(sums + first as u64 * rows, 1, step as u64 * rows)?;
            let place = to(if there { more } else { made })?;
            self.text.push(lanes.vmul(place, from, Second::immediate(weight.unsigned_abs())))?;
            if there {
                self.text.push(lanes.vadd(to(made)?, to(made)?, Second::Row32(place)))?;
            }
            there = true;
        }
        Ok(())
    }
}

/// The first pixel of input that some pixels need, and how many.
fn span(taps: &[[(usize, i32); 2]]) -> (usize, usize) {
    let all = || taps.iter().flatten().map(|&(index, _)| index);
    let first = all().min().unwrap_or(0);
    (first, all().max().unwrap_or(0) + 1 - first)
}

/// Most pixels, from the first on, that lie in so many rows together with those that they need.
fn widest(taps: &[[(usize, i32); 2]], rows: usize) -> usize {
    let (mut least, mut most) = (usize::MAX, 0);
    let fits = |(index, taps): &(usize, &[(usize, i32); 2])| {
        least = taps.iter().fold(least, |least, tap| least.min(tap.0));
        most = taps.iter().fold(most, |most, tap| most.max(tap.0));
        (index + 1) + (most + 1 - least) <= rows
    };
    taps.iter().enumerate().take_while(fits).count().max(1)
}

/// All pixels of a line, in phases: by first pixel, the longest that begins there.
fn phases(line: &Line) -> Vec<Phase> {
    let taps = &line.axis.taps[line.first..line.first + line.size];
    let mut done = vec![false; taps.len()];
    let mut phases = Vec::new();
    for first in 0..taps.len() {
        if done[first] {
            continue;
        }
        let of = |step: usize| {
            let next = taps.get(first + step);
            let by = next.map_or([0; 2], |next| [0, 1].map(|i| next[i].0.saturating_sub(taps[first][i].0)));
            let count = (1..).take_while(|&k| {
                let there = taps.get(first + k * step).filter(|_| !done[first + k * step]);
                there.is_some_and(|t| (0..2).all(|i| t[i] == (taps[first][i].0 + k * by[i], taps[first][i].1)))
            });
            (count.count() + 1, step, by)
        };
        let longest = (1..=MOST_PHASES).map(of).max_by_key(|&(count, step, _)| (count, usize::MAX - step));
        let (count, step, by) = longest.unwrap_or((1, 1, [0; 2]));
        (0..count).for_each(|k| done[first + k * step] = true);
        let taps = [0, 1].map(|i| (taps[first][i].0 - line.from, by[i], taps[first][i].1));
        phases.push(Phase { first, step, count, taps });
    }
    phases
}
