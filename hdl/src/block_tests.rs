//! Blocks of rust-hdl against the Verilog that it emits for them, where arithmetic or many cases could differ.

use isa::random::Rng;
use rust_hdl::prelude::*;

use crate::banks::{Acc, Clear, Spad};
use crate::depthwise::Depthwise;
use crate::equivalence::{Trace, Value, compare, trace};
use crate::nest::{Affine, Nest};
use crate::operation::Operation;
use crate::params::{Params, TARGETS};
use crate::prims::Kind;
use crate::profile::SizesLog2;
use crate::traits::Traits;
use crate::transfer::mover::Mover;
use crate::transfer::read_port::ReadPort;
use crate::transfer::write_port::WritePort;
use crate::walker::Walker;

macro_rules! variants {
    ($type:ty: $($variant:ident)*) => {
        impl Value for $type {
            fn random(rng: &mut Rng) -> Self {
                let all = [$(<$type>::$variant),*];
                all[rng.below(all.len() as u64) as usize]
            }
        }
    };
}
pub(crate) use variants;

impl Value for Kind {
    fn random(rng: &mut Rng) -> Self {
        Kind::ALL[rng.below(Kind::ALL.len() as u64) as usize]
    }
}

macro_rules! structure {
    ($type:ident: $($field:ident)*) => {
        impl Value for $type {
            fn random(rng: &mut Rng) -> Self {
                $type { $($field: Value::random(rng)),* }
            }
        }
    };
}
structure! {
    Operation: kind value n0 n1 kt n k d_base d_s0 d_s1 a_base a_s0 a_s1 a_sk b_base b_s0 b_s1 b_sk p_base limit region region_base
    space accumulate transposed imm offset form shift zp lo hi
}
structure! {
    Traits: loops taps lanes inputs wide bytes word indexed queued unit vector weights d d_acc d_folds a a_acc a_dram a_folds a_meets
    a_in_place a_mask b b_acc b_meets b_in_place b_mask p p_meets
}
structure! { SizesLog2: text constant request work result spad acc }

/// Mostly a few bits, so that comparisons go both ways.
pub(crate) fn small<const N: usize>(rng: &mut Rng) -> Bits<N> {
    if rng.one_in(3) { Bits::random(rng) } else { rng.below(12).into() }
}

fn moving() -> Vec<Trace> {
    vec![trace!(
        "walker",
        Walker::<20>::default(),
        in {load, step, base, n0, n1, nt, s0, s1, st},
        out {address, last, first_tap, last_inner, last_tap},
        3000,
        |it, rng| {
            it.load.next = rng.one_in(40);
            (it.n0.next, it.n1.next, it.nt.next) = ((3).into(), (2).into(), (2).into());
        }
    )]
}

/// The memory port's sides, of so many bits.
fn ports<const BITS: usize>(read: &'static str, write: &'static str, cycles: usize) -> [Trace; 2] {
    [
        trace!(
            read,
            ReadPort::<BITS>::default(),
            in {
                fetch_valid, fetch_row, fetch_rows, fetch_data_ready, word_valid, word_row, load_valid, load_row, load_rows,
                load_data_ready, read_ready, rdata_valid, rdata
            },
            out {
                fetch_ready, fetch_data_valid, word_ready, word_data_valid, load_ready, load_data_valid, data, idle,
                read_valid, read_row, read_rows, rdata_ready
            },
            cycles,
            |it, rng| {
                (it.fetch_rows.next, it.load_rows.next) = ((1 + rng.below(3)).into(), (1 + rng.below(3)).into());
            }
        ),
        trace!(
            write,
            WritePort::<BITS>::default(),
            in {row_valid, row, wdata_ready},
            out {row_ready, wdata_valid, wdata},
            cycles,
            |it, rng| {}
        ),
    ]
}

/// Small memories, so that requests collide.
fn memories() -> Vec<Trace> {
    let banked = Params { spad_log2: 5, spad_banks: 4, acc_log2: 3, acc_banks: 2, ..TARGETS[0].1 };
    let single = Params { acc_banks: 1, ..banked };
    vec![
        trace!(
            "spad",
            Spad::new(&banked),
            in {
                clear, clear_address, weights_read, weights_address, activations_read, activations_address, depthwise_read,
                depthwise_address, vector_read, vector_address, mover_read, mover_address, store_read, store_address,
                load_read, load_address, load_write, load_write_address, load_write_data, load_write_mask, vector_write,
                vector_write_address, vector_write_data, vector_write_mask, mover_write, mover_write_address,
                mover_write_data, mover_write_mask
            },
            out {
                weights_grant, weights_data, activations_grant, activations_data, depthwise_grant, depthwise_data,
                vector_grant, vector_data, mover_grant, mover_data, store_grant, store_data, load_grant, load_data,
                vector_write_grant, mover_write_grant
            },
            3000,
            |it, rng| {
                it.clear.next = rng.one_in(30);
                if it.clear.next {
                    (it.load_write.next, it.vector_write.next, it.mover_write.next) = (false, false, false);
                }
            }
        ),
        acc("acc", &banked),
        acc("acc_single", &single),
    ]
}

