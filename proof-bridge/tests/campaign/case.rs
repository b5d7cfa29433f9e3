//! One micro-step in a small random state: a function of an opcode and a seed.

use isa::{Access, ISA_HASH, Instr, Leaf, Profile, Regs, Spec, State, Subtree, random::Rng, step};
use proof_bridge::state::StateTree;

use super::{
    data,
    draw::{Draw, set_bits},
};

/// Cases with neighbouring seeds that start from one random memory.
pub(crate) const BLOCK: u64 = 64;
/// The sub-trees that hold data.
const DATA: [Subtree; 5] = [Subtree::Const, Subtree::Input, Subtree::Onchip, Subtree::Work, Subtree::Output];

/// The random memory of a block of cases.
pub(crate) struct Ground {
    block: u64,
    state: StateTree,
}

impl Ground {
    fn new(block: u64) -> Ground {
        let mut rng = Rng::new(block ^ 0x6d61_6368_696e_6521);
        let deep = rng.one_in(8);
        let mut size = |small: &[u8], large: &[u8]| {
            let sizes = if deep { large } else { small };
            sizes[rng.below(sizes.len() as u64) as usize]
        };
        let profile = Profile {
            limit: 1 << 40,
            text: size(&[0, 1, 1, 2], &[1, 20]),
            constant: size(&[5, 6, 3], &[32, 17]),
            input: size(&[4, 2, 0], &[31, 9]),
            work: size(&[5, 6, 3], &[32, 16]),
            output: size(&[4, 5, 2], &[32, 12]),
            // Row32s of acc decide the depth of onchip now and then.
            spad: size(&[7, 7, 6, 8, 5], &[20, 13]),
            acc: size(&[4, 4, 3, 5, 6], &[20, 10, 18]),
        };
        let mut state = StateTree::new(&[ISA_HASH, profile.to_leaf(), [7; 32], [0; 32]], &[], &[], &[]).unwrap();
        for tree in DATA {
            // The rest of a large tree is zero.
            let rows: Vec<Leaf> = (0..1u64 << profile.depth(tree).min(8)).map(|_| rng.leaf()).collect();
            state.tree_mut(tree).write(0, &rows);
        }
        state.root();
        Ground { block, state }
    }
}

/// What becomes of an admitted instruction.
#[derive(Clone, Copy)]
enum Turn {
    /// Some micro-step of it, as a run reaches it.
    Run,
    /// Issued with an operand moved to an edge, or its rows together.
    Nudged,
    /// Issued with a part of a field changed.
    Disturbed,
    /// Any micro-step of it, with any bits flipped.
    Flipped,
    /// Issued close to the limit.
    Limit,
    /// Issued with other registers.
    Registers,
    /// A micro-step that no run reaches: any row, any registers.
    Wild,
    /// With pc outside text, or halted.
    Away,
}

fn turn(rng: &mut Rng) -> Turn {
    match rng.below(32) {
        0..18 => Turn::Run,
        18..23 => Turn::Nudged,
        23..26 => Turn::Disturbed,
        26 => Turn::Flipped,
        27 => Turn::Limit,
        28 => Turn::Registers,
        29..31 => Turn::Wild,
        _ => Turn::Away,
    }
}

/// The state before the micro-step of an opcode and a seed, and whether it was made so that no run reaches it. `ground` is
/// kept from case to case of a block.
pub(crate) fn case(spec: &'static Spec, seed: u64, ground: &mut Option<Ground>) -> (StateTree, bool) {
    if ground.as_ref().is_none_or(|ground| ground.block != seed / BLOCK) {
        *ground = Some(Ground::new(seed / BLOCK));
    }
    let ground = &ground.as_ref().unwrap().state;
    let mut rng = Rng::new(seed << 8 | u64::from(spec.opcode));
    let turn = turn(&mut rng);
    let mut profile = *ground.profile();
    let mut draw = Draw { rng: &mut rng, spec, profile, regs: Regs::default() };
    let mut word = draw.admitted();
    let mut regs = place(&mut draw, &word);
    match turn {
        Turn::Run | Turn::Wild => {}
        Turn::Nudged if draw.rng.one_in(3) => draw.fold(&mut word),
        Turn::Nudged => draw.nudge(&mut word),
        Turn::Disturbed => draw.disturb(&mut word),
        Turn::Flipped => {
            for _ in 0..=draw.rng.below(2) {
                let bit = draw.rng.below(256) as u32;
                set_bits(&mut word, bit, 1, draw.rng.below(2));
            }
        }
        Turn::Limit => {
            let length = draw.length(&word).unwrap_or(1);
            regs.steps = if draw.rng.one_in(3) { u64::MAX - draw.rng.below(3) } else { regs.steps };
            profile.limit = regs.steps.saturating_add(length).wrapping_sub(draw.rng.below(3));
        }
        Turn::Registers => {
            let x = 1 + draw.rng.below(15) as usize;
            draw.regs.x[x] = draw.number();
            regs.x = draw.regs.x;
        }
        Turn::Away => {
            let outside = [1u32 << profile.text, u32::MAX];
            match draw.rng.below(3) {
                0 => (regs.pc, regs.row) = (outside[0], draw.rng.below(2)),
                1 => regs.pc = outside[1],
                _ => regs.status = draw.rng.bits() as u8 | 1,
            }
        }
    }
    let meaningless = Instr::decode(&word).is_err();
    match turn {
        Turn::Run | Turn::Away => {}
        Turn::Wild => {
            let astray = assemble(ground, profile, &word, &wild(&mut draw, &regs));
            if probe(&astray).is_ok() {
                return (finish(astray, &mut rng, true), true);
            }
        }
        _ if meaningless => {}
        _ => regs.row = 0,
    }
    if regs.row > 0 && probe(&assemble(ground, profile, &word, &regs)).is_err() {
        regs.row = 0;
    }
    (finish(assemble(ground, profile, &word, &regs), &mut rng, false), false)
}

