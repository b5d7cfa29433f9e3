//! The lanes of the vector unit: what an instruction does with a lane goes through one multiplier and one rounding
//! shift, whatever it is.
//!
//! `beat` treats lanes `beat · lanes ..` of a row; four cycles after `enable` they are in `row32`, other lanes as
//! before. Stage 1 makes two factors and a shift from the operands, stage 2 multiplies, stage 3 shifts with rounding
//! half to even, stage 4 makes the result. Instructions that neither multiply nor shift make a factor of 1.

use rust_hdl::prelude::*;

use super::opcode_rom::Kind;

/// `REQUANT`, `ADDQ`, `LUT`, `LUT32` and the int32 group but for its reductions.
///
/// Rows of 1024 bits are in lane order. `kind`, `form`, `n` and the constants hold while rows are in the pipeline.
#[derive(LogicBlock)]
pub(crate) struct VectorLanes {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) kind: Signal<In, Kind>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) beat: Signal<In, Bits<5>>,
    /// The second product of `ADDQ`, to be added to the one of the cycle before.
    pub(crate) second: Signal<In, Bit>,
    /// a; or d of `VSEL`.
    pub(crate) acc: Signal<In, Bits<1024>>,
    /// b; or the bias.
    pub(crate) row: Signal<In, Bits<1024>>,
    /// Multipliers and shifts of a parameter block.
    pub(crate) params: Signal<In, Bits<1024>>,
    /// a of the tables, b of `ADDQ`, b of form 2; rows of a table.
    pub(crate) spad: Signal<In, Bits<256>>,
    /// a of `ADDQ`.
    pub(crate) held: Signal<In, Bits<256>>,
    /// The parameter row of `ADDQ`.
    pub(crate) constants: Signal<In, Bits<256>>,
    pub(crate) form: Signal<In, Bits<2>>,
    pub(crate) shift: Signal<In, Bits<6>>,
    pub(crate) n: Signal<In, Bits<6>>,
    pub(crate) zp: Signal<In, Bits<8>>,
    pub(crate) lo: Signal<In, Bits<8>>,
    pub(crate) hi: Signal<In, Bits<8>>,
    /// Keeps which lanes of `acc` are positive, for `VSEL`.
    pub(crate) judge: Signal<In, Bit>,
    /// Puts `spad` into this row of the table.
    pub(crate) fill: Signal<In, Bit>,
    pub(crate) fill_row: Signal<In, Bits<5>>,
    pub(crate) row32: Signal<Out, Bits<1024>>,
    _lanes: usize,
    _positive: u32,
    _table: [[u8; 32]; 32],
    _factors: Option<(usize, bool, Vec<Factors>)>,
    _products: Vec<i64>,
    _shifts: Option<(usize, bool, Vec<u32>)>,
    _scaled: Option<(usize, bool, Vec<i64>)>,
}

#[derive(Clone, Copy)]
struct Factors {
    x: i32,
    y: i32,
    shift: u32,
}

impl VectorLanes {
    /// So many lanes a cycle.
    pub(crate) fn new(lanes: usize) -> VectorLanes {
        VectorLanes {
            clock: Signal::default(),
            kind: Signal::default(),
            enable: Signal::default(),
            beat: Signal::default(),
            second: Signal::default(),
            acc: Signal::default(),
            row: Signal::default(),
            params: Signal::default(),
            spad: Signal::default(),
            held: Signal::default(),
            constants: Signal::default(),
            form: Signal::default(),
            shift: Signal::default(),
            n: Signal::default(),
            zp: Signal::default(),
            lo: Signal::default(),
            hi: Signal::default(),
            judge: Signal::default(),
            fill: Signal::default(),
            fill_row: Signal::default(),
            row32: Signal::default(),
            _lanes: lanes,
            _positive: 0,
            _table: [[0; 32]; 32],
            _factors: None,
            _products: vec![0; lanes],
            _shifts: None,
            _scaled: None,
        }
    }

