//! The unit between memories that deny and a queue that hesitates; and what its instructions cost.

use std::collections::BTreeMap;

use isa::random::Rng;
use rust_hdl::prelude::*;

use super::Array;
use crate::equivalence::Value;
use crate::operation::Operation;
use crate::params::{Params, TARGETS};

const SPAD_ROWS: u32 = 256;
/// More cycles than any of these instructions takes.
const HANG_CYCLES: usize = 20_000;

/// Memories as the unit sees them; addresses of spad wrap.
#[derive(Clone)]
struct Memory {
    spad: Vec<[i8; 32]>,
    acc: BTreeMap<u32, [i32; 32]>,
}

impl Memory {
    fn random(rng: &mut Rng) -> Memory {
        let row = |rng: &mut Rng| {
            let leaf = rng.leaf();
            if rng.one_in(6) { [i8::MIN; 32] } else { leaf.map(u8::cast_signed) }
        };
        Memory { spad: (0..SPAD_ROWS).map(|_| row(rng)).collect(), acc: BTreeMap::new() }
    }

    fn spad(&self, address: u32) -> &[i8; 32] {
        &self.spad[(address % SPAD_ROWS) as usize]
    }

    fn acc(&self, address: u32) -> [i32; 32] {
        self.acc
            .get(&address)
            .copied()
            .unwrap_or_else(|| std::array::from_fn(|lane| (address * 77) as i32 - lane as i32))
    }

    /// The instruction at once, as `isa` means it.
    fn execute(&mut self, op: &Operation) {
        let number = |bits: Bits<32>| bits.to_u32();
        let near = |bits: Bits<20>| (bits.to_u32() << 12).cast_signed() >> 12;
        let (n0, n1, kt) = (op.n0.to_u16(), op.n1.to_u16(), op.kt.to_u16());
        for (i1, i0, t) in (0..n1).flat_map(|i1| (0..n0).flat_map(move |i0| (0..kt).map(move |t| (i1, i0, t)))) {
            let (i1, i0, t) = (u32::from(i1), u32::from(i0), u32::from(t));
            let at = |base: u32, s0: u32, s1: u32, sk: u32| {
                let rest = s0.wrapping_mul(i0).wrapping_add(s1.wrapping_mul(i1)).wrapping_add(sk.wrapping_mul(t));
                base.wrapping_add(rest)
            };
            let a = at(number(op.a_base), number(op.a_s0), number(op.a_s1), number(op.a_sk));
            let d = at(op.d_base.to_u32(), near(op.d_s0) as u32, near(op.d_s1) as u32, 0) & 0xf_ffff;
            let w = at(number(op.b_base), 0, 0, number(op.b_sk));
            let mut row = if op.accumulate || t > 0 { self.acc(d) } else { [0; 32] };
            for (j, sum) in row.iter_mut().enumerate().take(op.n.index()) {
                for i in 0..op.k.index() {
                    let (row, lane) = if op.transposed { (j, i) } else { (i, j) };
                    let weight = self.spad(w + row as u32)[lane];
                    *sum = sum.wrapping_add(i32::from(self.spad(a)[i]) * i32::from(weight));
                }
            }
            self.acc.insert(d, row);
        }
    }
}

fn row8(row: &[i8; 32]) -> Bits<256> {
    let mut bits = Bits::default();
    for (lane, byte) in row.iter().enumerate() {
        bits.set_bits::<8>(8 * lane, u64::from(byte.cast_unsigned()).into());
    }
    bits
}

fn row32(row: &[i32; 32]) -> Bits<1024> {
    let mut bits = Bits::default();
    for (lane, word) in row.iter().enumerate() {
        bits.set_bits::<32>(32 * lane, u64::from(word.cast_unsigned()).into());
    }
    bits
}

/// What the surroundings do in a cycle.
struct Weather {
    /// Chance, in eighths, that a read of spad is denied.
    denied: u64,
    /// Chance, in eighths, that an instruction that could be offered is not yet.
    late: u64,
}

const FAIR: Weather = Weather { denied: 0, late: 0 };

