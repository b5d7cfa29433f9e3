//! Operations of each element by itself.

use isa::{Addq, LANES, Leaf, Lut, PARAM_ROWS, Requant as RequantInstr, rne};

use super::strips::{Buffers, Geometry};
use super::transfer::{Turns, View};
use super::{Emit, Lower, weights};
use crate::fuse::input;
use crate::idiom::data::row32;
use crate::idiom::{Lanes, Second};
use crate::int_ir::{Addition, PRelu, Requant, Scale};
use crate::plan::Task;
use crate::text::{loops, operand};

/// Rows of a strip: runs of rows, and from one to the next in each operand and the result.
pub(super) struct Rows {
    pub(super) run: u64,
    pub(super) lines: u64,
    pub(super) views: Vec<View>,
    pub(super) to: View,
}

impl Rows {
    fn operand(&self, view: &View) -> Result<isa::Operand, String> {
        operand(view.at, 1, if self.lines > 1 { view.line } else { 0 })
    }

    /// Pieces of at most so many rows, each in one line.
    fn pieces(&self, most: u64) -> Vec<Rows> {
        let flat = self.lines == 1 || self.views.iter().chain([&self.to]).all(|view| view.line == self.run);
        let (run, lines) = if flat { (self.run * self.lines, 1) } else { (self.run, self.lines) };
        let mut pieces = Vec::new();
        for line in 0..lines {
            for first in (0..run).step_by(most as usize) {
                let shift = |view: &View| View { at: view.at + line * view.line + first, ..*view };
                pieces.push(Rows {
                    run: most.min(run - first),
                    lines: 1,
                    views: self.views.iter().map(shift).collect(),
                    to: shift(&self.to),
                });
            }
        }
        pieces
    }
}

impl<'a> Lower<'a> {
    /// Strip by strip: all operands and the result have one form.
    fn each(&mut self, task: &Task<'a>, body: impl Fn(&mut Self, &Rows) -> Emit) -> Emit {
        let form = self.plan.form(task.output);
        let (geometry, groups) = (Geometry::pixels(form.image()), form.groups());
        let inputs: u64 = task.inputs.iter().map(|&id| self.buffered(id)).sum();
        let buffers = Buffers { input: 0, output: self.buffered(task.output), others: inputs, packed: None, fixed: 0 };
        // Small strips, so that transfers and work overlap.
        let (strip, slots) = self.strip(&geometry, (512 / groups).max(1), &buffers)?;
        let pixels = strip.0 * strip.1;
        let turns = task.inputs.iter().map(|&id| self.maybe_turns(slots, pixels * self.buffered(id)));
        let mut turns = turns.collect::<Emit<Vec<Option<Turns>>>>()?;
        let mut output = self.maybe_turns(slots, pixels * self.buffered(task.output))?;
        for part in geometry.parts(strip) {
            let views = task.inputs.iter().zip(&mut turns);
            let views = views.map(|(&id, turns)| self.fetch(id, &part, 0, turns.as_mut().map(Turns::next)));
            let views = views.collect::<Emit<Vec<View>>>()?;
            let to = self.target(task.output, &part, output.as_mut().map(Turns::next))?;
            body(self, &Rows { run: part.columns * groups, lines: part.lines, views, to })?;
            self.put(task.output, &part, &to)?;
        }
        Ok(())
    }

    pub(super) fn table(&mut self, task: &Task<'a>, table: &[i8; 256]) -> Emit {
        let at = self.load_constant(&weights::table(table), PARAM_ROWS as u64)?;
        self.each(task, |lower, rows| {
            lower.text.push(Lut {
                lp: loops(rows.run, rows.lines)?,
                d: rows.operand(&rows.to)?,
                a: rows.operand(&rows.views[0])?,
                b: operand(at, 0, 0)?,
                n: LANES as u8,
            })?;
            Ok(())
        })
    }

    pub(super) fn clamp(&mut self, task: &Task<'a>, lo: i8, hi: i8) -> Emit {
        self.table(task, &std::array::from_fn(|entry| input(entry).clamp(lo, hi)))
    }

