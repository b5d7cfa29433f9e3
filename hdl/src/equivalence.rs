//! Runs blocks in rust-hdl's terms and in Verilator's, on the same random inputs.
//!
//! All blocks go into one model, whose program reads a line `block inputs` in hexadecimal, clocks the block once and
//! answers with its outputs. The Verilog is linted with `-Wall` and only the waivers that the caller names.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use isa::random::Rng;
use num_bigint::BigUint;
use rust_hdl::prelude::*;
use sim::rtl::Toolchain;

/// A value that a port can have.
pub(crate) trait Value: Synth {
    /// Any value, extremes more often than chance.
    fn random(rng: &mut Rng) -> Self;
}

impl<const N: usize> Value for Bits<N> {
    fn random(rng: &mut Rng) -> Self {
        let bytes: Vec<u8> = match rng.below(8) {
            0 => vec![0; N.div_ceil(8)],
            1 => vec![0xff; N.div_ceil(8)],
            2 => vec![(rng.bits() & 0xff) as u8; N.div_ceil(8)],
            _ => (0..N.div_ceil(32)).flat_map(|_| rng.leaf()[..4].to_vec()).collect(),
        };
        (BigUint::from_bytes_le(&bytes) % (BigUint::from(1u8) << N)).into()
    }
}

impl Value for bool {
    fn random(rng: &mut Rng) -> Self {
        rng.one_in(2)
    }
}

/// A value as the hexadecimal digits of its bits.
pub(crate) fn digits<T: Synth>(value: T) -> String {
    let text = format!("{:x}", value.verilog());
    text.split_once('h').map_or_else(|| text.clone(), |(_, digits)| digits.to_owned())
}

/// A block with the inputs that it was given and the outputs that it gave, cycle by cycle.
pub(crate) struct Trace {
    pub(crate) name: String,
    pub(crate) clocked: bool,
    pub(crate) verilog: String,
    pub(crate) inputs: Vec<(String, usize)>,
    pub(crate) outputs: Vec<(String, usize)>,
    pub(crate) cycles: Vec<(Vec<String>, Vec<String>)>,
}

/// Verilog of one block under a name of its own.
pub(crate) fn verilog(block: &impl Block, name: &str) -> String {
    let mut modules = ModuleDefines::default();
    block.accept(name, &mut modules);
    modules.defines()
}

/// Runs a block for so many cycles on random inputs; `adjust` may change them before each. `combinational` blocks have
/// no clock.
macro_rules! trace {
    (combinational $name:expr, $($arguments:tt)*) => {
        $crate::equivalence::trace!(@ [] $name, $($arguments)*)
    };
    (@ [$($clock:ident)?] $name:expr, $block:expr, in {$($input:ident),*}, out {$($output:ident),*}, $cycles:expr, |$it:ident, $rng:ident| $adjust:expr) => {{
        let mut $it = Box::new($block);
        $it.connect_all();
        let mut trace = $crate::equivalence::Trace {
            name: $name.into(),
            clocked: !stringify!($($clock)?).is_empty(),
            verilog: $crate::equivalence::verilog($it.as_ref(), $name),
            inputs: vec![$((stringify!($input).into(), Atom::bits(&$it.$input))),*],
            outputs: vec![$((stringify!($output).into(), Atom::bits(&$it.$output))),*],
            cycles: Vec::new(),
        };
        let mut rng = isa::random::Rng::new(1);
        for _ in 0..$cycles {
            $($it.$input.next = $crate::equivalence::Value::random(&mut rng);)*
            {
                let $rng = &mut rng;
                let _ = &$rng;
                $adjust;
            }
            let inputs = vec![$($crate::equivalence::digits($it.$input.next)),*];
            $($it.$clock.next = Clock { clk: false };)?
            assert!(simulate($it.as_mut(), 50));
            $($it.$clock.next = Clock { clk: true };)?
            assert!(simulate($it.as_mut(), 50));
            trace.cycles.push((inputs, vec![$($crate::equivalence::digits($it.$output.val())),*]));
        }
        trace
    }};
    ($name:expr, $($arguments:tt)*) => {
        $crate::equivalence::trace!(@ [clock] $name, $($arguments)*)
    };
}
pub(crate) use trace;

