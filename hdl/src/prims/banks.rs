//! The rows of a memory in banks, each a block RAM with one read and one write a cycle.

use std::fmt::Write as _;

use rust_hdl::prelude::*;

/// `2^rows_log2` rows of `D` bits in `banks` banks, which the high bits of an address choose. Contents start as zero.
///
/// A port that is granted has its bank to itself in that cycle: no two grants of a direction in one bank. Data of a read
/// are there in the cycle after it, and only then. A read of the row that is written in the same cycle gives the old row;
/// no unit makes one (docs/microarchitecture.md, banks), so that synthesis need not see to it. `clear` writes zero to a row
/// of every bank, and is alone. Where there are masks, they have a bit a byte.
#[derive(LogicBlock)]
pub(crate) struct Banks<const D: usize> {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) clear: Signal<In, Bit>,
    pub(crate) clear_address: Signal<In, Bits<20>>,
    pub(crate) read: Vec<Signal<In, Bit>>,
    pub(crate) read_address: Vec<Signal<In, Bits<20>>>,
    pub(crate) read_data: Vec<Signal<Out, Bits<D>>>,
    pub(crate) write: Vec<Signal<In, Bit>>,
    pub(crate) write_address: Vec<Signal<In, Bits<20>>>,
    pub(crate) write_data: Vec<Signal<In, Bits<D>>>,
    pub(crate) write_mask: Vec<Signal<In, Bits<32>>>,
    _bank_log2: usize,
    _words: Vec<Vec<Bits<D>>>,
    _out: Vec<Bits<D>>,
    _from: Vec<usize>,
}

/// A list of so many ports.
fn ports<T: Default>(number: usize) -> Vec<T> {
    (0..number).map(|_| T::default()).collect()
}

impl<const D: usize> Banks<D> {
    /// With so many ports of each direction; `masks` is 0 or the number of writers.
    pub(crate) fn new(rows_log2: usize, banks: usize, reads: usize, writes: usize, masks: usize) -> Self {
        assert!(masks == 0 || (masks == writes && D == 256), "a mask has 32 bits and belongs to a write");
        let bank_log2 = rows_log2 - banks.trailing_zeros() as usize;
        Self {
            clock: Signal::default(),
            clear: Signal::default(),
            clear_address: Signal::default(),
            read: ports(reads),
            read_address: ports(reads),
            read_data: ports(reads),
            write: ports(writes),
            write_address: ports(writes),
            write_data: ports(writes),
            write_mask: ports(masks),
            _bank_log2: bank_log2,
            _words: vec![vec![Bits::default(); 1 << bank_log2]; banks],
            _out: vec![Bits::default(); banks],
            _from: vec![0; reads],
        }
    }

    /// The bank of an address, and the row in it.
    fn place(&self, address: Bits<20>) -> (usize, usize) {
        let address = address.index();
        ((address >> self._bank_log2) % self._words.len(), address % (1 << self._bank_log2))
    }

    fn clocked(&mut self) {
        for port in 0..self.read.len() {
            if self.read[port].val() {
                let (bank, row) = self.place(self.read_address[port].val());
                self._out[bank] = self._words[bank][row];
                self._from[port] = bank;
            }
        }
        if self.clear.val() {
            let (_, row) = self.place(self.clear_address.val());
            for bank in &mut self._words {
                bank[row] = Bits::default();
            }
        }
        for port in 0..self.write.len() {
            if !self.write[port].val() {
                continue;
            }
            let (bank, row) = self.place(self.write_address[port].val());
            let data = self.write_data[port].val();
            let Some(mask) = self.write_mask.get(port) else {
                self._words[bank][row] = data;
                continue;
            };
            for byte in (0..32).filter(|&byte| mask.val().get_bit(byte)) {
                self._words[bank][row].set_bits::<8>(8 * byte, data.get_bits::<8>(8 * byte));
            }
        }
    }

    /// The bits of the bank in an address, if there is more than one bank.
    fn select(&self) -> Option<String> {
        let (low, log2) = (self._bank_log2, self._words.len().trailing_zeros() as usize);
        (log2 > 0).then(|| format!("[{}:{low}]", low + log2 - 1))
    }

    /// Whether the port's address is in the bank.
    fn chosen(&self, list: &str, port: usize, bank: usize) -> String {
        let select = self.select().map(|bits| format!(" && {list}_address${port}{bits} == {bank}"));
        format!("{list}${port}{}", select.unwrap_or_default())
    }

