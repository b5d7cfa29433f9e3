//! What was decided of an instruction when it was admitted, for when it comes again.
//!
//! `isa::admit` decides by the instruction, the registers that it reads, the profile, and the micro-steps done. The first
//! three are the same when an instruction comes again with the same registers; micro-steps only matter for the limit.

use isa::{Counts, Instr, Regs};

use super::machine::{Decoded, Image};
use super::matmul::Kept;
use super::touch::Touches;

/// An admitted instruction.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// Its place in the trace; beyond it if it is not remembered.
    at: u32,
    pc: u32,
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
            at: NOWHERE,
            pc: regs.pc,
            x: regs.x,
            counts: isa::counts(instr, regs),
            micro_steps: isa::micro_steps(instr, regs),
            touches: Touches::of(instr, regs),
        }
    }

    fn is(&self, pc: u32, x: &[u32; 16]) -> bool {
        let differ = self.x.iter().zip(x).fold(self.pc ^ pc, |differ, (one, other)| differ | (one ^ other));
        differ == 0
    }
}

/// Most admissions that are remembered.
const MOST: usize = 1 << 16;
/// Beyond any trace.
const NOWHERE: u32 = u32::MAX;

/// The admissions of a run, in the order in which they came: another run finds each behind the one before.
#[derive(Clone, Default)]
pub(super) struct Memory {
    trace: Vec<(Known, Kept)>,
    next: u32,
    /// Of each instruction of `text`, where in the trace it came first.
    first: Vec<u32>,
}

impl Memory {
    /// For so many instructions.
    pub(super) fn new(len: usize) -> Memory {
        Memory { trace: Vec::new(), next: 0, first: vec![NOWHERE; len] }
    }

    /// The instruction at the program counter, if it may begin now.
    pub(super) fn admitted(&mut self, image: &Image, decoded: &Decoded, regs: &Regs) -> Option<Known> {
        let first = self.first.get_mut(regs.pc as usize)?;
        let x = decoded.read_by(regs);
        let seen = |at: u32| self.trace.get(at as usize).filter(|(known, _)| known.is(regs.pc, &x));
        // At the end of the trace it goes on: what comes again in a loop may have other panels there.
        let goes_on = self.next as usize == self.trace.len() && self.trace.len() < MOST;
        let place = seen(self.next).or_else(|| if goes_on { None } else { seen(*first) });
        if let Some(&(known, _)) = place {
            self.next = known.at + 1;
            let end = regs.steps.checked_add(known.micro_steps);
            return end.is_some_and(|end| end <= image.profile.limit).then_some(known);
        }
        isa::admit(&decoded.instr, regs, &image.profile).ok()?;
        let mut known = Known { x, ..Known::of(&decoded.instr, regs) };
        if self.trace.is_empty() {
            // Once for all; the system gives what is touched.
            self.trace.reserve_exact(MOST);
        }
        if self.trace.len() < MOST {
            known.at = self.trace.len() as u32;
            *first = known.at.min(*first);
            self.trace.push((known, None));
            self.next = known.at + 1;
        }
        Some(known)
    }

    /// The next instruction is another than the one behind the last.
    pub(super) fn lose(&mut self) {
        self.next = NOWHERE;
    }

    /// The panels that an instruction had last, where it is remembered.
    pub(super) fn kept(&mut self, known: &Known) -> Option<&mut Kept> {
        self.trace.get_mut(known.at as usize).map(|(_, kept)| kept)
    }
}

#[cfg(test)]
mod tests {
    use isa::program::{Metadata, Program};
    use isa::random::{Case, Rng, case};

    use super::*;
    use crate::fast::{FastMachine, FastOptions, Workers};

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

    /// A run like the one before adds nothing, wherever it begins.
    #[test]
    fn a_trace_is_found_again() {
        let workers = Workers::new(&FastOptions { threads: Some(1), ..FastOptions::default() }).unwrap();
        let mut long = 0;
        for seed in 0..50 {
            let Case { profile, text, constant, input } = case(seed, 40);
            let program = Program { profile, metadata: Metadata::default(), text, constant };
            let mut machine = FastMachine::new(Image::new(&program), &input, workers.clone());
            machine.run_until(u64::MAX).unwrap();
            let (len, steps) = (machine.known.trace.len(), machine.regs().steps);
            for most in [u64::MAX, steps / 2, u64::MAX] {
                machine.reset(input.as_slice());
                machine.run_until(most).unwrap();
                machine.run_until(u64::MAX).unwrap();
                assert_eq!(machine.known.trace.len(), len, "seed {seed}");
            }
            long = long.max(len);
        }
        assert!(long > 20, "{long}");
    }
}
