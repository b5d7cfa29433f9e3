//! Emission: placed operations to instructions, constants and the program.

mod conv;
mod ports;
mod text;

use isa::program::{Layer, Metadata, Program};
use isa::{Fill, Halt, LANES, Leaf, Load, Mark, Maxq, Profile, Requant as RequantInstr, Subtree};

use crate::error::{CompileError, Result};
use crate::int_ir::{IntGraph, IntKind, IntOp, IntWindow, Requant, TensorId};
use crate::layout::{Map, Storage};
use crate::place::{Placed, Step};
use crate::report::{LayerReport, Report};
use crate::{Options, tiles};
use text::{Text, count, loops, operand, small, wide};

/// Most rows of `const`.
const MAX_CONST_ROWS: u64 = 1 << 24;

/// Runs the pass.
///
/// # Errors
/// Strides or counts that no instruction can hold, too many constants, a step limit that is too low.
pub(crate) fn run(graph: &IntGraph, placed: &Placed, options: &Options) -> Result<(Program, Report)> {
    let mut emitter = Emitter::new(graph, placed);
    emitter.check_constants()?;
    emitter.inputs()?;
    for step in &placed.steps {
        let op = &graph.ops[step.op];
        emitter.op(op, step).map_err(|reason| CompileError::node(&op.name, op.op, reason))?;
    }
    emitter.finish(options)
}

struct Emitter<'a> {
    graph: &'a IntGraph,
    placed: &'a Placed,
    text: Text,
    constant: Vec<Leaf>,
    metadata: Metadata,
    layers: Vec<LayerReport>,
    /// Rows of `output` used.
    output_rows: u64,
    /// Rows of `input` used.
    input_rows: u64,
}

type Emit<T = ()> = Result<T, String>;

