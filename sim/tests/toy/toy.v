// A machine with the ports of `systole` that knows one program: it copies rows 0 and 1 of input to rows 5 and 6 of
// output, marks 7 and halts. It tests the driver alone: beats, requests, digest, marks, end. The low byte of the
// step limit chooses how it misbehaves.
module systole #(parameter W = 16) (
    input wire clock,
    input wire clock_load,
    input wire clock_store,
    input wire clock_move,
    input wire clock_matrix,
    input wire clock_depthwise,
    input wire clock_vector,
    input wire clock_front,
    input wire clock_scoreboard,
    output wire [7:0] awake,
    input wire start,
    input wire [255:0] profile,
    input wire [31:0] base_text,
    input wire [31:0] base_const,
    input wire [31:0] base_input,
    input wire [31:0] base_work,
    input wire [31:0] base_output,
    output wire [255:0] isa_hash,
    output wire busy,
    output wire done,
    output wire [7:0] status,
    output wire [63:0] steps,
    output reg [63:0] digest,
    output wire mark_valid,
    output wire [31:0] mark_id,
    output wire [63:0] mark_steps,
    input wire mark_ready,
    output reg [63:0] cycles,
    output wire [63:0] macs,
    output wire [63:0] bytes_read,
    output wire [63:0] bytes_written,
    COUNTERS
    output wire [20:0] activity,
    output wire issued,
    output wire [2:0] issued_unit,
    output wire [31:0] issued_pc,
    output wire [5:0] takes,
    output wire [5:0] retires,
    output wire read_valid,
    output wire [31:0] read_row,
    output wire [15:0] read_rows,
    input wire read_ready,
    input wire rdata_valid,
    input wire [8*W-1:0] rdata,
    output wire rdata_ready,
    output wire write_valid,
    output wire [31:0] write_row,
    output wire [15:0] write_rows,
    input wire write_ready,
    output wire wdata_valid,
    output wire [8*W-1:0] wdata,
    input wire wdata_ready,
    input wire written
);
    assign awake = 8'hff;
    localparam BEATS = 2 * 32 / W;
    localparam IDLE = 0, READ = 1, TAKE = 2, WRITE = 3, GIVE = 4, SUM = 5, WAIT = 6, MARK = 7, DONE = 8;

    localparam UNMAPPED = 201, READ_ONLY = 202, HANG = 203, DIGEST = 204, EARLY = 205, STATUS = 206, UNWRITTEN = 207, CHANGED = 208;
    wire [7:0] fault = profile[7:0];

    reg [3:0] state = IDLE;
    reg [511:0] rows = 0;
    reg [7:0] beat = 0;
    initial digest = 0;
    initial cycles = 0;

    function [63:0] crc(input [63:0] from, input [63:0] header, input [255:0] leaf);
        integer i;
        reg [319:0] message;
        begin
            for (i = 0; i < 32; i = i + 1) message[8*(31-i) +: 8] = leaf[8*i +: 8];
            message[319:256] = header;
            crc = from;
            for (i = 319; i >= 0; i = i - 1)
                crc = {crc[62:0], 1'b0} ^ ((crc[63] ^ message[i]) ? 64'h42f0e1eba9ea3693 : 64'h0);
        end
    endfunction

    always @(posedge clock) begin
        if (state != IDLE && state != DONE) cycles <= cycles + 1;
        case (state)
            IDLE, DONE: if (start) begin state <= READ; digest <= 0; cycles <= 0; end
            READ: if (read_ready) begin state <= TAKE; beat <= 0; end
            TAKE: if (rdata_valid) begin
                rows[8*W*beat +: 8*W] <= rdata;
                beat <= beat + 1;
                if (beat == BEATS - 1) state <= WRITE;
                if (fault == EARLY && beat == BEATS - 3) state <= DONE;
            end
            WRITE: if (write_ready && fault != HANG) begin state <= GIVE; beat <= 0; end
            GIVE: if (wdata_ready) begin
                beat <= beat + 1;
                if (beat == BEATS - 1) state <= SUM;
            end
            SUM: begin
                digest <= crc(crc(fault == DIGEST ? 64'd1 : 64'd0, 64'h00000007_00000005, rows[255:0]), 64'h00000007_00000006, rows[511:256]);
                state <= written || fault == UNWRITTEN ? MARK : WAIT;
            end
            WAIT: if (written) state <= MARK;
            MARK: if (mark_ready) state <= DONE;
        endcase
    end

    assign isa_hash = 256'hISA_HASH;
    assign busy = state != IDLE && state != DONE;
    assign done = state == DONE;
    assign status = !done ? 8'd0 : fault == STATUS ? 8'd77 : 8'd1;
    assign steps = done ? 6 : 0;
    assign mark_valid = state == MARK;
    assign mark_id = 7;
    assign read_valid = state == READ;
    assign read_row = base_input + (fault == CHANGED ? {31'd0, cycles[0]} : 32'd0);
    assign read_rows = 2;
    assign rdata_ready = state == TAKE;
    assign write_valid = state == WRITE && fault != HANG;
    assign write_row = fault == UNMAPPED ? base_output + 7 : fault == READ_ONLY ? base_const : base_output + 5;
    assign write_rows = 2;
    assign wdata_valid = state == GIVE;
    assign wdata = rows[8*W*beat +: 8*W];
    assign mark_steps = 5;
    assign {macs, bytes_read, bytes_written} = {64'd1, 64'd2, 64'd3};

    // Load is unit 0 and waits for memory (4), store is unit 1 and works (1), MARK goes through it; each is issued in the
    // cycle of its take.
    wire loads = state == READ || state == TAKE;
    wire stores = state == WRITE || state == GIVE || state == SUM || state == WAIT;
    assign activity = {busy ? 3'd1 : 3'd0, 12'd0, stores ? 3'd1 : 3'd0, loads ? 3'd4 : 3'd0};
    assign takes = {4'd0, state == SUM || (state == WRITE && write_ready && fault != HANG), state == READ && read_ready};
    assign issued = takes != 0;
    assign issued_unit = {2'd0, takes[1]};
    assign issued_pc = state == SUM ? 32'd2 : {31'd0, takes[1]};
    assign retires = {4'd0, state == SUM || state == MARK, state == TAKE && rdata_valid && beat == BEATS - 1};
endmodule
