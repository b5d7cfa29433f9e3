//! The modules of an emitted Verilog text.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use crate::process;

/// The Verilog of a target, or of parameters in JSON.
///
/// # Errors
/// There is no such machine.
pub(crate) fn emitted(params: &str) -> Result<String> {
    let mut command = process::cargo();
    command.args(["run", "--quiet", "--package", "hdl", "--example", "emit", "--", params]);
    process::capture_aside(&mut command)
}

/// Texts by name.
pub(crate) struct Modules<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Modules<'a> {
    /// Finds them by their first and last lines, as rust-hdl writes these.
    pub(crate) fn of(text: &'a str) -> Modules<'a> {
        let named = |part: &'a str| Some((part.split_once('(')?.0.trim(), part));
        let parts = text.split("\nmodule ").skip(1).filter_map(|part| named(part.split("\nendmodule").next()?));
        Modules(parts.collect())
    }

    /// The body of a module, from its name on and without `endmodule`.
    ///
    /// # Errors
    /// There is none of this name.
    pub(crate) fn body(&self, name: &str) -> Result<&'a str> {
        self.0.get(name).copied().with_context(|| format!("the emitted Verilog has no module {name}"))
    }

    /// The modules whose instances are in one, and in those, without itself.
    ///
    /// # Errors
    /// There is none of this name.
    pub(crate) fn below(&self, name: &str) -> Result<BTreeSet<&'a str>> {
        let mut found = BTreeSet::new();
        let mut open = vec![self.body(name)?];
        while let Some(body) = open.pop() {
            let words = body.lines().filter_map(|line| line.split_whitespace().next());
            for (child, text) in words.filter_map(|word| self.0.get_key_value(word)) {
                if found.insert(*child) {
                    open.push(text);
                }
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_modules_and_what_is_in_them() {
        let text =
            "// x\nmodule a(p);\n    b c(\n    );\nendmodule\n\nmodule b();\nendmodule\n\nmodule d();\nendmodule\n";
        let modules = Modules::of(text);
        assert!(modules.body("a").unwrap().starts_with("a(p);"));
        assert_eq!(modules.below("a").unwrap().into_iter().collect::<Vec<_>>(), ["b"]);
        assert!(modules.body("e").is_err());
    }
}
