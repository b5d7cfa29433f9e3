//! Softmax and norms: idioms over as many rows as acc holds at a time.

use isa::{LANES, Load, PARAM_ROWS, Subtree, TILE_ROWS};

use super::strips::Geometry;
use super::transfer::{Part, Turns};
use super::{Emit, Fault, Lower};
use crate::idiom::Code;
use crate::idiom::data::Quant;
use crate::idiom::norm::{Norm, NormPlaces};
use crate::idiom::softmax::{BytesPlaces, Grid, Softmax, Tail};
use crate::plan::Task;
use crate::text::{count, loops, operand, small, wide};

/// Registers for constants.
const CONSTANTS: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
/// Row32s for constants.
const FILLED: u64 = 3;

impl<'a> Lower<'a> {
    /// How many tokens at a time: `each` row32s of acc and `rows` rows of spad for one.
    fn tokens(&self, all: u64, fixed: u64, each: u64, rows: u64) -> Emit<u64> {
        let acc = self.acc_rows.saturating_sub(fixed + FILLED) / each;
        let spad = self.left() / rows;
        match acc.min(spad).min(all).min(32_767) {
            0 if acc == 0 => Err(Fault::Rows("acc", fixed + FILLED + each, self.acc_rows)),
            0 => Err(Fault::Rows("spad", self.free.start + rows, self.free.end)),
            tokens => Ok(tokens),
        }
    }

    fn code(&self) -> Code {
        let end = self.acc_rows as u32;
        Code::new(self.text.instrs.len() as u32, &CONSTANTS, end - FILLED as u32..end)
    }

    /// Two buffers, in banks of their own where there is room: one is read while the other is.
    fn apart(&mut self, rows: u64) -> Emit<Turns> {
        let first = self.take(rows, 1)?;
        if self.left() >= self.bank + 4 * rows {
            self.take(0, self.bank)?;
        }
        Ok(Turns::of(vec![first, self.take(rows, 1)?]))
    }

    /// Parts of one line of tokens.
    fn chunks(&self, all: u64, tokens: u64) -> Vec<Part> {
        Geometry::pixels([1, 1, all as usize]).parts((1, tokens))
    }

    pub(super) fn softmax(&mut self, task: &Task<'a>, scale: f64, to: Quant) -> Emit {
        let form = self.plan.form(task.output).clone();
        let (segments, pixels) = (form.groups(), form.pixels());
        let last = (form.channels() - 1) % LANES + 1;
        let idiom = Softmax { scale, rows: 1, segments: count(segments)?, tail: Tail::Lanes(last as u8), to };
        let table = self.load_constant(&idiom.table(), TILE_ROWS as u64)?;
        let tokens = self.tokens(pixels, 0, 2 * segments + 5, 2 * segments + 2)?;
        let scores = self.take(tokens * segments, 1)?;
        let results = self.take(tokens * segments, 1)?;
        let largest = self.take(2 * tokens, 1)?;
        for part in self.chunks(pixels, tokens) {
            self.fetch(task.inputs[0], &part, 0, Some(scores))?;
            let view = self.target(task.output, &part, Some(results))?;
            let step = small(segments)?;
            let grid = |base: u64| Grid { base: base as u32, row: step, segment: 1 };
            let rows = part.columns;
            let mut code = self.code();
            let at = BytesPlaces {
                scores: grid(scores),
                largest: largest as u32,
                scratch: [grid(0), grid(rows * segments)],
                totals: (2 * rows * segments) as u32,
                output: grid(view.at),
                table: table as u32,
            };
            Softmax { rows: count(rows)?, ..idiom }.emit_bytes(&mut code, &at);
            self.text.instrs.extend_from_slice(code.instrs());
            self.put(task.output, &part, &view)?;
        }
        Ok(())
    }

    pub(super) fn norm(&mut self, task: &Task<'a>, norm: &Norm) -> Emit {
        let form = self.plan.form(task.output).clone();
        let (segments, pixels) = (form.groups(), form.pixels());
        let ones = self.take(TILE_ROWS as u64, TILE_ROWS as u64)?;
        self.fill((ones, 0), TILE_ROWS as u64, 1, 1)?;
        let blocks = self.load_constant(norm.blocks().as_flattened(), PARAM_ROWS as u64)?;
        let gammas = self.constants.add(&norm.gammas());
        self.text.push(Load {
            lp: loops(segments, 1)?,
            d: operand(0, 1, 0)?,
            m: wide(gammas, 4, 0)?,
            region: Subtree::Const as u8,
            space: true,
        })?;
        let near = self.map(task.inputs[0]).is_some();
        let tokens = self.tokens(pixels, segments, segments + 9, 2 * segments * if near { 1 } else { 2 })?;
        let tokens = pixels.div_ceil(pixels.div_ceil(tokens));
        let mut input = if near { None } else { Some(self.apart(tokens * segments)?) };
        let mut results = self.maybe_turns(2, tokens * self.buffered(task.output))?;
        let parts = self.chunks(pixels, tokens);
        let mut before: Option<(Part, Norm, NormPlaces)> = None;
        // Vectors of one part while the other units sum up the next.
        for index in 0..=parts.len() {
            let (start, mut streams) = (self.text.instrs.len(), Vec::new());
            if let Some((part, norm, at)) = before.take() {
                let view = self.target(task.output, &part, results.as_mut().map(Turns::next))?;
                let mut code = self.code();
                norm.emit_rows(&mut code, &NormPlaces { output: view.at as u32, ..at });
                self.text.instrs.extend_from_slice(code.instrs());
                self.put(task.output, &part, &view)?;
                streams.push(self.text.instrs.split_off(start));
            }
            if let Some(part) = parts.get(index) {
                let from = self.fetch(task.inputs[0], part, 0, input.as_mut().map(Turns::next))?;
                let (scratch, all) = (segments, tokens * segments);
                let sums = scratch + all + 5 * tokens + index as u64 % 2 * 2 * tokens;
                let at = NormPlaces {
                    input: from.at as u32,
                    output: 0,
                    ones: ones as u32,
                    blocks: blocks as u32,
                    gammas: 0,
                    scratch: scratch as u32,
                    totals: (scratch + all) as u32,
                    sums: sums as u32,
                };
                let norm = Norm { tokens: count(part.columns)?, ..norm.clone() };
                let mut code = self.code();
                norm.emit_sums(&mut code, &at);
                self.text.instrs.extend_from_slice(code.instrs());
                streams.push(self.text.instrs.split_off(start));
                before = Some((*part, norm, at));
            }
            self.text.instrs.extend(crate::schedule::interleave(streams));
        }
        Ok(())
    }
}
