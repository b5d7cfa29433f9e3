//! Making a failing program small, and printing it as a `.tasm`.

use isa::asm::{Source, disassemble, hex};
use isa::{Leaf, ZERO};
use sim::{Engine, StepEngine};

/// How an engine's run of a source differs from the reference's; an engine that fails differs too.
pub(crate) fn difference(engine: &mut dyn Engine, source: &Source) -> Option<String> {
    let program = super::program(source);
    let expected = StepEngine.run_to_end(&program, &source.input).unwrap();
    match engine.run_to_end(&program, &source.input) {
        Ok(outcome) => {
            expected.difference(&outcome).map(|text| format!("the reference against {}: {text}", engine.name()))
        }
        Err(error) => Some(error.to_string()),
    }
}

/// Panics, with a small program that still fails, where the engine differs from the reference.
pub(crate) fn demand_equal(machine: &str, engine: &mut dyn Engine, seed: u64, source: &Source) {
    let Some(text) = difference(engine, source) else { return };
    let small = shrink(source, &mut |smaller| difference(engine, smaller).is_some());
    let of_small = difference(engine, &small).unwrap_or_default();
    let memory = super::memory::dram(seed);
    panic!("{machine}, seed {seed}: {text}\nshrunk: {of_small}\nmemory: {memory:?}\n{}", render(&small));
}

/// Drops instructions, then rows of data, as long as the source still fails.
pub(crate) fn shrink(source: &Source, fails: &mut dyn FnMut(&Source) -> bool) -> Source {
    let mut best = source.clone();
    let mut chunk = best.text.len();
    while chunk > 0 {
        let mut at = 0;
        while at < best.text.len() {
            let mut smaller = best.clone();
            smaller.text.drain(at..(at + chunk).min(best.text.len()));
            if fails(&smaller) {
                best = smaller;
            } else {
                at += chunk;
            }
        }
        chunk /= 2;
    }
    shrink_rows(&mut best, |source| &mut source.constant, fails);
    shrink_rows(&mut best, |source| &mut source.input, fails);
    best
}

fn shrink_rows(best: &mut Source, rows: fn(&mut Source) -> &mut Vec<Leaf>, fails: &mut dyn FnMut(&Source) -> bool) {
    for row in 0..rows(best).len() {
        let mut smaller = best.clone();
        rows(&mut smaller)[row] = ZERO;
        if fails(&smaller) {
            *best = smaller;
        }
    }
}

/// The source as text that assembles to itself.
pub(crate) fn render(source: &Source) -> String {
    let p = source.profile;
    let mut text = format!(
        ".profile limit={} text={} const={} input={} work={} output={} spad={} acc={}\n",
        p.limit, p.text, p.constant, p.input, p.work, p.output, p.spad, p.acc
    );
    for (name, rows) in [("const", &source.constant), ("input", &source.input)] {
        for (row, leaf) in rows.iter().enumerate().filter(|(_, leaf)| **leaf != ZERO) {
            text.push_str(&format!(".{name} {row} hex {}\n", hex(leaf)));
        }
    }
    for leaf in &source.text {
        text.push_str(&disassemble(leaf));
        text.push('\n');
    }
    text
}
