//! Indices: rows of a table by index, the index of the largest element.

use isa::{Argmax, Gather, LANES, Subtree, Sw};
use ndarray::Array2;

use super::{Emit, Lower};
use crate::idiom::{Lanes, Second};
use crate::plan::Task;
use crate::plan::form::Form;
use crate::text::{loops, operand, wide};

/// Words of a row.
const WORDS: u64 = 8;

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
        let chunk = (self.left().saturating_sub(1) / (groups * WORDS + 1)).min(64).max(1) * WORDS;
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
        if last {
            return Err("the last of equal elements; this is not supported yet".into());
        }
        let form = self.plan.form(task.inputs[0]).clone();
        let (groups, row) = (form.groups(), LANES as u64);
        let from = self.whole(task.inputs[0])?;
        self.parts_of_acc(groups.min(256))?;
        if groups + 1 > self.acc_rows {
            return Err(super::Fault::Rows("acc", groups + 1, self.acc_rows));
        }
        let (region, first) = self.home(task.output).dram.ok_or("internal: indices on chip")?;
        self.zero_row()?;
        let (whole, rest) = (form.channels() as u64 / row, form.channels() as u64 % row);
        for pixel in 0..form.pixels() {
            let lanes = Lanes { lp: loops(groups, 1)?, n: LANES as u8 };
            let bytes = Second::Row8(operand(from + pixel * groups, 1, 0)?);
            self.text.push(lanes.vadd(operand(1, 1, 0)?, operand(0, 0, 0)?, bytes))?;
            for (start, rows, n) in [(0, whole, row), (whole, 1, rest)] {
                if rows == 0 || n == 0 {
                    continue;
                }
                self.text.push(Argmax {
                    lp: loops(rows, 1)?,
                    rd: 1,
                    rv: 2,
                    a: operand(1 + start, 1, 0)?,
                    i_base: operand(start * row, 0, 0)?.base,
                    i_reg: 0,
                    n: n as u8,
                    acc: start > 0,
                })?;
            }
            let word = u32::try_from(first * WORDS + pixel).map_err(|_| "an output beyond 2^32 words")?;
            self.text.push(Sw { ra: 0, rb: 1, imm: word, region: region as u8 })?;
        }
        Ok(())
    }
}
