//! The lanes of `REQUANT`: bias, multiplier, rounding shift, zero point, clamp.

use rust_hdl::prelude::*;

/// `beat` treats lanes `beat · lanes ..` of a row; `row` has them four cycles after `enable`, other lanes as before.
///
/// acc, bias and parameters are row32 in lane order. Stage 1: acc + bias, stage 2: × multiplier, stage 3: shift with
/// rounding half to even, stage 4: zero point and clamp. Lanes ≥ `n` become 0.
#[derive(LogicBlock)]
pub(crate) struct RequantLanes {
    pub(crate) clock: Signal<In, Clock>,
    pub(crate) enable: Signal<In, Bit>,
    pub(crate) beat: Signal<In, Bits<5>>,
    pub(crate) acc: Signal<In, Bits<1024>>,
    pub(crate) bias: Signal<In, Bits<1024>>,
    pub(crate) params: Signal<In, Bits<1024>>,
    pub(crate) n: Signal<In, Bits<6>>,
    pub(crate) zp: Signal<In, Bits<8>>,
    pub(crate) lo: Signal<In, Bits<8>>,
    pub(crate) hi: Signal<In, Bits<8>>,
    pub(crate) row: Signal<Out, Bits<256>>,
    _lanes: usize,
    _stages: [Option<(usize, Vec<u8>)>; 3],
}

impl RequantLanes {
    /// So many lanes a cycle.
    pub(crate) fn new(lanes: usize) -> RequantLanes {
        RequantLanes {
            clock: Signal::default(),
            enable: Signal::default(),
            beat: Signal::default(),
            acc: Signal::default(),
            bias: Signal::default(),
            params: Signal::default(),
            n: Signal::default(),
            zp: Signal::default(),
            lo: Signal::default(),
            hi: Signal::default(),
            row: Signal::default(),
            _lanes: lanes,
            _stages: [None, None, None],
        }
    }

    /// The byte of one lane, from the inputs as they are now.
    fn lane(&self, lane: usize) -> u8 {
        if lane >= self.n.val().index() {
            return 0;
        }
        let at = |row: Bits<1024>| row.get_bits::<32>(32 * lane).to_u32();
        let sum = i64::from(at(self.acc.val()).wrapping_add(at(self.bias.val())).cast_signed());
        let params = at(self.params.val());
        let scaled = isa::rne(sum * i64::from(params & 0x00ff_ffff), params >> 24 & 63);
        let int8 = |bits: Bits<8>| i64::from(bits.to_u8().cast_signed());
        let clamped = (scaled + int8(self.zp.val())).max(int8(self.lo.val())).min(int8(self.hi.val()));
        clamped.to_le_bytes()[0]
    }
}

impl Logic for RequantLanes {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            if let Some((beat, bytes)) = self._stages[2].take() {
                let mut row = self.row.val();
                for (lane, byte) in bytes.iter().enumerate() {
                    row.set_bits::<8>(8 * (beat * self._lanes + lane), u64::from(*byte).into());
                }
                self.row.next = row;
            }
            self._stages.swap(1, 2);
            self._stages.swap(0, 1);
            self._stages[0] = self.enable.val().then(|| {
                let beat = self.beat.val().index() % (32 / self._lanes);
                (beat, (0..self._lanes).map(|lane| self.lane(beat * self._lanes + lane)).collect())
            });
        }
    }

    fn connect(&mut self) {
        self.row.connect();
    }

    fn hdl(&self) -> Verilog {
        let mut text = String::from(STAGES);
        for lane in 0..self._lanes {
            text.push_str(&self.lane_hdl(lane));
        }
        Verilog::Custom(text)
    }
}

const STAGES: &str = "reg [2:0] enables;
reg [4:0] beat1, beat2, beat3;
initial begin
    row = 0;
    enables = 0;
    beat1 = 0; beat2 = 0; beat3 = 0;
end
always @(posedge clock) begin
    enables <= {enables[1:0], enable};
    beat1 <= beat;
    beat2 <= beat1;
    beat3 <= beat2;
end
";

impl RequantLanes {
    fn lane_hdl(&self, lane: usize) -> String {
        let beats = 32 / self._lanes;
        let select = |row: &str, width: usize| {
            let parts: Vec<_> = (0..beats)
                .map(|beat| {
                    let low = 32 * (beat * self._lanes + lane);
                    let part = format!("{row}[{}:{low}]", low + width - 1);
                    if beat + 1 == beats { part } else { format!("beat == {beat} ? {part} : ") }
                })
                .collect();
            parts.concat()
        };
        let writes: String = (0..beats)
            .map(|beat| {
                let lane = beat * self._lanes + lane;
                format!(
                    "        if (beat3 == {beat}) row[{}:{}] <= {lane} < n ? clamped{} : 8'h0;\n",
                    8 * lane + 7,
                    8 * lane,
                    lane % self._lanes
                )
            })
            .collect();
        LANE.replace("ACC", &select("acc", 32))
            .replace("BIAS", &select("bias", 32))
            .replace("PARAMS", &select("params", 30))
            .replace("WRITES", &writes)
            .replace('#', &lane.to_string())
    }
}

/// One lane; `#` is its number. The product has 32 + 24 bits; twice the remainder is compared with 2^shift by way
/// of the bit below the point and the bits below that.
const LANE: &str = "reg signed [31:0] sum#;
reg [29:0] params1#;
reg [5:0] shift2#;
reg signed [63:0] product#, scaled#;
wire signed [63:0] floor# = product# >>> shift2#;
wire [63:0] below# = shift2# == 0 ? 64'h0 : product# << (7'd64 - {1'b0, shift2#});
wire up# = below#[63] && (below#[62:0] != 0 || floor#[0]);
wire signed [63:0] moved# = scaled# + $signed({{56{zp[7]}}, zp});
wire [7:0] clamped# = moved# < $signed({{56{lo[7]}}, lo}) ? lo : moved# > $signed({{56{hi[7]}}, hi}) ? hi : moved#[7:0];
initial begin
    sum# = 0; params1# = 0; shift2# = 0; product# = 0; scaled# = 0;
end
wire [31:0] acc# = ACC;
wire [31:0] bias# = BIAS;
wire [29:0] pick# = PARAMS;
always @(posedge clock) begin
    if (enable) begin
        sum# <= $signed(acc# + bias#);
        params1# <= pick#;
    end
    if (enables[0]) begin
        product# <= {{32{sum#[31]}}, sum#} * $signed({40'h0, params1#[23:0]});
        shift2# <= params1#[29:24];
    end
    if (enables[1]) scaled# <= floor# + $signed({63'h0, up#});
    if (enables[2]) begin
WRITES    end
end
";