impl<'a> Emitter<'a> {
    fn new(graph: &'a IntGraph, placed: &'a Placed) -> Emitter<'a> {
        Emitter {
            graph,
            placed,
            text: Text::default(),
            constant: vec![],
            metadata: Metadata::default(),
            layers: vec![],
            output_rows: 0,
            input_rows: 0,
        }
    }

    fn check_constants(&self) -> Result<()> {
        let rows: u64 = self.placed.steps.iter().map(|s| s.weight_rows + s.param_rows).sum();
        if rows <= MAX_CONST_ROWS {
            return Ok(());
        }
        Err(CompileError::model(format!(
            "weights and parameters need {rows} rows of 32 bytes; at most {MAX_CONST_ROWS} are supported"
        )))
    }

    fn map(&self, id: TensorId) -> Emit<Map> {
        match self.placed.storage(id) {
            Some(Storage::Map(map)) => Ok(map),
            _ => Err("its operand lies in packed lines".into()),
        }
    }

    fn op(&mut self, op: &IntOp, step: &Step) -> Emit {
        let before = self.text.steps();
        match &op.kind {
            IntKind::Conv { weights, window, requant, .. } => {
                self.constants(step, tiles::conv(weights, step.gather), requant)?;
                self.ring(&self.map(op.output)?)?;
                self.conv(op, step, (weights.dim(), window), requant)?;
            }
            IntKind::Dense { weights, requant } => {
                let map = self.map(op.input())?;
                self.constants(step, tiles::dense(weights, &map), requant)?;
                self.ring(&self.map(op.output)?)?;
                self.dense(op, step, weights.ncols(), requant)?;
            }
            IntKind::MaxPool(window) => {
                self.ring(&self.map(op.output)?)?;
                self.max_pool(op, window)?;
            }
            _ => return Err("it has no lowering".into()),
        }
        self.outputs_of(op.output)?;
        let (macs, shape) = (macs(self.graph, op), self.graph.tensor(op.output).shape.clone());
        self.layer((op.name.clone(), op.op), shape, macs, (before, step.weight_rows + step.param_rows))
    }

    /// Ends a layer with its mark. `start`: micro-steps before it, rows of constants.
    fn layer(&mut self, (name, op): (String, &'static str), shape: Vec<usize>, macs: u64, start: (u64, u64)) -> Emit {
        let mark = self.metadata.layers.len() as u32;
        self.text.push(Mark { imm: mark })?;
        let shape: Vec<u32> = shape.into_iter().map(|d| u32::try_from(d).unwrap_or(u32::MAX)).collect();
        let micro_steps = self.text.steps() - start.0;
        self.layers.push(LayerReport {
            name: name.clone(),
            op,
            shape: shape.clone(),
            macs,
            micro_steps,
            const_rows: start.1,
        });
        self.metadata.layers.push(Layer { mark, name, op: op.into(), shape, macs });
        Ok(())
    }

    /// Puts weights and parameters into `const` and loads them.
    fn constants(&mut self, step: &Step, weights: Vec<Leaf>, requant: &Requant) -> Emit {
        let from = self.constant.len() as u64;
        self.constant.extend(weights);
        self.constant.extend(tiles::params(requant));
        self.load(Subtree::Const, from, step.weights, self.constant.len() as u64 - from)
    }

    /// Loads consecutive rows.
    fn load(&mut self, region: Subtree, from: u64, to: u64, rows: u64) -> Emit {
        let most = u64::from(u16::MAX);
        for first in (0..rows).step_by(most as usize) {
            self.text.push(Load {
                lp: loops(most.min(rows - first), 1)?,
                d: operand(to + first, 1, 0)?,
                m: wide(from + first, 1, 0)?,
                region: region as u8,
                space: false,
            })?;
        }
        Ok(())
    }

    /// Fills `n1` times `n0` rows.
    fn fill(&mut self, to: u64, (n0, n1, s1): (u64, u64, u64), value: i8) -> Emit {
        if n0 == 0 || n1 == 0 {
            return Ok(());
        }
        let imm = u32::from(value.cast_unsigned());
        self.text.push(Fill { lp: loops(n0, n1)?, d: operand(to, 1, if n1 > 1 { s1 } else { 0 })?, imm, space: false })
    }

    /// Fills the ring of padding around a map.
    fn ring(&mut self, map: &Map) -> Emit {
        let [top, left, bottom, right] = map.pads.map(|p| p as u64);
        let (tiles, pitch) = (map.tiles(), map.pitch());
        self.fill(map.base, (top * pitch + left * tiles, 1, 0), map.fill)?;
        // The right end of one line and the left end of the next are one run.
        let first_end = map.line(0) + map.width as u64 * tiles;
        self.fill(first_end, ((left + right) * tiles, map.height as u64 - 1, pitch), map.fill)?;
        let last_end = map.line(map.height - 1) + map.width as u64 * tiles;
        self.fill(last_end, (right * tiles + bottom * pitch, 1, 0), map.fill)
    }

    /// Requantises `lines` lines of one group of 32 channels from the first rows of acc into `out`.
    fn requantize(
        &mut self,
        out: &Map,
        (first, lines, group): (usize, usize, usize),
        step: &Step,
        r: &Requant,
    ) -> Emit {
        let n = (out.channels - group * LANES).min(LANES);
        let block = step.weights + step.weight_rows + (group * isa::PARAM_ROWS) as u64;
        let (n0, n1) = (out.width as u64, lines as u64);
        self.text.push(RequantInstr {
            lp: loops(n0, n1)?,
            d: operand(out.line(first) + group as u64, out.tiles(), if n1 > 1 { out.pitch() } else { 0 })?,
            a: operand(0, 1, if n1 > 1 { n0 } else { 0 })?,
            b: operand(block, 0, 0)?,
            n: n as u8,
            zp: r.zero_point,
            lo: r.lo,
            hi: r.hi,
        })
    }

    fn max_pool(&mut self, op: &IntOp, window: &IntWindow) -> Emit {
        let (input, out) = (self.map(op.input())?, self.map(op.output)?);
        let [kh, kw] = window.kernel;
        let [sy, sx] = window.strides.map(|s| s as u64);
        let tiles = input.tiles();
        for group in 0..tiles {
            for ky in 0..kh {
                let first =
                    input.above(window.pads[0], window.pads[1]) + (ky * window.dilations[0]) as u64 * input.pitch();
                self.text.push(Maxq {
                    lp: loops(out.width as u64, out.height as u64)?,
                    d: operand(out.line(0) + group, out.tiles(), out.pitch())?,
                    a: operand(first + group, sx * tiles, sy * input.pitch())?,
                    a_sk: small(window.dilations[1] as u64 * tiles)?,
                    kt: count(kw as u64)?,
                    acc: ky > 0,
                })?;
            }
        }
        Ok(())
    }

    fn finish(mut self, options: &Options) -> Result<(Program, Report)> {
        let internal = |reason: String| CompileError::model(reason);
        self.text.push(Halt {}).map_err(internal)?;
        let needed = self.text.steps();
        let limit = options.step_limit.unwrap_or(needed);
        if needed > limit {
            return Err(CompileError::StepLimit { needed, limit });
        }
        let log2 = |rows: u64| rows.max(1).next_power_of_two().trailing_zeros() as u8;
        let profile = Profile {
            limit,
            text: log2(self.text.words().len() as u64),
            constant: log2(self.constant.len() as u64),
            input: log2(self.input_rows),
            work: 0,
            output: log2(self.output_rows),
            spad: options.target.spad_log2,
            acc: options.target.acc_log2,
        };
        self.text.verify(&profile).map_err(internal)?;
        self.metadata.name.clone_from(&options.name);
        let report = Report {
            layers: self.layers,
            micro_steps: needed,
            instructions: self.text.words().len() as u64,
            spad_rows: self.placed.spad_rows,
            const_rows: self.constant.len() as u64,
            input_rows: self.input_rows,
            output_rows: self.output_rows,
        };
        let program =
            Program { profile, metadata: self.metadata, text: self.text.into_words(), constant: self.constant };
        program.check().map_err(|e| CompileError::model(e.to_string()))?;
        Ok((program, report))
    }
}

/// Multiply-accumulates of an operation, its padding not counted as saved.
fn macs(graph: &IntGraph, op: &IntOp) -> u64 {
    let pixels: usize = graph.tensor(op.output).shape.iter().skip(2).product();
    match &op.kind {
        IntKind::Conv { weights, .. } => (pixels * weights.len()) as u64,
        IntKind::Dense { weights, .. } => weights.len() as u64,
        _ => 0,
    }
}