    fn constant(&self, byte: usize) -> u8 {
        self.constants.val().get_bits::<8>(8 * byte).to_u8()
    }

    fn multiplier(&self, byte: usize) -> i32 {
        i32::from_be_bytes(std::array::from_fn(|at| self.constant(byte + at)))
    }

    /// Stage 1.
    fn factors(&self, lane: usize) -> Factors {
        let at = |row: Bits<1024>| row.get_bits::<32>(32 * lane).to_u32();
        let byte = |row: Bits<256>| row.get_bits::<8>(8 * lane).to_u8();
        let int8 = |byte: u8| i32::from(byte.cast_signed());
        let (a, row) = (at(self.acc.val()).cast_signed(), at(self.row.val()).cast_signed());
        let b = if self.form.val() == 2 { int8(byte(self.spad.val())) } else { row };
        let params = at(self.params.val());
        let shift = u32::from(self.shift.val().to_u8());
        let entry = usize::from(byte(self.spad.val()) ^ 0x80);
        let same = |x: i32| Factors { x, y: 1, shift: 0 };
        match self.kind.val() {
            Kind::Requant => {
                Factors { x: a.wrapping_add(row), y: (params & 0x00ff_ffff).cast_signed(), shift: params >> 24 & 63 }
            }
            Kind::Addq => {
                let (x, zero, y) = if self.second.val() { (self.spad.val(), 9, 4) } else { (self.held.val(), 8, 0) };
                let x = int8(byte(x)) - int8(self.constant(zero));
                Factors { x, y: self.multiplier(y), shift: u32::from(self.constant(10) & 63) }
            }
            Kind::Vadd => same(a.wrapping_add(b)),
            Kind::Vsub => same(a.wrapping_sub(b)),
            Kind::Vmin => same(a.min(b)),
            Kind::Vmax => same(a.max(b)),
            Kind::Vmul => Factors { x: a, y: b, shift: 0 },
            Kind::Vmulr => Factors { x: a, y: b, shift },
            Kind::Vshr => match b.wrapping_add(shift.cast_signed()) {
                left @ ..0 => {
                    Factors { x: a, y: 1u32.checked_shl(left.unsigned_abs()).unwrap_or(0).cast_signed(), shift: 0 }
                }
                right => Factors { x: a, y: 1, shift: right.unsigned_abs().min(63) },
            },
            Kind::Vclz => same(a.leading_zeros().cast_signed()),
            Kind::Vsel => {
                let chosen = self._positive >> lane & 1 == 1 && lane < self.n.val().index();
                same(if chosen { b } else { a })
            }
            Kind::Lut => same(int8(self._table.as_flattened()[entry])),
            Kind::Lut32 => same(i32::from_be_bytes(self._table.as_flattened().as_chunks::<4>().0[entry])),
            _ => same(a),
        }
    }

    /// Stage 4.
    fn result(&self, lane: usize, scaled: i64) -> u32 {
        let constant = |bits: Bits<8>, byte: usize| {
            let it = if self.kind.val() == Kind::Addq { self.constant(byte) } else { bits.to_u8() };
            i64::from(it.cast_signed())
        };
        if lane >= self.n.val().index() && self.kind.val() != Kind::Vsel {
            return 0;
        }
        match self.kind.val() {
            Kind::Requant | Kind::Addq => {
                let moved = scaled + constant(self.zp.val(), 11);
                let clamped = moved.max(constant(self.lo.val(), 12)).min(constant(self.hi.val(), 13));
                clamped as u32 & 0xff
            }
            Kind::Vmulr => scaled.clamp(i32::MIN.into(), i32::MAX.into()) as u32,
            _ => scaled as u32,
        }
    }

