//! `systole run`.

use std::fs::File;
use std::io::{BufWriter, Write, stdout};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use isa::Leaf;
use isa::program::{Data, Program};
use proof_bridge::Loaded;
use serde::Serialize;

use super::{program, requests};
use crate::answer::{Agreement, Answer, answer, compare, on_fast, on_step};
use crate::inspect::filter::Watched;
use crate::inspect::layers::Layers;
use crate::inspect::trace::{self, End, Selection};
use crate::machine::{self, EngineName, Simulation};
use crate::npz;
use crate::output::{Output, thousands};
use crate::request::outputs;

/// Run a program on an executor.
#[derive(Args)]
pub(crate) struct Run {
    /// The program.
    program: PathBuf,
    /// Arrays by input name, in the model's dtypes and shapes; a longer first axis is a batch of requests. `random:SEED`
    /// is a request of random values.
    #[arg(long)]
    input: Option<PathBuf>,
    /// Run only this request of a batch.
    #[arg(long, value_name = "N")]
    item: Option<usize>,
    /// Write the outputs here, by name.
    #[arg(long)]
    output: Option<PathBuf>,
    /// The engine.
    #[arg(long, value_enum, default_value_t = EngineName::Fast)]
    engine: EngineName,
    /// Threads of the fast executor; as many as processors if left out.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// The machine, for `--engine rtl`: a name or a JSON file.
    #[arg(long, default_value = "p16")]
    target: String,
    /// Array of the input file with the true classes; the largest output is compared with it.
    #[arg(long, value_name = "KEY")]
    labels: Option<String>,
    /// Array of the input file with another runtime's outputs; ours are compared with them.
    #[arg(long, value_name = "KEY")]
    reference: Option<String>,
    #[command(flatten)]
    trace: Trace,
}

/// A trace of the request before the run itself: an instruction a line.
#[derive(Args)]
struct Trace {
    /// Write a trace of the request here; - is stdout, words go to stderr then.
    #[arg(long = "trace", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Trace what every micro-step wrote, too.
    #[arg(long, requires = "file")]
    rows: bool,
    /// Trace only this layer: its name, or the number of the mark that ends it.
    #[arg(long, requires = "file", value_name = "LAYER")]
    layer: Option<String>,
    /// Trace only instructions that may read or write these rows, or change this register: spad:100..120, acc:3, output:0, x5.
    #[arg(long, requires = "file", value_name = "PLACE")]
    watch: Vec<Watched>,
    /// Trace at most so many instructions.
    #[arg(long, requires = "file", value_name = "N")]
    first: Option<u64>,
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
        let (mut requests, arrays) = requests(&program, self.input.as_deref())?;
        if let Some(item) = self.item {
            ensure!(item < requests.len(), "the file has {} requests, --item {item}", requests.len());
            requests = vec![requests.swap_remove(item)];
        }
        ensure!(!requests.is_empty(), "there is no request in the file");
        let output = match &self.trace.file {
            Some(file) => self.trace.write(output, &program, &requests, file)?,
            None => output,
        };
        let started = Instant::now();
        let answers = self.answers(&program, &requests)?;
        let seconds = started.elapsed().as_secs_f64();
        let agreement = compare(&program, &answers, &arrays, self.labels.as_deref(), self.reference.as_deref())?;
        let values: Vec<Vec<Data>> = answers.iter().map(|answer| answer.values.clone()).collect();
        if let Some(path) = &self.output {
            npz::write(path, &outputs(&program, &values))?;
        }
        let Some(first) = answers.first() else { bail!("there is no request in the file") };
        print(output, &answers, agreement, seconds);
        output.object(&Report {
            model: &program.metadata.name,
            engine: self.engine.name(),
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

    fn answers(&self, program: &Program, requests: &[Vec<Leaf>]) -> Result<Vec<Answer>> {
        match self.engine {
            EngineName::Fast => on_fast(program, requests, self.threads),
            EngineName::Step => on_step(program, requests),
            EngineName::Rtl => {
                let mut engine = machine::rtl(&machine::target(&self.target)?, &Simulation::default())?;
                let loaded = Loaded::new(program)?;
                requests.iter().map(|input| answer(program, loaded.model(), input, &mut engine)).collect()
            }
        }
    }
}

impl Trace {
    /// Writes the trace, and answers where words may go then.
    fn write(&self, output: Output, program: &Program, requests: &[Vec<Leaf>], file: &Path) -> Result<Output> {
        let [request] = requests else {
            bail!("a trace is of one request, the file has {}: give --item N", requests.len())
        };
        let piped = file.as_os_str() == "-";
        ensure!(!(piped && output.json), "--trace - and --json both want stdout");
        let selection = Selection {
            mark: self.layer.as_deref().map(|name| Layers::of(program).find(name)).transpose()?,
            watched: self.watch.clone(),
            rows: self.rows,
            first: self.first.unwrap_or(u64::MAX),
        };
        let mut out: Box<dyn Write> = if piped {
            Box::new(BufWriter::new(stdout().lock()))
        } else {
            Box::new(BufWriter::new(File::create(file).with_context(|| format!("cannot write {}", file.display()))?))
        };
        let end = trace::write(program, request, &selection, &mut *out).context("cannot write the trace")?;
        ensure!(end != End::Interrupted, "interrupted");
        Ok(if piped { output.aside() } else { output })
    }
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
