//! Rolls what repeats into loops: instructions that are those before again, each base further on by what it went on before.
//!
//! Bases take what they go on by from registers that nothing else uses. A loop does what the text did, in its order; its registers are
//! set before it and counted on at its end, which costs a machine next to nothing that runs scalar instructions ahead of others.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use isa::{Add, Bne, Instr, Kind, LANES, Leaf, Li, Sub, registers, spec};

use super::ahead::is_control;
use crate::text::Text;

/// Most instructions of a round.
const MOST: usize = 1000;
/// Most pairs of instructions that are compared: rounds of long programs are shorter.
const PAIRS: usize = 1 << 24;
/// Least instructions that a loop must save.
const LEAST: usize = 6;
/// Most bases of an instruction.
const BASES: usize = 4;
/// Candidates for loops that begin at one instruction.
const CANDIDATES: usize = 4;
/// Programs that are longer stay as they are.
const LONGEST: usize = 1 << 18;

/// An instruction apart from its bases.
#[derive(Clone, Copy)]
struct Item {
    /// Equal for instructions that differ in bases only; 0: it is not part of a loop.
    kind: u32,
    bases: [u32; BASES],
}

/// A loop: instructions of a round, and rounds.
#[derive(Clone, Copy, Debug)]
struct Loop {
    size: usize,
    rounds: usize,
}

impl Loop {
    /// Instructions that it saves at most, with one or two registers.
    fn saved(self) -> usize {
        (self.size * (self.rounds - 1)).saturating_sub(6)
    }
}

/// Where a base, and the register that is added to it, lie in the word.
type Place = ((u32, u32), u32);

/// Some bits of an instruction's word; bit 0 is the lowest of its last byte.
fn bits(word: &Leaf, lsb: u32, width: u32) -> u32 {
    let bit = |at: u32| u32::from(word[LANES - 1 - at as usize / 8] >> (at % 8) & 1);
    (0..width).map(|at| bit(lsb + at) << at).sum()
}

fn set_bits(word: &mut Leaf, lsb: u32, width: u32, value: u32) {
    for at in lsb..lsb + width {
        let byte = &mut word[LANES - 1 - at as usize / 8];
        *byte = *byte & !(1 << (at % 8)) | ((value >> (at - lsb) & 1) as u8) << (at % 8);
    }
}

/// The bases of an instruction.
fn places(instr: &Instr) -> Vec<Place> {
    let fields = spec(instr.opcode()).fields;
    let mut places = Vec::new();
    for field in fields {
        match field.kind {
            Kind::Operand => places.push(((field.lsb, 20), field.lsb + 20)),
            Kind::Wide => places.push(((field.lsb, 32), field.lsb + 32)),
            _ => {
                let register = field.name.strip_suffix("_base").map(|name| format!("{name}_reg"));
                let register = register.and_then(|name| fields.iter().find(|other| other.name == name));
                places.extend(register.map(|register| ((field.lsb, field.width), register.lsb)));
            }
        }
    }
    places
}

/// Runs the pass.
pub(super) fn run(text: &mut Text) {
    // Targets of branches would move.
    let branches = |instr: &Instr| matches!(instr, Instr::Beq(_) | Instr::Bne(_) | Instr::Bltu(_) | Instr::Bgeu(_));
    if text.instrs.len() > LONGEST || text.instrs.iter().any(branches) {
        return;
    }
    let free = free_registers(&text.instrs);
    let items = items(text);
    let loops = choose(&items, &candidates(&items));
    let mut rolled: Vec<Instr> = Vec::with_capacity(text.instrs.len());
    let mut at = 0;
    while at < items.len() {
        let size = match loops[at].filter(|found| roll(text, &items, at, *found, &free, &mut rolled)) {
            Some(found) => found.size * found.rounds,
            None => {
                rolled.push(text.instrs[at]);
                1
            }
        };
        at += size;
    }
    text.instrs = rolled;
}

