//! Whole networks: random weights, made by `xtask/bench/nets.py`, and the digits.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::tools::Tools;
use crate::{process, repo, setup};

/// The networks that `nets.py` makes.
const MADE: [&str; 3] = ["resnet50", "mobilenetv2", "bert"];

/// The files, made where they are not.
///
/// # Errors
/// The Python packages cannot be had, or the script failed.
pub(crate) fn files() -> Result<Vec<PathBuf>> {
    let folder = repo::target()?.join("nets");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let python = setup::python("bench")?;
    process::run_aside(
        std::process::Command::new(python).arg(repo::root().join("xtask/bench/nets.py")).arg(&folder).args(MADE),
    )?;
    let made = MADE.iter().map(|name| folder.join(format!("{name}.onnx")));
    Ok(made.chain([repo::root().join("models/digits/digits.onnx")]).collect())
}

/// Compiles a model.
///
/// # Errors
/// It does not compile.
pub(crate) fn compile(model: &Path, program: &Path) -> Result<()> {
    process::run_aside(systole("compile").arg(model).arg("-o").arg(program))
}

fn systole(command: &str) -> std::process::Command {
    let mut systole = process::cargo();
    systole.args(["run", "--quiet", "--package", "cli", "--bin", "systole", "--", command]);
    systole
}

/// Runs each network whole in the RTL, at 16 and at 5 bytes a cycle, and holds it to the executor, and the executor to the
/// compiler's evaluator.
///
/// # Errors
/// They differ, or one of them failed.
pub(crate) fn check(tools: &Tools) -> Result<()> {
    let files = files()?;
    let mut compare = process::cargo();
    compare.args(["run", "--quiet", "--package", "compiler", "--example", "compare", "--"]).args(&files);
    process::run(&mut compare)?;
    println!("network       B/cycle       cycles  of the array's MACs");
    for model in &files {
        let program = repo::target()?.join("nets").join("program.sys");
        compile(model, &program)?;
        let call = |command: &str, more: &[&str]| -> Result<Value> {
            let mut systole = systole(command);
            systole.arg(&program).args(["--input", "random:1", "--json"]).args(more);
            Ok(serde_json::from_str(&process::capture_aside(tools.tell(&mut systole))?)?)
        };
        let executor = call("run", &[])?;
        let name = model.file_stem().unwrap_or_default().to_string_lossy();
        for bytes in ["16", "5"] {
            let rtl = call("sim", &["--target", "p16", "--dram-bytes-per-cycle", bytes])?;
            ensure!(rtl["final_root"] == executor["final_root"], "{name}: the RTL's final root is not the executor's");
            let number = |key: &str| rtl[key].as_f64().unwrap_or(f64::NAN);
            let used = 100.0 * number("macs") / 256.0 / number("cycles");
            println!("{name:12} {bytes:>8} {:>12} {used:>8.1} %", number("cycles"));
        }
    }
    Ok(())
}
