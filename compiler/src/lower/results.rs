//! From sums to results: requantisation, then what was fused to the product, group by group of a strip.

use isa::{Addq, LANES, Lut, PARAM_ROWS, Requant as RequantInstr};

use super::transfer::{Part, Turns, View};
use super::{Emit, Lower, weights};
use crate::int_ir::Requant;
use crate::plan::{Epilogue, Task};
use crate::text::{loops, operand};

/// Where results, parameters and other operands lie while a task runs.
pub(super) struct Results {
    params: u64,
    /// Groups of channels that have room in the buffers, and the first of them now.
    chunk: u64,
    first: u64,
    /// Parameters of each step of the epilogue.
    epilogue: Vec<u64>,
    output: Option<Turns>,
    /// Buffers of one group's results, if sums take the place of their other operand.
    group: Option<Turns>,
    others: Vec<Other>,
    /// The other operands of the present strip.
    views: Vec<View>,
}

/// Where another operand is.
enum Other {
    /// On chip, or in buffers that take turns.
    Strip(Option<Turns>),
    /// One pixel for all.
    Pixel(u64),
}

impl<'a> Lower<'a> {
    /// Rows a pixel of other operands that must be brought in.
    pub(super) fn others(&self, task: &Task) -> u64 {
        self.others_of(task, u64::MAX)
    }

    /// The same, of at most so many groups of channels at a time.
    pub(super) fn others_of(&self, task: &Task, chunk: u64) -> u64 {
        let others = task.reads().skip(task.inputs.len()).filter(|&id| self.plan.repeated(id).is_none());
        others.map(|id| self.buffered(id).min(chunk)).sum()
    }

    /// Rows of other operands whose pixels are all the same.
    pub(super) fn pixels(&self, task: &Task) -> u64 {
        let others = task.reads().skip(task.inputs.len()).filter(|&id| self.plan.repeated(id).is_some());
        others.map(|id| self.plan.form(id).groups()).sum()
    }

    /// Whether results take the place of the other operand of a sum, which was brought in for it.
    pub(super) fn in_place(&self, task: &Task) -> bool {
        let buffered = |id| self.buffered(id) > 0 && self.plan.repeated(id).is_none();
        matches!(task.epilogue.first(), Some(Epilogue::Add { other, .. }) if buffered(*other))
            && self.made_rows(task.output) > 0
    }

    /// Rows a pixel of results in their buffer.
    pub(super) fn made(&self, task: &Task) -> u64 {
        self.made_of(task, u64::MAX)
    }

    /// The same, of at most so many groups of channels at a time.
    pub(super) fn made_of(&self, task: &Task, chunk: u64) -> u64 {
        if self.in_place(task) { 2 } else { self.made_rows(task.output).min(chunk) }
    }

    /// Loads the parameters and takes the buffers.
    pub(super) fn results(&mut self, task: &Task<'a>, requant: &Requant, size: (u64, u64)) -> Emit<Results> {
        self.results_of(task, requant, size, self.plan.form(task.output).groups())
    }

    /// The same, for so many groups of channels at a time.
    pub(super) fn results_of(
        &mut self,
        task: &Task<'a>,
        requant: &Requant,
        (pixels, slots): (u64, u64),
        chunk: u64,
    ) -> Emit<Results> {
        let channels = self.plan.form(task.output).channels();
        let params = self.load_constant(&weights::params(requant, channels), PARAM_ROWS as u64)?;
        let (mut epilogue, mut others) = (Vec::new(), Vec::new());
        for step in &task.epilogue {
            let rows = match step {
                Epilogue::Add { addition, .. } => vec![weights::addition(addition)],
                Epilogue::Lut(table) => weights::table(table),
            };
            let align = if rows.len() > 1 { PARAM_ROWS as u64 } else { 1 };
            epilogue.push(self.load_constant(&rows, align)?);
            others.push(match step {
                Epilogue::Add { other, .. } => match self.plan.repeated(*other) {
                    Some(pixel) => Other::Pixel(self.load_constant(pixel, 1)?),
                    None => Other::Strip(self.maybe_turns(slots, pixels * self.buffered(*other).min(chunk))?),
                },
                Epilogue::Lut(_) => Other::Strip(None),
            });
        }
        let (mut output, mut group) = (None, None);
        if self.in_place(task) {
            group = self.maybe_turns(2, pixels)?;
        } else {
            output = self.maybe_turns(slots, pixels * self.made_rows(task.output).min(chunk))?;
        }
        Ok(Results { params, chunk, first: 0, epilogue, output, group, others, views: vec![] })
    }