/// The registers that no instruction names.
fn free_registers(instrs: &[Instr]) -> Vec<u8> {
    let used = instrs.iter().fold(0, |used, instr| used | registers(instr));
    (1..16).filter(|register| used >> register & 1 == 0).collect()
}

fn items(text: &Text) -> Vec<Item> {
    let mut kinds: HashMap<Leaf, u32> = HashMap::new();
    let item = |instr: &Instr| {
        let mut word = instr.encode();
        let places = places(instr);
        let named = places.iter().any(|&(_, register)| bits(&word, register, 4) != 0);
        let counted = spec(instr.opcode()).fields.iter().flat_map(|field| field.parts());
        let counted = counted.filter(|part| part.0 == "creg").any(|(_, lsb, width, _)| bits(&word, lsb, width) != 0);
        if named || counted || is_control(instr) || matches!(instr, Instr::Mark(_)) || places.len() > BASES {
            return Item { kind: 0, bases: [0; BASES] };
        }
        let mut bases = [0; BASES];
        for (base, &((lsb, width), _)) in bases.iter_mut().zip(&places) {
            *base = bits(&word, lsb, width);
            set_bits(&mut word, lsb, width, 0);
        }
        let next = kinds.len() as u32 + 1;
        Item { kind: *kinds.entry(word).or_insert(next), bases }
    };
    text.instrs.iter().map(item).collect()
}

/// How far the bases of one instruction go on to those of another, if it is its like.
fn step(from: &Item, to: &Item) -> Option<[i64; BASES]> {
    if from.kind == 0 || from.kind != to.kind {
        return None;
    }
    Some(std::array::from_fn(|index| i64::from(to.bases[index]) - i64::from(from.bases[index])))
}

/// The loops that could begin at each instruction: those that save most.
fn candidates(items: &[Item]) -> Vec<[Option<Loop>; CANDIDATES]> {
    let mut all = vec![[None; CANDIDATES]; items.len()];
    let kinds: Vec<u32> = items.iter().map(|item| item.kind).collect();
    for size in 1..=MOST.min(items.len() / 2).min(PAIRS / items.len().max(1)) {
        let like = |at: usize| kinds[at] != 0 && kinds[at] == kinds[at + size];
        let mut end = items.len() - size;
        while end > 0 {
            let first = (0..end).rev().find(|&at| !like(at)).map_or(0, |at| at + 1);
            if end - first >= size {
                rounds(items, size, first..end, &mut all);
            }
            end = first.saturating_sub(1);
        }
    }
    all
}

/// Loops among instructions that are all like those a round later.
fn rounds(items: &[Item], size: usize, like: Range<usize>, all: &mut [[Option<Loop>; CANDIDATES]]) {
    let steps: Vec<_> = like.clone().map(|at| step(&items[at], &items[at + size])).collect();
    // Instructions from here on that also go on as those a round later do.
    let mut even = 0;
    for (index, at) in like.clone().enumerate().rev() {
        even = if steps.get(index + size).is_some_and(|next| *next == steps[index]) { even + 1 } else { 0 };
        let like = like.end - at;
        if like >= size {
            insert(&mut all[at], Loop { size, rounds: (like / size + 1).min(even / size + 2) });
        }
    }
}

/// Keeps a loop if it saves more than another that is kept.
fn insert(kept: &mut [Option<Loop>; CANDIDATES], found: Loop) {
    let saved = |found: Option<Loop>| found.map_or(0, Loop::saved);
    if found.saved() < LEAST {
        return;
    }
    if let Some(least) = kept.iter_mut().min_by_key(|kept| saved(**kept))
        && saved(*least) < found.saved()
    {
        *least = Some(found);
    }
}

