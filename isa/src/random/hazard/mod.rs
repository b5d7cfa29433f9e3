//! Programs that aim at what breaks a machine whose units run ahead of each other: instructions that share rows with
//! the ones just before them in every way, in few small rooms at the edges of banks; and traps behind work in flight.
//!
//! The generator executes what it writes, so registers, also those from memory, are always known, and an instruction
//! that would trap is drawn anew. A case is a function of its seed and shape alone.

mod draw;
mod place;
mod scenes;
mod traps;

use alloc::vec::Vec;

use super::{Case, Rng};
use crate::check::admit;
use crate::operands::{Reach, Role, Space, operands};
use crate::profile::Profile;
use crate::regs::Regs;
use crate::state::Subtree;
use crate::step::{Stepped, step};
use crate::table::{Halt, Instr, Load, Mark, Opcode, Store, Sw};
use crate::word::{Leaf, PARAM_ROWS, Row32, ZERO, param_word, row32_leaves};
use crate::{Loop, Memory, Operand, Wide};

/// The on-chip memories that a case is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// log₂ rows of spad, at least 6.
    pub spad: u8,
    /// log₂ row32s of acc, at least 3.
    pub acc: u8,
}

/// Rows of work, and of the part of output that instructions use.
const ARENA_LOG2: u8 = 6;
/// What `const` holds: random rows but for blocks of `REQUANT`, rows of `ADDQ` and rows of small indices.
const CONST_LOG2: u8 = 8;
const BLOCKS: u32 = 64;
const BLOCK_ROWS: u32 = 64;
const ADDQ: u32 = 128;
const ADDQ_ROWS: u32 = 4;
const INDICES: u32 = 132;
const INDEX_ROWS: u32 = 8;
/// A program that has done so many micro-steps is long enough.
const MOST_STEPS: u64 = 5000;
/// Reaches of so many instructions are remembered, to draw new ones near them.
const MEMORY: usize = 8;

/// The case of a seed. It loads the rooms in part, ends by storing all of them, some registers, and `HALT`, if no trap
/// comes before: about one in three ends with one, behind instructions that are still under way in a parallel machine.
#[must_use]
pub fn hazard(seed: u64, shape: Shape) -> Case {
    let mut rng = Rng::new(seed ^ 0x6861_7a61_7264);
    let profile = Profile {
        limit: u64::MAX,
        text: 9,
        constant: CONST_LOG2,
        input: 4,
        work: ARENA_LOG2,
        output: 9,
        spad: shape.spad,
        acc: shape.acc,
    };
    let (constant, input) = (constants(&mut rng), (0..16).map(|_| rng.leaf()).collect::<Vec<_>>());
    let memory = Memory::new(&[ZERO, profile.to_leaf(), ZERO, ZERO], &[], &constant, &input);
    let (spad, acc) = (rooms(&mut rng, shape.spad, 3, 32), rooms(&mut rng, shape.acc, 2, 8));
    let style = Style::draw(&mut rng);
    let mut hazards =
        Hazards { rng, profile, memory, text: Vec::new(), spad, acc, past: Vec::new(), style, special: Vec::new() };
    hazards.prologue();
    let size = 16 + hazards.rng.below(84) as usize;
    while hazards.text.len() < size && hazards.steps() < MOST_STEPS {
        hazards.scene();
    }
    if hazards.rng.one_in(3) {
        hazards.trap();
    }
    hazards.epilogue();
    Case { profile: hazards.profile, text: hazards.text, constant, input }
}

fn constants(rng: &mut Rng) -> Vec<Leaf> {
    let mut rows: Vec<Leaf> = (0..1 << CONST_LOG2).map(|_| rng.leaf()).collect();
    for block in rows[BLOCKS as usize..][..BLOCK_ROWS as usize].chunks_mut(PARAM_ROWS) {
        // Small biases; multipliers of 24 bits and shifts of 18 to 33: values that are not all clamped.
        block[..4].iter_mut().for_each(|leaf| *leaf = leaf.map(|byte| byte & 3));
        let scale: Row32 = core::array::from_fn(|_| param_word(rng.bits() as u32, 18 + rng.below(16) as u32));
        block[4..].copy_from_slice(&row32_leaves(&scale));
    }
    for row in &mut rows[ADDQ as usize..][..ADDQ_ROWS as usize] {
        (row[0], row[4]) = ([0, 0xff][rng.below(2) as usize], [0, 0xff][rng.below(2) as usize]);
        row[10] = 18 + rng.below(16) as u8;
        (row[12], row[13]) = (0x80, 0x7f);
    }
    for word in rows[INDICES as usize..][..INDEX_ROWS as usize].as_flattened_mut().chunks_mut(4) {
        word.copy_from_slice(&(rng.below(1 << ARENA_LOG2) as u32).to_be_bytes());
    }
    rows
}

