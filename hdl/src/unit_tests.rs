//! Units by themselves, before memories that deny at random: random instructions, one offered as soon as the one
//! before is taken, against `isa::step`.

use std::collections::VecDeque;

use isa::random::Rng;
use isa::{Dwmac, Fill, Instr, Leaf, Loop, Memory, Move, Operand, Profile, Subtree, Wide};
use rust_hdl::prelude::*;

use crate::depthwise::Depthwise;
use crate::operation::Operation;
use crate::params::{Params, TARGETS};
use crate::prims::Kind;
use crate::transfer::mover::Mover;

/// log₂ sizes of the memories.
const SPAD: u8 = 6;
const ACC: u8 = 4;
/// The leaf of acc's first row.
const ACC_LEAF: u64 = 1 << 6;

/// What a unit asks for in a cycle.
#[derive(Default)]
struct Asks {
    take: bool,
    retire: bool,
    spad_read: Option<u64>,
    acc_read: Option<u64>,
    /// Address, data, mask.
    spad_write: Option<(u64, Bits<256>, u64)>,
    acc_write: Option<(u64, Bits<1024>)>,
    macs: u64,
}

/// What it gets.
struct Gets {
    ready: bool,
    op: Operation,
    grants: [bool; 4],
    spad_data: Bits<256>,
    acc_data: Bits<1024>,
}

trait Unit {
    fn set(&mut self, gets: &Gets);
    fn settle(&mut self, clock: bool);
    fn asks(&self) -> Asks;
}

impl Unit for Mover {
    fn set(&mut self, gets: &Gets) {
        self.ready.next = gets.ready;
        self.op.next = gets.op;
        [self.spad_grant.next, _, self.spad_write_grant.next, self.acc_write_grant.next] = gets.grants;
        self.spad_data.next = gets.spad_data;
    }

    fn settle(&mut self, clock: bool) {
        self.clock.next = Clock { clk: clock };
        assert!(simulate(self, 50));
    }

    fn asks(&self) -> Asks {
        let place = self.write_address.val().to_u64();
        let (row8, mask) = (self.write_row8.val(), self.write_mask.val().to_u64());
        Asks {
            take: self.take.val(),
            retire: self.retire.val(),
            spad_read: self.spad_read.val().then(|| self.spad_address.val().to_u64()),
            acc_read: None,
            spad_write: self.spad_write.val().then_some((place, row8, mask)),
            acc_write: self.acc_write.val().then(|| (place, self.write_row32.val())),
            macs: 0,
        }
    }
}

impl Unit for Depthwise {
    fn set(&mut self, gets: &Gets) {
        self.ready.next = gets.ready;
        self.op.next = gets.op;
        [self.spad_grant.next, self.acc_grant.next, _, self.acc_write_grant.next] = gets.grants;
        self.spad_data.next = gets.spad_data;
        self.acc_data.next = gets.acc_data;
    }

    fn settle(&mut self, clock: bool) {
        self.clock.next = Clock { clk: clock };
        assert!(simulate(self, 50));
    }

    fn asks(&self) -> Asks {
        let place = self.acc_write_address.val().to_u64();
        Asks {
            take: self.take.val(),
            retire: self.retire.val(),
            spad_read: self.spad_read.val().then(|| self.spad_address.val().to_u64()),
            acc_read: self.acc_read.val().then(|| self.acc_address.val().to_u64()),
            spad_write: None,
            acc_write: self.acc_write.val().then(|| (place, self.acc_write_data.val())),
            macs: self.macs.val().to_u64(),
        }
    }
}

/// Both memories, byte *i* of a row8 at bits 8·*i*, lane *i* of a row32 at bits 32·*i*.
#[derive(Clone, PartialEq)]
struct Chip {
    spad: Vec<Bits<256>>,
    acc: Vec<Bits<1024>>,
}

fn row8(leaf: &Leaf) -> Bits<256> {
    let mut row = Bits::default();
    for (byte, value) in leaf.iter().enumerate() {
        row.set_bits::<8>(8 * byte, u64::from(*value).into());
    }
    row
}

fn chip(memory: &Memory) -> Chip {
    let tree = memory.tree(Subtree::Onchip);
    let row32 = |row: u64| {
        let leaves = std::array::from_fn(|leaf| tree.get(ACC_LEAF + 4 * row + leaf as u64));
        let mut bits = Bits::default();
        for (lane, value) in isa::row32(&leaves).iter().enumerate() {
            bits.set_bits::<32>(32 * lane, u64::from(value.cast_unsigned()).into());
        }
        bits
    };
    Chip { spad: (0..1 << SPAD).map(|row| row8(&tree.get(row))).collect(), acc: (0..1 << ACC).map(row32).collect() }
}

