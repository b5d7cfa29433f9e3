//! `systole run`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use isa::Leaf;
use isa::program::{Data, Program};
use proof_bridge::claim::{Model, Outcome as End, region_root};
use proof_bridge::{Loaded, Tree};
use rayon::prelude::*;
use serde::Serialize;
use sim::{Engine, Outcome, StepEngine};

use super::{hex, program};
use crate::machine::{self, Simulation};
use crate::npz::{self, Array, Values};
use crate::output::{Output, bar, go_on, thousands};
use crate::request::{argmax, largest_lsb, outputs, requests};

/// Which engine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    /// The reference executor.
    Step,
    /// The Verilated accelerator.
    Rtl,
}

/// Run a program on an executor.
#[derive(Args)]
pub(crate) struct Run {
    /// The program.
    program: PathBuf,
    /// Arrays by input name, in the model's dtypes and shapes; a longer first axis is a batch of requests.
    #[arg(long)]
    input: Option<PathBuf>,
    /// Write the outputs here, by name.
    #[arg(long)]
    output: Option<PathBuf>,
    /// The engine.
    #[arg(long, value_enum, default_value_t = EngineName::Step)]
    engine: EngineName,
    /// The machine, for `--engine rtl`: a name or a JSON file.
    #[arg(long, default_value = "p16")]
    target: String,
    /// Array of the input file with the true classes; the largest output is compared with it.
    #[arg(long, value_name = "KEY")]
    labels: Option<String>,
    /// Array of the input file with another runtime's outputs; ours are compared with them.
    #[arg(long, value_name = "KEY")]
    reference: Option<String>,
}

/// One request's result.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Answer {
    pub(crate) status: isa::Status,
    pub(crate) steps: u64,
    pub(crate) output_root: String,
    pub(crate) final_root: String,
    pub(crate) class: Option<usize>,
    #[serde(skip)]
    pub(crate) values: Vec<Data>,
}

/// How answers compare with labels and with another runtime.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Agreement {
    pub(crate) labels: Option<usize>,
    pub(crate) reference_classes: Option<usize>,
    pub(crate) reference_largest_lsb: Option<u32>,
}

#[derive(Serialize)]
struct Report<'a> {
    model: &'a str,
    engine: &'a str,
    requests: usize,
    seconds: f64,
    steps: u64,
    status: isa::Status,
    output_root: &'a str,
    final_root: &'a str,
    agreement: Agreement,
    answers: &'a [Answer],
}

impl Run {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        let program = program(&self.program)?;
        let arrays = self.input.as_deref().map(npz::read).transpose()?.unwrap_or_default();
        ensure!(
            self.input.is_some() || program.metadata.inputs.is_empty(),
            "the program has inputs: give them with --input X.npz"
        );
        let requests = requests(&program, &arrays)?;
        let started = Instant::now();
        let answers = match self.engine {
            EngineName::Step => on_step(&program, &requests)?,
            EngineName::Rtl => {
                let mut engine = machine::rtl(&machine::target(&self.target)?, &Simulation::default())?;
                let loaded = Loaded::new(&program)?;
                let runs = requests.iter().map(|input| answer(&program, loaded.model(), input, &mut engine));
                runs.collect::<Result<Vec<_>>>()?
            }
        };
        let seconds = started.elapsed().as_secs_f64();
        let agreement = compare(&program, &answers, &arrays, self.labels.as_deref(), self.reference.as_deref())?;
        let values: Vec<Vec<Data>> = answers.iter().map(|answer| answer.values.clone()).collect();
        if let Some(path) = &self.output {
            npz::write(path, &outputs(&program, &values))?;
        }
        let Some(first) = answers.first() else { bail!("there is no request in the file") };
        print(output, &answers, agreement, seconds);
        let engine = if self.engine == EngineName::Step { "step" } else { "rtl" };
        output.object(&Report {
            model: &program.metadata.name,
            engine,
            requests: answers.len(),
            seconds,
            steps: first.steps,
            status: first.status,
            output_root: &first.output_root,
            final_root: &first.final_root,
            agreement,
            answers: &answers,
        })?;
        let trapped = answers.iter().position(|answer| answer.status != isa::Status::Halted);
        if let Some(index) = trapped {
            bail!("request {index} trapped: {}", answers[index].status);
        }
        Ok(())
    }
}

