//! The units alone, many instructions in flight, between a memory and banks that let them wait by chance.

use std::collections::VecDeque;

use isa::digest::Digest;
use isa::random::Rng;
use isa::{Leaf, Subtree};
use rust_hdl::prelude::*;

use super::load::Load;
use super::store::Store;
use crate::operation::Operation;
use crate::prims::Kind;

const INSTRUCTIONS: usize = 40;
const SPAD_ROWS: usize = 512;
const ACC_ROWS: usize = 64;
/// Where the region begins in memory.
const REGION_BASE: u32 = 0x1000;
/// Indices of `GATHER` are in spad from this row on.
const INDEX_ROW: usize = 400;
const CYCLES: usize = 60_000;

type Row32 = [Leaf; 4];

fn bits(leaf: &Leaf) -> Bits<256> {
    num_bigint::BigUint::from_bytes_le(leaf).into()
}

fn leaf(bits: Bits<256>) -> Leaf {
    std::array::from_fn(|byte| bits.get_bits::<8>(8 * byte).to_u8())
}

/// A row32 in lane order: word `j` of leaf `r` is lane `r + 4j`.
fn lanes(row: &Row32) -> Bits<1024> {
    let mut out = Bits::<1024>::default();
    for lane in 0..32 {
        for byte in 0..4 {
            out.set_bits::<8>(32 * lane + 8 * byte, u64::from(row[lane % 4][4 * (lane / 4) + 3 - byte]).into());
        }
    }
    out
}

fn words(bits: Bits<1024>) -> Row32 {
    let mut row = [[0; 32]; 4];
    for lane in 0..32 {
        for byte in 0..4 {
            row[lane % 4][4 * (lane / 4) + 3 - byte] = bits.get_bits::<8>(32 * lane + 8 * byte).to_u8();
        }
    }
    row
}

/// What memory holds at first.
fn initial(row: u32) -> Leaf {
    std::array::from_fn(|byte| (row.wrapping_mul(2_654_435_761).rotate_left(byte as u32) >> 7) as u8)
}

fn low(clock: &mut Signal<In, Clock>) {
    clock.next = Clock { clk: false };
}

fn high(clock: &mut Signal<In, Clock>) {
    clock.next = Clock { clk: true };
}

/// The loop of an instruction: (inner, outer) in the order of execution.
fn places(op: &Operation) -> Vec<(u32, u32)> {
    let (n0, n1) = (op.n0.to_u32(), op.n1.to_u32());
    (0..n1).flat_map(|i1| (0..n0).map(move |i0| (i0, i1))).collect()
}

fn on_chip(op: &Operation, (i0, i1): (u32, u32)) -> usize {
    let at = op.d_base.to_u32() + i0 * op.d_s0.to_u32() + i1 * op.d_s1.to_u32();
    (at & 0xf_ffff) as usize
}

fn in_dram(op: &Operation, (i0, i1): (u32, u32)) -> u32 {
    let inner = i0.wrapping_mul(op.a_s0.to_u32());
    op.a_base.to_u32().wrapping_add(inner).wrapping_add(i1.wrapping_mul(op.a_s1.to_u32()))
}

/// A loop whose rows follow one another now and then; strides may be negative in DRAM.
fn transfer(rng: &mut Rng, kind: Kind) -> Operation {
    let space = kind != Kind::Gather && rng.one_in(3);
    let unit = if space { 4 } else { 1 };
    let (n0, n1) = if rng.one_in(3) {
        (1 + rng.below(if space { 12 } else { 50 }), 1)
    } else {
        (1 + rng.below(9), 1 + rng.below(3))
    };
    let s0 = match rng.below(4) {
        0 => (8 * unit) as u32,
        1 => (unit as u32).wrapping_neg(),
        _ => unit as u32,
    };
    Operation {
        kind,
        n0: n0.into(),
        n1: n1.into(),
        d_base: rng.below(16).into(),
        d_s0: 1.into(),
        d_s1: n0.into(),
        a_base: (2000 + rng.below(400) * unit).into(),
        a_s0: u64::from(s0).into(),
        a_s1: (rng.below(200) * unit).into(),
        p_base: (INDEX_ROW as u64).into(),
        limit: rng.below(40).into(),
        region: (Subtree::Work as u64).into(),
        region_base: u64::from(REGION_BASE).into(),
        space,
        offset: rng.below(8).into(),
        value: (rng.bits() & 0xffff_ffff).into(),
        imm: rng.below(1000).into(),
        ..Operation::default()
    }
}