    /// The block RAM of one bank. Its wide data are touched only in cycles that write.
    fn bank(&self, bank: usize) -> String {
        let (width, rows, top) = (D - 1, (1usize << self._bank_log2) - 1, self._bank_log2 - 1);
        let mut text = String::from("`ifdef SYNTHESIS\n(* no_rw_check *)\n`endif\n");
        writeln!(text, "reg [{width}:0] bank{bank} [0:{rows}];").ok();
        let any = |list: &str, ports: usize| {
            (0..ports).map(|port| self.chosen(list, port, bank)).collect::<Vec<_>>().join(" || ")
        };
        let address = |list: &str, ports: usize| {
            (0..ports - 1).rev().fold(format!("{list}_address${}[{top}:0]", ports - 1), |rest, port| {
                format!("{} ? {list}_address${port}[{top}:0] : {rest}", self.chosen(list, port, bank))
            })
        };
        let (reads, writes) = (self.read.len(), self.write.len());
        writeln!(text, "wire [{top}:0] read_row{bank} = {};", address("read", reads)).ok();
        writeln!(
            text,
            "wire [{top}:0] write_row{bank} = clear ? clear_address[{top}:0] : {};",
            address("write", writes)
        )
        .ok();
        writeln!(text, "always @(posedge clock) begin").ok();
        writeln!(text, "    if ({}) out[{bank}] <= bank{bank}[read_row{bank}];", any("read", reads)).ok();
        // One assignment, as a simulator sets aside what each writes until the end of the cycle. Verilator is spared that
        // too: nothing but this block looks at the bank, and it has read before it writes.
        let place = format!("bank{bank}[write_row{bank}]");
        let data = (0..writes).rev().fold(String::new(), |rest, port| {
            let data = if self.write_mask.is_empty() {
                format!("write_data${port}")
            } else {
                format!("merged({place}, write_data${port}, write_mask${port})")
            };
            if rest.is_empty() { data } else { format!("{} ? {data} : {rest}", self.chosen("write", port, bank)) }
        });
        writeln!(text, "    if (clear || {})", any("write", writes)).ok();
        writeln!(text, "`ifdef VERILATOR\n    {place} = clear ? 0 : {data};").ok();
        writeln!(text, "`else\n    {place} <= clear ? 0 : {data};\n`endif").ok();
        text + "end\n"
    }

    /// The data of a read port: the output of the bank that it read last.
    fn data(&self, port: usize) -> String {
        let Some(select) = self.select() else { return format!("always @(*) read_data${port} = out[0];\n") };
        let last = self._words.len().trailing_zeros() - 1;
        format!(
            "reg [{last}:0] from{port};
initial from{port} = 0;
always @(posedge clock) if (read${port}) from{port} <= read_address${port}{select};
always @(*) read_data${port} = out[from{port}];
"
        )
    }
}

impl<const D: usize> Logic for Banks<D> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.clocked();
        }
        for (data, &from) in self.read_data.iter_mut().zip(&self._from) {
            data.next = self._out[from];
        }
    }

    fn connect(&mut self) {
        for data in &mut self.read_data {
            data.connect();
        }
    }

    fn hdl(&self) -> Verilog {
        let (width, banks) = (D - 1, self._words.len());
        let mut text = format!("(* mem2reg *) reg [{width}:0] out [0:{}];\ninteger i;\n", banks - 1);
        if !self.write_mask.is_empty() {
            let bytes = (0..32).rev().map(|byte| {
                let bits = format!("[{}:{}]", 8 * byte + 7, 8 * byte);
                format!("mask[{byte}] ? data{bits} : old{bits}")
            });
            let bytes = bytes.collect::<Vec<_>>().join(",\n    ");
            writeln!(text, "function [255:0] merged(input [255:0] old, input [255:0] data, input [31:0] mask);").ok();
            writeln!(text, "    merged = {{{bytes}}};\nendfunction").ok();
        }
        text += "/* verilator lint_off BLKSEQ */\n";
        (0..banks).for_each(|bank| text += &self.bank(bank));
        text += "/* verilator lint_on BLKSEQ */\n";
        (0..self.read.len()).for_each(|port| text += &self.data(port));
        // Synthesis need not read the loops: a run begins with a clear.
        text += "`ifndef SYNTHESIS\ninitial begin\n";
        for bank in 0..banks {
            let rows = 1usize << self._bank_log2;
            writeln!(text, "    out[{bank}] = 0;\n    for (i = 0; i < {rows}; i = i + 1) bank{bank}[i] = 0;").ok();
        }
        Verilog::Custom(text + "end\n`endif")
    }
}
