//! The table of proofs.

/// Properties that hold of a module.
pub(super) struct Proof {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// Of the machine whose module it is.
    pub(super) params: &'static str,
    pub(super) module: &'static str,
    /// In `hdl/formal`.
    pub(super) properties: &'static str,
    /// What is left open, with no claim of its own.
    pub(super) open: Option<Change>,
    /// Only so many cycles from reset, where induction does not come to an end.
    pub(super) bound_cycles: Option<u32>,
    /// Cycles from reset in which every fault shows.
    pub(super) fault_depth: u32,
    pub(super) faults: &'static [Change],
    /// Left out unless asked for.
    pub(super) is_long: bool,
}

/// A change of the module: a fault that its proof must notice, or what stands for a part that is proved elsewhere.
#[derive(Clone, Copy)]
pub(super) struct Change {
    pub(super) about: &'static str,
    pub(super) from: &'static str,
    pub(super) to: &'static str,
}

/// Small, so that proofs are quick: nothing in the modules depends on sizes but widths and numbers of entries.
const SMALL: &str = r#"{"array_rows":4,"array_cols":4,"spad_log2":5,"acc_log2":3,"port_bytes":4,"vector_lanes":4,"spad_banks":4,"acc_banks":2,"in_flight":2,"queue_depth":4}"#;
const FOUR_IN_FLIGHT: &str = r#"{"array_rows":4,"array_cols":4,"spad_log2":5,"acc_log2":3,"port_bytes":4,"vector_lanes":4,"spad_banks":4,"acc_banks":2,"in_flight":4,"queue_depth":4}"#;

pub(super) const PROOFS: &[Proof] = &[
    Proof {
        name: "arbiter",
        about: "a bank goes to the first that asks for it, to nobody else, and to nobody who did not ask",
        params: SMALL,
        module: "systole$spad$reads",
        properties: "arbiter.sv",
        open: None,
        bound_cycles: None,
        fault_depth: 1,
        faults: &[
            Change { about: "the second port does not look at the first", from: "taken$0 | want$0", to: "taken$0" },
            Change { about: "a port waits for no reason", from: "taken$3 | want$3", to: "taken$3 | 1" },
            Change {
                about: "a port is granted what it did not ask for",
                from: "grant$6 = ask$6 &",
                to: "grant$6 = (ask$6 | ask$5) &",
            },
            Change {
                about: "banks by the low bits",
                from: "bank$4 = (address$4 >> bank_log2)",
                to: "bank$4 = (address$4)",
            },
        ],
        is_long: false,
    },
    Proof {
        name: "banks",
        about: "a row holds what was written last, and is read as it was in the cycle of the read",
        params: SMALL,
        module: "systole$spad$banks",
        properties: "banks.sv",
        open: None,
        bound_cycles: None,
        fault_depth: 4,
        faults: &[
            Change { about: "a byte ignores its mask", from: "mask[7] ? data[63:56] : old[63:56]", to: "data[63:56]" },
            Change {
                about: "a port has the data of another bank",
                from: "if (read$3) from3 <=",
                to: "if (read$3 && !read$2) from3 <=",
            },
            Change {
                about: "a clear misses a bank",
                from: "if (clear || write$0 && write_address$0[4:3] == 2",
                to: "if (write$0 && write_address$0[4:3] == 2",
            },
            Change {
                about: "a writer's address is that of another",
                from: "write_row1 = clear ? clear_address[2:0] : write$0",
                to: "write_row1 = clear ? clear_address[2:0] : write$0 && !write$1",
            },
        ],
        is_long: false,
    },
    Proof {
        name: "queue",
        about: "instructions leave a unit's queue as they came",
        params: SMALL,
        module: "systole$scoreboard$queue$0",
        properties: "queue.sv",
        open: None,
        bound_cycles: None,
        fault_depth: 9,
        faults: &[
            Change {
                about: "one that comes as the last leaves is put behind",
                from: "(pop && !more)",
                to: "(pop && !push && !more)",
            },
            Change { about: "room for one too many", from: "room <= !after[DEPTH_LOG2]", to: "room <= 1" },
            Change { about: "the place to write stays", from: "in_at <= in_at + 1", to: "in_at <= in_at + pop" },
            Change { about: "a clear leaves the count", from: "count <= 0;\n        end else", to: "end else" },
        ],
        is_long: false,
    },
    Proof {
        name: "hulls",
        about: "instructions are compared as the machine's manual says, and an entry keeps what it was compared with",
        params: "p16",
        module: "systole$scoreboard$flight",
        properties: "hulls.sv",
        open: None,
        bound_cycles: None,
        fault_depth: 4,
        faults: HULLS_FAULTS,
        is_long: false,
    },
    Proof {
        name: "flight",
        about: "two instructions that conflict are never executed or offered at once; the oldest can always go on",
        params: SMALL,
        module: "systole$scoreboard$flight",
        properties: "flight.sv",
        open: Some(CONFLICTS),
        bound_cycles: None,
        fault_depth: 8,
        faults: FLIGHT_FAULTS,
        is_long: false,
    },
    Proof {
        name: "flight4",
        about: "the same with four instructions in flight",
        params: FOUR_IN_FLIGHT,
        module: "systole$scoreboard$flight",
        properties: "flight.sv",
        open: Some(CONFLICTS),
        bound_cycles: Some(5),
        fault_depth: 8,
        faults: &[],
        is_long: true,
    },
];

const CONFLICTS: Change = Change {
    about: "which instructions conflict: see hulls.sv",
    from: "wire conflict = write_write || first_reads || second_reads || third_reads || first_read || second_read || third_read;",
    to: "(* anyseq *) wire [ENTRIES-1:0] new_clashes;\nwire conflict = new_clashes[slot];",
};

const HULLS_FAULTS: &[Change] = &[
    Change {
        about: "a hull ends one row early",
        from: "write_low <= old_write_high",
        to: "write_low < old_write_high",
    },
    Change { about: "reads are not kept from later writes", from: " || second_read || third_read", to: "" },
    Change { about: "spaces are not told apart", from: "write_space == old_write_space", to: "1'b1" },
    Change { about: "hulls go to another slot", from: "hulls[free] <= new_hulls", to: "hulls[slot] <= new_hulls" },
    Change { about: "a slot is taken twice", from: "!slots[k]) free", to: "!slots[k] || k == 1) free" },
];

const FLIGHT_FAULTS: &[Change] = &[
    Change {
        about: "the last comparison is forgotten",
        from: "waits[free] <= found_now & ~retiring",
        to: "waits[free] <= (comparing ? found : 0) & ~retiring",
    },
    Change {
        about: "a wait for an instruction that retires in that cycle",
        from: "waits[free] <= found_now & ~retiring",
        to: "waits[free] <= found_now",
    },
    Change {
        about: "a wait that no retirement ends",
        from: "waits[e] <= waits[e] & ~retiring",
        to: "waits[e] <= waits[e]",
    },
    Change {
        about: "an instruction enters a table that is full",
        from: "|(room & pushed) && !(&slots)",
        to: "|(room & pushed)",
    },
    Change { about: "a unit is offered what waits", from: "|queued && !blocked", to: "|queued" },
];
