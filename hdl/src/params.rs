//! The parameters of one machine: what may differ between implementations of the same ISA.

use serde::{Deserialize, Serialize};

/// How a machine is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Datapath {
    /// Units side by side, a row at a time.
    #[default]
    Parallel,
    /// One engine with a microprogram, a word at a time.
    Serial,
}

/// Sizes of one implementation. Programs see none of them but through their speed and what fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// How it is built. Of the others, a serial machine has the sizes of spad and acc, and requires a port of 4 bytes.
    #[serde(default)]
    pub datapath: Datapath,
    /// Inputs (k) that the array multiplies at once. Requires 4, 8, 16 or 32.
    pub array_rows: usize,
    /// Outputs (n) that the array sums at once. Requires 4, 8, 16 or 32.
    pub array_cols: usize,
    /// log₂ of the rows of spad (32 bytes each). Requires 5..=20.
    pub spad_log2: usize,
    /// log₂ of the row32s of acc (128 bytes each). Requires 2..=20.
    pub acc_log2: usize,
    /// Bytes of one beat of the memory port. Requires a power of two, 1..=32.
    pub port_bytes: usize,
    /// Lanes that the vector unit treats in one cycle. Requires 1, 2, 4, 8, 16 or 32.
    pub vector_lanes: usize,
    /// Lanes that the depthwise unit multiplies in one cycle, three taps in each. Requires 4, 8, 16 or 32.
    #[serde(default = "default_depthwise_lanes")]
    pub depthwise_lanes: usize,
    /// Banks of spad. Requires a power of two, 1..=32, and two rows in each.
    #[serde(default = "default_spad_banks")]
    pub spad_banks: usize,
    /// Banks of acc. Requires a power of two, 1..=32, and two row32s in each.
    #[serde(default = "default_acc_banks")]
    pub acc_banks: usize,
    /// Row instructions that may be issued and not yet retired. Requires 2, 4, 8 or 16.
    #[serde(default = "default_in_flight")]
    pub in_flight: usize,
    /// Instructions that wait in front of each unit. Requires 2, 4, 8 or 16.
    #[serde(default = "default_queue_depth")]
    pub queue_depth: usize,
}

// A file that is older than these parameters reads as a machine that any other sizes allow.
fn default_depthwise_lanes() -> usize {
    32
}

fn default_spad_banks() -> usize {
    4
}

fn default_acc_banks() -> usize {
    2
}

fn default_in_flight() -> usize {
    8
}

fn default_queue_depth() -> usize {
    4
}

/// Why there is no such machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// A value that no machine can have.
    #[error("{name} is {value}, must be {allowed}")]
    Value {
        /// The parameter.
        name: &'static str,
        /// What it is.
        value: usize,
        /// What it may be.
        allowed: &'static str,
    },
    /// No set of this name.
    #[error("no target is named `{name}`; there are {known}")]
    Target {
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
}

/// The parameters of `p8`; the others differ from it.
const P8: Params = Params {
    datapath: Datapath::Parallel,
    array_rows: 8,
    array_cols: 8,
    spad_log2: 12,
    acc_log2: 9,
    port_bytes: 8,
    vector_lanes: 2,
    depthwise_lanes: 8,
    spad_banks: 2,
    acc_banks: 1,
    in_flight: 4,
    queue_depth: 2,
};

const P16: Params = Params {
    datapath: Datapath::Parallel,
    array_rows: 16,
    array_cols: 16,
    spad_log2: 13,
    acc_log2: 10,
    port_bytes: 16,
    vector_lanes: 16,
    depthwise_lanes: 32,
    spad_banks: 8,
    acc_banks: 4,
    in_flight: 8,
    queue_depth: 4,
};

const P32: Params =
    Params { array_rows: 32, array_cols: 32, spad_log2: 14, acc_log2: 11, port_bytes: 32, vector_lanes: 32, ..P16 };

/// spad and acc are the four SPRAMs of an iCE40UP5K; four products in one micro-instruction.
const UP5K: Params = Params {
    datapath: Datapath::Serial,
    array_rows: 1,
    array_cols: 4,
    spad_log2: 11,
    acc_log2: 9,
    port_bytes: 4,
    vector_lanes: 1,
    depthwise_lanes: 4,
    spad_banks: 1,
    acc_banks: 1,
    in_flight: 1,
    queue_depth: 1,
};

/// The named parameter sets.
pub const TARGETS: &[(&str, Params)] =
    &[("p8", P8), ("p8x16", Params { array_cols: 16, ..P8 }), ("p16", P16), ("p32", P32), ("up5k", UP5K)];

