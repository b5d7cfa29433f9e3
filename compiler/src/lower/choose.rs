//! Which way to cut each task: that whose instructions, between those before and those after it, are predicted to take least.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use isa::program::{Metadata, Program};
use isa::{Halt, Instr, MAX_DRAM_LOG2, Mark, Profile};

use super::tiling::Tiling;
use super::weights::Group;
use super::{Emit, Lower};
use crate::plan::{Task, ValueId};
use crate::predict::{self, Predictor};
use crate::text::Text;

/// Instructions of the task before, and of the task after, that an attempt is judged with.
const BEFORE: usize = 64;
const AFTER: usize = 32;

/// What is known of one attempt at a program, and holds for the next.
#[derive(Default)]
pub(crate) struct Known {
    /// What attempts at tasks took, by the hash of their instructions.
    judged: HashMap<[u64; 2], Option<Judged>>,
    /// Weights as rows, by the value that they are for and whether other weights are among them.
    rows: BTreeMap<(ValueId, bool), Rc<[Group]>>,
}

/// What an attempt at a task takes, as a number to compare attempts by, and whether hardly anything of it could be saved.
#[derive(Clone, Copy)]
struct Judged {
    cost: u64,
    is_tight: bool,
}

impl Known {
    /// Rows of weights for a value: made once, however often they are asked for.
    pub(super) fn rows(&mut self, id: ValueId, joined: bool, make: impl FnOnce() -> Vec<Group>) -> Rc<[Group]> {
        self.rows.entry((id, joined)).or_insert_with(|| make().into()).clone()
    }
}

/// What an attempt changes, as it was before.
struct State {
    instrs: usize,
    layers: usize,
    from_top: bool,
    acc_at: u64,
    spad_rows: u64,
}

impl<'a> Lower<'a> {
    /// The best way to cut a task. Equal attempts are judged once.
    pub(super) fn choose(&mut self, index: usize, predictor: &Predictor) -> Tiling {
        let tilings = Lower::tilings(&self.plan.tasks[index]);
        if tilings.len() < 2 {
            return Tiling::default();
        }
        let before = self.before();
        // The rules and the first departure at once: one may be all that is asked.
        let (first, others) = tilings.split_at(2);
        let mut judged = self.try_out(index, first, &before, predictor, u64::MAX);
        // Where what the rules give cannot be judged, nothing is better.
        let Some(rules) = judged[0].filter(|rules| !rules.is_tight) else { return Tiling::default() };
        let least = judged.iter().flatten().map(|judged| judged.cost).fold(rules.cost, u64::min);
        judged.extend(self.try_out(index, others, &before, predictor, least));
        let mut best = (rules.cost, Tiling::default());
        for (tiling, judged) in tilings.iter().zip(judged) {
            if let Some(judged) = judged.filter(|judged| judged.cost < best.0) {
                best = (judged.cost, *tiling);
            }
        }
        best.1
    }

    /// What a task takes that is cut in each of these ways; nothing for those that cost more than what is at hand.
    fn try_out(
        &mut self,
        index: usize,
        tilings: &[Tiling],
        before: &[Instr],
        predictor: &Predictor,
        least: u64,
    ) -> Vec<Option<Judged>> {
        let attempts: Vec<Option<Vec<Instr>>> =
            tilings.iter().map(|&tiling| self.attempt(index, tiling, before).ok()).collect();
        let keys: Vec<Option<[u64; 2]>> =
            attempts.iter().map(|instrs| instrs.as_deref().map(|it| key(it, least))).collect();
        let mut new: BTreeMap<[u64; 2], &[Instr]> = BTreeMap::new();
        for (key, instrs) in keys.iter().zip(&attempts) {
            if let (Some(key), Some(instrs)) = (key, instrs)
                && !self.known.judged.contains_key(key)
            {
                new.insert(*key, instrs);
            }
        }
        let (mut new, sizes): (Vec<_>, _) = (new.into_iter().collect(), (self.spad, self.acc_rows));
        // The longest first, so that processors end together.
        new.sort_by_key(|(_, instrs)| Reverse(instrs.len()));
        let judged = predict::all(&new, |(_, instrs)| judge(instrs, sizes, predictor, least));
        self.known.judged.extend(new.iter().map(|(key, _)| *key).zip(judged));
        keys.into_iter().map(|key| self.known.judged.get(&key?).copied().flatten()).collect()
    }

