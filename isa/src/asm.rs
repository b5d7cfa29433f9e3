//! The assembler and disassembler, driven by the table.
//!
//! One instruction a line, `mnemonic field=value …`; a field that is not named has its default. An operand is
//! `base[+xR][,s0[,s1]]`; a register is `x3`; a branch target may be `imm=@label`; `name:` sets a label; `;` begins a
//! comment. A value that has a name may be written as either (`region=input` is `region=3`). Directives:
//!
//! ```text
//! .profile text=5 const=5 input=3 work=5 output=5 spad=7 acc=4 limit=1000
//! .const 0 i8 1 2 3          ; row 0 of const; also: .input
//! .const 4 i32 1 -2 3        ; a row32 (four rows), lanes in order
//! .const 8 hex 00ff…         ; 64 digits
//! .const 8 words 1 -2 3      ; 32-bit words in address order, eight a row
//! .const 9 i8 1 5*30 2       ; V*N is N times V, in i8, i32, words
//! .const 9 fill 7 3          ; three rows of byte 7
//! .const 12 random 42 32     ; 32 rows of pseudo-random bytes from seed 42
//! .word 00…01                ; a raw instruction word, 64 hex digits
//! ; expect: …                ; kept for the test runner
//! ```

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::field::{FieldSpec, Kind, Loop, is_register};
use crate::operands::form;
use crate::profile::Profile;
use crate::random::Rng;
use crate::state::Subtree;
use crate::table::{Instr, Opcode, Spec, TABLE, spec};
use crate::word::{LANES, Leaf, Row32, Word, ZERO, row32_leaves};

/// Most rows that a directive may name: sources are small.
const MAX_ROWS: u64 = 1 << 16;

/// Values that have a name, by field; numbers are understood too, and written where there is no name.
pub(crate) const NAMES: &[(&str, &[(&str, u8)])] = &[
    (
        "region",
        &[
            ("const", Subtree::Const as u8),
            ("input", Subtree::Input as u8),
            ("work", Subtree::Work as u8),
            ("output", Subtree::Output as u8),
        ],
    ),
    ("form", &[("row32", form::ROW32), ("lane0", form::LANE0), ("row8", form::ROW8), ("address", form::ADDRESS)]),
    ("csel", &[("n0", Loop::N0), ("n1", Loop::N1), ("kt", Loop::KT), ("n", Loop::N)]),
];

fn names(field: &str) -> &'static [(&'static str, u8)] {
    NAMES.iter().find(|(name, _)| *name == field).map_or(&[], |(_, names)| *names)
}

/// An assembled source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Sizes and step limit.
    pub profile: Profile,
    /// Instructions.
    pub text: Vec<Leaf>,
    /// Rows of `const`.
    pub constant: Vec<Leaf>,
    /// Rows of `input`.
    pub input: Vec<Leaf>,
    /// Texts behind `expect:`, with their line numbers.
    pub expectations: Vec<(usize, String)>,
}

/// What is wrong with a source, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsmError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong and what would be right.
    pub message: String,
}

impl core::fmt::Display for AsmError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl core::error::Error for AsmError {}

/// Assembles a source.
///
/// # Errors
/// The first line that cannot be understood.
pub fn assemble(source: &str) -> Result<Source, AsmError> {
    let default = Profile { limit: 1 << 32, text: 8, constant: 8, input: 6, work: 8, output: 8, spad: 8, acc: 6 };
    let mut out = Source { profile: default, ..Source::default() };
    let mut labels = BTreeMap::new();
    let mut fixups: Vec<(usize, usize, &str)> = Vec::new();
    for (line, text) in (1..).zip(source.lines()) {
        let at = |message: String| AsmError { line, message };
        let (code, comment) = text.split_once(';').unwrap_or((text, ""));
        if let Some(expectation) = comment.trim().strip_prefix("expect:") {
            out.expectations.push((line, expectation.trim().to_string()));
        }
        let code = code.trim();
        if let Some(label) = code.strip_suffix(':') {
            if labels.insert(label.trim(), out.text.len()).is_some() {
                return Err(at(format!("label `{}:` is set twice", label.trim())));
            }
        } else if let Some(directive) = code.strip_prefix('.') {
            obey(directive, &mut out).map_err(at)?;
        } else if !code.is_empty() {
            let (leaf, label) = instruction(code).map_err(at)?;
            fixups.extend(label.map(|label| (line, out.text.len(), label)));
            out.text.push(leaf);
        }
    }
    for (line, index, label) in fixups {
        let target = labels.get(label).ok_or_else(|| AsmError { line, message: format!("no label `{label}:`") })?;
        let mut word = Word::from_leaf(&out.text[index]);
        let fields = Opcode::from_code(out.text[index][31]).map_or(&[][..], |opcode| spec(opcode).fields);
        if let Some(field) = fields.iter().find(|field| field.name == "imm") {
            word.set_bits(field.lsb, field.width, *target as u64);
        }
        out.text[index] = word.to_leaf();
    }
    Ok(out)
}