    /// Stages 2 to 4, the last one first.
    fn shift_stages(&mut self) {
        if let Some((beat, second, scaled)) = self._scaled.take()
            && (second || self.kind.val() != Kind::Addq)
        {
            let mut row32 = self.row32.val();
            for (lane, scaled) in scaled.into_iter().enumerate() {
                let lane = beat * self._lanes + lane;
                row32.set_bits::<32>(32 * lane, u64::from(self.result(lane, scaled)).into());
            }
            self.row32.next = row32;
        }
        self._scaled = self._shifts.take().map(|(beat, second, shifts)| {
            let scale = |(product, shift): (&i64, u32)| isa::rne(*product, shift);
            (beat, second, self._products.iter().zip(shifts).map(scale).collect())
        });
        self._shifts = self._factors.take().map(|(beat, second, factors)| {
            for (product, f) in self._products.iter_mut().zip(&factors) {
                let before = if second { *product } else { 0 };
                *product = before.wrapping_add(i64::from(f.x) * i64::from(f.y));
            }
            (beat, second, factors.iter().map(|f| f.shift).collect())
        });
    }
}

impl Logic for VectorLanes {
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        self.shift_stages();
        if self.enable.val() {
            let beat = self.beat.val().index() % (32 / self._lanes);
            let lanes = beat * self._lanes..(beat + 1) * self._lanes;
            self._factors = Some((beat, self.second.val(), lanes.map(|lane| self.factors(lane)).collect()));
        }
        if self.judge.val() {
            let positive = |lane: usize| self.acc.val().get_bits::<32>(32 * lane).to_u32().cast_signed() > 0;
            self._positive = (0..32).fold(0, |mask, lane| mask | u32::from(positive(lane)) << lane);
        }
        if self.fill.val() {
            let bytes = std::array::from_fn(|byte| self.spad.val().get_bits::<8>(8 * byte).to_u8());
            self._table[self.fill_row.val().index()] = bytes;
        }
    }

    fn connect(&mut self) {
        self.row32.connect();
    }

    fn hdl(&self) -> Verilog {
        let mut text = kinds(SHARED);
        let sign = |lane: usize| format!("$signed(acc[{}:{}]) > 0", 32 * lane + 31, 32 * lane);
        text = text.replace("SIGNS", &(0..32).rev().map(sign).collect::<Vec<_>>().join(", "));
        text.push_str(&table());
        for lane in 0..self._lanes {
            text.push_str(&self.lane_hdl(lane));
        }
        Verilog::Custom(text)
    }
}

/// Puts the codes of the kinds, written `@Kind`, into a text.
fn kinds(text: &str) -> String {
    let list = [
        ("@Requant", Kind::Requant),
        ("@Addq", Kind::Addq),
        ("@Vadd", Kind::Vadd),
        ("@Vsub", Kind::Vsub),
        ("@Vmin", Kind::Vmin),
        ("@Vmax", Kind::Vmax),
        ("@Vmulr", Kind::Vmulr),
        ("@Vmul", Kind::Vmul),
        ("@Vshr", Kind::Vshr),
        ("@Vclz", Kind::Vclz),
        ("@Vsel", Kind::Vsel),
        ("@Lut32", Kind::Lut32),
        ("@Lut", Kind::Lut),
    ];
    list.into_iter()
        .fold(text.to_owned(), |text, (name, kind)| text.replace(name, &format!("{}'d{}", Kind::BITS, kind.code())))
}

impl VectorLanes {
    fn lane_hdl(&self, lane: usize) -> String {
        let beats = 32 / self._lanes;
        let select = |row: &str, stride: usize, width: usize| {
            let parts: Vec<_> = (0..beats)
                .map(|beat| {
                    let low = stride * (beat * self._lanes + lane);
                    let part =
                        if width == 1 { format!("{row}[{low}]") } else { format!("{row}[{}:{low}]", low + width - 1) };
                    if beat + 1 == beats { part } else { format!("beat == {beat} ? {part} : ") }
                })
                .collect();
            parts.concat()
        };
        let live: Vec<_> = (0..beats)
            .map(|beat| {
                let part = format!("n > {}", beat * self._lanes + lane);
                if beat + 1 == beats { part } else { format!("beat == {beat} ? {part} : ") }
            })
            .collect();
        let writes: String = (0..beats)
            .map(|beat| {
                let lane = beat * self._lanes + lane;
                let to = format!("row32[{}:{}]", 32 * lane + 31, 32 * lane);
                format!("        if (beat3 == {beat}) {to} <= {lane} < n || keeps ? result(scaled#) : 32'h0;\n")
            })
            .collect();
        kinds(LANE)
            .replace("ACC", &select("acc", 32, 32))
            .replace("ROW", &select("row", 32, 32))
            .replace("PARAMS", &select("params", 32, 30))
            .replace("BYTE", &select("spad", 8, 8))
            .replace("HELD", &select("held", 8, 8))
            .replace("POSITIVE", &select("positive", 1, 1))
            .replace("LIVE", &live.concat())
            .replace("WRITES", &writes)
            .replace('#', &lane.to_string())
    }
}

