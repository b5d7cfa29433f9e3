//! Between DRAM and spad: parts of values, with padding, to and from buffers.

use isa::{Fill, LANES, Leaf, Load, Move, Store, Subtree};

use super::{Emit, Lower};
use crate::plan::ValueId;
use crate::text::{loops, operand, wide};

/// A part of an image in spad: group g of pixel (y, x) at `at + y·line + x·pixel + g`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) at: u64,
    pub(super) line: u64,
    pub(super) pixel: u64,
}

/// A part of an image: image, lines and columns; they may lie outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) image: u64,
    pub(super) y: i64,
    pub(super) lines: u64,
    pub(super) x: i64,
    pub(super) columns: u64,
}

/// Buffers of equal size that take turns.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    pub(super) bases: Vec<u64>,
    next: usize,
}

impl Turns {
    pub(super) fn of(bases: Vec<u64>) -> Turns {
        Turns { bases, next: 0 }
    }

    pub(super) fn next(&mut self) -> u64 {
        let base = self.bases[self.next % self.bases.len()];
        self.next += 1;
        base
    }
}

const MOST: u64 = u16::MAX as u64;

impl Lower<'_> {
    /// `slots` buffers of so many rows.
    pub(super) fn turns(&mut self, slots: u64, rows: u64, align: u64) -> Emit<Turns> {
        let bases = (0..slots).map(|_| self.take(rows, align)).collect::<Emit<Vec<u64>>>()?;
        // In ascending order, wherever they were taken from.
        Ok(Turns::of(if self.from_top { bases.into_iter().rev().collect() } else { bases }))
    }

    /// Puts rows into `const`, takes rows of spad for them and loads them.
    pub(super) fn load_constant(&mut self, rows: &[Leaf], align: u64) -> Emit<u64> {
        let to = self.take(rows.len() as u64, align)?;
        let from = self.constants.add(rows);
        self.load((Subtree::Const, from, 0), (to, 0), rows.len() as u64, 1)?;
        Ok(to)
    }

    /// Loads `lines` runs of `run` rows.
    pub(super) fn load(
        &mut self,
        (region, from, from_line): (Subtree, u64, u64),
        (to, to_line): (u64, u64),
        run: u64,
        lines: u64,
    ) -> Emit {
        if run == 0 || lines == 0 {
            return Ok(());
        }
        for first in (0..run).step_by(MOST as usize) {
            self.text.push(Load {
                lp: loops(MOST.min(run - first), lines)?,
                d: operand(to + first, 1, if lines > 1 { to_line } else { 0 })?,
                m: wide(from + first, 1, if lines > 1 { from_line } else { 0 })?,
                region: region as u8,
                space: false,
            })?;
        }
        Ok(())
    }

    /// Stores `lines` runs of `run` rows.
    pub(super) fn store(
        &mut self,
        (from, from_line): (u64, u64),
        (region, to, to_line): (Subtree, u64, u64),
        run: u64,
        lines: u64,
    ) -> Emit {
        for first in (0..run).step_by(MOST as usize) {
            self.text.push(Store {
                lp: loops(MOST.min(run - first), lines)?,
                d: operand(from + first, 1, if lines > 1 { from_line } else { 0 })?,
                m: wide(to + first, 1, if lines > 1 { to_line } else { 0 })?,
                region: region as u8,
                space: false,
            })?;
        }
        Ok(())
    }

    /// Fills `lines` runs of `run` rows of spad.
    pub(super) fn fill(&mut self, (to, line): (u64, u64), run: u64, lines: u64, value: i8) -> Emit {
        if run == 0 || lines == 0 {
            return Ok(());
        }
        for first in (0..run).step_by(MOST as usize) {
            let d = operand(to + first, 1, if lines > 1 { line } else { 0 })?;
            let imm = value.cast_unsigned().into();
            self.text.push(Fill { lp: loops(MOST.min(run - first), lines)?, d, imm, space: false })?;
        }
        Ok(())
    }

    /// Whether a part that reaches so far outside can be read where it lies on chip.
    pub(super) fn is_near(&self, id: ValueId, pads: [u64; 4], fill: i8) -> bool {
        let enough = |have: [u64; 4]| (0..4).all(|side| have[side] >= pads[side]);
        self.map(id).is_some_and(|map| pads == [0; 4] || (enough(map.pads) && map.fill == fill))
    }

    /// A part of a value: where it lies on chip, or brought into a buffer, with `fill` outside the image.
    pub(super) fn fetch(&mut self, id: ValueId, part: &Part, fill: i8, buffer: Option<u64>) -> Emit<View> {
        let Some(buffer) = buffer else {
            if let Some(Some(view)) = self.local.get(&id) {
                return Ok(*view);
            }
            let map = self.map(id).ok_or("internal: a value that is not on chip")?;
            let line = (part.image * self.plan.form(id).image()[1] as u64).cast_signed() + part.y;
            let at = map.origin().cast_signed() + line * map.pitch().cast_signed() + part.x * map.groups.cast_signed();
            return Ok(View { at: at.cast_unsigned(), line: map.pitch(), pixel: map.groups });
        };
        let form = self.plan.form(id);
        let ([_, height, width], groups) = (form.image(), form.groups());
        let line = part.columns * groups;
        let view = View { at: buffer, line, pixel: groups };
        // The part inside: first line and column within it, and how many.
        let inside = |first: i64, count: u64, size: usize| {
            let start = first.clamp(0, size as i64);
            let end = (first + count.cast_signed()).clamp(start, size as i64);
            ((start - first).cast_unsigned().min(count), (end - start).cast_unsigned())
        };
        let (top, lines) = inside(part.y, part.lines, height);
        let (left, columns) = inside(part.x, part.columns, width);
        if lines == 0 || columns == 0 {
            self.fill((buffer, 0), part.lines * line, 1, fill)?;
            return Ok(view);
        }
        self.fill((buffer, 0), top * line, 1, fill)?;
        let first = buffer + top * line;
        self.fill((first, line), left * groups, lines, fill)?;
        self.fill((first + (left + columns) * groups, line), (part.columns - left - columns) * groups, lines, fill)?;
        self.fill((first + lines * line, 0), (part.lines - top - lines) * line, 1, fill)?;
        let (y, x) = ((part.y + top.cast_signed()).cast_unsigned(), (part.x + left.cast_signed()).cast_unsigned());
        let to = first + left * groups;
        let run = columns * groups;
        if let Some(map) = self.map(id) {
            let from = map.origin() + (part.image * height as u64 + y) * map.pitch() + x * groups;
            self.copy((from, map.pitch()), (to, line), run, lines)?;
            return Ok(view);
        }
        let (region, row) = self.home(id).dram.ok_or("internal: a value without a place")?;
        let pitch = width as u64 * groups;
        let from = row + (part.image * height as u64 + y) * pitch + x * groups;
        if pitch == run && line == run {
            self.load((region, from, 0), (to, 0), run * lines, 1)?;
        } else {
            self.load((region, from, pitch), (to, line), run, lines)?;
        }
        Ok(view)
    }

    /// As [`Lower::fetch`], of a part inside the image, and of some groups of channels: the first, how many.
    pub(super) fn fetch_groups(
        &mut self,
        id: ValueId,
        part: &Part,
        (first, count): (u64, u64),
        buffer: Option<u64>,
    ) -> Emit<View> {
        let groups = self.plan.form(id).groups();
        let Some(at) = buffer.filter(|_| count < groups) else {
            let view = self.fetch(id, part, 0, buffer)?;
            return Ok(View { at: view.at + first, ..view });
        };
        let (region, row) = self.home(id).dram.ok_or("internal: a value without a place")?;
        for (from, to, pixels) in self.runs(id, part, part.columns * count) {
            self.load((region, row + from + first, groups), (at + to, count), count, pixels)?;
        }
        Ok(View { at, line: part.columns * count, pixel: count })
    }

    /// The pixels of a part as runs: rows from the first of the value, from the first of a buffer whose lines are so far apart, pixels.
    fn runs(&self, id: ValueId, part: &Part, line: u64) -> Vec<(u64, u64, u64)> {
        let form = self.plan.form(id);
        let ([_, height, width], groups) = (form.image().map(|n| n as u64), form.groups());
        let first = (part.image * height + part.y.cast_unsigned()) * width + part.x.cast_unsigned();
        if part.columns == width {
            return vec![(first * groups, 0, part.lines * width)];
        }
        (0..part.lines).map(|y| ((first + y * width) * groups, y * line, part.columns)).collect()
    }

    /// Brings in the pixels of a part that counts every so many lines and columns of a value in DRAM only.
    pub(super) fn sample(&mut self, id: ValueId, part: &Part, [sy, sx]: [usize; 2], buffer: u64) -> Emit<View> {
        let (region, row) = self.home(id).dram.ok_or("internal: a value without a place")?;
        let form = self.plan.form(id);
        let ([_, height, width], groups) = (form.image().map(|n| n as u64), form.groups());
        let line = part.columns * groups;
        for y in 0..part.lines {
            let from = (part.image * height + (part.y.cast_unsigned() + y) * sy as u64) * width;
            let from = row + (from + part.x.cast_unsigned() * sx as u64) * groups;
            self.load((region, from, sx as u64 * groups), (buffer + y * line, groups), groups, part.columns)?;
        }
        Ok(View { at: buffer, line, pixel: groups })
    }

    /// Copies runs of rows within spad.
    pub(super) fn copy(
        &mut self,
        (from, from_line): (u64, u64),
        (to, to_line): (u64, u64),
        run: u64,
        lines: u64,
    ) -> Emit {
        let bytes = LANES as u64;
        self.text.push(Move {
            lp: loops(run, lines)?,
            d: operand(to, 1, if lines > 1 { to_line } else { 0 })?,
            m: wide(from * bytes, bytes, if lines > 1 { from_line * bytes } else { 0 })?,
            n: LANES as u8,
            offset: 0,
        })?;
        Ok(())
    }

    /// Where a part of a result goes: its place on chip, or a buffer.
    pub(super) fn target(&self, id: ValueId, part: &Part, buffer: Option<u64>) -> Emit<View> {
        let groups = self.plan.form(id).groups();
        if let Some(map) = self.map(id) {
            let line = part.image * self.plan.form(id).image()[1] as u64 + part.y.cast_unsigned();
            let at = map.origin() + line * map.pitch() + part.x.cast_unsigned() * groups;
            return Ok(View { at, line: map.pitch(), pixel: groups });
        }
        let at = buffer.ok_or("internal: a result without a place")?;
        Ok(View { at, line: part.columns * groups, pixel: groups })
    }

    /// As [`Lower::target`], of some groups of channels.
    pub(super) fn target_groups(
        &self,
        id: ValueId,
        part: &Part,
        (first, count): (u64, u64),
        buffer: Option<u64>,
    ) -> Emit<View> {
        if count == self.plan.form(id).groups() {
            return self.target(id, part, buffer);
        }
        if self.map(id).is_some() {
            let view = self.target(id, part, buffer)?;
            return Ok(View { at: view.at + first, ..view });
        }
        let at = buffer.ok_or("internal: a result without a place")?;
        Ok(View { at, line: part.columns * count, pixel: count })
    }

    /// As [`Lower::put`], of some groups of channels, which lie alone in a buffer.
    pub(super) fn put_groups(&mut self, id: ValueId, part: &Part, (first, count): (u64, u64), view: &View) -> Emit {
        let groups = self.plan.form(id).groups();
        if count == groups {
            return self.put(id, part, view);
        }
        let Some((region, row)) = self.home(id).dram else { return Ok(()) };
        for (to, from, pixels) in self.runs(id, part, view.line) {
            self.store((view.at + from, view.pixel), (region, row + to + first, groups), count, pixels)?;
        }
        Ok(())
    }

    /// Stores a part of a result, if it has a place in DRAM.
    pub(super) fn put(&mut self, id: ValueId, part: &Part, view: &View) -> Emit {
        let Some((region, row)) = self.home(id).dram else { return Ok(()) };
        let form = self.plan.form(id);
        let ([_, height, width], groups) = (form.image(), form.groups());
        let (y, x) = (part.y.cast_unsigned(), part.x.cast_unsigned());
        let (run, pitch) = (part.columns * groups, width as u64 * groups);
        let to = row + (part.image * height as u64 + y) * pitch + x * groups;
        if pitch == run && view.line == run {
            return self.store((view.at, 0), (region, to, 0), run * part.lines, 1);
        }
        self.store((view.at, view.line), (region, to, pitch), run, part.lines)
    }

    /// All rows of a value one after another: where they lie, or brought into rows of their own.
    pub(super) fn whole(&mut self, id: ValueId) -> Emit<u64> {
        if let Some(map) = self.map(id).filter(|map| map.pads == [0; 4]) {
            return Ok(map.base);
        }
        let rows = self.plan.form(id).rows();
        let to = self.take(rows, 1)?;
        if let Some(map) = self.map(id) {
            let line = map.width * map.groups;
            self.copy((map.origin(), map.pitch()), (to, line), line, map.height)?;
            return Ok(to);
        }
        let (region, row) = self.home(id).dram.ok_or("internal: a value without a place")?;
        self.load((region, row, 0), (to, 0), rows, 1)?;
        Ok(to)
    }

    /// Where all rows of a result go, one after another: its place on chip, or rows of their own.
    pub(super) fn whole_target(&mut self, id: ValueId) -> Emit<u64> {
        match self.map(id) {
            Some(map) => Ok(map.base),
            None => self.take(self.plan.form(id).rows(), 1),
        }
    }

    /// Stores rows of a result that lie one after another from `at` on, if it has a place in DRAM.
    pub(super) fn put_flat(&mut self, id: ValueId, (first, rows): (u64, u64), at: u64) -> Emit {
        let Some((region, row)) = self.home(id).dram else { return Ok(()) };
        self.store((at, 0), (region, row + first, 0), rows, 1)
    }

    /// Fills the ring around a value on chip; before it is made.
    pub(super) fn ring(&mut self, id: ValueId) -> Emit {
        let Some(map) = self.map(id) else { return Ok(()) };
        let ([top, left, bottom, right], pitch) = (map.pads, map.pitch());
        let (first, fill) = (map.origin(), map.fill);
        self.fill((map.base, 0), top * pitch + left * map.groups, 1, fill)?;
        // The right end of one line and the left end of the next are one run.
        let end = first + map.width * map.groups;
        self.fill((end, pitch), (left + right) * map.groups, map.height - 1, fill)?;
        self.fill((end + (map.height - 1) * pitch, 0), right * map.groups + bottom * pitch, 1, fill)
    }
}