/// One instruction as text; a word without meaning as `.word`.
#[must_use]
pub fn disassemble(leaf: &Leaf) -> String {
    let Ok(instr) = Instr::decode(leaf) else { return format!(".word {}", hex(leaf)) };
    let (row, word) = (spec(instr.opcode()), Word::from_leaf(leaf));
    let selected = row.fields.iter().find(|f| f.kind == Kind::Loop).map_or(0, |f| part(f, &word, "csel"));
    let mut out = row.mnemonic.to_string();
    for field in row.fields {
        for text in field_text(field, &word, selected) {
            out.push(' ');
            out.push_str(&text);
        }
    }
    out
}

/// The value of a field that a source does not name, given the count that a register replaces.
fn default_value(name: &str, csel: u64) -> i64 {
    let selected = match csel as u8 {
        Loop::N0 => "n0",
        Loop::N1 => "n1",
        Loop::KT => "kt",
        Loop::N => "n",
        _ => "",
    };
    match name {
        name if name == selected => 0,
        "n0" | "n1" | "kt" => 1,
        "n" | "k" => LANES as i64,
        "lo" => i64::from(i8::MIN),
        "hi" => i64::from(i8::MAX),
        _ => 0,
    }
}

fn part(field: &FieldSpec, word: &Word, name: &str) -> u64 {
    field.parts().find(|p| p.0 == name).map_or(0, |(_, lsb, width, _)| word.bits(lsb, width))
}

fn field_text(field: &FieldSpec, word: &Word, csel: u64) -> Vec<String> {
    let value =
        |lsb, width, signed| if signed { word.signed_bits(lsb, width) } else { word.bits(lsb, width).cast_signed() };
    if matches!(field.kind, Kind::Operand | Kind::Wide) {
        let v: Vec<i64> = field.parts().map(|(_, lsb, width, signed)| value(lsb, width, signed)).collect();
        let reg = if v[1] == 0 { String::new() } else { format!("+x{}", v[1]) };
        let strides = match (v[2], v[3]) {
            (0, 0) => String::new(),
            (s0, 0) => format!(",{s0}"),
            (s0, s1) => format!(",{s0},{s1}"),
        };
        return alloc::vec![format!("{}={}{reg}{strides}", field.name, v[0])];
    }
    field
        .parts()
        .map(|(suffix, lsb, width, signed)| {
            (if suffix.is_empty() { field.name } else { suffix }, value(lsb, width, signed))
        })
        .filter(|&(name, v)| v != default_value(name, csel))
        .map(|(name, v)| format!("{name}={}", value_text(name, v)))
        .collect()
}

fn value_text(name: &str, value: i64) -> String {
    match names(name).iter().find(|(_, v)| i64::from(*v) == value) {
        Some((text, _)) => text.to_string(),
        None if is_register(name) => format!("x{value}"),
        None => value.to_string(),
    }
}

fn value_of(name: &str, text: &str) -> Result<i64, String> {
    match names(name).iter().find(|(known, _)| *known == text) {
        Some((_, value)) => Ok((*value).into()),
        None if is_register(name) => number(text.strip_prefix('x').unwrap_or(text)),
        None => number(text).map_err(|error| match names(name) {
            [] => error,
            known => format!("{error}; {name} may also be {}", known.iter().map(|n| n.0).collect::<Vec<_>>().join(" ")),
        }),
    }
}