/// The loops that together save most, by their first instructions.
fn choose(items: &[Item], candidates: &[[Option<Loop>; CANDIDATES]]) -> Vec<Option<Loop>> {
    let mut saved = vec![0usize; items.len() + 1];
    let mut chosen = vec![None; items.len()];
    for at in (0..items.len()).rev() {
        saved[at] = saved[at + 1];
        for found in candidates[at].iter().flatten() {
            let total = found.saved() + saved[at + found.size * found.rounds];
            if total > saved[at] {
                (saved[at], chosen[at]) = (total, Some(*found));
            }
        }
    }
    chosen
}

/// Writes a loop, if there are registers for it.
fn roll(text: &Text, items: &[Item], at: usize, found: Loop, free: &[u8], to: &mut Vec<Instr>) -> bool {
    let body: Range<usize> = at..at + found.size;
    let steps: Vec<[i64; BASES]> = body.clone().filter_map(|i| step(&items[i], &items[i + found.size])).collect();
    let mut sizes: BTreeSet<i64> = steps.iter().flatten().copied().filter(|&step| step != 0).collect();
    if sizes.is_empty() {
        sizes.insert(1);
    }
    // One register more says where the first of them ends.
    let Some((&end, free)) = free.split_first() else { return false };
    if sizes.len() > free.len() || found.size * (found.rounds - 1) < 2 * sizes.len() + 2 + LEAST {
        return false;
    }
    let registers: Vec<(i64, u8)> = sizes.into_iter().zip(free.iter().copied()).collect();
    // Bases that go back do so from where they end: registers are not negative.
    let back = |step: i64| (-step).max(0) * (found.rounds as i64 - 1);
    let (step, first) = registers[0];
    to.push(Li { rd: end, imm: (back(step) + step * found.rounds as i64) as u32 }.into());
    to.extend(registers.iter().map(|&(step, rd)| Instr::from(Li { rd, imm: back(step) as u32 })));
    let top = to.len() as u32;
    for (instr, steps) in text.instrs[body].iter().zip(&steps) {
        let mut word = instr.encode();
        for (&((lsb, width), place), &size) in places(instr).iter().zip(steps) {
            let base = i64::from(bits(&word, lsb, width)) - back(size);
            set_bits(&mut word, lsb, width, base as u32);
            let register = registers.iter().find(|&&(step, _)| step == size && size != 0);
            set_bits(&mut word, place, 4, register.map_or(0, |&(_, register)| register.into()));
        }
        to.push(Instr::decode(&word).unwrap_or(*instr));
    }
    to.extend(registers.iter().map(|&(step, rd)| {
        let imm = step.unsigned_abs() as u32;
        if step > 0 { Instr::from(Add { rd, ra: rd, rb: 0, imm }) } else { Sub { rd, ra: rd, rb: 0, imm }.into() }
    }));
    to.push(Bne { ra: first, rb: end, imm: top }.into());
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{loops, operand, wide};
    use isa::{Halt, Load, Profile};

    fn load(from: u64, to: u64) -> Load {
        Load {
            lp: loops(4, 1).unwrap(),
            d: operand(to, 1, 0).unwrap(),
            m: wide(from, 1, 0).unwrap(),
            region: 2,
            space: false,
        }
    }

    #[test]
    fn repetitions_become_a_loop_that_does_the_same() {
        let mut text = Text::default();
        for round in 0..20 {
            text.push(load(8 * round, 0)).unwrap();
            text.push(load(100 + 4 * round, 200 - 4 * round)).unwrap();
        }
        text.push(Halt {}).unwrap();
        let profile = Profile { limit: u64::MAX, text: 6, constant: 10, input: 0, work: 0, output: 0, spad: 8, acc: 4 };
        let (_, before) = text.play(&profile).unwrap();
        run(&mut text);
        // Registers for steps of -4, 4 and 8, and for the end.
        assert_eq!(text.instrs.len(), 4 + 2 + 3 + 1 + 1);
        let (_, after) = text.play(&profile).unwrap();
        assert_eq!(after, before + 4 + 20 * 4);
    }
}
