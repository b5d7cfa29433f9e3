//! The whole design: machine, shell, pins.

use std::fmt::Write as _;

use hdl::{SHELL, emit, emit_shell};

use crate::{Board, BoardError};

/// The name of the design's top module.
pub const TOP: &str = "board";

impl Board {
    /// The design's Verilog; the top module is [`TOP`].
    ///
    /// # Errors
    /// There is no such machine.
    pub fn verilog(&self) -> Result<String, BoardError> {
        let params = self.params()?;
        let (machine, shell) = (emit(&params)?, emit_shell(&params, self.cycles_per_bit())?);
        Ok(format!("{machine}\n{shell}\n{}", self.top()))
    }

    fn top(&self) -> String {
        let (mut ports, mut high) = (String::new(), String::new());
        for at in 0..self.pins.high.len() {
            write!(ports, ", output high{at}").ok();
            writeln!(high, "assign high{at} = 1'b1;").ok();
        }
        let clock = if self.oscillator_cycles == 1 {
            "wire clock = oscillator;\n"
        } else {
            "reg clock = 1'b0;\nalways @(posedge oscillator) clock <= !clock;\n"
        };
        format!(
            "module {TOP}(input oscillator, input rx, output tx, output busy{ports});
{clock}{high}{SHELL} shell(.clock(clock), .rx(rx), .tx(tx), .busy(busy));
endmodule
"
        )
    }
}
