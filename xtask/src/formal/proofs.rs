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
    /// Cycles from reset in which every fault shows.
    pub(super) fault_depth: u32,
    pub(super) faults: &'static [Fault],
    /// Left out unless asked for.
    pub(super) is_long: bool,
}

/// A change of the module that its proof must notice.
pub(super) struct Fault {
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
        fault_depth: 1,
        faults: &[
            Fault { about: "the second port does not look at the first", from: "taken$0 | want$0", to: "taken$0" },
            Fault { about: "a port waits for no reason", from: "taken$3 | want$3", to: "taken$3 | 1" },
            Fault {
                about: "a port is granted what it did not ask for",
                from: "grant$6 = ask$6 &",
                to: "grant$6 = (ask$6 | ask$5) &",
            },
            Fault {
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
        fault_depth: 4,
        faults: &[
            Fault { about: "a byte ignores its mask", from: "mask[7] ? data[63:56] : old[63:56]", to: "data[63:56]" },
            Fault {
                about: "a port has the data of another bank",
                from: "if (read$3) from3 <=",
                to: "if (read$3 && !read$2) from3 <=",
            },
            Fault { about: "a clear misses a bank", from: "if (clear) bank2[write_row2] <= 0;\n        else ", to: "" },
            Fault {
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
        fault_depth: 9,
        faults: &[
            Fault {
                about: "one that comes as the last leaves is put behind",
                from: "(pop && !more)",
                to: "(pop && !push && !more)",
            },
            Fault { about: "room for one too many", from: "room <= !after[DEPTH_LOG2]", to: "room <= 1" },
            Fault { about: "the place to write stays", from: "in_at <= in_at + 1", to: "in_at <= in_at + pop" },
            Fault { about: "a clear leaves the count", from: "count <= 0;\n        end else", to: "end else" },
        ],
        is_long: false,
    },
    Proof {
        name: "flight",
        about: "two instructions that conflict are never executed or offered at once; the oldest can always go on",
        params: SMALL,
        module: "systole$scoreboard$flight",
        properties: "flight.sv",
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
        fault_depth: 8,
        faults: &[],
        is_long: true,
    },
];

const FLIGHT_FAULTS: &[Fault] = &[
    Fault {
        about: "the last comparison is forgotten",
        from: "waits[free] <= found_now & ~retiring",
        to: "waits[free] <= (comparing ? found : 0) & ~retiring",
    },
    Fault {
        about: "a wait for an instruction that retires in that cycle",
        from: "waits[free] <= found_now & ~retiring",
        to: "waits[free] <= found_now",
    },
    Fault {
        about: "a wait that no retirement ends",
        from: "waits[e] <= waits[e] & ~retiring",
        to: "waits[e] <= waits[e]",
    },
    Fault { about: "a hull ends one row early", from: "write_low <= old_write_high", to: "write_low < old_write_high" },
    Fault { about: "reads are not kept from later writes", from: " || second_read || third_read", to: "" },
    Fault { about: "spaces are not told apart", from: "write_space == old_write_space", to: "1'b1" },
    Fault {
        about: "an instruction enters a table that is full",
        from: "|(room & pushed) && !(&slots)",
        to: "|(room & pushed)",
    },
    Fault { about: "a unit is offered what waits", from: "|queued && !blocked", to: "|queued" },
];
