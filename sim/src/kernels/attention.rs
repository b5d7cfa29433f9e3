//! Attention of 12 heads of 64 channels over 128 tokens: scores, softmax and weighted sum, as in a BERT-base layer.
//!
//! Scores are computed transposed, a row a key and a lane a query, so that neither the largest score of a query nor the
//! sum of its weights goes across lanes: `MAXQ` over the rows, and `DWMAC` with ones. Weights are bytes, 127 for the
//! largest, from a table of exponentials of the distance to it; their sum divides the result, which is transposed last.
//!
//! 32 queries of a head are an item. While the vectors of one go on, the products of its neighbours do: scores of the
//! next but one, weighted sums of the one before. In DRAM keys and results are [plane, token, lane], queries [block of
//! tokens, plane, token, lane], values transposed: [block of tokens, channel, token].

use isa::random::Rng;
use isa::{
    Addq, Dwmac, Fill, LANES, Leaf, Lut, Matmul, Maxq, Subtree, Trans, Vclz, Vmulr, Vshr, Vsub, form, param_word, rne,
    row32_leaves,
};

use super::numbers::{bytes, leaves};
use super::text::{Reg, Text, counts, numbered, rows, wide};
use super::{Ideal, Kernel, program};

const HEADS: usize = 12;
const TOKENS: usize = 128;
const CHANNELS: usize = 64;
/// Rows of 32 channels of a token; items of a head.
const PLANES: usize = CHANNELS / LANES;
const ITEMS: usize = TOKENS / LANES;
/// Rows of an item's queries.
const ITEM: usize = PLANES * LANES;
/// Rows of the keys of a head; of its queries, values and results likewise.
const ROWS: usize = PLANES * TOKENS;

// Spad: two heads' keys in one bank, queries and values in the next two; scores and weights of even and odd items in
// two; the largest scores, sums of the item in bytes, and results; parameters.
const BANK: usize = 1024;
const KEYS: usize = 0;
const QUERIES: usize = BANK;
const VALUES: usize = 2 * BANK;
const WEIGHTS: [usize; 2] = [4 * BANK, 5 * BANK];
const SCORES: [usize; 2] = [5 * BANK + 512, 4 * BANK + 512];
const LARGEST: usize = 6 * BANK + 512;
const BYTES: [usize; 2] = [6 * BANK, 6 * BANK + 64];
const RESULTS: [usize; 2] = [6 * BANK + 128, 6 * BANK + 192];
const PARAMETERS: usize = 7 * BANK;
const RESULT_BLOCK: usize = PARAMETERS + 8;
const TABLE: usize = PARAMETERS + 16;
const DISTANCE: usize = PARAMETERS + 24;
const ONES: usize = PARAMETERS + 25;

// Acc: scores of even and odd items and their weighted sums in a bank each; single rows.
const S: [usize; 2] = [0, 256];
const O: [usize; 2] = [512, 768];
const SUM: [usize; 2] = [640, 641];
numbered!(usize, 642; ZERO, TWO, LINE, CLZ, SHIFT, M, Y, T);

// This head's place, the next's; rows to load and to store; constants.
numbered!(Reg, 1; HERE, NEXT, FROM, TO, TURN, LAST, DONE);

/// Scores are divided by 2^34 / this.
const SCORE_MULTIPLIER: u32 = 11_766_000;
const SCORE_SHIFT: u32 = 34;
/// The real value of a step of a score.
const STEP: f64 = 0.1;
/// Steps of a value in one of the result.
const RATIO: f64 = 1.5;

pub(super) fn kernel() -> Kernel {
    let mut rng = Rng::new(17);
    let heads: Vec<[Vec<i8>; 3]> = (0..HEADS).map(|_| [(); 3].map(|()| bytes(&mut rng, TOKENS * CHANNELS))).collect();
    let expected = heads.iter().flat_map(|[q, k, v]| plainly(q, k, v)).collect::<Vec<_>>();
    let input: Vec<Leaf> = heads.iter().flat_map(|[q, k, v]| [planes(k), blocks(q), transposed(v)].concat()).collect();
    let items = HEADS * ITEMS;
    let ideal = Ideal {
        matrix: 2 * Ideal::products(HEADS * TOKENS, CHANNELS, TOKENS),
        depthwise: Ideal::taps(items * TOKENS),
        // Requantised, largest, distance, exponential; divided, requantised, transposed; the reciprocal.
        vector: Ideal::vectors(items * (4 * TOKENS + 3 * CHANNELS + 11)),
        bytes: (4 * HEADS * TOKENS * CHANNELS + constant().len() * LANES) as u64,
    };
    Kernel {
        name: "attention",
        shape: "12 heads of 64, 128 tokens",
        program: program(text(), constant(), &input, HEADS * ROWS),
        input,
        expected,
        tolerance: 1,
        macs: (2 * HEADS * TOKENS * TOKENS * CHANNELS) as u64,
        ideal,
    }
}

