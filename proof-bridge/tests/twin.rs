//! The contract `Step` and `isa::step` are the same machine: every micro-step of every program in `tests/programs`, of
//! random programs, and of instructions with flipped bits ends in the same root on both, and what one side does not accept
//! as a witness, the other does not either.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod campaign;
mod common;

use std::{collections::BTreeMap, fs, path::Path};

use common::{Dice, initial};
use isa::{Access, ISA_HASH, Instr, Leaf, State, Stepped, Subtree, TABLE, asm::assemble, spec};
use proof_bridge::{
    chain::{Account, ChainError, Evm},
    contracts::{Contracts, Terms},
    state::StateTree,
    witness::{WitnessError, record, replay},
};

/// Micro-steps of one program that are compared; longer ones only at their end.
const STEPS: usize = 400;

/// Micro-steps of random programs to compare: `SYSTOLE_TWIN_STEPS`, or enough for every change.
fn wanted() -> usize {
    std::env::var("SYSTOLE_TWIN_STEPS").map_or(2_500, |steps| steps.parse().unwrap())
}

struct Twins {
    evm: Evm,
    contracts: Contracts,
    compared: usize,
    /// How often each opcode and each end was compared.
    seen: BTreeMap<&'static str, usize>,
}

impl Twins {
    fn new() -> Twins {
        let mut evm = Evm::new();
        let (contracts, _) = Contracts::deploy(&mut evm, &Account::dev(0), &Terms::default()).unwrap();
        Twins { evm, contracts, compared: 0, seen: BTreeMap::new() }
    }

    fn solidity(&mut self, pre_root: &Leaf, witness: &[u8]) -> Result<Leaf, ChainError> {
        self.contracts.step(&mut self.evm, pre_root, witness)
    }

    /// Takes a micro-step of `state` and compares.
    fn compare(&mut self, state: &mut StateTree, context: &str) {
        let name = match isa::step(&mut state.clone()) {
            Ok(Stepped::Ran { instr, .. }) => spec(instr.opcode()).mnemonic,
            Ok(Stepped::Stopped(status)) => status.name(),
            Ok(Stepped::Idle) => "idle",
        };
        let pre_root = state.root();
        let witness = record(state);
        let found = self.solidity(&pre_root, &witness);
        let step = state.regs().steps;
        assert_eq!(found, Ok(state.root()), "{context}: {name}, the micro-step that leads to {step}");
        assert_eq!(replay(&pre_root, &witness), Ok(state.root()), "{context}: {name}");
        self.compared += 1;
        *self.seen.entry(name).or_default() += 1;
    }

    /// Neither takes the witness for a proof.
    fn refuse(&mut self, pre_root: &Leaf, witness: &[u8]) {
        assert!(replay(pre_root, witness).is_err());
        assert!(matches!(self.solidity(pre_root, witness), Err(ChainError::Reverted { .. })));
    }

    fn run(&mut self, mut state: StateTree, context: &str) {
        for _ in 0..STEPS {
            self.compare(&mut state, context);
            if state.regs().status != 0 {
                self.compare(&mut state, context);
                return;
            }
        }
    }
}

#[test]
fn the_programs_of_the_machine() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/programs");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "tasm"));
    paths.sort();
    assert!(paths.len() > 100);
    let mut twins = Twins::new();
    for path in &paths {
        let source = assemble(&fs::read_to_string(path).unwrap()).unwrap();
        let head = [ISA_HASH, source.profile.to_leaf(), [0; 32], [0; 32]];
        let state = StateTree::new(&head, &source.text, &source.constant, &source.input).unwrap();
        twins.run(state, &path.display().to_string());
    }
    println!("{} micro-steps of {} programs: {:?}", twins.compared, paths.len(), twins.seen);
}

#[test]
fn random_programs() {
    let mut twins = Twins::new();
    let mut dice = Dice(11);
    for seed in 100.. {
        let mut state = initial(seed, 100);
        let context = format!("random program {seed}");
        while state.regs().status == 0 {
            // Most rows of a long instruction are alike.
            if dice.below(3) != 0 {
                isa::step(&mut state).unwrap();
                continue;
            }
            twins.compare(&mut state, &context);
        }
        if twins.compared >= wanted() {
            break;
        }
    }
    println!("{} micro-steps: {:?}", twins.compared, twins.seen);
}