/// The banks as the unit and as the program see them.
struct Banks {
    spad: Vec<Leaf>,
    acc: Vec<Row32>,
}

impl Banks {
    fn new(rng: &mut Rng) -> Banks {
        let spad = (0..SPAD_ROWS).map(|_| rng.leaf()).collect();
        Banks { spad, acc: (0..ACC_ROWS).map(|_| std::array::from_fn(|_| rng.leaf())).collect() }
    }

    fn index(&self, entry: u32) -> u32 {
        let row = self.spad[INDEX_ROW + entry as usize / 8];
        let at = 4 * (entry as usize % 8);
        u32::from_be_bytes(row[at..at + 4].try_into().unwrap())
    }

    fn load(&mut self, op: &Operation) {
        for place in places(op) {
            let mut from = REGION_BASE.wrapping_add(in_dram(op, place));
            if op.kind == Kind::Gather {
                let index = self.index(place.0).min(op.limit.to_u32());
                let by = in_dram(op, (0, place.1)).wrapping_add(index.wrapping_mul(op.a_s0.to_u32()));
                from = REGION_BASE.wrapping_add(by);
            }
            if op.space {
                self.acc[on_chip(op, place)] = std::array::from_fn(|leaf| initial(from + leaf as u32));
            } else {
                self.spad[on_chip(op, place)] = initial(from);
            }
        }
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "one cycle after another")]
fn load_puts_every_row_where_it_belongs() {
    for (seed, patience) in [(1, 1), (2, 2), (3, 5)] {
        let mut rng = Rng::new(seed);
        let kinds = [Kind::Load, Kind::Load, Kind::Gather];
        let mut draw = || {
            let kind = kinds[rng.below(3) as usize];
            transfer(&mut rng, kind)
        };
        let program: Vec<_> = (0..INSTRUCTIONS).map(|_| draw()).collect();
        let mut have = Banks::new(&mut rng);
        // Small indices, mostly.
        for row in &mut have.spad[INDEX_ROW..] {
            row.chunks_mut(4).for_each(|word| word[..if seed == 3 { 1 } else { 3 }].fill(0));
        }
        let mut want = Banks { spad: have.spad.clone(), acc: have.acc.clone() };
        let mut it = Box::new(Load::default());
        it.connect_all();
        let (mut taken, mut retired, mut overlapped) = (0, 0, false);
        let mut requests: VecDeque<u32> = VecDeque::new();
        let mut data: Option<Leaf> = None;
        for cycle in 0.. {
            assert!(cycle < CYCLES, "hangs after {retired} of {INSTRUCTIONS}");
            it.ready.next = taken < INSTRUCTIONS;
            it.op.next = program.get(taken).copied().unwrap_or_default();
            it.load_ready.next = rng.one_in(patience) && requests.len() < 300;
            it.data_valid.next = !requests.is_empty() && rng.one_in(patience);
            it.data.next = match requests.front() {
                Some(&row) if it.data_valid.next => bits(&initial(row)),
                _ => bits(&rng.leaf()),
            };
            it.spad_data.next = bits(&data.take().unwrap_or_else(|| rng.leaf()));
            (it.spad_grant.next, it.acc_write_grant.next) = (rng.one_in(patience), rng.one_in(patience));
            low(&mut it.clock);
            assert!(simulate(it.as_mut(), 50));
            it.load_ready.next &= it.load_valid.val();
            it.spad_grant.next &= it.spad_read.val();
            it.acc_write_grant.next &= it.acc_write.val();
            assert!(simulate(it.as_mut(), 50));
            assert_eq!(it.state.val() != 0, taken > retired, "holds an instruction");
            if it.load_ready.val() {
                let rows = it.load_rows.val().to_u32();
                assert!((1..=32).contains(&rows));
                requests.extend((0..rows).map(|i| it.load_row.val().to_u32().wrapping_add(i)));
            }
            if it.data_valid.val() && it.data_ready.val() {
                requests.pop_front();
            }
            if it.spad_write.val() {
                have.spad[it.spad_write_address.val().index()] = leaf(it.spad_write_data.val());
            }
            if it.acc_write.val() && it.acc_write_grant.val() {
                have.acc[it.acc_write_address.val().index()] = words(it.acc_write_data.val());
            }
            if it.spad_grant.val() {
                data = Some(have.spad[it.spad_address.val().index()]);
            }
            if it.retire.val() {
                want.load(&program[retired]);
                retired += 1;
                overlapped |= taken > retired;
                if taken == retired {
                    assert!(have.spad == want.spad && have.acc == want.acc, "after {retired}");
                }
            }
            taken += usize::from(it.take.val());
            if retired == INSTRUCTIONS {
                break;
            }
            high(&mut it.clock);
            assert!(simulate(it.as_mut(), 50));
        }
        assert!(have.spad == want.spad && have.acc == want.acc);
        assert!(overlapped && requests.is_empty());
    }
}