/// Rows in which operands are put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Room {
    from: i64,
    rows: i64,
}

/// Up to `most` rooms, `half` rows to each side of places where a bank may begin, and at both ends of the memory.
fn rooms(rng: &mut Rng, log2: u8, most: usize, half: i64) -> Vec<Room> {
    let size = 1i64 << log2;
    if size <= 4 * half {
        return [Room { from: 0, rows: size }].into();
    }
    let mut rooms: Vec<Room> = Vec::new();
    for _ in 0..most {
        let middle = rng.below(9).cast_signed() * (size / 8);
        let room = Room { from: (middle - half).clamp(0, size - 2 * half), rows: 2 * half };
        if rooms.iter().all(|other| (other.from - room.from).abs() >= 2 * half) {
            rooms.push(room);
        }
    }
    rooms
}

/// What a program is like: programs that use few kinds of instruction find more than those that use all.
struct Style {
    /// Row-moving opcodes that it draws from.
    opcodes: Vec<Opcode>,
    /// Largest inner and outer count.
    counts: (u64, u64),
    /// Of a thousand operands, so many are put at or beside an earlier one.
    related: u64,
}

impl Style {
    fn draw(rng: &mut Rng) -> Style {
        let few = 2 + rng.below(6) as usize;
        let all = rng.one_in(3);
        let mut opcodes = draw::ROW_OPCODES.to_vec();
        // The vector unit has most of the opcodes, and would have most of the work.
        opcodes.extend([[Opcode::Load, Opcode::Store, Opcode::Move, Opcode::Matmul, Opcode::Dwmac]; 2].as_flattened());
        while !all && opcodes.len() > few {
            opcodes.swap_remove(rng.below(opcodes.len() as u64) as usize);
        }
        let counts = [(1, 1), (2, 1), (4, 2), (7, 3), (7, 3), (24, 2)][rng.below(6) as usize];
        Style { opcodes, counts, related: 300 + rng.below(650) }
    }
}

struct Hazards {
    rng: Rng,
    profile: Profile,
    /// The machine as it is behind the last instruction of `text`.
    memory: Memory,
    text: Vec<Leaf>,
    spad: Vec<Room>,
    acc: Vec<Room>,
    /// Operands of the last instructions, the latest last.
    past: Vec<Vec<Reach>>,
    style: Style,
    /// Rows of spad that were given parameter blocks, rows of `ADDQ`, indices.
    special: Vec<(Special, u32)>,
}

/// What some rows of `const` are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Special {
    Block,
    Addq,
    Indices,
}

impl Hazards {
    fn regs(&self) -> Regs {
        self.memory.regs()
    }

    fn steps(&self) -> u64 {
        self.regs().steps
    }

    fn admitted(&self, instr: &Instr) -> bool {
        admit(instr, &self.regs(), &self.profile).is_ok()
    }

    /// Appends an instruction without executing it.
    fn append(&mut self, instr: impl Into<Instr>) {
        self.set_text(self.text.len(), instr);
    }

    fn set_text(&mut self, at: usize, instr: impl Into<Instr>) {
        let leaf = instr.into().encode();
        self.memory.tree_mut(Subtree::Text).set(at as u64, leaf);
        if at == self.text.len() { self.text.push(leaf) } else { self.text[at] = leaf }
    }

    /// Executes to the end of the text; false if that traps or takes too long.
    fn run(&mut self) -> bool {
        let most = self.steps() + MOST_STEPS;
        while (self.regs().pc as usize) < self.text.len() {
            let Ok(stepped) = step(&mut self.memory);
            if !matches!(stepped, Stepped::Ran { .. }) || self.steps() > most {
                return false;
            }
        }
        true
    }

