//! `docs/isa.md`.

use super::BANNER;
use crate::field::Kind;
use crate::table::{Spec, TABLE};

/// The instruction reference.
#[must_use]
pub fn isa_markdown() -> String {
    let mut out = format!("<!-- {BANNER} -->\n# Instructions\n\n");
    out.push_str(
        "From the one table in `isa/src/table.rs`. Words, the frame, counts, traps and the order of accesses that every\n\
         micro-step shares (regs, profile, text) are in [machine.md](machine.md). An instruction that says *not yet* traps ILLEGAL.\n\n\
         | op | name | meaning |\n|---|---|---|\n",
    );
    for row in TABLE {
        let state = if row.implemented { "" } else { " *(not yet)*" };
        out.push_str(&format!(
            "| `{:02x}` | [`{m}`](#{m}) | {}{state} |\n",
            row.opcode,
            row.summary.trim(),
            m = row.mnemonic
        ));
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
    let state = if row.implemented { "" } else { " *Not yet: traps ILLEGAL.*" };
    let mut out = format!("\n### {}\n\n{}{state}\n\n", row.mnemonic, row.summary.trim());
    out.push_str(&format!("* operation: `{}`\n", row.operation));
    if !row.accesses.is_empty() {
        out.push_str(&format!("* leaves, in order: {}\n", row.accesses));
    }
    if row.fields.is_empty() {
        return out;
    }
    out.push_str("\n| field | bits | |\n|---|---|---|\n");
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
