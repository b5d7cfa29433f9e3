//! What was decided of an instruction when it was admitted, for when it comes again.
//!
//! `isa::admit` decides by the instruction, the registers that it reads, the profile, and the micro-steps done. The first
//! three are the same when an instruction comes again with the same registers; micro-steps only matter for the limit.

use isa::{Counts, Instr, Regs};

use super::machine::{Decoded, Image};
use super::touch::Touches;

/// An admitted instruction.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// The registers that it reads, zeros for others.
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

/// Most admissions that are remembered in all.
const MOST: usize = 1 << 16;

/// The admissions of an instruction, in the order in which they came: a run comes by in the order of the one before.
#[derive(Clone, Default)]
struct Course {
    known: Vec<Known>,
    next: usize,
}

impl Course {
    /// The next one, or the first of a new round.
    fn find(&mut self, x: &[u32; 16]) -> Option<Known> {
        let at = [self.next, 0].into_iter().find(|&at| self.known.get(at).is_some_and(|known| known.x == *x))?;
        self.next = at + 1;
        self.known.get(at).copied()
    }
}

/// Of each instruction of `text`, when it was admitted.
#[derive(Clone, Default)]
pub(super) struct Memory {
    courses: Vec<Course>,
    count: usize,
}

impl Memory {
    /// For so many instructions.
    pub(super) fn new(len: usize) -> Memory {
        Memory { courses: vec![Course::default(); len], count: 0 }
    }

    /// The instruction at the program counter, if it may begin now.
    pub(super) fn admitted(&mut self, image: &Image, decoded: &Decoded, regs: &Regs) -> Option<Known> {
        let course = self.courses.get_mut(regs.pc as usize)?;
        let x = decoded.read_by(regs);
        if let Some(known) = course.find(&x) {
            let end = regs.steps.checked_add(known.micro_steps);
            return end.is_some_and(|end| end <= image.profile.limit).then_some(known);
        }
        isa::admit(&decoded.instr, regs, &image.profile).ok()?;
        let known = Known { x, ..Known::of(&decoded.instr, regs) };
        if self.count < MOST {
            self.count += 1;
            course.known.push(known);
        } else if let Some(last) = course.known.last_mut() {
            *last = known;
        }
        course.next = course.known.len();
        Some(known)
    }
}

#[cfg(test)]
mod tests {
    use isa::random::{Rng, case};

    use super::*;

    /// What is decided of an instruction is the same whatever is in the registers that it does not read.
    #[test]
    fn registers_that_are_not_read_decide_nothing() {
        let mut rng = Rng::new(12);
        let mut admitted = 0;
        for seed in 0..300 {
            let case = case(seed, 30);
            for decoded in case.text.iter().filter_map(Decoded::new).filter(|decoded| decoded.moves) {
                let mut regs = Regs::default();
                for x in &mut regs.x[1..] {
                    let bits = rng.below(9);
                    *x = rng.below(1 << bits) as u32;
                }
                let mut other = regs;
                let read = decoded.read_by(&Regs { x: [u32::MAX; 16], ..regs });
                (1..16).filter(|&at| read[at] == 0).for_each(|at| other.x[at] = rng.bits() as u32);
                let [one, other] = [regs, other].map(|regs| {
                    isa::admit(&decoded.instr, &regs, &case.profile).map(|_| {
                        let known = Known::of(&decoded.instr, &regs);
                        admitted += 1;
                        (known.counts, known.micro_steps, known.touches)
                    })
                });
                assert_eq!(format!("{one:?}"), format!("{other:?}"), "{:?}", decoded.instr);
            }
        }
        assert!(admitted > 2000, "{admitted}");
    }
}
