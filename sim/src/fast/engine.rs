//! The fast executor as an engine.

use std::ops::ControlFlow;
use std::sync::Arc;

use isa::program::Program;
use isa::{Leaf, Status};

use super::machine::{FastError, FastMachine, Image};
use super::workers::{FastOptions, Workers};
use crate::engine::{Engine, EngineError, Outcome, Progress, Watch, check_input};

/// Micro-steps between two looks at `watch`, about.
const BUDGET_STEPS: u64 = 1 << 19;

/// Runs programs on this processor's vector instructions and on all its cores.
#[derive(Clone, Debug)]
pub struct FastEngine {
    workers: Arc<Workers>,
}

impl FastEngine {
    /// With these options.
    ///
    /// # Errors
    /// As for [`Workers::new`].
    pub fn new(options: &FastOptions) -> Result<FastEngine, FastError> {
        Ok(FastEngine { workers: Workers::new(options)? })
    }

    /// What it runs on.
    #[must_use]
    pub fn workers(&self) -> &Arc<Workers> {
        &self.workers
    }
}

impl Engine for FastEngine {
    fn name(&self) -> &'static str {
        "fast"
    }

    fn run(&mut self, program: &Program, input: &[Leaf], watch: Watch<'_>) -> Result<Outcome, EngineError> {
        check_input(program, input)?;
        let mut machine = FastMachine::new(Image::new(program), input, self.workers.clone());
        machine.track_digest();
        while machine.is_running() {
            machine.run_some(u64::MAX, BUDGET_STEPS)?;
            let steps = machine.regs().steps;
            if machine.is_running()
                && let ControlFlow::Break(()) = watch(Progress { steps, cycles: 0 })
            {
                return Err(EngineError::Interrupted { steps });
            }
        }
        Ok(Outcome {
            // A machine stops only with a status of its own.
            status: Status::from_code(machine.regs().status).unwrap_or(Status::Illegal),
            steps: machine.regs().steps,
            digest: machine.digest(),
            marks: machine.marks().to_vec(),
            output: machine.output(),
            work: machine.work_before_stop(),
            perf: None,
        })
    }
}
