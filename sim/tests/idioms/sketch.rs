//! A program made of idioms, as the text of `tests/programs/idiom_*.tasm`.

use std::collections::BTreeSet;
use std::{env, fs};

use compiler::idiom::Code;
use isa::asm::{assemble, disassemble};
use isa::program::{Metadata, Program};
use isa::{Instr, LANES, Leaf, Load, Loop, Operand, Store, Subtree, Wide, row32};
use sim::{Engine, Outcome, StepEngine};

/// Data, text with comments, and which rows of the output are row32s.
pub(crate) struct Sketch {
    about: String,
    head: Vec<String>,
    pub(crate) code: Code,
    notes: Vec<(usize, String)>,
    wide: BTreeSet<u64>,
}

impl Sketch {
    /// `about` is the comment at the top, without `;`.
    pub(crate) fn new(about: &str) -> Sketch {
        let code = Code::new(0, &[9, 10, 11, 12, 13, 14, 15], 48..64);
        Sketch { about: about.into(), head: Vec::new(), code, notes: Vec::new(), wide: BTreeSet::new() }
    }

    pub(crate) fn line(&mut self, line: &str) {
        self.head.push(line.into());
    }

    /// Rows of a region, `const` or `input`, as bytes.
    pub(crate) fn rows(&mut self, region: &str, row: usize, rows: &[Leaf]) {
        for (row, leaf) in (row..).zip(rows).filter(|(_, leaf)| **leaf != [0; 32]) {
            self.head.push(format!(".{region} {row} {}", bytes(leaf)));
        }
    }

    /// Row32s of a region, four rows each.
    pub(crate) fn row32s(&mut self, region: &str, row: usize, rows: &[Leaf]) {
        for (row, leaves) in (row..).step_by(4).zip(rows.as_chunks().0).filter(|(_, leaves)| **leaves != [[0; 32]; 4]) {
            self.head.push(format!(".{region} {row} i32 {}", numbers(&row32(leaves))));
        }
    }

    /// A comment in the text.
    pub(crate) fn note(&mut self, text: &str) {
        self.notes.push((self.code.instrs().len(), text.into()));
    }

    pub(crate) fn all(&mut self, instrs: Vec<Instr>) {
        instrs.into_iter().for_each(|instr| self.code.push(instr));
    }

    /// Loads `n` rows to spad.
    pub(crate) fn load(&mut self, region: Subtree, from: u32, n: u16, to: u32) {
        let (lp, d) = (Loop::new(n, 1), Operand::new(to, i16::from(n > 1), 0));
        let m = Wide::new(from, i32::from(n > 1), 0);
        self.code.push(Load { lp, d, m, region: region as u8, space: false });
    }

    /// Loads `n` row32s to acc.
    pub(crate) fn load_row32(&mut self, region: Subtree, from: u32, n: u16, to: u32) {
        let (lp, d) = (Loop::new(n, 1), Operand::new(to, i16::from(n > 1), 0));
        let m = Wide::new(from, if n > 1 { 4 } else { 0 }, 0);
        self.code.push(Load { lp, d, m, region: region as u8, space: true });
    }

    /// Stores `n` rows of spad to `output`.
    pub(crate) fn store(&mut self, from: u32, n: u16, to: u32) {
        let (lp, d) = (Loop::new(n, 1), Operand::new(from, i16::from(n > 1), 0));
        let m = Wide::new(to, i32::from(n > 1), 0);
        self.code.push(Store { lp, d, m, region: Subtree::Output as u8, space: false });
    }

    /// Stores `n` row32s of acc to `output`.
    pub(crate) fn store_row32(&mut self, from: u32, n: u16, to: u32) {
        let (lp, d) = (Loop::new(n, 1), Operand::new(from, i16::from(n > 1), 0));
        let m = Wide::new(to, if n > 1 { 4 } else { 0 }, 0);
        self.wide.extend((0..u64::from(n)).map(|row| u64::from(to) + 4 * row));
        self.code.push(Store { lp, d, m, region: Subtree::Output as u8, space: true });
    }

    /// Ends the text, runs it on the reference, and compares the file with it; writes the file if `$SYSTOLE_BLESS` is
    /// set.
    pub(crate) fn finish(mut self, name: &str) -> Outcome {
        self.code.push(isa::Halt {});
        let mut text = self.text();
        let source = assemble(&text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        let program = Program {
            profile: source.profile,
            metadata: Metadata::default(),
            text: source.text,
            constant: source.constant,
        };
        assert_eq!(program.text, self.code.instrs().iter().map(Instr::encode).collect::<Vec<_>>(), "{name}");
        let outcome = StepEngine.run_to_end(&program, &source.input).unwrap();
        text.push_str(&format!("; expect: status={} steps={}\n", outcome.status, outcome.steps));
        for (row, leaf) in outcome.output.nonzero() {
            let base = row / 4 * 4;
            if !self.wide.contains(&base) {
                text.push_str(&format!("; expect: output[{row}] {}\n", bytes(leaf)));
            } else if (base..row).all(|row| outcome.output.get(row) == [0; 32]) {
                let lanes = row32(&std::array::from_fn(|i| outcome.output.get(base + i as u64)));
                text.push_str(&format!("; expect: output[{base}] i32 {}\n", numbers(&lanes)));
            }
        }
        let path = format!("{}/../tests/programs/{name}.tasm", env!("CARGO_MANIFEST_DIR"));
        if env::var_os("SYSTOLE_BLESS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == text, "{path} is not what the idiom gives; SYSTOLE_BLESS=1 writes it");
        outcome
    }

    fn text(&self) -> String {
        let mut out: String = self.about.trim().lines().map(|line| format!("; {}\n", line.trim())).collect();
        self.head.iter().for_each(|line| out.push_str(&format!("{line}\n")));
        let targets: BTreeSet<u32> = self.code.instrs().iter().filter_map(target).collect();
        for (pc, instr) in (0..).zip(self.code.instrs()) {
            if targets.contains(&pc) {
                out.push_str(&format!("at_{pc}:\n"));
            }
            for (_, note) in self.notes.iter().filter(|(at, _)| *at == pc as usize) {
                out.push_str(&format!("; {note}\n"));
            }
            let mut line = disassemble(&instr.encode());
            if let Some(target) = target(instr) {
                line = line.replace(&format!("imm={target}"), &format!("imm=@at_{target}"));
            }
            out.push_str(&line);
            out.push('\n');
        }
        out
    }
}

fn target(instr: &Instr) -> Option<u32> {
    match instr {
        Instr::Beq(i) => Some(i.imm),
        Instr::Bne(i) => Some(i.imm),
        Instr::Bltu(i) => Some(i.imm),
        Instr::Bgeu(i) => Some(i.imm),
        _ => None,
    }
}

fn bytes(leaf: &Leaf) -> String {
    let values = leaf.map(u8::cast_signed);
    match values.iter().all(|v| *v == values[0]) {
        true => format!("fill {}", values[0]),
        false => format!("i8 {}", numbers(&values)),
    }
}

/// Numbers without the zeros at their end, runs of four and more as `V*N`.
fn numbers<T: Copy + PartialEq + Default + std::fmt::Display>(values: &[T; LANES]) -> String {
    let live = values.iter().rposition(|v| *v != T::default()).map_or(1, |last| last + 1);
    let runs = values[..live].chunk_by(|a, b| a == b).map(|run| match run.len() {
        4.. => format!("{}*{}", run[0], run.len()),
        n => vec![run[0].to_string(); n].join(" "),
    });
    runs.collect::<Vec<_>>().join(" ")
}
