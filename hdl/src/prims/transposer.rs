//! Rows in, columns out.

use rust_hdl::prelude::*;

/// A tile of 32 × 32 bytes: `fill` puts a row in, and two cycles after `enable`, `out` has byte `column` of rows
/// 0..`n`, then zeros.
///
/// Byte *j* of row *r* lies in bank (j + r) mod 32 at address r, so that each bank gives one byte of any column.
#[derive(LogicBlock, Default)]
pub(crate) struct Transposer {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) fill: Signal<In, Bit>,
    pub(crate) fill_row: Signal<In, Bits<5>>,
    pub(crate) row: Signal<In, Bits<256>>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) column: Signal<In, Bits<5>>,
    pub(crate) n: Signal<In, Bits<6>>,
    pub(crate) out: Signal<Out, Bits<256>>,
    _tile: [[u8; 32]; 32],
    _read: Option<[u8; 32]>,
}

impl Logic for Transposer {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        if let Some(bytes) = self._read.take() {
            let mut out = Bits::<256>::default();
            for (row, byte) in bytes.into_iter().enumerate().take(self.n.val().index()) {
                out.set_bits::<8>(8 * row, u64::from(byte).into());
            }
            self.out.next = out;
        }
        let column = self.column.val().index();
        self._read = self.enable.val().then(|| self._tile.map(|row| row[column]));
        if self.fill.val() {
            let bytes = std::array::from_fn(|byte| self.row.val().get_bits::<8>(8 * byte).to_u8());
            self._tile[self.fill_row.val().index()] = bytes;
        }
    }

    fn connect(&mut self) {
        self.out.connect();
    }

    fn hdl(&self) -> Verilog {
        let banks: String = (0..32)
            .map(|bank| {
                let bits = format!("[{}:{}]", 8 * bank + 7, 8 * bank);
                format!(
                    "reg [7:0] bank{bank} [0:31];
initial for (i = 0; i < 32; i = i + 1) bank{bank}[i] = 0;
wire [4:0] at{bank} = 5'd{bank} - column;
always @(posedge clock) begin
    if (fill) bank{bank}[fill_row] <= turned{bits};
    if (enable) read{bits} <= bank{bank}[at{bank}];
end
"
                )
            })
            .collect();
        Verilog::Custom(format!("{TURN}{banks}"))
    }
}

const TURN: &str = "integer i;
reg [255:0] read;
reg [4:0] column1;
reg enable1;
initial begin
    out = 0; read = 0; column1 = 0; enable1 = 0;
end
wire [255:0] turned = fill ? (row << {fill_row, 3'h0}) | (row >> (9'h100 - {1'b0, fill_row, 3'h0})) : 256'h0;
wire [255:0] back = (read >> {column1, 3'h0}) | (read << (9'h100 - {1'b0, column1, 3'h0}));
wire [255:0] dead = {256{1'b1}} << {n, 3'h0};
always @(posedge clock) begin
    enable1 <= enable;
    column1 <= column;
    if (enable1) out <= back & ~dead;
end
";