fn instruction(code: &str) -> Result<(Leaf, Option<&str>), String> {
    let mut words = code.split_whitespace();
    let mnemonic = words.next().unwrap_or_default();
    let row: &Spec = TABLE
        .iter()
        .find(|row| row.mnemonic == mnemonic)
        .ok_or_else(|| format!("no instruction `{mnemonic}`; docs/isa.md lists them"))?;
    let mut given = BTreeMap::new();
    for word in words {
        let (name, value) = word.split_once('=').ok_or_else(|| format!("`{word}` is not field=value"))?;
        if given.insert(name, value).is_some() {
            return Err(format!("field `{name}` is given twice"));
        }
    }
    let mut word = Word::ZERO;
    word.set_bits(0, 8, row.opcode.into());
    let csel = given.get("csel").map_or(Ok(0), |v| value_of("csel", v))?;
    let mut label = None;
    for field in row.fields {
        if matches!(field.kind, Kind::Operand | Kind::Wide) {
            operand(field, given.remove(field.name), &mut word)?;
            continue;
        }
        for (suffix, lsb, width, signed) in field.parts() {
            let name = if suffix.is_empty() { field.name } else { suffix };
            let value = match given.remove(name) {
                None => default_value(name, csel.cast_unsigned()),
                Some(text) if name == "imm" && text.starts_with('@') => {
                    label = text.strip_prefix('@');
                    0
                }
                Some(text) => value_of(name, text)?,
            };
            put(&mut word, name, value, (lsb, width, signed))?;
        }
    }
    if let Some(name) = given.keys().next() {
        let names: Vec<&str> = row.fields.iter().flat_map(field_names).collect();
        return Err(format!("`{mnemonic}` has no field `{name}`; it has: {}", names.join(" ")));
    }
    Ok((word.to_leaf(), label))
}

fn field_names(field: &FieldSpec) -> Vec<&'static str> {
    match field.kind {
        Kind::Loop => field.parts().map(|p| p.0).collect(),
        _ => alloc::vec![field.name],
    }
}

fn operand(field: &FieldSpec, text: Option<&str>, word: &mut Word) -> Result<(), String> {
    let text = text.unwrap_or("0");
    let (start, strides) = text.split_once(',').unwrap_or((text, ""));
    let (base, reg) = start.split_once("+x").unwrap_or((start, "0"));
    let (s0, s1) = strides.split_once(',').unwrap_or((strides, ""));
    let values = [base, reg, s0, s1].map(|t| if t.is_empty() { "0" } else { t });
    for ((suffix, lsb, width, signed), text) in field.parts().zip(values) {
        put(word, &format!("{}.{suffix}", field.name), number(text)?, (lsb, width, signed))?;
    }
    Ok(())
}

fn put(word: &mut Word, name: &str, value: i64, (lsb, width, signed): (u32, u32, bool)) -> Result<(), String> {
    let (min, max) =
        if signed { (-(1i64 << (width - 1)), (1i64 << (width - 1)) - 1) } else { (0, (1i64 << width) - 1) };
    if !(min..=max).contains(&value) {
        return Err(format!("{name} = {value} does not fit: allowed are {min}..={max}"));
    }
    word.set_bits(lsb, width, value.cast_unsigned());
    Ok(())
}

fn number(text: &str) -> Result<i64, String> {
    let (digits, negative) = text.strip_prefix('-').map_or((text, false), |rest| (rest, true));
    let (digits, radix) = digits.strip_prefix("0x").map_or((digits, 10), |hex| (hex, 16));
    let bad = || format!("`{text}` is not a number");
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return Err(bad());
    }
    let value = i64::from_str_radix(digits, radix).map_err(|_| bad())?;
    Ok(if negative { -value } else { value })
}

fn obey(directive: &str, out: &mut Source) -> Result<(), String> {
    let words: Vec<&str> = directive.split_whitespace().collect();
    match words.as_slice() {
        ["profile", fields @ ..] => fields.iter().try_for_each(|field| profile_field(field, &mut out.profile)),
        ["word", digits] => {
            out.text.push(leaf_from_hex(digits)?);
            Ok(())
        }
        ["const", row, form, values @ ..] => place(&mut out.constant, row, &rows(form, values)?),
        ["input", row, form, values @ ..] => place(&mut out.input, row, &rows(form, values)?),
        _ => Err(format!("`.{directive}` is no directive; known are .profile .const .input .word")),
    }
}

fn profile_field(field: &str, profile: &mut Profile) -> Result<(), String> {
    let (name, value) = field.split_once('=').ok_or_else(|| format!("`{field}` is not name=value"))?;
    let value = number(value)?;
    if name == "limit" {
        profile.limit = value.cast_unsigned();
        return Ok(());
    }
    let depth = u8::try_from(value).map_err(|_| format!("{name} = {value} is no log2 size"))?;
    match name {
        "text" => profile.text = depth,
        "const" => profile.constant = depth,
        "input" => profile.input = depth,
        "work" => profile.work = depth,
        "output" => profile.output = depth,
        "spad" => profile.spad = depth,
        "acc" => profile.acc = depth,
        _ => return Err(format!("the profile has no `{name}`; it has: limit text const input work output spad acc")),
    }
    if profile.is_valid() { Ok(()) } else { Err(crate::profile::InvalidProfile.to_string()) }
}

