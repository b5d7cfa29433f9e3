//! The fast executor against `isa::step` on programs made for its kernels: large shapes, weights at which sums of 16 bits
//! saturate, many instructions under way over the same rows, constants that change.
//!
//! `SYSTOLE_SEEDS=1000..5000` runs others than the usual ones.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod common;

use isa::asm::Source;
use isa::random::Rng;
use isa::{Dwmac, Halt, Instr, Leaf, Load, Loop, Matmul, Maxq, Operand, Profile, Regs, Requant, Store, Subtree, Wide};
use sim::fast::{Image, Workers};
use sim::{Engine, FastEngine, FastMachine, StepEngine};

fn name(workers: &Workers) -> String {
    format!("{} on {} threads", workers.simd(), workers.threads())
}

fn listing(source: &Source) -> String {
    source.text.iter().map(|leaf| isa::asm::disassemble(leaf) + "\n").collect()
}

/// Random rows, weights and activations: any bytes; half as large, which multiply as bytes; mostly the extremes, at which
/// sums of 16 bits saturate; spread as those of trained networks are.
fn bytes(rng: &mut Rng, rows: usize) -> Vec<Leaf> {
    let kind = rng.below(4);
    let mut rows: Vec<Leaf> = (0..rows).map(|_| rng.leaf()).collect();
    for byte in rows.iter_mut().flatten() {
        let value = byte.cast_signed();
        let value = match kind {
            0 => value,
            1 => value / 2,
            2 => [i8::MIN, i8::MIN, -127, i8::MAX, i8::MAX, 126, 1, value][rng.below(8) as usize],
            _ => value >> rng.below(5).min(3),
        };
        *byte = value.cast_unsigned();
    }
    rows
}

/// A program that loads random rows everywhere, runs some instructions of large shapes, and stores all of spad and acc.
fn large(seed: u64) -> Source {
    let mut rng = Rng::new(seed);
    let profile = Profile { limit: 1 << 40, text: 6, constant: 13, input: 3, work: 4, output: 14, spad: 13, acc: 11 };
    let lp = |n0: u64, n1: u64| Loop::new(n0 as u16, n1 as u16);
    let load = |space| Load {
        lp: lp(if space { 2000 } else { 8192 }, 1),
        d: Operand::new(0, 1, 0),
        m: Wide::new(0, if space { 4 } else { 1 }, 0),
        region: Subtree::Const as u8,
        space,
    };
    let mut text: Vec<Instr> = vec![load(false).into(), load(true).into()];
    while text.len() < 8 {
        let instr = large_instr(&mut rng, lp);
        if isa::admit(&instr, &Regs::default(), &profile).is_ok() {
            text.push(instr);
        }
    }
    for space in [false, true] {
        let unit: u64 = if space { 4 } else { 1 };
        text.push(
            Store {
                lp: lp(if space { 2048 } else { 8192 }, 1),
                d: Operand::new(0, 1, 0),
                m: Wide::new(if space { 8192 } else { 0 }, unit as i32, 0),
                region: Subtree::Output as u8,
                space,
            }
            .into(),
        );
    }
    text.push(Halt {}.into());
    let constant = bytes(&mut rng, 8192);
    let text = text.iter().map(Instr::encode).collect();
    Source { profile, text, constant, input: Vec::new(), expectations: Vec::new() }
}

fn large_instr(rng: &mut Rng, lp: fn(u64, u64) -> Loop) -> Instr {
    let mut operand = |base: u64, strides: [u64; 2]| {
        let mut stride = |bound: u64| rng.below(2 * bound + 1) as i16 - bound as i16;
        let (s0, s1) = (stride(strides[0]), stride(strides[1]));
        Operand { base: rng.below(base) as u32, s0, s1, ..Operand::default() }
    };
    let (d, near, far) = (operand(2048, [3, 300]), operand(8192, [3, 150]), operand(8192, [90, 300]));
    let lanes = |rng: &mut Rng| if rng.one_in(2) { 32 } else { 1 + rng.below(32) as u8 };
    let (n0, n1) = if rng.one_in(3) { (1 + rng.below(700), 1) } else { (1 + rng.below(60), 1 + rng.below(12)) };
    let (lp, n, acc) = (lp(n0, n1), lanes(rng), rng.one_in(2));
    let kt = if rng.one_in(4) { 60 + rng.below(20) } else { 1 + rng.below(12) } as u16;
    let (a_sk, w_sk) = (rng.below(9) as i16 - 3, 32 * (rng.below(5) as i16 - 2));
    let a = if rng.one_in(2) { near } else { far };
    match rng.below(8) {
        0 => {
            Requant { lp, d: near, a: d, b: Operand::new(8 * rng.below(1000) as u32, 0, 0), n, zp: 3, lo: -90, hi: 100 }
                .into()
        }
        1 => Dwmac {
            lp,
            d,
            a,
            w_base: rng.below(8192) as u32,
            w_sk: w_sk / 16,
            a_sk,
            n,
            kt: kt % 10 + 1,
            acc,
            ..Dwmac::default()
        }
        .into(),
        2 => Maxq { lp, d: near, a: far, a_sk, kt: kt % 10 + 1, acc }.into(),
        _ => Matmul {
            lp,
            d,
            a,
            w_base: 32 * rng.below(256) as u32,
            w_sk,
            a_sk,
            n,
            k: lanes(rng),
            kt,
            acc,
            tr: rng.one_in(4),
            ..Matmul::default()
        }
        .into(),
    }
}

