//! Constrained-random programs: mostly admitted instructions that collide in small memories, a few traps.
//!
//! A case is a function of its seed alone, on every machine and version, so that a seed names a regression.

mod draw;
mod hazard;
mod rng;

use alloc::vec::Vec;

use crate::asm::Source;
use crate::check::admit;
use crate::field::{Loop, Operand, Wide};
use crate::ops::scalar;
use crate::profile::Profile;
use crate::regs::Regs;
use crate::state::Subtree;
use crate::table::{Halt, Instr, Li, Load, Mark, Store, Sw};
use crate::word::{Leaf, Row32, param_word, row32_leaves};

pub use hazard::{Shape, hazard};
pub use rng::Rng;

/// A program and its request, small enough to compare all memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Sizes and limit.
    pub profile: Profile,
    /// Instructions.
    pub text: Vec<Leaf>,
    /// Rows of `const`.
    pub constant: Vec<Leaf>,
    /// Rows of `input`.
    pub input: Vec<Leaf>,
}

impl From<Case> for Source {
    fn from(Case { profile, text, constant, input }: Case) -> Source {
        Source { profile, text, constant, input, expectations: Vec::new() }
    }
}

const SPAD: u8 = 7;
const ACC: u8 = 4;
/// Where the prologue puts sane parameter rows of `ADDQ`.
const ADDQ_ROWS: u64 = 108;

/// The case of a seed with about `size` random instructions. It begins by loading spad and acc with random rows and
/// ends, if no trap comes before, by storing all of spad and acc to `output`, then `HALT`.
#[must_use]
pub fn case(seed: u64, size: usize) -> Case {
    case_of(seed, size, |_| true)
}

/// As [`case`], of such instructions only, for an engine that does not have all of them; raw words without meaning
/// occur all the same. It differs from [`case`] in more than the instructions left out.
#[must_use]
pub fn case_of(seed: u64, size: usize, has: fn(&Instr) -> bool) -> Case {
    let mut rng = Rng::new(seed);
    let limit = if rng.one_in(12) { 200 + rng.below(2000) } else { 1 << 40 };
    let profile = Profile { limit, text: 8, constant: 7, input: 4, work: 7, output: 8, spad: SPAD, acc: ACC };
    let mut generator = Generator { rng, profile, regs: Regs::default(), text: Vec::new(), has };
    generator.prologue();
    while generator.text.len() < size {
        generator.next();
    }
    generator.epilogue();
    let mut rng = generator.rng;
    let mut constant: Vec<Leaf> = (0..1 << profile.constant).map(|_| rng.leaf()).collect();
    // Sane parameter blocks in the last rows, so that requantised values are not all clamped.
    let block: Vec<Leaf> = constant.split_off((1 << profile.constant) - 8);
    let scale: Row32 = core::array::from_fn(|_| param_word(rng.bits() as u32, 18 + rng.below(16) as u32));
    constant.extend(block[..4].iter().map(|leaf| leaf.map(|byte| byte & 0x03)));
    constant.extend(row32_leaves(&scale));
    for row in &mut constant[ADDQ_ROWS as usize..][..4] {
        // Multipliers of 24 bits, shifts of 18 to 33: sums that are not all clamped.
        (row[0], row[4]) = ([0, 0xff][rng.below(2) as usize], [0, 0xff][rng.below(2) as usize]);
        row[10] = 18 + rng.below(16) as u8;
    }
    let input = (0..1 << profile.input).map(|_| rng.leaf()).collect();
    Case { profile, text: generator.text, constant, input }
}

struct Generator {
    rng: Rng,
    profile: Profile,
    /// Scalars as they will be when the next instruction runs.
    regs: Regs,
    text: Vec<Leaf>,
    has: fn(&Instr) -> bool,
}

impl Generator {
    fn push(&mut self, instr: impl Into<Instr>) {
        self.text.push(instr.into().encode());
    }

    fn prologue(&mut self) {
        let all = |n: u16| Loop::new(n, 1);
        let from = |region: Subtree| region as u8;
        self.push(Load {
            lp: all(112),
            d: Operand::new(0, 1, 0),
            m: Wide::new(0, 1, 0),
            region: from(Subtree::Const),
            space: false,
        });
        self.push(Load {
            lp: all(8),
            d: Operand::new(112, 1, 0),
            m: Wide::new(120, 1, 0),
            region: from(Subtree::Const),
            space: false,
        });
        self.push(Load {
            lp: all(8),
            d: Operand::new(120, 1, 0),
            m: Wide::new(0, 1, 0),
            region: from(Subtree::Input),
            space: false,
        });
        self.push(Load {
            lp: all(16),
            d: Operand::new(0, 1, 0),
            m: Wide::new(0, 4, 0),
            region: from(Subtree::Const),
            space: true,
        });
    }