/// The cycles in which each instruction was taken and retired, and the sum of `macs`. Compares acc with the
/// reference whenever an instruction retires.
fn run(
    params: &Params,
    memory: &Memory,
    ops: &[Operation],
    weather: &Weather,
    rng: &mut Rng,
) -> (Vec<[usize; 2]>, u64) {
    let mut unit = Box::new(Array::new(params));
    unit.connect_all();
    let (mut real, mut expected) = (memory.clone(), memory.clone());
    let (mut taken, mut retired, mut macs, mut offered) = (Vec::new(), Vec::new(), 0, false);
    unit.weights_data.next = Bits::default();
    unit.activations_data.next = Bits::default();
    unit.acc_data.next = Bits::default();
    for cycle in 0.. {
        assert!(cycle < retired.last().unwrap_or(&0) + HANG_CYCLES, "{} of {} retired", retired.len(), ops.len());
        offered |= taken.len() < ops.len() && rng.below(8) >= weather.late;
        unit.ready.next = offered;
        unit.op.next = ops.get(taken.len()).filter(|_| offered).copied().unwrap_or_default();
        unit.weights_grant.next = rng.below(8) >= weather.denied;
        unit.activations_grant.next = rng.below(8) >= weather.denied;
        unit.clock.next = Clock { clk: false };
        assert!(simulate(unit.as_mut(), 50));

        let granted = |read: bool, grant: bool, address: Bits<20>| (read && grant).then(|| address.to_u32());
        let weights = granted(unit.weights_read.val(), unit.weights_grant.val(), unit.weights_address.val());
        let row = granted(unit.activations_read.val(), unit.activations_grant.val(), unit.activations_address.val());
        let sums = granted(unit.acc_read.val(), true, unit.acc_address.val());
        let sums = sums.map(|address| row32(&real.acc(address)));
        if unit.acc_write.val() {
            let data = unit.acc_write_data.val();
            let lanes = std::array::from_fn(|lane| data.get_bits::<32>(32 * lane).to_u32().cast_signed());
            real.acc.insert(unit.acc_write_address.val().to_u32(), lanes);
        }
        let idle = taken.len() == retired.len();
        macs += unit.macs.val().to_u64();
        if unit.take.val() {
            assert!(offered, "took what was not offered");
            taken.push(cycle);
            offered = false;
        }
        if unit.retire.val() {
            let op = &ops[retired.len()];
            expected.execute(op);
            retired.push(cycle);
            assert!(retired.len() <= taken.len());
            for (address, row) in &expected.acc {
                assert_eq!(real.acc(*address), *row, "row {address} after {} in cycle {cycle}: {op:?}", retired.len());
            }
            assert_eq!(real.acc.len(), expected.acc.len());
        }
        assert!(idle || unit.state.val() != Bits::<3>::from(0), "no state in cycle {cycle}");

        unit.clock.next = Clock { clk: true };
        assert!(simulate(unit.as_mut(), 50));
        unit.weights_data.next = weights.map_or_else(|| Bits::random(rng), |address| row8(real.spad(address)));
        unit.activations_data.next = row.map_or_else(|| Bits::random(rng), |address| row8(real.spad(address)));
        unit.acc_data.next = sums.unwrap_or_else(|| Bits::random(rng));
        if retired.len() == ops.len() {
            break;
        }
    }
    (taken.into_iter().zip(retired).map(|(taken, retired)| [taken, retired]).collect(), macs)
}

/// An instruction of few rows whose destination lies near those of others.
fn random_op(rng: &mut Rng) -> Operation {
    let count = |rng: &mut Rng| 1 + if rng.one_in(6) { rng.below(20) } else { rng.below(3) };
    let (n0, n1) = (count(rng), if rng.one_in(2) { 1 } else { 1 + rng.below(2) });
    let live = |rng: &mut Rng| if rng.one_in(2) { 32 } else { 1 + rng.below(32) };
    let step = 1 + rng.below(2);
    let near = |stride: u64, negative: bool| if negative { 0x10_0000 - stride } else { stride };
    let far = |rng: &mut Rng| u64::from((rng.below(9) as u32).wrapping_sub(4));
    Operation {
        n0: n0.into(),
        n1: n1.into(),
        kt: (1 + rng.below(2)).into(),
        n: live(rng).into(),
        k: live(rng).into(),
        d_base: (500 + rng.below(5)).into(),
        d_s0: near(step, rng.one_in(3)).into(),
        d_s1: near(step * n0, rng.one_in(3)).into(),
        a_base: (1000 + rng.below(200)).into(),
        a_s0: far(rng).into(),
        a_s1: far(rng).into(),
        a_sk: far(rng).into(),
        b_base: (32 * rng.below(8)).into(),
        b_sk: (32 * rng.below(8)).into(),
        accumulate: rng.one_in(2),
        transposed: rng.one_in(3),
        ..Operation::default()
    }
}

