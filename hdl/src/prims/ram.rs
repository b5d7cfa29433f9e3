//! Block RAM: one write port, one read port with a registered output.

use std::collections::BTreeMap;

use rust_hdl::prelude::*;

/// `2^rows_log2` words of `D` bits.
///
/// A read takes one cycle and the output holds while `read_enable` is low; a read of the row that is written in the
/// same cycle gives the old word. Contents start as zero.
#[derive(LogicBlock)]
pub(crate) struct Ram<const D: usize> {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) read_enable: Signal<In, Bit>,
    pub(crate) read_address: Signal<In, Bits<20>>,
    pub(crate) read_data: Signal<Out, Bits<D>>,
    pub(crate) write_enable: Signal<In, Bit>,
    pub(crate) write_address: Signal<In, Bits<20>>,
    pub(crate) write_data: Signal<In, Bits<D>>,
    _rows_log2: usize,
    _words: BTreeMap<u64, Bits<D>>,
}

impl<const D: usize> Ram<D> {
    pub(crate) fn new(rows_log2: usize) -> Self {
        Self {
            clock: Signal::default(),
            read_enable: Signal::default(),
            read_address: Signal::default(),
            read_data: Signal::default(),
            write_enable: Signal::default(),
            write_address: Signal::default(),
            write_data: Signal::default(),
            _rows_log2: rows_log2,
            _words: BTreeMap::new(),
        }
    }

    fn row(&self, address: Bits<20>) -> u64 {
        address.to_u64() & ((1 << self._rows_log2) - 1)
    }
}

impl<const D: usize> Logic for Ram<D> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            if self.read_enable.val() {
                let row = self.row(self.read_address.val());
                self.read_data.next = self._words.get(&row).copied().unwrap_or_default();
            }
            if self.write_enable.val() {
                let row = self.row(self.write_address.val());
                self._words.insert(row, self.write_data.val());
            }
        }
    }

    fn connect(&mut self) {
        self.read_data.connect();
    }

    fn hdl(&self) -> Verilog {
        let (top, last, width) = (self._rows_log2 - 1, (1u64 << self._rows_log2) - 1, D - 1);
        Verilog::Custom(format!(
            "reg [{width}:0] words [0:{last}];
integer i;
initial begin
    read_data = 0;
    for (i = 0; i <= {last}; i = i + 1) words[i] = 0;
end
always @(posedge clock) begin
    if (read_enable) read_data <= words[read_address[{top}:0]];
    if (write_enable) words[write_address[{top}:0]] <= write_data;
end"
        ))
    }
}