/// A program of instructions that do not trap, and the memories before it and after each of them.
struct Script {
    instructions: Vec<Instr>,
    chips: Vec<Chip>,
}

fn script(rng: &mut Rng, length: usize, next: &mut dyn FnMut(&mut Rng) -> Instr) -> Script {
    let profile = Profile { limit: u64::MAX, text: 8, spad: SPAD, acc: ACC, ..Profile::default() };
    let mut instructions = Vec::new();
    while instructions.len() < length {
        let instr = next(rng);
        if isa::admit(&instr, &isa::Regs::default(), &profile).is_ok() {
            instructions.push(instr);
        }
    }
    let text: Vec<Leaf> = instructions.iter().map(Instr::encode).collect();
    let mut memory = Memory::new(&[isa::ZERO, profile.to_leaf(), isa::ZERO, isa::ZERO], &text, &[], &[]);
    for leaf in 0..ACC_LEAF + (4 << ACC) {
        memory.tree_mut(Subtree::Onchip).set(leaf, rng.leaf());
    }
    let mut chips = vec![chip(&memory)];
    for instr in &instructions {
        for _ in 0..isa::micro_steps(instr, &isa::Regs::default()) {
            let Ok(stepped) = isa::step(&mut memory);
            assert!(matches!(stepped, isa::Stepped::Ran { .. }), "{instr:?}");
        }
        chips.push(chip(&memory));
    }
    Script { instructions, chips }
}

fn near(o: Operand) -> (Bits<20>, Bits<20>, Bits<20>) {
    let stride = |s: i16| u64::from(i32::from(s).cast_unsigned() & 0xf_ffff).into();
    (u64::from(o.base).into(), stride(o.s0), stride(o.s1))
}

fn wide(value: i32) -> Bits<32> {
    u64::from(value.cast_unsigned()).into()
}

/// As decoding and checking leave it.
fn operation(instr: &Instr) -> Operation {
    let mut op = Operation::default();
    let counts = isa::counts(instr, &isa::Regs::default());
    op.n0 = u64::from(counts.n0).into();
    op.n1 = u64::from(counts.n1).into();
    op.kt = u64::from(counts.kt).into();
    op.n = u64::from(counts.n).into();
    match instr {
        Instr::Move(i) => {
            op.kind = Kind::Move;
            (op.d_base, op.d_s0, op.d_s1) = near(i.d);
            (op.a_base, op.a_s0, op.a_s1) = (u64::from(i.m.base).into(), wide(i.m.s0), wide(i.m.s1));
            op.offset = u64::from(i.offset).into();
        }
        Instr::Fill(i) => {
            op.kind = Kind::Fill;
            (op.d_base, op.d_s0, op.d_s1) = near(i.d);
            op.imm = u64::from(i.imm).into();
            op.space = i.space;
        }
        Instr::Dwmac(i) => {
            op.kind = Kind::Dwmac;
            (op.d_base, op.d_s0, op.d_s1) = near(i.d);
            (op.a_base, op.a_s0, op.a_s1) = (u64::from(i.a.base).into(), wide(i.a.s0.into()), wide(i.a.s1.into()));
            (op.a_sk, op.b_sk) = (wide(i.a_sk.into()), wide(i.w_sk.into()));
            op.b_base = u64::from(i.w_base).into();
            op.accumulate = i.acc;
        }
        _ => panic!("{instr:?}"),
    }
    op
}

/// Products of live lanes.
fn products(instr: &Instr) -> u64 {
    let steps = isa::micro_steps(instr, &isa::Regs::default());
    if let Instr::Dwmac(i) = instr { steps * u64::from(i.n) } else { 0 }
}

