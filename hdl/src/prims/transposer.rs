//! Rows in, columns out.

use rust_hdl::prelude::*;

use super::rotate::ROTATE;

/// A tile of 32 × 32 bytes: `fill` puts a row in, and two cycles after `enable`, `out` has byte `column` of rows
/// 0..`n`, then zeros. Without `go` nothing moves.
///
/// Byte *j* of row *r* lies in bank (j + r) mod 32 at address r, so that each bank gives one byte of any column.
#[derive(LogicBlock, Default)]
pub(crate) struct Transposer {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) go: Signal<In, Bit>,
    pub(crate) fill: Signal<In, Bit>,
    pub(crate) fill_row: Signal<In, Bits<5>>,
    pub(crate) row: Signal<In, Bits<256>>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) column: Signal<In, Bits<5>>,
    pub(crate) n: Signal<In, Bits<6>>,
    pub(crate) out: Signal<Out, Bits<256>>,
    _tile: [[u8; 32]; 32],
    _read: Option<(usize, [u8; 32])>,
}

impl Logic for Transposer {
    fn update(&mut self) {
        if !self.clock.pos_edge() || !self.go.val() {
            return;
        }
        if let Some((n, bytes)) = self._read.take() {
            let mut out = Bits::<256>::default();
            for (row, byte) in bytes.into_iter().enumerate().take(n) {
                out.set_bits::<8>(8 * row, u64::from(byte).into());
            }
            self.out.next = out;
        }
        let column = self.column.val().index();
        let n = self.n.val().index();
        self._read = self.enable.val().then(|| (n, self._tile.map(|row| row[column])));
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
always @(posedge clock) if (go) begin
    if (fill) bank{bank}[fill_row] <= turned{bits};
    if (enable) read{bits} <= bank{bank}[at{bank}];
end
"
                )
            })
            .collect();
        Verilog::Custom(format!("{ROTATE}{TURN}{banks}"))
    }
}

const TURN: &str = "integer i;
reg [255:0] read;
reg [4:0] column1;
reg [5:0] n1;
reg enable1;
initial begin
    out = 0; read = 0; column1 = 0; n1 = 0; enable1 = 0;
end
wire [255:0] turned = fill ? rotated(row, 5'd0 - fill_row) : 256'h0;
always @(posedge clock) if (go) begin
    enable1 <= enable;
    if (enable) begin
        column1 <= column;
        n1 <= n;
    end
    if (enable1) out <= rotated(read, column1) & ~({256{1'b1}} << {n1, 3'h0});
end
";
