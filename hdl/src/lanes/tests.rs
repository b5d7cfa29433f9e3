//! The unit alone, on memories that deny at random: random instructions, each offered while the ones before are in the
//! pipe, against `isa::step`; and the cycles that instructions take.

use isa::random::{Rng, case_of};
use isa::{Group, Instr, Leaf, Memory, Region, Regs, Stepped, Subtree, counts, spec, step};
use rust_hdl::prelude::*;

use super::Lanes;
use crate::encoding::*;
use crate::equivalence::{Trace, Value, compare, digits};
use crate::operation::Operation;
use crate::params::Params;
use crate::prims::Kind;

const ACC: u64 = 16;
const SPAD: u64 = 128;

fn is_lanes(instr: &Instr) -> bool {
    matches!(spec(instr.opcode()).group, Group::Vector32 | Group::Vector8 | Group::Choose)
}

/// The bits of a field.
fn bits(leaf: &Leaf, field: Bitfield) -> u64 {
    (0..field.width).fold(0, |value, bit| {
        let at = field.lsb as usize + bit;
        value | u64::from(leaf[31 - at / 8] >> (at % 8) & 1) << bit
    })
}

/// What the front end would offer.
fn operation(instr: &Instr, regs: &Regs) -> Operation {
    let leaf = instr.encode();
    let counts = counts(instr, regs);
    let value = |field| bits(&leaf, field);
    let start = |base, reg| value(base) + u64::from(regs.x[value(reg) as usize]);
    let stride = |field| i64::from(value(field) as i16) as u64;
    let (bits20, bits32) =
        (|value: u64| Bits::<20>::from(value & 0xf_ffff), |value: u64| Bits::<32>::from(value & 0xffff_ffff));
    let taps = matches!(instr, Instr::Maxq(_));
    Operation {
        kind: Kind::of(instr.opcode()),
        value: u64::from(regs.x[value(RV) as usize]).into(),
        n0: u64::from(counts.n0).into(),
        n1: u64::from(counts.n1).into(),
        kt: u64::from(counts.kt).into(),
        n: u64::from(counts.n).into(),
        d_base: bits20(start(D_BASE, D_REG)),
        d_s0: bits20(stride(D_S0)),
        d_s1: bits20(stride(D_S1)),
        a_base: bits32(start(A_BASE, A_REG)),
        a_s0: bits32(stride(A_S0)),
        a_s1: bits32(stride(A_S1)),
        a_sk: bits32(if taps { stride(A_SK) } else { 0 }),
        b_base: bits32(start(B_BASE, B_REG)),
        b_s0: bits32(stride(B_S0)),
        b_s1: bits32(stride(B_S1)),
        p_base: bits20(start(P_BASE, P_REG)),
        accumulate: value(ACC_FLAG) == 1,
        form: value(FORM).into(),
        shift: value(SHIFT).into(),
        zp: value(ZP).into(),
        lo: value(LO).into(),
        hi: value(HI).into(),
        ..Operation::default()
    }
}

const ACC_FLAG: Bitfield = crate::encoding::ACC;

/// Instructions for the unit, and on-chip memory before and after them.
struct Case {
    /// With what `ARGMAX` leaves: its index and its value, if it found any.
    operations: Vec<(Operation, Option<[u32; 2]>)>,
    before: Region,
    after: Region,
}

/// Vector instructions of a random program, with scalars between them; loads come before them.
fn case(seed: u64) -> Case {
    let has = |instr: &Instr| is_lanes(instr) || matches!(instr, Instr::Li(_) | Instr::Add(_) | Instr::Mark(_));
    let case = case_of(seed, 60, has);
    let mut head = [isa::ZERO; 4];
    head[1] = case.profile.to_leaf();
    run(Memory::new(&head, &case.text, &case.constant, &case.input))
}