/// Runs a script; a grant is denied with `deny` in a thousand. Returns the cycle of each `retire`, from the first
/// offer on.
fn run(unit: &mut dyn Unit, script: &Script, rng: &mut Rng, deny: u64) -> Vec<usize> {
    let mut now = script.chips[0].clone();
    let mut waiting: VecDeque<_> = script.instructions.iter().map(operation).collect();
    let mut gets =
        Gets { ready: true, op: waiting[0], grants: [true; 4], spad_data: Bits::default(), acc_data: Bits::default() };
    let mut retired = Vec::new();
    let mut macs = 0;
    for cycle in 0.. {
        assert!(cycle < 20_000, "hangs after {} of {} instructions", retired.len(), script.instructions.len());
        gets.op = waiting.front().copied().unwrap_or_default();
        gets.ready = !waiting.is_empty() && (deny == 0 || gets.ready || !rng.one_in(3));
        gets.grants = std::array::from_fn(|_| rng.below(1000) >= deny);
        unit.set(&gets);
        unit.settle(false);
        let asks = unit.asks();
        macs += asks.macs;
        // What is not asked for, or not granted, leaves other data behind.
        gets.spad_data = row8(&rng.leaf());
        gets.acc_data = Bits::default();
        if let Some(row) = asks.spad_read.filter(|_| gets.grants[0]) {
            gets.spad_data = now.spad[row as usize];
        }
        if let Some(row) = asks.acc_read.filter(|_| gets.grants[1]) {
            gets.acc_data = now.acc[row as usize];
        }
        if let Some((row, data, mask)) = asks.spad_write.filter(|_| gets.grants[2]) {
            for byte in (0..32).filter(|byte| mask >> byte & 1 == 1) {
                now.spad[row as usize].set_bits::<8>(8 * byte, data.get_bits::<8>(8 * byte));
            }
        }
        if let Some((row, data)) = asks.acc_write.filter(|_| gets.grants[3]) {
            now.acc[row as usize] = data;
        }
        if asks.retire {
            retired.push(cycle);
            let instr = script.instructions[retired.len() - 1];
            assert!(now == script.chips[retired.len()], "instruction {}, {instr:?}, in cycle {cycle}", retired.len());
        }
        if asks.take {
            assert!(gets.ready);
            waiting.pop_front();
            gets.ready = false;
        }
        unit.settle(true);
        if retired.len() == script.instructions.len() {
            assert_eq!(macs, script.instructions.iter().map(products).sum::<u64>());
            return retired;
        }
    }
    unreachable!()
}

fn small(rng: &mut Rng, most: i64) -> i32 {
    (rng.below(2 * most as u64 + 1) as i64 - most) as i32
}

fn loops(rng: &mut Rng) -> Loop {
    Loop::new(1 + rng.below(5) as u16, 1 + rng.below(3) as u16)
}

fn place(rng: &mut Rng, rows: u64) -> Operand {
    Operand::new(rng.below(rows) as u32, small(rng, 3) as i16, small(rng, 6) as i16)
}

fn move_or_fill(rng: &mut Rng) -> Instr {
    let lp = loops(rng);
    if rng.one_in(4) {
        let space = rng.one_in(2);
        let d = place(rng, if space { 1 << ACC } else { 1 << SPAD });
        let imm = if space { (rng.bits() & 0xffff_ffff) as u32 } else { rng.below(256) as u32 };
        return Fill { lp, d, imm, space }.into();
    }
    let reach = if rng.one_in(2) { 8 } else { 70 };
    let m = Wide::new(rng.below(32 << SPAD) as u32, small(rng, reach), small(rng, 3 * reach));
    let n = 1 + rng.below(32) as u8;
    let offset = rng.below(u64::from(33 - n)) as u8;
    Move { lp, d: place(rng, 1 << SPAD), m, n, offset }.into()
}

fn mover() -> Box<Mover> {
    let mut unit = Box::new(Mover::default());
    unit.connect_all();
    unit
}

#[test]
fn moves_and_fills_equal_step_whatever_is_denied() {
    let mut rng = Rng::new(3);
    for (length, deny) in [(40, 0), (40, 150), (40, 500), (20, 850)] {
        let script = script(&mut rng, length, &mut move_or_fill);
        run(mover().as_mut(), &script, &mut rng, deny);
    }
}

/// Cycles from the offer of an instruction to its end, without denials.
fn cycles(unit: &mut dyn Unit, instr: impl Into<Instr>) -> usize {
    let mut rng = Rng::new(4);
    let mut instr = Some(instr.into());
    let script = script(&mut rng, 1, &mut |_| instr.take().expect("a trap"));
    1 + run(unit, &script, &mut rng, 0)[0]
}

#[test]
fn a_move_takes_a_cycle_for_each_row_that_is_new() {
    let lp = Loop::new(20, 1);
    let d = Operand::new(40, 1, 0);
    let slide = |s0: i32, n: u8| cycles(mover().as_mut(), Move { lp, d, m: Wide::new(0, s0, 0), n, offset: 0 });
    // Taken, the rows, three stages behind.
    assert_eq!(slide(0, 32), 1 + 20 + 3, "one row, read once");
    assert_eq!(slide(3, 24), 1 + 20 + 3, "windows along rows");
    assert_eq!(slide(32, 32), 1 + 20 + 3, "a new row each");
    assert_eq!(slide(32, 1), 1 + 20 + 3, "a byte of each row");
    assert_eq!(cycles(mover().as_mut(), Fill { lp, d, imm: 7, space: false }), 1 + 20 + 3);
    let m = Wide::new(16, 32, 0);
    assert_eq!(cycles(mover().as_mut(), Move { lp, d, m, n: 32, offset: 0 }), 1 + 21 + 3, "each half of two rows");
    let m = Wide::new(16, 64, 0);
    let lp = Loop::new(15, 1);
    assert_eq!(cycles(mover().as_mut(), Move { lp, d, m, n: 32, offset: 0 }), 1 + 30 + 3, "two new rows each");
}

