//! Where the cycles went: for each unit and for the front end, how many it spent on what.

use rust_hdl::prelude::*;

use crate::scoreboard::UNITS;

/// Codes of `activity` that are counted, of a unit and of the front end: 1 to 6, as 0 is the rest.
const CODES: usize = 6;

/// Counters of 64 bits: `count` has those of unit 0, code 1 to 6, then of unit 1, and so on; the front end is the last.
#[derive(LogicBlock)]
pub(crate) struct Counters {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) clear: Signal<In, Bit>,
    /// The run goes on.
    pub(crate) enable: Signal<In, Bit>,
    /// Three bits for each unit, then three for the front end.
    pub(crate) activity: Signal<In, Bits<21>>,
    pub(crate) new_macs: Signal<In, Bits<16>>,
    /// A beat of memory is read, is written.
    pub(crate) read: Signal<In, Bit>,
    pub(crate) write: Signal<In, Bit>,
    pub(crate) count: Vec<Signal<Out, Bits<64>>>,
    pub(crate) cycles: Signal<Out, Bits<64>>,
    pub(crate) macs: Signal<Out, Bits<64>>,
    pub(crate) bytes_read: Signal<Out, Bits<64>>,
    pub(crate) bytes_written: Signal<Out, Bits<64>>,
    _beat_bytes: usize,
}

impl Counters {
    /// For a memory port of so many bytes.
    pub(crate) fn new(beat_bytes: usize) -> Counters {
        Counters {
            clock: Signal::default(),
            clear: Signal::default(),
            enable: Signal::default(),
            activity: Signal::default(),
            new_macs: Signal::default(),
            read: Signal::default(),
            write: Signal::default(),
            count: (0..(UNITS + 1) * CODES).map(|_| Signal::default()).collect(),
            cycles: Signal::default(),
            macs: Signal::default(),
            bytes_read: Signal::default(),
            bytes_written: Signal::default(),
            _beat_bytes: beat_bytes,
        }
    }
}

impl Logic for Counters {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        if self.clear.val() {
            self.count.iter_mut().for_each(|count| count.next = Bits::default());
            for sum in [&mut self.cycles, &mut self.macs, &mut self.bytes_read, &mut self.bytes_written] {
                sum.next = Bits::default();
            }
        } else if self.enable.val() {
            for part in 0..=UNITS {
                let code = self.activity.val().get_bits::<3>(3 * part).index();
                if (1..=CODES).contains(&code) {
                    let count = &mut self.count[part * CODES + code - 1];
                    count.next = count.val() + 1;
                }
            }
            let bytes = |beat: bool| if beat { self._beat_bytes as u64 } else { 0 };
            self.cycles.next = self.cycles.val() + 1;
            self.macs.next = self.macs.val() + self.new_macs.val().to_u64();
            self.bytes_read.next = self.bytes_read.val() + bytes(self.read.val());
            self.bytes_written.next = self.bytes_written.val() + bytes(self.write.val());
        }
    }

    fn connect(&mut self) {
        for count in &mut self.count {
            count.connect();
        }
        self.cycles.connect();
        self.macs.connect();
        self.bytes_read.connect();
        self.bytes_written.connect();
    }

    fn hdl(&self) -> Verilog {
        let all = |what: &str| -> String {
            (0..self.count.len()).map(|index| what.replace('#', &index.to_string())).collect::<Vec<_>>().join("\n")
        };
        let mut cases = String::new();
        for part in 0..=UNITS {
            cases.push_str(&format!("        case (activity[{}:{}])\n", 3 * part + 2, 3 * part));
            for code in 1..=CODES {
                let index = part * CODES + code - 1;
                cases.push_str(&format!("            3'd{code}: count${index} <= count${index} + 64'd1;\n"));
            }
            cases.push_str("            default: ;\n        endcase\n");
        }
        Verilog::Custom(format!(
            "initial begin
{initial}
    cycles = 0;
    macs = 0;
    bytes_read = 0;
    bytes_written = 0;
end
always @(posedge clock) begin
    if (clear) begin
{clear}
        cycles <= 0;
        macs <= 0;
        bytes_read <= 0;
        bytes_written <= 0;
    end else if (enable) begin
        cycles <= cycles + 64'd1;
        macs <= macs + {{48'h0, new_macs}};
        if (read) bytes_read <= bytes_read + 64'd{bytes};
        if (write) bytes_written <= bytes_written + 64'd{bytes};
{cases}    end
end",
            initial = all("    count$# = 0;"),
            clear = all("        count$# <= 0;"),
            bytes = self._beat_bytes,
        ))
    }
}
