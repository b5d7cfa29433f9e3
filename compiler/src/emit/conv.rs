//! Convolutions and matrix products.

use isa::{LANES, Matmul, Move, TILE_ROWS};

use super::text::{count, loops, operand, small, wide};
use super::{Emit, Emitter};
use crate::int_ir::{IntOp, IntWindow, Requant};
use crate::layout::{Lines, Map, Storage};
use crate::place::{Gather, Step};

type Weights<'a> = ((usize, usize, usize, usize), &'a IntWindow);

/// A strip of output lines.
#[derive(Clone, Copy)]
struct Strip {
    first: usize,
    lines: usize,
}

/// The `a` side of a product: where the rows are, and how the taps lie.
struct Source {
    base: u64,
    s0: u64,
    s1: u64,
    sk: u64,
    kt: u64,
    k: usize,
}

impl Emitter<'_> {
    pub(super) fn conv(&mut self, op: &IntOp, step: &Step, (dim, window): Weights, requant: &Requant) -> Emit {
        let out = self.map(op.output)?;
        let taps = step.weight_rows / TILE_ROWS as u64 / out.tiles();
        for first in (0..out.height).step_by(step.strip) {
            let strip = Strip { first, lines: step.strip.min(out.height - first) };
            let sources = match self.placed.storage(op.input()) {
                Some(Storage::Lines(lines)) => self.gather(&lines, &out, step, strip, (dim, window))?,
                Some(Storage::Map(map)) => rows(&map, strip, (dim, window)),
                None => return Err("its input was not placed".into()),
            };
            for group in 0..out.tiles() {
                let mut tap = 0;
                for source in &sources {
                    let tile = step.weights + (group * taps + tap) * TILE_ROWS as u64;
                    self.product(source, (&out, strip.lines, group as usize), tile, tap > 0)?;
                    tap += source.kt;
                }
                self.requantize(&out, (strip.first, strip.lines, group as usize), step, requant)?;
            }
        }
        Ok(())
    }

    pub(super) fn dense(&mut self, op: &IntOp, step: &Step, outputs: usize, requant: &Requant) -> Emit {
        let (input, out) = (self.map(op.input())?, self.map(op.output)?);
        let k = input.channels.min(LANES);
        let tiles = input.tiles();
        let line =
            |y: usize, pixels: usize| Source { base: input.line(y), s0: 0, s1: 0, sk: 1, kt: pixels as u64 * tiles, k };
        let sources: Vec<Source> = match input.is_dense() {
            true => vec![line(0, input.height * input.width)],
            false => (0..input.height).map(|y| line(y, input.width)).collect(),
        };
        let taps = (input.height * input.width) as u64 * tiles;
        for group in 0..outputs.div_ceil(LANES) {
            let mut tap = 0;
            for source in &sources {
                let tile = step.weights + (group as u64 * taps + tap) * TILE_ROWS as u64;
                self.product(source, (&out, 1, group), tile, tap > 0)?;
                tap += source.kt;
            }
            self.requantize(&out, (0, 1, group), step, requant)?;
        }
        Ok(())
    }

    /// One `MATMUL` into the first rows of acc.
    fn product(&mut self, source: &Source, (out, lines, group): (&Map, usize, usize), tile: u64, acc: bool) -> Emit {
        let (n0, n1) = (out.width as u64, lines as u64);
        let operand_w = operand(tile, 0, 0)?;
        self.text.push(Matmul {
            lp: loops(n0, n1)?,
            d: operand(0, 1, if n1 > 1 { n0 } else { 0 })?,
            a: operand(source.base, source.s0, if n1 > 1 { source.s1 } else { 0 })?,
            w_base: operand_w.base,
            w_reg: 0,
            w_sk: if source.kt > 1 { TILE_ROWS as i16 } else { 0 },
            a_sk: if source.kt > 1 { small(source.sk)? } else { 0 },
            n: (out.channels - group * LANES).min(LANES) as u8,
            k: source.k as u8,
            kt: count(source.kt)?,
            acc,
            tr: false,
        })
    }

    /// Gathers the runs of a strip of packed lines into rows.
    fn gather(
        &mut self,
        lines: &Lines,
        out: &Map,
        step: &Step,
        strip: Strip,
        ((_, channels, kh, kw), window): Weights,
    ) -> Emit<Vec<Source>> {
        let Gather::Runs { runs, rows } = step.gather else { return Err("packed lines without runs".into()) };
        let (run, width) = (kw * channels, out.width as u64);
        let pitch = lines.pitch() * LANES as u64;
        let [sy, sx] = window.strides.map(|s| s as u64);
        let (up, left) = (lines.pads[0] - window.pads[0], lines.pads[1] - window.pads[1]);
        let origin = lines.base * LANES as u64 + up as u64 * pitch + (left * channels) as u64;
        for ky in 0..kh {
            let line = strip.first as u64 * sy + (ky * window.dilations[0]) as u64;
            self.text.push(Move {
                lp: loops(width, strip.lines as u64)?,
                d: operand(step.scratch + (ky / runs) as u64, rows as u64, width * rows as u64)?,
                m: wide(origin + line * pitch, sx * channels as u64, sy * pitch)?,
                n: run as u8,
                offset: (ky % runs * run) as u8,
            })?;
        }
        let k = run * runs.min(kh);
        Ok(vec![Source { base: step.scratch, s0: rows as u64, s1: width * rows as u64, sk: 1, kt: rows as u64, k }])
    }
}

/// The products of a strip that reads a map: one for each kernel line, or each tap where taps are apart.
fn rows(map: &Map, strip: Strip, ((_, channels, kh, kw), window): Weights) -> Vec<Source> {
    let (tiles, pitch) = (map.tiles(), map.pitch());
    let [sy, sx] = window.strides.map(|s| s as u64);
    let [dy, dx] = window.dilations.map(|d| d as u64);
    let origin = map.above(window.pads[0], window.pads[1]) + strip.first as u64 * sy * pitch;
    let k = channels.min(LANES);
    let source = |base: u64, sk: u64, kt: u64| Source { base, s0: sx * tiles, s1: sy * pitch, sk, kt, k };
    let mut sources = Vec::new();
    for ky in 0..kh as u64 {
        let line = origin + ky * dy * pitch;
        if dx == 1 {
            sources.push(source(line, 1, kw as u64 * tiles));
        } else if tiles == 1 {
            sources.push(source(line, dx, kw as u64));
        } else {
            sources.extend((0..kw as u64).map(|kx| source(line + kx * dx * tiles, 1, tiles)));
        }
    }
    sources
}
