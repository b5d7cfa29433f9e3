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
    /// Parameters of each step of the epilogue.
    epilogue: Vec<u64>,
    output: Option<Turns>,
    others: Vec<Option<Turns>>,
    /// The other operands of the present strip.
    views: Vec<View>,
}

impl<'a> Lower<'a> {
    /// Rows a pixel of other operands that must be brought in.
    pub(super) fn others(&self, task: &Task) -> u64 {
        task.reads().skip(task.inputs.len()).map(|id| self.buffered(id)).sum()
    }

    /// Loads the parameters and takes the buffers.
    pub(super) fn results(&mut self, task: &Task<'a>, requant: &Requant, (pixels, slots): (u64, u64)) -> Emit<Results> {
        let channels = self.plan.form(task.output).channels();
        let params = self.load_constant(&weights::params(requant, channels), PARAM_ROWS as u64)?;
        let (mut epilogue, mut others) = (Vec::new(), Vec::new());
        for step in &task.epilogue {
            let (rows, groups) = match step {
                Epilogue::Add { other, addition, .. } => (vec![weights::addition(addition)], self.buffered(*other)),
                Epilogue::Lut(table) => (weights::table(table), 0),
            };
            let align = if rows.len() > 1 { PARAM_ROWS as u64 } else { 1 };
            epilogue.push(self.load_constant(&rows, align)?);
            others.push(self.maybe_turns(slots, pixels * groups)?);
        }
        let output = self.maybe_turns(slots, pixels * self.buffered(task.output))?;
        Ok(Results { params, epilogue, output, others, views: vec![] })
    }

    /// Buffers, if there is anything to hold.
    pub(super) fn maybe_turns(&mut self, slots: u64, rows: u64) -> Emit<Option<Turns>> {
        if rows == 0 { Ok(None) } else { self.turns(slots, rows, 1).map(Some) }
    }

    /// Brings in the other operands of a strip; where its results go.
    pub(super) fn begin(&mut self, task: &Task<'a>, part: &Part, results: &mut Results) -> Emit<View> {
        results.views.clear();
        for (step, turns) in task.epilogue.iter().zip(&mut results.others) {
            results.views.push(match step {
                Epilogue::Add { other, .. } => self.fetch(*other, part, 0, turns.as_mut().map(Turns::next))?,
                Epilogue::Lut(_) => View { at: 0, line: 0, pixel: 0 },
            });
        }
        self.target(task.output, part, results.output.as_mut().map(Turns::next))
    }

    /// Requantises the sums of a group of channels and does what follows.
    pub(super) fn finish_group(
        &mut self,
        task: &Task<'a>,
        requant: &Requant,
        results: &Results,
        (group, sums): (u64, u64),
        (part, to): (&Part, &View),
    ) -> Emit {
        let channels = self.plan.form(task.output).channels() as u64;
        let n = (channels - group * LANES as u64).min(LANES as u64) as u8;
        let (n0, n1) = (part.columns, part.lines);
        let lp = loops(n0, n1)?;
        let place = |view: &View| operand(view.at + group, view.pixel, if n1 > 1 { view.line } else { 0 });
        self.text.push(RequantInstr {
            lp,
            d: place(to)?,
            a: operand(sums, 1, if n1 > 1 { n0 } else { 0 })?,
            b: operand(results.params + group * PARAM_ROWS as u64, 0, 0)?,
            n,
            zp: requant.zero_point,
            lo: requant.lo,
            hi: requant.hi,
        })?;
        for ((step, &constants), view) in task.epilogue.iter().zip(&results.epilogue).zip(&results.views) {
            let own = place(to)?;
            match step {
                Epilogue::Add { first, .. } => {
                    let other = place(view)?;
                    let (a, b) = if *first { (other, own) } else { (own, other) };
                    let p_base = operand(constants, 0, 0)?.base;
                    self.text.push(Addq { lp, d: own, a, b, n, p_base, p_reg: 0 })?;
                }
                Epilogue::Lut(_) => {
                    self.text.push(Lut { lp, d: own, a: own, b: operand(constants, 0, 0)?, n })?;
                }
            }
        }
        Ok(())
    }
}