/// Instructions of random programs with a few bits flipped, issued in the state they stand in.
#[test]
fn flipped_instructions() {
    let mut twins = Twins::new();
    let mut dice = Dice(5);
    for seed in 0.. {
        let mut state = initial(seed, 60);
        while state.regs().status == 0 {
            let regs = state.regs();
            if regs.row == 0 && dice.below(2) == 0 {
                let mut altered = state.clone();
                let at = Access::leaf(Subtree::Text, regs.pc.into());
                let mut word = [[0; 32]];
                altered.read(at, &mut word).unwrap();
                let fields = Instr::decode(&word[0]).map_or(&[][..], |instr| spec(instr.opcode()).fields);
                for _ in 0..=dice.below(2) {
                    // A bit of a field, so that most still decode.
                    let field = fields.get(dice.below(fields.len()));
                    let bit = field.map_or(dice.below(256), |f| f.lsb as usize + dice.below(f.width as usize));
                    word[0][31 - bit / 8] ^= 1 << (bit % 8);
                }
                altered.update(at, &word).unwrap();
                twins.compare(&mut altered, &format!("random program {seed}, pc {}, flipped", regs.pc));
            }
            isa::step(&mut state).unwrap();
        }
        if twins.compared >= wanted() / 2 {
            break;
        }
    }
    println!("{} flipped instructions: {:?}", twins.compared, twins.seen);
}

/// Cases of every opcode in small random states: operands at their edges, extreme lanes, every trap, states that no run
/// reaches. `SYSTOLE_TWIN_SEEDS=0..1000000` plays a million of each, `SYSTOLE_TWIN_OPS=vshr,lut` only these.
#[test]
fn single_micro_steps() {
    let found = campaign::campaign(campaign::seeds());
    for (mnemonic, ends) in &found {
        println!("{mnemonic:>8}: {} cases, {ends:?}", ends.values().sum::<usize>());
    }
    if !campaign::is_whole() {
        return;
    }
    for spec in TABLE {
        let has = |name: &str| spec.fields.iter().any(|field| field.name == name);
        let done = if spec.mnemonic == "halt" { "halted" } else { "ran" };
        let mut expected = vec![done, "idle", "illegal", "limit", "fetch"];
        expected.extend(has("lp").then_some("count"));
        expected.extend((has("lp") || has("region")).then_some("bounds"));
        for (cause, end) in [("ALIGN", "align"), ("OVERLAP", "overlap")] {
            expected.extend(spec.traps.contains(cause).then_some(end));
        }
        for end in expected {
            assert!(found[spec.mnemonic].contains_key(end), "`{}` never ended as {end}", spec.mnemonic);
        }
    }
}

/// `SYSTOLE_TWIN_ALTERED` witnesses that are not the record of the step from the state in question.
#[test]
fn altered_witnesses() {
    let refused = campaign::altered::refuse(campaign::altered::wanted());
    for (way, count) in campaign::altered::WAYS.iter().zip(refused) {
        println!("{count} refused: {way}");
        assert!(count > 0);
    }
}

/// No model with such a head can be registered, so no run has one: neither verifier goes on from it.
#[test]
fn heads_without_a_profile() {
    let mut twins = Twins::new();
    // Bits of the profile leaf: sizes beyond the largest, and a bit of no field.
    for bits in
        [&[69, 64][..], &[77, 72], &[85, 80], &[93, 88], &[101, 96], &[108, 106, 104], &[116, 114, 112], &[120], &[255]]
    {
        let mut state = initial(7, 10);
        let mut leaf = [0; 32];
        bits.iter().for_each(|bit| leaf[31 - bit / 8] |= 1 << (bit % 8));
        state.tree_mut(Subtree::Head).write(1, &[leaf]);
        let pre_root = state.root();
        let witness = record(&mut state);
        twins.refuse(&pre_root, &witness);
        assert_eq!(replay(&pre_root, &witness), Err(WitnessError::InvalidProfile));
    }
}
