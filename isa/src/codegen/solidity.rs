//! `Isa.sol`: the table as constants for the hand-written twin.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::BANNER;
use crate::asm::hex;
use crate::field::{FieldSpec, Kind, Loop};
use crate::hash::ISA_HASH;
use crate::operands::{MAX_ENTRIES, form};
use crate::profile::{MAX_DRAM_LOG2, MAX_ONCHIP_LOG2};
use crate::regs::Status;
use crate::state::Subtree;
use crate::table::{Group, Opcode, Spec, TABLE, field_mask};
use crate::word::{LANES, PARAM_ROWS, ROW32_LEAVES, TILE_ROWS, Word};

/// Where the profile and control leaves have their fields (`docs/machine.md`).
const LEAVES: &[(&str, &[(&str, u32)])] = &[
    (
        "profile leaf",
        &[
            ("MAX_DRAM_LOG2", MAX_DRAM_LOG2 as u32),
            ("MAX_ONCHIP_LOG2", MAX_ONCHIP_LOG2 as u32),
            ("PROFILE_LIMIT_LSB", 0),
            ("PROFILE_TEXT_LSB", 64),
            ("PROFILE_CONST_LSB", 72),
            ("PROFILE_INPUT_LSB", 80),
            ("PROFILE_WORK_LSB", 88),
            ("PROFILE_OUTPUT_LSB", 96),
            ("PROFILE_SPAD_LSB", 104),
            ("PROFILE_ACC_LSB", 112),
        ],
    ),
    (
        "control leaf",
        &[
            ("CONTROL_PC_LSB", 0),
            ("CONTROL_PC_WIDTH", 32),
            ("CONTROL_STATUS_LSB", 32),
            ("CONTROL_STATUS_WIDTH", 8),
            ("CONTROL_ROW_LSB", 64),
            ("CONTROL_ROW_WIDTH", 64),
            ("CONTROL_STEPS_LSB", 128),
            ("CONTROL_STEPS_WIDTH", 64),
        ],
    ),
];

/// The Solidity library.
#[must_use]
pub fn isa_solidity() -> String {
    let mut out = format!("// {BANNER}\n// SPDX-License-Identifier: MIT OR Apache-2.0\npragma solidity ^0.8.28;\n\n");
    out.push_str("/// @title The instruction table, as constants.\nlibrary Isa {\n");
    out.push_str("    /// Hash of the table and of the golden vectors of its meaning.\n");
    out.push_str(&format!("    bytes32 internal constant ISA_HASH = 0x{};\n", hex(&ISA_HASH)));
    heading(&mut out, "sub-trees of the state; also the codes of DRAM regions");
    for tree in Subtree::ALL {
        number(&mut out, &format!("TREE_{}", tree.name()), tree as u32);
    }
    heading(&mut out, "status codes");
    for status in Status::ALL {
        number(&mut out, &format!("STATUS_{}", status.name()), status.code().into());
    }
    for (title, numbers) in LEAVES {
        heading(&mut out, title);
        for (name, value) in *numbers {
            number(&mut out, name, *value);
        }
    }
    heading(&mut out, "parts of composite fields, from the field's lowest bit");
    for (name, kind) in [("LOOP", Kind::Loop), ("OPERAND", Kind::Operand), ("WIDE", Kind::Wide)] {
        for part in kind.parts() {
            number(&mut out, &format!("{name}_{}_LSB", part.name), part.offset);
            number(&mut out, &format!("{name}_{}_WIDTH", part.name), part.width);
        }
    }
    heading(&mut out, "values of FORM: where the second operand of the int32 group comes from");
    for (name, value) in
        [("ROW32", form::ROW32), ("LANE0", form::LANE0), ("ROW8", form::ROW8), ("ADDRESS", form::ADDRESS)]
    {
        number(&mut out, &format!("FORM_{name}"), value.into());
    }
    number(&mut out, "MAX_ENTRIES", MAX_ENTRIES as u32);
    heading(&mut out, "words");
    for (name, value) in
        [("LANES", LANES), ("ROW32_LEAVES", ROW32_LEAVES), ("PARAM_ROWS", PARAM_ROWS), ("TILE_ROWS", TILE_ROWS)]
    {
        number(&mut out, name, value as u32);
    }
    heading(&mut out, "values of LOOP_CSEL");
    for (name, value) in [("NONE", Loop::NONE), ("N0", Loop::N0), ("N1", Loop::N1), ("KT", Loop::KT), ("N", Loop::N)] {
        number(&mut out, &format!("CSEL_{name}"), value.into());
    }
    heading(&mut out, "fields: the same place in every instruction that has them");
    for field in distinct_fields() {
        number(&mut out, &format!("{}_LSB", field.name), field.lsb);
        if !matches!(field.kind, Kind::Loop | Kind::Operand | Kind::Wide) {
            number(&mut out, &format!("{}_WIDTH", field.name), field.width);
        }
    }
    heading(&mut out, "opcodes");
    for row in TABLE {
        let _ =
            writeln!(out, "    uint256 internal constant OP_{} = 0x{:02x};", row.mnemonic.to_uppercase(), row.opcode);
    }
    out.push_str(&sets());
    out.push_str(&masks());
    out.push_str("}\n");
    out
}