/// [token, channel] as [plane, token, lane].
fn planes(head: &[i8]) -> Vec<Leaf> {
    let plane = |plane: usize| head.chunks(CHANNELS).flat_map(move |token| &token[plane * LANES..][..LANES]);
    leaves(&(0..PLANES).flat_map(plane).copied().collect::<Vec<_>>())
}

/// [token, channel] as [block of tokens, plane, token, lane].
fn blocks(head: &[i8]) -> Vec<Leaf> {
    let rows = planes(head);
    let at = |at: usize| rows[at / LANES % PLANES * TOKENS + at / ITEM * LANES + at % LANES];
    (0..ROWS).map(at).collect()
}

/// [token, channel] as [block of tokens, channel, token].
fn transposed(head: &[i8]) -> Vec<Leaf> {
    let at = |at: usize| {
        let (block, channel, token) = (at / (CHANNELS * LANES), at / LANES % CHANNELS, at % LANES);
        head[(block * LANES + token) * CHANNELS + channel]
    };
    leaves(&(0..head.len()).map(at).collect::<Vec<_>>())
}

/// The weight of a score so far below the largest, in 127ths.
fn weight(distance: u8) -> i8 {
    (127.0 * (-STEP * f64::from(distance)).exp()).round() as i8
}

/// A head's result as [plane, token, lane]: scores and weights are bytes here too.
fn plainly(q: &[i8], k: &[i8], v: &[i8]) -> Vec<i8> {
    let mut result = vec![0; TOKENS * CHANNELS];
    for (token, query) in q.chunks(CHANNELS).enumerate() {
        let score = |key: &[i8]| {
            let sum: i64 = query.iter().zip(key).map(|(&a, &b)| i64::from(a) * i64::from(b)).sum();
            rne(sum * i64::from(SCORE_MULTIPLIER), SCORE_SHIFT).clamp(-128, 127) as i8
        };
        let scores: Vec<i8> = k.chunks(CHANNELS).map(score).collect();
        let largest = scores.iter().max().copied().unwrap_or_default();
        let weights: Vec<f64> = scores.iter().map(|&score| weight(largest.abs_diff(score)).into()).collect();
        let total: f64 = weights.iter().sum();
        for channel in 0..CHANNELS {
            let values = v.chunks(CHANNELS).map(|value| f64::from(value[channel]));
            let sum: f64 = weights.iter().zip(values).map(|(w, v)| w * v).sum();
            let place = (channel / LANES * TOKENS + token) * LANES + channel % LANES;
            result[place] = (sum / total * RATIO).round_ties_even().clamp(-128.0, 127.0) as i8;
        }
    }
    result
}

/// The rows from [`PARAMETERS`] on.
fn constant() -> Vec<Leaf> {
    let block = |multiplier: u32, shift: u32| {
        [row32_leaves(&[0; LANES]), row32_leaves(&[param_word(multiplier, shift); LANES])].concat()
    };
    let table: Vec<i8> = (0..=255).rev().map(weight).collect();
    let mut distance = [0u8; LANES];
    distance[..4].copy_from_slice(&1i32.to_be_bytes());
    distance[4..8].copy_from_slice(&(-1i32).to_be_bytes());
    distance[11..14].copy_from_slice(&[127, 128, 127]);
    // The result has eight bits of fraction before it is requantised.
    let results = block((RATIO * f64::from(1 << 22)) as u32, 22 + 8);
    [block(SCORE_MULTIPLIER, SCORE_SHIFT), results, leaves(&table), vec![distance, [1; LANES]]].concat()
}