/// A row and registers that no run has there.
fn wild(draw: &mut Draw<'_>, regs: &Regs) -> Regs {
    let row = [1, regs.row + 1, u64::from(draw.number()), draw.rng.bits(), u64::MAX][draw.rng.below(5) as usize].max(1);
    if draw.rng.one_in(2) {
        draw.registers();
    }
    Regs { row, x: draw.regs.x, ..*regs }
}

/// Registers in the middle of the instruction, or at its beginning.
fn place(draw: &mut Draw<'_>, word: &Leaf) -> Regs {
    let length = draw.length(word).unwrap_or(1);
    let row = match draw.rng.below(4) {
        0 | 1 => 0,
        2 => length - 1,
        _ => draw.rng.below(length),
    };
    let steps = draw.rng.bits() >> (24 + draw.rng.below(40));
    let pc = draw.rng.below(1 << draw.profile.text) as u32;
    Regs { pc, row, steps, ..draw.regs }
}

fn assemble(ground: &StateTree, profile: Profile, word: &Leaf, regs: &Regs) -> StateTree {
    let mut state = ground.clone();
    if profile != *ground.profile() {
        state.tree_mut(Subtree::Head).write(1, &[profile.to_leaf()]);
    }
    if u64::from(regs.pc) >> profile.text == 0 {
        state.tree_mut(Subtree::Text).write(regs.pc.into(), &[*word]);
    }
    state.tree_mut(Subtree::Regs).write(0, &regs.to_leaves());
    state
}

/// Puts edges into what the micro-step reads. `astray` if no run reaches the state.
fn finish(plain: StateTree, rng: &mut Rng, astray: bool) -> StateTree {
    let reads = probe(&plain).unwrap_or_else(|at| panic!("the step reaches {at:?}"));
    let mut state = plain.clone();
    for at in reads.into_iter().filter(|at| DATA.contains(&at.tree)) {
        if rng.one_in(8) {
            continue;
        }
        let style = data::style(rng);
        let leaves: Vec<Leaf> = (0..at.leaves()).map(|_| data::leaf(rng, style)).collect();
        state.tree_mut(at.tree).write(at.index, &leaves);
    }
    match probe(&state) {
        Ok(_) => state,
        // Other indices may lead an unchecked GATHER outside; a checked one never.
        Err(_) if astray => plain,
        Err(at) => panic!("the step reaches {at:?}"),
    }
}

/// What a step from the state reads; or an access that no tree has.
fn probe(state: &StateTree) -> Result<Vec<Access>, Access> {
    let mut probe = Probe { state, reads: Vec::new() };
    step(&mut probe)?;
    Ok(probe.reads)
}

/// The state without its writes: nothing is read after it is written in one step.
struct Probe<'a> {
    state: &'a StateTree,
    reads: Vec<Access>,
}

impl Probe<'_> {
    fn inside(&self, at: Access) -> Result<(), Access> {
        let inside = self.state.tree(at.tree).contains(at.index, at.leaves());
        if inside && at.index.is_multiple_of(at.leaves() as u64) { Ok(()) } else { Err(at) }
    }
}

impl State for Probe<'_> {
    type Error = Access;

    fn read(&mut self, at: Access, out: &mut [Leaf]) -> Result<(), Access> {
        self.inside(at)?;
        self.state.tree(at.tree).read(at.index, out);
        self.reads.push(at);
        Ok(())
    }

    fn update(&mut self, at: Access, _leaves: &[Leaf]) -> Result<(), Access> {
        self.inside(at)
    }

    fn overwrite(&mut self, at: Access, _leaves: &[Leaf]) -> Result<(), Access> {
        self.inside(at)
    }

    fn clear(&mut self, _tree: Subtree, _depth: u8) -> Result<(), Access> {
        Ok(())
    }
}

/// The instruction that stands at pc, if there is one.
pub(crate) fn instruction(state: &StateTree) -> Option<Instr> {
    let pc = u64::from(state.regs().pc);
    let text = state.tree(Subtree::Text);
    if !text.contains(pc, 1) {
        return None;
    }
    let mut word = [[0; 32]];
    text.read(pc, &mut word);
    Instr::decode(&word[0]).ok()
}
