//! Lowering: tasks to instructions, strip by strip, in an order that is correct as it stands.
//!
//! A task takes its operands from where they lie: on chip as they are, from DRAM in strips that take turns in buffers of the
//! rows that no value holds. What overlaps in time is not decided here: [`crate::schedule`] moves loads ahead.

mod attention;
mod chain;
mod choice;
mod choose;
mod constants;
mod elementwise;
mod heads;
mod matrix;
mod movement;
mod norms;
mod packed;
mod pool;
mod ports;
mod products;
mod resize;
mod results;
mod separable;
mod streamed;
mod strips;
mod tiles;
mod tiling;
mod transfer;
mod weights;

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use isa::program::{Layer, Metadata, Program};
use isa::{Halt, Mark, Profile, Subtree};

use crate::error::{CompileError, Result};
use crate::int_ir::{IntKind, IntOp};
use crate::memory::{Home, Homes, Map};
use crate::outline::Outline;
use crate::plan::separable::Conv;
use crate::plan::{Plan, Task, ValueId, Work};
use crate::predict::Predictor;
use crate::report::{LayerReport, Report};
use crate::text::Text;
use crate::{Options, TargetLimits};
pub(crate) use attention::{AttentionSizes, attention_strip, bank};
pub(crate) use choose::Known;
use constants::Constants;
pub(crate) use packed::{line_rows, packs};
pub(crate) use strips::Geometry;
pub(crate) use tiles::Tiles;
use tiling::Tiling;
use transfer::View;
use weights::Group;

/// Why a task cannot be lowered.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A reason.
    Reason(String),
    /// Not enough rows of a space: its name, rows needed, rows there.
    Rows(&'static str, u64, u64),
}

impl From<String> for Fault {
    fn from(reason: String) -> Fault {
        Fault::Reason(reason)
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Fault {
        Fault::Reason(reason.into())
    }
}

/// What lowering a task gives.
pub(crate) type Emit<T = ()> = std::result::Result<T, Fault>;

/// Pixels that are few.
const FEW: u64 = 32;
/// Most rows of `const`.
const MAX_CONST_ROWS: u64 = 1 << 26;

/// Runs the pass; tasks are cut as rules say, or as is predicted to take least.
///
/// # Errors
/// What cannot be lowered, or not for this target; a step limit that is too low.
pub(crate) fn run(
    plan: &Plan,
    homes: &Homes,
    options: &Options,
    predictor: Option<&Predictor>,
    known: &mut Known,
) -> Result<(Program, Report)> {
    let mut lower = Lower::new(plan, homes, &options.target);
    lower.known = std::mem::take(known);
    lower.inputs()?;
    for (index, task) in plan.tasks.iter().enumerate() {
        let tiling = predictor.map_or_else(Tiling::default, |predictor| lower.choose(index, predictor));
        lower.cut(index, tiling).map_err(|fault| located(task, fault))?;
    }
    lower.outputs()?;
    *known = std::mem::take(&mut lower.known);
    lower.finish(options)
}

fn located(task: &Task, fault: Fault) -> CompileError {
    match fault {
        Fault::Reason(reason) => CompileError::node(task.name, task.op, reason),
        Fault::Rows(space, needed, available) => CompileError::TooLarge {
            node: crate::error::printable(task.name),
            op: task.op.into(),
            space,
            needed,
            available,
        },
    }
}

/// The state of the pass.
pub(crate) struct Lower<'a> {
    plan: &'a Plan<'a>,
    homes: &'a Homes,
    /// By value; of roots, those of the model included.
    places: Vec<Home>,
    text: Text,
    constants: Constants,
    metadata: Metadata,
    layers: Vec<LayerReport>,
    /// Rows of spad that the present task may still take, and from which end it takes them.
    free: Range<u64>,
    from_top: bool,
    /// Rows of spad, and most of them in use at a time.
    spad: u64,
    spad_rows: u64,
    /// Rows of a bank of spad.
    bank: u64,
    /// Of a chain: the values of its products, and where the present strips of them lie.
    local: BTreeMap<ValueId, Option<View>>,
    /// Row32s of acc, and the next.
    acc_rows: u64,
    acc_at: u64,
    /// How the present task is cut, and what other ways have been found to take.
    tiling: Tiling,
    known: Known,
}

