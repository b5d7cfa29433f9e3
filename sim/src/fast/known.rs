//! What was decided of an instruction when it was admitted, for when it comes again.
//!
//! `isa::admit` decides by the instruction, the registers x0..x15, the profile, and the micro-steps done. The first three
//! are the same when an instruction comes again with the same registers; micro-steps only matter for the limit.

use isa::{Counts, Instr, Regs};

use super::machine::Image;
use super::touch::Touches;

/// An admitted instruction.
#[derive(Clone, Copy)]
pub(super) struct Known {
    x: [u32; 16],
    pub(super) counts: Counts,
    pub(super) micro_steps: u64,
    pub(super) touches: Touches,
}

impl Known {
    /// Of an instruction that is admitted with these registers.
    pub(super) fn of(instr: &Instr, regs: &Regs) -> Known {
        Known {
            x: regs.x,
            counts: isa::counts(instr, regs),
            micro_steps: isa::micro_steps(instr, regs),
            touches: Touches::of(instr, regs),
        }
    }
}

/// Of each instruction of `text`, the last time that it was admitted.
#[derive(Clone, Default)]
pub(super) struct Memory(Vec<Option<Known>>);

impl Memory {
    /// For so many instructions.
    pub(super) fn new(len: usize) -> Memory {
        Memory(vec![None; len])
    }

    /// The instruction at the program counter, if it may begin now.
    pub(super) fn admitted(&mut self, image: &Image, instr: &Instr, regs: &Regs) -> Option<Known> {
        let slot = self.0.get_mut(regs.pc as usize)?;
        if let Some(known) = slot
            && known.x == regs.x
        {
            let end = regs.steps.checked_add(known.micro_steps);
            return end.is_some_and(|end| end <= image.profile.limit).then_some(*known);
        }
        isa::admit(instr, regs, &image.profile).ok()?;
        let known = Known::of(instr, regs);
        *slot = Some(known);
        Some(known)
    }
}