const SHARED: &str = "reg [2:0] enables;
reg [4:0] beat1, beat2, beat3;
reg second1, second2, second3;
reg [31:0] positive;
initial begin
    row32 = 0;
    enables = 0;
    beat1 = 0; beat2 = 0; beat3 = 0;
    second1 = 0; second2 = 0; second3 = 0;
    positive = 0;
end
wire adds = kind == @Addq;
wire keeps = kind == @Vsel;
wire [31:0] factor_a = {constants[7:0], constants[15:8], constants[23:16], constants[31:24]};
wire [31:0] factor_b = {constants[39:32], constants[47:40], constants[55:48], constants[63:56]};
wire [7:0] offset = adds ? constants[95:88] : zp;
wire [7:0] least = adds ? constants[103:96] : lo;
wire [7:0] most = adds ? constants[111:104] : hi;
function [31:0] extended(input [7:0] value);
    extended = {{24{value[7]}}, value};
endfunction
function [31:0] left_factor(input [31:0] right);
    reg [31:0] left;
    begin
        left = 32'h0 - right;
        left_factor = left > 31 ? 32'h0 : 32'h1 << left[4:0];
    end
endfunction
function [5:0] zeros(input [31:0] value);
    reg [31:0] rest;
    begin
        zeros = 0;
        rest = value;
        if (rest[31:16] == 0) begin zeros = zeros + 16; rest = rest << 16; end
        if (rest[31:24] == 0) begin zeros = zeros + 8; rest = rest << 8; end
        if (rest[31:28] == 0) begin zeros = zeros + 4; rest = rest << 4; end
        if (rest[31:30] == 0) begin zeros = zeros + 2; rest = rest << 2; end
        if (!rest[31]) begin zeros = zeros + 1; rest = rest << 1; end
        if (!rest[31]) zeros = zeros + 1;
    end
