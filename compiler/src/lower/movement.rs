//! Movements: whole rows by way of the memory port, bytes one by one within spad.

use isa::{LANES, Load, Move, Store, Subtree};

use super::{Emit, Lower};
use crate::plan::Task;
use crate::plan::movement::{Axis, Block};
use crate::text::{loops, operand, wide};

const ROW: u64 = LANES as u64;
/// Rows that pass at a time.
const PASS: u64 = 512;

impl<'a> Lower<'a> {
    pub(super) fn movement(&mut self, task: &Task<'a>, blocks: &[Block], fill: Option<i8>) -> Emit {
        let far = |id| self.map(id).is_none() && self.home(id).dram.is_some();
        let whole_rows = || blocks.iter().map(|block| by_rows(block, fill.is_some())).collect::<Option<Vec<_>>>();
        if far(task.output)
            && task.inputs.iter().all(|&id| far(id))
            && let Some(blocks) = whole_rows()
        {
            return self.rows(task, &blocks, fill);
        }
        let rows = |id| self.plan.form(id).rows();
        let near = |id| self.map(id).is_some_and(|map| map.pads == [0; 4]);
        let needed: u64 = task.reads().chain([task.output]).filter(|&id| !near(id)).map(rows).sum();
        if needed > self.left() && far(task.output) {
            return self.pieces(task, blocks, fill);
        }
        let sources = task.inputs.iter().map(|&id| self.whole(id)).collect::<Emit<Vec<u64>>>()?;
        let to = self.whole_target(task.output)?;
        let rows = self.plan.form(task.output).rows();
        if let Some(value) = fill {
            self.fill((to, 0), rows, 1, value)?;
        }
        for block in blocks {
            self.bytes(block, sources[block.source] * ROW, to * ROW)?;
        }
        self.put_flat(task.output, (0, rows), to)
    }

    /// Through a buffer, from DRAM to DRAM.
    fn rows(&mut self, task: &Task<'a>, blocks: &[Block], fill: Option<i8>) -> Emit {
        let (region, first) = self.home(task.output).dram.ok_or("internal: a value without a place")?;
        let slots = (self.left() / PASS).clamp(1, 4);
        let size = PASS.min(self.left() / slots);
        let mut turns = self.turns(slots, size, 1)?;
        self.background(task, fill, (turns.next(), size))?;
        for block in blocks {
            let source = task.inputs[block.source];
            let (from_region, from) = self.home(source).dram.ok_or("internal: a value without a place")?;
            self.pass(block, (from_region, from), (region, first), size, &mut || turns.next())?;
        }
        Ok(())
    }

    /// One box of rows, as many at a time as a buffer holds.
    fn pass(
        &mut self,
        block: &Block,
        (from_region, from): (Subtree, u64),
        (to_region, to): (Subtree, u64),
        size: u64,
        buffer: &mut impl FnMut() -> u64,
    ) -> Emit {
        let one = Axis { size: 1, from: 0, to: 0 };
        let mut axes = block.axes.clone();
        let inner = axes.pop().unwrap_or(one);
        let outer = axes.pop().unwrap_or(one);
        // A destination with gaps at its lines' ends counts as meeting itself.
        let apart = outer.to >= inner.to * inner.size;
        let lines = if apart { (size / inner.size).max(1) } else { 1 };
        for (at, place) in unrolled(&axes) {
            for line in (0..outer.size).step_by(lines as usize) {
                let n1 = lines.min(outer.size - line);
                for start in (0..inner.size).step_by(size as usize) {
                    let n0 = size.min(inner.size - start);
                    let lp = loops(n0, n1)?;
                    let d = operand(buffer(), 1, if n1 > 1 { n0 } else { 0 })?;
                    let line_of = |stride: u64| if n1 > 1 { stride } else { 0 };
                    let m = from + block.from + at + line * outer.from + start * inner.from;
                    let m = wide(m, inner.from, line_of(outer.from))?;
                    self.text.push(Load { lp, d, m, region: from_region as u8, space: false })?;
                    let m = to + block.to + place + line * outer.to + start * inner.to;
                    let m = wide(m, inner.to, line_of(outer.to))?;
                    self.text.push(Store { lp, d, m, region: to_region as u8, space: false })?;
                }
            }
        }
        Ok(())
    }

    /// What no block writes, in DRAM; by way of a buffer.
    fn background(&mut self, task: &Task<'a>, fill: Option<i8>, (buffer, size): (u64, u64)) -> Emit {
        let Some(value) = fill else { return Ok(()) };
        let rows = self.plan.form(task.output).rows();
        self.fill((buffer, 0), size.min(rows), 1, value)?;
        for start in (0..rows).step_by(size as usize) {
            self.put_flat(task.output, (start, size.min(rows - start)), buffer)?;
        }
        Ok(())
    }

