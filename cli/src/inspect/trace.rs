//! A run as text, an instruction a line.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::ops::ControlFlow;

use anyhow::Result;
use isa::digest::Digest;
use isa::program::Program;
use isa::{Access, Instr, Leaf, Profile, Reach, Regs, State, Status, Subtree, admit, operands, step};
use sim::fast::{FastError, FastMachine, Image, Workers};

use super::filter::Watched;
use super::layers::Layers;
use super::place::{reaches, rows};
use crate::machine::fast;
use crate::output::go_on;

/// Lanes shown of what an instruction wrote first.
const SHORT: usize = 4;
/// Micro-steps between looks at Ctrl-C.
const LOOK: u64 = 1 << 16;

/// What to show.
pub(crate) struct Selection {
    /// Only the layer that ends at this mark.
    pub(crate) mark: Option<u32>,
    /// Only instructions that touch one of these.
    pub(crate) watched: Vec<Watched>,
    /// Every micro-step of the instructions shown.
    pub(crate) rows: bool,
    /// At most so many instructions.
    pub(crate) first: u64,
}

/// How a trace ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With the run.
    Stopped(Status),
    /// After as many instructions as were asked for.
    Enough,
    /// Nobody reads any more.
    Closed,
    /// Ctrl-C.
    Interrupted,
}

/// Writes the trace of a run on `input`: what is shown is done by `isa::step`, the rest by the fast executor. Memory does
/// not grow with the run's length.
pub(crate) fn write(program: &Program, input: &[Leaf], selection: &Selection, out: &mut dyn Write) -> Result<End> {
    let machine = FastMachine::new(Image::new(program), input, Workers::new(&fast(None)?)?);
    let tracer = Tracer { machine, program, layers: Layers::of(program), selection, out, shown: 0, mark: None };
    match tracer.run() {
        Err(error) => match error.downcast_ref::<io::Error>() {
            Some(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(End::Closed),
            _ => Err(error),
        },
        end => end,
    }
}

struct Tracer<'a> {
    machine: FastMachine,
    program: &'a Program,
    layers: Layers<'a>,
    selection: &'a Selection,
    out: &'a mut dyn Write,
    shown: u64,
    mark: Option<u32>,
}

/// An instruction at issue.
struct Issue {
    regs: Regs,
    text: String,
    operands: Vec<Reach>,
    micro_steps: u64,
}

/// What a micro-step of an instruction wrote.
type Row = (u64, Access, Vec<Leaf>);