/// Memory as the store unit sees it.
#[derive(Default)]
struct Dram {
    rows: std::collections::BTreeMap<u32, Leaf>,
    /// Requests whose rows have not all come: first row, rows; and those that have: the rows.
    open: VecDeque<(u32, u32)>,
    whole: VecDeque<Vec<(u32, Leaf)>>,
    coming: Vec<(u32, Leaf)>,
}

impl Dram {
    fn row(&self, row: u32) -> Leaf {
        self.rows.get(&row).copied().unwrap_or_else(|| initial(row))
    }

    fn arrive(&mut self, leaf: Leaf) {
        let (row, rows) = self.open.front_mut().expect("a row without a request");
        self.coming.push((*row, leaf));
        *row += 1;
        *rows -= 1;
        if *rows == 0 {
            self.open.pop_front();
            self.whole.push_back(std::mem::take(&mut self.coming));
        }
    }
}

/// What a program of stores does, in order; the digest at each mark.
fn stores(program: &[Operation], banks: &Banks) -> (Dram, Vec<u32>, Vec<u64>, u64) {
    let (mut dram, mut loaded, mut marks, mut digest) = (Dram::default(), Vec::new(), Vec::new(), Digest::default());
    let put = |dram: &mut Dram, digest: &mut Digest, row: u32, leaf: Leaf| {
        dram.rows.insert(REGION_BASE.wrapping_add(row), leaf);
        digest.row(Subtree::Work, row, &leaf);
    };
    for op in program {
        let at = 4 * op.offset.index();
        let row = op.a_base.to_u32();
        let held = dram.row(REGION_BASE + row);
        match op.kind {
            Kind::Mark => marks.push(digest.0),
            Kind::Lw => loaded.push(u32::from_be_bytes(held[at..at + 4].try_into().unwrap())),
            Kind::Sw => {
                let mut changed = held;
                changed[at..at + 4].copy_from_slice(&op.value.to_u32().to_be_bytes());
                put(&mut dram, &mut digest, row, changed);
            }
            _ => {
                for place in places(op) {
                    let (from, to) = (on_chip(op, place), in_dram(op, place));
                    if op.space {
                        for (i, leaf) in banks.acc[from].iter().enumerate() {
                            put(&mut dram, &mut digest, to + i as u32, *leaf);
                        }
                    } else {
                        put(&mut dram, &mut digest, to, banks.spad[from]);
                    }
                }
            }
        }
    }
    (dram, loaded, marks, digest.0)
}

fn store_program(rng: &mut Rng) -> Vec<Operation> {
    let kinds = [Kind::Store, Kind::Store, Kind::Store, Kind::Sw, Kind::Lw, Kind::Mark];
    let mut draw = || {
        let kind = kinds[rng.below(6) as usize];
        let mut op = transfer(rng, kind);
        if kind != Kind::Store {
            (op.n0, op.n1, op.space) = (1.into(), 1.into(), false);
            (op.a_s0, op.a_s1) = (0.into(), 0.into());
        }
        op
    };
    (0..INSTRUCTIONS).map(|_| draw()).collect()
}