fn run(mut memory: Memory) -> Case {
    let onchip = |memory: &Memory| memory.tree(Subtree::Onchip).clone();
    let (mut operations, mut before) = (Vec::new(), onchip(&memory));
    loop {
        let (regs, now) = (memory.regs(), onchip(&memory));
        let word = memory.tree(Subtree::Text).get(regs.pc.into());
        if regs.row == 0 && operations.is_empty() {
            before = now.clone();
        }
        match step(&mut memory) {
            Ok(Stepped::Ran { instr, .. }) => {
                if regs.row == 0 && is_lanes(&instr) {
                    operations.push((operation(&instr, &regs), None));
                }
                if matches!(instr, Instr::Argmax(_)) {
                    let (x, rd, rv) = (memory.regs().x, bits(&word, RD) as usize, bits(&word, RV) as usize);
                    operations.last_mut().unwrap().1 = Some([x[rd], x[rv]]);
                }
            }
            Ok(_) => return Case { operations, before, after: now },
        }
    }
}

/// A row of acc from leaves of on-chip memory, whose depth puts acc at half of it.
fn acc_row(region: &Region, row: u64) -> Bits<1024> {
    let mut bits = Bits::<1024>::default();
    let base = SPAD + 4 * row;
    for lane in 0..32u64 {
        let leaf = region.get(base + lane % 4);
        let at = (lane / 4 * 4) as usize;
        let value = u32::from_be_bytes(leaf[at..at + 4].try_into().unwrap());
        bits.set_bits::<32>(32 * lane as usize, u64::from(value).into());
    }
    bits
}

fn spad_row(region: &Region, row: u64) -> Bits<256> {
    let mut bits = Bits::<256>::default();
    for (lane, byte) in region.get(row).into_iter().enumerate() {
        bits.set_bits::<8>(8 * lane, u64::from(byte).into());
    }
    bits
}

/// The unit with its memories.
struct Bench {
    it: Box<Lanes>,
    rng: Rng,
    spad: Vec<Bits<256>>,
    acc: Vec<Bits<1024>>,
    trace: Trace,
    cycles: u64,
}

impl Bench {
    fn new(lanes: usize, name: &str, seed: u64) -> Bench {
        let params = Params { vector_lanes: lanes, ..Params::target("p8").unwrap() };
        let mut it = Box::new(Lanes::new(&params));
        it.connect_all();
        let port = |name: &str, width: usize| (name.to_owned(), width);
        let trace = Trace {
            clocked: true,
            name: name.into(),
            verilog: crate::equivalence::verilog(it.as_ref(), name),
            inputs: vec![
                port("ready", 1),
                port("op", Atom::bits(&it.op)),
                port("spad_grant", 1),
                port("acc_grant", 1),
                port("spad_write_grant", 1),
                port("acc_write_grant", 1),
                port("spad_data", 256),
                port("acc_data", 1024),
            ],
            outputs: vec![
                port("take", 1),
                port("retire", 1),
                port("state", 3),
                port("spad_read", 1),
                port("spad_address", 20),
                port("acc_read", 1),
                port("acc_address", 20),
                port("spad_write", 1),
                port("acc_write", 1),
                port("write_address", 20),
                port("write_row8", 256),
                port("write_row32", 1024),
                port("found", 1),
                port("best", 32),
                port("index", 32),
            ],
            cycles: Vec::new(),
        };
        Bench { it, rng: Rng::new(seed), spad: Vec::new(), acc: Vec::new(), trace, cycles: 0 }
    }

    fn clock(&mut self, high: bool) {
        self.it.clock.next = Clock { clk: high };
        assert!(simulate(self.it.as_mut(), 50));
    }

