//! The Verilog of the array, twice: as hardware, and in the form that simulates fast.
//!
//! The second holds two weights in a word of 64 bits, the upper one 32 bits above the lower: one product with an
//! activation is two, one sum over a column two sums, of which the upper has lost one where the lower is negative.
//! It is one block of blocking assignments, from the last stage to the first, so that nothing is copied.

use std::fmt::Write as _;

/// Bits of `count` numbers, a power of two.
fn log2(count: usize) -> u32 {
    count.trailing_zeros()
}

/// Both, under `ifdef SYNTHESIS`.
pub(super) fn text(rows: usize, columns: usize) -> String {
    let (hardware, model) = (hardware(rows, columns), model(rows, columns));
    format!("wire unused = &{{1'b0, group, load_group}};\n`ifdef SYNTHESIS\n{hardware}`else\n{model}`endif")
}

/// `width` units of a vector, those of group `group`.
fn group(vector: &str, group: &str, width: usize, unit: usize) -> String {
    match log2(32 / width) {
        0 => vector.to_owned(),
        bits => format!("{vector}[{{{group}[{}:0], {}'h0}} +: {}]", bits - 1, log2(width * unit), width * unit),
    }
}

fn hardware(rows: usize, columns: usize) -> String {
    let quad = |q: usize| format!("{{{{14{{quads[{}]}}}}, quads[{} +: 18]}}", 18 * q + 17, 18 * q);
    let quads = (0..rows / 4).map(quad).collect::<Vec<_>>().join(" + ");
    HARDWARE
        .replace("ACROSS_ALIVE", &group("alive", "load_group1", columns, 1))
        .replace("DOWN_ALIVE", &group("alive", "load_group1", rows, 1))
        .replace("ACROSS", &group("weights1", "load_group1", columns, 8))
        .replace("DOWN", &group("weights1", "load_group1", rows, 8))
        .replace("PICKED", &group("activations1", "group1", rows, 8))
        .replace("TOTAL", &quads)
        .replace("ROWS", &rows.to_string())
        .replace("COLUMNS", &columns.to_string())
}

