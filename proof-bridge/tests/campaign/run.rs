//! Plays ranges of seeds of every opcode on all cores, and counts what came of them.

use std::{
    collections::BTreeMap,
    io::Write,
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use isa::{Spec, Stepped, TABLE};
use proof_bridge::witness::{record, replay};

use super::case::{BLOCK, case, instruction};
use crate::Twins;

/// Time between two reports of progress.
const REPORT: Duration = Duration::from_secs(30);

/// Seeds of each opcode: `SYSTOLE_TWIN_SEEDS`, as `0..1000000`, or enough for every change.
pub(crate) fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("SYSTOLE_TWIN_SEEDS") else { return 0..2_048 };
    let (from, to) = text.split_once("..").unwrap();
    from.parse().unwrap()..to.parse().unwrap()
}

/// Opcodes to play: `SYSTOLE_TWIN_OPS`, mnemonics between commas, or all.
fn chosen() -> Vec<&'static Spec> {
    let wanted = std::env::var("SYSTOLE_TWIN_OPS").ok();
    let is_wanted = |spec: &&Spec| wanted.as_ref().is_none_or(|list| list.split(',').any(|op| op == spec.mnemonic));
    TABLE.iter().filter(is_wanted).collect()
}

/// Whether so many cases of every opcode are played that each of its ends must occur.
pub(crate) fn is_whole() -> bool {
    let seeds = seeds();
    chosen().len() == TABLE.len() && seeds.end.saturating_sub(seeds.start) >= 2_000
}

/// How often the cases of an opcode ended in each way.
pub(crate) type Ends = BTreeMap<&'static str, usize>;

/// Compares every case of the seeds; answers how those of each opcode ended. Blocks of seeds go round the opcodes, so that a
/// campaign that is interrupted has played all of them up to the seed that it told last.
pub(crate) fn campaign(seeds: Range<u64>) -> BTreeMap<&'static str, Ends> {
    let specs = chosen();
    let first = seeds.start / BLOCK;
    let blocks = (seeds.end.div_ceil(BLOCK).saturating_sub(first)) as usize;
    let jobs = blocks * specs.len();
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(BTreeMap::<_, Ends>::new()));
    let (begun, told) = (Instant::now(), Mutex::new(Instant::now()));
    let work = || {
        let mut twins = Twins::new();
        loop {
            let job = next.fetch_add(1, Ordering::Relaxed);
            if job >= jobs {
                return;
            }
            let (block, spec) = (first + (job / specs.len()) as u64, specs[job % specs.len()]);
            let range = (block * BLOCK).max(seeds.start)..((block + 1) * BLOCK).min(seeds.end);
            let ends = play(&mut twins, spec, range.clone());
            let mut tally = tally.lock().unwrap();
            let all: &mut Ends = tally.entry(spec.mnemonic).or_default();
            ends.into_iter().for_each(|(end, count)| *all.entry(end).or_default() += count);
            drop(tally);
            let mut told = told.lock().unwrap();
            if told.elapsed() >= REPORT {
                *told = Instant::now();
                let rate = job as f64 * BLOCK as f64 / begun.elapsed().as_secs_f64();
                // Not by a macro, whose output tests keep back.
                let line =
                    format!("twin: all opcodes below seed {} of {}; {rate:.0} cases/s\n", range.start, seeds.end);
                let _ = std::io::stderr().write_all(line.as_bytes());
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    tally.into_inner().unwrap()
}

fn play(twins: &mut Twins, spec: &'static Spec, seeds: Range<u64>) -> Ends {
    let (mut ends, mut ground) = (Ends::new(), None);
    for seed in seeds {
        let (mut state, astray) = case(spec, seed, &mut ground);
        let (instr, regs) = (instruction(&state), state.regs());
        let end = match isa::step(&mut state.clone()) {
            Ok(Stepped::Ran { .. }) if astray => "ran astray",
            Ok(Stepped::Ran { .. }) => "ran",
            Ok(Stepped::Stopped(status)) => status.name(),
            Ok(Stepped::Idle) => "idle",
        };
        let pre_root = state.root();
        let witness = record(&mut state);
        let found = twins.solidity(&pre_root, &witness);
        let context = || format!("{} seed {seed}, {end}: {instr:?} in {regs:?}", spec.mnemonic);
        assert_eq!(found, Ok(state.root()), "{}", context());
        assert_eq!(replay(&pre_root, &witness), Ok(state.root()), "{}", context());
        *ends.entry(end).or_default() += 1;
    }
    ends
}
