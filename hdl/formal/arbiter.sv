// Seven ports that ask for four banks of eight rows: see hdl/src/banks/arbiter.rs. The text goes into the module.
wire [6:0] asks = {ask$6, ask$5, ask$4, ask$3, ask$2, ask$1, ask$0};
wire [6:0] grants = {grant$6, grant$5, grant$4, grant$3, grant$2, grant$1, grant$0};
wire [13:0] banks = {
    address$6[4:3], address$5[4:3], address$4[4:3], address$3[4:3], address$2[4:3], address$1[4:3], address$0[4:3]
};
genvar gi, gj;
generate
    for (gi = 0; gi < 7; gi = gi + 1) begin : port
        wire [6:0] before;
        for (gj = 0; gj < 7; gj = gj + 1) begin : other
            wire same = banks[2*gi +: 2] == banks[2*gj +: 2];
            assign before[gj] = gj < gi && same && asks[gj];
            // At most one grant a bank.
            if (gj != gi) always @(*) assert (!(grants[gi] && grants[gj] && same));
        end
        // What was not asked for is not granted.
        always @(*) assert (!grants[gi] || asks[gi]);
        // The first that asks gets the bank, and no other does: no grant is lost.
        always @(*) assert (grants[gi] == (asks[gi] && before == 0));
    end
endgenerate
