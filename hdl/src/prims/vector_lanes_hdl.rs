//! The Verilog of the vector unit's lanes.

use rust_hdl::prelude::Synth;
use std::fmt::Write as _;

use super::opcode_rom::Kind;

/// The body of the module; what a lane selects is a function, so that nothing is computed in a simulated cycle without
/// `enable`.
pub(super) fn text(lanes: usize) -> String {
    let beats = 32 / lanes;
    let sign = |lane: usize| format!("!acc[{0}] && acc[{0}-1:{1}] != 0", 32 * lane + 31, 32 * lane);
    let mut text = SHARED.replace("SIGNS", &(0..32).rev().map(sign).collect::<Vec<_>>().join(", "));
    text.push_str(&table());
    (0..lanes).for_each(|lane| text.push_str(&selects(lanes, lane)));
    let (rest, keep) = if beats > 1 {
        let (wide, narrow) = (32 * lanes, 8 * lanes);
        (
            format!("reg [1023:{wide}] rest;\nreg [255:{narrow}] rest8;\ninitial begin rest = 0; rest8 = 0; end\n"),
            format!(
                "        if (beat == 0) begin
            rest <= acc[1023:{wide}];
            rest8 <= spad[255:{narrow}];
        end
"
            ),
        )
    } else {
        (String::new(), String::new())
    };
    let each = |line: &str| (0..lanes).map(|lane| line.replace('#', &lane.to_string())).collect::<String>();
    let cases: String = KINDS
        .iter()
        .map(|(kind, line)| format!("            {kind}: begin\n{}            end\n", each(line)))
        .collect();
    let mut results = String::new();
    for (narrow, row, width, function) in [(true, "row8", 8, "byte_result"), (false, "row32", 32, "word_result")] {
        let condition = if narrow { "narrow3" } else { "!narrow3" };
        for beat in 0..beats {
            writeln!(results, "        if ({condition} && beat3 == {beat}) begin").ok();
            for at in 0..lanes {
                let lane = beat * lanes + at;
                let (high, low) = (width * lane + width - 1, width * lane);
                let dead = if narrow { "8'h0" } else { "32'h0" };
                writeln!(
                    results,
                    "            {row}[{high}:{low}] <= {lane} < n3 || keeps3 ? {function}(scaled{at}) : {dead};"
                )
                .ok();
            }
            results.push_str("        end\n");
        }
    }
    let stages = STAGES
        .replace("CASES", &cases)
        .replace("OTHERS", &each(OTHER))
        .replace("PRODUCTS", &each(PRODUCT))
        .replace("SCALED", &each(SCALED))
        .replace("RESULTS", &results);
    text.push_str(&each(REGISTERS));
    text.push_str(&stages);
    kinds(&text.replace("REST", &rest).replace("KEEP", &keep))
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

/// The functions by which a lane selects its part of each operand.
fn selects(lanes: usize, lane: usize) -> String {
    let beats = 32 / lanes;
    let mut text = String::new();
    let rows = [
        ("a", "acc", "rest", 32, 32),
        ("row", "row", "row", 32, 32),
        ("params", "params", "params", 32, 30),
        ("byte", "spad", "rest8", 8, 8),
        ("held", "held", "held", 8, 8),
        ("positive", "positive", "positive", 1, 1),
    ];
    for (name, first, later, stride, width) in rows {
        let part = |beat: usize| {
            let (row, low) = (if beat == 0 { first } else { later }, stride * (beat * lanes + lane));
            let it = if width == 1 { format!("{row}[{low}]") } else { format!("{row}[{}:{low}]", low + width - 1) };
            if beat + 1 == beats { it } else { format!("at == {beat} ? {it} : ") }
        };
        let it: String = (0..beats).map(part).collect();
        writeln!(
            text,
            "function [{}:0] {name}_at{lane}(input [4:0] at);\n    {name}_at{lane} = {it};\nendfunction",
            width - 1
        )
        .ok();
    }
    let live = |beat: usize| {
        let part = format!("n > {}", beat * lanes + lane);
        if beat + 1 == beats { part } else { format!("at == {beat} ? {part} : ") }
    };
    let live: String = (0..beats).map(live).collect();
    writeln!(
        text,
        "function live_at{lane}(input [4:0] at);
    live_at{lane} = {live};
endfunction
function [31:0] b_at{lane}(input [4:0] at);
    b_at{lane} = form == 2 ? extended(byte_at{lane}(at)) : row_at{lane}(at);
endfunction"
    )
    .ok();
    text
}

/// The table: bank *w* holds word *w* of its rows, so that a row is written at once. Bytes and words are read by one
/// function, called once a lane: each call is a copy of the table in hardware.
fn table() -> String {
    let mut text = String::new();
    for bank in 0..8 {
        text.push_str(&format!(
            "reg [31:0] bank{bank} [0:31];
integer i{bank};
initial for (i{bank} = 0; i{bank} < 32; i{bank} = i{bank} + 1) bank{bank}[i{bank}] = 0;
always @(posedge clock) if (go && fill) bank{bank}[fill_row] <= spad[{}:{}];
",
            32 * bank + 31,
            32 * bank
        ));
    }
    let cases = (0..8).map(|bank| format!("            {bank}: found = bank{bank}[at];\n")).collect::<String>();
    text.push_str(&format!(
        "function [31:0] entry_of(input [7:0] entry, input bytes);
    reg [31:0] found;
    reg [4:0] at;
    begin
        at = bytes ? {{2'h0, entry[7:5]}} : entry[7:3];
        case (bytes ? entry[4:2] : entry[2:0])
{cases}        endcase
        entry_of = bytes ? extended(found[{{entry[1:0], 3'h0}} +: 8])
                         : {{found[7:0], found[15:8], found[23:16], found[31:24]}};
    end
endfunction
"
    ));
    text
}

/// Registers and functions. A result is rounded by the bit below the point, the bits below that and its own lowest; one
/// shift finds all but those in between.
const SHARED: &str = "reg [2:0] enables;
reg [4:0] beat1, beat2, beat3;
reg [33:0] context1, context2, context3;
reg adds1;
reg signed [31:0] factor1;
reg [31:0] positive;
initial begin
    row32 = 0; row8 = 0;
    enables = 0;
    beat1 = 0; beat2 = 0; beat3 = 0;
    context1 = 0; context2 = 0; context3 = 0;
    adds1 = 0; factor1 = 0;
    positive = 0;
end
REST// Of ADDQ: its multipliers are big-endian.
wire [31:0] factor_a = {constants[7:0], constants[15:8], constants[23:16], constants[31:24]};
wire [31:0] factor_b = {constants[39:32], constants[47:40], constants[55:48], constants[63:56]};
wire adds = kind == @Addq;
wire clamps3 = context3[33];
wire saturates3 = context3[32];
wire keeps3 = context3[31];
wire narrow3 = context3[30];
wire [5:0] n3 = context3[29:24];
wire [7:0] offset3 = context3[23:16];
wire [7:0] least3 = context3[15:8];
wire [7:0] most3 = context3[7:0];
function [31:0] extended(input [7:0] value);
    extended = {{24{value[7]}}, value};
endfunction
function [8:0] widened(input [7:0] value);
    widened = {value[7], value};
endfunction
function [31:0] least_of(input signed [31:0] left, input signed [31:0] right);
    least_of = left < right ? left : right;
endfunction
function [31:0] most_of(input signed [31:0] left, input signed [31:0] right);
    most_of = left > right ? left : right;
endfunction
function [31:0] left_factor(input [31:0] right);
    reg [31:0] left;
    begin
        left = 32'h0 - right;
        left_factor = !right[31] ? 32'h1 : left > 31 ? 32'h0 : 32'h1 << left[4:0];
    end
endfunction
function [5:0] right_shift(input [31:0] right);
    right_shift = right[31] ? 6'd0 : right > 63 ? 6'd63 : right[5:0];
endfunction
function [31:0] zeros(input [31:0] value);
    reg [5:0] count;
    reg [31:0] bits;
    begin
        count = 0;
        bits = value;
        if (bits[31:16] == 0) begin count = count + 16; bits = bits << 16; end
        if (bits[31:24] == 0) begin count = count + 8; bits = bits << 8; end
        if (bits[31:28] == 0) begin count = count + 4; bits = bits << 4; end
        if (bits[31:30] == 0) begin count = count + 2; bits = bits << 2; end
        if (!bits[31]) begin count = count + 1; bits = bits << 1; end
        if (!bits[31]) count = count + 1;
        zeros = {26'h0, count};
    end
endfunction
function signed [63:0] rounded(input signed [63:0] value, input [5:0] places);
    reg signed [63:0] doubled;
    reg [5:0] less;
    reg ties;
    begin
        less = places - 6'd1;
        doubled = value >>> less;
        ties = (value & ~({64{1'b1}} << less)) == 0;
        rounded = places == 0 ? value : (doubled >>> 1) + $signed({63'h0, doubled[0] && (!ties || doubled[1])});
    end
endfunction
function [7:0] byte_result(input signed [63:0] value);
    reg signed [63:0] moved;
    begin
        moved = value;
        if (clamps3) begin
            moved = value + $signed({{56{offset3[7]}}, offset3});
            if (moved < $signed({{56{least3[7]}}, least3})) moved = {{56{least3[7]}}, least3};
            if (moved > $signed({{56{most3[7]}}, most3})) moved = {{56{most3[7]}}, most3};
        end
        byte_result = moved[7:0];
    end
endfunction
function [31:0] word_result(input signed [63:0] value);
    if (!saturates3 || value[63:31] == {33{value[31]}}) word_result = value[31:0];
    else word_result = {value[63], {31{!value[63]}}};
endfunction
always @(posedge clock) if (go && judge) positive <= {SIGNS};
";

/// The registers of a lane; `#` is its number.
const REGISTERS: &str = "reg signed [31:0] x#, y#;
reg signed [8:0] u#;
reg [5:0] shift1#, shift2#;
reg signed [63:0] product#, scaled#;
initial begin
    x# = 0; y# = 0; u# = 0; shift1# = 0; shift2# = 0; product# = 0; scaled# = 0;
end
";

/// What stage 1 makes of a lane, by instruction.
const KINDS: [(&str, &str); 12] = [
    (
        "@Requant",
        "                x# <= a_at#(beat) + row_at#(beat);
                {shift1#, y#[23:0]} <= params_at#(beat);
                y#[31:24] <= 0;
",
    ),
    (
        "@Addq",
        "                x# <= extended(held_at#(beat)) - extended(constants[71:64]);
                y# <= factor_a;
                u# <= widened(byte_at#(beat)) - widened(constants[79:72]);
                shift1# <= constants[85:80];
",
    ),
    ("@Vadd", "                x# <= a_at#(beat) + b_at#(beat); y# <= 1; shift1# <= 0;\n"),
    ("@Vsub", "                x# <= a_at#(beat) - b_at#(beat); y# <= 1; shift1# <= 0;\n"),
    ("@Vmin", "                x# <= least_of(a_at#(beat), b_at#(beat)); y# <= 1; shift1# <= 0;\n"),
    ("@Vmax", "                x# <= most_of(a_at#(beat), b_at#(beat)); y# <= 1; shift1# <= 0;\n"),
    ("@Vmul", "                x# <= a_at#(beat); y# <= b_at#(beat); shift1# <= 0;\n"),
    ("@Vmulr", "                x# <= a_at#(beat); y# <= b_at#(beat); shift1# <= shift;\n"),
    (
        "@Vshr",
        "                x# <= a_at#(beat);
                y# <= left_factor(b_at#(beat) + {26'h0, shift});
                shift1# <= right_shift(b_at#(beat) + {26'h0, shift});
",
    ),
    ("@Vclz", "                x# <= zeros(a_at#(beat)); y# <= 1; shift1# <= 0;\n"),
    (
        "@Vsel",
        "                x# <= positive_at#(beat) && live_at#(beat) ? b_at#(beat) : a_at#(beat);
                y# <= 1; shift1# <= 0;
",
    ),
    ("@Lut, @Lut32", "                x# <= entry_of(byte_at#(beat) ^ 8'h80, kind == @Lut); y# <= 1; shift1# <= 0;\n"),
];

/// What stage 1 makes of an instruction that is none of them.
const OTHER: &str = "                x# <= a_at#(beat); y# <= 1; shift1# <= 0;\n";

const PRODUCT: &str = "        product# <= $signed({{32{x#[31]}}, x#}) * $signed({{32{y#[31]}}, y#})
            + (adds1 ? $signed({{55{u#[8]}}, u#}) * $signed({{32{factor1[31]}}, factor1}) : 64'sh0);
        shift2# <= shift1#;
";

const SCALED: &str = "        scaled# <= rounded(product#, shift2#);\n";

const STAGES: &str = "always @(posedge clock) if (go) begin
    enables <= {enables[1:0], enable};
    if (enable) begin
        beat1 <= beat;
        adds1 <= adds;
        factor1 <= factor_b;
        context1 <= {kind == @Requant || adds, kind == @Vmulr, kind == @Vsel, kind == @Requant || adds || kind == @Lut, n,
                     adds ? constants[95:88] : zp, adds ? constants[103:96] : lo, adds ? constants[111:104] : hi};
KEEP        case (kind)
CASES            default: begin
OTHERS            end
        endcase
    end
    if (enables[0]) begin
        beat2 <= beat1;
        context2 <= context1;
PRODUCTS    end
    if (enables[1]) begin
        beat3 <= beat2;
        context3 <= context2;
SCALED    end
    if (enables[2]) begin
RESULTS    end
    if (splat) row32 <= {32{word}};
end
";