fn text() -> Vec<Leaf> {
    let mut text = Text::default();
    for (row, value) in [(TWO, 1 << 30), (LINE, 1_515_870_810)] {
        text.push(Fill { lp: counts(1, 1), d: rows(row, 0, 0, 0), imm: value, space: true });
    }
    first(&mut text);
    for (register, value) in
        [(NEXT, ROWS), (FROM, 3 * ROWS), (TURN, 2 * ROWS), (LAST, ROWS * (HEADS - 1)), (DONE, ROWS * HEADS)]
    {
        text.set(register, value);
    }
    let head = text.here();
    for item in 0..ITEMS {
        load(&mut text, item);
        if item == 0 {
            // Block by block, since those of the first head come one after another.
            (0..ITEMS).for_each(|block| sums(&mut text, item, (block, 1)));
        } else {
            sums(&mut text, item, (0, ITEMS));
        }
        let [no_weights, no_scores] = [(); 2].map(|()| text.label());
        if item + 1 == ITEMS {
            text.if_equal(TO, LAST, no_weights);
        }
        weights(&mut text, (item + 1) % 2);
        text.place(no_weights);
        // The scores of the item after the next: there is room for two, and the vectors below must not hold them up.
        let (of, later) = if item + 2 < ITEMS { (HERE, item + 2) } else { (NEXT, item + 2 - ITEMS) };
        if of == NEXT {
            text.if_equal(TO, LAST, no_scores);
        }
        scores(&mut text, (later, item % 2), of, (0, PLANES));
        text.place(no_scores);
        result(&mut text, item);
    }
    text.copy(HERE, NEXT);
    text.wrap(NEXT, ROWS, TURN);
    text.add(FROM, 3 * ROWS);
    text.add(TO, ROWS);
    text.unless_equal(TO, DONE, head);
    text.finish()
}

/// The first head's loads, the scores of its first two items and the weights of the first.
fn first(text: &mut Text) {
    for plane in 0..PLANES {
        // Scores begin with the first plane of the first item.
        part(text, QUERIES, ROWS, plane * LANES, LANES);
        part(text, KEYS, 0, plane * TOKENS, TOKENS);
        scores(text, (0, 0), HERE, (plane, 1));
    }
    text.load(Subtree::Const, counts(26, 1), rows(PARAMETERS, 0, 1, 0), wide(0, 0, 1, 0));
    part(text, QUERIES, ROWS, ITEM, ITEM);
    let values = |text: &mut Text, block: usize| part(text, VALUES, 2 * ROWS, block * CHANNELS, CHANNELS);
    (0..2).for_each(|block| values(text, block));
    scores(text, (1, 1), HERE, (0, PLANES));
    weights(text, 0);
    (2..ITEMS).for_each(|block| values(text, block));
    (2..ITEMS).for_each(|item| part(text, QUERIES, ROWS, item * ITEM, ITEM));
}

/// With an item a part of the next head: all at once would fill the table of instructions in flight.
fn load(text: &mut Text, item: usize) {
    // What is needed first comes apart, so that it is not waited for with the rest.
    let parts: &[(usize, usize, usize)] = match item {
        0 => &[(KEYS, 0, ROWS)],
        1 => &[(QUERIES, 0, ITEM), (QUERIES, ITEM, ROWS - ITEM)],
        2 => &[(VALUES, 0, ROWS / 2), (VALUES, ROWS / 2, ROWS / 2)],
        _ => return,
    };
    let loaded = text.label();
    text.if_equal(TO, LAST, loaded);
    for &(place, at, count) in parts {
        text.load(Subtree::Input, counts(count, 1), rows(place + at, NEXT, 1, 0), wide(item * ROWS + at, FROM, 1, 0));
    }
    text.place(loaded);
}

/// Loads rows of a part of the first head, which begins at row `from`.
fn part(text: &mut Text, base: usize, from: usize, at: usize, count: usize) {
    text.load(Subtree::Input, counts(count, 1), rows(base + at, 0, 1, 0), wide(from + at, 0, 1, 0));
}

/// Products of all keys of a head with an item's queries, over some planes.
fn scores(text: &mut Text, (item, parity): (usize, usize), head: Reg, (plane, count): (usize, usize)) {
    text.matmul(Matmul {
        lp: counts(TOKENS, 1),
        d: rows(S[parity], 0, 1, 0),
        a: rows(KEYS + plane * TOKENS, head, 1, 0),
        a_sk: TOKENS as i16,
        w_base: (QUERIES + item * ITEM + plane * LANES) as u32,
        w_reg: head,
        w_sk: LANES as i16,
        n: 32,
        k: 32,
        kt: count as u16,
        acc: plane > 0,
        tr: true,
    });
}