/// All requests on the reference executor, side by side.
pub(crate) fn on_step(program: &Program, requests: &[Vec<Leaf>]) -> Result<Vec<Answer>> {
    let loaded = Loaded::new(program)?;
    let model = loaded.model();
    let bar = bar(requests.len() as u64, "requests");
    let runs = requests.par_iter().map(|input| {
        let answer = answer(program, model, input, &mut StepEngine);
        bar.inc(1);
        answer
    });
    let answers = runs.collect::<Result<Vec<_>>>();
    bar.finish_and_clear();
    answers
}

/// One request on an engine.
pub(crate) fn answer(program: &Program, model: &Model, input: &[Leaf], engine: &mut impl Engine) -> Result<Answer> {
    let outcome = engine.run(program, input, &mut |_| go_on())?;
    describe(program, model, input, &outcome)
}

/// Roots and values of a run.
pub(crate) fn describe(program: &Program, model: &Model, input: &[Leaf], outcome: &Outcome) -> Result<Answer> {
    let mut tree = Tree::new(program.profile.output);
    for (row, leaf) in outcome.output.nonzero() {
        tree.write(row, std::slice::from_ref(leaf));
    }
    let end = End { output_root: tree.root(), status: outcome.status, steps: outcome.steps };
    let final_root = model.final_root(&region_root(program.profile.input, input), &end);
    let values = program.decode_outputs(|row| outcome.output.get(row));
    Ok(Answer {
        status: outcome.status,
        steps: outcome.steps,
        output_root: hex(&end.output_root),
        final_root: hex(&final_root),
        class: values.first().map(argmax),
        values,
    })
}

/// Compares answers with arrays of the input file.
pub(crate) fn compare(
    program: &Program,
    answers: &[Answer],
    arrays: &BTreeMap<String, Array>,
    labels: Option<&str>,
    reference: Option<&str>,
) -> Result<Agreement> {
    let find = |key: &str| arrays.get(key).with_context(|| format!("the input file has no array `{key}`"));
    let mut agreement = Agreement::default();
    if let Some(key) = labels {
        let Values::Int64(labels) = &find(key)?.values else { bail!("array `{key}` is not int64") };
        ensure!(labels.len() == answers.len(), "{} labels for {} requests", labels.len(), answers.len());
        let right =
            |(answer, label): &(&Answer, &i64)| answer.class.and_then(|c| i64::try_from(c).ok()) == Some(**label);
        agreement.labels = Some(answers.iter().zip(labels).filter(right).count());
    }
    let Some(key) = reference else { return Ok(agreement) };
    let Values::Data(Data::Float32(all)) = &find(key)?.values else { bail!("array `{key}` is not float32") };
    let Some(tensor) = program.metadata.outputs.first() else { bail!("the program has no output to compare") };
    let size = usize::try_from(tensor.elements())?;
    ensure!(
        all.len() == size * answers.len(),
        "array `{key}` has {} values, {} expected",
        all.len(),
        size * answers.len()
    );
    let (mut classes, mut lsb) = (0, 0);
    for (answer, theirs) in answers.iter().zip(all.chunks(size)) {
        let same = answer.class == Some(argmax(&Data::Float32(theirs.to_vec())));
        classes += usize::from(same);
        lsb = lsb.max(answer.values.first().and_then(|ours| largest_lsb(tensor, ours, theirs)).unwrap_or(u32::MAX));
    }
    agreement.reference_classes = Some(classes);
    agreement.reference_largest_lsb = Some(lsb);
    Ok(agreement)
}

fn print(output: Output, answers: &[Answer], agreement: Agreement, seconds: f64) {
    let count = answers.len();
    if let [answer] = answers {
        output.say(format_args!("status       {}", answer.status));
        output.say(format_args!("steps        {}", thousands(answer.steps)));
        output.say(format_args!("output root  {}", answer.output_root));
        output.say(format_args!("final root   {}", answer.final_root));
        if let Some(class) = answer.class {
            output.say(format_args!("largest      output {class}"));
        }
    } else {
        let classes: Vec<String> = answers.iter().map(|a| a.class.map_or("-".into(), |c| c.to_string())).collect();
        for line in classes.chunks(40) {
            output.say(line.join(" "));
        }
        output.say(format_args!("{count} requests, {} steps in all", thousands(answers.iter().map(|a| a.steps).sum())));
    }
    if let Some(right) = agreement.labels {
        output
            .say(format_args!("labels       {right} of {count} right ({:.1} %)", 100.0 * right as f64 / count as f64));
    }
    if let (Some(same), Some(lsb)) = (agreement.reference_classes, agreement.reference_largest_lsb) {
        output.say(format_args!("reference    {same} of {count} classes equal, outputs differ by at most {lsb} LSB"));
    }
    output.say(format_args!("seconds      {seconds:.3}"));
}
