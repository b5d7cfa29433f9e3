//! Every leaf against its Verilog.

use isa::random::Rng;
use rust_hdl::prelude::*;

use super::*;
use crate::encoding;
use crate::equivalence::{Trace, Value, compare, trace};

const CYCLES: usize = 1500;

fn memories() -> Vec<Trace> {
    vec![
        trace!(
            "ram",
            Ram::<256>::new(3),
            in {read_enable, read_address, write_enable, write_address, write_data},
            out {read_data},
            CYCLES,
            |it, rng| {}
        ),
        trace!("fifo", Fifo::<20>::new(2), in {push, word, pop}, out {ready, valid, head}, CYCLES, |it, rng| {
            // Long runs of each, so that it is full and empty for a while.
            it.push.next = it.push.next && rng.one_in(2);
        }),
        trace!(
            "regfile",
            RegFile::default(),
            in {a_index, b_index, c_index, d_index, e_index, write_enable, write_index, write_data},
            out {a, b, c, d, e},
            CYCLES,
            |it, rng| {}
        ),
        trace!(
            "line_tags",
            LineTags::default(),
            in {clear, open, finish, line, here, ahead},
            out {is_here, is_ahead},
            CYCLES,
            |it, rng| {
                it.clear.next = rng.one_in(100);
                for line in [&mut it.line, &mut it.here, &mut it.ahead] {
                    line.next = rng.below(40).into();
                }
            }
        ),
    ]
}

fn wiring() -> Vec<Trace> {
    vec![
        trace!("reverse", Reverse::default(), in {row}, out {word}, CYCLES, |it, rng| {}),
        trace!("word_of", WordOf::default(), in {enable, row, index}, out {word}, 300, |it, rng| {}),
        trace!("word_into", WordInto::default(), in {enable, row, index, word}, out {out}, 300, |it, rng| {}),
        trace!("leaf_of", LeafOf::default(), in {row32, index}, out {leaf}, 300, |it, rng| {}),
        trace!("row32_of", Row32Of::default(), in {enable, index, leaf}, out {row32}, 300, |it, rng| {}),
        trace!("splat", Splat::default(), in {enable, value}, out {row32}, 300, |it, rng| {}),
        trace!(
            "run",
            Run::default(),
            in {take, row, settle, odd, enable, turn, fill, value},
            out {out},
            CYCLES,
            |it, rng| it.fill.next = rng.one_in(8)
        ),
        trace!("opcode_rom", OpcodeRom::default(), in {word}, out {kind, traits, stray}, CYCLES, |it, rng| {
            it.word.next = instruction(rng);
        }),
    ]
}

/// A word whose opcode mostly exists, and whose other bits are mostly those of its fields.
fn instruction(rng: &mut Rng) -> Bits<256> {
    let table = isa::TABLE;
    let opcode = table[rng.below(table.len() as u64) as usize].opcode;
    let mut word = Bits::<256>::random(rng);
    if let Some(opcode) = encoding::opcodes().find(|&it| it as u8 == opcode) {
        for (bit, field) in encoding::mask(opcode).into_iter().enumerate() {
            if !field && !rng.one_in(400) {
                word = word.replace_bit(bit, false);
            }
        }
    }
    if !rng.one_in(20) {
        word.set_bits::<8>(encoding::OPCODE.lsb as usize, u64::from(opcode).into());
    }
    word
}

fn arithmetic() -> Vec<Trace> {
    vec![
        trace!("multiplier", Multiplier::default(), in {a, b}, out {product}, CYCLES, |it, rng| {}),
        trace!("crc_row", CrcRow::default(), in {clear, enable, header, row}, out {digest}, 300, |it, rng| {
            it.clear.next = rng.one_in(20);
        }),
        trace!("max_row", MaxRow::default(), in {enable, first, row}, out {out}, 300, |it, rng| {}),
    ]
}

/// An array and its name; loads, rows and sums of groups that it has.
fn grid(name: &str, rows: usize, columns: usize) -> Trace {
    let mut trace = trace!(
        "grid",
        Grid::new(rows, columns),
        in {
            load, load_index, load_group, load_live, load_transposed, weights, swap, enable, group, activations, add, zero,
            pass, base
        },
        out {out},
        1200,
        |it, rng| {
            let (across, down) = if it.load_transposed.next { (rows, columns) } else { (columns, rows) };
            it.load_index.next = rng.below(down as u64).into();
            it.load_group.next = rng.below(32 / across as u64).into();
            it.load_live.next = rng.below(33).into();
            it.swap.next = rng.one_in(12);
            it.group.next = rng.below(32 / rows as u64).into();
            it.pass.next = rng.below(32 / columns as u64).into();
            it.load.next = !rng.one_in(4);
        }
    );
    trace.verilog = trace.verilog.replacen("module grid", &format!("module {name}"), 1);
    trace.name = name.into();
    trace
}