/// The targets whose Verilog is committed, as `hdl/verilog/systole_NAME.v`.
pub const COMMITTED: &[&str] = &["p8", "p16", "up5k"];

impl Params {
    /// The set of this name.
    ///
    /// # Errors
    /// No set has it; the message lists those that exist.
    pub fn target(name: &str) -> Result<Params, ParamsError> {
        TARGETS.iter().find(|(known, _)| *known == name).map(|(_, params)| *params).ok_or_else(|| {
            let known: Vec<_> = TARGETS.iter().map(|(known, _)| *known).collect();
            ParamsError::Target { name: name.into(), known: known.join(", ") }
        })
    }

    /// Whether there can be such a machine.
    ///
    /// # Errors
    /// The first parameter out of range.
    pub fn validate(&self) -> Result<(), ParamsError> {
        ensure((5..=20).contains(&self.spad_log2), "spad_log2", self.spad_log2, "5..=20")?;
        ensure((2..=20).contains(&self.acc_log2), "acc_log2", self.acc_log2, "2..=20")?;
        if self.datapath == Datapath::Serial {
            return ensure(self.port_bytes == 4, "port_bytes", self.port_bytes, "4 in a serial machine");
        }
        let power = |name, value: usize, from: usize, allowed| {
            ensure(value.is_power_of_two() && (from..=32).contains(&value), name, value, allowed)
        };
        power("array_rows", self.array_rows, 4, "4, 8, 16 or 32")?;
        power("array_cols", self.array_cols, 4, "4, 8, 16 or 32")?;
        power("port_bytes", self.port_bytes, 1, "1, 2, 4, 8, 16 or 32")?;
        power("vector_lanes", self.vector_lanes, 1, "1, 2, 4, 8, 16 or 32")?;
        power("depthwise_lanes", self.depthwise_lanes, 4, "4, 8, 16 or 32")?;
        let banks = |name, value: usize, rows_log2: usize| {
            let fit = value.is_power_of_two() && value <= 32 && 2 * value <= 1 << rows_log2;
            ensure(fit, name, value, "1, 2, 4, 8, 16 or 32, and at most half as many as there are rows")
        };
        banks("spad_banks", self.spad_banks, self.spad_log2)?;
        banks("acc_banks", self.acc_banks, self.acc_log2)?;
        let few = |value: usize| value.is_power_of_two() && (2..=16).contains(&value);
        ensure(few(self.in_flight), "in_flight", self.in_flight, "2, 4, 8 or 16")?;
        ensure(few(self.queue_depth), "queue_depth", self.queue_depth, "2, 4, 8 or 16")
    }
}

fn ensure(condition: bool, name: &'static str, value: usize, allowed: &'static str) -> Result<(), ParamsError> {
    if condition { Ok(()) } else { Err(ParamsError::Value { name, value, allowed }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_valid_and_found_by_name() {
        for (name, params) in TARGETS {
            assert_eq!(params.validate(), Ok(()), "{name}");
            assert_eq!(Params::target(name), Ok(*params));
        }
        assert_eq!(
            Params::target("p9").unwrap_err().to_string(),
            "no target is named `p9`; there are p8, p8x16, p16, p32, up5k"
        );
    }

    #[test]
    fn a_bad_value_is_named() {
        let params = Params { array_rows: 12, ..TARGETS[0].1 };
        assert_eq!(params.validate().unwrap_err().to_string(), "array_rows is 12, must be 4, 8, 16 or 32");
    }

    #[test]
    fn survives_json() {
        for (_, params) in TARGETS {
            let text = serde_json::to_string(params).unwrap();
            assert_eq!(serde_json::from_str::<Params>(&text).unwrap(), *params);
        }
    }

    #[test]
    fn a_serial_machine_has_a_port_of_a_word() {
        let params = Params { port_bytes: 8, ..UP5K };
        assert_eq!(params.validate().unwrap_err().to_string(), "port_bytes is 8, must be 4 in a serial machine");
    }

    #[test]
    fn reads_a_file_without_banks() {
        let text = r#"{"array_rows":4,"array_cols":4,"spad_log2":5,"acc_log2":2,"port_bytes":1,"vector_lanes":1}"#;
        let params: Params = serde_json::from_str(text).unwrap();
        assert_eq!((params.spad_banks, params.acc_banks, params.in_flight, params.queue_depth), (4, 2, 8, 4));
        assert_eq!(params.datapath, Datapath::Parallel);
        assert_eq!(params.validate(), Ok(()));
    }

    #[test]
    fn a_bank_has_two_rows() {
        let params = Params { acc_log2: 2, acc_banks: 4, ..P8 };
        assert!(params.validate().unwrap_err().to_string().starts_with("acc_banks is 4, must be 1, 2, 4"));
    }
}
