//! Kernels of the fast executor: `cargo bench -p sim`. Rows a second, or products a second, on one thread and on all.
#![allow(missing_docs, reason = "criterion's macros")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop at once")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use isa::program::{Metadata, Program};
use isa::random::Rng;
use isa::{
    Addq, Beq, Dwmac, Instr, Leaf, Load, Loop, Lut, Lut32, Matmul, Maxq, Operand, Profile, Requant, Store, Subtree,
    Trans, Vadd, Vmulr, Vsum, Wide,
};
use sim::fast::{FastMachine, Image, Workers};
use sim::workload::{FULL, REDUCED, Results, convolution, product};
use sim::{FastOptions, StepEngine};

const ROWS: u16 = 4096;

fn workers(threads: Option<usize>) -> Arc<Workers> {
    Workers::new(&FastOptions { threads, ..FastOptions::default() }).unwrap()
}

/// A machine that runs an instruction over and over, on random rows.
fn endless(instr: &Instr, threads: Option<usize>) -> FastMachine {
    let everything = Load {
        lp: Loop::new(1 << 14, 1),
        d: Operand::new(0, 1, 0),
        m: Wide::new(0, 1, 0),
        region: Subtree::Const as u8,
        space: false,
    };
    let text = [everything.into(), *instr, Beq { ra: 0, rb: 0, imm: 1 }.into()];
    let profile = Profile { limit: u64::MAX, text: 2, constant: 14, work: 14, spad: 15, acc: 13, ..Profile::default() };
    let mut rng = Rng::new(1);
    let mut constant: Vec<Leaf> = (0..1 << 14).map(|_| rng.leaf()).collect();
    for row in &mut constant[8192..8200] {
        // A parameter block as programs have it: small biases, multipliers of 24 bits.
        row.as_chunks_mut::<4>().0.iter_mut().for_each(|word| (word[0], word[1]) = (0, word[1] & 15));
    }
    let text = text.iter().map(Instr::encode).collect();
    let program = Program { profile, metadata: Metadata::default(), text, constant };
    let mut machine = FastMachine::new(Image::new(&program), &[], workers(threads));
    machine.run_until(1 << 14).unwrap();
    machine
}

fn instructions() -> Vec<(&'static str, u64, Instr)> {
    let lp = Loop::new(ROWS, 1);
    let (d, a, b) = (Operand::new(0, 1, 0), Operand::new(4096, 1, 0), Operand::new(8192, 0, 0));
    let (to, region) = (Operand::new(1 << 14, 1, 0), Subtree::Work as u8);
    let (n, zp, lo, hi) = (32, 3, -100, 100);
    let product = Matmul { lp, d, a, w_base: 8192, w_sk: 32, a_sk: 1, n, k: 32, kt: 9, ..Matmul::default() };
    vec![
        ("matmul, products", 9 * 1024, product.into()),
        ("matmul of transposed tiles, products", 9 * 1024, Matmul { tr: true, ..product }.into()),
        ("dwmac, 9 taps", 1, Dwmac { lp, d, a, w_base: 8192, w_sk: 1, a_sk: 1, n, kt: 9, ..Dwmac::default() }.into()),
        ("maxq, 9 taps", 1, Maxq { lp, d: to, a, a_sk: 1, kt: 9, acc: false }.into()),
        ("requant", 1, Requant { lp, d: to, a: d, b, n, zp, lo, hi }.into()),
        ("addq", 1, Addq { lp, d: to, a, b: Operand::new(5000, 1, 0), n, p_base: 9, p_reg: 0 }.into()),
        ("lut", 1, Lut { lp, d: to, a, b, n }.into()),
        ("lut32", 1, Lut32 { lp, d, a, b, n }.into()),
        ("trans", 1, Trans { lp, d: to, a: b, n }.into()),
        ("vadd", 1, Vadd { lp, d, a: d, b, n, form: 2 }.into()),
        ("vmulr", 1, Vmulr { lp, d, a: d, b, n, form: 2, shift: 5 }.into()),
        ("vsum", 1, Vsum { lp, d, a: d, n }.into()),
        ("load", 1, Load { lp, d: to, m: Wide::new(0, 1, 0), region: Subtree::Const as u8, space: false }.into()),
        ("load of row32s", 1, Load { lp, d, m: Wide::new(0, 4, 0), region: Subtree::Const as u8, space: true }.into()),
        ("store", 1, Store { lp, d, m: Wide::new(0, 1, 0), region, space: false }.into()),
        ("store of row32s", 1, Store { lp, d, m: Wide::new(0, 4, 0), region, space: true }.into()),
    ]
}

fn rows(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rows");
    for (name, per_row, instr) in instructions() {
        group.throughput(Throughput::Elements(per_row * u64::from(ROWS)));
        let mut machine = endless(&instr, Some(1));
        let steps = isa::micro_steps(&instr, &machine.regs()) + 1;
        let mut bench = |name: &str, machine: &mut FastMachine| {
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    let goal = machine.regs().steps + steps;
                    machine.run_until(goal).unwrap();
                    assert!(black_box(&machine).is_running());
                });
            });
        };
        bench(name, &mut machine);
        if name == "store" {
            machine.track_digest();
            bench("store with the write digest", &mut machine);
        }
    }
    group.finish();
}

fn operators(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("operators");
    for (weights, bound) in [("reduced", REDUCED), ("full", FULL)] {
        for workload in [product(Results::Int8, bound), convolution(Results::Int8, bound)] {
            let input: Arc<[Leaf]> = workload.input.clone().into();
            for threads in [Some(1), None] {
                group.throughput(Throughput::Elements(workload.macs));
                let workers = workers(threads);
                let name = format!("{}, {weights} weights, {} threads", workload.name, workers.threads());
                let mut machine = FastMachine::new(Image::new(&workload.program), &workload.input, workers);
                group.bench_function(name, |bencher| {
                    bencher.iter(|| {
                        machine.reset(input.clone());
                        machine.run_until(u64::MAX).unwrap();
                    });
                });
            }
        }
    }
    group.finish();
}

/// What the fast executor is measured against besides other runtimes.
fn reference(criterion: &mut Criterion) {
    use sim::Engine;
    let case = isa::random::case(1, 60);
    let program =
        Program { profile: case.profile, metadata: Metadata::default(), text: case.text, constant: case.constant };
    let mut group = criterion.benchmark_group("a small random program");
    let mut fast = sim::FastEngine::new(&FastOptions { threads: Some(1), ..FastOptions::default() }).unwrap();
    group.bench_function("step", |bencher| bencher.iter(|| StepEngine.run_to_end(&program, &case.input).unwrap()));
    group.bench_function("fast", |bencher| bencher.iter(|| fast.run_to_end(&program, &case.input).unwrap()));
    group.finish();
}

criterion_group!(benches, rows, operators, reference);
criterion_main!(benches);