fn place(region: &mut Vec<Leaf>, row: &str, rows: &[Leaf]) -> Result<(), String> {
    let first = usize::try_from(number(row)?).map_err(|_| format!("row {row} is negative"))?;
    let end = first.saturating_add(rows.len());
    if end as u64 > MAX_ROWS {
        return Err(format!("row {end} is beyond the {MAX_ROWS} rows that a source may fill"));
    }
    region.resize(region.len().max(end), ZERO);
    region[first..end].copy_from_slice(rows);
    Ok(())
}

fn rows(form: &str, values: &[&str]) -> Result<Vec<Leaf>, String> {
    let numbers = || repeated(values);
    let count = |n: i64| {
        usize::try_from(n).ok().filter(|&n| n as u64 <= MAX_ROWS).ok_or_else(|| format!("{n} rows: at most {MAX_ROWS}"))
    };
    match form {
        "hex" => values.iter().map(|v| leaf_from_hex(v)).collect(),
        "i8" => {
            let numbers = numbers()?;
            let bytes: Vec<u8> = numbers.iter().map(|&v| v as u8).collect();
            if let Some(v) = numbers.iter().find(|v| !(-128..256).contains(*v)) {
                return Err(format!("{v} is no byte"));
            }
            Ok(bytes.chunks(LANES).map(|c| core::array::from_fn(|i| c.get(i).copied().unwrap_or(0))).collect())
        }
        "i32" => {
            let words = numbers()?.iter().map(|&v| word32(v)).collect::<Result<Vec<i32>, String>>()?;
            let lanes = words.chunks(LANES).map(|c| core::array::from_fn(|i| c.get(i).copied().unwrap_or(0)));
            Ok(lanes.flat_map(|lanes: Row32| row32_leaves(&lanes)).collect())
        }
        "words" => {
            let words = numbers()?.iter().map(|&v| word32(v)).collect::<Result<Vec<i32>, String>>()?;
            let row =
                |c: &[i32]| -> Leaf { core::array::from_fn(|i| c.get(i / 4).map_or(0, |w| w.to_be_bytes()[i % 4])) };
            Ok(words.chunks(LANES / 4).map(row).collect())
        }
        "fill" => match numbers()?.as_slice() {
            [byte] => Ok(alloc::vec![[*byte as u8; LANES]]),
            [byte, n] => Ok(alloc::vec![[*byte as u8; LANES]; count(*n)?]),
            _ => Err("fill BYTE [ROWS]".to_string()),
        },
        "random" => match numbers()?.as_slice() {
            [seed, n] => {
                let mut rng = Rng::new(seed.cast_unsigned());
                Ok((0..count(*n)?).map(|_| rng.leaf()).collect())
            }
            _ => Err("random SEED ROWS".to_string()),
        },
        _ => Err(format!("`{form}` is no form of data; known are hex i8 i32 words fill random")),
    }
}

/// Numbers, of which `V*N` is N times V.
fn repeated(values: &[&str]) -> Result<Vec<i64>, String> {
    let mut out = Vec::new();
    for text in values {
        let (value, times) = text.split_once('*').unwrap_or((text, "1"));
        let times = usize::try_from(number(times)?).ok().filter(|&n| n as u64 <= MAX_ROWS);
        let times = times.ok_or_else(|| format!("`{text}` repeats more than {MAX_ROWS} times"))?;
        out.extend(core::iter::repeat_n(number(value)?, times));
    }
    Ok(out)
}

fn word32(value: i64) -> Result<i32, String> {
    let fits = (i64::from(i32::MIN)..1 << 32).contains(&value);
    if fits { Ok(value as i32) } else { Err(format!("{value} does not fit 32 bits")) }
}

fn leaf_from_hex(text: &str) -> Result<Leaf, String> {
    let bad = || format!("`{text}` is not 64 hexadecimal digits");
    if text.len() != 64 || !text.is_ascii() {
        return Err(bad());
    }
    let mut leaf = ZERO;
    for (i, byte) in leaf.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| bad())?;
    }
    Ok(leaf)
}