/// Rows of one operation after another; its constants change while the last ones are in the pipeline.
fn lanes() -> Trace {
    let mut age = 0;
    let mut fixed =
        (Kind::Requant, [Bits::default(); 3], Bits::default(), Bits::default(), Bits::default(), Bits::default());
    trace!(
        "vector_lanes",
        VectorLanes::new(8),
        in {
            go, kind, enable, keep, beat, acc, row, word, splats, params, spad, held, constants, form, shift, n, zp, lo, hi,
            judge, fill, fill_row, splat, sum
        },
        out {row32, row8, part},
        2600,
        |it, rng| {
            if age % 40 == 0 {
                let kind = LANE_KINDS[age / 40 % LANE_KINDS.len()];
                let constants = [Bits::random(rng), Bits::random(rng), Bits::random(rng)];
                let shift = if rng.one_in(2) { rng.below(64) } else { rng.below(4) };
                fixed = (kind, constants, (1 + rng.below(32)).into(), Bits::random(rng), Bits::random(rng), shift.into());
            }
            (it.kind.next, _, it.n.next, it.constants.next, it.form.next, it.shift.next) = fixed;
            [it.zp.next, it.lo.next, it.hi.next] = fixed.1;
            it.beat.next = rng.below(4).into();
            it.go.next = !rng.one_in(4);
            it.splat.next = rng.one_in(8);
            it.judge.next = rng.one_in(8);
            it.splats.next = rng.one_in(4);
            if rng.one_in(2) {
                // Small products and shifts near them: ties are frequent.
                for lane in 0..32 {
                    let word = (rng.below(8) << 24) | rng.below(4);
                    it.params.next.set_bits::<32>(32 * lane, word.into());
                    let amount = (rng.below(80) as u32).wrapping_sub(40);
                    it.row.next.set_bits::<32>(32 * lane, u64::from(amount).into());
                }
            }
            age += 1;
        }
    )
}

const LANE_KINDS: [Kind; 13] = [
    Kind::Requant,
    Kind::Addq,
    Kind::Vadd,
    Kind::Vsub,
    Kind::Vmin,
    Kind::Vmax,
    Kind::Vmul,
    Kind::Vmulr,
    Kind::Vshr,
    Kind::Vclz,
    Kind::Vsel,
    Kind::Lut,
    Kind::Lut32,
];

fn rows() -> Vec<Trace> {
    vec![
        trace!("catch", Catch::<256>::default(), in {enable, late, data}, out {out}, 300, |it, rng| {}),
        trace!("kept", Kept::default(), in {enable, row}, out {out}, 300, |it, rng| {}),
        trace!("second_row", SecondRow::default(), in {enable, mode, index, leaf, row32, value}, out {out, word, splats}, 300, |it, rng| {}),
        reduce("reduce", 32),
        reduce("reduce_narrow", 2),
        taps("taps", 32),
        taps("taps_narrow", 8),
        trace!("transposer", Transposer::default(), in {go, fill, fill_row, row, enable, column, n}, out {out}, 800, |it, rng| {
            it.n.next = (1 + rng.below(32)).into();
        }),
    ]
}

fn reduce(name: &'static str, lanes: usize) -> Trace {
    let (mut beat, mut row) = (0, (Bits::default(), false, false));
    trace!(
        name,
        Reduce::new(lanes),
        in {go, first, known, value, base, enable, sums, follows, n, beat, row},
        out {result, found, best, index},
        32 / lanes * 800,
        |it, rng| {
            if beat == 0 {
                row = ((1 + rng.below(32)).into(), it.sums.next, it.follows.next && !it.sums.next);
            }
            (it.n.next, it.sums.next, it.follows.next) = row;
            it.go.next = !rng.one_in(4);
            it.first.next = rng.one_in(12);
            it.beat.next = beat.into();
            if it.go.next && it.enable.next {
                beat = (beat + 1) % (32 / lanes as u64);
            }
        }
    )
}

fn taps(name: &'static str, lanes: usize) -> Trace {
    trace!(
        name,
        Taps::new(lanes),
        in {row, keep, kept, shift, weigh, first, n, multiply, beat, base, keep_base, base_kept, add, zero},
        out {out},
        600,
        |it, rng| {
            it.first.next = rng.one_in(6);
            it.n.next = (1 + rng.below(32)).into();
            it.beat.next = rng.below(32 / lanes as u64).into();
        }
    )
}

#[test]
fn leaves_equal_their_verilog() {
    let mut traces = memories();
    traces.extend(wiring());
    traces.extend(arithmetic());
    traces.extend(grids());
    traces.push(lanes());
    traces.extend(rows());
    compare(&traces, &["DECLFILENAME", "UNUSEDSIGNAL", "UNUSEDPARAM"]);
}

const GRIDS: [(&str, usize, usize); 5] =
    [("grid4x8", 4, 8), ("grid8x4", 8, 4), ("grid16x16", 16, 16), ("grid32x4", 32, 4), ("grid16x32", 16, 32)];

fn grids() -> Vec<Trace> {
    GRIDS.map(|(name, rows, columns)| grid(name, rows, columns)).into()
}

/// The array as it is built, beside the form of it that is simulated.
#[test]
fn arrays_equal_their_hardware() {
    let mut traces = grids();
    for trace in &mut traces {
        trace.verilog = trace.verilog.replace("`ifdef SYNTHESIS", "`ifndef SYNTHESIS");
    }
    compare(&traces, &["DECLFILENAME", "UNUSEDSIGNAL", "UNUSEDPARAM"]);
}
