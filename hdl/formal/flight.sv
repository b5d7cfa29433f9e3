// See hdl/src/scoreboard/flight.rs. The text goes into the module.
//
// Which instructions conflict is left open here: `new_clashes` says whether the one on offer conflicts with that of a slot,
// in any way that does not change while both stay. That the module's comparisons are such a way is proved in hulls.sv.

// The caller's part: an offer stands until it enters; units take what is ready and retire what they have taken.
reg held;
reg [2:0] held_unit;
reg [ENTRIES-1:0] held_clashes;
reg [ENTRIES-1:0] held_slots;
initial held = 0;
always @(posedge clock) begin
    held <= offer && !enter && !clear;
    held_unit <= unit;
    held_clashes <= new_clashes;
    held_slots <= slots;
end
wire [UNITS-1:0] runs;
always @(*) begin
    assume (unit < UNITS);
    assume (!held || (offer && unit == held_unit));
    assume (!held || ((new_clashes ^ held_clashes) & slots & held_slots) == 0);
    assume ((takes & ~ready) == 0);
    assume ((retires & ~runs) == 0);
end

// Beside the table: which entries are taken, which were there when an entry came, which conflict with it, and where it
// is in its unit's ring.
reg [ENTRIES-1:0] taken;
reg [ENTRIES*ENTRIES-1:0] clashes;
reg [ENTRIES*ENTRIES-1:0] older;
reg [ENTRIES*LOG2-1:0] places;
wire [UNITS*LOG2-1:0] heads, enter_places, retire_places;
wire [UNITS*(LOG2+2)-1:0] lengths;
initial begin
    taken = 0;
    older = 0;
    clashes = 0;
    places = 0;
end
integer p, u;
always @(posedge clock) begin
    for (p = 0; p < ENTRIES; p = p + 1) older[p*ENTRIES +: ENTRIES] <= older[p*ENTRIES +: ENTRIES] & ~retiring;
    for (p = 0; p < ENTRIES; p = p + 1) begin
        if (retiring[p]) older[p*ENTRIES +: ENTRIES] <= 0;
        for (u = 0; u < UNITS; u = u + 1) if (takes[u] && heads[u*LOG2 +: LOG2] == p) taken[p] <= 1;
        if (enter) clashes[p*ENTRIES + free] <= new_clashes[p];
        if (enter && free == p) begin
            clashes[p*ENTRIES +: ENTRIES] <= new_clashes;
            older[p*ENTRIES +: ENTRIES] <= slots & ~retiring;
            places[p*LOG2 +: LOG2] <= enter_places[unit*LOG2 +: LOG2];
            taken[p] <= 0;
        end
    end
    if (clear) older <= 0;
end