const HARDWARE: &str = "reg [255:0] weights1, activations1;
reg [4:0] load_index1;
reg [5:0] load_live1;
reg [2:0] load_group1, group1;
reg load1, load_transposed1, enable1, enable2, enable3, enable4;
reg [8*ROWS-1:0] activations2;
wire [31:0] load_at = 32'h1 << load_index1;
wire [7:0] pass_at = 8'h1 << pass;
wire [31:0] alive = ~(32'hffffffff << load_live1);
wire [COLUMNS-1:0] across_alive = ACROSS_ALIVE;
wire [ROWS-1:0] down_alive = DOWN_ALIVE;
wire [8*COLUMNS-1:0] across = ACROSS;
wire [8*ROWS-1:0] down = DOWN;
wire [32*COLUMNS-1:0] sums;
wire unused1 = &{1'b0, load_at, pass_at, load_group1, group1};
initial begin
    weights1 = 0; activations1 = 0; load_index1 = 0; load_live1 = 0; load_group1 = 0; group1 = 0; load1 = 0;
    load_transposed1 = 0; enable1 = 0; enable2 = 0; enable3 = 0; enable4 = 0; activations2 = 0;
end
always @(posedge clock) begin
    load1 <= load;
    enable1 <= enable;
    enable2 <= enable1;
    enable3 <= enable2;
    enable4 <= enable3;
    if (load) begin
        weights1 <= weights;
        load_index1 <= load_index;
        load_live1 <= load_live;
        load_group1 <= load_group;
        load_transposed1 <= load_transposed;
    end
    if (enable) begin
        activations1 <= activations;
        group1 <= group;
    end
    if (enable1) activations2 <= PICKED;
end
genvar r, c, q;
generate
for (c = 0; c < COLUMNS; c = c + 1) begin : column
    wire [16*ROWS-1:0] products;
    reg [18*ROWS/4-1:0] quads;
    reg [31:0] sum;
    for (r = 0; r < ROWS; r = r + 1) begin : row
        reg signed [7:0] shadow, weight;
        reg signed [15:0] product;
        wire signed [7:0] activation = activations2[8*r +: 8];
        initial begin
            shadow = 0; weight = 0; product = 0;
        end
        always @(posedge clock) begin
            if (load1 & (load_transposed1 ? load_at[c] : load_at[r])) begin
                shadow <= load_transposed1 ? down[8*r +: 8] & {8{down_alive[r]}}
                                           : across[8*c +: 8] & {8{across_alive[c]}};
            end
            if (swap) weight <= shadow;
            if (enable2) product <= weight * activation;
        end
        assign products[16*r +: 16] = product;
    end
    for (q = 0; q < ROWS / 4; q = q + 1) begin : quad
        wire signed [15:0] p0 = products[64*q +: 16];
        wire signed [15:0] p1 = products[64*q+16 +: 16];
        wire signed [15:0] p2 = products[64*q+32 +: 16];
        wire signed [15:0] p3 = products[64*q+48 +: 16];
        always @(posedge clock) begin
            if (enable3) quads[18*q +: 18] <= {{2{p0[15]}}, p0} + {{2{p1[15]}}, p1} + {{2{p2[15]}}, p2} + {{2{p3[15]}}, p3};
        end
    end
    initial begin
        quads = 0; sum = 0;
    end
    always @(posedge clock) begin
        if (enable4) sum <= TOTAL;
    end
    assign sums[32*c +: 32] = sum;
end
for (c = 0; c < 32; c = c + 1) begin : lane
    wire [31:0] from = zero ? 32'h0 : base[32*c +: 32];
    initial out[32*c +: 32] = 0;
    always @(posedge clock) begin
        if (add) out[32*c +: 32] <= from + (pass_at[c / COLUMNS] ? sums[32*(c % COLUMNS) +: 32] : 32'h0);
    end
end
endgenerate
";

/// Two weights in a word, an activation, as 64 bits.
fn model(rows: usize, columns: usize) -> String {
    let (cells, words) = (rows * columns, columns / 2);
    let mut text = format!(
        "/* verilator lint_off BLKSEQ */
reg [255:0] weights1, activations1;
reg [4:0] load_index1;
reg [5:0] load_live1;
reg [2:0] load_group1, group1;
reg load1, load_transposed1, enable1, enable2, enable3, enable4;
reg [{bits}:0] at;
reg [31:0] alive;
reg [7:0] shadow [0:{last_cell}];
reg signed [63:0] weight [0:{last_word}];
reg [{last_bit}:0] picked;
wire unused1 = &{{1'b0, load_index1, load_group1, group1}};
",
        bits = log2(cells) - 1,
        last_cell = cells - 1,
        last_word = cells / 2 - 1,
        last_bit = 8 * rows - 1,
    );
    let list = |prefix: &str, count: usize| (0..count).map(|i| format!("{prefix}{i}")).collect::<Vec<_>>().join(", ");
    let all = |names: &[(&str, usize)]| {
        names.iter().flat_map(|(name, count)| (0..*count).map(move |i| format!(" {name}{i} = 0;"))).collect::<String>()
    };
    writeln!(text, "reg signed [63:0] {};", list("a", rows)).ok();
    writeln!(text, "reg [63:0] {}, {}, {};", list("p", words), list("q", words), list("sum", words)).ok();
    writeln!(text, "integer i;\ninitial begin").ok();
    writeln!(text, "    weights1 = 0; activations1 = 0; load_index1 = 0; load_live1 = 0; load_group1 = 0; group1 = 0;")
        .ok();
    writeln!(text, "    load1 = 0; load_transposed1 = 0; enable1 = 0; enable2 = 0; enable3 = 0; enable4 = 0;").ok();
    writeln!(text, "    at = 0; alive = 0; picked = 0; out = 0;").ok();
    writeln!(text, "    for (i = 0; i < {cells}; i = i + 1) shadow[i] = 0;").ok();
    writeln!(text, "    for (i = 0; i < {}; i = i + 1) weight[i] = 0;", cells / 2).ok();
    writeln!(text, "   {}\nend", all(&[("a", rows), ("p", words), ("q", words), ("sum", words)])).ok();
    writeln!(text, "always @(posedge clock) begin").ok();
    text.push_str(&accumulate(columns));
    text.push_str(&multiply(rows, columns));
    text.push_str(&load(rows, columns));
    text.push_str("end\n/* verilator lint_on BLKSEQ */\n");
    text
}

/// The last stage.
fn accumulate(columns: usize) -> String {
    let lane = |pass: usize, lane: usize| {
        let (low, high, word) = (32 * lane, 32 * lane + 31, lane % columns / 2);
        let from = format!("(zero ? 32'h0 : base[{high}:{low}])");
        match (lane / columns == pass, lane % 2) {
            (false, _) => format!("            out[{high}:{low}] <= {from};\n"),
            (true, 0) => format!("            out[{high}:{low}] <= {from} + sum{word}[31:0];\n"),
            (true, _) => {
                format!("            out[{high}:{low}] <= {from} + sum{word}[63:32] + {{31'h0, sum{word}[31]}};\n")
            }
        }
    };
    let pass = |pass: usize| {
        let lanes: String = (0..32).map(|at| lane(pass, at)).collect();
        let when = if pass + 1 == 32 / columns { "default".to_owned() } else { pass.to_string() };
        format!("        {when}: begin\n{lanes}        end\n")
    };
    let passes: String = (0..32 / columns).map(pass).collect();
    format!("    if (add) begin\n        case (pass)\n{passes}        endcase\n    end\n")
}

/// The stages between a row of spad and the sums.
fn multiply(rows: usize, columns: usize) -> String {
    let words = columns / 2;
    let copy = |to: &str, from: &str| (0..words).map(|w| format!("        {to}{w} = {from}{w};\n")).collect::<String>();
    let product = |word: usize| {
        let terms: Vec<_> = (0..rows).map(|row| format!("a{row} * weight[{}]", row * words + word)).collect();
        format!("        p{word} = {};\n", terms.join(" + "))
    };
    let products: String = (0..words).map(product).collect();
    let extend = |row: usize| {
        let (low, high) = (8 * row, 8 * row + 7);
        format!("        a{row} = {{{{56{{picked[{high}]}}}}, picked[{high}:{low}]}};\n")
    };
    let extended: String = (0..rows).map(extend).collect();
    format!(
        "    if (enable4) begin\n{}    end\n    if (enable3) begin\n{}    end\n    if (enable2) begin\n{products}    end
    if (enable1) begin\n        picked = {};\n{extended}    end
    enable4 = enable3;\n    enable3 = enable2;\n    enable2 = enable1;\n    enable1 = enable;
    if (enable) begin\n        activations1 = activations;\n        group1 = group;\n    end\n",
        copy("sum", "q"),
        copy("q", "p"),
        group("activations1", "group1", rows, 8),
    )
}

/// The weights.
fn load(rows: usize, columns: usize) -> String {
    let (row_bits, column_bits) = (log2(rows), log2(columns));
    let swap = |word: usize| {
        let (low, high) = (2 * word, 2 * word + 1);
        format!(
            "        weight[{word}] = {{{{24{{shadow[{high}][7]}}}}, shadow[{high}], 32'h0}} + {{{{56{{shadow[{low}][7]}}}}, shadow[{low}]}};\n"
        )
    };
    let swaps: String = (0..rows * columns / 2).map(swap).collect();
    // Lane `lane` of group `group` into the cell that is `stride` times it from `at`.
    let cells = |group: usize, width: usize, stride: usize| {
        let cell = |place: usize| {
            let (lane, bits) = (group * width + place, row_bits + column_bits);
            let value = format!("weights1[{}:{}] & {{8{{alive[{lane}]}}}}", 8 * lane + 7, 8 * lane);
            format!("            shadow[at | {bits}'d{}] = {value};\n", place * stride)
        };
        (0..width).map(cell).collect::<String>()
    };
    let groups = |width: usize, stride: usize| {
        let arm = |group: usize| {
            let when = if group + 1 == 32 / width { "default".to_owned() } else { group.to_string() };
            format!("        {when}: begin\n{}        end\n", cells(group, width, stride))
        };
        (0..32 / width).map(arm).collect::<String>()
    };
    format!(
        "    if (swap) begin\n{swaps}    end
    if (load1) alive = ~(32'hffffffff << load_live1);
    if (load1 & load_transposed1) begin
        at = {{{row_bits}'h0, load_index1[{}:0]}};
        case (load_group1)
{}        endcase
    end else if (load1) begin
        at = {{load_index1[{}:0], {column_bits}'h0}};
        case (load_group1)
{}        endcase
    end
    load1 = load;
    if (load) begin
        weights1 = weights;
        load_index1 = load_index;
        load_live1 = load_live;
        load_group1 = load_group;
        load_transposed1 = load_transposed;
    end\n",
        column_bits - 1,
        groups(rows, columns),
        row_bits - 1,
        groups(columns, 1),
    )
}
