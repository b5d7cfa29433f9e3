//! spad and acc: two memories of one port each, read by words, by lanes of a row32, and by bytes.

use rust_hdl::prelude::*;

/// Words in the order of DRAM, the first byte of each in its highest bits. The highest bit of an address chooses acc, the lowest
/// two the byte. What was read stays until the next read; a byte comes with its sign. Contents are anything at first.
#[derive(LogicBlock)]
pub(crate) struct Words {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) read: Signal<In, Bit>,
    pub(crate) write: Signal<In, Bit>,
    pub(crate) address: Signal<In, Bits<32>>,
    pub(crate) lanes: Signal<In, Bit>,
    pub(crate) by_byte: Signal<In, Bit>,
    pub(crate) value: Signal<In, Bits<32>>,
    pub(crate) word: Signal<Out, Bits<32>>,
    _spad_log2: usize,
    _acc_log2: usize,
    _spad: Vec<u32>,
    _acc: Vec<u32>,
}

impl Words {
    /// For so many rows of spad and row32s of acc.
    pub(crate) fn new(spad_log2: usize, acc_log2: usize) -> Words {
        let (spad_log2, acc_log2) = (spad_log2 + 3, acc_log2 + 5);
        Words {
            clock: Signal::default(),
            read: Signal::default(),
            write: Signal::default(),
            address: Signal::default(),
            lanes: Signal::default(),
            by_byte: Signal::default(),
            value: Signal::default(),
            word: Signal::default(),
            _spad_log2: spad_log2,
            _acc_log2: acc_log2,
            _spad: vec![0; 1 << spad_log2],
            _acc: vec![0; 1 << acc_log2],
        }
    }
}

impl Logic for Words {
    fn update(&mut self) {
        if !self.clock.pos_edge() || !(self.read.val() || self.write.val()) {
            return;
        }
        let address = self.address.val().to_u32();
        let index = (address << 1 >> 3) as usize;
        let index = if self.lanes.val() { index & !31 | index << 3 & 24 | index >> 2 & 7 } else { index };
        let space = if address >> 31 == 1 { &mut self._acc } else { &mut self._spad };
        let size = space.len();
        let word = &mut space[index % size];
        let at = 24 - 8 * (address & 3);
        if self.write.val() {
            let (mask, value) = (0xffu32 << at, self.value.val().to_u32());
            *word = if self.by_byte.val() { *word & !mask | (value & 0xff) << at } else { value };
        } else {
            let byte = (*word << (24 - at)).cast_signed().wrapping_shr(24).cast_unsigned();
            self.word.next = u64::from(if self.by_byte.val() { byte } else { *word }).into();
        }
    }

    fn connect(&mut self) {
        self.word.connect();
    }

    fn hdl(&self) -> Verilog {
        let memory = |name: &str, log2: usize, chosen: &str| {
            let (top, last) = (log2 - 1, (1u64 << log2) - 1);
            format!(
                "reg [31:0] {name} [0:{last}];
reg [31:0] {name}_word;
always @(posedge clock) if ((read | write) & {chosen}) begin
    if (write) begin
        if (mask[3]) {name}[index[{top}:0]][31:24] <= data[31:24];
        if (mask[2]) {name}[index[{top}:0]][23:16] <= data[23:16];
        if (mask[1]) {name}[index[{top}:0]][15:8] <= data[15:8];
        if (mask[0]) {name}[index[{top}:0]][7:0] <= data[7:0];
    end else {name}_word <= {name}[index[{top}:0]];
end
"
            )
        };
        Verilog::Custom(format!(
            "reg from_acc;
reg picks;
reg [1:0] at;
wire [28:0] line = address[30:2];
wire [28:0] index = lanes ? {{line[28:5], line[1:0], line[4:2]}} : line;
wire [3:0] mask = by_byte ? 4'b1000 >> address[1:0] : 4'b1111;
wire [31:0] data = by_byte ? {{4{{value[7:0]}}}} : value;
{spad}{acc}always @(posedge clock) if (read & !write) begin
    from_acc <= address[31];
    picks <= by_byte;
    at <= address[1:0];
end
wire [31:0] found = from_acc ? acc_word : spad_word;
reg [7:0] found_byte;
always @(*) begin
    case (at)
        2'd0: found_byte = found[31:24];
        2'd1: found_byte = found[23:16];
        2'd2: found_byte = found[15:8];
        default: found_byte = found[7:0];
    endcase
    word = picks ? {{{{24{{found_byte[7]}}}}, found_byte}} : found;
end",
            spad = memory("spad", self._spad_log2, "!address[31]"),
            acc = memory("acc", self._acc_log2, "address[31]"),
        ))
    }
}
