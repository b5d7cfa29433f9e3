// Seven readers and three writers of four banks of eight rows: see hdl/src/prims/banks.rs. The text goes into the module.
//
// One bit of one row, which are any but always the same, is followed: it holds what was written last, and a read gives
// in the next cycle what it held in the cycle of the read.
(* anyconst *) wire [4:0] at;
(* anyconst *) wire [7:0] which;
wire [6:0] reads = {read$6, read$5, read$4, read$3, read$2, read$1, read$0};
wire [34:0] read_places = {
    read_address$6[4:0], read_address$5[4:0], read_address$4[4:0], read_address$3[4:0], read_address$2[4:0],
    read_address$1[4:0], read_address$0[4:0]
};
wire [6:0] read_bits = {
    read_data$6[which], read_data$5[which], read_data$4[which], read_data$3[which],
    read_data$2[which], read_data$1[which], read_data$0[which]
};
wire [2:0] writes = {write$2, write$1, write$0};
wire [14:0] write_places = {write_address$2[4:0], write_address$1[4:0], write_address$0[4:0]};
wire [2:0] write_bits = {write_data$2[which], write_data$1[which], write_data$0[which]};
wire [2:0] write_masks = {write_mask$2[which[7:3]], write_mask$1[which[7:3]], write_mask$0[which[7:3]]};

reg content;
reg content_before;
reg [6:0] was_read;
initial begin
    content = 0;
    was_read = 0;
end
integer w;
always @(posedge clock) begin
    content_before <= content;
    if (clear && clear_address[2:0] == at[2:0]) content <= 0;
    for (w = 0; w < 3; w = w + 1)
        if (writes[w] && write_places[5*w +: 5] == at && write_masks[w]) content <= write_bits[w];
end
wire [255:0] row = at[4:3] == 0 ? bank0[at[2:0]] : at[4:3] == 1 ? bank1[at[2:0]]
    : at[4:3] == 2 ? bank2[at[2:0]] : bank3[at[2:0]];
always @(*) assert (row[which] == content);

genvar gi, gj;
generate
    for (gi = 0; gi < 7; gi = gi + 1) begin : reader
        always @(posedge clock) was_read[gi] <= reads[gi] && read_places[5*gi +: 5] == at;
        always @(*) if (was_read[gi]) assert (read_bits[gi] == content_before);
        // The arbiter's part: see arbiter.sv.
        for (gj = 0; gj < gi; gj = gj + 1) begin : other
            always @(*) assume (!(reads[gi] && reads[gj] && read_places[5*gi+3 +: 2] == read_places[5*gj+3 +: 2]));
        end
    end
    for (gi = 0; gi < 3; gi = gi + 1) begin : writer
        always @(*) assume (!(writes[gi] && clear));
        for (gj = 0; gj < gi; gj = gj + 1) begin : other
            always @(*) assume (!(writes[gi] && writes[gj] && write_places[5*gi+3 +: 2] == write_places[5*gj+3 +: 2]));
        end
    end
endgenerate
