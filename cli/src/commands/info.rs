//! `systole info`, `disasm`, `asm`: looking into programs.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use isa::program::{Metadata, Program, Tensor};
use isa::{Instr, LANES};
use proof_bridge::Loaded;
use serde_json::json;

use super::{hex, program};
use crate::output::{Output, thousands};

/// Show what a program holds.
#[derive(Args)]
pub(crate) struct Info {
    /// The program.
    program: PathBuf,
}

impl Info {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        let program = program(&self.program)?;
        let model = *Loaded::new(&program)?.model();
        let (p, m) = (&program.profile, &program.metadata);
        let bytes = |rows: usize| thousands((rows * LANES) as u64);
        output.say(format_args!("model        {}", m.name));
        output.say(format_args!("model root   {}", hex(&model.root())));
        output.say(format_args!("isa          {}", hex(&isa::ISA_HASH)));
        output.say(format_args!(
            "text         {} instructions, {} bytes",
            program.text.len(),
            bytes(program.text.len())
        ));
        output.say(format_args!("const        {} bytes", bytes(program.constant.len())));
        output.say(format_args!(
            "needs        spad {} bytes, acc {} bytes, work {} bytes of DRAM",
            bytes(1 << p.spad),
            bytes(4 << p.acc),
            bytes(1 << p.work)
        ));
        output.say(format_args!("step limit   {}", thousands(p.limit)));
        for (kind, tensors) in [("input", &m.inputs), ("output", &m.outputs)] {
            for tensor in tensors {
                output.say(format_args!("{kind:12} {}", describe(tensor)));
            }
        }
        output.say(format_args!("layers       mark, operator, output shape, MACs, name"));
        for layer in &m.layers {
            let shape = layer.shape.iter().map(u32::to_string).collect::<Vec<_>>().join("×");
            output.say(format_args!(
                "  {:>4} {:12} {shape:>14} {:>14} {}",
                layer.mark,
                layer.op,
                thousands(layer.macs),
                layer.name
            ));
        }
        output.object(&json!({
            "name": m.name, "model_root": hex(&model.root()), "isa_hash": hex(&isa::ISA_HASH), "profile": p,
            "instructions": program.text.len(), "const_rows": program.constant.len(),
            "inputs": m.inputs, "outputs": m.outputs, "layers": m.layers,
            "macs": m.layers.iter().map(|layer| layer.macs).sum::<u64>(),
        }))
    }
}

fn describe(tensor: &Tensor) -> String {
    format!(
        "{} {:?} {:?}, scale {}, zero point {}",
        tensor.name, tensor.dtype, tensor.shape, tensor.scale, tensor.zero_point
    )
}

/// Print a program's instructions.
#[derive(Args)]
pub(crate) struct Disasm {
    /// The program.
    program: PathBuf,
    /// As a source that `asm` makes the same profile, text and const from (with `--metadata-of`, the same file).
    #[arg(long)]
    source: bool,
}

impl Disasm {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        let program = program(&self.program)?;
        if self.source {
            let source = source(&program);
            output.say(source.trim_end());
            return output.object(&json!({ "source": source }));
        }
        let mut lines = Vec::new();
        for (index, leaf) in program.text.iter().enumerate() {
            let text = isa::asm::disassemble(leaf);
            let layer = match Instr::decode(leaf) {
                Ok(Instr::Mark(mark)) => program.metadata.layers.iter().find(|layer| layer.mark == mark.imm),
                _ => None,
            };
            let comment = layer.map_or(String::new(), |layer| format!(" ; end of {} {}", layer.op, layer.name));
            output.say(format_args!("{index:6}  {text}{comment}"));
            lines.push(text);
        }
        output.object(&json!({ "text": lines }))
    }
}

/// Rows of const that one directive fills; longer runs of the same row are several.
const MOST_EQUAL_ROWS: usize = 1 << 12;

/// A program as source.
fn source(program: &Program) -> String {
    let p = &program.profile;
    let mut out = format!(
        "; {}\n.profile text={} const={} input={} work={} output={} spad={} acc={} limit={}\n",
        program.metadata.name,
        p.text,
        p.constant,
        p.input,
        p.work,
        p.output,
        p.spad,
        p.acc,
        p.limit.cast_signed()
    );
    let mut row = 0;
    while let Some(leaf) = program.constant.get(row) {
        let equal = program.constant[row..].iter().take(MOST_EQUAL_ROWS).take_while(|it| *it == leaf).count();
        let line = match leaf.iter().all(|byte| *byte == leaf[0]) {
            true => format!(".const {row} fill {} {equal}\n", leaf[0].cast_signed()),
            false => format!(".const {row} hex {}\n", isa::asm::hex(leaf)),
        };
        out.push_str(&line);
        row += if leaf.iter().all(|byte| *byte == leaf[0]) { equal } else { 1 };
    }
    for (index, leaf) in program.text.iter().enumerate() {
        out.push_str(&format!("{} ; {index}\n", isa::asm::disassemble(leaf)));
    }
    out
}

/// Assemble a source text to a program.
#[derive(Args)]
pub(crate) struct Asm {
    /// The source; docs/isa.md lists the instructions.
    source: PathBuf,
    /// The program.
    #[arg(short, long)]
    output: PathBuf,
    /// Take names, tensors and layers from this program.
    #[arg(long, value_name = "PROGRAM")]
    metadata_of: Option<PathBuf>,
}

impl Asm {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        let shown = self.source.display();
        let text = std::fs::read_to_string(&self.source).with_context(|| format!("cannot read {shown}"))?;
        let source = isa::asm::assemble(&text).with_context(|| shown.to_string())?;
        let name = self.source.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let metadata = match &self.metadata_of {
            Some(path) => program(path)?.metadata,
            None => Metadata { name, ..Metadata::default() },
        };
        let program = Program { profile: source.profile, metadata, text: source.text, constant: source.constant };
        program.check()?;
        std::fs::write(&self.output, program.write())
            .with_context(|| format!("cannot write {}", self.output.display()))?;
        output.say(format_args!("{}: {} instructions", self.output.display(), program.text.len()));
        output.object(&json!({ "instructions": program.text.len(), "const_rows": program.constant.len() }))
    }
}
