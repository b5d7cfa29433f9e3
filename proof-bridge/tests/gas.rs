//! Gas and bytes of one micro-step of each opcode, in the worst case, on a machine of the size of target p16.
//! The table is `tests/gas.txt`; `SYSTOLE_BLESS=1 cargo test -p proof-bridge --test gas` writes it anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{fmt::Write, fs, path::Path};

use isa::{Access, ISA_HASH, Profile, Regs, State, Subtree, asm::assemble};
use proof_bridge::{
    chain::{Account, Evm},
    contracts::{Contracts, Terms},
    state::StateTree,
    witness::record,
};

/// Most bytes of a witness and gas of a transaction for any opcode.
const MOST: (usize, u64) = (3_800, 160_000);
/// Where the instruction stands.
const PC: u32 = 0x0101;

/// What is measured: a name, the instruction, and the row of it.
const CASES: [(&str, &str, u64); 13] = [
    ("matmul, first tile", "matmul n0=4 n1=4 d=3,1,4 a=5,1,4 w_base=64 n=32 k=32 kt=1", 3),
    ("matmul, accumulating", "matmul n0=4 n1=4 d=3,1,4 a=5,1,4 w_base=64 n=32 k=32 kt=1 acc=1", 3),
    ("requant", "requant n0=4 n1=4 d=70,1,4 a=2,1,4 b=16 n=32 zp=1 lo=-100 hi=120", 3),
    ("maxq", "maxq n0=4 n1=4 d=70,1,4 a=7,1,4 kt=1 acc=1", 3),
    ("move, crossing rows", "move n0=4 n1=4 d=70,1,4 m=17,32,128 n=32", 3),
    ("load to spad", "load n0=4 n1=4 d=70,1,4 m=9,1,4 region=2", 3),
    ("load to acc", "load n0=4 n1=4 d=7,1,4 m=8,4,16 region=2 space=1", 3),
    ("store from spad", "store n0=4 n1=4 d=7,1,4 m=9,1,4 region=6", 3),
    ("store from acc", "store n0=4 n1=4 d=7,1,4 m=8,4,16 region=6 space=1", 3),
    ("fill spad", "fill n0=4 n1=4 d=7,1,4 imm=3", 3),
    ("fill acc", "fill n0=4 n1=4 d=7,1,4 imm=3 space=1", 3),
    ("add", "add rd=x3 ra=x4 rb=x5 imm=7", 0),
    ("halt", "halt", 0),
];

/// A state with the instruction at [`PC`], no zero among the siblings on the way to what it touches, and busy registers.
fn state(instruction: &str, row: u64) -> StateTree {
    let profile =
        Profile { limit: 1 << 40, text: 12, constant: 16, input: 12, work: 16, output: 10, spad: 13, acc: 10 };
    let head = [ISA_HASH, profile.to_leaf(), [0xab; 32], [0; 32]];
    let mut state = StateTree::new(&head, &[], &[], &[]).unwrap();
    for tree in [Subtree::Text, Subtree::Const, Subtree::Input, Subtree::Onchip, Subtree::Work, Subtree::Output] {
        let rows: Vec<_> = (0..1u64 << profile.depth(tree)).map(|row| isa::random::Rng::new(row + 1).leaf()).collect();
        state.tree_mut(tree).write(0, &rows);
    }
    let word = assemble(instruction).unwrap().text[0];
    state.overwrite(Access::leaf(Subtree::Text, PC.into()), &[word]).unwrap();
    let mut regs = Regs { pc: PC, row, steps: 0x01_0101_0101, x: [0x0101_0101; 16], ..Regs::default() };
    regs.x[0] = 0;
    state.overwrite(Access { tree: Subtree::Regs, index: 0, height: 2 }, &regs.to_leaves()).unwrap();
    state
}

#[test]
fn one_micro_step_of_each_opcode() {
    let mut evm = Evm::new();
    let (contracts, _) = Contracts::deploy(&mut evm, &Account::dev(0), &Terms::default()).unwrap();
    let mut table = String::from("micro-step             witness bytes   gas   gas without the calldata floor\n");
    for (name, instruction, row) in CASES {
        let mut state = state(instruction, row);
        let pre_root = state.root();
        let witness = record(&mut state);
        assert_eq!(state.regs().status, u8::from(name == "halt"), "{name} traps");
        assert_eq!(contracts.step(&mut evm, &pre_root, &witness), Ok(state.root()), "{name}");
        let cost = evm.measure(contracts.step, contracts.step_data(&pre_root, &witness)).unwrap();
        writeln!(table, "{name:<22} {:>13} {:>7} {:>8}", witness.len(), cost.gas, cost.executed).unwrap();
        assert!(witness.len() <= MOST.0 && cost.gas <= MOST.1, "{name}: {} bytes, {} gas", witness.len(), cost.gas);
    }
    println!("{table}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gas.txt");
    if std::env::var_os("SYSTOLE_BLESS").is_some() {
        fs::write(&path, &table).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(committed, table, "tests/gas.txt is stale: SYSTOLE_BLESS=1 cargo test -p proof-bridge --test gas");
}