    /// Buffers, if there is anything to hold.
    pub(super) fn maybe_turns(&mut self, slots: u64, rows: u64) -> Emit<Option<Turns>> {
        if rows == 0 { Ok(None) } else { self.turns(slots, rows, 1).map(Some) }
    }

    /// Brings in the other operands of a strip; where its results go.
    pub(super) fn begin(&mut self, task: &Task<'a>, part: &Part, results: &mut Results) -> Emit<View> {
        self.begin_at(task, part, results, 0)
    }

    /// The same, from a group of channels on.
    pub(super) fn begin_at(&mut self, task: &Task<'a>, part: &Part, results: &mut Results, first: u64) -> Emit<View> {
        let groups = (first, results.chunk.min(self.plan.form(task.output).groups() - first));
        results.first = first;
        results.views.clear();
        for (step, place) in task.epilogue.iter().zip(&mut results.others) {
            results.views.push(match (step, place) {
                (Epilogue::Add { .. }, Other::Pixel(at)) => View { at: *at + first, line: 0, pixel: 0 },
                (Epilogue::Add { other, .. }, Other::Strip(turns)) => {
                    self.fetch_groups(*other, part, groups, turns.as_mut().map(Turns::next))?
                }
                (Epilogue::Lut(_), _) => View { at: 0, line: 0, pixel: 0 },
            });
        }
        let buffer = match (&results.group, results.views.first()) {
            (Some(_), Some(view)) => Some(view.at),
            _ => results.output.as_mut().map(Turns::next),
        };
        self.target_groups(task.output, part, groups, buffer)
    }

    /// Stores the results that [`Lower::begin_at`] gave room to.
    pub(super) fn put_chunk(&mut self, task: &Task<'a>, part: &Part, results: &Results, view: &View) -> Emit {
        let groups = (results.first, results.chunk.min(self.plan.form(task.output).groups() - results.first));
        self.put_groups(task.output, part, groups, view)
    }

    /// Requantises the sums of a group of channels and does what follows.
    pub(super) fn finish_group(
        &mut self,
        task: &Task<'a>,
        requant: &Requant,
        results: &mut Results,
        (group, sums): (u64, u64),
        (part, to): (&Part, &View),
    ) -> Emit {
        let channels = self.plan.form(task.output).channels() as u64;
        let n = (channels - group * LANES as u64).min(LANES as u64) as u8;
        let (n0, n1) = (part.columns, part.lines);
        let lp = loops(n0, n1)?;
        let first = results.first;
        let place = |view: &View| operand(view.at + group - first, view.pixel, if n1 > 1 { view.line } else { 0 });
        let made = match &mut results.group {
            Some(turns) => operand(turns.next(), 1, if n1 > 1 { n0 } else { 0 })?,
            None => place(to)?,
        };
        self.text.push(RequantInstr {
            lp,
            d: made,
            a: operand(sums, 1, if n1 > 1 { n0 } else { 0 })?,
            b: operand(results.params + group * PARAM_ROWS as u64, 0, 0)?,
            n,
            zp: requant.zero_point,
            lo: requant.lo,
            hi: requant.hi,
        })?;
        let steps = task.epilogue.iter().zip(&results.epilogue).zip(&results.views).enumerate();
        for (index, ((step, &constants), view)) in steps {
            let d = place(to)?;
            let own = if index == 0 { made } else { d };
            match step {
                Epilogue::Add { first, .. } => {
                    let other = place(view)?;
                    let (a, b) = if *first { (other, own) } else { (own, other) };
                    let p_base = operand(constants, 0, 0)?.base;
                    self.text.push(Addq { lp, d, a, b, n, p_base, p_reg: 0 })?;
                }
                Epilogue::Lut(_) => {
                    self.text.push(Lut { lp, d, a: own, b: operand(constants, 0, 0)?, n })?;
                }
            }
        }
        Ok(())
    }
}
