//! The ports of a machine, named once: whatever is inside, a simulator and a board see the same ones. The crate's root says
//! what they are for.

/// Defines a machine, `struct NAME[generics], beats of BITS { parts }`, or makes one, `with_ports!(Self { parts })`: the ports
/// come before the parts. Of one that is no more than its ports, names and outputs: `with_ports!(names)`, `with_ports!(connect self)`.
macro_rules! with_ports {
    ($(#[$meta:meta])* struct $name:ident[$($generics:tt)*], beats of $beat:tt { $($own:tt)* }) => {
        with_ports! { @ports $beat, define [$(#[$meta])*] $name [$($generics)*] { $($own)* } }
    };
    (Self { $($own:tt)* }) => {
        with_ports! { @ports 0, make { $($own)* } }
    };
    (names) => {
        with_ports! { @ports 0, list {} }
    };
    (connect $block:ident) => {
        with_ports! { @ports 0, drive $block }
    };
    (@list {} $($port:ident: $way:ident[$($kind:tt)*],)*) => {
        [$(stringify!($port)),*]
    };
    (@drive $block:ident $($port:ident: $way:ident[$($kind:tt)*],)*) => {
        $(with_ports! { @drive_one $way $block.$port })*
    };
    (@drive_one In $block:ident.$port:ident) => {};
    (@drive_one Out $block:ident.$port:ident) => {
        $block.$port.connect();
    };
    (@define [$($meta:tt)*] $name:ident [$($generics:tt)*] { $($own:tt)* } $($port:ident: $way:ident[$($kind:tt)*],)*) => {
        $($meta)*
        #[derive(LogicBlock)]
        pub(crate) struct $name<$($generics)*> {
            $(pub(crate) $port: Signal<$way, $($kind)*>,)*
            $($own)*
        }
    };
    (@make { $($own:tt)* } $($port:ident: $way:ident[$($kind:tt)*],)*) => {
        Self { $($port: Signal::default(),)* $($own)* }
    };
    (@ports $beat:tt, $what:ident $($rest:tt)*) => {
        with_ports! { @$what $($rest)*
            clock: In[Clock],
            clock_load: In[Clock],
            clock_store: In[Clock],
            clock_move: In[Clock],
            clock_matrix: In[Clock],
            clock_depthwise: In[Clock],
            clock_vector: In[Clock],
            clock_front: In[Clock],
            clock_scoreboard: In[Clock],
            awake: Out[Bits<8>],
            start: In[Bit],
            profile: In[Bits<256>],
            base_text: In[Bits<32>],
            base_const: In[Bits<32>],
            base_input: In[Bits<32>],
            base_work: In[Bits<32>],
            base_output: In[Bits<32>],
            isa_hash: Out[Bits<256>],
            busy: Out[Bit],
            done: Out[Bit],
            status: Out[Bits<8>],
            steps: Out[Bits<64>],
            digest: Out[Bits<64>],
            mark_valid: Out[Bit],
            mark_id: Out[Bits<32>],
            mark_steps: Out[Bits<64>],
            mark_ready: In[Bit],
            cycles: Out[Bits<64>],
            macs: Out[Bits<64>],
            bytes_read: Out[Bits<64>],
            bytes_written: Out[Bits<64>],
            count_load_work: Out[Bits<64>],
            count_load_operand: Out[Bits<64>],
            count_load_bank: Out[Bits<64>],
            count_load_memory: Out[Bits<64>],
            count_load_start: Out[Bits<64>],
            count_load_drain: Out[Bits<64>],
            count_store_work: Out[Bits<64>],
            count_store_operand: Out[Bits<64>],
            count_store_bank: Out[Bits<64>],
            count_store_memory: Out[Bits<64>],
            count_store_start: Out[Bits<64>],
            count_store_drain: Out[Bits<64>],
            count_move_work: Out[Bits<64>],
            count_move_operand: Out[Bits<64>],
            count_move_bank: Out[Bits<64>],
            count_move_memory: Out[Bits<64>],
            count_move_start: Out[Bits<64>],
            count_move_drain: Out[Bits<64>],
            count_matrix_work: Out[Bits<64>],
            count_matrix_operand: Out[Bits<64>],
            count_matrix_bank: Out[Bits<64>],
            count_matrix_memory: Out[Bits<64>],
            count_matrix_start: Out[Bits<64>],
            count_matrix_drain: Out[Bits<64>],
            count_depthwise_work: Out[Bits<64>],
            count_depthwise_operand: Out[Bits<64>],
            count_depthwise_bank: Out[Bits<64>],
            count_depthwise_memory: Out[Bits<64>],
            count_depthwise_start: Out[Bits<64>],
            count_depthwise_drain: Out[Bits<64>],
            count_vector_work: Out[Bits<64>],
            count_vector_operand: Out[Bits<64>],
            count_vector_bank: Out[Bits<64>],
            count_vector_memory: Out[Bits<64>],
            count_vector_start: Out[Bits<64>],
            count_vector_drain: Out[Bits<64>],
            count_front_issue: Out[Bits<64>],
            count_front_fetch: Out[Bits<64>],
            count_front_full: Out[Bits<64>],
            count_front_result: Out[Bits<64>],
            count_front_clear: Out[Bits<64>],
            count_front_end: Out[Bits<64>],
            activity: Out[Bits<21>],
            issued: Out[Bit],
            issued_unit: Out[Bits<3>],
            issued_pc: Out[Bits<32>],
            takes: Out[Bits<6>],
            retires: Out[Bits<6>],
            read_valid: Out[Bit],
            read_row: Out[Bits<32>],
            read_rows: Out[Bits<16>],
            read_ready: In[Bit],
            rdata_valid: In[Bit],
            rdata: In[Bits<$beat>],
            rdata_ready: Out[Bit],
            write_valid: Out[Bit],
            write_row: Out[Bits<32>],
            write_rows: Out[Bits<16>],
            write_ready: In[Bit],
            wdata_valid: Out[Bit],
            wdata: Out[Bits<$beat>],
            wdata_ready: In[Bit],
            written: In[Bit],
        }
    };
}
