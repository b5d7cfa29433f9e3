//! Which instructions a trace shows.

use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};
use isa::{Reach, Regs};

use super::place::space_name;

/// Rows of a space, or a register: `spad:100..120`, `acc:3`, `output:0..4`, `x3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    Rows { space: String, lo: i64, hi: i64 },
    Register(usize),
}

const SPACES: [&str; 6] = ["spad", "acc", "const", "input", "work", "output"];

impl FromStr for Watched {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Watched> {
        let usage = "give SPACE:ROW, SPACE:FIRST..END (END is not watched) or a register like x3";
        if let Some(number) = text.strip_prefix('x') {
            let register: usize = number.parse().with_context(|| format!("`{text}`: {usage}"))?;
            ensure!(register < 16, "`{text}`: registers are x0..x15");
            return Ok(Watched::Register(register));
        }
        let (space, rows) = text.split_once(':').with_context(|| format!("`{text}`: {usage}"))?;
        if !SPACES.contains(&space) {
            bail!("`{text}`: no space `{space}`; there are: {}", SPACES.join(" "));
        }
        let number =
            |text: &str| text.parse::<u32>().map(i64::from).with_context(|| format!("`{text}` is no row: {usage}"));
        let (lo, hi) = match rows.split_once("..") {
            Some((lo, end)) => (number(lo)?, number(end)? - 1),
            None => (number(rows)?, number(rows)?),
        };
        ensure!(lo <= hi, "`{text}` names no row");
        Ok(Watched::Rows { space: space.to_string(), lo, hi })
    }
}

impl Watched {
    /// Whether an instruction's operands may name what is watched, or its registers changed so.
    pub(crate) fn touches(&self, operands: &[Reach], before: &Regs, after: &Regs) -> bool {
        match self {
            Watched::Register(register) => before.x[*register] != after.x[*register],
            Watched::Rows { space, lo, hi } => {
                operands.iter().any(|it| space_name(it.space) == space && it.rows.lo <= *hi && *lo <= it.rows.hi)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at once")]
    use super::*;

    #[test]
    fn reads_places() {
        let rows = |space: &str, lo, hi| Watched::Rows { space: space.into(), lo, hi };
        assert_eq!("spad:100..120".parse::<Watched>().unwrap(), rows("spad", 100, 119));
        assert_eq!("acc:3".parse::<Watched>().unwrap(), rows("acc", 3, 3));
        assert_eq!("x15".parse::<Watched>().unwrap(), Watched::Register(15));
        for bad in ["", "x16", "x", "spad", "spad:", "spad:3..3", "ram:1", "acc:-1", "work:1..99999999999"] {
            assert!(bad.parse::<Watched>().is_err(), "{bad}");
        }
    }
}