fn acc(name: &'static str, params: &Params) -> Trace {
    trace!(
        name,
        Acc::new(params),
        in {
            clear, clear_address, matrix_read, matrix_address, depthwise_read, depthwise_address, vector_read,
            vector_address, store_read, store_address, matrix_write, matrix_write_address, matrix_write_data,
            depthwise_write, depthwise_write_address, depthwise_write_data, vector_write, vector_write_address,
            vector_write_data, load_write, load_write_address, load_write_data, mover_write, mover_write_address,
            mover_write_data
        },
        out {
            matrix_data, depthwise_grant, depthwise_data, vector_grant, vector_data, store_grant, store_data,
            depthwise_write_grant, vector_write_grant, load_write_grant, mover_write_grant
        },
        1000,
        |it, rng| {
            it.clear.next = rng.one_in(30);
            if it.clear.next {
                (it.matrix_write.next, it.depthwise_write.next, it.vector_write.next) = (false, false, false);
                (it.load_write.next, it.mover_write.next) = (false, false);
            }
        }
    )
}

fn clear() -> Trace {
    let small = Params { spad_log2: 5, acc_log2: 2, ..TARGETS[0].1 };
    trace!("clear", Clear::new(&small), in {start, sizes}, out {active, address, last}, 500, |it, rng| {
        it.start.next = rng.one_in(20);
        (it.sizes.next.spad, it.sizes.next.acc) = (rng.below(6).into(), rng.below(4).into());
    })
}

/// Few positions and rows, so that loops end and rows meet.
fn small_operation(rng: &mut Rng) -> Operation {
    let mut op = Operation::random(rng);
    (op.n0, op.n1, op.kt) = ((1 + rng.below(4)).into(), (1 + rng.below(3)).into(), (1 + rng.below(7)).into());
    op.n = (1 + rng.below(32)).into();
    op.kind = if rng.one_in(3) { Kind::Fill } else { Kind::Move };
    (op.a_base, op.a_s0, op.a_s1) = (rng.below(200).into(), rng.below(50).into(), rng.below(50).into());
    (op.a_sk, op.b_sk) = (rng.below(3).into(), rng.below(3).into());
    if rng.one_in(2) {
        op.a_s0 = (1 + rng.below(2)).into();
    }
    (op.d_base, op.d_s0, op.d_s1) = (rng.below(8).into(), rng.below(3).into(), rng.below(3).into());
    op
}

fn units() -> Vec<Trace> {
    vec![
        trace!("nest", Nest::default(), in {load, step, n0, n1}, out {last_inner, last}, 1000, |it, rng| {
            it.load.next = rng.one_in(40);
            (it.n0.next, it.n1.next) = ((1 + rng.below(3)).into(), (1 + rng.below(3)).into());
        }),
        trace!(
            "affine",
            Affine::<20>::default(),
            in {load, restart, step, turn, base, s0, s1},
            out {address, next_address},
            1000,
            |it, rng| it.load.next = rng.one_in(20)
        ),
        trace!(
            "mover",
            Mover::default(),
            in {ready, op, spad_grant, spad_data, spad_write_grant, acc_write_grant},
            out {
                take, retire, state, spad_read, spad_address, spad_write, acc_write, write_address, write_mask, write_row8,
                write_row32
            },
            2000,
            |it, rng| it.op.next = small_operation(rng)
        ),
        depthwise("depthwise", 32),
        depthwise("depthwise_narrow", 8),
    ]
}

fn depthwise(name: &'static str, lanes: usize) -> Trace {
    trace!(
        name,
        Depthwise::new(&Params { depthwise_lanes: lanes, ..TARGETS[0].1 }),
        in {ready, op, spad_grant, spad_data, acc_grant, acc_data, acc_write_grant},
        out {
            take, retire, state, spad_read, spad_address, acc_read, acc_address, acc_write, acc_write_address,
            acc_write_data, macs
        },
        2000,
        |it, rng| it.op.next = small_operation(rng)
    )
}

#[test]
fn blocks_equal_their_verilog() {
    let mut traces = moving();
    traces.extend(ports::<64>("read_port64", "write_port64", 2000));
    traces.extend(ports::<256>("read_port256", "write_port256", 500));
    traces.extend(units());
    traces.extend(memories());
    traces.push(clear());
    compare(&traces, &["DECLFILENAME", "UNUSEDSIGNAL", "UNUSEDPARAM", "WIDTH"]);
}
