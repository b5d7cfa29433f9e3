//! Indices: rows of a table by index, the index of the largest element.

use isa::{Argmax, Gather, LANES, Subtree, Sw};
use ndarray::Array2;

use super::strips::{Buffers, Geometry};
use super::transfer::Turns;
use super::{Emit, Lower};
use crate::idiom::{Lanes, Second};
use crate::plan::Task;
use crate::plan::form::Form;
use crate::text::{loops, operand, wide};

/// Words of a row.
const WORDS: u64 = 8;
/// An element times half of this, and its index, are a number of 32 bits.
const MOST_CHANNELS: u64 = 1 << 20;

impl<'a> Lower<'a> {
    pub(super) fn lookup(&mut self, task: &Task<'a>, table: &Array2<i8>) -> Emit {
        let form = Form { shape: table.shape().to_vec(), lane: 1 };
        let groups = form.groups();
        let mut rows = vec![isa::ZERO; form.rows() as usize];
        for ((entry, column), &value) in table.indexed_iter() {
            rows[entry * groups as usize + column / LANES][column % LANES] = value.cast_unsigned();
        }
        let base = self.constants.add(&rows);
        let limit = u32::try_from(table.nrows()).map_err(|_| "a table of too many rows")?;
        let (region, first) = self.home(task.inputs[0]).dram.ok_or("internal: indices on chip")?;
        let pixels = self.plan.form(task.output).pixels();
        // Whole rows of indices at a time.
        let chunk = (self.left().saturating_sub(1) / (groups * WORDS + 1)).clamp(1, 64) * WORDS;
        let indices = self.take(chunk.min(pixels).div_ceil(WORDS), 1)?;
        let buffer = self.take(chunk.min(pixels) * groups, 1)?;
        for start in (0..pixels).step_by(chunk as usize) {
            let size = chunk.min(pixels - start);
            self.load((region, first + start / WORDS, 0), (indices, 0), size.div_ceil(WORDS), 1)?;
            let to = self.map(task.output).map_or(buffer, |map| map.origin() + start * groups);
            self.text.push(Gather {
                lp: loops(size, groups)?,
                d: operand(to, groups, if groups > 1 { 1 } else { 0 })?,
                m: wide(base, groups, if groups > 1 { 1 } else { 0 })?,
                region: Subtree::Const as u8,
                index: operand(indices, 0, 0)?.base,
                limit_reg: 0,
                limit,
            })?;
            self.put_flat(task.output, (start * groups, size * groups), to)?;
        }
        Ok(())
    }

    pub(super) fn argmax(&mut self, task: &Task<'a>, last: bool) -> Emit {
        let form = self.plan.form(task.inputs[0]).clone();
        let (groups, row) = (form.groups(), LANES as u64);
        if last && form.channels() as u64 > MOST_CHANNELS / 2 {
            return Err(format!("the last largest of more than {} elements", MOST_CHANNELS / 2).into());
        }
        let (region, first) = self.home(task.output).dram.ok_or("internal: indices on chip")?;
        // The lanes' numbers, if the last of equals counts: then an element is larger by its index.
        let ramp = if last { Some(self.ramp()?) } else { None };
        let most = self.parts_of_acc(1)?;
        self.zero_row()?;
        let geometry = Geometry::pixels(form.image());
        let buffers = Buffers { input: 0, output: self.buffered(task.inputs[0]), others: 0, packed: None, fixed: 0 };
        let (strip, slots) = self.strip(&geometry, (512 / groups).max(1), &buffers)?;
        let mut turns = self.maybe_turns(slots, strip.0 * strip.1 * buffers.output)?;
        let [_, height, width] = geometry.size();
        for part in geometry.parts(strip) {
            let view = self.fetch(task.inputs[0], &part, 0, turns.as_mut().map(Turns::next))?;
            for (line, column) in (0..part.lines).flat_map(|y| (0..part.columns).map(move |x| (y, x))) {
                let from = view.at + line * view.line + column * view.pixel;
                for start in (0..groups).step_by(most as usize) {
                    let rows = most.min(groups - start);
                    self.largest_of((from + start, rows), start, form.channels() as u64 - start * row, ramp)?;
                }
                let (y, x) = (part.y.cast_unsigned() + line, part.x.cast_unsigned() + column);
                let pixel = (part.image * height + y) * width + x;
                let word = u32::try_from(first * WORDS + pixel).map_err(|_| "an output beyond 2^32 words")?;
                self.text.push(Sw { ra: 0, rb: 1, imm: word, region: region as u8 })?;
            }
        }
        Ok(())
    }

    /// Goes on with the largest element of a pixel: rows from `start` on, with this many elements.
    fn largest_of(&mut self, (from, rows): (u64, u64), start: u64, count: u64, ramp: Option<u64>) -> Emit {
        let row = LANES as u64;
        let lanes = Lanes { lp: loops(rows, 1)?, n: LANES as u8 };
        let keys = operand(1, 1, 0)?;
        self.text.push(lanes.vadd(keys, operand(0, 0, 0)?, Second::Row8(operand(from, 1, 0)?)))?;
        if let Some(ramp) = ramp {
            self.text.push(lanes.vmul(keys, keys, Second::immediate(MOST_CHANNELS as u32 / 2)))?;
            self.text.push(lanes.vadd(keys, keys, Second::Row8(operand(ramp, 0, 0)?)))?;
            // Row by row: an immediate counts on from row to row.
            let index = operand(start * row, row, 0)?;
            self.text.push(lanes.vadd(keys, keys, Second::Value(index)))?;
        }
        let (whole, rest) = ((count / row).min(rows), if count / row < rows { count % row } else { 0 });
        for (first, rows, n) in [(0, whole, row), (whole, 1, rest)] {
            if rows == 0 || n == 0 {
                continue;
            }
            self.text.push(Argmax {
                lp: loops(rows, 1)?,
                rd: 1,
                rv: 2,
                a: operand(1 + first, 1, 0)?,
                i_base: operand((start + first) * row, 0, 0)?.base,
                i_reg: 0,
                n: n as u8,
                acc: start + first > 0,
            })?;
        }
        Ok(())
    }

    /// A row of spad with the lanes' numbers.
    fn ramp(&mut self) -> Emit<u64> {
        let row: isa::Leaf = std::array::from_fn(|lane| lane as u8);
        self.load_constant(&[row], 1)
    }
}
