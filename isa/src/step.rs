//! One micro-step: the whole meaning of the machine.

use crate::check::{admit, legal};
use crate::operands::micro_steps;
use crate::ops;
use crate::profile::Profile;
use crate::regs::{Regs, Status};
use crate::state::{Access, State, Subtree, read_leaf};
use crate::table::Instr;
use crate::word::ZERO;

const REGS: Access = Access { tree: Subtree::Regs, index: 0, height: 2 };
const PROFILE: Access = Access::leaf(Subtree::Head, 1);

/// What a call of [`step`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stepped {
    /// The machine had halted before; nothing changed.
    Idle,
    /// One micro-step of this instruction; `last` if it was its last.
    Ran {
        /// The instruction.
        instr: Instr,
        /// Whether pc moved on.
        last: bool,
    },
    /// The machine stopped: `HALT` or a trap.
    Stopped(Status),
}

/// Does one micro-step, in the order of accesses that `docs/machine.md` lays down.
///
/// # Errors
/// Those of the state. A head without a valid profile has no successor: loaders, registration and the verifiers of
/// witnesses refuse it before; here it counts as the smallest profile, so that nothing is read out of place.
pub fn step<S: State>(state: &mut S) -> Result<Stepped, S::Error> {
    let mut leaves = [ZERO; 4];
    state.read(REGS, &mut leaves)?;
    let mut regs = Regs::from_leaves(&leaves);
    if regs.status != Status::Running.code() {
        return Ok(Stepped::Idle);
    }
    let profile = Profile::from_leaf(&read_leaf(state, PROFILE)?).unwrap_or_default();
    if u64::from(regs.pc) >> profile.text != 0 {
        return stop(state, &regs, &profile, Status::Fetch);
    }
    let word = read_leaf(state, Access::leaf(Subtree::Text, regs.pc.into()))?;
    // Also with row > 0, where no run has such a word: every state has one successor, the same in every verifier.
    let Some(instr) = Instr::decode(&word).ok().filter(legal) else {
        return stop(state, &regs, &profile, Status::Illegal);
    };
    if regs.row == 0
        && let Err(trap) = admit(&instr, &regs, &profile)
    {
        return stop(state, &regs, &profile, trap);
    }
    if matches!(instr, Instr::Halt(_)) {
        return stop(state, &regs, &profile, Status::Halted);
    }
    let target = ops::execute(state, &instr, &mut regs, &profile)?;
    regs.steps = regs.steps.wrapping_add(1);
    regs.row = regs.row.wrapping_add(1);
    let last = regs.row >= micro_steps(&instr, &regs);
    if last {
        regs.row = 0;
        regs.pc = target.unwrap_or(regs.pc.wrapping_add(1));
    }
    state.update(REGS, &regs.to_leaves())?;
    Ok(Stepped::Ran { instr, last })
}

/// The registers after an instruction that reads and writes them alone, as [`step`] leaves them; `None` of another, and
/// where it stops the machine.
#[must_use]
pub fn step_scalar(instr: &Instr, regs: &Regs, profile: &Profile) -> Option<Regs> {
    let fetched = regs.status == Status::Running.code() && u64::from(regs.pc) >> profile.text == 0;
    let begins = fetched && regs.row == 0;
    if !begins || !ops::scalar::is_scalar(instr) || !legal(instr) || admit(instr, regs, profile).is_err() {
        return None;
    }
    let mut regs = *regs;
    let target = ops::scalar::execute(instr, &mut regs);
    regs.steps = regs.steps.wrapping_add(1);
    regs.pc = target.unwrap_or(regs.pc.wrapping_add(1));
    Some(regs)
}

/// Halts: keeps status and steps, clears the rest; a trap clears `output` too.
fn stop<S: State>(state: &mut S, regs: &Regs, profile: &Profile, status: Status) -> Result<Stepped, S::Error> {
    let halted = Regs::halted(status, regs.steps.wrapping_add(1));
    state.update(REGS, &halted.to_leaves())?;
    for tree in [Subtree::Onchip, Subtree::Work] {
        state.clear(tree, profile.depth(tree))?;
    }
    if status != Status::Halted {
        state.clear(Subtree::Output, profile.depth(Subtree::Output))?;
    }
    Ok(Stepped::Stopped(status))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Store;
    use crate::{Loop, Memory};

    /// Of the scalars, and of nothing else, at the limit and within an instruction too.
    #[test]
    fn a_scalar_alone_is_a_step() {
        let mut rng = crate::random::Rng::new(6);
        let mut some = [0; 2];
        for seed in 0..400 {
            let case = crate::random::case(seed, 20);
            for word in &case.text {
                let Ok(instr) = Instr::decode(word) else { continue };
                let mut regs = Regs { pc: rng.below(3) as u32, steps: rng.below(9), ..Regs::default() };
                regs.row = if rng.one_in(8) { 1 } else { 0 };
                regs.x.iter_mut().skip(1).for_each(|x| *x = rng.bits() as u32 >> rng.below(32));
                let profile = Profile { limit: 8, text: 2, ..Profile::default() };
                let mut memory = Memory::new(&[ZERO, profile.to_leaf(), ZERO, ZERO], &[*word; 4], &[], &[]);
                (0..).zip(regs.to_leaves()).for_each(|(at, leaf)| memory.tree_mut(Subtree::Regs).set(at, leaf));
                let alone = step_scalar(&instr, &regs, &profile);
                some[usize::from(alone.is_some())] += 1;
                if let Some(alone) = alone {
                    let Ok(stepped) = step(&mut memory);
                    assert_eq!(stepped, Stepped::Ran { instr, last: true });
                    assert_eq!(memory.regs(), alone);
                }
            }
        }
        assert!(some.iter().all(|&count| count > 100), "{some:?}");
    }

    #[test]
    fn a_word_without_meaning_traps_in_every_row() {
        for row in [0, 1] {
            let profile = Profile { limit: 10, ..Profile::default() };
            let store = Store { lp: Loop::new(2, 1), region: Subtree::Regs as u8, ..Store::default() };
            let text = [Instr::from(store).encode()];
            let mut memory = Memory::new(&[ZERO, profile.to_leaf(), ZERO, ZERO], &text, &[], &[]);
            let regs = Regs { row, ..Regs::default() };
            memory.tree_mut(Subtree::Regs).set(0, regs.to_leaves()[0]);
            let Ok(stepped) = step(&mut memory);
            assert_eq!(stepped, Stepped::Stopped(Status::Illegal), "row {row}");
        }
    }
}