#[test]
fn large_shapes_end_alike() {
    let mut engines = common::fast();
    for seed in 0..60 {
        let source = large(seed);
        let program = common::program(&source);
        let expected = StepEngine.run_to_end(&program, &source.input).unwrap();
        assert_eq!(expected.status, isa::Status::Halted);
        for engine in &mut engines {
            let outcome = engine.run_to_end(&program, &source.input).unwrap();
            let what = format!("seed {seed}, {}", name(engine.workers()));
            assert_eq!(expected.difference(&outcome), None, "{what}:\n{}", listing(&source));
        }
    }
}

/// Many instructions of small shapes that touch the same rows of a small chip and of work again and again, with marks
/// and scalars between them; perhaps with a trap at the end, or in the middle.
fn crowded(seed: u64) -> Source {
    let mut rng = Rng::new(seed);
    let profile = Profile { limit: 1 << 30, text: 9, constant: 9, input: 3, work: 9, output: 9, spad: 9, acc: 6 };
    let load = |space: bool| Load {
        lp: Loop::new(if space { 64 } else { 512 }, 1),
        d: Operand::new(0, 1, 0),
        m: Wide::new(0, if space { 4 } else { 1 }, 0),
        region: Subtree::Const as u8,
        space,
    };
    let mut text: Vec<Instr> = vec![load(false).into(), load(true).into()];
    let traps = rng.one_in(4);
    while text.len() < 300 {
        let instr = crowded_instr(&mut rng);
        if isa::admit(&instr, &Regs::default(), &profile).is_ok() || (traps && rng.one_in(2000)) {
            text.push(instr);
        }
    }
    for space in [false, true] {
        let region = Subtree::Output as u8;
        text.push(
            Store { m: Wide::new(if space { 256 } else { 0 }, load(space).m.s0, 0), region, ..store(load(space)) }
                .into(),
        );
    }
    text.push(Halt {}.into());
    let text = text.iter().map(Instr::encode).collect();
    Source { profile, text, constant: (0..512).map(|_| rng.leaf()).collect(), ..Source::default() }
}

fn store(Load { lp, d, m, region, space }: Load) -> Store {
    Store { lp, d, m, region, space }
}

fn crowded_instr(rng: &mut Rng) -> Instr {
    let (n0, n1) = if rng.one_in(3) { (1 + rng.below(40), 1) } else { (1 + rng.below(10), 1 + rng.below(4)) };
    let lp = Loop::new(n0 as u16, n1 as u16);
    let mut operand = |rows: u64| {
        let (s0, s1) = (rng.below(6) as i16 - 1, rng.below(20) as i16 - 3);
        Operand { base: rng.below(rows) as u32, s0, s1, ..Operand::default() }
    };
    let (to, from, other, d, a) = (operand(512), operand(512), operand(512), operand(64), operand(64));
    let m = Wide::new(rng.below(512) as u32, rng.below(5) as i32 - 1, rng.below(20) as i32);
    let (n, acc, space) = (if rng.one_in(2) { 32 } else { 1 + rng.below(32) as u8 }, rng.one_in(2), rng.one_in(3));
    let (kt, a_sk) = (1 + rng.below(4) as u16, rng.below(4) as i16);
    let b = Operand::new(8 * rng.below(64) as u32, 0, 0);
    let near = if space { d } else { to };
    match rng.below(16) {
        0 => isa::Li { rd: 1 + rng.below(4) as u8, imm: rng.below(64) as u32 }.into(),
        1 => isa::Mark { imm: rng.below(9) as u32 }.into(),
        2 | 3 => {
            let region = if rng.one_in(2) { Subtree::Work } else { Subtree::Const } as u8;
            Load { lp, d: near, m, region, space }.into()
        }
        4 | 5 => Store { lp, d: near, m, region: Subtree::Work as u8, space }.into(),
        6 => isa::Move { lp, d: to, m: Wide { base: m.base * 32 + 7, ..m }, n: n.min(25), offset: 7 }.into(),
        7 => isa::Fill { lp, d: near, imm: rng.below(256) as u32, space }.into(),
        8 | 9 => Requant { lp, d: to, a: d, b, n, zp: -3, lo: -100, hi: 99 }.into(),
        10 => Dwmac { lp, d, a: from, w_base: other.base, w_sk: 1, a_sk, n, kt, acc, ..Dwmac::default() }.into(),
        11 => Maxq { lp, d: to, a: from, a_sk, kt, acc }.into(),
        12 => isa::Addq { lp, d: to, a: if acc { to } else { from }, b: other, n, p_base: b.base, p_reg: 0 }.into(),
        13 => isa::Vadd { lp, d, a: if acc { d } else { a }, b: a, n, form: rng.below(4) as u8 }.into(),
        14 => isa::Sw { imm: m.base, region: Subtree::Work as u8, ..isa::Sw::default() }.into(),
        _ => Matmul {
            lp,
            d,
            a: from,
            w_base: 32 * rng.below(16) as u32,
            w_sk: 32,
            a_sk,
            n,
            k: 1 + rng.below(32) as u8,
            kt,
            acc,
            tr: space,
            ..Matmul::default()
        }
        .into(),
    }
}