    pub(super) fn add(&mut self, task: &Task<'a>, addition: &Addition) -> Emit {
        let at = self.load_constant(&[weights::addition(addition)], 1)?;
        self.each(task, |lower, rows| {
            lower.text.push(Addq {
                lp: loops(rows.run, rows.lines)?,
                d: rows.operand(&rows.to)?,
                a: rows.operand(&rows.views[0])?,
                b: rows.operand(&rows.views[1])?,
                n: LANES as u8,
                p_base: operand(at, 0, 0)?.base,
                p_reg: 0,
            })?;
            Ok(())
        })
    }

    /// Rows of bytes less a zero point, as row32s.
    fn widen(&mut self, rows: u64, (to, zeros): (u64, u64), from: u64, zero: i8) -> Emit {
        let lanes = Lanes { lp: loops(rows, 1)?, n: LANES as u8 };
        let d = operand(to, 1, 0)?;
        self.text.push(lanes.vadd(d, operand(zeros, 0, 0)?, Second::Row8(operand(from, 1, 0)?)))?;
        let distance = Second::immediate(zero.unsigned_abs().into());
        match zero {
            0 => {}
            1.. => self.text.push(lanes.vsub(d, d, distance))?,
            _ => self.text.push(lanes.vadd(d, d, distance))?,
        }
        Ok(())
    }

    pub(super) fn multiply(&mut self, task: &Task<'a>, zeros: [i8; 2], requant: &Requant) -> Emit {
        let block = self.load_constant(&weights::params(requant, LANES), PARAM_ROWS as u64)?;
        let most = self.parts_of_acc(2)?;
        self.zero_row()?;
        self.each(task, |lower, rows| {
            for piece in rows.pieces(most) {
                let [x, y] = [1, 1 + most];
                lower.widen(piece.run, (x, 0), piece.views[0].at, zeros[0])?;
                lower.widen(piece.run, (y, 0), piece.views[1].at, zeros[1])?;
                let lanes = Lanes { lp: loops(piece.run, 1)?, n: LANES as u8 };
                let d = operand(x, 1, 0)?;
                lower.text.push(lanes.vmul(d, d, Second::Row32(operand(y, 1, 0)?)))?;
                lower.requantize(piece.run, (piece.to.at, 1), x, block, requant)?;
            }
            Ok(())
        })
    }

    /// Row 0 of acc becomes zero.
    pub(super) fn zero_row(&mut self) -> Emit {
        let lp = loops(1, 1)?;
        self.text.push(isa::Fill { lp, d: operand(0, 0, 0)?, imm: 0, space: true })?;
        Ok(())
    }

    /// Rows of each of so many parts of acc behind row 0.
    pub(super) fn parts_of_acc(&self, parts: u64) -> Emit<u64> {
        match (self.acc_rows - 1) / parts {
            0 => Err(super::Fault::Rows("acc", parts + 1, self.acc_rows)),
            rows => Ok(rows.min(256)),
        }
    }

    /// Row32s to rows that are `step` apart.
    fn requantize(&mut self, rows: u64, (to, step): (u64, u64), from: u64, block: u64, requant: &Requant) -> Emit {
        self.text.push(RequantInstr {
            lp: loops(rows, 1)?,
            d: operand(to, step, 0)?,
            a: operand(from, 1, 0)?,
            b: operand(block, 0, 0)?,
            n: LANES as u8,
            zp: requant.zero_point,
            lo: requant.lo,
            hi: requant.hi,
        })?;
        Ok(())
    }

