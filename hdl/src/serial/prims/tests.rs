//! Every leaf of the serial machine against its Verilog.

use rust_hdl::prelude::*;

use super::*;
use crate::equivalence::{Trace, compare, trace};
use crate::serial::code::program;
use crate::serial::uop::Uop;

const CYCLES: usize = 1500;

fn control() -> Vec<Trace> {
    let words: Vec<u64> = program().iter().map(Uop::encode).collect();
    vec![
        trace!("rom", Rom::default(), in {enable, address}, out {word}, CYCLES, |it, rng| {}),
        trace!(
            combinational "decode",
            Decode::default(),
            in {word, index, zero, minus, carry, less, kept},
            out {op, source, a, b, d, long, target, shift, keep, beat, write, jump, call, effects},
            CYCLES,
            |it, rng| {
                if rng.one_in(2) {
                    it.word.next = words[rng.below(words.len() as u64) as usize].into();
                }
            }
        ),
        trace!(
            "tally",
            Tally::default(),
            in {clear, enable, step, new_macs, read, write},
            out {cycles, steps, macs, bytes_read, bytes_written},
            CYCLES,
            |it, rng| it.clear.next = rng.one_in(50)
        ),
    ]
}

fn memories() -> Vec<Trace> {
    let mut cycle = 0u64;
    vec![
        trace!(
            "registers",
            Registers::default(),
            in {read, a_index, b_index, write, index, value},
            out {a, b},
            CYCLES,
            |it, rng| {
                for index in [&mut it.a_index, &mut it.b_index, &mut it.index] {
                    index.next = rng.below(9).into();
                }
            }
        ),
        trace!(
            "words",
            Words::new(5, 3),
            in {read, write, address, lanes, by_byte, value},
            out {word},
            4 * CYCLES,
            |it, rng| {
                // Contents are anything: each word is written first.
                (it.write.next, it.by_byte.next) = (it.write.next || cycle < 512, it.by_byte.next && cycle >= 512);
                let place = if cycle < 512 { cycle << 2 & 1023 | cycle >> 8 << 31 } else { rng.below(64) | rng.below(2) << 31 };
                it.address.next = place.into();
                cycle += 1;
            }
        ),
    ]
}

fn datapath() -> Vec<Trace> {
    vec![
        trace!(
            combinational "operand",
            Operand::default(),
            in {
                source, short, long, register, memory, beat, sum, product, profile, base_text, base_const, base_input, base_work,
                base_output
            },
            out {b},
            CYCLES,
            |it, rng| if rng.one_in(2) {
                it.short.next = rng.below(17).into();
            }
        ),
        trace!(
            combinational "arithmetic",
            Arithmetic::default(),
            in {op, a, b, carry, shift},
            out {result, is_zero, is_minus, is_carry, is_less},
            4 * CYCLES,
            |it, rng| {}
        ),
        trace!(
            "macs",
            Macs::default(),
            in {clear, add, dot, which, factor, data, show},
            out {sum},
            CYCLES,
            |it, rng| it.clear.next = rng.one_in(30)
        ),
        trace!("product", Product::default(), in {start, a, b}, out {product}, CYCLES, |it, rng| {}),
        trace!(
            "outgoing",
            Outgoing::default(),
            in {clear, load, value},
            out {busy, word, digest},
            CYCLES,
            |it, rng| (it.clear.next, it.load.next) = (rng.one_in(40), rng.one_in(4))
        ),
    ]
}

#[test]
fn leaves_equal_their_verilog() {
    let mut traces = control();
    traces.extend(memories());
    traces.extend(datapath());
    compare(&traces, &["DECLFILENAME", "UNUSEDSIGNAL"]);
}
