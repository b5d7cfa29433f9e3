//! `docs/isa.md`.

use super::BANNER;
use crate::field::Kind;
use crate::table::{Spec, TABLE};

/// The instruction reference.
#[must_use]
pub fn isa_markdown() -> String {
    let mut out = format!("<!-- {BANNER} -->\n# Instructions\n\n");
    out.push_str(
        "From the one table in `isa/src/table.rs`; the examples are files of `tests/programs/`, which every engine runs.\n\
         Words, the frame, counts, traps and the order of accesses that every micro-step shares (regs, profile, text) are in\n\
         [machine.md](machine.md), also rne, sat32, clamp, and what happens in lanes that do not count.\n\n\
         Every instruction may trap LIMIT, and ILLEGAL for a bit that is no field of it; with a loop header also ILLEGAL for a\n\
         wrong `creg` or `csel`, COUNT for a count out of range; with an operand BOUNDS. Causes of its own are named.\n\n\
         | op | name | meaning |\n|---|---|---|\n",
    );
    for row in TABLE {
        out.push_str(&format!("| `{:02x}` | [`{m}`](#{m}) | {} |\n", row.opcode, row.summary.trim(), m = row.mnemonic));
    }
    let mut group = None;
    for row in TABLE {
        if group != Some(row.group) {
            out.push_str(&format!("\n## {}\n", row.group.title()));
            group = Some(row.group);
        }
        out.push_str(&section(row));
    }
    out
}

fn section(row: &Spec) -> String {
    let mut out = format!("\n### {}\n\n{}\n\n", row.mnemonic, row.summary.trim());
    out.push_str(&format!("* operation: `{}`\n", row.operation));
    if !row.accesses.is_empty() {
        out.push_str(&format!("* leaves, in order: {}\n", row.accesses));
    }
    if !row.traps.is_empty() {
        out.push_str(&format!("* traps: {}\n", row.traps));
    }
    out.push_str(&fields(row));
    out.push_str(&example(row.mnemonic));
    out
}

/// The worked example of an instruction: a test program.
fn example(mnemonic: &str) -> String {
    let path = format!("{}/../tests/programs/example_{mnemonic}.tasm", env!("CARGO_MANIFEST_DIR"));
    match std::fs::read_to_string(path) {
        Ok(source) => format!("\n```asm\n{}\n```\n", source.trim_end()),
        Err(_) => String::new(),
    }
}

fn fields(row: &Spec) -> String {
    if row.fields.is_empty() {
        return String::new();
    }
    let mut out = String::from("\n| field | bits | |\n|---|---|---|\n");
    for field in row.fields {
        for (suffix, lsb, width, signed) in field.parts() {
            let name = match (field.kind, suffix) {
                (_, "") => field.name.to_string(),
                (Kind::Loop, suffix) => suffix.to_string(),
                (_, suffix) => format!("{}.{suffix}", field.name),
            };
            let kind = if signed { "signed" } else { "" };
            out.push_str(&format!("| `{name}` | {lsb}..{} | {kind} |\n", lsb + width));
        }
    }
    out
}
