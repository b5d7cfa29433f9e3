//! What requests get for an answer: runs on each engine, roots and values, and how they compare with others' answers.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use isa::program::{Data, Program};
use isa::{Leaf, Region, Status};
use proof_bridge::claim::{Model, Outcome as End, region_root};
use proof_bridge::{Loaded, Tree};
use rayon::prelude::*;
use serde::Serialize;
use sim::fast::{FastMachine, Image, Workers};
use sim::{Engine, StepEngine};

use crate::commands::hex;
use crate::machine;
use crate::npz::{Array, Values};
use crate::output::{bar, go_on};
use crate::request::{argmax, largest_lsb};

/// Micro-steps between looks at Ctrl-C, about.
const LOOK: u64 = 1 << 20;

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

/// All requests on the fast executor: several side by side, each on one thread; one alone on all of them.
pub(crate) fn on_fast(program: &Program, requests: &[Vec<Leaf>], threads: Option<usize>) -> Result<Vec<Answer>> {
    let several = requests.len() > 1;
    let workers = Workers::new(&machine::fast(if several { Some(1) } else { threads })?)?;
    let (image, loaded) = (Image::new(program), Loaded::new(program)?);
    let machine = || FastMachine::new(image.clone(), &[] as &[Leaf], workers.clone());
    let bar = bar(requests.len() as u64, "requests");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build()?;
    let answer = |machine: &mut FastMachine, input: &Vec<Leaf>| -> Result<Answer> {
        machine.reset(&input[..]);
        while machine.is_running() {
            machine.run_some(u64::MAX, LOOK)?;
            ensure!(go_on().is_continue(), "interrupted after {} steps", machine.regs().steps);
        }
        bar.inc(1);
        let regs = machine.regs();
        let status = Status::from_code(regs.status).context("no such status")?;
        describe(program, loaded.model(), input, &Ended { status, steps: regs.steps, output: &machine.output() })
    };
    let answers = if several {
        pool.install(|| requests.par_iter().map_init(machine, answer).collect())
    } else {
        requests.iter().map(|input| answer(&mut machine(), input)).collect()
    };
    bar.finish_and_clear();
    answers
}

/// All requests on the reference executor, side by side.
pub(crate) fn on_step(program: &Program, requests: &[Vec<Leaf>]) -> Result<Vec<Answer>> {
    let loaded = Loaded::new(program)?;
    let bar = bar(requests.len() as u64, "requests");
    let runs = requests.par_iter().map(|input| {
        let answer = answer(program, loaded.model(), input, &mut StepEngine);
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
    describe(program, model, input, &Ended { status: outcome.status, steps: outcome.steps, output: &outcome.output })
}

/// How a run ended, whatever ran it.
pub(crate) struct Ended<'a> {
    pub(crate) status: Status,
    pub(crate) steps: u64,
    pub(crate) output: &'a Region,
}

/// Roots and values of a run.
pub(crate) fn describe(program: &Program, model: &Model, input: &[Leaf], ended: &Ended<'_>) -> Result<Answer> {
    let mut tree = Tree::new(program.profile.output);
    for (row, leaf) in ended.output.nonzero() {
        tree.write(row, std::slice::from_ref(leaf));
    }
    let end = End { output_root: tree.root(), status: ended.status, steps: ended.steps };
    let final_root = model.final_root(&region_root(program.profile.input, input), &end);
    let values = program.decode_outputs(|row| ended.output.get(row));
    Ok(Answer {
        status: ended.status,
        steps: ended.steps,
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