fn dwmac(rng: &mut Rng) -> Instr {
    let a_sk = small(rng, 3) as i16;
    let s0 = match rng.below(5) {
        0 | 1 => a_sk,
        2 => 2 * a_sk,
        3 => -a_sk,
        _ => small(rng, 3) as i16,
    };
    let kt = 1 + rng.below(9) as u16;
    Dwmac {
        lp: loops(rng),
        d: place(rng, 1 << ACC),
        a: Operand { s0, ..place(rng, 1 << SPAD) },
        w_base: rng.below(1 << SPAD) as u32,
        w_reg: 0,
        w_sk: small(rng, 2) as i16,
        a_sk,
        n: 1 + rng.below(32) as u8,
        kt,
        acc: rng.one_in(2),
    }
    .into()
}

fn depthwise(lanes: usize) -> Box<Depthwise> {
    let mut unit = Box::new(Depthwise::new(&Params { depthwise_lanes: lanes, ..TARGETS[0].1 }));
    unit.connect_all();
    unit
}

#[test]
fn depthwise_products_equal_step_whatever_is_denied() {
    let mut rng = Rng::new(5);
    for (length, deny) in [(60, 0), (40, 150), (40, 500), (20, 850)] {
        let script = script(&mut rng, length, &mut dwmac);
        for lanes in [32, 8] {
            run(depthwise(lanes).as_mut(), &script, &mut rng, deny);
        }
    }
}

#[test]
fn a_pixel_of_narrow_parts_takes_a_cycle_for_each() {
    let (lp, d, a) = (Loop::new(14, 1), Operand::new(0, 1, 0), Operand::new(0, 1, 0));
    let instr = Dwmac { lp, d, a, w_base: 50, w_reg: 0, w_sk: 1, a_sk: 1, n: 32, kt: 3, acc: false };
    assert_eq!(cycles(depthwise(8).as_mut(), instr), 1 + 3 + 2 + 14 * 4 + 4);
}

#[test]
fn a_pixel_reads_what_its_window_lacks() {
    let cost = |n0: u16, n1: u16, kt: u16, s0: i16, s1: i16, a_sk: i16| {
        let (lp, n0) = (Loop::new(n0, n1), n0 as i16);
        let (d, a) = (Operand::new(0, 1, n0), Operand::new(0, s0, s1));
        let instr = Dwmac { lp, d, a, w_base: 50, w_reg: 0, w_sk: 1, a_sk, n: 32, kt, acc: false };
        cycles(depthwise(32).as_mut(), instr)
    };
    // Taken, the rows of weights, those of a, four stages behind.
    assert_eq!(cost(14, 1, 3, 1, 0, 1), 1 + 3 + 16 + 4, "a row a pixel, two to begin with");
    assert_eq!(cost(7, 2, 3, 1, 20, 1), 1 + 3 + 2 * 9 + 4, "each inner loop begins afresh");
    assert_eq!(cost(10, 1, 3, 2, 0, 1), 1 + 3 + 21 + 4, "two rows a pixel, one to begin with");
    assert_eq!(cost(10, 1, 3, 3, 0, 1), 1 + 3 + 30 + 4, "three rows a pixel");
    assert_eq!(cost(10, 1, 9, 1, 0, 1), 1 + 3 * (3 + 12) + 4, "three passes without a gap");
    assert_eq!(cost(10, 1, 4, 1, 0, 1), 1 + (3 + 12) + (1 + 10) + 4, "the last pass has one tap");
    assert_eq!(cost(10, 1, 2, 2, 0, 1), 1 + 2 + 20 + 4, "two taps, two rows a pixel");
    assert_eq!(cost(10, 1, 1, 5, 0, 7), 1 + 1 + 10 + 4, "one tap");
    // A second pass waits for the row that the first is about to write: never, or where there is but one.
    assert_eq!(cost(1, 1, 9, 1, 0, 1), 1 + 3 * (3 + 3) + 4);
}