    /// One cycle; denies one request in `denies`, if that is not 0. Tells whether it took and whether it retired.
    fn cycle(&mut self, offered: Option<Operation>, denies: u64) -> (bool, bool) {
        self.cycles += 1;
        self.it.ready.next = offered.is_some();
        self.it.op.next = offered.unwrap_or_default();
        let mut grant = || denies == 0 || !self.rng.one_in(denies);
        self.it.spad_grant.next = grant();
        self.it.acc_grant.next = grant();
        self.it.spad_write_grant.next = grant();
        self.it.acc_write_grant.next = grant();
        let inputs = vec![
            digits(self.it.ready.next),
            digits(self.it.op.next),
            digits(self.it.spad_grant.next),
            digits(self.it.acc_grant.next),
            digits(self.it.spad_write_grant.next),
            digits(self.it.acc_write_grant.next),
            digits(self.it.spad_data.next),
            digits(self.it.acc_data.next),
        ];
        self.clock(false);
        let it = &self.it;
        let events = (it.take.val(), it.retire.val());
        let spad = (it.spad_read.val() & it.spad_grant.val()).then(|| self.spad[it.spad_address.val().index()]);
        let acc = (it.acc_read.val() & it.acc_grant.val()).then(|| self.acc[it.acc_address.val().index()]);
        let at = it.write_address.val().index();
        if it.spad_write.val() & it.spad_write_grant.val() {
            self.spad[at] = it.write_row8.val();
        }
        if it.acc_write.val() & it.acc_write_grant.val() {
            self.acc[at] = it.write_row32.val();
        }
        self.clock(true);
        let it = &self.it;
        let outputs = vec![
            digits(it.take.val()),
            digits(it.retire.val()),
            digits(it.state.val()),
            digits(it.spad_read.val()),
            digits(it.spad_address.val()),
            digits(it.acc_read.val()),
            digits(it.acc_address.val()),
            digits(it.spad_write.val()),
            digits(it.acc_write.val()),
            digits(it.write_address.val()),
            digits(it.write_row8.val()),
            digits(it.write_row32.val()),
            digits(it.found.val()),
            digits(it.best.val()),
            digits(it.index.val()),
        ];
        self.trace.cycles.push((inputs, outputs));
        // Data are there for one cycle, then anything.
        self.it.spad_data.next = spad.unwrap_or_else(|| Bits::random(&mut self.rng));
        self.it.acc_data.next = acc.unwrap_or_else(|| Bits::random(&mut self.rng));
        events
    }

    /// Cycles from the first offer to the last retirement.
    fn play(&mut self, operations: &[(Operation, Option<[u32; 2]>)], denies: u64) -> u64 {
        let (from, mut taken, mut retired) = (self.cycles, 0, 0);
        let mut alone: Option<[u32; 2]> = None;
        while retired < operations.len() {
            let late = denies != 0 && self.rng.one_in(8);
            let next = operations.get(taken).filter(|_| alone.is_none() && !late);
            let (takes, retires) = self.cycle(next.map(|next| next.0), denies);
            retired += usize::from(retires);
            if retired == taken
                && let Some([index, best]) = alone.take()
            {
                let found: bool = self.it.found.val();
                let have = (self.it.index.val().to_u32(), self.it.best.val().to_u32());
                assert!(!found || have == (index, best), "ARGMAX left {have:?}, not {:?}", (index, best));
                assert!(found || operations[taken - 1].0.accumulate, "ARGMAX found nothing");
            }
            if takes {
                alone = operations[taken].1;
                taken += 1;
            }
            assert!(self.cycles - from < 200_000, "hangs after {retired} instructions: {:?}", operations[retired].0);
        }
        self.cycles - from
    }

    /// Plays a case and compares both memories.
    fn check(&mut self, case: &Case, denies: u64) {
        self.spad = (0..SPAD).map(|row| spad_row(&case.before, row)).collect();
        self.acc = (0..ACC).map(|row| acc_row(&case.before, row)).collect();
        self.play(&case.operations, denies);
        for row in 0..SPAD {
            assert_eq!(self.spad[row as usize], spad_row(&case.after, row), "spad {row} of {:?}", case.kinds());
        }
        for row in 0..ACC {
            assert_eq!(self.acc[row as usize], acc_row(&case.after, row), "acc {row} of {:?}", case.kinds());
        }
    }
}

impl Case {
    fn kinds(&self) -> Vec<Kind> {
        self.operations.iter().map(|operation| operation.0.kind).collect()
    }
}

#[test]
fn streams_equal_the_reference_and_the_verilog() {
    let (mut traces, mut played) = (Vec::new(), std::collections::BTreeMap::new());
    for (lanes, name) in [(32, "lanes32"), (16, "lanes16"), (8, "lanes8"), (1, "lanes1")] {
        let mut bench = Bench::new(lanes, name, lanes as u64);
        for seed in 0..if lanes == 1 { 3 } else { 12 } {
            let case = case(seed + 100 * lanes as u64);
            bench.check(&case, [0, 3, 2, 9][seed as usize % 4]);
            case.kinds().into_iter().for_each(|kind| *played.entry(kind as u8).or_insert(0) += 1);
        }
        // Two of them: building a unit in C++ takes its time.
        if matches!(lanes, 8 | 32) {
            traces.push(bench.trace);
        }
    }
    assert!(played.len() == 18 && played.values().all(|&times| times > 5), "{played:?}");
    compare(&traces, &["DECLFILENAME", "UNUSEDSIGNAL", "UNUSEDPARAM", "WIDTH"]);
}