    pub(super) fn prelu(&mut self, task: &Task<'a>, prelu: &PRelu) -> Emit {
        if let [(negative, falls)] = prelu.negative[..] {
            return self.table(task, &curve(prelu, negative, falls));
        }
        let form = self.plan.form(task.output).clone();
        let bounds = (prelu.lo, prelu.hi);
        let positive = weights::uniform(0, prelu.positive, prelu.zero_point, bounds);
        let count = prelu.negative.len();
        let negative = Requant {
            bias: vec![0; count],
            multiplier: prelu.negative.iter().map(|(s, _)| s.multiplier).collect(),
            shift: prelu.negative.iter().map(|(s, _)| s.shift).collect(),
            ..positive.clone()
        };
        let same = weights::uniform(0, Scale { multiplier: 1, shift: 0 }, 0, (i8::MIN, i8::MAX));
        let align = PARAM_ROWS as u64;
        let up = self.load_constant(&weights::params(&positive, LANES), align)?;
        let down = self.load_constant(&weights::params(&negative, count), align)?;
        let unit = self.load_constant(&weights::params(&same, LANES), align)?;
        let signs: Vec<i32> = prelu.negative.iter().map(|&(_, falls)| if falls { -1 } else { 1 }).collect();
        let groups = form.groups();
        let signs: Vec<Leaf> = signs.chunks(LANES).flat_map(row32).collect();
        let signs_at = self.constants.add(&signs);
        let most = (self.acc_rows.saturating_sub(1 + groups)) / 2;
        if most == 0 {
            return Err(super::Fault::Rows("acc", groups + 3, self.acc_rows));
        }
        self.zero_row()?;
        let lp = loops(groups, 1)?;
        let (d, m) = (operand(1, 1, 0)?, crate::text::wide(signs_at, 4, 0)?);
        self.text.push(isa::Load { lp, d, m, region: isa::Subtree::Const as u8, space: true })?;
        let scratch = self.take(2 * most, 1)?;
        self.each(task, |lower, rows| {
            let (x, y) = (1 + groups, 1 + groups + most);
            for line in 0..rows.lines {
                for group in 0..groups {
                    let pixels = rows.run / groups;
                    for first in (0..pixels).step_by(most as usize) {
                        let size = most.min(pixels - first);
                        let at = |view: &View| view.at + line * view.line + first * groups + group;
                        let lanes = Lanes { lp: loops(size, 1)?, n: LANES as u8 };
                        let [xs, ys] = [operand(x, 1, 0)?, operand(y, 1, 0)?];
                        // x less its zero point.
                        let from = operand(at(&rows.views[0]), groups, 0)?;
                        lower.text.push(lanes.vadd(xs, operand(0, 0, 0)?, Second::Row8(from)))?;
                        let distance = Second::immediate(prelu.zero.unsigned_abs().into());
                        if prelu.zero > 0 {
                            lower.text.push(lanes.vsub(xs, xs, distance))?;
                        } else {
                            lower.text.push(lanes.vadd(xs, xs, distance))?;
                        }
                        lower.requantize(size, (scratch, 1), x, up, &positive)?;
                        lower.text.push(lanes.vmul(ys, xs, Second::Row32(operand(1 + group, 0, 0)?)))?;
                        let block = down + group * PARAM_ROWS as u64;
                        lower.requantize(size, (scratch + most, 1), y, block, &negative)?;
                        let falling = Second::Row8(operand(scratch + most, 1, 0)?);
                        lower.text.push(lanes.vadd(ys, operand(0, 0, 0)?, falling))?;
                        lower.text.push(lanes.vsel(ys, xs, Second::Row8(operand(scratch, 1, 0)?)))?;
                        lower.requantize(size, (at(&rows.to), groups), y, unit, &same)?;
                    }
                }
            }
            Ok(())
        })
    }
}

/// A piecewise linear function of one byte.
fn curve(prelu: &PRelu, negative: Scale, falls: bool) -> [i8; 256] {
    std::array::from_fn(|entry| {
        let d = i64::from(input(entry)) - i64::from(prelu.zero);
        let scaled = |d: i64, scale: Scale| rne(d * i64::from(scale.multiplier), scale.shift.into());
        let r = match (d >= 0, falls) {
            (true, _) => scaled(d, prelu.positive),
            (false, true) => scaled(-d, negative),
            (false, false) => -scaled(-d, negative),
        };
        (r + i64::from(prelu.zero_point)).clamp(prelu.lo.into(), prelu.hi.into()) as i8
    })
}
