// See hdl/src/scoreboard/flight.rs. The text goes into the module.
//
// What flight.sv leaves open: the comparison is right, and an entry keeps the hulls with which it entered, so that two
// entries conflict as long as both are there, or never. One entry, which is any but always the same, is followed.

// Two instructions conflict where one writes what the other reads or writes.
function meets(input valid, input [1:0] space, input [31:0] low, input [31:0] high,
               input valid2, input [1:0] space2, input [31:0] low2, input [31:0] high2);
    meets = valid && valid2 && space == space2 && low <= high2 && low2 <= high;
endfunction
function hits(input [HULLS-1:0] a, input [HULLS-1:0] b);
    hits = meets(a[216], a[215:214], a[181:150], a[213:182], b[216], b[215:214], b[181:150], b[213:182])
        || meets(a[216], a[215:214], a[181:150], a[213:182], b[149], b[148:147], b[114:83], b[146:115])
        || meets(a[216], a[215:214], a[181:150], a[213:182], b[82], {1'b0, b[81]}, {12'h0, b[60:41]}, {12'h0, b[80:61]})
        || meets(a[216], a[215:214], a[181:150], a[213:182], b[40], 2'h0, {12'h0, b[19:0]}, {12'h0, b[39:20]});
endfunction

(* anyconst *) wire [LOG2-1:0] at;
reg [HULLS-1:0] hulls_at;
always @(posedge clock) if (enter && free == at && !clear) hulls_at <= new_hulls;
always @(*) if (slots[at]) assert (hulls[at] == hulls_at);

wire [HULLS-1:0] old_hulls = hulls[slot];
always @(*) assert (conflict == (hits(new_hulls, old_hulls) || hits(old_hulls, new_hulls)));
// The slot that is compared is one of those that are left, and no live one is overwritten.
always @(*) if (now != 0) assert (now[slot] && after == (now & ~(one << slot)));
always @(*) if (enter) assert (!slots[free]);
