//! `docs/isa.md`.

use super::BANNER;
use crate::asm::NAMES;
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
         Encodings give bits of the 256-bit word, lowest and one past the highest; `u20` is unsigned, `i16` two's complement. The parts of\n\
         a *loop* header, an *operand* and a *wide* operand are those of the frame in machine.md. In a source, a field that is not named\n\
         is 0, but `n0`, `n1`, `kt` are 1, `n` and `k` 32, `lo` -128, `hi` 127; an operand is written `base+xR,s0,s1`.\n\
         Names that stand for numbers there:\n\n",
    );
    for (field, names) in NAMES {
        let names: Vec<String> = names.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        out.push_str(&format!("* `{field}`: {}\n", names.join(", ")));
    }
    out.push_str("\n| op | name | meaning |\n|---|---|---|\n");
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
    out.push_str(&encoding(row));
    if !row.accesses.is_empty() {
        out.push_str(&format!("* leaves, in order: {}\n", row.accesses));
    }
    if !row.traps.is_empty() {
        out.push_str(&format!("* traps: {}\n", row.traps));
    }
    out.push_str(&example(row.mnemonic));
    out
}

/// The worked example of an instruction: a test program.
fn example(mnemonic: &str) -> String {
    std::fs::read_to_string(example_path(mnemonic))
        .map_or_else(|_| String::new(), |source| format!("\n```asm\n{}\n```\n", source.trim_end()))
}

fn example_path(mnemonic: &str) -> String {
    format!("{}/../tests/programs/example_{mnemonic}.tasm", env!("CARGO_MANIFEST_DIR"))
}

fn encoding(row: &Spec) -> String {
    let mut out = format!("* encoding: `op` 0..8 = `0x{:02x}`", row.opcode);
    for field in row.fields {
        let (bits, last) = (field.lsb, field.lsb + field.width);
        let kind = match field.kind {
            Kind::Loop => "loop".to_string(),
            Kind::Operand => "operand".to_string(),
            Kind::Wide => "wide".to_string(),
            Kind::Flag => "flag".to_string(),
            Kind::Unsigned => format!("u{}", field.width),
            Kind::Signed => format!("i{}", field.width),
        };
        let name = if field.kind == Kind::Loop { String::new() } else { format!("`{}` ", field.name) };
        out.push_str(&format!(", {name}{kind} {bits}..{last}"));
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_has_a_worked_example() {
        for row in TABLE {
            let source = std::fs::read_to_string(example_path(row.mnemonic)).unwrap_or_default();
            let lines: Vec<&str> = source.lines().collect();
            let shown = lines.iter().any(|line| line.split_whitespace().next() == Some(row.mnemonic));
            let told = lines.first().is_some_and(|line| line.starts_with("; "));
            assert!(shown && told, "{} must use `{}`, and say how", example_path(row.mnemonic), row.mnemonic);
        }
    }
}
