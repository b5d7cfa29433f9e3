//! Random programs on machines of many shapes, emitted here and Verilated: status, steps, digests, work and output
//! against the reference. Every worker has one machine of each shape and runs programs on it back to back, with memories
//! of random rate, latency and back-pressure. Seed after seed goes from shape to shape; one in four is a program of any
//! instructions, the others are of neighbours that share rows.
//!
//! `SYSTOLE_SEEDS=1000..5000` runs others than the usual ones, on all shapes; `SYSTOLE_MACHINES=p8,narrow` on these.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

#[path = "../../sim/tests/common/mod.rs"]
mod common;

use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::coverage::Coverage;
use hdl::{Datapath, Params, TARGETS, emit};
use isa::asm::Source;
use sim::{RtlEngine, RtlOptions, RtlParams};

/// The named targets, and shapes at the ends of what parameters may be.
fn machines() -> Vec<(&'static str, Params)> {
    let of = |rows, cols, port_bytes, vector_lanes, banks, in_flight, queue_depth| Params {
        datapath: Datapath::Parallel,
        array_rows: rows,
        array_cols: cols,
        spad_log2: 7,
        acc_log2: 5,
        port_bytes,
        vector_lanes,
        depthwise_lanes: vector_lanes.max(4),
        spad_banks: banks,
        acc_banks: if banks == 32 { 16 } else { banks },
        in_flight,
        queue_depth,
    };
    let mut all = TARGETS.to_vec();
    all.extend([
        ("narrow", of(4, 4, 1, 1, 1, 2, 2)),
        ("tall", of(32, 4, 32, 32, 32, 2, 2)),
        ("wide", of(4, 32, 2, 2, 2, 16, 8)),
        ("square", of(8, 8, 4, 4, 4, 4, 2)),
    ]);
    all
}

/// The shapes to play on: those of `$SYSTOLE_MACHINES`, else all where seeds are given, else one that is built soon.
fn chosen() -> Vec<(&'static str, Params)> {
    let all = machines();
    match (env::var("SYSTOLE_MACHINES"), env::var("SYSTOLE_SEEDS")) {
        (Ok(names), _) => {
            let find =
                |name| *all.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no machine {name}"));
            names.split(',').map(find).collect()
        }
        (_, Ok(_)) => all,
        _ => all.into_iter().filter(|(name, _)| *name == "narrow").collect(),
    }
}

fn source(seed: u64, params: &Params) -> Source {
    if seed.is_multiple_of(4) {
        return common::programs::plain(seed);
    }
    common::programs::hazards(seed, params.spad_log2 as u8, params.acc_log2 as u8)
}

fn engine(params: &Params) -> RtlEngine {
    let rtl = RtlParams {
        array_rows: params.array_rows as u32,
        array_cols: params.array_cols as u32,
        spad_log2: params.spad_log2 as u8,
        acc_log2: params.acc_log2 as u8,
        port_bytes: params.port_bytes as u32,
    };
    let options = RtlOptions { hang_cycles: 400_000, ..RtlOptions::default() };
    RtlEngine::new(&emit(params).unwrap(), rtl, options).unwrap()
}

#[test]
fn machines_of_many_shapes_equal_the_reference() {
    if !common::can_build() {
        return;
    }
    let (machines, seeds) = (chosen(), common::seeds(0..200));
    for (name, params) in &machines {
        let started = Instant::now();
        drop(engine(params));
        eprintln!("{name}: built in {:.0} s", started.elapsed().as_secs_f64());
    }
    let (next, failed) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    let coverage = Mutex::new(Coverage::default());
    let started = Instant::now();
    let shown = Mutex::new(started);
    let progress = |seed: u64| {
        let mut shown = shown.lock().unwrap();
        if shown.elapsed() > Duration::from_secs(20) {
            *shown = Instant::now();
            let rate = (seed - seeds.start) as f64 / started.elapsed().as_secs_f64();
            let left = (seeds.end - seed) as f64 / rate.max(0.1) / 60.0;
            eprintln!(
                "all below seed {} are equal; {rate:.0} programs/s, {left:.0} min to seed {}",
                seed.saturating_sub(64).max(seeds.start),
                seeds.end
            );
        }
    };
    let worker = || {
        let mut engines: Vec<RtlEngine> = machines.iter().map(|(_, params)| engine(params)).collect();
        let mut reached = Coverage::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || failed.load(Ordering::Relaxed) {
                break;
            }
            let (turn, count, guard) = ((seed / 4) as usize, machines.len(), Failing(&failed));
            // The serial machine takes a hundred times as long, and so one in sixteen of its turns.
            let left_out = machines[turn % count].1.datapath == Datapath::Serial && turn / count % 16 > 0;
            let at = (turn + usize::from(left_out)) % count;
            let (name, params) = &machines[at];
            let source = source(seed, params);
            common::memory::set(&mut engines[at], seed);
            common::shrink::demand_equal(name, &mut engines[at], seed, &source);
            std::mem::forget(guard);
            // Counting what is reached takes longer than a run.
            if seed % 8 == 1 {
                reached.add(&source);
            }
            progress(seed);
        }
        coverage.lock().unwrap().merge(reached);
    };
    std::thread::scope(|scope| {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        (0..workers).for_each(|_| drop(scope.spawn(worker)));
    });
    let seconds = started.elapsed().as_secs_f64();
    let programs = seeds.end - seeds.start;
    println!("{programs} programs in {seconds:.0} s, {:.0}/s; of one in eight:", programs as f64 / seconds);
    println!("{}", coverage.into_inner().unwrap().report());
}

/// Stops the other workers when this one panics.
struct Failing<'a>(&'a AtomicBool);

impl Drop for Failing<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
