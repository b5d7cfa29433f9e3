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

/// Where the instruction stands.
const PC: u32 = 0x0101;
/// Most gas of a transaction for any opcode; and for `MATMUL`, with its call data in bytes.
const MOST_GAS: u64 = 300_000;
const MOST_MATMUL: (usize, u64) = (3_700, 160_000);

/// What is measured: a name, and the instruction whose first micro-step is the worst, with its traps to decide.
const CASES: [(&str, &str); 37] = [
    ("matmul, first tile", "matmul n0=4 n1=4 d=3,1,4 a=5,1,4 w_base=64 n=32 k=32 kt=1"),
    ("matmul, accumulating", "matmul n0=4 n1=4 d=3,1,4 a=5,1,4 w_base=64 n=32 k=32 kt=1 acc=1"),
    ("matmul tr, accumulating", "matmul n0=4 n1=4 d=3,1,4 a=5,1,4 w_base=64 n=32 k=32 kt=1 acc=1 tr=1"),
    ("dwmac, accumulating", "dwmac n0=4 n1=4 d=3,1,4 a=5,1,4 w_base=66 n=32 kt=1 acc=1"),
    ("vadd", "vadd n0=4 n1=4 d=3,1,4 a=32,1,4 b=64,1,4 n=32"),
    ("vsub", "vsub n0=4 n1=4 d=3,1,4 a=32,1,4 b=64,1,4 n=32"),
    ("vmul", "vmul n0=4 n1=4 d=3,1,4 a=32,1,4 b=64,1,4 n=32"),
    ("vmulr", "vmulr n0=4 n1=4 d=3,1,4 a=32,1,4 b=64,1,4 n=32 shift=31"),
    ("vmulr, b of spad", "vmulr n0=4 n1=4 d=3,1,4 a=32,1,4 b=64,1,4 n=32 shift=31 form=2"),
    ("vmulr, b one lane", "vmulr n0=4 n1=4 d=3,1,4 a=32,1,4 b=64,1,4 n=32 shift=31 form=1"),
    ("vmulr, b immediate", "vmulr n0=4 n1=4 d=3,1,4 a=32,1,4 b=65537,1,4 n=32 shift=31 form=3"),
    ("vmin", "vmin n0=4 n1=4 d=3,1,4 a=32,1,4 b=64,1,4 n=32"),
    ("vmax", "vmax n0=4 n1=4 d=3,1,4 a=32,1,4 b=64,1,4 n=32"),
    ("vshr", "vshr n0=4 n1=4 d=3,1,4 a=32,1,4 b=64,1,4 n=32 shift=7"),
    ("vclz", "vclz n0=4 n1=4 d=3,1,4 a=32,1,4 n=32"),
    ("vsel", "vsel n0=4 n1=4 d=3,1,4 a=32,1,4 b=64,1,4 n=32"),
    ("vsum", "vsum n0=4 n1=4 d=3,1,4 a=32,1,4 n=32"),
    ("vrmax", "vrmax n0=4 n1=4 d=3,1,4 a=32,1,4 n=32"),
    ("lut32", "lut32 n0=4 n1=4 d=3,1,4 a=5,1,4 b=64,0,0 n=32"),
    ("requant", "requant n0=4 n1=4 d=70,1,4 a=2,1,4 b=16 n=32 zp=1 lo=-100 hi=120"),
    ("addq", "addq n0=4 n1=4 d=70,1,4 a=102,1,4 b=134,1,4 p_base=7 n=32"),
    ("maxq", "maxq n0=4 n1=4 d=70,1,4 a=7,1,4 kt=1 acc=1"),
    ("lut", "lut n0=4 n1=4 d=70,1,4 a=7,1,4 b=32,0,0 n=32"),
    ("trans", "trans n0=4 n1=4 d=70,1,4 a=128,0,32 n=32"),
    ("argmax", "argmax n0=4 n1=4 rd=x3 rv=x4 a=7,1,4 i_base=99 i_reg=x7 n=32 acc=1"),
    ("load to spad", "load n0=4 n1=4 d=70,1,4 m=9,1,4 region=2"),
    ("load to acc", "load n0=4 n1=4 d=7,1,4 m=8,4,16 region=2 space=1"),
    ("store from spad", "store n0=4 n1=4 d=7,1,4 m=9,1,4 region=6"),
    ("store from acc", "store n0=4 n1=4 d=7,1,4 m=8,4,16 region=6 space=1"),
    ("gather", "gather n0=4 n1=4 d=70,1,4 m=9,4,1 region=2 index=9 limit=1000"),
    ("move, crossing rows", "move n0=4 n1=4 d=70,1,4 m=17,32,128 n=32"),
    ("fill spad", "fill n0=4 n1=4 d=7,1,4 imm=3"),
    ("fill acc", "fill n0=4 n1=4 d=7,1,4 imm=3 space=1"),
    ("lw", "lw rd=x3 imm=7001 region=2"),
    ("sw", "sw rb=x3 imm=7001 region=6"),
    ("add", "add rd=x3 ra=x4 rb=x5 imm=7"),
    ("halt", "halt"),
];

/// A state with the instruction at [`PC`], no zero among the siblings on the way to what it touches, and busy registers.
fn state(instruction: &str) -> StateTree {
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
    let mut regs = Regs { pc: PC, steps: 0x01_0101_0101, x: [0x0101_0101; 16], ..Regs::default() };
    regs.x[0] = 0;
    state.overwrite(Access { tree: Subtree::Regs, index: 0, height: 2 }, &regs.to_leaves()).unwrap();
    state
}

#[test]
fn one_micro_step_of_each_opcode() {
    let mut evm = Evm::new();
    let (contracts, _) = Contracts::deploy(&mut evm, &Account::dev(0), &Terms::default()).unwrap();
    let mut table = String::from(
        "micro-step                 bytes: witness  call data   gas: at 40 a byte  at 64 a byte  without the floor\n",
    );
    for (name, instruction) in CASES {
        let mut state = state(instruction);
        let pre_root = state.root();
        let witness = record(&mut state);
        assert_eq!(state.regs().status, u8::from(name == "halt"), "{name} traps");
        assert_eq!(contracts.step(&mut evm, &pre_root, &witness), Ok(state.root()), "{name}");
        let data = contracts.step_data(&pre_root, &witness);
        let cost = evm.measure(contracts.step, data.clone()).unwrap();
        let at_64 = cost.executed.max(21_000 + 64 * data.len() as u64);
        let (proof, call) = (witness.len(), data.len());
        writeln!(table, "{name:<23} {proof:>18} {call:>10} {:>19} {at_64:>13} {:>18}", cost.gas, cost.executed)
            .unwrap();
        assert!(cost.gas <= MOST_GAS, "{name}: {} gas", cost.gas);
        if name.starts_with("matmul") {
            assert!(call <= MOST_MATMUL.0 && cost.gas <= MOST_MATMUL.1, "{name}: {call} bytes, {} gas", cost.gas);
        }
    }
    println!("{table}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gas.txt");
    if std::env::var_os("SYSTOLE_BLESS").is_some() {
        fs::write(&path, &table).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(committed, table, "tests/gas.txt is stale: SYSTOLE_BLESS=1 cargo test -p proof-bridge --test gas");
}
