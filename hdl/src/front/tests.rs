//! Blocks of the front end against the Verilog that rust-hdl emits for them.

use super::alu::Alu;
use super::check::{Check, Step};
use super::claim::Claims;
use super::decode::Decode;
use super::factors::Factors;
use super::fetch::Fetch;
use super::fold::Fold;
use super::hull::Hull;
use super::hulls::Hulls;
use super::judge::Judge;
use super::legal::Legal;
use crate::block_tests::{small, variants};
use crate::equivalence::{Trace, Value, compare, trace};
use isa::random::Rng;
use rust_hdl::prelude::*;

variants!(Step: Idle First Second Third Fourth Last Judge Verdict);

fn words() -> Vec<Trace> {
    vec![
        trace!(combinational "legal", Legal::default(), in {word, kind, traits, stray}, out {legal}, 3000, |it, rng| {}),
        trace!(
            combinational "decode",
            Decode::default(),
            in {word, kind, traits, base_const, base_input, base_work, base_output},
            out {fields, csel, count_reg, d_reg, a_reg, b_reg, p_reg},
            1000,
            |it, rng| {}
        ),
        trace!(combinational "alu", Alu::default(), in {kind, a, b, imm, product}, out {second, result, writes, taken}, 3000, |it, rng| {
            if rng.one_in(4) {
                it.b.next = it.a.next;
            }
        }),
    ]
}

/// A port without latency, whose rows come at random; branches now and then.
fn fetch() -> Trace {
    let mut rows = 0;
    trace!(
        "fetch",
        Fetch::default(),
        in {clear, run, ask, flush, pc, text_log2, base_text, req_ready, row_valid, row},
        out {valid, word, busy, req_valid, req_row, req_rows},
        3000,
        |it, rng| {
            it.clear.next = rng.one_in(200);
            it.run.next = !rng.one_in(10);
            it.text_log2.next = 9.into();
            it.pc.next = if rng.one_in(20) { rng.below(512).into() } else { it.pc.val() + u64::from(rng.one_in(2)) };
            if it.req_valid.val() && it.req_ready.val() {
                rows = 16;
            }
            it.row_valid.next = rows > 0 && rng.one_in(2);
            rows -= i32::from(it.row_valid.next);
            it.req_ready.next = rng.one_in(2);
        }
    )
}

fn hulls() -> Vec<Trace> {
    vec![
        trace!(
            "hull",
            Hull::default(),
            in {first, base, register, add, negative, reach},
            out {low, high},
            1000,
            |it, rng| it.reach.next = rng.below(1 << 47).into()
        ),
        trace!(
            "hulls",
            Hulls::default(),
            in {go, fields, d_value, a_value, b_value, p_value, indexed, step, traits, op, product_x, product_y, negative_x,
                negative_y},
            out {d_low, d_high, a_low, a_high, b_low, b_high, p_low, p_high},
            2000,
            |it, rng| {
                it.product_x.next = rng.below(1 << 47).into();
                it.product_y.next = rng.below(1 << 47).into();
            }
        ),
        trace!(
            "fold",
            Fold::default(),
            in {step, traits, op, size_x, size_y, product_x, product_y},
            out {folds},
            2000,
            |it, rng| {
                (it.size_x.next, it.size_y.next) = (small(rng), small(rng));
                (it.product_x.next, it.product_y.next) = (small(rng), small(rng));
            }
        ),
        trace!(
            combinational "factors",
            Factors::default(),
            in {step, traits, op, product_x},
            out {x_a, x_b, x_negative, y_a, y_b, y_negative},
            2000,
            |it, rng| {}
        ),
        trace!(
            combinational "claims",
            Claims::default(),
            in {traits, op, d_low, d_high, a_low, a_high, b_low, b_high, p_low, p_high},
            out {claim},
            1000,
            |it, rng| {}
        ),
    ]
}

fn verdict() -> Trace {
    trace!(
        "judge",
        Judge::default(),
        in {traits, op, count_bad, total, room, folds, d_log2, a_log2, b_log2, p_log2, d_low, d_high, a_low, a_high, b_low,
            b_high, p_low, p_high},
        out {trap},
        4000,
        |it, rng| {
            it.count_bad.next = rng.one_in(20);
            (it.total.next, it.room.next) = (small(rng), Bits::random(rng));
            for size in [&mut it.d_log2, &mut it.a_log2, &mut it.b_log2, &mut it.p_log2] {
                size.next = rng.below(33).into();
            }
            for end in [&mut it.d_low, &mut it.a_low, &mut it.b_low, &mut it.p_low] {
                end.next = small(rng);
            }
            for end in [&mut it.d_high, &mut it.a_high, &mut it.b_high, &mut it.p_high] {
                end.next = small(rng);
            }
        }
    )
}

fn check() -> Trace {
    trace!(
        "check",
        Check::default(),
        in {go, traits, fields, csel, count_value, d_value, a_value, b_value, p_value, sizes, room, hold, factor_a, factor_b},
        out {idle, done, trap, total, operation, claim, product},
        2000,
        |it, rng| {
            it.go.next &= it.idle.val();
            it.room.next = Bits::random(rng);
            it.count_value.next = small(rng);
        }
    )
}

#[test]
fn blocks_equal_their_verilog() {
    let mut traces = words();
    traces.push(fetch());
    traces.extend(hulls());
    traces.push(verdict());
    traces.push(check());
    compare(&traces, &["DECLFILENAME", "UNUSEDSIGNAL", "UNUSEDPARAM", "WIDTH"]);
}