/// Lower-case hexadecimal digits of a leaf.
#[must_use]
pub fn hex(leaf: &Leaf) -> String {
    leaf.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Matmul;
    use crate::{Operand, random};

    #[test]
    fn reads_operands_defaults_and_labels() {
        let source = "top:\n  matmul n0=4 d=3,1 a=8+x2,1,-14 w_base=32 k=9 ; comment\n bne ra=x1 imm=@top ; expect: status=count\n";
        let out = assemble(source).unwrap();
        let want = Matmul {
            lp: Loop::new(4, 1),
            d: Operand::new(3, 1, 0),
            a: Operand { base: 8, reg: 2, s0: 1, s1: -14 },
            w_base: 32,
            k: 9,
            n: 32,
            kt: 1,
            ..Matmul::default()
        };
        assert_eq!(Instr::decode(&out.text[0]), Ok(want.into()));
        assert_eq!(disassemble(&out.text[0]), "matmul n0=4 d=3,1 a=8+x2,1,-14 w_base=32 k=9");
        assert_eq!(out.expectations, [(3, "status=count".to_string())]);
    }

    #[test]
    fn errors_say_where_and_what() {
        let cases = [
            ("halt\nhopp", "line 2: no instruction `hopp`; docs/isa.md lists them"),
            ("li rd=x1 imm=-1", "line 1: imm = -1 does not fit: allowed are 0..=4294967295"),
            ("li rx=3", "line 1: `li` has no field `rx`; it has: rd imm"),
            ("load region=outer", "line 1: `outer` is not a number; region may also be const input work output"),
            ("add imm=--5", "line 1: `--5` is not a number"),
            ("a:\na:", "line 2: label `a:` is set twice"),
            (".const 70000 fill 1", "line 1: row 70001 is beyond the 65536 rows that a source may fill"),
        ];
        for (source, want) in cases {
            assert_eq!(assemble(source).unwrap_err().to_string(), want);
        }
    }

    #[test]
    fn names_and_numbers_are_one() {
        let line = "vadd d=1 a=2 b=7+x3,1 form=address csel=n creg=x4 n=0";
        assert_eq!(
            assemble(line).unwrap().text,
            assemble("vadd d=1 a=2 b=7+x3,1 form=3 csel=4 creg=4 n=0").unwrap().text
        );
        assert_eq!(disassemble(&assemble(line).unwrap().text[0]), "vadd creg=x4 csel=n d=1 a=2 b=7+x3,1 form=address");
        let gather = "gather n0=3 d=4,1 m=5,1 region=const index=9 limit_reg=x2 limit=1000";
        assert_eq!(disassemble(&assemble(gather).unwrap().text[0]), gather);
        let words = assemble(".input 1 words 1 -2 3 4 5 6 7 0x80000000 9").unwrap().input;
        assert_eq!(words[1][..8], [0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe]);
        assert_eq!((words[1][28], words[2][..4].to_vec()), (0x80, alloc::vec![0, 0, 0, 9]));
    }

    fn round_trips(leaf: Leaf) {
        let text = disassemble(&leaf);
        assert_eq!(assemble(&text).unwrap_or_else(|error| panic!("{text}: {error}")).text, [leaf], "{text}");
    }

    #[test]
    fn every_random_instruction_round_trips() {
        for seed in 0..200 {
            random::case(seed, 40).text.into_iter().for_each(round_trips);
        }
    }

    #[test]
    fn every_value_of_every_field_of_every_opcode_round_trips() {
        let mut rng = Rng::new(5);
        for row in TABLE {
            let opcode = Opcode::from_code(row.opcode).unwrap();
            let parts: Vec<_> = row.fields.iter().flat_map(FieldSpec::parts).collect();
            let instr = |set: &mut dyn FnMut(&mut Word)| {
                let mut word = Word::ZERO;
                word.set_bits(0, 8, opcode as u64);
                set(&mut word);
                round_trips(word.to_leaf());
            };
            for &(_, lsb, width, _) in &parts {
                // The ends, the sign's neighbours, and all values of a narrow field, with the other fields 0, then all ones.
                let narrow = 0..1u64 << width.min(8);
                let edges = [u64::MAX, 1 << (width - 1), (1 << (width - 1)) - 1];
                for value in narrow.chain(edges) {
                    instr(&mut |word| word.set_bits(lsb, width, value));
                    instr(&mut |word| {
                        parts.iter().for_each(|&(_, lsb, width, _)| word.set_bits(lsb, width, u64::MAX));
                        word.set_bits(lsb, width, value);
                    });
                }
            }
            for _ in 0..300 {
                instr(&mut |word| parts.iter().for_each(|&(_, lsb, width, _)| word.set_bits(lsb, width, rng.bits())));
            }
        }
    }
}