#[test]
#[allow(clippy::too_many_lines, reason = "one cycle after another")]
fn store_writes_every_row_in_order() {
    for (seed, patience) in [(1, 1), (2, 2), (3, 5)] {
        let mut rng = Rng::new(seed);
        let program = store_program(&mut rng);
        let banks = Banks::new(&mut rng);
        let (want, want_words, want_marks, want_digest) = stores(&program, &banks);
        let (mut words_loaded, mut marks) = (Vec::new(), Vec::new());
        let mut dram = Dram::default();
        let mut it = Box::new(Store::default());
        it.connect_all();
        let (mut taken, mut retired, mut overlapped) = (0, 0, false);
        let mut asked: Option<u32> = None;
        let (mut spad, mut acc): (Option<Leaf>, Option<Row32>) = (None, None);
        for cycle in 0.. {
            assert!(cycle < CYCLES, "hangs after {retired} of {INSTRUCTIONS}");
            it.ready.next = taken < INSTRUCTIONS;
            it.op.next = program.get(taken).copied().unwrap_or_default();
            it.word_ready.next = rng.one_in(patience);
            it.data_valid.next = asked.is_some() && rng.one_in(patience);
            it.data.next = match asked {
                Some(row) if it.data_valid.next => bits(&dram.row(row)),
                _ => bits(&rng.leaf()),
            };
            it.write_ready.next = rng.one_in(patience);
            it.row_ready.next = rng.one_in(patience);
            it.mark_ready.next = rng.one_in(patience);
            it.written.next = !dram.whole.is_empty() && rng.one_in(patience * 4);
            it.spad_data.next = bits(&spad.take().unwrap_or_else(|| rng.leaf()));
            it.acc_data.next = lanes(&acc.take().unwrap_or_else(|| std::array::from_fn(|_| rng.leaf())));
            (it.spad_grant.next, it.acc_grant.next) = (rng.one_in(patience), rng.one_in(patience));
            low(&mut it.clock);
            assert!(simulate(it.as_mut(), 50));
            it.word_ready.next &= it.word_valid.val();
            it.write_ready.next &= it.write_valid.val();
            it.spad_grant.next &= it.spad_read.val();
            it.acc_grant.next &= it.acc_read.val();
            assert!(simulate(it.as_mut(), 50));
            assert_eq!(it.state.val() != 0, taken > retired, "holds an instruction");
            if it.retire.val() {
                if program[retired].kind == Kind::Lw {
                    words_loaded.push(it.word.val().to_u32());
                }
                retired += 1;
                overlapped |= taken > retired;
            }
            if it.mark_valid.val() && it.mark_ready.val() {
                assert_eq!(it.mark_id.val(), program[taken].imm);
                marks.push(it.digest.val().to_u64());
            }
            if it.data_valid.val() {
                asked = None;
            }
            if it.word_ready.val() {
                asked = Some(it.word_row.val().to_u32());
            }
            if it.row_valid.val() && it.row_ready.val() {
                dram.arrive(leaf(it.row.val()));
            }
            if it.written.val() {
                dram.rows.extend(dram.whole.pop_front().unwrap());
            }
            if it.write_ready.val() {
                let rows = it.write_rows.val().to_u32();
                assert!((1..=32).contains(&rows));
                dram.open.push_back((it.write_row.val().to_u32(), rows));
            }
            if it.spad_grant.val() {
                spad = Some(banks.spad[it.spad_address.val().index()]);
            }
            if it.acc_grant.val() {
                acc = Some(banks.acc[it.acc_address.val().index()]);
            }
            taken += usize::from(it.take.val());
            if retired == INSTRUCTIONS {
                break;
            }
            high(&mut it.clock);
            assert!(simulate(it.as_mut(), 50));
        }
        assert!(dram.open.is_empty() && dram.whole.is_empty() && overlapped);
        assert_eq!((words_loaded, marks), (want_words, want_marks));
        assert_eq!(it.digest.val().to_u64(), want_digest);
        assert!(dram.rows == want.rows);
    }
}