/// Compares every trace with Verilator; `waivers` are the rules of `-Wall` that the Verilog may break.
pub(crate) fn compare(traces: &[Trace], waivers: &[&str]) {
    let toolchain = match Toolchain::find(Some(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools"))) {
        Ok(toolchain) => toolchain,
        Err(error) => return eprintln!("skipped: {error}"),
    };
    let folder = std::env::temp_dir().join(format!("systole-equivalence-{}-{}", std::process::id(), traces[0].name));
    fs::create_dir_all(&folder).unwrap();
    let answers = build_and_run(&toolchain, &folder, traces, waivers);
    fs::remove_dir_all(&folder).unwrap();
    let mut answers = answers.lines();
    for trace in traces {
        for (cycle, (inputs, outputs)) in trace.cycles.iter().enumerate() {
            let answer: Vec<_> = answers.next().unwrap().split_whitespace().collect();
            for ((name, _), (want, have)) in trace.outputs.iter().zip(outputs.iter().zip(&answer)) {
                let number = |text: &str| BigUint::parse_bytes(text.as_bytes(), 16).unwrap();
                assert_eq!(number(want), number(have), "{}.{name} in cycle {cycle}, inputs {inputs:?}", trace.name);
            }
        }
    }
}

fn build_and_run(toolchain: &Toolchain, folder: &Path, traces: &[Trace], waivers: &[&str]) -> String {
    fs::write(folder.join("bench.v"), bench(traces)).unwrap();
    fs::write(folder.join("main.cpp"), program(traces)).unwrap();
    let mut verilate = Command::new(&toolchain.verilator);
    if toolchain.root_is_beside {
        verilate.env("VERILATOR_ROOT", &toolchain.root);
    }
    verilate.args(["--cc", "-O3", "-Wall", "--top-module", "bench", "--prefix", "Vbench", "-Mdir"]).arg(folder);
    verilate.args(waivers.iter().map(|rule| format!("-Wno-{rule}"))).arg(folder.join("bench.v"));
    run(&mut verilate);
    let sources = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut sources: Vec<_> = sources.filter(|path| path.extension().is_some_and(|end| end == "cpp")).collect();
    let include = toolchain.root.join("include");
    sources.extend(["verilated.cpp", "verilated_threads.cpp"].map(|name| include.join(name)));
    let mut compile = Command::new(&toolchain.compiler);
    compile.args(["-std=c++17", "-O1", "-pthread", "-w", "-I"]).arg(&include).arg("-I").arg(include.join("vltstd"));
    run(compile.args(sources).arg("-o").arg(folder.join("bench")));

    let mut child = Command::new(folder.join("bench")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let mut text = String::new();
    for (index, trace) in traces.iter().enumerate() {
        for (inputs, _) in &trace.cycles {
            writeln!(text, "{index} {}", inputs.join(" ")).unwrap();
        }
    }
    let writer = std::thread::spawn(move || pipe.write_all(text.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
}

/// The port of the bench for a port of a block.
fn port_name(index: usize, name: &str) -> String {
    format!("p{index}_{}", name.replace('$', "_"))
}

/// One module with every block in it, each with a clock and ports of its own.
fn bench(traces: &[Trace]) -> String {
    let (mut names, mut ports, mut cells, mut modules) = (Vec::new(), String::new(), String::new(), String::new());
    for (index, trace) in traces.iter().enumerate() {
        let mut pins = Vec::new();
        if trace.clocked {
            pins.push(format!(".clock(clock{index})"));
        }
        names.push(format!("clock{index}"));
        writeln!(ports, "    input clock{index};").unwrap();
        let both = [("input", &trace.inputs), ("output", &trace.outputs)];
        for (direction, (name, width)) in both.iter().flat_map(|(d, list)| list.iter().map(move |port| (d, port))) {
            let port = port_name(index, name);
            writeln!(ports, "    {direction} [{}:0] {port};", width - 1).unwrap();
            pins.push(format!(".{name}({port})"));
            names.push(port);
        }
        writeln!(cells, "    {} cell{index}({});", trace.name, pins.join(", ")).unwrap();
        modules.push_str(&trace.verilog);
    }
    format!("module bench({});\n{ports}{cells}endmodule\n{modules}\n", names.join(", "))
}

/// The C++ around it.
fn program(traces: &[Trace]) -> String {
    let mut cases = String::new();
    for (index, trace) in traces.iter().enumerate() {
        writeln!(cases, "        case {index}:").unwrap();
        for (name, _) in &trace.inputs {
            writeln!(cases, "            std::cin >> text; set(top.{}, text);", port_name(index, name)).unwrap();
        }
        writeln!(cases, "            top.clock{index} = 0; top.eval(); top.clock{index} = 1; top.eval();").unwrap();
        for (name, _) in &trace.outputs {
            writeln!(cases, "            show(top.{});", port_name(index, name)).unwrap();
        }
        writeln!(cases, "            break;").unwrap();
    }
    PROGRAM.replace("CASES", &cases)
}

const PROGRAM: &str = r#"
#include "Vbench.h"
#include <cstdio>
#include <iostream>
#include <string>

template <class T> void set(T& port, const std::string& text) { port = T(std::stoull(text, nullptr, 16)); }
template <size_t N> void set(VlWide<N>& port, const std::string& text) {
    for (size_t i = 0; i < N; i++) port[i] = 0;
    for (size_t i = 0; i < text.size(); i++)
        port[i / 8] |= uint32_t(std::stoul(text.substr(text.size() - 1 - i, 1), nullptr, 16)) << (i % 8 * 4);
}
template <class T> void show(T port) { std::printf("%llx ", (unsigned long long)port); }
template <size_t N> void show(const VlWide<N>& port) {
    for (size_t i = N; i-- > 0;) std::printf("%08x", port[i]);
    std::printf(" ");
}

int main() {
    std::ios::sync_with_stdio(false);
    Vbench top;
    std::string text;
    for (int block; std::cin >> block;) {
        switch (block) {
CASES
        }
        std::printf("\n");
    }
}
"#;