/// So many rows from 0 on, from rows 32 and 64 on; blocks lie at 96.
fn rows(kind: Kind, form: u8, rows: u64) -> Operation {
    let block = matches!(kind, Kind::Requant | Kind::Lut | Kind::Lut32);
    Operation {
        kind,
        n0: rows.into(),
        n1: 1.into(),
        kt: if kind == Kind::Maxq { 3.into() } else { 1.into() },
        n: 32.into(),
        d_s0: 1.into(),
        a_base: 32.into(),
        a_s0: if kind == Kind::Trans { 0.into() } else { 1.into() },
        a_sk: 1.into(),
        b_base: if block { 96.into() } else { 64.into() },
        b_s0: if block { 0.into() } else { 1.into() },
        p_base: 100.into(),
        form: u64::from(form).into(),
        ..Operation::default()
    }
}

/// Cycles from the offer to the last retirement of these, without denials.
fn cycles(lanes: usize, operations: &[Operation]) -> u64 {
    let mut bench = Bench::new(lanes, "cycles", 1);
    bench.spad = vec![Bits::default(); SPAD as usize];
    bench.acc = vec![Bits::default(); SPAD as usize];
    let operations: Vec<_> = operations.iter().map(|operation| (*operation, None)).collect();
    bench.play(&operations, 0)
}

#[test]
fn rows_follow_each_other_without_gaps() {
    use isa::form::{ADDRESS, LANE0, ROW8, ROW32};
    // Of one row, and of each row more, with 16 lanes and with 32.
    let shapes = [
        (Kind::Vadd, ROW32, (9, 2), (8, 2)),
        (Kind::Vmulr, LANE0, (9, 2), (8, 2)),
        (Kind::Vadd, ROW8, (8, 2), (7, 1)),
        (Kind::Vadd, ADDRESS, (8, 2), (7, 1)),
        (Kind::Vclz, ROW32, (8, 2), (7, 1)),
        (Kind::Vsel, ROW32, (10, 3), (9, 3)),
        (Kind::Vsel, ADDRESS, (9, 2), (8, 2)),
        (Kind::Vsum, ROW32, (7, 1), (7, 1)),
        (Kind::Argmax, ROW32, (7, 1), (7, 1)),
        (Kind::Requant, ROW32, (16, 2), (15, 1)),
        (Kind::Lut, ROW32, (16, 2), (15, 1)),
        (Kind::Lut32, ROW32, (40, 2), (39, 1)),
        (Kind::Addq, ROW32, (10, 2), (9, 2)),
        (Kind::Trans, ROW32, (37, 1), (37, 1)),
        (Kind::Maxq, ROW32, (6, 3), (6, 3)),
    ];
    for (kind, form, sixteen, thirty_two) in shapes {
        for (lanes, (first, more)) in [(16, sixteen), (32, thirty_two)] {
            let have = [1, 21].map(|count| cycles(lanes, &[rows(kind, form, count)]));
            assert_eq!(have, [first, first + 20 * more], "{kind:?}, form {form}, {lanes} lanes");
        }
    }
}

#[test]
fn instructions_follow_each_other_without_gaps() {
    let one = rows(Kind::Vclz, 0, 10);
    let apart = Operation { d_base: 100.into(), ..one };
    let behind = Operation { a_base: 0.into(), d_base: 100.into(), ..one };
    let alone = cycles(16, &[one]);
    assert_eq!(cycles(16, &[one, apart, one, apart]), alone + 3 * 20, "independent ones cost their rows");
    assert_eq!(cycles(16, &[one, behind]), alone + 20, "the first rows are long written");
    let short = Operation { n0: 1.into(), ..one };
    let next = Operation { n0: 1.into(), ..behind };
    assert_eq!(cycles(16, &[short, next]), cycles(16, &[short]) + 7, "a row waits for the one before");
}