    /// Appends an instruction that does not trap, and executes it.
    fn push(&mut self, instr: impl Into<Instr>) {
        let instr = instr.into();
        let reaches: Vec<Reach> = operands(&instr, &self.regs()).into_iter().flatten().collect();
        if !reaches.is_empty() {
            self.past.push(reaches);
        }
        if self.past.len() > MEMORY {
            self.past.remove(0);
        }
        self.append(instr);
        self.run();
    }

    fn prologue(&mut self) {
        let rooms = self.spad.iter().map(|room| (*room, false)).chain(self.acc.iter().map(|room| (*room, true)));
        for (room, space) in rooms.collect::<Vec<_>>() {
            // What is not loaded must be zero, whatever ran before.
            let rows = room.rows - [0, 0, 0, 0, room.rows / 2, room.rows - 1][self.rng.below(6) as usize];
            let height = if space { 4 } else { 1 };
            let first = self.rng.below(((1 << CONST_LOG2) - room.rows * height).cast_unsigned()) as u32 & !3;
            self.push(Load {
                lp: Loop::new(rows as u16, 1),
                d: Operand::new(room.from as u32, 1, 0),
                m: Wide::new(first, height as i32, 0),
                region: Subtree::Const as u8,
                space,
            });
        }
        for region in [Subtree::Work, Subtree::Output] {
            // Most of the arenas too.
            let from = self.spad[0];
            let rows = from.rows.min(1 << ARENA_LOG2).cast_unsigned();
            let lp = Loop::new((rows - self.rng.below(rows / 2)) as u16, 1);
            let (d, m) = (Operand::new(from.from as u32, 1, 0), Wide::new(0, 1, 0));
            self.push(Store { lp, d, m, region: region as u8, space: false });
        }
        for special in [Special::Block, Special::Addq, Special::Indices] {
            if self.rng.one_in(2) {
                self.load_special(special);
            }
        }
    }

    fn epilogue(&mut self) {
        for _ in 0..3 {
            let (rb, imm) = (self.register(), self.rng.below(8 << ARENA_LOG2) as u32);
            self.append(Sw { ra: 0, rb, imm, region: Subtree::Output as u8 });
        }
        let mut row = 1 << ARENA_LOG2;
        let rooms = self.spad.iter().map(|room| (*room, false)).chain(self.acc.iter().map(|room| (*room, true)));
        for (room, space) in rooms.collect::<Vec<_>>() {
            let height = if space { 4 } else { 1 };
            self.append(Store {
                lp: Loop::new(room.rows as u16, 1),
                d: Operand::new(room.from as u32, 1, 0),
                m: Wide::new(row, height, 0),
                region: Subtree::Output as u8,
                space,
            });
            row += room.rows as u32 * height.cast_unsigned();
            if self.rng.one_in(3) {
                self.append(Mark { imm: row });
            }
        }
        self.append(Halt {});
    }

    /// A register that instructions may change: not those of loops.
    fn register(&mut self) -> u8 {
        1 + self.rng.below(11) as u8
    }
}

fn writes(reach: &Reach) -> bool {
    matches!(reach.role, Role::Destination | Role::OrderedDestination)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TABLE;
    use crate::regs::Status;
    use std::collections::BTreeMap;
    use std::println;

    #[test]
    fn most_cases_halt_and_every_trap_and_instruction_occurs() {
        let mut ends: BTreeMap<Status, u32> = BTreeMap::new();
        let mut ran: BTreeMap<Opcode, u32> = BTreeMap::new();
        let mut steps = 0;
        for seed in 0..600 {
            let shape = if seed % 2 == 0 { Shape { spad: 12, acc: 9 } } else { Shape { spad: 6, acc: 3 } };
            let case = hazard(seed, shape);
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
            steps += memory.regs().steps;
        }
        println!("{ends:?} {ran:?}, {steps} steps");
        for row in TABLE.iter().filter(|row| row.mnemonic != "halt") {
            let count = Opcode::from_code(row.opcode).and_then(|op| ran.get(&op)).copied().unwrap_or(0);
            assert!(count >= 50, "`{}` ran {count} times", row.mnemonic);
        }
        assert!((350..450).contains(&ends[&Status::Halted]), "{ends:?}");
        for status in Status::ALL.into_iter().filter(|status| *status != Status::Running) {
            assert!(ends.get(&status).is_some_and(|count| *count >= 10), "{status} in {ends:?}");
        }
    }
}
