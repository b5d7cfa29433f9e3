// See hdl/src/scoreboard/queue.rs. The text goes into the module.
//
// A list that is plainly first in, first out, runs beside it: entry 0 is the oldest. Of each item one bit, which is any
// but always the same, is followed: what holds of it holds of all.
(* anyconst *) wire [9:0] which;
always @(*) assume (which < WIDTH);
reg [DEPTH-1:0] list;
reg [DEPTH_LOG2:0] length;
initial begin
    list = 0;
    length = 0;
end
wire [DEPTH-1:0] popped = pop ? list >> 1 : list;
wire [DEPTH_LOG2:0] left = length - {{DEPTH_LOG2{1'b0}}, pop};
integer n;
always @(posedge clock) begin
    if (clear) length <= 0;
    else begin
        list <= popped;
        length <= left + {{DEPTH_LOG2{1'b0}}, push};
        for (n = 0; n < DEPTH; n = n + 1) begin
            if (push && left == n) list[n] <= item[which];
        end
    end
end

// The caller's part.
always @(*) begin
    assume (!(push && !room));
    assume (!(pop && empty));
end

wire [DEPTH_LOG2-1:0] behind = length == 0 ? 0 : length - 1;
wire [DEPTH_LOG2-1:0] held = in_at - out_at;
always @(*) begin
    assert (length <= DEPTH);
    assert (empty == (length == 0));
    assert (room == (length < DEPTH));
    if (!empty) assert (head[which] == list[0]);
    // What makes it inductive.
    assert (count == length);
    assert (held == behind);
end
genvar gi;
generate
    for (gi = 1; gi < DEPTH; gi = gi + 1) begin : behind_head
        wire [DEPTH_LOG2-1:0] place = out_at + gi - 1;
        wire [WIDTH-1:0] word = rest[place];
        always @(*) if (gi < length) assert (word[which] == list[gi]);
    end
endgenerate
