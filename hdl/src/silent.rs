//! Forms that rust-hdl accepts and whose Verilog differs from the Rust: no `#[hdl_gen]` may contain one.

use std::fs;
use std::path::{Path, PathBuf};

/// The forms that text can show, in a line without spaces: what, and what to write instead.
fn fault(line: &str) -> Option<&'static str> {
    let call = |name: &str| line.match_indices(name).map(|(at, _)| argument(&line[at..])).collect::<Vec<_>>();
    let computes = |argument: &str| {
        let shallow = outermost(argument);
        shallow.starts_with('!') || shallow.contains(['+', '*']) || shallow.contains('-') || shallow.contains("<<")
    };
    if call("bit_cast::<").into_iter().any(computes) {
        return Some("a cast keeps the carry: stage its argument in a Local");
    }
    if line.contains("signed_bit_cast") {
        return Some("a signed cast truncates first or overflows: use a leaf");
    }
    if mixes_comparison(line) {
        return Some("a comparison binds differently beside & | ^: parenthesise it");
    }
    if compares_sum(line) {
        return Some("a literal makes a sum 32 bits wide: stage it in a Local before comparing");
    }
    None
}

/// The first parenthesised argument list in `text`, without its parentheses.
fn argument(text: &str) -> &str {
    let Some(open) = text.find('(') else { return "" };
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate().skip(open) {
        depth += i32::from(byte == b'(') - i32::from(byte == b')');
        if depth == 0 {
            return &text[open + 1..at];
        }
    }
    &text[open + 1..]
}

/// The text outside all parentheses, and outside generic arguments.
fn outermost(text: &str) -> String {
    let mut depth = 0;
    let mut shallow = String::new();
    for byte in text.chars() {
        depth += i32::from(byte == '(' || byte == '{') - i32::from(byte == ')' || byte == '}');
        if depth == 0 && !matches!(byte, ')' | '}') {
            shallow.push(byte);
        }
    }
    shallow
}

/// Every stretch of text at one depth of parentheses, each a list of operators and operands.
fn levels(text: &str) -> Vec<String> {
    let mut open = vec![String::new()];
    let mut closed = Vec::new();
    for letter in text.chars() {
        match letter {
            '(' => open.push(String::new()),
            ')' => closed.extend(open.pop()),
            ',' => {
                if let Some(level) = open.last_mut() {
                    closed.push(std::mem::take(level));
                }
            }
            _ => {
                if let Some(level) = open.last_mut() {
                    level.push(letter);
                }
            }
        }
    }
    closed.extend(open);
    closed
}

const COMPARISONS: [&str; 6] = ["==", "!=", "<=", ">=", " < ", " > "];

fn mixes_comparison(line: &str) -> bool {
    levels(line).iter().any(|level| {
        COMPARISONS.iter().any(|op| level.contains(op)) && [" & ", " | ", " ^ "].iter().any(|op| level.contains(op))
    })
}

fn compares_sum(line: &str) -> bool {
    levels(line).iter().any(|level| {
        COMPARISONS.iter().any(|op| level.contains(op)) && [" + ", " - "].iter().any(|op| level.contains(op))
    })
}

/// The statements of every `#[hdl_gen]` function of a source, each on one line.
fn statements(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in source.split("#[hdl_gen]").skip(1) {
        let end = part.find("\n    }\n").unwrap_or(part.len());
        let code: Vec<_> = part[..end].lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = code.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
        found.extend(code.split([';', '{', '}']).map(|text| text.trim().to_owned()));
    }
    found
}

/// Every Rust source under a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(end) if end == "rs" => vec![path],
            _ => Vec::new(),
        })
        .collect()
}

#[test]
fn no_kernel_contains_a_silent_form() {
    let mut files = 0;
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        if path.ends_with("silent.rs") {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        for statement in statements(&source) {
            if let Some(reason) = fault(&statement) {
                panic!("{}: {reason}: {statement}", path.display());
            }
        }
        files += usize::from(source.contains("#[hdl_gen]"));
    }
    assert!(files > 15, "only {files} files have a kernel");
}

#[test]
fn silent_forms_are_recognised() {
    for bad in [
        "self.x.next = self.a.val() & self.b.val() == self.c.val()",
        "self.x.next = bit_cast::<16, 8>(self.a.val() + self.b.val())",
        "self.x.next = bit_cast::<16, 8>(!self.a.val())",
        "if self.a.val() + 1 == self.b.val()",
        "self.x.next = signed_bit_cast::<48, 32>(self.a.val() * self.b.val())",
    ] {
        assert!(fault(bad).is_some(), "{bad}");
    }
    for good in [
        "self.x.next = (self.a.val() == 1) & (self.b.val() != self.c.val())",
        "self.x.next = bit_cast::<16, 8>(self.a.val()) + self.b.val()",
        "if self.a.val() == Kind::Load",
    ] {
        assert_eq!(fault(good), None, "{good}");
    }
}