    /// The last instructions; from the begin of a task on, where some touch registers.
    fn before(&self) -> Vec<Instr> {
        let instrs = &self.text.instrs;
        let mark = |at: &usize| matches!(instrs[*at], Instr::Mark(_));
        // The mark of the task before this one's predecessor.
        let start = (0..instrs.len().saturating_sub(1)).rev().find(mark).map_or(0, |at| at + 1);
        let whole = instrs[start..].iter().any(crate::schedule::is_control);
        let cut = instrs.len().saturating_sub(BEFORE);
        instrs[if whole { start } else { cut.max(start) }..].to_vec()
    }

    /// The words of a task cut this way, between what comes before and after.
    fn attempt(&mut self, index: usize, tiling: Tiling, before: &[Instr]) -> Emit<Vec<Instr>> {
        let state = self.save();
        self.constants.attempt(true);
        let made = self.cut(index, tiling).and_then(|()| {
            let end = self.text.instrs.len();
            if index + 1 < self.plan.tasks.len() {
                self.cut(index + 1, Tiling::default())?;
            }
            // Registers may be set where the rest would be cut off.
            let rest = &self.text.instrs[end..];
            let after = if rest.iter().any(crate::schedule::is_control) { 0 } else { rest.len().min(AFTER) };
            Ok(self.text.instrs[state.instrs..end + after].to_vec())
        });
        self.constants.attempt(false);
        self.restore(&state);
        let mut text = Text { instrs: before.to_vec() };
        text.instrs.extend(made?);
        // What is left is a layer too.
        text.push(Mark { imm: 0 })?;
        text.push(Halt {})?;
        Ok(text.instrs)
    }

    /// Lowers a task cut this way.
    pub(super) fn cut(&mut self, index: usize, tiling: Tiling) -> Emit {
        let plan = self.plan;
        let task: &'a Task<'a> = &plan.tasks[index];
        self.tiling = tiling;
        self.enter(task, self.homes.free[index].clone());
        self.task(task)
    }

    fn save(&self) -> State {
        State {
            instrs: self.text.instrs.len(),
            layers: self.layers.len(),
            from_top: self.from_top,
            acc_at: self.acc_at,
            spad_rows: self.spad_rows,
        }
    }

    fn restore(&mut self, state: &State) {
        self.text.instrs.truncate(state.instrs);
        self.layers.truncate(state.layers);
        self.metadata.layers.truncate(state.layers);
        self.local.clear();
        (self.from_top, self.acc_at, self.spad_rows) = (state.from_top, state.acc_at, state.spad_rows);
    }
}

/// What instructions take once they are scheduled, on a machine with so many rows of spad and acc, if it is not more than `most`.
fn judge(instrs: &[Instr], (spad, acc): (u64, u64), predictor: &Predictor, most: u64) -> Option<Judged> {
    let mut text = Text { instrs: instrs.to_vec() };
    crate::schedule::run(&mut text);
    let log2 = |rows: u64| rows.max(1).next_power_of_two().trailing_zeros() as u8;
    let dram = MAX_DRAM_LOG2;
    let profile = Profile {
        limit: u64::MAX,
        text: log2(text.instrs.len() as u64),
        constant: dram,
        input: dram,
        work: dram,
        output: dram,
        spad: log2(spad),
        acc: log2(acc),
    };
    let program = Program { profile, metadata: Metadata::default(), text: text.words(), constant: vec![] };
    let prediction = predictor.within(&program, most)?;
    Some(Judged { cost: prediction.cost(program.text.len()), is_tight: prediction.is_tight() })
}

/// Equal for instructions that are the same but for where their rows of DRAM begin, and may cost as much.
fn key(instrs: &[Instr], most: u64) -> [u64; 2] {
    let mut first: HashMap<u8, u32> = HashMap::new();
    let mut relative = instrs.to_vec();
    for pass in 0..2 {
        for instr in &mut relative {
            let (region, base) = match instr {
                Instr::Load(i) => (i.region, &mut i.m.base),
                Instr::Store(i) => (i.region, &mut i.m.base),
                Instr::Mark(i) => {
                    i.imm = 0;
                    continue;
                }
                _ => continue,
            };
            let first = first.entry(region).or_insert(*base);
            if pass == 0 {
                *first = (*first).min(*base);
            } else {
                *base -= *first;
            }
        }
    }
    let mut hashers = [0u8, 1].map(|half| {
        let mut hasher = DefaultHasher::new();
        (half, most).hash(&mut hasher);
        hasher
    });
    for instr in &relative {
        let word = instr.encode();
        hashers.iter_mut().for_each(|hasher| word.hash(hasher));
    }
    hashers.map(|hasher| hasher.finish())
}
