//! The reference with a scoreboard that forgets once: a younger instruction is done before the older one in front of it.

use std::collections::BTreeMap;
use std::convert::Infallible;

use isa::asm::Source;
use isa::digest::Digest;
use isa::{Access, Instr, Leaf, Memory, Regs, State, Stepped, Subtree, step};

use super::coverage::{Hazard, Lie, hazards, unit};

/// A memory, with the digest of what was written to DRAM: what is compared of a run that trapped.
#[derive(Clone)]
struct Machine {
    memory: Memory,
    digest: Digest,
}

impl State for Machine {
    type Error = Infallible;

    fn read(&mut self, at: Access, out: &mut [Leaf]) -> Result<(), Infallible> {
        self.memory.read(at, out)
    }

    fn update(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), Infallible> {
        self.overwrite(at, leaves)
    }

    fn overwrite(&mut self, at: Access, leaves: &[Leaf]) -> Result<(), Infallible> {
        if matches!(at.tree, Subtree::Work | Subtree::Output) {
            (at.index..).zip(leaves).for_each(|(row, leaf)| self.digest.row(at.tree, row as u32, leaf));
        }
        self.memory.overwrite(at, leaves)
    }

    fn clear(&mut self, tree: Subtree, depth: u8) -> Result<(), Infallible> {
        self.memory.clear(tree, depth)
    }
}

/// How a run ended.
type End = (Regs, u64);

fn start(source: &Source) -> Machine {
    let head = super::program(source).head();
    let memory = Memory::new(&head, &source.text, &source.constant, &source.input);
    Machine { memory, digest: Digest::default() }
}

/// The instruction at pc, if it has operands, goes on to the next one, and is admitted.
fn movable(memory: &Memory, source: &Source, pc: u32) -> Option<Instr> {
    let instr = Instr::decode(&memory.tree(Subtree::Text).get(pc.into())).ok()?;
    let regs = memory.regs();
    let moves = unit(instr.opcode()).is_some() && !matches!(instr, Instr::Lw(_) | Instr::Argmax(_) | Instr::Mark(_));
    (moves && isa::admit(&instr, &regs, &source.profile).is_ok()).then_some(instr)
}

fn set_pc(Machine { memory, .. }: &mut Machine, pc: u32) {
    let regs = Regs { pc, ..memory.regs() };
    memory.tree_mut(Subtree::Regs).set(0, regs.to_leaves()[0]);
}

/// One whole instruction; false where the machine stopped.
fn one(memory: &mut Machine) -> bool {
    loop {
        let Ok(stepped) = step(memory);
        match stepped {
            Stepped::Ran { last: true, .. } => return true,
            Stepped::Ran { .. } => {}
            Stepped::Stopped(_) | Stepped::Idle => return false,
        }
    }
}

fn finish(mut machine: Machine) -> End {
    while one(&mut machine) {}
    (machine.memory.regs(), machine.digest.0)
}

/// For each hazard between neighbours of different units: how often forgetting it was tried, and how often it showed
/// in status, steps or the digest.
pub(crate) fn shown(sources: impl Iterator<Item = Source>) -> BTreeMap<Hazard, (u32, u32)> {
    let mut counts: BTreeMap<Hazard, (u32, u32)> = BTreeMap::new();
    for source in sources {
        let expected = finish(start(&source));
        let mut machine = start(&source);
        loop {
            let pc = machine.memory.regs().pc;
            if let (Some(older), Some(younger)) =
                (movable(&machine.memory, &source, pc), movable(&machine.memory, &source, pc.wrapping_add(1)))
                && unit(older.opcode()) != unit(younger.opcode())
            {
                let found = hazards(&older, &younger, &machine.memory.regs());
                let real = |(hazard, lie): &(Hazard, Lie)| matches!(lie, Lie::Same | Lie::Shared).then_some(*hazard);
                let kinds: Vec<Hazard> = found.iter().filter_map(real).collect();
                if let Some(&kind) = kinds.first() {
                    let mut wrong = machine.clone();
                    set_pc(&mut wrong, pc.wrapping_add(1));
                    one(&mut wrong);
                    set_pc(&mut wrong, pc);
                    one(&mut wrong);
                    set_pc(&mut wrong, pc.wrapping_add(2));
                    let count = counts.entry(kind).or_default();
                    count.0 += 1;
                    count.1 += u32::from(finish(wrong) != expected);
                }
            }
            if !one(&mut machine) {
                break;
            }
        }
    }
    counts
}