impl Tracer<'_> {
    fn run(mut self) -> Result<End> {
        writeln!(self.out, "# systole trace: {}", self.program.metadata.name)?;
        writeln!(
            self.out,
            "#    step     pc  instruction ; rows it may name ; what it wrote first, leaves and CRC of all"
        )?;
        let mut looked = 0;
        loop {
            let regs = self.machine.regs();
            if regs.status != Status::Running.code() {
                self.out.flush()?;
                return Ok(End::Stopped(Status::from_code(regs.status).unwrap_or(Status::Illegal)));
            }
            if self.shown == self.selection.first {
                self.out.flush()?;
                return Ok(End::Enough);
            }
            if regs.steps - looked >= LOOK {
                looked = regs.steps;
                if go_on() == ControlFlow::Break(()) {
                    return Ok(End::Interrupted);
                }
            }
            let issue = self.issue(regs);
            if !self.may_show(&issue) {
                self.machine.run_until(regs.steps.saturating_add(issue.micro_steps))?;
                continue;
            }
            let Some((wrote, rows)) = self.execute(&issue)? else { return Ok(End::Interrupted) };
            if self.is_watched(&issue) {
                self.show(&issue, &wrote, &rows)?;
            }
        }
    }

    /// Whether it is in the layer, and touches what is watched or may change a register that is.
    fn may_show(&self, issue: &Issue) -> bool {
        let Selection { mark, watched, .. } = self.selection;
        let touches =
            |it: &Watched| matches!(it, Watched::Register(_)) || it.touches(&issue.operands, &issue.regs, &issue.regs);
        mark.is_none_or(|mark| self.layers.mark(issue.regs.pc) == Some(mark))
            && (watched.is_empty() || watched.iter().any(touches))
    }

    /// Does it micro-step by micro-step; nothing if Ctrl-C came.
    fn execute(&mut self, issue: &Issue) -> Result<Option<(Wrote, Vec<Row>)>> {
        let mut log = Log { machine: &mut self.machine, wrote: Wrote::default(), rows: Vec::new() };
        let mut rows = Vec::new();
        for done in 0..issue.micro_steps {
            if done % LOOK == LOOK - 1 && go_on() == ControlFlow::Break(()) {
                return Ok(None);
            }
            step(&mut log)?;
            let written = log.rows.drain(..).map(|(at, leaves)| (done, at, leaves));
            if self.selection.rows && rows.len() < MOST_ROWS {
                rows.extend(written);
            }
        }
        Ok(Some((log.wrote, rows)))
    }

    fn issue(&self, regs: Regs) -> Issue {
        let word = self.machine.leaf(Subtree::Text, regs.pc.into());
        let fetched = u64::from(regs.pc) >> self.program.profile.text == 0;
        let text = if fetched { isa::asm::disassemble(&word) } else { "outside the text".to_string() };
        let admitted = Instr::decode(&word).ok().filter(|_| fetched);
        let admitted = admitted.filter(|instr| admit(instr, &regs, &self.program.profile).is_ok());
        let operands = admitted.map_or(Vec::new(), |i| operands(&i, &regs).into_iter().flatten().collect());
        let micro_steps = admitted.map_or(1, |instr| isa::micro_steps(&instr, &regs));
        Issue { regs, text, operands, micro_steps }
    }

    fn is_watched(&self, issue: &Issue) -> bool {
        let after = self.machine.regs();
        let watched = &self.selection.watched;
        watched.is_empty() || watched.iter().any(|it| it.touches(&issue.operands, &issue.regs, &after))
    }

    fn show(&mut self, issue: &Issue, wrote: &Wrote, lines: &[Row]) -> io::Result<()> {
        let profile = self.program.profile;
        let mark = self.layers.mark(issue.regs.pc);
        if mark != self.mark {
            self.mark = mark;
            writeln!(self.out, "# layer {}", mark.map_or("none".to_string(), |mark| self.layers.name(mark)))?;
        }
        let mut line = format!("{:>10} {:>6}  {}", issue.regs.steps, issue.regs.pc, issue.text);
        for part in [reaches(&issue.operands), self.effects(issue, wrote, &profile)] {
            if !part.is_empty() {
                let _ = write!(line, " ; {part}");
            }
        }
        writeln!(self.out, "{line}")?;
        for (row, at, leaves) in lines {
            for written in rows(*at, leaves, &profile) {
                writeln!(self.out, "{:>17}  row {row}: {}", "", written.show(written.lanes.len()))?;
            }
        }
        if lines.len() >= MOST_ROWS {
            writeln!(self.out, "{:>17}  further rows are left out", "")?;
        }
        self.shown += 1;
        Ok(())
    }

    /// Registers, a branch, a stop, or what was written.
    fn effects(&self, issue: &Issue, wrote: &Wrote, profile: &Profile) -> String {
        let (before, after) = (&issue.regs, self.machine.regs());
        if after.status != Status::Running.code() {
            let status = Status::from_code(after.status).unwrap_or(Status::Illegal);
            return if status == Status::Halted { "halted".to_string() } else { format!("TRAP {status}") };
        }
        let changed = before.x.iter().zip(&after.x).enumerate().filter(|(_, (old, new))| old != new);
        let mut parts: Vec<String> = changed.map(|(i, (_, new))| format!("x{i} = {new}")).collect();
        if after.pc != before.pc.wrapping_add(1) {
            parts.push(format!("to {}", after.pc));
        }
        if let Some((at, leaves)) = &wrote.first {
            let first = rows(*at, leaves, profile);
            parts.extend(first.first().map(|row| row.show(SHORT)));
            parts.push(format!("{} leaves #{:08x}", wrote.leaves, wrote.digest.0 as u32));
        }
        parts.join(", ")
    }
}

/// Micro-steps of one instruction that are shown.
const MOST_ROWS: usize = 1 << 16;

/// What one instruction wrote besides the registers.
#[derive(Default)]
struct Wrote {
    first: Option<(Access, Vec<Leaf>)>,
    leaves: u64,
    digest: Digest,
}

/// A machine that tells what is written.
struct Log<'a> {
    machine: &'a mut FastMachine,
    wrote: Wrote,
    /// Of this micro-step.
    rows: Vec<(Access, Vec<Leaf>)>,
}

impl Log<'_> {
    fn note(&mut self, at: Access, leaves: &[Leaf]) {
        if at.tree == Subtree::Regs {
            return;
        }
        if self.wrote.first.is_none() {
            self.wrote.first = Some((at, leaves.to_vec()));
        }
        self.wrote.leaves += leaves.len() as u64;
        for (row, leaf) in (at.index..).zip(leaves) {
            self.wrote.digest.row(at.tree, row as u32, leaf);
        }
        self.rows.push((at, leaves.to_vec()));
    }
}

impl State for Log<'_> {
    type Error = FastError;

    fn read(&mut self, at: Access, out: &mut [Leaf]) -> Result<(), FastError> {
        self.machine.read(at, out)
    }

    fn update(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), FastError> {
        self.note(at, leaves);
        self.machine.update(at, leaves)
    }

    fn overwrite(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), FastError> {
        self.note(at, leaves);
        self.machine.overwrite(at, leaves)
    }

    fn clear(&mut self, tree: Subtree, depth: u8) -> Result<(), FastError> {
        self.machine.clear(tree, depth)
    }
}