#[test]
fn instructions_under_way_keep_their_order() {
    let mut engines = common::fast();
    let options = sim::FastOptions { threads: Some(2), ..sim::FastOptions::default() };
    engines.push(FastEngine::new(&options).unwrap());
    let mut trapped = 0;
    for seed in common::seeds(0..400) {
        let source = crowded(seed);
        let program = common::program(&source);
        let expected = StepEngine.run_to_end(&program, &source.input).unwrap();
        trapped += u32::from(expected.status != isa::Status::Halted);
        for engine in &mut engines {
            let outcome = engine.run_to_end(&program, &source.input).unwrap();
            let what = format!("seed {seed}, {}", name(engine.workers()));
            assert_eq!(expected.difference(&outcome), None, "{what}:\n{}", listing(&source));
        }
    }
    assert!(trapped > 0 || std::env::var_os("SYSTOLE_SEEDS").is_some());
}

/// Tiles of constants that are loaded, overwritten in part and loaded again, between products of them.
fn changing_weights(seed: u64) -> Source {
    let mut rng = Rng::new(seed);
    let region = |rng: &mut Rng| if rng.one_in(4) { Subtree::Input } else { Subtree::Const } as u8;
    let mut text = Vec::new();
    for _ in 0..100 {
        let [at, rows, from] = [96, 64, 200].map(|most| rng.below(most) as u32);
        let to = Operand::new(at, if rng.one_in(8) { 2 } else { 1 }, 0);
        let instr: Instr = match rng.below(6) {
            0 | 1 => {
                let m = Wide::new(from, if rng.one_in(8) { 3 } else { 1 }, 0);
                Load { lp: Loop::new(1 + rows as u16, 1), d: to, m, region: region(&mut rng), space: false }.into()
            }
            2 => {
                let lp = Loop::new(1 + rng.below(3) as u16, 1);
                isa::Fill { lp, d: to, imm: rng.below(256) as u32, space: false }.into()
            }
            _ => Matmul {
                lp: Loop::new(1 + rng.below(8) as u16, 1),
                d: Operand::new(rng.below(8) as u32, 1, 0),
                a: Operand::new(224 + rng.below(16) as u32, 1, 0),
                w_base: 32 * rng.below(4) as u32,
                w_sk: 32,
                kt: 1 + rng.below(2) as u16,
                n: 32,
                k: if rng.one_in(4) { 9 } else { 32 },
                acc: rng.one_in(3),
                tr: rng.one_in(4),
                ..Matmul::default()
            }
            .into(),
        };
        text.push(instr);
    }
    let lp = Loop::new(16, 1);
    let [d, m] = [Operand::new(0, 1, 0), Operand::new(224, 1, 0)];
    let input = Load { lp, d: m, m: Wide::new(0, 1, 0), region: Subtree::Input as u8, space: false };
    let output = Store { lp, d, m: Wide::new(0, 4, 0), region: Subtree::Output as u8, space: true };
    text.insert(0, input.into());
    text.extend([Instr::from(output), Halt {}.into()]);
    let profile = Profile { limit: 1 << 20, text: 7, constant: 9, input: 9, work: 0, output: 6, spad: 8, acc: 4 };
    Source {
        profile,
        text: text.iter().map(Instr::encode).collect(),
        constant: bytes(&mut rng, 512),
        input: bytes(&mut rng, 512),
        ..Source::default()
    }
}

#[test]
fn weights_that_change_are_never_those_of_before() {
    for seed in 0..300 {
        let source = changing_weights(seed);
        let program = common::program(&source);
        let expected = StepEngine.run_to_end(&program, &source.input).unwrap();
        assert_eq!(expected.status, isa::Status::Halted, "seed {seed}: {}", listing(&source));
        let image = Image::new(&program);
        for workers in common::fast().iter().map(FastEngine::workers) {
            let mut machine = FastMachine::new(image.clone(), &source.input[..], workers.clone());
            for run in 0..2 {
                machine.run_until(u64::MAX).unwrap();
                assert!(machine.output() == expected.output, "seed {seed}, {}, run {run}", name(workers));
                machine.reset(&source.input[..]);
            }
        }
    }
}