    fn epilogue(&mut self) {
        let region = Subtree::Output as u8;
        self.push(Store {
            lp: Loop::new(128, 1),
            d: Operand::new(0, 1, 0),
            m: Wide::new(0, 1, 0),
            region,
            space: false,
        });
        self.push(Store {
            lp: Loop::new(16, 1),
            d: Operand::new(0, 1, 0),
            m: Wide::new(128, 4, 0),
            region,
            space: true,
        });
        self.push(Halt {});
    }

    /// Adds an instruction; now and then one that traps.
    fn next(&mut self) {
        if self.rng.one_in(400) {
            let leaf = self.rng.leaf();
            if Instr::decode(&leaf).is_err() {
                self.text.push(leaf);
                return;
            }
        }
        let may_trap = self.rng.one_in(60);
        for _ in 0..50 {
            let instr = self.any();
            let admitted = admit(&instr, &self.regs, &Profile { limit: u64::MAX, ..self.profile }).is_ok();
            if admitted || may_trap {
                self.push(instr);
                self.follow(&instr);
                return;
            }
        }
        self.push(Mark { imm: 1 });
    }

    /// Keeps the scalars; behind a branch, puts instructions that are skipped or not with it.
    fn follow(&mut self, instr: &Instr) {
        match instr {
            // What memory holds is not followed: these registers get known values at once.
            Instr::Lw(i) => self.pin(&[i.rd]),
            Instr::Argmax(i) => self.pin(&[i.rd, i.rv]),
            _ => {
                let here = self.text.len();
                if let Some(target) = scalar::execute(instr, &mut self.regs) {
                    // Taken, always forward: what lies between never runs.
                    for _ in here..target as usize {
                        let skipped = self.any();
                        self.push(skipped);
                    }
                }
            }
        }
    }

    /// Stores registers, so that their values show, and loads small numbers into them.
    fn pin(&mut self, registers: &[u8]) {
        for &rd in registers {
            if (self.has)(&Sw::default().into()) {
                let imm = self.rng.below(8 << self.profile.output) as u32;
                self.push(Sw { ra: 0, rb: rd, imm, region: Subtree::Output as u8 });
            }
            let li = Li { rd, imm: self.rng.below(20) as u32 }.into();
            self.push(li);
            scalar::execute(&li, &mut self.regs);
        }
    }

    /// An instruction that the engine has.
    fn any(&mut self) -> Instr {
        loop {
            let instr = self.draw();
            if (self.has)(&instr) {
                return instr;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::word::ZERO;
    use crate::{Memory, Opcode, Status, Stepped, TABLE, step};
    use std::collections::BTreeMap;
    use std::println;

    #[test]
    fn most_cases_halt_and_every_trap_and_instruction_occurs() {
        let mut ends: BTreeMap<Status, u32> = BTreeMap::new();
        let mut ran: BTreeMap<Opcode, u32> = BTreeMap::new();
        for seed in 0..600 {
            let case = case(seed, 40);
            let head = [ZERO, case.profile.to_leaf(), ZERO, ZERO];
            let mut memory = Memory::new(&head, &case.text, &case.constant, &case.input);
            loop {
                let Ok(stepped) = step(&mut memory);
                match stepped {
                    Stepped::Stopped(status) => {
                        *ends.entry(status).or_default() += 1;
                        break;
                    }
                    Stepped::Ran { instr, last: true } => *ran.entry(instr.opcode()).or_default() += 1,
                    _ => {}
                }
            }
        }
        println!("{ends:?} {ran:?}");
        for row in TABLE.iter().filter(|row| row.mnemonic != "halt") {
            let count = Opcode::from_code(row.opcode).and_then(|op| ran.get(&op)).copied().unwrap_or(0);
            assert!(count >= 25, "`{}` ran {count} times", row.mnemonic);
        }
        assert!(ends[&Status::Halted] >= 300, "{ends:?}");
        for status in [Status::Illegal, Status::Count, Status::Limit, Status::Align, Status::Bounds, Status::Overlap] {
            assert!(ends.contains_key(&status), "no {status} in {ends:?}");
        }
    }
}
