//! `systole root`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use isa::{Leaf, Subtree};
use proof_bridge::Loaded;
use proof_bridge::hash::root_of;
use serde_json::json;

use super::{hex, one_request, program};
use crate::machine::{self, EngineName};
use crate::output::{Output, go_on};

/// Print the state root after a number of micro-steps.
#[derive(Args)]
pub(crate) struct Root {
    /// The program.
    program: PathBuf,
    /// Its input, as for `run`.
    #[arg(long)]
    input: Option<PathBuf>,
    /// Which request of a batch.
    #[arg(long, default_value_t = 0)]
    item: usize,
    /// Micro-steps since reset; several give several roots of one run. Past its end a run rests in its last state.
    #[arg(long, required = true, value_delimiter = ',', value_name = "STEP")]
    at: Vec<u64>,
    /// Print the roots of the eight sub-trees too.
    #[arg(long)]
    sub_trees: bool,
    /// The executor.
    #[arg(long, value_enum, default_value_t = EngineName::Fast)]
    engine: EngineName,
}

impl Root {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        let program = program(&self.program)?;
        let request = one_request(&program, self.input.as_deref(), self.item)?;
        let loaded = Loaded::on(&program, machine::executor(self.engine, None)?)?;
        let trace = loaded.run(&request, None, &mut |_| go_on())?;
        let mut steps = self.at.clone();
        steps.sort_unstable();
        steps.dedup();
        let trees = trace.sub_roots_at(&steps);
        let roots: Vec<String> = trees.iter().map(|trees| hex(&root_of(trees))).collect();
        for ((step, root), trees) in steps.iter().zip(&roots).zip(&trees) {
            output.say(format_args!("{step} {root}"));
            if self.sub_trees {
                named(trees).for_each(|(name, root)| output.say(format_args!("  {name:7} {root}")));
            }
        }
        let end = trace.outcome();
        let mut object = json!({ "at": steps, "roots": roots, "status": end.status, "steps": end.steps });
        if self.sub_trees {
            let all: Vec<serde_json::Map<String, _>> = trees
                .iter()
                .map(|trees| named(trees).map(|(name, root)| (name.to_string(), root.into())).collect())
                .collect();
            object["sub_trees"] = json!(all);
        }
        output.object(&object)
    }
}

fn named(trees: &[Leaf; 8]) -> impl Iterator<Item = (&'static str, String)> {
    Subtree::ALL.iter().zip(trees).map(|(tree, root)| (tree.name(), hex(root)))
}