fn heading(out: &mut String, title: &str) {
    let _ = writeln!(out, "\n    // {title}");
}

fn number(out: &mut String, name: &str, value: u32) {
    let _ = writeln!(out, "    uint256 internal constant {} = {value};", name.to_uppercase());
}

fn distinct_fields() -> Vec<&'static FieldSpec> {
    let mut seen = BTreeSet::new();
    TABLE.iter().flat_map(|row| row.fields).filter(|field| seen.insert(field.name)).collect()
}

/// Sets of opcodes, as words whose bit *o* says whether opcode *o* is in it: the chapters, and who has a count.
fn sets() -> String {
    let mut out = String::from("\n    // sets of opcodes: bit o is opcode o\n");
    for group in [Group::Control, Group::Move, Group::Matrix, Group::Vector32, Group::Vector8, Group::Choose] {
        set(&mut out, &format!("GROUP_{group:?}"), |row| row.group == group);
    }
    for field in ["lp", "kt", "n", "form", "shift"] {
        set(&mut out, &format!("WITH_{field}"), |row| row.fields.iter().any(|f| f.name == field));
    }
    out
}

fn set(out: &mut String, name: &str, has: impl Fn(&Spec) -> bool) {
    let mut bits = Word::ZERO;
    for row in TABLE.iter().filter(|row| has(row)) {
        bits.set_bits(row.opcode.into(), 1, 1);
    }
    let _ = writeln!(out, "    uint256 internal constant {} = 0x{};", name.to_uppercase(), hex(&bits.to_leaf()));
}

/// A function from opcode to mask, that asks for the chapter first.
fn masks() -> String {
    let mut out =
        String::from("\n    /// The bits that an instruction of this opcode may set; 0 where there is none.\n");
    out.push_str("    function maskOf(uint256 op) internal pure returns (uint256) {\n");
    for rows in TABLE.chunk_by(|a, b| a.group == b.group) {
        let Some(last) = rows.last() else { continue };
        let _ = writeln!(out, "        if (op <= OP_{}) {{", last.mnemonic.to_uppercase());
        for row in rows {
            let mask = Opcode::from_code(row.opcode).map(|op| hex(&field_mask(op).to_leaf())).unwrap_or_default();
            let _ = writeln!(out, "            if (op == OP_{}) return 0x{mask};", row.mnemonic.to_uppercase());
        }
        out.push_str("            return 0;\n        }\n");
    }
    out.push_str("        return 0;\n    }\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_at_one_place_in_every_instruction() {
        for field in TABLE.iter().flat_map(|row| row.fields) {
            let first = distinct_fields().into_iter().find(|f| f.name == field.name).unwrap();
            assert_eq!((first.lsb, first.width, first.kind), (field.lsb, field.width, field.kind), "{}", field.name);
        }
    }
}
