//! Boards: what each is, as data (`NAME.toml`), and what an FPGA's tools need for it.
//!
//! [`Board::verilog`] is a whole design of which a machine is the largest part: the shell around it (`hdl::emit_shell`) gives
//! its memory to a host. [`Board::constraints`] says where its pins are.

mod constraints;
mod verilog;

use hdl::{CYCLES_PER_BIT, EmitError, Params, ParamsError};
use serde::Deserialize;

pub use verilog::TOP;

/// The boards that there are.
const BOARDS: &[(&str, &str)] =
    &[("icebreaker", include_str!("../icebreaker.toml")), ("ulx3s", include_str!("../ulx3s.toml"))];

/// Thousandths of a bit's length by which the two ends of a line may differ.
const BAUD_PERMILLE: u64 = 20;

/// What a board is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// The FPGA.
    pub part: Part,
    /// The parameters of its machine, by name.
    pub target: String,
    /// Cycles of the oscillator in a second.
    pub oscillator_hz: u64,
    /// Cycles of the oscillator to one of the machine: 1 or 2.
    #[serde(default = "one")]
    pub oscillator_cycles: u64,
    /// Bits of the line in a second.
    pub baud: u64,
    /// Where the lines are.
    pub pins: Pins,
}

/// An FPGA, in the terms of nextpnr.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, tag = "family", rename_all = "lowercase")]
pub enum Part {
    /// Lattice iCE40.
    Ice40 {
        /// `up5k`.
        device: String,
        /// `sg48`.
        package: String,
    },
    /// Lattice ECP5.
    Ecp5 {
        /// `85k`.
        device: String,
        /// `CABGA381`.
        package: String,
        /// Speed grade.
        speed: u8,
    },
}

/// Pins by what is at them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    /// The oscillator.
    pub oscillator: String,
    /// From the host.
    pub rx: String,
    /// To the host.
    pub tx: String,
    /// A light: high while a run goes on.
    pub busy: String,
    /// What has to be held high.
    #[serde(default)]
    pub high: Vec<String>,
}

fn one() -> u64 {
    1
}

/// Why there is no such board.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// No board has this name.
    #[error("no board is named `{name}`; there are {known}")]
    Name {
        /// The name asked for.
        name: String,
        /// Those that exist.
        known: String,
    },
    /// The data is none of a board.
    #[error("a board's data: {0}")]
    Data(#[from] toml::de::Error),
    /// Its machine has no parameters.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// No clock of the machine.
    #[error("oscillator_cycles is {0}, must be 1 or 2")]
    OscillatorCycles(u64),
    /// The line is too fast or slow for the clock, or cannot be met by whole cycles.
    #[error(
        "baud is {baud}: {clock_hz} Hz give {cycles} cycles a bit, must be {from} to {to} and within {BAUD_PERMILLE} thousandths",
        from = CYCLES_PER_BIT.start(),
        to = CYCLES_PER_BIT.end()
    )]
    Baud {
        /// The rate.
        baud: u64,
        /// The machine's clock.
        clock_hz: u64,
        /// The nearest number of cycles.
        cycles: u64,
    },
    /// There is no Verilog.
    #[error(transparent)]
    Emit(#[from] EmitError),
}

impl Board {
    /// The board of this name.
    ///
    /// # Errors
    /// No board has it.
    pub fn named(name: &str) -> Result<Board, BoardError> {
        let text = BOARDS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text).ok_or_else(|| {
            let known: Vec<_> = BOARDS.iter().map(|(known, _)| *known).collect();
            BoardError::Name { name: name.into(), known: known.join(", ") }
        })?;
        Board::parse(text)
    }

    /// The names of all boards.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BOARDS.iter().map(|(name, _)| *name)
    }

    /// The board of this data.
    ///
    /// # Errors
    /// It is none, or cannot be built.
    pub fn parse(text: &str) -> Result<Board, BoardError> {
        let board: Board = toml::from_str(text)?;
        board.params()?.validate()?;
        if !(1..=2).contains(&board.oscillator_cycles) {
            return Err(BoardError::OscillatorCycles(board.oscillator_cycles));
        }
        let (baud, clock_hz, cycles) = (board.baud, board.clock_hz(), board.cycles_per_bit());
        let off = (baud * cycles).abs_diff(clock_hz);
        if !CYCLES_PER_BIT.contains(&cycles) || off * 1000 > clock_hz * BAUD_PERMILLE {
            return Err(BoardError::Baud { baud, clock_hz, cycles });
        }
        Ok(board)
    }

    /// The parameters of its machine.
    ///
    /// # Errors
    /// There is no target of that name.
    pub fn params(&self) -> Result<Params, BoardError> {
        Ok(Params::target(&self.target)?)
    }

    /// Cycles of the machine in a second.
    #[must_use]
    pub fn clock_hz(&self) -> u64 {
        self.oscillator_hz / self.oscillator_cycles.max(1)
    }

    /// Cycles of the machine to a bit of the line.
    #[must_use]
    pub fn cycles_per_bit(&self) -> u64 {
        let baud = self.baud.max(1);
        (self.clock_hz() + baud / 2) / baud
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_found_by_name() {
        for name in Board::names() {
            Board::named(name).unwrap();
        }
        assert_eq!(
            Board::named("de10").unwrap_err().to_string(),
            "no board is named `de10`; there are icebreaker, ulx3s"
        );
    }

    #[test]
    fn what_cannot_be_built_is_named() {
        let with = |from: &str, to: &str| Board::parse(&BOARDS[0].1.replace(from, to)).unwrap_err().to_string();
        assert_eq!(
            with("1_000_000", "5_000_000"),
            "baud is 5000000: 12000000 Hz give 2 cycles a bit, must be 4 to 4096 and within 20 thousandths"
        );
        assert!(with("baud = 1_000_000", "baud = 1_800_000").contains("7 cycles a bit"));
        assert!(with("\"up5k\"\nosc", "\"up6k\"\nosc").starts_with("no target is named `up6k`"));
        assert!(with("rx =", "rs =").contains("unknown field `rs`"));
        assert_eq!(with("baud", "oscillator_cycles = 3\nbaud"), "oscillator_cycles is 3, must be 1 or 2");
    }
}