    /// Bytes of values that are larger than spad: boxes that fit, each by itself.
    fn pieces(&mut self, task: &Task<'a>, blocks: &[Block], fill: Option<i8>) -> Emit {
        let half = (self.left() / 2).min(2 * PASS);
        let [input, output] = [self.take(half, 1)?, self.take(half, 1)?];
        self.background(task, fill, (output, half))?;
        let (to_region, to) = self.home(task.output).dram.ok_or("internal: a value without a place")?;
        for block in blocks {
            let source = task.inputs[block.source];
            let place = if let Some(map) = self.map(source) { Err(map) } else { Ok(self.home(source).dram) };
            for piece in block.pieces(half) {
                let [from_hull, to_hull] = piece.hulls();
                let first = piece.from / ROW;
                match place {
                    Ok(home) => {
                        let (region, row) = home.ok_or("internal: a value without a place")?;
                        self.load(
                            (region, row + first, from_hull.step),
                            (input, from_hull.run),
                            from_hull.run,
                            from_hull.lines,
                        )?;
                    }
                    Err(map) if map.pads == [0; 4] => {
                        self.copy(
                            (map.base + first, from_hull.step),
                            (input, from_hull.run),
                            from_hull.run,
                            from_hull.lines,
                        )?;
                    }
                    Err(_) => return Err("internal: a value with a ring that moves".into()),
                }
                let place = (to_region, to + piece.to / ROW, to_hull.step);
                self.load(place, (output, to_hull.run), to_hull.run, to_hull.lines)?;
                let packed = piece.packed(&from_hull, &to_hull);
                self.bytes(&packed, input * ROW, output * ROW)?;
                self.store((output, to_hull.run), place, to_hull.run, to_hull.lines)?;
            }
        }
        Ok(())
    }

    /// Runs of bytes within spad.
    fn bytes(&mut self, block: &Block, from: u64, to: u64) -> Emit {
        let (lanes, mut axes): (Vec<Axis>, Vec<Axis>) = block.axes.iter().partition(|axis| axis.to % ROW != 0);
        // The two longest axes become loops.
        axes.sort_by_key(|axis| axis.size);
        let one = Axis { size: 1, from: 0, to: 0 };
        let n0 = axes.pop().unwrap_or(one);
        let n1 = axes.pop().unwrap_or(one);
        let (run, lanes) = match lanes.split_last() {
            Some((last, others)) if last.from == 1 && last.to == 1 => (last.size, others.to_vec()),
            _ => (1, lanes),
        };
        let unrolled_axes: Vec<Axis> = axes.into_iter().chain(lanes).collect();
        for (at, place) in unrolled(&unrolled_axes) {
            let mut done = 0;
            while done < run {
                let end = to + block.to + place + done;
                let n = (ROW - end % ROW).min(run - done);
                self.text.push(Move {
                    lp: loops(n0.size, n1.size)?,
                    d: operand(end / ROW, n0.to / ROW, n1.to / ROW)?,
                    m: wide(from + block.from + at + done, n0.from, n1.from)?,
                    n: n as u8,
                    offset: (end % ROW) as u8,
                })?;
                done += n;
            }
        }
        Ok(())
    }
}

/// A box in rows instead of bytes, if it moves whole rows only; bytes behind its last lane may come along unless they hold
/// something.
fn by_rows(block: &Block, exact: bool) -> Option<Block> {
    let (lanes, others): (Vec<Axis>, Vec<Axis>) =
        block.axes.iter().partition(|axis| axis.to % ROW != 0 || axis.from % ROW != 0);
    let bytes = match lanes[..] {
        [] => 1,
        [Axis { size, from: 1, to: 1 }] => size,
        _ => return None,
    };
    let aligned = block.from.is_multiple_of(ROW) && block.to.is_multiple_of(ROW);
    if !aligned || (exact && bytes % ROW != 0) {
        return None;
    }
    let row = |axis: Axis| Axis { size: axis.size, from: axis.from / ROW, to: axis.to / ROW };
    let mut axes: Vec<Axis> = others.into_iter().map(row).collect();
    if bytes > ROW {
        axes.push(Axis { size: bytes.div_ceil(ROW), from: 1, to: 1 });
    }
    Some(Block { source: block.source, from: block.from / ROW, to: block.to / ROW, axes })
}

/// The offsets of all indices of some axes.
fn unrolled(axes: &[Axis]) -> Vec<(u64, u64)> {
    axes.iter().fold(vec![(0, 0)], |offsets, axis| {
        let each = |&(from, to): &(u64, u64)| {
            let axis = *axis;
            (0..axis.size).map(move |i| (from + i * axis.from, to + i * axis.to))
        };
        offsets.iter().flat_map(each).collect()
    })
}
