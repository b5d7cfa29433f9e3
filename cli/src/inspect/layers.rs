//! Which layer an instruction belongs to: that of the first `MARK` at it or after it in the text.

use anyhow::{Result, bail};
use isa::program::{Layer, Program};
use isa::{Instr, Mark};

/// The layers of a program by instruction.
pub(crate) struct Layers<'a> {
    program: &'a Program,
    /// Index in the text and number of every mark, ascending.
    marks: Vec<(u32, u32)>,
}

impl<'a> Layers<'a> {
    pub(crate) fn of(program: &'a Program) -> Layers<'a> {
        let mark = |(index, leaf)| match Instr::decode(leaf) {
            Ok(Instr::Mark(Mark { imm })) => Some((index, imm)),
            _ => None,
        };
        Layers { program, marks: (0..).zip(&program.text).filter_map(mark).collect() }
    }

    /// Number of the mark that ends the layer of an instruction.
    pub(crate) fn mark(&self, pc: u32) -> Option<u32> {
        let next = self.marks.partition_point(|&(index, _)| index < pc);
        self.marks.get(next).map(|&(_, mark)| mark)
    }

    /// The mark that a user means: a number, or the name of a layer.
    pub(crate) fn find(&self, wanted: &str) -> Result<u32> {
        let layers = &self.program.metadata.layers;
        if let Some(layer) = layers.iter().find(|layer| layer.name == wanted) {
            return Ok(layer.mark);
        }
        match wanted.parse() {
            Ok(mark) if self.marks.iter().any(|&(_, it)| it == mark) => Ok(mark),
            _ => {
                let known: Vec<String> =
                    layers.iter().map(|layer| format!("{} ({})", layer.mark, layer.name)).take(MOST_NAMED).collect();
                bail!("no layer `{wanted}`; there are marks and layers: {}", known.join(", "))
            }
        }
    }

    /// Name and operator for a mark: `conv1 (Conv)`; the number where the program names none.
    pub(crate) fn name(&self, mark: u32) -> String {
        match self.program.metadata.layers.iter().find(|layer| layer.mark == mark) {
            Some(Layer { name, op, .. }) => format!("{name} ({op})"),
            None => format!("mark {mark}"),
        }
    }
}

/// Layers named in an error.
const MOST_NAMED: usize = 20;