endfunction
function signed [63:0] rounded(input signed [63:0] value, input [5:0] places);
    reg signed [63:0] floor;
    reg [63:0] below;
    begin
        floor = value >>> places;
        below = places == 0 ? 64'h0 : value << (7'd64 - {1'b0, places});
        rounded = floor + $signed({63'h0, below[63] && (below[62:0] != 0 || floor[0])});
    end
endfunction
function [31:0] clamped(input signed [63:0] value);
    reg signed [63:0] moved;
    begin
        moved = value + $signed({{56{offset[7]}}, offset});
        if (moved < $signed({{56{least[7]}}, least})) moved = {{56{least[7]}}, least};
        clamped = {24'h0, moved > $signed({{56{most[7]}}, most}) ? most : moved[7:0]};
    end
endfunction
function [31:0] result(input signed [63:0] value);
    if (kind == @Requant || adds) result = clamped(value);
    else if (kind != @Vmulr || value[63:31] == {33{value[31]}}) result = value[31:0];
    else result = {value[63], {31{!value[63]}}};
endfunction
always @(posedge clock) begin
    enables <= {enables[1:0], enable};
    beat1 <= beat;
    beat2 <= beat1;
    beat3 <= beat2;
    second1 <= second;
    second2 <= second1;
    second3 <= second2;
    if (judge) positive <= {SIGNS};
end
";

/// One lane; `#` is its number. What is not worth a register is a function, so that nothing is computed in a simulated
/// cycle without `enable`. Twice the remainder is compared with 2^shift by way of the bit below the point and the bits
/// below that.
const LANE: &str = "reg signed [31:0] x#, y#;
reg [5:0] shift1#, shift2#;
reg signed [63:0] product#, scaled#;
wire signed [31:0] a# = ACC;
wire signed [31:0] row# = ROW;
wire [29:0] params# = PARAMS;
wire [7:0] byte# = BYTE;
wire [7:0] held# = HELD;
wire signed [31:0] b# = form == 2 ? {{24{byte#[7]}}, byte#} : row#;
wire [31:0] right# = b# + {26'h0, shift};
initial begin
    x# = 0; y# = 0; shift1# = 0; shift2# = 0; product# = 0; scaled# = 0;
end
always @(posedge clock) begin
    if (enable) begin
        x# <= a#;
        y# <= 1;
        shift1# <= 0;
        case (kind)
            @Requant: begin
                x# <= a# + row#;
                y# <= {8'h0, params#[23:0]};
                shift1# <= params#[29:24];
            end
            @Addq: begin
                x# <= second ? extended(byte#) - extended(constants[79:72])
                             : extended(held#) - extended(constants[71:64]);
                y# <= second ? factor_b : factor_a;
                shift1# <= constants[85:80];
            end
            @Vadd: x# <= a# + b#;
            @Vsub: x# <= a# - b#;
            @Vmin: x# <= a# < b# ? a# : b#;
            @Vmax: x# <= a# > b# ? a# : b#;
            @Vmul: y# <= b#;
            @Vmulr: begin
                y# <= b#;
                shift1# <= shift;
            end
            @Vshr: begin
                if (!right#[31]) shift1# <= right# > 63 ? 6'd63 : right#[5:0];
                else y# <= left_factor(right#);
            end
            @Vclz: x# <= {26'h0, zeros(a#)};
            @Vsel: if ((POSITIVE) && (LIVE)) x# <= b#;
            @Lut: x# <= byte_at(byte# ^ 8'h80);
            @Lut32: x# <= word_at(byte# ^ 8'h80);
            default: ;
        endcase
    end
    if (enables[0]) begin
        product# <= (second1 ? product# : 64'sh0) + $signed({{32{x#[31]}}, x#}) * $signed({{32{y#[31]}}, y#});
        shift2# <= shift1#;
    end
    if (enables[1]) scaled# <= rounded(product#, shift2#);
    if (enables[2] && (second3 || !adds)) begin
WRITES    end
end
";

/// The table: bank *w* holds word *w* of its rows, so that a row is written at once.
fn table() -> String {
    let mut text = String::new();
    for bank in 0..8 {
        text.push_str(&format!(
            "reg [31:0] bank{bank} [0:31];
integer i{bank};
initial for (i{bank} = 0; i{bank} < 32; i{bank} = i{bank} + 1) bank{bank}[i{bank}] = 0;
always @(posedge clock) if (fill) bank{bank}[fill_row] <= spad[{}:{}];
",
            32 * bank + 31,
            32 * bank
        ));
    }
    let cases =
        |row: &str| (0..8).map(|bank| format!("        {bank}: found = bank{bank}[{row}];\n")).collect::<String>();
    text.push_str(&format!(
        "function [31:0] word_at(input [7:0] entry);
    reg [31:0] found;
    begin
        case (entry[2:0])
{}        endcase
        word_at = {{found[7:0], found[15:8], found[23:16], found[31:24]}};
    end
endfunction
function [31:0] byte_at(input [7:0] entry);
    reg [31:0] found;
    begin
        case (entry[4:2])
{}        endcase
        byte_at = extended(found[{{entry[1:0], 3'h0}} +: 8]);
    end
endfunction
",
        cases("entry[7:3]"),
        cases("{2'h0, entry[7:5]}")
    ));
    text
}
