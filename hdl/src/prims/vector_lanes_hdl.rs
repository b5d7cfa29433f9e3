//! The Verilog of the vector unit's lanes.

use rust_hdl::prelude::Synth;
use std::fmt::Write as _;

use super::opcode_rom::Kind;
use super::vector_lanes::VectorLanes;

/// The body of the module; what a lane selects is a function, so that nothing is computed in a simulated cycle without
/// `enable`.
pub(super) fn text(lanes: usize) -> String {
    let beats = 32 / lanes;
    let sign = |lane: usize| format!("!acc[{0}] && acc[{0}-1:{1}] != 0", 32 * lane + 31, 32 * lane);
    let mut text = SHARED.replace("SIGNS", &(0..32).rev().map(sign).collect::<Vec<_>>().join(", "));
    (0..lanes).for_each(|lane| text.push_str(&selects(lanes, lane)));
    text.push_str(&table(lanes));
    let (rest, keep) = if beats > 1 {
        let (wide, narrow) = (32 * lanes, 8 * lanes);
        (
            "reg [1023:0] rest;\nreg [255:0] rest8;\ninitial begin rest = 0; rest8 = 0; end\n".to_owned(),
            format!(
                "    if (keep && beat[{}:0] == 0) begin
        rest[1023:{wide}] <= acc[1023:{wide}];
        rest8[255:{narrow}] <= spad[255:{narrow}];
    end
",
                top(lanes)
            ),
        )
    } else {
        ("wire unused = &{1'b0, keep};\n".to_owned(), String::new())
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
                let low = width * (beat * lanes + at);
                let dead = if narrow { "8'h0" } else { "32'h0" };
                // What a lane gets is the same in each beat, so that synthesis makes it once.
                writeln!(
                    results,
                    "            {row}[{low} +: {width}] <= live3_{at} ? {function}(scaled{at}) : {dead};"
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
    let part = match VectorLanes::summed(lanes) {
        32 => "acc".to_owned(),
        _ => {
            let list = (0..lanes).rev().map(|lane| format!("a_at{lane}(beat)")).collect::<Vec<_>>().join(", ");
            format!("{{{}'h0, {list}}}", 1024 - 32 * lanes)
        }
    };
    writeln!(text, "always @(*) part = {part};").ok();
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
        let low = stride * lane;
        let there =
            |row: &str, at: String| if width == 1 { format!("{row}[{at}]") } else { format!("{row}[{at} +: {width}]") };
        let now = there(first, low.to_string());
        let it = match (beats, first == later) {
            (1, _) => now,
            (_, true) => there(later, part_of("at", lanes, stride, low)),
            _ => format!("at[{}:0] == 0 ? {now} : {}", top(lanes), there(later, part_of("at", lanes, stride, low))),
        };
        writeln!(
            text,
            "function [{}:0] {name}_at{lane}(input [4:0] at);\n    {name}_at{lane} = {it};\nendfunction",
            width - 1
        )
        .ok();
    }
    let number = |beat: &str| if beats == 1 { format!("5'd{lane}") } else { part_of(beat, lanes, 1, lane) };
    writeln!(
        text,
        "function live_at{lane}(input [4:0] at);
    live_at{lane} = n > {{1'b0, {}}};
endfunction
function [31:0] b_at{lane}(input [4:0] at);
    b_at{lane} = form == 2 ? extended(byte_at{lane}(at)) : splats ? word : row_at{lane}(at);
endfunction
wire live3_{lane} = keeps3 || n3 > {{1'b0, {}}};",
        number("at"),
        number("beat3"),
    )
    .ok();
    text
}

/// The highest bit of a beat.
fn top(lanes: usize) -> u32 {
    (16 / lanes).trailing_zeros()
}

/// `low` of the parts of a beat of `lanes` units of `stride` bits: an index that takes a tree of choices, not a chain.
fn part_of(beat: &str, lanes: usize, stride: usize, low: usize) -> String {
    let beat = format!("{beat}[{}:0]", top(lanes));
    match (lanes * stride).trailing_zeros() {
        0 => beat,
        bits => format!("{{{beat}, {bits}'d{low}}}"),
    }
}

/// The table: bank *w* holds word *w* of its rows, so that a row is written at once. Stage 1 reads a row for each lane,
/// which takes block RAM, stage 2 picks the entry.
fn table(lanes: usize) -> String {
    let mut text = String::new();
    for bank in 0..8 {
        text.push_str(&format!(
            "(* ram_style = \"block\" *) reg [31:0] bank{bank} [0:31];
integer i{bank};
initial for (i{bank} = 0; i{bank} < 32; i{bank} = i{bank} + 1) bank{bank}[i{bank}] = 0;
always @(posedge clock) if (go && fill) bank{bank}[fill_row] <= spad[{}:{}];
",
            32 * bank + 31,
            32 * bank
        ));
    }
    for lane in 0..lanes {
        let each = |line: &str| (0..8).map(|bank| line.replace('@', &bank.to_string())).collect::<String>();
        text.push_str(&format!(
            "reg [255:0] found{lane};
reg [4:0] entry{lane};
initial begin found{lane} = 0; entry{lane} = 0; end
wire [7:0] asked{lane} = byte_at{lane}(beat) ^ 8'h80;
wire [4:0] place{lane} = kind == @Lut ? {{2'h0, asked{lane}[7:5]}} : asked{lane}[7:3];
always @(posedge clock) if (go && enable && tabled) begin
    entry{lane} <= asked{lane}[4:0];
{}end
",
            each(&format!("    found{lane}[32*@ +: 32] <= bank@[place{lane}];\n"))
        ));
    }
    text
}

/// Registers and functions. A result is rounded by the bit below the point, the bits below that and its own lowest; one
/// shift finds all but those in between.
const SHARED: &str = "reg [2:0] enables;
reg [4:0] beat1, beat2, beat3;
reg [33:0] context1, context2, context3;
reg adds1, tabled1, bytes1;
reg signed [31:0] factor1;
reg [31:0] positive;
initial begin
    row32 = 0; row8 = 0;
    enables = 0;
    beat1 = 0; beat2 = 0; beat3 = 0;
    context1 = 0; context2 = 0; context3 = 0;
    adds1 = 0; tabled1 = 0; bytes1 = 0; factor1 = 0;
    positive = 0;
end
REST// Of ADDQ: its multipliers are big-endian.
wire [31:0] factor_a = {constants[7:0], constants[15:8], constants[23:16], constants[31:24]};
wire [31:0] factor_b = {constants[39:32], constants[47:40], constants[55:48], constants[63:56]};
wire adds = kind == @Addq;
wire tabled = kind == @Lut || kind == @Lut32;
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
function [63:0] widest(input [31:0] value);
    widest = {{32{value[31]}}, value};
endfunction
function [31:0] entry_of(input [255:0] words, input [4:0] entry);
    reg [31:0] found;
    begin
        found = words[{bytes1 ? entry[4:2] : entry[2:0], 5'h0} +: 32];
        entry_of = bytes1 ? extended(found[{entry[1:0], 3'h0} +: 8])
                          : {found[7:0], found[15:8], found[23:16], found[31:24]};
    end
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
    ("@Lut, @Lut32", "                x# <= 0; y# <= 0; shift1# <= 0;\n"),
];

/// What stage 1 makes of an instruction that is none of them.
const OTHER: &str = "                x# <= a_at#(beat); y# <= 1; shift1# <= 0;\n";

const PRODUCT: &str = "        product# <= $signed({{32{x#[31]}}, x#}) * $signed({{32{y#[31]}}, y#})
            + (adds1 ? $signed({{55{u#[8]}}, u#}) * $signed({{32{factor1[31]}}, factor1})
                     : tabled1 ? $signed(widest(entry_of(found#, entry#))) : 64'sh0);
        shift2# <= shift1#;
";

const SCALED: &str = "        scaled# <= rounded(product#, shift2#);\n";

const STAGES: &str = "always @(posedge clock) if (go) begin
    enables <= {enables[1:0], enable};
    if (enable) begin
        beat1 <= beat;
        adds1 <= adds;
        tabled1 <= tabled;
        bytes1 <= kind == @Lut;
        factor1 <= factor_b;
        context1 <= {kind == @Requant || adds, kind == @Vmulr, kind == @Vsel, kind == @Requant || adds || kind == @Lut, n,
                     adds ? constants[95:88] : zp, adds ? constants[103:96] : lo, adds ? constants[111:104] : hi};
        case (kind)
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
    if (splat) row32 <= {32{sum}};
KEEPend
";