wire [ENTRIES-1:0] active;
genvar gi, gj, gk, gn;
generate
    for (gi = 0; gi < ENTRIES; gi = gi + 1) begin : entry
        wire [ENTRIES-1:0] before = older[gi*ENTRIES +: ENTRIES];
        wire [ENTRIES-1:0] waits_for = waits[gi];
        wire [2:0] its_unit = unit_of[gi];
        wire [LOG2-1:0] place = places[gi*LOG2 +: LOG2];
        wire [LOG2-1:0] behind = place - retire_places[its_unit*LOG2 +: LOG2];
        wire head = heads[its_unit*LOG2 +: LOG2] == gi;
        // Offered to its unit, or taken and not retired.
        assign active[gi] = slots[gi] && (taken[gi] || (head && ready[its_unit]));
        always @(*) begin
            if (slots[gi]) assert (its_unit < UNITS);
            if (slots[gi] && taken[gi]) assert (waits_for == 0);
            if (!slots[gi]) assert (before == 0);
            assert (!before[gi]);
            if (!slots[gi]) assert (waits_for == 0);
            assert (!waits_for[gi]);
            // No deadlock: the oldest waits for nothing, and is offered if it is not taken.
            if (slots[gi] && before == 0) assert (active[gi]);
        end
        wire new_clash = new_clashes[gi];
        wire other = slots[gi] && its_unit != unit;
        always @(*) if (comparing) begin
            if (left[gi]) assert (other);
            if (found[gi]) assert (other && new_clash && !left[gi]);
            if (other && !left[gi] && new_clash) assert (found[gi]);
        end
        for (gj = 0; gj < ENTRIES; gj = gj + 1) if (gi != gj) begin : with_other
            wire apart = its_unit != entry[gj].its_unit;
            wire clash = clashes[gi*ENTRIES + gj];
            always @(*) begin
                // Safety: nothing conflicts with what a unit executes or may begin to execute.
                assert (!(active[gi] && active[gj] && apart && clash));
                // Of one unit, the order is that of entry.
                if (slots[gi] && slots[gj] && !apart && before[gj]) assert (entry[gj].behind < behind);
                // It waits for the older ones in conflict, and for no others.
                if (waits_for[gj]) assert (before[gj] && apart && clash);
                if (before[gj] && apart && clash) assert (waits_for[gj]);
                if (slots[gi] && slots[gj]) assert (clash == clashes[gj*ENTRIES + gi]);
                // Age is an order.
                if (before[gj]) assert (slots[gi] && slots[gj] && !entry[gj].before[gi]);
                if (slots[gi] && slots[gj]) assert (before[gj] || entry[gj].before[gi]);
            end
            for (gk = 0; gk < ENTRIES; gk = gk + 1) begin : third
                always @(*) if (before[gj] && entry[gj].before[gk]) assert (before[gk]);
            end
        end
    end
    for (gn = 0; gn < UNITS; gn = gn + 1) begin : of_unit
        wire [LOG2:0] queued = ring[gn].queued;
        wire [LOG2:0] running = ring[gn].running;
        wire [LOG2+1:0] length = {1'b0, queued} + {1'b0, running};
        assign heads[gn*LOG2 +: LOG2] = ring[gn].head;
        assign enter_places[gn*LOG2 +: LOG2] = ring[gn].enter_at;
        assign retire_places[gn*LOG2 +: LOG2] = ring[gn].retire_at;
        assign lengths[gn*(LOG2+2) +: LOG2+2] = length;
        assign runs[gn] = running != 0;
        wire [LOG2-1:0] take_place = ring[gn].retire_at + running[LOG2-1:0];
        wire [LOG2-1:0] enter_place = ring[gn].retire_at + length[LOG2-1:0];
        always @(*) begin
            assert (queued <= ENTRIES && running <= ENTRIES && length <= ENTRIES);
            assert (ring[gn].take_at == take_place);
            assert (ring[gn].enter_at == enter_place);
        end
        for (gk = 0; gk < ENTRIES; gk = gk + 1) begin : at
            wire [LOG2-1:0] slot_there = ring[gn].order[gk];
            wire [LOG2-1:0] from = gk - ring[gn].retire_at;
            wire [2:0] unit_there = unit_of[slot_there];
            always @(*) if (from < length) begin
                assert (slots[slot_there] && unit_there == gn && places[slot_there*LOG2 +: LOG2] == gk);
                assert (taken[slot_there] == (from < running));
            end
        end
    end
    for (gi = 0; gi < ENTRIES; gi = gi + 1) begin : in_ring
        for (gn = 0; gn < UNITS; gn = gn + 1) begin : of_unit
            wire [LOG2-1:0] slot_there = ring[gn].order[entry[gi].place];
            always @(*) if (slots[gi] && entry[gi].its_unit == gn)
                assert (slot_there == gi && entry[gi].behind < lengths[gn*(LOG2+2) +: LOG2+2]);
        end
    end
endgenerate
always @(*) assert (comparing == held);
// No deadlock, said once more: where an instruction is in flight, one is offered or executing.
always @(*) if (slots != 0) assert (active != 0);