/// Scores to bytes, to distances to the largest, to weights; their sum.
fn weights(text: &mut Text, parity: usize) {
    let all = counts(TOKENS, 1);
    let [bytes, weights] = [SCORES[parity], WEIGHTS[parity]].map(|base| rows(base, 0, 1, 0));
    let largest = rows(LARGEST, 0, 0, 0);
    text.requant(all, bytes, rows(S[parity], 0, 1, 0), rows(PARAMETERS, 0, 0, 0), 0);
    text.push(Maxq { lp: counts(1, 1), d: largest, a: bytes, a_sk: 1, kt: TOKENS as u16, acc: false });
    text.push(Addq { lp: all, d: bytes, a: bytes, b: largest, n: 32, p_base: DISTANCE as u32, p_reg: 0 });
    text.push(Lut { lp: all, d: weights, a: bytes, b: rows(TABLE, 0, 0, 0), n: 32 });
    text.push(Dwmac {
        lp: counts(1, 1),
        d: rows(SUM[parity], 0, 0, 0),
        a: weights,
        a_sk: 1,
        w_base: ONES as u32,
        w_sk: 0,
        n: 32,
        kt: TOKENS as u16,
        ..Dwmac::default()
    });
}

/// The weighted sums of values, over some blocks of tokens.
fn sums(text: &mut Text, item: usize, (block, count): (usize, usize)) {
    let parity = item % 2;
    text.matmul(Matmul {
        lp: counts(CHANNELS, 1),
        d: rows(O[parity], 0, 1, 0),
        a: rows(VALUES + block * CHANNELS, HERE, 1, 0),
        a_sk: CHANNELS as i16,
        w_base: (WEIGHTS[parity] + block * LANES) as u32,
        w_sk: 32,
        n: 32,
        k: 32,
        kt: count as u16,
        acc: block > 0,
        ..Matmul::default()
    });
}

/// The weighted sums over the sums of weights, as bytes, transposed and stored.
fn result(text: &mut Text, item: usize) {
    let parity = item % 2;
    reciprocal(text, SUM[parity]);
    let (all, sums, bytes) = (counts(CHANNELS, 1), rows(O[parity], 0, 1, 0), rows(BYTES[parity], 0, 1, 0));
    let y = rows(Y, 0, 0, 0);
    text.push(Vmulr { lp: all, d: sums, a: sums, b: y, n: 32, form: form::ROW32, shift: 20 });
    text.requant(all, bytes, sums, rows(RESULT_BLOCK, 0, 0, 0), 0);
    let tiles = counts(LANES, PLANES);
    let place = rows(RESULTS[parity], 0, 1, LANES);
    text.push(Trans { lp: tiles, d: place, a: rows(BYTES[parity], 0, 0, LANES), n: 32 });
    text.store(tiles, place, wide(item * LANES, TO, 1, TOKENS));
}

/// Y = 2^28 / sum for sums from 127 to 127 · 128, by two rounds of Newton.
fn reciprocal(text: &mut Text, sum: usize) {
    let (lp, n) = (counts(1, 1), 32);
    let at = |row: usize| rows(row, 0, 0, 0);
    let product =
        |d: usize, a: usize, b: isa::Operand, form: u8, shift: u8| Vmulr { lp, d: at(d), a: at(a), b, n, form, shift };
    let less = |d: usize, a: usize, b: usize| Vsub { lp, d: at(d), a: at(a), b: at(b), n, form: form::ROW32 };
    let shifted =
        |d: usize, a: usize, shift: u8| Vshr { lp, d: at(d), a: at(a), b: at(SHIFT), n, form: form::ROW32, shift };
    text.push(Vclz { lp, d: at(CLZ), a: at(sum), n });
    text.push(less(SHIFT, ZERO, CLZ));
    // The sum in 2^30..2^31, its leading bit in place: x in ½..1. The best line through 1/x, then y·(2 − x·y) twice.
    text.push(shifted(M, sum, 1));
    text.push(product(T, M, rows(493_447, 0, 0, 0), form::ADDRESS, 20));
    text.push(less(Y, LINE, T));
    for _ in 0..2 {
        text.push(product(T, M, at(Y), form::ROW32, 31));
        text.push(less(T, TWO, T));
        text.push(product(Y, Y, at(T), form::ROW32, 29));
    }
    text.push(shifted(Y, Y, 33));
}