impl<'a> Lower<'a> {
    fn new(plan: &'a Plan<'a>, homes: &'a Homes, target: &TargetLimits) -> Lower<'a> {
        let (mut constants, mut places) = (Constants::default(), homes.homes.clone());
        for (value, home) in plan.values.iter().zip(&mut places) {
            if let Some(rows) = &value.constant {
                home.dram = Some((Subtree::Const, constants.add(rows)));
            }
        }
        Lower {
            plan,
            homes,
            places,
            text: Text::default(),
            constants,
            metadata: Metadata::default(),
            layers: vec![],
            free: 0..0,
            from_top: false,
            spad: 1 << target.spad_log2,
            spad_rows: 0,
            bank: bank(target),
            local: BTreeMap::new(),
            acc_rows: 1 << target.acc_log2,
            acc_at: 0,
            tiling: Tiling::default(),
            known: Known::default(),
        }
    }

    fn home(&self, id: ValueId) -> Home {
        self.places[self.plan.root(id).0]
    }

    /// The map of a value on chip; images follow one another as lines do. What has an alias has no ring.
    fn map(&self, id: ValueId) -> Option<Map> {
        let map = self.home(id).spad?;
        let (form, [images, height, width]) = (self.plan.form(id), self.plan.form(id).image());
        Some(Map { height: (images * height) as u64, width: width as u64, groups: form.groups(), ..map })
    }

    /// Begins a task. Convolutions, and products of few pixels, which wait for their weights, take their rows from the top and from
    /// the bottom in turn, so that what one needs first can be loaded while the one before is at work.
    fn enter(&mut self, task: &Task, free: Range<u64>) {
        self.free = free;
        let product = match &task.work {
            Work::Op(op) => match op.kind {
                IntKind::Conv { .. } => true,
                IntKind::Dense { .. } => self.plan.form(task.output).pixels() < FEW,
                _ => false,
            },
            Work::Separable(_) | Work::Chain(_) => true,
            Work::Move { .. } | Work::Attention(_) => false,
        };
        self.from_top = product && self.from_top == self.tiling.flip;
    }

    /// Rows of weights of a task of its own.
    fn rows_for(&mut self, id: ValueId, make: impl FnOnce() -> Vec<Group>) -> Rc<[Group]> {
        self.known.rows(id, false, make)
    }

    /// Rows of spad that are left.
    fn left(&self) -> u64 {
        self.free.end.saturating_sub(self.free.start)
    }

    /// Rows that are left for one buffer of this alignment.
    fn left_aligned(&self, align: u64) -> u64 {
        if self.from_top {
            return (self.free.end - self.free.end % align).saturating_sub(self.free.start);
        }
        self.free.end.saturating_sub(self.free.start.next_multiple_of(align))
    }

    /// Takes rows of spad until the end of the task.
    fn take(&mut self, rows: u64, align: u64) -> Emit<u64> {
        let Range { start, end } = self.free;
        if self.from_top {
            let base = end.checked_sub(rows).map(|base| base - base % align).filter(|&base| base >= start);
            let base = base.ok_or(Fault::Rows("spad", start + rows, end))?;
            self.free.end = base;
            return Ok(base);
        }
        let base = start.next_multiple_of(align);
        if base + rows > end {
            return Err(Fault::Rows("spad", base + rows, end));
        }
        self.free.start = base + rows;
        Ok(base)
    }

    /// Leaves out rows of spad up to the next bank, if there are as many to spare.
    fn next_bank(&mut self, spare: &mut u64) -> Emit {
        let bank = self.bank.max(1);
        let at = if self.from_top { self.free.end } else { self.free.start };
        let skip = if self.from_top { at % bank } else { at.next_multiple_of(bank) - at };
        if skip <= *spare {
            *spare -= skip;
            self.take(skip, 1)?;
        }
        Ok(())
    }

    /// Takes turns through acc, by banks: what comes next lies in other banks than what came before.
    fn sums(&mut self, rows: u64) -> Emit<u64> {
        if rows > self.acc_rows {
            return Err(Fault::Rows("acc", rows, self.acc_rows));
        }
        let bank = (self.acc_rows / 4).max(1);
        if self.acc_at + rows > self.acc_rows {
            self.acc_at = 0;
        }
        let base = self.acc_at;
        self.acc_at = (base + rows).next_multiple_of(bank) % self.acc_rows;
        Ok(base)
    }

    fn task(&mut self, task: &Task<'a>) -> Emit {
        let constants = self.constants.rows();
        self.ring(task.output)?;
        match &task.work {
            Work::Move { blocks, fill } => self.movement(task, blocks, *fill)?,
            Work::Attention(attention) => self.attention(task, attention)?,
            Work::Separable(block) => self.separable(task, block)?,
            Work::Chain(tasks) => self.chain(tasks)?,
            Work::Op(op) => match &op.kind {
                IntKind::Conv { weights, groups, window, pad_value, requant } => {
                    let (groups, pad) = (*groups, *pad_value);
                    self.convolution(task, &Conv { weights, groups, window, pad, requant })?;
                }
                IntKind::Dense { weights, requant } => self.dense(task, weights, requant)?,
                IntKind::MatMul { zeros, requant } => self.matrix(task, *zeros, requant)?,
                IntKind::MaxPool(window) => self.max_pool(task, window)?,
                IntKind::AveragePool(pool) => self.average_pool(task, pool)?,
                IntKind::Mean { axes, requant } => self.mean(task, axes, requant)?,
                IntKind::Clamp { lo, hi } => self.clamp(task, *lo, *hi)?,
                IntKind::Lut(table) => self.table(task, table)?,
                IntKind::Add(addition) => self.add(task, addition)?,
                IntKind::Mul { zeros, requant } => self.multiply(task, *zeros, requant)?,
                IntKind::PRelu(prelu) => self.prelu(task, prelu)?,
                IntKind::Softmax { scale, to } => self.softmax(task, *scale, *to)?,
                IntKind::Norm(norm) => self.norm(task, norm)?,
                IntKind::ArgMax { last, .. } => self.argmax(task, *last)?,
                IntKind::Lookup { table } => self.lookup(task, table)?,
                IntKind::ResizeLinear { axes, requant } => self.resize(task, axes, requant)?,
                _ => return Err("internal: a movement that was not planned".into()),
            },
        }
        let shape = &self.plan.form(task.output).shape;
        let macs = macs(self.plan, task);
        self.spad_rows = self.spad_rows.max(self.spad - self.left());
        self.layer((&task.title(), task.op), shape, macs, self.constants.rows() - constants)
    }

    /// Ends a layer with its mark.
    fn layer(&mut self, (name, op): (&str, &'static str), shape: &[usize], macs: u64, const_rows: u64) -> Emit {
        let mark = self.metadata.layers.len() as u32;
        self.text.push(Mark { imm: mark })?;
        let shape: Vec<u32> = shape.iter().map(|&d| u32::try_from(d).unwrap_or(u32::MAX)).collect();
        self.layers.push(LayerReport { name: name.into(), op, shape: shape.clone(), macs, micro_steps: 0, const_rows });
        self.metadata.layers.push(Layer { mark, name: name.into(), op: op.into(), shape, macs });
        Ok(())
    }

    fn finish(mut self, options: &Options) -> Result<(Program, Report)> {
        self.text.push(Halt {}).map_err(CompileError::model)?;
        crate::schedule::run(&mut self.text);
        let words = self.text.words();
        if self.constants.rows() > MAX_CONST_ROWS {
            return Err(CompileError::model(format!(
                "weights and parameters need {} rows of 32 bytes; at most {MAX_CONST_ROWS} are supported",
                self.constants.rows()
            )));
        }
        let log2 = |rows: u64| rows.max(1).next_power_of_two().trailing_zeros() as u8;
        let mut profile = Profile {
            limit: u64::MAX,
            text: log2(words.len() as u64),
            constant: log2(self.constants.rows()),
            input: log2(self.homes.input_rows),
            work: log2(self.homes.work_rows),
            output: log2(self.homes.output_rows),
            spad: options.target.spad_log2,
            acc: options.target.acc_log2,
        };
        let (marks, needed) = self.text.play(&profile).map_err(CompileError::model)?;
        profile.limit = options.step_limit.unwrap_or(needed);
        if needed > profile.limit {
            return Err(CompileError::StepLimit { needed, limit: profile.limit });
        }
        let mut before = 0;
        for (layer, end) in self.layers.iter_mut().zip(marks) {
            layer.micro_steps = end - before;
            before = end;
        }
        self.metadata.name.clone_from(&options.name);
        let report = Report {
            layers: self.layers,
            micro_steps: needed,
            instructions: words.len() as u64,
            spad_rows: self.spad_rows,
            const_rows: self.constants.rows(),
            input_rows: self.homes.input_rows,
            output_rows: self.homes.output_rows,
            outline: Outline::default(),
        };
        let program = Program { profile, metadata: self.metadata, text: words, constant: self.constants.into_rows() };
        program.check().map_err(|e| CompileError::model(e.to_string()))?;
        Ok((program, report))
    }
}

/// The window of a task over its first operand, and what its padding reads.
pub(crate) fn geometry(plan: &Plan, task: &Task, op: &IntOp) -> Option<(Geometry, i8)> {
    let image = plan.form(*task.inputs.first()?).image();
    Some(match &op.kind {
        IntKind::Conv { window, pad_value, .. } => (Geometry::new(image, window), *pad_value),
        IntKind::MaxPool(window) => (Geometry::new(image, window), i8::MIN),
        IntKind::AveragePool(pool) => (Geometry::new(image, &pool.window), pool.pad_value),
        _ => return None,
    })
}

/// Multiply-accumulates of a task, its padding not counted as saved.
fn macs(plan: &Plan, task: &Task) -> u64 {
    let elements = |id: ValueId| plan.form(id).shape.iter().product::<usize>() as u64;
    let op = match &task.work {
        Work::Op(op) => op,
        Work::Attention(attention) => return attention.sizes.macs(),
        Work::Move { .. } => return 0,
        Work::Chain(tasks) => return tasks.iter().map(|task| macs(plan, task)).sum(),
        Work::Separable(block) => {
            let elements = |op: &IntOp| plan.graph.tensor(op.output).shape.iter().product::<usize>();
            let each = |conv: Conv| conv.weights.len().checked_div(conv.weights.dim().0).unwrap_or(0);
            return block.ops().filter_map(|op| Some((elements(op) * each(Conv::of(op)?)) as u64)).sum();
        }
    };
    match &op.kind {
        IntKind::Conv { weights, .. } => {
            elements(task.output) * (weights.len() as u64).checked_div(weights.dim().0 as u64).unwrap_or(0)
        }
        IntKind::Dense { weights, .. } => elements(task.output) * weights.nrows() as u64,
        IntKind::MatMul { .. } => elements(task.output) * plan.form(task.inputs[0]).channels() as u64,
        _ => 0,
    }
}
