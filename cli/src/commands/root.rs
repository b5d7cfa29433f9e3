//! `systole root`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use proof_bridge::{StateTree, Trace};
use serde_json::json;

use super::{first_request, hex, program};
use crate::output::Output;

/// Print the state root after a number of micro-steps.
#[derive(Args)]
pub(crate) struct Root {
    /// The program.
    program: PathBuf,
    /// Its input, as for `run`; of a batch the first request.
    #[arg(long)]
    input: Option<PathBuf>,
    /// Micro-steps since reset; several give several roots of one run.
    #[arg(long, required = true, value_delimiter = ',')]
    at: Vec<u64>,
}

impl Root {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        let program = program(&self.program)?;
        let request = first_request(&program, self.input.as_deref(), output)?;
        let trace = Trace::run(StateTree::of_program(&program, &request)?);
        let mut steps = self.at.clone();
        steps.sort_unstable();
        steps.dedup();
        let roots: Vec<String> = trace.roots_at(&steps).iter().map(hex).collect();
        for (step, root) in steps.iter().zip(&roots) {
            output.say(format_args!("{step} {root}"));
        }
        let end = trace.outcome();
        output.object(&json!({ "at": steps, "roots": roots, "status": end.status, "steps": end.steps }))
    }
}