fn with_array(rows: usize, columns: usize) -> Params {
    Params { array_rows: rows, array_cols: columns, ..TARGETS[0].1 }
}

#[test]
fn products_in_any_weather() {
    for (rows, columns, instructions) in [(4, 8, 15), (8, 8, 30), (16, 16, 50), (32, 32, 60), (32, 4, 20)] {
        for (denied, late) in [(0, 0), (3, 0), (5, 7), (1, 2)] {
            let mut rng = Rng::new(denied);
            let memory = Memory::random(&mut rng);
            let ops: Vec<_> = (0..instructions).map(|_| random_op(&mut rng)).collect();
            let rows_of = |op: &Operation| op.n0.to_u64() * op.n1.to_u64() * op.kt.to_u64();
            let macs: u64 = ops.iter().map(|op| rows_of(op) * op.n.to_u64() * op.k.to_u64()).sum();
            let weather = Weather { denied, late };
            let (_, counted) = run(&with_array(rows, columns), &memory, &ops, &weather, &mut rng);
            assert_eq!(counted, macs, "{rows} x {columns}");
        }
    }
}

/// `rows` rows through `tiles` whole tiles.
fn whole(rows: u64, tiles: u64) -> Operation {
    Operation {
        n0: rows.into(),
        n1: 1.into(),
        kt: tiles.into(),
        n: 32.into(),
        k: 32.into(),
        d_s0: 1.into(),
        a_s0: 1.into(),
        a_sk: rows.into(),
        b_sk: 32.into(),
        ..Operation::default()
    }
}

/// From the first take to the last retirement of four of the same instruction, and between two retirements.
fn cost(params: &Params, op: Operation) -> [usize; 2] {
    let mut rng = Rng::new(1);
    let (times, _) = run(params, &Memory::random(&mut rng), &[op; 4], &FAIR, &mut rng);
    let between: Vec<_> = times.windows(2).map(|pair| pair[1][1] - pair[0][1]).collect();
    assert!(between.iter().all(|&cycles| cycles == between[0]), "{between:?}");
    [times[3][1] - times[0][0], between[0]]
}

#[test]
fn what_instructions_cost() {
    let p16 = with_array(16, 16);
    // The first weights take 16 cycles, a row then 7 to its end: 23 more than four times an instruction.
    assert_eq!(cost(&p16, whole(16, 1)), [279, 64]);
    assert_eq!(cost(&p16, whole(100, 3)), [4 * 1200 + 23, 1200]);
    assert_eq!(cost(&p16, Operation { transposed: true, ..whole(16, 2) }), [4 * 128 + 23, 128]);
    // Fewer rows than weights to load: the load is what it costs, whether or not the sums meet in acc.
    assert_eq!(cost(&p16, whole(1, 1))[1], 64);
    assert_eq!(cost(&p16, Operation { accumulate: true, ..whole(2, 4) })[1], 256);
    // Narrow products take the sub-arrays that they use.
    assert_eq!(cost(&p16, Operation { n: 16.into(), ..whole(40, 1) })[1], 80);
    assert_eq!(cost(&p16, Operation { k: 3.into(), n: 8.into(), ..whole(40, 1) })[1], 40);
    assert_eq!(cost(&with_array(8, 8), whole(10, 1))[1], 160);
    assert_eq!(cost(&with_array(4, 8), whole(1, 1))[1], 128);
    assert_eq!(cost(&with_array(32, 32), whole(32, 5))[1], 160);
    assert_eq!(cost(&with_array(32, 32), whole(64, 5))[1], 320);
}
