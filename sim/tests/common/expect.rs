//! What a `.tasm` file says must happen:
//!
//! ```text
//! ; expect: status=halted steps=12 marks=1,2
//! ; expect: output[3] i8 1 2 3       (or i32, hex, fill: the assembler's forms of data)
//! ```
//!
//! Status and steps are demanded; rows of `output` that no expectation names must be zero.

use isa::asm::{assemble, hex};
use isa::{Leaf, Region};
use sim::Outcome;

/// Everything wrong with an outcome, given the expectations (line, text) of its source.
pub(crate) fn check(expectations: &[(usize, String)], outcome: &Outcome) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut output = Region::default();
    let mut seen = (false, false);
    for (line, text) in expectations {
        if let Some((row, data)) = text.strip_prefix("output[").and_then(|rest| rest.split_once(']')) {
            for (row, leaf) in (row.parse::<u64>().unwrap()..).zip(rows(*line, data)) {
                output.set(row, leaf);
            }
            continue;
        }
        for word in text.split_whitespace() {
            let (name, want) = word.split_once('=').unwrap_or_else(|| panic!("line {line}: `{word}` is no name=value"));
            let have = match name {
                "status" => outcome.status.to_string(),
                "steps" => outcome.steps.to_string(),
                "marks" => outcome.marks.iter().map(|mark| mark.id.to_string()).collect::<Vec<_>>().join(","),
                "digest" => format!("{:016x}", outcome.digest),
                _ => panic!("line {line}: nothing is called `{name}`"),
            };
            seen = (seen.0 || name == "status", seen.1 || name == "steps");
            if have != want {
                wrong.push(format!("line {line}: expected {word}, got {have}"));
            }
        }
    }
    assert_eq!(seen, (true, true), "a program must say its status and steps");
    wrong.extend(differences(&output, &outcome.output));
    wrong
}

fn rows(line: usize, data: &str) -> Vec<Leaf> {
    let source = assemble(&format!(".const 0 {data}"));
    source.unwrap_or_else(|error| panic!("line {line}: {}", error.message)).constant
}

fn differences(want: &Region, have: &Region) -> Vec<String> {
    let mut rows: Vec<u64> = want.nonzero().chain(have.nonzero()).map(|(row, _)| row).collect();
    rows.sort_unstable();
    rows.dedup();
    rows.retain(|&row| want.get(row) != have.get(row));
    let show = |row: &u64| format!("output[{row}]: expected {}, got {}", hex(&want.get(*row)), hex(&have.get(*row)));
    rows.iter().map(show).collect()
}
